"""Reads a mail: who wrote it, what it answers, and what it is: an answer, a machine's, an opt-out, a bounce.

Everything in it was written by somebody else. So nothing is believed to be well formed, everything has a bound, and
what cannot be read is said so instead of raised.
"""

import re
from collections.abc import Mapping
from email.errors import MessageError
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.policy import Compat32

from coopflow.channels.addresses import require_mailbox
from coopflow.core.automatic import written_by_a_machine
from coopflow.core.incoming import Incoming, ItemKind
from coopflow.core.stop_words import asks_to_start, asks_to_stop
from coopflow.inbox.bounces import failures_in, looks_like_a_bounce, messages_in
from coopflow.inbox.mail_text import clean, words_of

LONGEST_HEAD = 64_000  # bytes of headers that are read
LONGEST_BOUNCE = 100_000  # bytes of a mail that came back: what is said of it comes before the mail itself
LONGEST_HEADER = 2_000  # characters of one
MOST_BOUNDARIES = 30  # a mail with more is not taken apart: each level costs as much as the whole mail
MOST_NAMED = 50  # Message-IDs that it refers to

_NAMED = re.compile(r"<[^<>\s]{1,250}>")
_RECIPIENTS = ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to")
_RE = re.compile(r"^\s*((re|aw|sv|antw|rv|tr|fw|fwd|wg)\s*:\s*)+", re.IGNORECASE)


def read_mail(content: bytes) -> Incoming:
    """What a mail is, by itself: whose it is, is another question."""
    message = _parsed(content)
    head = _headers(message)
    sender = _sender(message)
    read = _Reading(message, head, sender)
    daemon = sender or head.get("from", "").strip(" <\"'")
    if looks_like_a_bounce(message, daemon):
        returned = _parsed(content[:LONGEST_BOUNCE])
        if failures := failures_in(returned):
            return read.as_(ItemKind.BOUNCE, answers=messages_in(returned), failures=failures)
    if message.get_content_type() == "multipart/report":
        return read.as_(ItemKind.OTHER, reason="a receipt")
    words = words_of(message)
    if written_by_a_machine(head):
        return read.as_(ItemKind.AUTOMATIC, text=words)
    return read.as_(_said(words, head.get("subject", "")), text=words)


def _said(words: str, subject: str) -> ItemKind:
    plain = _RE.sub("", subject)
    if asks_to_stop(words) or asks_to_stop(plain):  # the second is what a link to unsubscribe writes
        return ItemKind.STOP
    return ItemKind.START if asks_to_start(words) else ItemKind.REPLY


class _Reading:
    """A mail's head, ready to be joined with what the mail turned out to be."""

    def __init__(self, message: Message, head: Mapping[str, str], sender: str | None) -> None:
        named = _NAMED.findall(head.get("in-reply-to", "")) + _NAMED.findall(head.get("references", ""))[::-1]
        own = _NAMED.search(head.get("message-id", ""))
        self._common = {
            "channel": "email",
            "sender": sender,
            "subject": head.get("subject"),
            "mail_id": own[0] if own else None,
            "answers": tuple(dict.fromkeys(named))[:MOST_NAMED],
            "addressed": tuple(
                clean(str(value), LONGEST_HEADER) for name in _RECIPIENTS for value in (message.get_all(name) or ())[:5]
            ),
        }

    def as_(self, kind: ItemKind, **more: object) -> Incoming:
        return Incoming(kind=kind, **{**self._common, **more})  # type: ignore[arg-type]


class _AsText(Compat32):
    """Headers are text, whatever bytes they hold; the standard library makes an object of one that is not ASCII."""

    def header_fetch_parse(self, name: str, value: str) -> str:  # noqa: ARG002 - as the standard library calls it
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


_AS_TEXT = _AsText()


def _parsed(content: bytes) -> Message:
    """The mail's parts; of one that is too deep or too broken to be taken apart, the headers only."""
    head, blank, body = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    whole = head[:LONGEST_HEAD] + blank + body
    if whole.lower().count(b"boundary") > MOST_BOUNDARIES:
        return BytesHeaderParser(policy=_AS_TEXT).parsebytes(whole)
    try:
        return BytesParser(policy=_AS_TEXT).parsebytes(whole)
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):
        return BytesHeaderParser(policy=_AS_TEXT).parsebytes(head[:LONGEST_HEAD])


def _headers(message: Message) -> dict[str, str]:
    """The first header of each name, in small letters, decoded and bounded."""
    found: dict[str, str] = {}
    for name, value in message.items()[:1_000]:
        found.setdefault(name.lower(), str(value)[:LONGEST_HEADER])
    decoded = {name: _decoded(found[name]) for name in ("subject", "from") if name in found}
    return {name: clean(value, LONGEST_HEADER) for name, value in found.items()} | decoded


def _decoded(value: str) -> str:
    from email.header import decode_header, make_header

    unfolded = " ".join(value.split())
    try:
        return clean(str(make_header(decode_header(unfolded))), LONGEST_HEADER)
    except (MessageError, ValueError, LookupError, TypeError):  # not what it says it is
        return clean(unfolded, LONGEST_HEADER)


def _sender(message: Message) -> str | None:
    """The one address that it comes from, as it stands: an address that is encoded is none."""
    from email.utils import getaddresses

    written = " ".join(str(message.get("From", ""))[:LONGEST_HEADER].split())
    found = [address for _, address in getaddresses([written]) if address]
    try:
        return require_mailbox(found[0]).lower() if len(found) == 1 else None
    except ValueError:
        return None
