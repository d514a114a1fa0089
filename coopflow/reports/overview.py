"""The top of a coordinator's day: who needs me, what is due, what is running, what went wrong, and is cron alive."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct, field
from msgspec.structs import asdict

from coopflow.core.closed_days import coverage
from coopflow.core.model import Family
from coopflow.core.states import ACTIVE
from coopflow.core.timing import instant_of
from coopflow.reports.lines import lines
from coopflow.reports.matters import RECENTLY, Matter, Scope, is_silent, needs_you, went_wrong
from coopflow.reports.words import Row
from coopflow.store.looking import ALL
from coopflow.store.store import Store

FAMILYS_PAST = timedelta(days=30)  # how long a family's finished instances are shown beside the active ones
LAST_MESSAGES = 5

FIRST_STEPS = {
    "families": "There are no families yet. Bring them in with: coopflow family import families.csv",
    "workflows": "There are no workflows yet. Load them with: coopflow workflow load",
    "instances": "Nothing has been started yet. Hand in predictions with: coopflow trigger predictions.jsonl",
}


class Overview(Struct, frozen=True, kw_only=True):
    """What `status` shows."""

    numbers: Row
    needs_you: list[Matter]
    went_wrong: list[Matter]
    instances: list[dict[str, Any]]
    matching: int  # instances that there are, shown or not
    last_tick: datetime | None
    silent: bool  # no tick has been at work for a while
    family: Family | None  # the one that was asked for
    messages: list[Row]  # the last ones to this family
    first_step: str | None  # what to do first, where nothing has been done yet
    notes: list[str] = field(default_factory=list)  # what should be seen to before it matters


def overview(
    store: Store,
    scope: Scope,
    *,
    tz: ZoneInfo,
    now: datetime,
    place: tuple[str | None, str | None] = (None, None),
    few: int = ALL,
    most: int = ALL,
) -> Overview:
    """Ask the store; at most `few` matters of a kind and `most` instances, the most pressing ones.

    `place` is the configuration's country and subdivision, whose public holidays should be known.
    """
    own = {"family_id": scope.family_id, "workflow": scope.workflow}
    listed = _listed(scope, now=now)
    found = store.looking.instances(**listed, pressing_first=True, limit=most)
    beat = store.looking.last_tick()
    return Overview(
        numbers=store.looking.numbers(now=now, end_of_day=end_of_day(now, tz), since=now - RECENTLY, **own),
        needs_you=needs_you(store, scope, now=now, few=few),
        went_wrong=went_wrong(store, scope, now=now, few=few),
        instances=lines(store, found, now=now),
        matching=len(found) if most == ALL or len(found) < most else store.looking.count(**listed),
        last_tick=beat,
        silent=is_silent(beat, now=now),
        family=store.families([scope.family_id]).get(scope.family_id) if scope.family_id else None,
        messages=store.looking.messages(scope.family_id, limit=LAST_MESSAGES) if scope.family_id else [],
        first_step=first_step(store.looking.anything()),
        notes=_notes(store, place, now.astimezone(tz).date()) if scope.whole else [],
    )


def _notes(store: Store, place: tuple[str | None, str | None], today: date) -> list[str]:
    country, subdivision = place
    return [
        *coverage(store.calendars.all(), country=country, subdivision=subdivision, today=today),
        *_nobodys_answers(store.inbox.unmatched()),
    ]


def _nobodys_answers(number: int) -> list[str]:
    if not number:
        return []
    came = (
        "1 answer has come in, and it is not known whose it is"
        if number == 1
        else (f"{number:,} answers have come in, and it is not known whose they are")
    )
    return [f"{came}: coopflow inbox list --unmatched"]


def first_step(anything: Row) -> str | None:
    """What to do first in a co-op where nothing has begun yet."""
    if anything["instances"]:
        return None
    return next(words for name, words in FIRST_STEPS.items() if not anything[name])


def instance_lines(store: Store, scope: Scope, *, now: datetime) -> list[dict[str, Any]]:
    """Only the lines of the instances, all of them."""
    return lines(store, store.looking.instances(**_listed(scope, now=now), pressing_first=True), now=now)


def _listed(scope: Scope, *, now: datetime) -> dict[str, Any]:
    """Active instances, if nothing else is asked for; a family's recently finished ones with them."""
    own: dict[str, Any] = {"family_id": scope.family_id, "workflow": scope.workflow}
    if scope.state is not None:
        return {**own, "statuses": [scope.state]}
    if scope.family_id is not None:
        return {**own, "finished_since": now - FAMILYS_PAST}
    return {**own, "statuses": sorted(ACTIVE)}


def end_of_day(now: datetime, tz: ZoneInfo) -> datetime:
    """The instant at which the co-op's day ends."""
    tomorrow = now.astimezone(tz).date() + timedelta(days=1)
    return instant_of(datetime.combine(tomorrow, time()), tz)


# -- data ---------------------------------------------------------------------------------------------------------


def as_document(found: Overview) -> dict[str, Any]:
    """The overview for programs."""
    return {
        "numbers": dict(found.numbers),
        "needs_you": [asdict(matter) for matter in found.needs_you],
        "went_wrong": [asdict(matter) for matter in found.went_wrong],
        "instances": found.instances,
        "messages": found.messages,
        "last_tick": found.last_tick,
        "cron_silent": found.silent,
        "notes": found.notes,
    }
