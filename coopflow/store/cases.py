"""Cases in and out of the database: loaded whole in a few queries whatever the batch's size, saved in one transaction.

This is the hot path, so it speaks SQL over peewee's own connection: peewee's row-by-row ways cost twenty to thirty
times as much (docs/decisions.md). Every method expects to be called inside `Store.transaction()`.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from peewee import Database

from coopflow.core.audit import canonical_json
from coopflow.core.case import ENGINE, Case
from coopflow.core.consent import addresses_of
from coopflow.core.facts import Facts
from coopflow.core.instants import format_instant, parse_instant
from coopflow.core.model import Coop, Entry, Event, Execution, Family, Instance, Task
from coopflow.core.pressure import Contacts, furthest_back
from coopflow.core.queueing import Place, before, queues
from coopflow.core.states import ACTIVE, InstanceStatus
from coopflow.core.workflow import Workflow, counts_from_steps, sends_messages
from coopflow.store import case_sql as sql
from coopflow.store import rows
from coopflow.store.families import families_by_id
from coopflow.store.log import LogWriter
from coopflow.store.meta import read_meta, write_meta
from coopflow.store.templates import Templates

PRIORITIES = range(10, 0, -1)  # most urgent first
AS_OFTEN_AS_ASKED = ("manual:", "instance_id:")  # a person may start it again, and so may a step that comes round again
EPOCH = "epoch"  # the fact about the database that says which tick leads


class Cases:
    """Claims, loads and saves cases."""

    def __init__(self, db: Database, coop: Coop, templates: Templates) -> None:
        self._db = db
        self._coop = coop
        self._templates = templates

    def due(self, *, now: datetime, limit: int, but_for: str | None = None) -> list[int]:
        """The instances that have something due, most urgent first, then longest due.

        What stands there for the reason `but_for` is left where it is.
        """
        found: dict[int, None] = {}
        for priority in PRIORITIES:
            found_rows = self._rows(
                "SELECT instance_id FROM workflow_queue"
                " WHERE status = 'queued' AND priority = ?1 AND scheduled_for <= ?2"
                " AND (?3 IS NULL OR reason IS NULL OR reason <> ?3) ORDER BY scheduled_for, queue_id LIMIT ?4",
                (priority, format_instant(now), but_for, limit - len(found)),
            )
            found.update((row[0], None) for row in found_rows)
            if len(found) >= limit:
                break
        return list(found)

    def take_the_lead(self) -> int:
        """Count one more tick that is at work; any other that is still at it finds out at its next change."""
        epoch = self.leader() + 1
        write_meta(self._db, EPOCH, str(epoch))
        return epoch

    def leader(self) -> int:
        """The number of the tick that took the lead last."""
        return int(read_meta(self._db, EPOCH))

    def under_way(self) -> list[int]:
        """The instances with a message under way; to the holder of the lock: those that a dead tick has left."""
        return [
            row[0]
            for row in self._rows(
                "SELECT DISTINCT x.instance_id FROM workflow_step_executions x"
                " LEFT JOIN workflow_queue q USING (instance_id, branch, visit)"
                " WHERE x.status IN ('pending', 'running') AND x.idempotency_key IS NOT NULL"
                " AND (q.status IS NULL OR q.status = 'processing')",
                (),
            )
        ]

    def active(self) -> list[int]:
        """Every instance that is not finished."""
        return [row[0] for row in self._rows(sql.ACTIVE_ONES, ())]

    def waiting_for_their_turn(self) -> list[int]:
        """The instances with a branch that waits for its turn at a time that the rules have set."""
        return [row[0] for row in self._rows(sql.WAITING, ())]

    def near_deadline(self, *, now: datetime) -> list[int]:
        """The instances whose deadline is near, and nobody has been told."""
        return [row[0] for row in self._rows(sql.NEAR_DEADLINE, (format_instant(now),))]

    def put_off_unread(self, instance_id: int, fault: str, *, until: datetime, most: int, now: datetime) -> None:
        """Leave an instance that cannot even be read alone for a while, and after so many faults to a person."""
        connection = self._db.connection()
        stamp = format_instant(now)
        connection.execute(sql.COUNT_FAULT, (fault, instance_id))
        connection.execute(sql.PUT_OFF, (format_instant(until), fault, instance_id, stamp))
        [(family_id, faults, status)] = self._rows(sql.FAULTS, (instance_id,))
        kind, data = "step.deferred", {"until": format_instant(until), "reason": fault}
        if faults >= most and status in ACTIVE - {InstanceStatus.PAUSED}:
            kind, data = "instance.paused", {"reason": fault}
            connection.execute(sql.HOLD_UNREAD, (fault, instance_id))
            connection.execute(sql.HOLD_QUEUE, (instance_id,))
            connection.execute(sql.ADD_TASK, rows.task_row(_to_mend(instance_id, family_id, fault, now)))
        connection.execute(sql.NEXT_TIME, (instance_id,))
        event = Event(at=now, kind=kind, actor=ENGINE, family_id=family_id, instance_id=instance_id, data=data)
        LogWriter(self._db).append([event])

    def next_id(self) -> int:
        """The id for the next instance; ids are given out inside the writing transaction, so no two are alike."""
        return int(self._rows("SELECT COALESCE(MAX(instance_id), 0) + 1 FROM workflow_instances", ())[0][0])

    # -- loading --------------------------------------------------------------------------------------------------

    def load(self, instance_ids: Sequence[int], *, actor: str | None = None, now: datetime | None = None) -> list[Case]:
        """The cases with these ids, in this order; ids that do not exist are left out.

        `now`: nothing will be decided on them for an earlier moment, so what was long ago then is left out.
        """
        ids = json.dumps(instance_ids)
        instances, began = {}, {}
        for row in self._rows(sql.INSTANCES, (ids,)):
            instance = rows.instance_of(row)
            instances[instance.instance_id], began[instance.instance_id] = instance, row[-1] or 0
        entries = self._entries(ids)
        tasks = self._tasks(ids)
        running = self._running(ids)
        family_ids = {instance.family_id for instance in instances.values()}
        workflows = {instance.template_id: self._templates.get(instance.template_id) for instance in instances.values()}
        fields = frozenset().union(*(self._templates.fields(template_id) for template_id in workflows))
        families = families_by_id(self._db, family_ids, scores=not fields.isdisjoint(_SCORES))
        events = self._events(family_ids)
        outputs = self._outputs(ids) if any(field.startswith("steps.") for field in fields) else {}
        counted = any(counts_from_steps(workflow) for workflow in workflows.values())
        ended = self._ended(ids) if counted else {}
        contacts = self._contacts(workflows, instances.values(), families, now=now)
        others = self._others(workflows, instances.values())
        bad = self._bad_addresses(families.values())
        cases = []
        for instance_id in instance_ids:
            if instance_id not in instances:
                continue
            instance = instances[instance_id]
            case = Case(
                coop=self._coop,
                workflow=workflows[instance.template_id],
                instance=instance,
                family=families[instance.family_id],
                facts=Facts(
                    family=families[instance.family_id],
                    trigger=instance.context,
                    outputs=outputs.get(instance_id, {}),
                    ended=ended.get(instance_id, {}),
                    events=_since(events[instance.family_id], began[instance_id]),
                    known_events=self._coop.known_events,
                ),
                entries=entries.get(instance_id, {}),
                tasks=tasks.get(instance_id, []),
                running=running.get(instance_id, {}),
                contacts=contacts,
                bad_addresses=bad,
                others=others.get(instance_id, ()),
            )
            if actor is not None:
                case.actor = actor
            cases.append(case)
        return cases

    def contacts_of(self, families: Collection[Family], *, now: datetime | None = None) -> Contacts:
        """The messages that count for these families, and for all others at their addresses, at `now` or later."""
        written_to = {family.family_id for family in families}
        addresses = json.dumps(sorted({address for family in families for address in addresses_of(family)}))
        written_to |= {row[0] for row in self._rows(sql.SAME_ADDRESS, (addresses,))}
        since = "" if now is None else format_instant(now - furthest_back(self._coop.limits))
        found = self._rows(sql.CONTACTS, (json.dumps(sorted(written_to)), since))
        return Contacts(rows.contact_of(row) for row in found)

    def _contacts(
        self,
        workflows: Mapping[int, Workflow],
        instances: Iterable[Instance],
        families: Mapping[str, Family],
        *,
        now: datetime | None,
    ) -> Contacts:
        """The messages that count for the families to which one may be due; for no others."""
        writing = {template_id for template_id, workflow in workflows.items() if sends_messages(workflow)}
        written_to = {i.family_id for i in instances if i.active and i.template_id in writing}
        writing_to = [families[family_id] for family_id in written_to]
        return self.contacts_of(writing_to, now=now) if writing_to else Contacts()

    def _bad_addresses(self, families: Iterable[Family]) -> Mapping[str, str]:
        """The addresses of these families that do not work, and why."""
        own = json.dumps([text.lower() for family in families for text in (family.email, family.phone) if text])
        return dict(self._rows(sql.BAD_ADDRESSES, (own,)))

    def _others(
        self, workflows: Mapping[int, Workflow], instances: Iterable[Instance]
    ) -> Mapping[int, tuple[tuple[int, str], ...]]:
        """For those that queue, and have not begun: the conversations that come before them."""
        queueing = [i for i in instances if i.status is InstanceStatus.PENDING and queues(workflows[i.template_id])]
        if not queueing:
            return {}
        places: dict[str, list[Place]] = defaultdict(list)
        listed = json.dumps(sorted({instance.family_id for instance in queueing}))
        for family_id, instance_id, template_id, status in self._rows(sql.UNFINISHED, (listed,)):
            place = Place(instance_id, self._templates.get(template_id), InstanceStatus(status))
            places[family_id].append(place)
        return {i.instance_id: before(i.instance_id, places[i.family_id]) for i in queueing}

    def _entries(self, ids: str) -> Mapping[int, dict[str, Entry]]:
        found: dict[int, dict[str, Entry]] = defaultdict(dict)
        for row in self._rows(sql.ENTRIES, (ids,)):
            entry = rows.entry_of(row)
            found[row[10]][entry.branch] = entry
        return found

    def _tasks(self, ids: str) -> Mapping[int, list[Task]]:
        found: dict[int, list[Task]] = defaultdict(list)
        for row in self._rows(
            f"{sql.TASKS} WHERE instance_id IN (SELECT value FROM json_each(?)) AND status = 'open'", (ids,)
        ):
            task = rows.task_of(row)
            found[int(task.instance_id or 0)].append(task)
        return found

    def _running(self, ids: str) -> Mapping[int, dict[tuple[str, int, int], Execution]]:
        found: dict[int, dict[tuple[str, int, int], Execution]] = defaultdict(dict)
        for row in self._rows(sql.RUNNING, (ids,)):
            attempt = rows.execution_of(row)
            found[row[0]][attempt.branch, attempt.visit, attempt.attempt] = attempt
        return found

    def _outputs(self, ids: str) -> Mapping[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = defaultdict(dict)
        for instance_id, step_id, output in self._rows(sql.OUTPUTS, (ids,)):
            found[instance_id][step_id] = json.loads(output or "{}")
        return found

    def _ended(self, ids: str) -> Mapping[int, dict[str, datetime]]:
        found: dict[int, dict[str, datetime]] = defaultdict(dict)
        for instance_id, step_id, completed_at in self._rows(sql.ENDED, (ids,)):
            found[instance_id][step_id] = parse_instant(completed_at)
        return found

    def _events(self, family_ids: Collection[str]) -> Mapping[str, list[tuple[str, int]]]:
        found: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for family_id, kind, event_id in self._rows(sql.EVENTS, (json.dumps(sorted(family_ids)),)):
            found[family_id].append((kind, event_id))
        return found

    def _rows(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        return self._db.connection().execute(sql, parameters).fetchall()  # type: ignore[no-any-return]

    # -- saving ---------------------------------------------------------------------------------------------------

    def add(self, cases: Sequence[Case]) -> None:
        """Store new instances; `save` then stores what they have come to."""
        taken = self._taken_slots(cases)
        for case in cases:
            slot = _free_slot(case, taken[case.family.family_id])
            case.instance.stored = rows.new_instance(case.instance, slot)
        self._db.connection().executemany(
            sql.ADD_INSTANCE,
            [
                (
                    case.instance.instance_id,
                    case.instance.template_id,
                    case.instance.family_id,
                    case.instance.triggered_by,
                    format_instant(case.instance.trigger_date),
                    case.instance.stored[-1],
                    _start_key(case),
                    canonical_json(case.instance.context),
                    format_instant(case.instance.trigger_date),
                    rows.text(case.instance.deadline),
                )
                for case in cases
            ],
        )

    def _taken_slots(self, cases: Sequence[Case]) -> Mapping[str, set[str]]:
        """The places that the active instances of each family have."""
        taken: dict[str, set[str]] = defaultdict(set)
        families = json.dumps([case.family.family_id for case in cases])
        for family_id, slot in self._rows(sql.SLOTS, (families,)):
            taken[family_id].add(slot)
        return taken

    def save(self, cases: Iterable[Case], *, now: datetime) -> None:
        """Write what the cases have noted down, with its events, and forget the notes."""
        batch = list(cases)
        connection = self._db.connection()
        sql.INSTANCE.write(
            connection, [(c.instance.instance_id, c.instance.stored, rows.instance_row(c)) for c in batch]
        )
        self._save_entries(connection, batch, now=now)
        self._save_attempts(connection, batch)
        connection.executemany(sql.ADD_TASK, [rows.task_row(task) for case in batch for task in case.journal.opened])
        connection.executemany(
            sql.SAVE_TASK, [rows.task_change(task) for case in batch for task in case.journal.changed]
        )
        LogWriter(self._db).append([event for case in batch for event in case.journal.events])
        for case in batch:
            case.journal.clear()

    def _save_entries(self, connection: Any, batch: Sequence[Case], *, now: datetime) -> None:
        stamp = format_instant(now)
        gone = [(entry.queue_id,) for case in batch for entry in case.journal.removed if entry.queue_id is not None]
        connection.executemany("DELETE FROM workflow_queue WHERE queue_id = ?", gone)
        live = [(case, entry) for case in batch for entry in case.entries.values()]
        sql.ENTRY.write(
            connection, [(e.queue_id, e.stored, rows.entry_row(e)) for _, e in live if e.queue_id is not None]
        )
        connection.executemany(
            sql.ADD_ENTRY,
            [
                (
                    *rows.entry_row(entry),
                    case.instance.instance_id,
                    entry.branch,
                    case.workflow.priority,
                    rows.tries(case),
                    stamp,
                )
                for case, entry in live
                if entry.queue_id is None
            ],
        )

    def _save_attempts(self, connection: Any, batch: Sequence[Case]) -> None:
        connection.executemany(
            sql.ADD_ATTEMPT, [rows.attempt_row(case, attempt) for case in batch for attempt in case.journal.begun]
        )
        connection.executemany(
            sql.SAVE_ATTEMPT, [rows.attempt_end(attempt) for case in batch for attempt in case.journal.ended]
        )


_SCORES = frozenset({"engagement_score", "withdrawal_risk", "family.engagement_score", "family.withdrawal_risk"})


def _free_slot(case: Case, taken: set[str]) -> str:
    """A place among the workflow's `max_concurrent_instances` for the family; the database refuses a taken one."""
    name = case.workflow.name
    places = (f"{name}:{number}" for number in range(case.workflow.max_concurrent_instances))
    slot = next((place for place in places if place not in taken), f"{name}:0")
    taken.add(slot)
    return slot


def _start_key(case: Case) -> str | None:
    cause = case.instance.triggered_by
    if cause.startswith(AS_OFTEN_AS_ASKED):
        return None
    return rows.start_key(case.workflow.name, cause, case.family.family_id)


def _to_mend(instance_id: int, family_id: str, fault: str, now: datetime) -> Task:
    return Task(
        family_id=family_id,
        instance_id=instance_id,
        task_type="fault",
        description=f"Instance {instance_id} cannot be read, so nothing of it goes on until it is mended: {fault}",
        due_date=now,
        priority="high",
        created_date=now,
    )


def _since(events: Iterable[tuple[str, int]], began: int) -> frozenset[str]:
    """The kinds that happened after an instance began: by the order of the log, which no clock can set back."""
    return frozenset(kind for kind, event_id in events if event_id > began)
