"""Mails that say that a mail did not arrive: by the standard (RFC 3464), or as flufl.bounce knows them."""

import logging
import re
from email.message import Message

from coopflow.core.incoming import Failure, Fate
from coopflow.inbox.mail_text import clean, decoded, inner_parts, leaves

LONGEST_SEARCHED = 200_000  # characters in which the returned mail's Message-ID is looked for
LONGEST_REASON = 200
MOST_FAILURES = 20

_ADDRESS = re.compile(r"<?[^\s<>@:;,]+@[^\s<>@:;,]+>?")
_MESSAGE_ID = re.compile(r"^\s*Message-ID:\s*(<[^<>\s]{1,250}>)", re.IGNORECASE | re.MULTILINE)
_DAEMON = re.compile(r"(mailer-daemon|postmaster|mail-daemon|mailerdaemon)\b", re.IGNORECASE)
_STATUS = re.compile(r"\b([245])\.\d{1,3}\.\d{1,3}\b")


def without_addresses(text: str) -> str:
    """A server's words, fit for the record: reasons name nobody."""
    return " ".join(_ADDRESS.sub("…", clean(text, 1_000)).split())[:LONGEST_REASON].strip()


def looks_like_a_bounce(message: Message, sender: str) -> bool:
    """Whether it is worth a closer look: a delivery report, or a mail that nobody sent."""
    if message.get_content_type() == "multipart/report":
        return str(message.get_param("report-type", "")).lower() in ("delivery-status", "")
    return message.get("Return-Path", "").strip() == "<>" or _DAEMON.match(sender) is not None


def failures_in(message: Message) -> tuple[Failure, ...]:
    """The recipients that it says were not reached; none: it is no such mail, or speaks of success."""
    blocks = [block for part in leaves(message) for block in _blocks(part)]
    told = tuple(found for block in blocks if (found := _failure(block)) is not None)[:MOST_FAILURES]
    return told if told or any("action" in block for block in blocks) else _by_custom(message)


def messages_in(message: Message) -> tuple[str, ...]:
    """The Message-IDs of what came back: of the returned mail or its headers, else wherever one is quoted."""
    found = [named for part in leaves(message) for named in _returned(part)]
    if not found:
        texts = [decoded(part) for part in leaves(message) if part.get_content_maintype() == "text"]
        found = _MESSAGE_ID.findall("\n".join(texts)[:LONGEST_SEARCHED])
    return tuple(dict.fromkeys(found))[:MOST_FAILURES]


def _blocks(part: Message) -> list[Message]:
    """The groups of fields of a delivery status: one about the message, and one for each recipient."""
    return inner_parts(part) if part.get_content_type() == "message/delivery-status" else []


def _failure(block: Message) -> Failure | None:
    action = block.get("Action", "").strip().lower()
    status, diagnostic = block.get("Status", "").strip(), block.get("Diagnostic-Code", "")
    fate = _fate(action, f"{status} {diagnostic}")
    if fate is None:
        return None
    words = re.sub(r"^\s*\w+\s*;", "", diagnostic)
    reason = words if status and status in words else f"{status} {words}"
    return Failure(recipient=_recipient(block), fate=fate, reason=without_addresses(reason) or "it does not say why")


def _fate(action: str, codes: str) -> Fate | None:
    if action.startswith("delayed"):
        return Fate.DELAYED
    if not action.startswith(("fail", "error")):
        return None
    code = _STATUS.search(codes)
    return Fate.PASSING if code is not None and code[1] == "4" else Fate.PERMANENT


def _recipient(block: Message) -> str | None:
    for name in ("Original-Recipient", "Final-Recipient"):
        address = block.get(name, "").partition(";")[2].strip().strip("<>")
        if "@" in address:
            return clean(address, 320).lower()
    return None


def _returned(part: Message) -> list[str]:
    if part.get_content_type() == "message/rfc822":
        return [named for mail in inner_parts(part) for named in _MESSAGE_ID.findall(_named(mail))]
    if part.get_content_type() == "text/rfc822-headers":
        return _MESSAGE_ID.findall(decoded(part)[:LONGEST_SEARCHED])
    envelopes = [block.get("Original-Envelope-Id", "").strip().strip("<>") for block in _blocks(part)]
    return [f"<{clean(envelope, 250)}>" for envelope in envelopes if envelope]


def _named(mail: Message) -> str:
    return f"Message-ID: {mail.get('Message-ID', '')}"


def _by_custom(message: Message) -> tuple[Failure, ...]:
    from flufl.bounce import all_failures

    logging.getLogger("flufl.bounce").addHandler(logging.NullHandler())  # else its tracebacks end up in cron's mail
    try:
        temporary, permanent = all_failures(message)
    except (ValueError, LookupError, TypeError, AttributeError):  # it takes a mail to be whole once it knows its kind
        return ()
    why = "the mail server sent it back"
    return (
        *(_told(address, Fate.PERMANENT, why) for address in sorted(permanent)),
        *(_told(address, Fate.DELAYED, "it is not there yet") for address in sorted(temporary - permanent)),
    )[:MOST_FAILURES]


def _told(address: bytes, fate: Fate, reason: str) -> Failure:
    return Failure(recipient=clean(address.decode("ascii", "replace"), 320).lower(), fate=fate, reason=reason)
