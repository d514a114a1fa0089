"""A coordinator's day in one letter: what is due, what is in doubt, what went wrong, and that coopflow is at work."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import asdict

from coopflow.core.closed_days import coverage
from coopflow.core.states import Awaited
from coopflow.doubts import Doubt, doubts
from coopflow.errors import CoopflowError
from coopflow.reports.matters import (
    Matter,
    Scope,
    failed_matter,
    is_silent,
    kept_back,
    needs_you,
    task_matter,
    trouble_matter,
)
from coopflow.reports.overview import end_of_day
from coopflow.reports.way_out import Departure, departures
from coopflow.reports.words import Row
from coopflow.store.log import head_of
from coopflow.store.store import Store

A_DAY = timedelta(days=1)
UNTOUCHED = timedelta(days=7)  # after so long without a person's deed somebody should hear of it


class Digest(Struct, frozen=True, kw_only=True):
    """What one coordinator should know this morning."""

    day: date
    coordinator: str
    organisation: str
    urgent: list[Matter]  # messages kept back, what is on hold without a task, faults
    tasks: list[Matter]  # theirs, due by the end of the day
    later: int  # theirs, due later
    overdue_of_others: Mapping[str, int]
    doubts: list[Doubt]
    went_wrong: list[Matter]  # since yesterday, and what goes on in trouble
    waiting: Mapping[tuple[str, str], int]  # messages whose transport is out of order, by channel and reason
    leaving: list[Departure] | None  # by the end of the day; None: that cannot be told
    notes: list[str]  # what should be seen to before it matters
    last_tick: datetime | None
    silent: bool
    last_deed: datetime | None  # when a person did anything; None: nobody ever has
    oldest_task: datetime | None  # since when the oldest open task lies on the desk
    open_tasks: int
    entries: int
    head: str

    @property
    def neglected(self) -> bool:
        """Whether tasks lie there, and nobody has looked at coopflow for long."""
        return self.oldest_task is not None

    @property
    def pressing(self) -> int:
        """How many things need a person."""
        return len(self.urgent) + len(self.tasks) + len(self.doubts) + self.silent + self.neglected


def digest(
    store: Store,
    coordinator: str,
    *,
    place: tuple[str | None, str | None] = (None, None),
    tz: ZoneInfo,
    now: datetime,
) -> Digest:
    """Ask the store; `place` is the configuration's country and subdivision."""
    today = now.astimezone(tz).date()
    tonight = end_of_day(now, tz)
    tasks = store.looking.open_tasks(now=now)
    own = [task for task in tasks if _is_for(task, coordinator, store) and task["task_type"] != Awaited.DOUBT]
    due = [task for task in own if _is_due(task, tonight)]
    beat, deed = store.looking.last_tick(), store.leaving.last_deed()
    oldest = min((task["created_date"] for task in tasks), default=None)
    neglected = oldest is not None and now - max(filter(None, (oldest, deed))) >= UNTOUCHED
    entries, head = head_of(store.db)
    return Digest(
        day=today,
        coordinator=coordinator,
        organisation=store.coop.organisation,
        urgent=[*kept_back(store, now=now), *_without_a_task(store, now=now)],
        tasks=[task_matter(task, _step_of(store, task), now=now) for task in due],
        later=len(own) - len(due),
        overdue_of_others=_overdue_of_others(store, tasks, coordinator, now=now),
        doubts=doubts(store),
        went_wrong=_went_wrong(store, now=now),
        waiting=store.leaving.waiting(),
        leaving=_leaving(store, until=tonight, now=now),
        notes=coverage(store.calendars.all(), country=place[0], subdivision=place[1], today=today),
        last_tick=beat,
        silent=is_silent(beat, now=now),
        last_deed=deed,
        oldest_task=oldest if neglected else None,
        open_tasks=len(tasks),
        entries=entries,
        head=head,
    )


def _leaving(store: Store, *, until: datetime, now: datetime) -> list[Departure] | None:
    """What leaves by then; one instance that cannot be read must not keep the letter from its reader."""
    try:
        return departures(store, since=now, until=until)
    except CoopflowError:
        raise
    except Exception:  # noqa: BLE001 - whatever is wrong with an instance, the tick tells of it, and `doctor`
        return None


def _is_for(task: Row, coordinator: str, store: Store) -> bool:
    """What names nobody is the first coordinator's."""
    return (task["assignee"] or store.coop.coordinator) == coordinator


def _is_due(task: Row, tonight: datetime) -> bool:
    return task["priority"] == "high" or (task["due_date"] is not None and task["due_date"] < tonight)


def _step_of(store: Store, task: Row) -> Any:
    if task["template_id"] is None:
        return None
    return store.templates.get(task["template_id"]).steps.get(task["step_id"] or "")


def _overdue_of_others(store: Store, tasks: list[Row], coordinator: str, *, now: datetime) -> Counter[str]:
    overdue = [task for task in tasks if task["due_date"] is not None and task["due_date"] < now]
    return Counter(str(task["assignee"]) for task in overdue if not _is_for(task, coordinator, store))


def _without_a_task(store: Store, *, now: datetime) -> list[Matter]:
    return [one for one in needs_you(store, Scope(), now=now) if one.urgent and one.kind == "paused"]


def _went_wrong(store: Store, *, now: datetime) -> list[Matter]:
    troubled = store.looking.troubled()
    branches = store.looking.branches([row["instance_id"] for row in troubled])
    return [
        *(trouble_matter(row, branches.get(row["instance_id"], ())) for row in troubled),
        *(failed_matter(row) for row in store.looking.failed(since=now - A_DAY)),
    ]


def as_document(found: Digest) -> dict[str, Any]:
    """The digest for programs."""
    return {
        "day": found.day.isoformat(),
        "coordinator": found.coordinator,
        "pressing": found.pressing,
        "urgent": [asdict(matter) for matter in found.urgent],
        "tasks": [asdict(matter) for matter in found.tasks],
        "tasks_later": found.later,
        "overdue_of_others": dict(found.overdue_of_others),
        "doubts": [{"instance_id": one.case.instance.instance_id, "channel": one.channel} for one in found.doubts],
        "went_wrong": [asdict(matter) for matter in found.went_wrong],
        "waiting": [
            {"channel": channel, "reason": reason, "messages": messages}
            for (channel, reason), messages in found.waiting.items()
        ],
        "leaving_today": None if found.leaving is None else len(found.leaving),
        "notes": found.notes,
        "last_tick": found.last_tick,
        "cron_silent": found.silent,
        "last_deed": found.last_deed,
        "neglected": found.neglected,
        "audit_entries": found.entries,
        "audit_head": found.head,
    }
