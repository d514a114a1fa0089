"""The invariants that one question to the tables can answer: each finds a row that breaks it, or none."""

from collections.abc import Sequence
from typing import NamedTuple


class Rule(NamedTuple):
    """Its number, what is wrong when it is broken, and the question for a row that breaks it."""

    number: str
    broken: str
    question: str


def joined(rules: Sequence[Rule]) -> str:
    """One question for the place of the first rule that a row breaks: to ask it costs half of what asking each does."""
    return f"SELECT CASE {' '.join(f'WHEN EXISTS ({rule.question}) THEN {n}' for n, rule in enumerate(rules))} END"


ACTIVE = "completed_at IS NULL"
TASK_OF_THE_BRANCH = """SELECT 1 FROM coordinator_tasks t
WHERE t.instance_id = q.instance_id AND t.branch = q.branch AND t.status = 'open'"""

AFTER_COMMIT = (
    Rule(
        "4",
        "in doubt, or in front of a person, without an open task",
        f"SELECT q.* FROM workflow_queue q WHERE q.awaits IN ('doubt', 'person', 'task', 'approval')"
        f" AND NOT EXISTS ({TASK_OF_THE_BRANCH})",
    ),
    Rule(
        "5",
        "a branch that nothing will ever bring on",
        "SELECT q.* FROM workflow_queue q WHERE (q.awaits IN ('turn', 'approved', 'time') AND q.scheduled_for IS NULL)"
        " OR (q.awaits = 'send' AND q.scheduled_for IS NULL AND q.status <> 'processing')"
        " OR (q.awaits = 'branches' AND NOT EXISTS (SELECT 1 FROM workflow_queue o WHERE o.instance_id = q.instance_id"
        " AND o.branch LIKE q.branch || '/%'))",
    ),
    Rule(
        "5",
        "an active instance without a place in the queue",
        f"SELECT i.* FROM workflow_instances i WHERE {ACTIVE}"
        " AND NOT EXISTS (SELECT 1 FROM workflow_queue q WHERE q.instance_id = i.instance_id AND q.branch = 'main')",
    ),
    Rule(
        "6",
        "paused, and a branch may be taken up",
        "SELECT i.instance_id FROM workflow_instances i JOIN workflow_queue q USING (instance_id)"
        " WHERE i.status = 'paused' AND q.status = 'queued'",
    ),
    Rule(
        "9",
        "more instances at once than the workflow allows",
        "SELECT i.family_id, t.template_name, COUNT(*) FROM workflow_instances i JOIN workflow_templates t"
        f" USING (template_id) WHERE {ACTIVE} GROUP BY i.family_id, t.template_name"
        " HAVING COUNT(*) > (SELECT MAX(max_concurrent_instances) FROM workflow_templates o"
        " WHERE o.template_name = t.template_name)",
    ),
    Rule(
        "11",
        "one cause has started the same workflow twice",
        "SELECT i.triggered_by, t.template_name, i.family_id FROM workflow_instances i JOIN workflow_templates t"
        " USING (template_id) WHERE i.triggered_by GLOB 'prediction_id:*' OR i.triggered_by GLOB 'event_id:*'"
        " OR i.triggered_by GLOB 'schedule:*' GROUP BY 1, 2, 3 HAVING COUNT(*) > 1",
    ),
    Rule(
        "30",
        "two workflows of a group for one prediction",
        "SELECT i.triggered_by, i.family_id FROM workflow_instances i JOIN workflow_templates t USING (template_id)"
        " WHERE i.triggered_by GLOB 'prediction_id:*' AND t.trigger_conditions ->> 'group' IS NOT NULL"
        " AND i.instance_id NOT IN (SELECT instance_id FROM event_log WHERE kind = 'instance.migrated')"
        " GROUP BY i.triggered_by, i.family_id, t.trigger_conditions ->> 'group' HAVING COUNT(*) > 1",
    ),
    Rule(
        "31",
        "begun again within five days, which its cooldown forbids",
        "SELECT i.instance_id, o.instance_id FROM workflow_instances i JOIN workflow_templates t USING (template_id)"
        " JOIN workflow_instances o ON o.family_id = i.family_id AND o.instance_id < i.instance_id"
        " JOIN workflow_templates p ON p.template_id = o.template_id AND p.template_name = t.template_name"
        " WHERE i.triggered_by GLOB 'prediction_id:*' AND t.trigger_conditions ->> 'cooldown' = '5 days'"
        " AND unixepoch(i.trigger_date) - unixepoch(o.trigger_date) BETWEEN 0 AND 5 * 86400 - 7200",
    ),
    Rule(
        "12",
        "more attempts than the retries allow",
        "SELECT x.instance_id, x.branch, x.step_id, x.visit FROM workflow_step_executions x JOIN workflow_instances"
        " USING (instance_id) JOIN workflow_templates t USING (template_id) WHERE x.idempotency_key IS NOT NULL"
        " AND x.status = 'failed' GROUP BY x.instance_id, x.branch, x.visit"
        " HAVING COUNT(*) > 1 + json_extract(t.retry_strategy, '$.max_retries') AND NOT EXISTS (SELECT 1 FROM event_log"
        " e WHERE e.instance_id = x.instance_id AND e.kind = 'instance.migrated')",
    ),
    Rule(
        "13",
        "ended, and still at work",
        "SELECT i.instance_id FROM workflow_instances i JOIN workflow_queue q USING (instance_id)"
        " WHERE i.completed_at IS NOT NULL",
    ),
    Rule(
        "13",
        "ended, and a message still waits to leave",
        "SELECT i.instance_id FROM workflow_instances i JOIN workflow_step_executions x USING (instance_id)"
        " WHERE i.completed_at IS NOT NULL AND x.status = 'pending'",
    ),
    Rule(
        "13",
        "ended without a time, an outcome, or with a task that a branch waits for",
        "SELECT i.instance_id FROM workflow_instances i WHERE (i.status IN ('completed', 'failed', 'cancelled'))"
        " <> (i.completed_at IS NOT NULL AND i.outcome IS NOT NULL) OR (i.completed_at IS NOT NULL AND EXISTS (SELECT 1"
        " FROM coordinator_tasks t WHERE t.instance_id = i.instance_id AND t.branch > '' AND t.status = 'open'))",
    ),
    Rule(
        "16",
        "its next time is not the earliest of its branches",
        f"SELECT i.instance_id, i.next_execution_at FROM workflow_instances i WHERE {ACTIVE} AND i.next_execution_at"
        " IS NOT (SELECT MIN(scheduled_for) FROM workflow_queue q WHERE q.instance_id = i.instance_id"
        " AND q.status = 'queued')",
    ),
    Rule(
        "20",
        "an escalated task without an owner",
        "SELECT task_id FROM coordinator_tasks WHERE escalation_level > 0 AND status = 'open' AND assignee IS NULL",
    ),
)

