"""The frozen request of a step that asks a program elsewhere, as its message carries it."""

import json
from collections.abc import Mapping
from typing import Any

from coopflow.channels.base import KEY, Message
from coopflow.core.audit import canonical_json
from coopflow.core.instants import format_instant

Asked = Mapping[str, Any]


def read_request(message: Message, channel: str) -> Asked:
    """What is asked, and how."""
    if message.channel != channel or not KEY.fullmatch(message.key):
        raise ValueError(f"a message for the channel {message.channel} was handed to {channel}")
    asked: Asked = json.loads(message.text)
    return asked


def key_of(message: Message) -> str:
    """What the other side may tell a repetition by: the same for every attempt at one visit of one step."""
    return message.message_id.strip("<>")


def build_request(message: Message) -> bytes:
    """Write a request as canonical JSON with a line end, for the outbox."""
    content = {
        "created": format_instant(message.at),
        "idempotency_key": key_of(message),
        "key": message.key,
        "request": read_request(message, message.channel),
        "to": message.to,
    }
    return canonical_json(content).encode() + b"\n"
