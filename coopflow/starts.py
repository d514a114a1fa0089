"""The instances that begin in one durable change: judged one after the other, and written together.

A prediction among thousands that starts something costs little more than one that does not, because the store is spoken
to once for all of them.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from coopflow.core import people
from coopflow.core.case import ENGINE, Case
from coopflow.core.starting import new_case
from coopflow.core.verdict import Answer, Occasion, Past, Verdict, verdicts
from coopflow.core.workflow import Workflow, converses, sends_messages
from coopflow.holes import tell_of_holes
from coopflow.store.store import Store


class Result(Struct, frozen=True):
    """What became of one prediction, event or order."""

    answer: Answer
    family_id: str
    reason: str
    workflow: str | None = None
    instance_id: int | None = None
    prediction_id: str | None = None
    event_id: int | None = None


@contextmanager
def starting(store: Store, *, now: datetime) -> Iterator["Starts"]:
    """Gather what begins inside the block; at its end all of it is written."""
    starts = Starts(store, now=now)
    yield starts
    starts.save()


class Starts:
    """What begins in one transaction, and is not stored yet."""

    def __init__(self, store: Store, *, now: datetime) -> None:
        self._store = store
        self._now = now
        self._next_id = store.cases.next_id()
        self._unsaved: list[Case] = []

    def all_of(
        self, occasion: Occasion, workflows: Iterable[Workflow], triggered_by: str, *, actor: str = ENGINE
    ) -> list[Result] | str:
        """Start every workflow whose verdict is yes; when none is, answer with the reason against each."""
        results: list[Result] = []
        against: list[str] = []
        for verdict in verdicts(occasion, workflows, now=self._now):
            if verdict.starts:
                results.append(self._start(occasion, verdict, triggered_by, actor))
            else:
                against.append(f"{verdict.workflow.name}: {verdict.reason}")
        return results or "; ".join(against) or _nothing_concerned(occasion)

    def save(self) -> None:
        """Write what has begun since the last time."""
        self._store.cases.add(self._unsaved)
        self._store.cases.save(self._unsaved, now=self._now)
        self._unsaved.clear()

    def _start(self, occasion: Occasion, verdict: Verdict, triggered_by: str, actor: str) -> Result:
        case = new_case(
            instance_id=self._next_id,
            workflow=verdict.workflow,
            family=occasion.family,
            facts=occasion.facts,
            coop=occasion.coop,
            triggered_by=triggered_by,
            context=occasion.context,
            reason=verdict.reason,
            now=self._now,
            actor=actor,
        )
        self._next_id += 1
        if verdict.replaces:
            self._replace(verdict, case)
        if sends_messages(case.workflow):
            tell_of_holes(case, now=self._now)
        self._unsaved.append(case)
        _remember(occasion, case, verdict, now=self._now)
        return Result(
            answer=Answer.STARTED,
            family_id=occasion.family.family_id,
            reason=verdict.reason,
            workflow=verdict.workflow.name,
            instance_id=case.instance.instance_id,
        )

    def _replace(self, verdict: Verdict, case: Case) -> None:
        self.save()  # what is replaced may have begun just now
        replaced = self._store.cases.load(verdict.replaces)
        reason = f"replaced by {verdict.workflow.name} (instance {case.instance.instance_id})"
        for other in replaced:
            people.cancel(other, reason=reason, now=self._now)
        self._store.cases.save(replaced, now=self._now)


def _remember(occasion: Occasion, case: Case, verdict: Verdict, *, now: datetime) -> None:
    """Let the next verdict, of this occasion or of the batch, know of this start."""
    past = occasion.past
    assert isinstance(past, list)  # the batch's own list  # noqa: S101
    past[:] = [replace(run, active=False) if run.instance_id in verdict.replaces else run for run in past]
    past.append(
        Past(
            instance_id=case.instance.instance_id,
            workflow=verdict.workflow.name,
            group=verdict.workflow.trigger.group,
            priority=verdict.workflow.priority,
            active=True,
            started=now,
            converses=converses(verdict.workflow),
        )
    )


def _nothing_concerned(occasion: Occasion) -> str:
    what = f"the event {occasion.event}" if occasion.event else f"a {occasion.type}"
    return f"no active workflow is triggered by {what}"
