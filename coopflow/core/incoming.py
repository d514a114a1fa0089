"""What comes in from outside, as values: an answer, a mail that came back, a report of a text's delivery."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct


class ItemKind(StrEnum):
    """What kind of thing came in."""

    REPLY = "reply"  # somebody wrote
    AUTOMATIC = "automatic"  # their machine did: a vacation notice, a newsletter
    STOP = "stop"  # they do not want to be written to
    START = "start"  # they want to be written to again
    BOUNCE = "bounce"  # a mail came back, or is late
    REPORT = "report"  # a gateway says what became of a text
    OTHER = "other"  # a receipt, or a mail of our own
    UNREADABLE = "unreadable"


class ItemStatus(StrEnum):
    """What became of it."""

    MATCHED = "matched"  # it belongs to a family
    UNMATCHED = "unmatched"  # a person must say whose it is
    IGNORED = "ignored"  # it concerns nobody


class Fate(StrEnum):
    """What a mail server says of a mail that it could not deliver at once."""

    PERMANENT = "permanent"  # it came back, and the address does not work
    PASSING = "passing"  # it came back, for a reason that will pass: the mailbox is full
    DELAYED = "delayed"  # it is not there yet; the server goes on trying


class Delivery(StrEnum):
    """What a gateway says of a text, from the first word to the last."""

    QUEUED = "queued"
    SENT = "sent"
    UNDELIVERED = "undelivered"
    DELIVERED = "delivered"


_ORDER = tuple(Delivery)


def says_more(report: Delivery, known: str | None) -> bool:
    """Whether a report adds to what is known: reports come more than once, and in any order."""
    return known not in _ORDER or _ORDER.index(report) > _ORDER.index(Delivery(known))


class Failure(Struct, frozen=True, kw_only=True):
    """One recipient whom a mail did not reach."""

    recipient: str | None
    fate: Fate
    reason: str  # in the server's words, without addresses


class Incoming(Struct, frozen=True, kw_only=True):
    """One thing that came in, read and judged, and not matched with anything yet."""

    kind: ItemKind
    channel: str  # email | sms
    sender: str | None = None  # an address, or a number in E.164
    subject: str | None = None
    text: str = ""  # without what it quotes
    mail_id: str | None = None  # its own Message-ID
    answers: tuple[str, ...] = ()  # Message-IDs of what it speaks of, the nearest first
    addressed: tuple[str, ...] = ()  # whom it was sent to
    failures: tuple[Failure, ...] = ()  # of a bounce
    reference: str | None = None  # of a report: the gateway's id of the message, or ours
    delivery: Delivery | None = None  # of a report
    permanent: bool = False  # of a report: the number will never take a text
    reason: str = ""  # why it cannot be read, why a text was not delivered
    at: datetime | None = None  # when it came in; None: nobody says


class Sent(Struct, frozen=True, kw_only=True):
    """A message that left, as the ledger has it."""

    execution_id: int
    instance_id: int
    family_id: str
    branch: str
    step_id: str
    visit: int
    channel: str
    message_id: str
    to: str | None
    output: Mapping[str, Any]
    accepted: bool  # the other side took it; else nobody knows, or it was refused
