"""What a person asks of the database: who needs me, what is running, what is next, what happened, how it went."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from coopflow.core.instants import format_instant
from coopflow.core.model import Prediction
from coopflow.core.states import ACTIVE
from coopflow.store import looking_sql as sql
from coopflow.store.asking import Asking, Row, all_of, listed
from coopflow.store.lock import last_beat
from coopflow.store.log import PAGE, together

ALL = -1  # what LIMIT takes for no limit


class Looking(Asking):
    """Questions that change nothing."""

    # -- the whole ------------------------------------------------------------------------------------------------

    def numbers(
        self,
        *,
        now: datetime,
        end_of_day: datetime,
        since: datetime,
        family_id: str | None = None,
        workflow: str | None = None,
    ) -> Row:
        """The figures at the top of `status`; `failed` counts from `since`."""
        given = {"family_id": family_id, "workflow": workflow}
        where = " AND ".join(f"{_COLUMN[name]} = :{name}" for name, value in given.items() if value is not None)
        scope, ended = (part.format(where=where) if where else "" for part in (sql.SCOPE, sql.ONE_OF_THEM))
        tasks = ended if family_id is None else f"AND family_id = :family_id {ended if workflow else ''}"
        times = {"now": format_instant(now), "end_of_day": format_instant(end_of_day), "since": format_instant(since)}
        return self._ask(sql.NUMBERS.format(scope=scope, tasks=tasks, ended=ended), {**times, **given})[0]

    def anything(self) -> Row:
        """Whether there are families, workflows that may start, and instances: what a first look depends on."""
        return self._ask(sql.ANYTHING)[0]

    def last_tick(self) -> datetime | None:
        """When a tick last left its heartbeat; None: none ever has."""
        path = getattr(self._db, "path", None)
        return None if path is None else last_beat(path)

    def zones(self) -> list[str]:
        """Every time zone that a family or its phone number is in."""
        return [row["zone"] for row in self._ask(sql.ZONES)]

    def families_in(self, zones: Sequence[str]) -> list[Row]:
        """The families in one of these time zones."""
        return self._ask(sql.FAMILIES_IN, (json.dumps(zones),))

    # -- instances ------------------------------------------------------------------------------------------------

    def instances(
        self,
        *,
        ids: Sequence[int] | None = None,
        family_id: str | None = None,
        workflow: str | None = None,
        statuses: Sequence[str] | None = None,
        finished_since: datetime | None = None,
        pressing_first: bool = False,
        limit: int = ALL,
    ) -> list[Row]:
        """Instances with the names of their family and workflow, the newest last.

        `finished_since` leaves out what was finished before. `pressing_first` puts in front what is paused, then what
        is due soonest; what is finished comes last, the latest first.
        """
        where, values = _wanted(ids, family_id, workflow, statuses, finished_since)
        order = sql.PRESSING_FIRST if pressing_first else ""
        order += "+i.instance_id" if statuses else "i.instance_id"  # the + keeps SQLite from going through all for it
        return self._ask(f"{sql.INSTANCES} {where} ORDER BY {order} LIMIT ?", (*values, limit))

    def count(
        self,
        *,
        family_id: str | None = None,
        workflow: str | None = None,
        statuses: Sequence[str] | None = None,
        finished_since: datetime | None = None,
    ) -> int:
        """How many instances `instances` would give without a limit."""
        where, values = _wanted(None, family_id, workflow, statuses, finished_since)
        return int(self._ask(f"{sql.MATCHING} {where}", values)[0]["instances"])

    def last_words(self, kinds: Sequence[str]) -> Iterator[tuple[int, str, str | None]]:
        """Each instance with its status and the latest entry that the trail has of it, of these kinds.

        They are asked for in pages, so that no writer waits for the end.
        """
        last = 0
        while page := self._ask(sql.LAST_WORDS, (last, PAGE, listed(kinds))):
            yield from ((row["instance_id"], row["status"], row["kind"]) for row in page)
            last = page[-1]["instance_id"]

    def halted(self, *, family_id: str | None = None, workflow: str | None = None, limit: int = ALL) -> list[Row]:
        """Paused instances that no task on the desk speaks of: a person paused them."""
        return self._those(sql.HALTED, family_id, workflow, limit)

    def troubled(self, *, family_id: str | None = None, workflow: str | None = None, limit: int = ALL) -> list[Row]:
        """Instances that go on although something went wrong."""
        return self._those(sql.TROUBLED, family_id, workflow, limit)

    def failed(
        self, *, since: datetime, family_id: str | None = None, workflow: str | None = None, limit: int = ALL
    ) -> list[Row]:
        """Instances that failed since then, the latest first."""
        where, values = all_of(
            {sql.FAILED: format_instant(since), "i.family_id = ?": family_id, "t.template_name = ?": workflow}
        )
        return self._ask(f"{sql.INSTANCES} {where} ORDER BY i.completed_at DESC LIMIT ?", (*values, limit))

    def branches(self, instance_ids: Sequence[int]) -> Mapping[int, list[Row]]:
        """The live branches of these instances."""
        found: dict[int, list[Row]] = {}
        for row in self._ask(sql.BRANCHES, (listed(instance_ids),)):
            found.setdefault(row["instance_id"], []).append(row)
        return found

    def attempts(self, instance_id: int) -> list[Row]:
        """Every attempt at every step of an instance, oldest first."""
        return self._ask(sql.ATTEMPTS, (instance_id,))

    def messages(self, family_id: str, *, limit: int) -> list[Row]:
        """What was sent to a family, or tried to be, the latest first."""
        return self._ask(sql.MESSAGES, (family_id, limit))

    def references(self, channel: str, to: str) -> set[str]:
        """What the other side calls the messages to one address that it has taken."""
        return {str(row["reference"]) for row in self._ask(sql.REFERENCES_TO, (channel, to))}

    # -- the desk -------------------------------------------------------------------------------------------------

    def open_tasks(
        self,
        *,
        now: datetime,
        family_id: str | None = None,
        workflow: str | None = None,
        limit: int = ALL,
    ) -> list[Row]:
        """Open tasks with the names of their family and workflow: overdue ones first, then by priority and due date."""
        where, values = all_of({"k.status = ?": "open", "k.family_id = ?": family_id, "t.template_name = ?": workflow})
        return self._ask(f"{sql.TASKS} {where} {sql.MOST_URGENT_TASKS}", (*values, format_instant(now), limit))

    def open_task_ids(self, instance_ids: Sequence[int]) -> Mapping[tuple[int, str], int]:
        """The open task of each branch of these instances that has one."""
        rows = self._ask(sql.OPEN_TASK_IDS, (listed(instance_ids),))
        return {(row["instance_id"], row["branch"]): row["task_id"] for row in rows}

    def tasks(self, instance_id: int) -> list[Row]:
        """Every task of an instance, open or closed, oldest first."""
        return self._ask(f"{sql.TASKS} WHERE k.instance_id = ? ORDER BY k.task_id", (instance_id,))

    # -- what happened --------------------------------------------------------------------------------------------

    def events(self, *, instance_id: int | None = None, family_id: str | None = None) -> list[Row]:
        """The audit trail of an instance, or of a family."""
        where, value = ("e.instance_id = ?", instance_id) if instance_id is not None else ("e.family_id = ?", family_id)
        return self._entries(f"{sql.EVENTS} WHERE {where} ORDER BY e.event_id", (value,))

    def events_after(self, event_id: int) -> list[Row]:
        """The entries of the audit trail that came after one, oldest first."""
        return self._entries(f"{sql.EVENTS} WHERE e.event_id > ? ORDER BY e.event_id", (event_id,))

    def _entries(self, question: str, values: Sequence[object]) -> list[Row]:
        """Entries of the trail as they were told, with the words that lie apart from them."""
        rows = [(row, together(row["data"], row["personal"])) for row in self._ask(question, values)]
        return [{**row, "data": data, "personal": personal} for row, (data, personal) in rows]

    def kinds_after(self, event_id: int) -> dict[str, int]:
        """How many entries of each kind the audit trail has after one."""
        return {row["kind"]: row["entries"] for row in self._ask(sql.KINDS_AFTER, (event_id,))}

    def outside_events(
        self, family_id: str, *, kind: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> list[Row]:
        """What happened outside and concerns a family, oldest first."""
        where, values = all_of(
            {
                sql.OUTSIDE: family_id,
                "e.kind = ?": kind,
                "e.at >= ?": since and format_instant(since),
                "e.at <= ?": until and format_instant(until),
            }
        )
        return self._entries(f"{sql.EVENTS} {where} ORDER BY e.event_id", values)

    def verdicts(self, family_id: str, *, limit: int) -> list[Row]:
        """The latest starts of a family's instances, and the refusals to start one, the latest first."""
        return self._entries(f"{sql.EVENTS} WHERE {sql.VERDICTS} ORDER BY e.event_id DESC LIMIT ?", (family_id, limit))

    def latest_prediction(self, family_id: str) -> tuple[Prediction, datetime, str | None] | None:
        """The prediction about a family that came in last, when it did, and what came of it."""
        found = self._ask(sql.PREDICTION, (family_id,))
        if not found:
            return None
        columns = dict(found[0])
        received_at, verdict = columns.pop("received_at"), columns.pop("verdict")
        return Prediction(**columns), received_at, verdict

    # -- how it went ----------------------------------------------------------------------------------------------

    def by_status(self, *, since: datetime, now: datetime, workflow: str | None = None) -> list[Row]:
        """Count and mean duration per workflow and status, of the instances that began since then."""
        return self._ask(sql.BY_STATUS, _period(since, now, workflow))

    def by_step(self, *, since: datetime, now: datetime, workflow: str | None = None) -> list[Row]:
        """Count and mean duration per step and status, of the attempts that began since then."""
        return self._ask(sql.BY_STEP, _period(since, now, workflow))

    def by_channel(self, *, since: datetime, now: datetime, workflow: str | None = None) -> list[Row]:
        """Messages per channel and status, of those that were begun since then."""
        return self._ask(sql.BY_CHANNEL, _period(since, now, workflow))

    # -- families -------------------------------------------------------------------------------------------------

    def family_ids(self, text: str) -> list[str]:
        """Families with exactly this id, else this name, else whose name begins with it."""
        for clause in sql.FAMILIES:
            rows = self._ask(f"SELECT family_id FROM families WHERE {clause} ORDER BY family_id", (text,))
            if rows:
                return [row["family_id"] for row in rows]
        return []

    def _those(self, condition: str, family_id: str | None, workflow: str | None, limit: int) -> list[Row]:
        where, values = all_of({"i.family_id = ?": family_id, "t.template_name = ?": workflow})
        question = f"{sql.INSTANCES} {where or 'WHERE TRUE'} AND {condition} ORDER BY +i.instance_id LIMIT ?"
        return self._ask(question, (*values, limit))


_COLUMN = {"family_id": "i.family_id", "workflow": "t.template_name"}


def _wanted(
    ids: Sequence[int] | None,
    family_id: str | None,
    workflow: str | None,
    statuses: Sequence[str] | None,
    finished_since: datetime | None,
) -> tuple[str, tuple[object, ...]]:
    return all_of(
        {
            "i.instance_id IN (SELECT value FROM json_each(?))": listed(ids),
            "i.family_id = ?": family_id,
            "t.template_name = ?": workflow,
            f"{sql.IN_STATUS} {_still_active(statuses)}": listed(statuses),
            "(i.completed_at IS NULL OR i.completed_at >= ?)": finished_since and format_instant(finished_since),
        }
    )


def _still_active(statuses: Sequence[str] | None) -> str:
    """What lets the index of the active instances be used, where no finished ones are asked for."""
    return "AND i.completed_at IS NULL" if statuses and ACTIVE.issuperset(statuses) else ""


def _period(since: datetime, now: datetime, workflow: str | None) -> Mapping[str, str | None]:
    return {"since": format_instant(since), "now": format_instant(now), "workflow": workflow}
