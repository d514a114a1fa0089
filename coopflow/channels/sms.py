"""A text message as it must be before it may leave: checked, counted, written down."""

import re

from coopflow.channels.addresses import require_number
from coopflow.channels.base import KEY, Message, MessageRefused, require_words
from coopflow.core.audit import canonical_json
from coopflow.core.instants import format_instant
from coopflow.core.segments import sms_segments

TEXT_LIMIT = 1600  # characters; gateways take no more in one text

_CREATED = re.compile(rb'\A\{"created":"[^"]*",')  # the first key, as keys are sorted


def require_text(message: Message) -> tuple[str, str]:
    """The number and the words of a text; raise MessageRefused for one that no gateway could take."""
    if message.channel != "sms":
        raise ValueError(f"a message for the channel {message.channel} was handed to sms")
    if not KEY.fullmatch(message.key):
        raise MessageRefused("the message's key is none of ours")
    text = require_words(message.text)
    if len(text) > TEXT_LIMIT:
        raise MessageRefused(f"a text has at most {TEXT_LIMIT} characters, this one has {len(text)}")
    try:
        return require_number(message.to), text
    except ValueError as error:
        raise MessageRefused(str(error)) from None


def build_text(message: Message) -> bytes:
    """Write a text as canonical JSON with a line end; raise MessageRefused for one that no gateway could take."""
    to, text = require_text(message)
    content = {
        "created": format_instant(message.at),
        "family_id": message.family_id,
        "instance_id": message.instance_id,
        "key": message.key,
        "message_id": message.message_id,
        "segments": sms_segments(text),
        "text": text,
        "to": to,
    }
    return canonical_json(content).encode() + b"\n"


def undated_text(written: bytes) -> bytes:
    """Answer with all that must not change between two attempts at one text."""
    return _CREATED.sub(b"{", written)
