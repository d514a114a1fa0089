"""What gateways say through a web hook: a text that came in, or what became of one that left.

JSON or a form, with the names that Twilio and Kannel use and the plain ones of a script of one's own.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from msgspec import Struct

from coopflow.channels.addresses import check_phone, require_number
from coopflow.core.incoming import Delivery, Incoming, ItemKind
from coopflow.core.stop_words import asks_to_start, asks_to_stop
from coopflow.inbox.bounces import without_addresses
from coopflow.inbox.mail_text import LONGEST_ANSWER, clean
from coopflow.intake.fields import moment
from coopflow.intake.json_text import StrictJson
from coopflow.intake.unfit import Unfit

MOST_FIELDS = 200
LONGEST_ID = 200

FIELDS: Mapping[str, tuple[str, ...]] = {  # what we call it → what it may be called, in small letters
    "id": ("id", "messagesid", "smssid", "smsmessagesid", "message_id", "messageid", "smsid"),
    "from": ("from", "sender", "msisdn", "source"),
    "text": ("text", "body", "message", "content"),
    "status": ("messagestatus", "status", "delivery", "type", "dlr", "smsstatus"),
    "reason": ("errormessage", "error", "reason", "reply", "errorcode"),
    "at": ("at", "timestamp", "time"),
}
_SAID_AS: Mapping[Delivery, str] = {  # Twilio's words, those of SMPP, and the numbers of Kannel
    Delivery.QUEUED: "queued accepted scheduled sending buffered 4",
    Delivery.SENT: "sent submitted 8",
    Delivery.DELIVERED: "delivered delivrd read 1",
    Delivery.UNDELIVERED: "undelivered undeliv failed rejected rejectd expired canceled cancelled deleted error 2 16",
}
STATUSES: Mapping[str, Delivery] = {word: status for status, words in _SAID_AS.items() for word in words.split()}
_REASONS: Mapping[str, str] = {  # Twilio's commonest codes, in words
    "30003": "30003: the phone is off or out of reach",
    "30004": "30004: the phone refuses messages",
    "30005": "30005: the number does not exist any more",
    "30006": "30006: a landline, or a network that takes no texts",
    "30007": "30007: the network took it for spam",
    "30008": "30008: no reason was given",
}
FOR_GOOD = ("30005", "30006")  # with these a number will never take a text
_NOT_A_STATUS = frozenset({"received", "sms", "text"})  # Twilio says so of a text that came in


class Callback(Struct, frozen=True, kw_only=True):
    """One call of a web hook, read."""

    item: Incoming
    provider_id: str | None  # None: the gateway gave none


def read_callback(content: bytes, *, kind: str | None, region: str | None, now: datetime) -> Callback:
    """A text that came in, or a report; `kind` says which, else its fields do. Raise Unfit, a sentence."""
    fields = _fields(content)
    status = _status(fields)
    if kind is None:
        kind = "sms" if status is None and fields.get("text") is not None else "report"
    if kind == "report":
        return _report(fields, status, now=now)
    return _text(fields, region, now=now)


def _report(fields: Mapping[str, str], status: Delivery | None, *, now: datetime) -> Callback:
    reference = fields.get("id")
    if not reference:
        raise Unfit("a delivery report needs the id of its message", hint=f": {_names('id')}")
    if status is None:
        found = fields.get("status")
        raise Unfit(
            "a delivery report needs a status that is known here",
            hint=f": {', '.join(STATUSES)}" + (f"; it says '{clean(found, 40)}'" if found else ""),
        )
    reason = without_addresses(fields.get("reason", ""))
    item = Incoming(
        kind=ItemKind.REPORT,
        channel="sms",
        reference=reference,
        delivery=status,
        reason=_REASONS.get(reason, reason),
        permanent=reason in FOR_GOOD,
        at=_at(fields, now),
    )
    return Callback(item=item, provider_id=f"{reference}:{status}")


def _text(fields: Mapping[str, str], region: str | None, *, now: datetime) -> Callback:
    if "from" not in fields or "text" not in fields:
        missing = "from" if "from" not in fields else "text"
        raise Unfit("a text that came in needs its sender and its words", hint=f"; missing: {_names(missing)}")
    words = clean(fields["text"], LONGEST_ANSWER).strip()
    kind = ItemKind.STOP if asks_to_stop(words) else ItemKind.START if asks_to_start(words) else ItemKind.REPLY
    item = Incoming(kind=kind, channel="sms", sender=number(fields["from"], region), text=words, at=_at(fields, now))
    return Callback(item=item, provider_id=fields.get("id"))


def number(text: str, region: str | None) -> str | None:
    """A number as the database has it; a form turns the `+` in front into a blank. None: no number that can call."""
    digits = re.sub(r"[^0-9]", "", text)
    plain = text.strip()
    try:
        if plain.startswith("+") or text.startswith(" "):
            return require_number(f"+{digits}")
        if plain.startswith("00"):
            return require_number(f"+{digits[2:]}")
        if region is not None:
            try:
                return check_phone(plain, region)
            except ValueError:
                pass  # with its country code, and without `+`
        return require_number(f"+{digits}") if plain.isdigit() else None
    except ValueError:
        return None


def _fields(content: bytes) -> dict[str, str]:
    """The fields by our own names; the first of several names that is there counts."""
    try:
        text = content.decode("utf-8-sig").strip("\r\n\0")
    except UnicodeDecodeError:
        raise Unfit("it is not text in UTF-8") from None
    given = _from_json(text) if text.lstrip().startswith(("{", "[")) else _from_form(text)
    small = {name.lower(): value for name, value in reversed(given.items())}
    found = {own: next((small[name] for name in names if name in small), None) for own, names in FIELDS.items()}
    fields = {own: value for own, value in found.items() if value is not None}
    if not fields:
        raise Unfit("there is nothing in it that is known here", hint=f": {_names('id')}, {_names('from')} …")
    if len(fields.get("id", "")) > LONGEST_ID:
        raise Unfit(f"its id is longer than {LONGEST_ID} characters")
    return fields


def _from_json(text: str) -> dict[str, str]:
    value = StrictJson().read(text)
    if not isinstance(value, dict):
        raise Unfit("it is not one JSON object")
    return {name: _plain(inner) for name, inner in value.items() if isinstance(inner, str | int | float)}


def _plain(value: Any) -> str:
    return str(value)


def _from_form(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Unfit(f"it is a form of more than {MOST_FIELDS} fields") from None
    if not pairs:
        raise Unfit("it is neither JSON nor a form, as in from=%2B12125550142&text=Yes&id=17")
    return {name: clean(value, 100_000) for name, value in reversed(pairs)}


def _status(fields: Mapping[str, str]) -> Delivery | None:
    word = fields.get("status", "").strip().lower()
    return None if word in _NOT_A_STATUS else STATUSES.get(word)


def _at(fields: Mapping[str, str], now: datetime) -> datetime | None:
    """When it happened, where that is said as an instant, and can be."""
    try:
        return min(moment(fields.get("at")), now)
    except Unfit:
        return None


def _names(own: str) -> str:
    return " or ".join(FIELDS[own][:2])
