"""What an answer over the web means for a message (reliability, section 2.4), whoever gave it."""

import json
import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from typing import Any

from coopflow.channels.web import Answer
from coopflow.core.deliveries import Deferred, Delivery, Unavailable, Unknown

LONGEST_WAIT = timedelta(hours=24)  # that another side may ask for
LONGEST_EXCERPT = 120  # characters of an answer that are kept
MOST_DIGITS = 5  # in a row; more may be a phone number, and none belongs into the audit trail

OUR_FAULT = {  # statuses that say the same of every message until a person has changed something
    401: "the user, password or token is not right",
    402: "the account has no credit",
    403: "this account may not do that",
    404: "there is nothing at this address",
    405: "this method is not for that address",
    407: "a proxy wants a password",
    410: "there is nothing at this address any more",
}

_ADDRESS = re.compile(r"(?<![^\s@])[^@\s]++@[^@\s]++")  # looked for once in each word, and not at each of its letters


def by_status(answer: Answer, *, who: str, at: datetime, key: str) -> Delivery | None:
    """What the status alone says; None for 2xx and for what was looked at and refused (4xx): the body says more."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return Unavailable(f"{who} answered {status}, a redirect, which is not followed; write the true address", True)
    if status in OUR_FAULT:
        return Unavailable(f"{who} answered {status}: {OUR_FAULT[status]}", True)
    if status == 429:
        return Deferred(f"{who} answered 429: too many at once", retry_after(answer, at=at, key=key))
    if status == 408 or not 400 <= status < 500:
        return Unknown(f"{who} answered {status}, which leaves open whether it was taken")
    return None


def retry_after(answer: Answer, *, at: datetime, key: str) -> timedelta | None:
    """How long the other side asks to wait, in seconds or until a date, and up to a tenth more; None: it does not say.

    The part that is more comes from the message's key, so that many do not come back in one moment.
    """
    said = answer.headers.get("retry-after", "").strip()
    wait = _seconds(said) if said.isascii() and said.isdigit() else _until(said, at)
    if wait is None:
        return None
    wait = min(max(wait, timedelta()), LONGEST_WAIT)
    share = int.from_bytes(blake2b(key.encode(), digest_size=2).digest()) / 65_535
    return min(wait + timedelta(seconds=round(wait.total_seconds() / 10 * share)), LONGEST_WAIT)


def _seconds(said: str) -> timedelta:
    return timedelta(seconds=int(said)) if len(said) < 10 else LONGEST_WAIT


def _until(said: str, at: datetime) -> timedelta | None:
    try:
        date = parsedate_to_datetime(said)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)) - at
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def read_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object that an answer holds; None: it holds none."""
    try:
        found = json.loads(body.decode("utf-8"), parse_constant=_no_number)
        json.dumps(
            found, ensure_ascii=False, allow_nan=False
        ).encode()  # half a character, or a number without end, can be written down nowhere
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def excerpt(body: bytes, secrets: Collection[str] = ()) -> str:
    """What another side said, short enough and clean enough for the audit trail: no number, no secret, one line."""
    text = " ".join(re.sub(r"<[^>]*>", " ", body[:4096].decode("utf-8", errors="replace")).split())
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    text = re.sub(rf"[+(]?\d(?:[\s().-]{{0,3}}\d){{{MOST_DIGITS},}}", "…", text)
    text = _ADDRESS.sub("…", text)
    return "".join(char for char in text if char.isprintable())[:LONGEST_EXCERPT].strip()
