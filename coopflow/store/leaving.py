"""What is asked of the ledger about messages: how many are due, how many left in each tick, which ones rest."""

import json
from datetime import datetime

from coopflow.core.case import ENGINE
from coopflow.core.instants import format_instant
from coopflow.store.asking import Asking, Row

# The few messages that have not ended have an index of their own; by their keys SQLite would go through all.
UNDER_WAY = "workflow_step_executions x INDEXED BY executions_under_way"
IS_UNDER_WAY = "x.status IN ('pending', 'running') AND x.idempotency_key IS NOT NULL"
DUE = "SELECT COUNT(*) AS entries FROM workflow_queue WHERE status = 'queued' AND scheduled_for <= ?"
BY_TICK = """
SELECT completed_at, COUNT(*) AS messages FROM workflow_step_executions
WHERE idempotency_key IS NOT NULL AND status = 'completed' AND completed_at >= ? GROUP BY completed_at
"""
RESTING = f"""
SELECT DISTINCT q.instance_id
FROM {UNDER_WAY} CROSS JOIN workflow_queue q USING (instance_id, branch, visit)
WHERE {IS_UNDER_WAY} AND x.status = 'pending' AND q.awaits = 'send' AND q.status <> 'processing'
ORDER BY q.instance_id
"""
WAITING = f"""
SELECT x.step_type AS channel, q.reason, COUNT(*) AS messages
FROM {UNDER_WAY} CROSS JOIN workflow_queue q USING (instance_id, branch, visit)
WHERE {IS_UNDER_WAY} AND x.status = 'pending'
  AND q.awaits = 'send' AND q.status = 'queued' AND q.reason LIKE 'trying again; %'
GROUP BY 1, 2 ORDER BY 1, 2
"""
LAST_DEED = f"""
SELECT MAX(at) AS at FROM event_log WHERE actor <> '{ENGINE}' AND kind IN (SELECT value FROM json_each(?))
"""
DEEDS = (
    *(f"task.{verb}" for verb in ("done", "dismissed", "assigned", "snoozed", "reopened")),
    *(f"instance.{verb}" for verb in ("paused", "resumed", "cancelled", "moved", "snoozed", "hurried", "noted")),
    *("step.approved", "step.skipped", "doubt.resolved", "delivery.live", "delivery.released", "message.recalled"),
)  # what only a person does
FATES = """
SELECT x.step_type AS channel,
       CASE x.status WHEN 'completed' THEN 'accepted' WHEN 'failed' THEN 'failed' WHEN 'skipped' THEN 'withdrawn'
            ELSE 'under_way' END AS fate,
       COUNT(*) AS messages
FROM workflow_step_executions x
WHERE x.idempotency_key IS NOT NULL AND COALESCE(x.completed_at, x.started_at) >= ? GROUP BY 1, 2 ORDER BY 1, 2
"""
PROVEN = """
SELECT DISTINCT step_type AS channel FROM workflow_step_executions
WHERE idempotency_key IS NOT NULL AND status = 'completed'
  AND COALESCE(json_extract(output_data, '$.reference'), '') NOT LIKE step_type || '/%'
UNION SELECT json_extract(data, '$.channel') FROM event_log
WHERE kind = 'message.tested' AND json_extract(data, '$.fate') = 'accepted'
  AND json_extract(data, '$.transport') <> 'outbox'
"""
REHEARSED = """
WITH live (since, until) AS (
  SELECT l.at, (SELECT MIN(e.at) FROM event_log e WHERE e.kind = 'delivery.ended' AND e.event_id > l.event_id)
  FROM event_log l WHERE l.kind = 'delivery.live'
)
SELECT t.template_name AS workflow, COUNT(DISTINCT i.instance_id) AS instances
FROM workflow_instances i JOIN workflow_templates t USING (template_id)
JOIN workflow_step_executions x USING (instance_id)
WHERE i.completed_at IS NULL AND x.status = 'completed' AND x.step_type IN ('email', 'sms')
  AND NOT EXISTS (SELECT 1 FROM live WHERE x.completed_at >= since AND (until IS NULL OR x.completed_at < until))
GROUP BY 1 ORDER BY 2 DESC, 1
"""
BY_STATUS = "SELECT status, COUNT(*) AS instances FROM workflow_instances GROUP BY status ORDER BY status"


class Leaving(Asking):
    """Questions about what leaves the house."""

    def count_due(self, *, now: datetime, reason: str | None = None) -> int:
        """How many branches are due; with a reason, only those that stand there for it."""
        where, values = ("", ()) if reason is None else (" AND reason = ?", (reason,))
        return int(self._ask(DUE + where, (format_instant(now), *values))[0]["entries"])

    def messages_by_tick(self, *, since: datetime) -> list[tuple[datetime, int]]:
        """How many messages were accepted in each tick since then: all those of one tick bear its instant."""
        return [(row["completed_at"], row["messages"]) for row in self._ask(BY_TICK, (format_instant(since),))]

    def resting(self) -> list[int]:
        """The instances with a message on record that has not left and is not on its way."""
        return [row["instance_id"] for row in self._ask(RESTING)]

    def proven(self) -> frozenset[str]:
        """The channels by which a message, or a test, has left for a server, and not become a file of the outbox."""
        return frozenset(row["channel"] for row in self._ask(PROVEN))

    def rehearsed(self) -> dict[str, int]:
        """How many active instances, by workflow, have a message behind them that no family got: nothing was live."""
        return {row["workflow"]: row["instances"] for row in self._ask(REHEARSED)}

    def waiting(self) -> dict[tuple[str, str], int]:
        """The messages that a transport which is out of order could not take, by channel and reason."""
        found: dict[tuple[str, str], int] = {}
        for row in self._ask(WAITING):
            name = (row["channel"], row["reason"].split("; ")[1])
            found[name] = found.get(name, 0) + row["messages"]
        return found

    def last_deed(self) -> datetime | None:
        """When a person last did anything with tasks, instances or messages; None: nobody ever has."""
        found: datetime | None = self._ask(LAST_DEED, (json.dumps(DEEDS),))[0]["at"]
        return found

    def fates(self, *, since: datetime) -> list[Row]:
        """How many messages came to what since then, by channel."""
        return self._ask(FATES, (format_instant(since),))

    def by_status(self) -> dict[str, int]:
        """How many instances there are of each status."""
        return {row["status"]: row["instances"] for row in self._ask(BY_STATUS)}
