"""A case: the working copy of one instance, and the verbs that change it.

The store loads cases, the rules change them, the store saves what they noted down: changed values, new rows and the
events of the audit trail, in one transaction. Nothing else changes an instance, so whatever happens to one can be
read here.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from coopflow.core.anchors import Anchors
from coopflow.core.facts import Facts
from coopflow.core.instants import parse_instant
from coopflow.core.model import MAIN, Coop, Entry, Event, Execution, Family, Instance, Task
from coopflow.core.placing import Setting, next_level, place
from coopflow.core.pressure import Contacts
from coopflow.core.states import Awaited, EntryStatus, InstanceStatus, Outcome, StepStatus, TaskStatus, require_move
from coopflow.core.timing import NeverOpens, Planned, local_text
from coopflow.core.workflow import ParallelStep, Step, Workflow
from coopflow.core.zones import zone_or

ENGINE = "coopflow"  # the actor of what nobody in particular did
TEXT_HOLE = "text_hole"  # the type of a task that warns of a message which cannot be written


class Journal(Struct):
    """What a case has come to since it was loaded, for the store to write."""

    events: list[Event] = field(default_factory=list)
    begun: list[Execution] = field(default_factory=list)  # attempts to insert
    ended: list[Execution] = field(default_factory=list)  # attempts stored before, to update: ended, or handed over
    opened: list[Task] = field(default_factory=list)
    changed: list[Task] = field(default_factory=list)
    removed: list[Entry] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)  # workflows to start for the same family

    def clear(self) -> None:
        """Forget everything: it has been written."""
        for noted in (self.events, self.begun, self.ended, self.opened, self.changed, self.removed, self.starts):
            noted.clear()


class Case(Struct, kw_only=True):
    """One instance with all that a decision about it needs."""

    coop: Coop
    workflow: Workflow
    instance: Instance
    family: Family
    facts: Facts
    entries: dict[str, Entry]  # the live branches by name
    tasks: list[Task]  # the open ones
    contacts: Contacts = field(default_factory=Contacts)  # messages that count, shared by all cases of one batch
    bad_addresses: Mapping[str, str] = field(default_factory=dict)  # those that do not work, in small letters → why
    others: tuple[tuple[int, str], ...] = ()  # conversations that it queues behind: instance and workflow
    running: dict[tuple[str, int, int], Execution] = field(default_factory=dict)  # (branch, visit, attempt), not ended
    actor: str = ENGINE
    journal: Journal = field(default_factory=Journal)

    @property
    def tz(self) -> ZoneInfo:
        """The family's zone, else the co-op's (design, section 7)."""
        return zone_or(self.family.time_zone, self.coop.calendar.tz)

    @property
    def setting(self) -> Setting:
        """Whose rules of time hold for its steps."""
        return Setting(self.workflow, self.coop, self.family)

    def step(self, entry: Entry) -> Step:
        """The step that a branch stands at."""
        return self.workflow.steps[entry.step_id]

    def part(self, step: Step) -> str:
        """What tells a step of this version of the workflow from every other step there is."""
        return f"{self.instance.template_id}/{step.id}"

    def attempt(self, entry: Entry) -> Execution | None:
        """The attempt under way at the step that a branch stands at."""
        return self.running.get((entry.branch, entry.visit, entry.attempts))

    def handed_over(self, entry: Entry) -> bool:
        """True while a message of the branch has left our hands, and its answer has not come."""
        attempt = self.attempt(entry)
        return attempt is not None and attempt.message_id is not None and attempt.status is StepStatus.RUNNING

    def note(self, kind: str, *, now: datetime, personal: Mapping[str, Any] | None = None, **data: Any) -> None:
        """Put an event of this instance into the audit trail."""
        self.journal.events.append(
            Event(
                at=now,
                kind=kind,
                actor=self.actor,
                family_id=self.family.family_id,
                instance_id=self.instance.instance_id,
                data=data,
                personal=personal,
            )
        )

    # -- the instance ---------------------------------------------------------------------------------------------

    def become(self, status: InstanceStatus) -> None:
        """Change the status; a move that the table of moves does not know is refused."""
        if status is not self.instance.status:
            require_move(self.instance.status, status)
            self.instance.status = status

    def finish(self, outcome: Outcome, reason: str, *, now: datetime, withdraw_work: bool = False) -> None:
        """End the instance and withdraw its branches; with `withdraw_work` also the tasks that no branch waits for."""
        status = {Outcome.FAILED: InstanceStatus.FAILED, Outcome.CANCELLED: InstanceStatus.CANCELLED}.get(
            outcome, InstanceStatus.COMPLETED
        )
        self.become(status)
        self.instance.outcome = outcome
        self.instance.outcome_notes = reason
        self.instance.completed_at = now
        self.withdraw(list(self.entries.values()), reason, now=now)
        self._withdraw_holes(reason, now=now)
        if withdraw_work:
            self.withdraw_tasks(self.tasks, reason, now=now)
        self.note(f"instance.{status}", now=now, outcome=outcome, reason=reason)

    def hold(self, entry: Entry, reason: str, *, now: datetime, awaits: Awaited = Awaited.PERSON) -> None:
        """Stop everything until a person has decided, and put that decision on the coordinator's desk."""
        if awaits is Awaited.PERSON:  # whoever decides begins anew, so nothing of this visit stays open
            self._withdraw_attempts(entry, reason, now=now)
        entry.awaits = awaits
        entry.scheduled_for = None
        entry.reason = reason
        self.instance.last_error = reason
        self.pause(reason, now=now)
        self.open_task(
            Task(
                family_id=self.family.family_id,
                instance_id=self.instance.instance_id,
                step_id=entry.step_id,
                branch=entry.branch,
                task_type=awaits,
                description=reason,
                due_date=now,
                priority="high",
                assignee=self.coop.coordinator,
                created_date=now,
            ),
            now=now,
        )

    def pause(self, reason: str, *, now: datetime) -> None:
        """Stop the instance: no branch is taken up until it is resumed. A send under way runs to its end."""
        if self.instance.status is not InstanceStatus.PAUSED:
            self.become(InstanceStatus.PAUSED)
            self.instance.outcome_notes = reason  # the first reason stays: a person's pause outlasts a later hold
            self.note("instance.paused", now=now, reason=reason)
        for entry in self.entries.values():
            if entry.status is EntryStatus.QUEUED:
                entry.status = EntryStatus.PAUSED

    # -- a branch -------------------------------------------------------------------------------------------------

    def arrive(self, entry: Entry, step_id: str, *, now: datetime, since: datetime | None = None) -> None:
        """Bring a branch to a step, and say when that step's turn comes: counted from `since`, else from now."""
        entry.step_id = step_id
        entry.visit += 1
        entry.attempts = 0
        entry.awaits = Awaited.TURN
        entry.status = EntryStatus.PAUSED if self.instance.status is InstanceStatus.PAUSED else EntryStatus.QUEUED
        entry.arrived_at = since or now
        entry.chosen_by = None
        entry.last_attempt_at = None
        if entry.branch == MAIN:
            self.instance.current_step = step_id
        try:
            planned = self.plan(self.step(entry), arrived=entry.arrived_at)
        except NeverOpens as problem:
            self.hold(entry, f"the turn of '{self.step(entry).name}' never comes: {problem}", now=now)
            return
        entry.scheduled_for = planned.at
        entry.reason = "; ".join(planned.reasons) or None
        deadline = self.instance.deadline
        if deadline is not None and entry.arrived_at <= deadline < planned.at:
            self.note("step.after_deadline", now=now, step=step_id, planned=planned.at, deadline=deadline)

    def plan(self, step: Step, *, arrived: datetime, workflow: Workflow | None = None) -> Planned:
        """When a step's turn comes, by the rules as they are now; raise NeverOpens with a sentence."""
        setting = Setting(workflow or self.workflow, self.coop, self.family)
        key = f"{self.family.family_id}/{self.workflow.name}/{step.id}"
        planned = place(step, setting, anchors=self._anchors(arrived), key=key)
        deadline = self.instance.deadline
        if deadline is None or planned.at <= deadline or deadline < arrived:
            return planned  # who comes after it knows already
        late = f"this is after the deadline of {local_text(deadline, self.tz)}"
        return Planned(planned.at, (*planned.reasons, late))

    def _anchors(self, arrived: datetime) -> Anchors:
        context = self.instance.context
        triggered = context.get("predicted_at") or context.get("scheduled_at")
        return Anchors(
            arrived=arrived,
            started=self.instance.trigger_date,
            triggered=parse_instant(triggered) if triggered else self.instance.trigger_date,
            ended=self.facts.ended,
            attributes=self.family.attributes,
        )

    def leave(self, entry: Entry, to: str | None, *, now: datetime, since: datetime | None = None) -> None:
        """Bring a branch to its next step, or to its end when there is none."""
        if to is not None:
            self.arrive(entry, to, now=now, since=since)
        elif entry.branch == MAIN:
            self.finish(Outcome.SUCCESS, "the last step is done", now=now)
        else:
            self.end_branch(entry, now=now)

    def end_branch(self, entry: Entry, *, now: datetime) -> None:
        """End one of several branches; the step that split them goes on once enough have ended."""
        parent = self.workflow.steps[str(self.step(entry).parent)]
        origin = self.entries[entry.branch.rpartition("/")[0]]
        self.remove(entry)
        rest = [other for other in self.entries.values() if other.branch.startswith(f"{origin.branch}/")]
        siblings = [other for other in rest if other.branch.count("/") == entry.branch.count("/")]
        if _may_join(parent, len(siblings)):
            self.withdraw(rest, f"{parent.id} has gone on without it", now=now)
            self.end(origin, StepStatus.COMPLETED, now=now, output={"withdrawn": len(siblings)})
            self.leave(origin, parent.next, now=now)

    def remove(self, entry: Entry) -> None:
        """Take a branch out of the queue."""
        del self.entries[entry.branch]
        self.journal.removed.append(entry)

    def withdraw(self, entries: Iterable[Entry], reason: str, *, now: datetime) -> None:
        """Take branches back: their open tasks, and their messages as far as those are not handed over yet."""
        for entry in entries:
            self.withdraw_tasks([task for task in self.tasks if task.branch == entry.branch], reason, now=now)
            self._withdraw_attempts(entry, reason, now=now)
            self.remove(entry)

    def _withdraw_attempts(self, entry: Entry, reason: str, *, now: datetime) -> None:
        for attempt in [found for found in self.running.values() if found.branch == entry.branch]:
            stored = attempt.execution_id is not None
            if attempt.message_id and attempt.status is StepStatus.RUNNING and stored:
                continue  # handed over already: its answer is recorded when it comes
            if attempt.message_id:
                self.note("message.withdrawn", now=now, step=attempt.step_id, message=attempt.message_id, reason=reason)
            self.close(attempt, StepStatus.SKIPPED, now=now, error=reason)

    # -- attempts at steps ----------------------------------------------------------------------------------------

    def begin(
        self,
        entry: Entry,
        *,
        now: datetime,
        status: StepStatus = StepStatus.RUNNING,
        given: Mapping[str, Any] | None = None,
        key: str | None = None,
        message_id: str | None = None,
    ) -> Execution:
        """Record that an attempt at the branch's step has begun; with it, the instance is under way."""
        if self.instance.status is InstanceStatus.PENDING:
            self.become(InstanceStatus.RUNNING)
        self.instance.started_at = self.instance.started_at or now  # it may have been paused before it began
        step = self.step(entry)
        entry.attempts += 1
        attempt = Execution(
            branch=entry.branch,
            step_id=step.id,
            step_number=step.number,
            step_name=step.name,
            step_type=step.type,
            visit=entry.visit,
            attempt=entry.attempts,
            status=status,
            started_at=now,
            input_data=given,
            idempotency_key=key,
            message_id=message_id,
        )
        self.running[entry.branch, entry.visit, entry.attempts] = attempt
        self.journal.begun.append(attempt)
        return attempt

    def end(
        self,
        entry: Entry,
        status: StepStatus,
        *,
        now: datetime,
        output: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> None:
        """Record how the attempt under way went; one that never began is recorded as begun now."""
        attempt = self.attempt(entry) or self.begin(entry, now=now)
        self.close(attempt, status, now=now, output=output, error=error)
        if status is StepStatus.COMPLETED:
            self.facts.outputs[attempt.step_id] = output or {}
            self.instance.error_count = 0
            self.instance.last_error = None

    def hand_over(self, attempt: Execution) -> None:
        """Record that from here on a message counts as out of the house."""
        self._mark(attempt, StepStatus.RUNNING)

    def take_back(self, attempt: Execution) -> None:
        """Record that a message is surely in the house: the transport would not even take it."""
        self._mark(attempt, StepStatus.PENDING)

    def _mark(self, attempt: Execution, status: StepStatus) -> None:
        attempt.status = status
        if attempt.execution_id is not None:
            self.journal.ended.append(attempt)

    def close(
        self,
        attempt: Execution,
        status: StepStatus,
        *,
        now: datetime,
        output: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> None:
        """Record how an attempt went, whatever its branch is at by now."""
        attempt.status = status
        attempt.completed_at = now
        attempt.output_data = output
        attempt.error_message = error
        self.facts.ended[attempt.step_id] = now
        self._withdraw_holes("its step is over", now=now, step_id=attempt.step_id)
        del self.running[attempt.branch, attempt.visit, attempt.attempt]
        if attempt.execution_id is not None:
            self.journal.ended.append(attempt)

    # -- tasks ----------------------------------------------------------------------------------------------------

    def open_task(self, task: Task, *, now: datetime) -> None:
        """Put a task on the desk, with the moment at which it goes up a level if nobody closes it."""
        self.set_escalation(task)
        self.tasks.append(task)
        self.journal.opened.append(task)
        self.note(
            "task.opened",
            now=now,
            step=task.step_id,
            task_type=task.task_type,
            assignee=task.assignee,
            personal={"description": task.description},
        )

    def set_escalation(self, task: Task) -> None:
        """Plan when an open task goes up to its next level."""
        task.escalate_at = next_level(self.workflow.escalation, task, coop=self.coop, tz=self.tz)

    def withdraw_tasks(self, tasks: Iterable[Task], reason: str, *, now: datetime) -> None:
        """Take tasks off the desk whose reason has gone."""
        for task in list(tasks):
            self.close_task(task, TaskStatus.WITHDRAWN, now=now, note=reason)
            self.note("task.withdrawn", now=now, step=task.step_id, task_type=task.task_type, reason=reason)

    def _withdraw_holes(self, reason: str, *, now: datetime, step_id: str | None = None) -> None:
        """Take the tasks off the desk that warned of a message which is not to be written any more."""
        warnings = [task for task in self.tasks if task.task_type == TEXT_HOLE and step_id in (None, task.step_id)]
        self.withdraw_tasks(warnings, reason, now=now)

    def close_task(
        self, task: Task, status: TaskStatus, *, now: datetime, outcome: str | None = None, note: str | None = None
    ) -> None:
        """Take a task off the desk."""
        task.status = status
        task.completed_at = now
        task.outcome = outcome
        task.notes = note
        task.escalate_at = None
        self.tasks.remove(task)
        if task.task_id is not None:
            self.journal.changed.append(task)


def _may_join(parent: Step, still_live: int) -> bool:
    """A `recommended` step waits for all of its branches, a `parallel` one for as many as `join` says."""
    if isinstance(parent, ParallelStep):
        return len(parent.branches) - still_live >= parent.join
    return still_live == 0