TODAY = (  # after a tick that nothing disturbed
    Rule("4", "a message under way after the tick", "SELECT * FROM workflow_queue WHERE status = 'processing'"),
)

BY_DAY = (
    Rule("28", "a row that refers to nothing", "PRAGMA foreign_key_check"),
    Rule(
        "10",
        "a branch at a step that its version does not have",
        "SELECT q.instance_id, q.step_id FROM workflow_queue q JOIN workflow_instances USING (instance_id)"
        " JOIN workflow_templates t USING (template_id) WHERE instr(t.steps, '\"id\":\"' || q.step_id || '\"') = 0",
    ),
)

AT_THE_END = (
    Rule(
        "4",
        "a message handed over, with neither an outcome nor a doubt",
        "SELECT x.instance_id, x.step_id FROM workflow_step_executions x WHERE x.status IN ('pending', 'running')"
        " AND x.idempotency_key IS NOT NULL AND NOT EXISTS (SELECT 1 FROM workflow_queue q"
        " WHERE q.instance_id = x.instance_id AND q.branch = x.branch AND q.visit = x.visit)",
    ),
    Rule(
        "5",
        "held without a reason",
        f"SELECT instance_id FROM workflow_instances WHERE {ACTIVE} AND status = 'paused' AND outcome_notes IS NULL",
    ),
    Rule(
        "25",
        "a branch has been due for two weeks",
        "SELECT q.instance_id, q.scheduled_for FROM workflow_queue q WHERE q.status = 'queued' AND q.scheduled_for <"
        " (SELECT datetime(MAX(at), '-14 days') FROM event_log)",
    ),
)
