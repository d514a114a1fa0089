"""Mails a digest to a coordinator: once a day, however often it is asked for.

What is sent to staff is not part of any family's workflow: no window, no cap, no rest. That it is about to leave is on
record before it does, so that a second one on the same day, beside this one or after a crash, finds it and keeps still.
"""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import assert_never

from msgspec import Struct

from coopflow.channels.base import Channel
from coopflow.core.case import ENGINE
from coopflow.core.deliveries import Accepted, Deferred, Delivery, Refused, Unavailable, Unknown, Withdrawn
from coopflow.core.model import Event, Message
from coopflow.errors import CoopflowError, Temporary
from coopflow.store.digests import keep_mail
from coopflow.store.meta import find_meta, write_meta
from coopflow.store.store import Store

SENDING, SENT = "sending", "sent"


class Letter(Struct, frozen=True, kw_only=True):
    """A digest in its final words."""

    day: date  # on the co-op's calendar
    coordinator: str
    to: str
    subject: str
    text: str


def send_digest(store: Store, channel: Channel, letter: Letter, *, domain: str, now: datetime) -> str | None:
    """Hand a digest over; answer with what the other side calls it, or None where today's has left already."""
    message = _message(store, letter, domain, now)
    if not _claim(store, letter, message):
        return None
    fate = channel.deliver(message, lambda: True)
    return _settle(store, letter, fate, now=now)


def _key(letter: Letter) -> str:
    return f"digest:{letter.coordinator}"


def _claim(store: Store, letter: Letter, message: Message) -> bool:
    """Say that today's is about to leave; False: it has left. What a crash left open is a matter for a person."""
    day = letter.day.isoformat()
    with store.transaction():
        found = find_meta(store.db, _key(letter))
        if found == f"{day} {SENT}":
            return False
        if found == f"{day} {SENDING}":
            raise CoopflowError(
                f"the digest of {day} for {letter.coordinator} was handed over once, and nobody knows whether it left;"
                " the next one leaves tomorrow. To read it here: coopflow digest"
            )
        write_meta(store.db, _key(letter), f"{day} {SENDING}")
        keep_mail(store.db, letter.coordinator, message.message_id)
    return True


def _message(store: Store, letter: Letter, domain: str, now: datetime) -> Message:
    origin = f"{store.database_id}/digest/{letter.day.isoformat()}/{letter.coordinator}/{now.isoformat()}"
    name = hashlib.blake2b(origin.encode(), digest_size=16).hexdigest()
    return Message(
        channel="email",
        to=letter.to,
        subject=letter.subject,
        text=letter.text,
        key=name,
        message_id=f"<{name}@{domain}>",
        at=now,
    )


def _settle(store: Store, letter: Letter, fate: Delivery, *, now: datetime) -> str:
    match fate:
        case Accepted(reference):
            _record(store, letter, "digest.sent", SENT, {"reference": reference} if reference else {}, now=now)
            return reference or "accepted"
        case Unknown(reason):
            _record(store, letter, "digest.failed", SENDING, {"reason": reason}, now=now)
            raise CoopflowError(f"it is not known whether the digest for {letter.coordinator} left: {reason}")
        case Deferred(reason) | Unavailable(reason):
            _record(store, letter, "digest.failed", None, {"reason": reason}, now=now)
            raise Temporary(f"the digest for {letter.coordinator} could not leave: {reason}; it may be sent again")
        case Refused(reason):
            _record(store, letter, "digest.failed", None, {"reason": reason}, now=now)
            raise CoopflowError(f"the digest for {letter.coordinator} was refused: {reason}")
        case Withdrawn():
            raise AssertionError("nobody withdraws a digest")
        case _:
            assert_never(fate)


def _record(
    store: Store, letter: Letter, kind: str, state: str | None, more: Mapping[str, str], *, now: datetime
) -> None:
    day = letter.day.isoformat()
    data = {"day": day, "coordinator": letter.coordinator, **more}
    with store.transaction():
        write_meta(store.db, _key(letter), f"{day} {state}" if state else "")
        store.log([Event(at=now, kind=kind, actor=ENGINE, data=data)])
