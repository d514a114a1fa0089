"""What a person should know of, or do: tasks, pauses, what went wrong, and a cron that is silent."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from coopflow.core.states import Awaited
from coopflow.core.transports import Trouble
from coopflow.core.workflow import Step
from coopflow.keeping.place import ADOPT, why_not_in_place
from coopflow.leaving import told, words_about
from coopflow.out_of_order import remembered
from coopflow.reports.words import Row, When, closing, outcomes_of, task_words
from coopflow.store.digests import returned
from coopflow.store.looking import ALL
from coopflow.store.store import Store

RECENTLY = timedelta(days=7)  # how long a failure stays on the screen
SILENT_AFTER = timedelta(minutes=5)  # cron runs a tick every minute; a few missed ones are no news


class Scope(Struct, frozen=True, kw_only=True):
    """Which instances somebody wants to see."""

    family_id: str | None = None
    workflow: str | None = None
    state: str | None = None

    @property
    def whole(self) -> bool:
        """True when nothing is left out."""
        return self.family_id is None and self.workflow is None and self.state is None


class Matter(Struct, frozen=True, kw_only=True):
    """Something that a person should know of, or do."""

    kind: str  # task | delivery | digest | paused | failed | trouble | fault | transport | cron | database
    urgent: bool  # `status --check` ends with 5 because of it
    words: str
    command: str | None = None  # what to do about it
    outcomes: tuple[str, ...] = ()  # what a task can be closed with; the command names the first
    instance_id: int | None = None
    family_id: str | None = None
    family_name: str | None = None
    workflow: str | None = None
    task_id: int | None = None
    due_date: datetime | None = None
    assignee: str | None = None


# -- who needs me -------------------------------------------------------------------------------------------------


def needs_you(store: Store, scope: Scope, *, now: datetime, few: int = ALL) -> list[Matter]:
    """Open tasks, the most urgent first, then what a person has paused."""
    own: dict[str, Any] = {"family_id": scope.family_id, "workflow": scope.workflow, "limit": few}
    tasks = store.looking.open_tasks(now=now, **own)
    halted = store.looking.halted(**own)
    on_hold = _on_hold(store.looking.branches([row["instance_id"] for row in halted]))
    return [
        *(kept_back(store, now=now) if scope.whole else ()),
        *(returned_digests(store) if scope.whole else ()),
        *(task_matter(task, _step_of(store, task), now=now) for task in tasks),
        *(paused_matter(row, on_hold=row["instance_id"] in on_hold) for row in halted),
    ]


def kept_back(store: Store, *, now: datetime) -> Iterator[Matter]:
    """That messages stay in the house until a person says something."""
    if why := told(store):
        waiting = store.leaving.count_due(now=now, reason=why)
        words, _, command = words_about(why, waiting).rpartition(": ")
        yield Matter(kind="delivery", urgent=True, words=words, command=command)


def returned_digests(store: Store) -> Iterator[Matter]:
    """That what is written to a coordinator comes back."""
    for name, reason in returned(store.db).items():
        words = f"the digest for {name} came back: {reason}; is the address under coordinators: in coopflow.yaml right?"
        yield Matter(kind="digest", urgent=True, words=words, command="coopflow config show")


def _step_of(store: Store, task: Row) -> Step | None:
    if task["template_id"] is None:
        return None
    return store.templates.get(task["template_id"]).steps.get(task["step_id"] or "")


def _on_hold(branches: Mapping[int, Sequence[Row]]) -> frozenset[int]:
    waiting = (Awaited.PERSON, Awaited.DOUBT)
    return frozenset(id_ for id_, own in branches.items() if any(branch["awaits"] in waiting for branch in own))


def task_matter(task: Row, step: Step | None, *, now: datetime) -> Matter:
    """An open task; it is urgent when it is overdue or of high priority."""
    overdue = task["due_date"] is not None and task["due_date"] < now
    outcomes = outcomes_of(task, step)
    return Matter(
        kind="task",
        urgent=overdue or task["priority"] == "high",
        words=task_words(task),
        command=closing(task["task_id"], outcomes),
        outcomes=outcomes,
        task_id=task["task_id"],
        due_date=task["due_date"],
        assignee=task["assignee"],
        **_whose(task),
    )


def paused_matter(instance: Row, *, on_hold: bool) -> Matter:
    """A paused instance without a task. One on hold has lost its task, and nothing else would remind anybody."""
    reason = instance["last_error"] if on_hold else instance["outcome_notes"]
    return Matter(
        kind="paused",
        urgent=on_hold,
        words=f"{instance['workflow']} is paused: {reason or 'no reason was given'}",
        command=f"coopflow resume {instance['instance_id']}",
        **_whose(instance),
    )


def _whose(row: Row) -> dict[str, Any]:
    return {key: row[key] for key in ("instance_id", "family_id", "family_name", "workflow")}


# -- what went wrong ----------------------------------------------------------------------------------------------


def went_wrong(store: Store, scope: Scope, *, now: datetime, few: int = ALL) -> list[Matter]:
    """What failed lately, and what goes on although something went wrong."""
    own: dict[str, Any] = {"family_id": scope.family_id, "workflow": scope.workflow, "limit": few}
    troubled = store.looking.troubled(**own)
    branches = store.looking.branches([row["instance_id"] for row in troubled])
    out_of_order = remembered(store) if scope.whole else {}
    return [
        *(transport_matter(channel, found) for channel, found in out_of_order.items() if found.held),
        *(trouble_matter(row, branches.get(row["instance_id"], ())) for row in troubled),
        *(failed_matter(row) for row in store.looking.failed(since=now - RECENTLY, **own)),
    ]


def transport_matter(channel: str, trouble: Trouble) -> Matter:
    """A transport that is out of order: nothing leaves by it."""
    return Matter(
        kind="transport", urgent=True, words=f"messages by {channel} wait: {trouble.reason}", command="coopflow doctor"
    )


def trouble_matter(instance: Row, branches: Sequence[Row]) -> Matter:
    """An instance that goes on after an error; a fault of coopflow's own is urgent."""
    fault = any(branch["reason"] == instance["last_error"] for branch in branches)
    words = f"a fault in coopflow: {instance['last_error']}" if fault else f"{instance['last_error']}; it goes on"
    return Matter(kind="fault" if fault else "trouble", urgent=fault, words=words, **_story(instance))


