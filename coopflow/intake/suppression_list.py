"""A list of addresses that have opted out, as another mailer or gateway keeps it: all of it goes in, or nothing."""

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from datetime import date, datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from coopflow.channels.addresses import check_email, check_phone
from coopflow.core.consent import CHANNELS
from coopflow.core.moments import start_of_day
from coopflow.core.pressure import same_address
from coopflow.errors import Invalid
from coopflow.intake import fields
from coopflow.intake.consent import suppress_address
from coopflow.intake.events import CLOCKS_DIFFER
from coopflow.intake.formats import BadRecord, Kind, Record, Records
from coopflow.intake.taking import rolled_back
from coopflow.intake.unfit import Unfit, described, sentences
from coopflow.store.store import Store

REQUIRED = ("address", "at")
IMPORTED = "import"  # how


class Listing(Struct, frozen=True, kw_only=True):
    """One address of the list."""

    channel: str
    address: str
    at: datetime
    reason: str | None


class Listed(Struct, frozen=True, kw_only=True):
    """What became of a list."""

    addresses: int
    new: int
    known: int
    older: int  # kept, and without effect: the address has agreed since
    families: list[str]  # those that have one of the new addresses
    touched: list[int]  # instances that were woken or ended by it
    dry_run: bool


def import_suppressed(
    store: Store, records: Records, *, region: str | None, actor: str, now: datetime, dry_run: bool = False
) -> Listed:
    """Suppress every address of a list; raise Invalid with every bad record, and change nothing, if there is one.

    Each says when its opt-out was: without that nobody could tell whether the family has agreed since.
    """
    fields.require_columns(records, REQUIRED)
    tz = store.coop.calendar.tz
    read = [_read(found, records.kind, region=region, tz=tz, now=now) for found in records.found]
    bad = [found for found in read if isinstance(found, BadRecord)]
    if bad:
        lines = [f"{records.name}:{record.line}: {sentences(record.problems)}" for record in bad]
        raise Invalid("\n".join([*lines, "Nothing was taken in: mend the list and import it again."]))
    listed = [found for found in read if isinstance(found, Listing)]
    with rolled_back(store) if dry_run else nullcontext(), store.transaction():
        return _taken(store, listed, actor=actor, now=now, dry_run=dry_run)


def _taken(store: Store, listed: Iterable[Listing], *, actor: str, now: datetime, dry_run: bool) -> Listed:
    counts = {"new": 0, "known": 0, "older": 0}
    families: list[str] = []
    touched: list[int] = []
    for one in listed:
        done = suppress_address(
            store, one.channel, one.address, reason=one.reason, actor=actor, now=now, how=IMPORTED, at=one.at
        )
        stands = store.consents.at_address(one.channel, same_address(one.address)) or {}
        fate = "older" if stands.get("allowed") else "new" if done.new else "known"
        counts[fate] += 1
        families += done.families if fate == "new" else ()
        touched += done.touched
    return Listed(
        addresses=sum(counts.values()),
        **counts,
        families=list(dict.fromkeys(families)),
        touched=list(dict.fromkeys(touched)),
        dry_run=dry_run,
    )


def _read(
    found: Record | BadRecord, kind: Kind, *, region: str | None, tz: ZoneInfo, now: datetime
) -> Listing | BadRecord:
    if isinstance(found, BadRecord):
        return found
    given = found.fields
    if kind is Kind.CSV:
        given = {name: text if text.strip() else None for name, text in given.items()}
    readers: Mapping[str, fields.Reader] = {
        "address": fields.line,
        "channel": _channel,
        "at": lambda value: _past(value, tz, now),
        "reason": fields.line,
    }
    known, _, problems = fields.read_fields(given, readers, REQUIRED)
    address = known.get("address", "")
    channel = known.get("channel") or ("email" if "@" in address else "sms")
    if not problems:
        try:
            address = _address(channel, address, region)
        except Unfit as problem:
            problems.append(problem.at("address"))
    if problems:
        return BadRecord(found.line, problems)
    return Listing(channel=channel, address=address, at=known["at"], reason=known.get("reason"))


def _channel(value: object) -> str:
    if value not in CHANNELS:
        raise Unfit("is neither email nor sms", found=described(value))
    return str(value)


def _past(value: object, tz: ZoneInfo, now: datetime) -> datetime:
    """An instant that has been, or the beginning of a day on the co-op's clock."""
    moment = _day(value, tz) or fields.moment(value)
    if moment > now + CLOCKS_DIFFER:
        raise Unfit("lies in the future", found=described(value))
    return min(moment, now)


def _day(value: object, tz: ZoneInfo) -> datetime | None:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2026-03-01") else None
    except ValueError:
        return None
    return start_of_day(day, tz=tz) if day else None


def _address(channel: str, text: str, region: str | None) -> str:
    try:
        return check_email(text) if channel == "email" else check_phone(text.removeprefix("'"), region)
    except ValueError as problem:
        raise Unfit(str(problem)) from None