def failed_matter(instance: Row) -> Matter:
    """An instance that ended in failure."""
    reason = instance["outcome_notes"] or instance["last_error"]
    return Matter(kind="failed", urgent=False, words=f"{instance['workflow']} failed: {reason}", **_story(instance))


def _story(instance: Row) -> dict[str, Any]:
    return {"command": f"coopflow show {instance['instance_id']}", **_whose(instance)}


# -- is a person needed -------------------------------------------------------------------------------------------


def urgent_matters(store: Store, scope: Scope, *, when: When, now: datetime) -> list[Matter]:
    """Why a person is needed now; an empty list when nobody is."""
    beat = store.looking.last_tick()
    matters = [*needs_you(store, scope, now=now), *went_wrong(store, scope, now=now)]
    return [*silence(beat, when=when, now=now), *out_of_place(store), *(matter for matter in matters if matter.urgent)]


def silence(beat: datetime | None, *, when: When, now: datetime) -> Iterator[Matter]:
    """That ticks have stopped, if they have."""
    if is_silent(beat, now=now):
        since = f"since {when(beat)}" if beat is not None else "yet"
        words = f"coopflow has not been run {since}: is the cron line there?"
        yield Matter(kind="cron", urgent=True, words=words, command="coopflow tick")


def out_of_place(store: Store) -> Iterator[Matter]:
    """That ticks do nothing since the database was restored, copied or moved."""
    if reasons := "; ".join(why_not_in_place(store)):
        words = f"the database was restored, copied or moved, so nothing is sent: {reasons}"
        yield Matter(kind="database", urgent=True, words=words, command=ADOPT)


def is_silent(beat: datetime | None, *, now: datetime) -> bool:
    """Whether ticks have stopped, or never begun."""
    return beat is None or now - beat > SILENT_AFTER


def as_reasons(matters: Sequence[Matter]) -> dict[str, Any]:
    """Why a person is needed, for programs."""
    return {"person_needed": bool(matters), "reasons": [asdict(matter) for matter in matters]}
