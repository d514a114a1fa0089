"""The statements of the hot path, kept together so that their columns can be compared with `rows`."""

from coopflow.store.changes import Table

INSTANCE = Table(
    "workflow_instances",
    key="instance_id",
    columns=(
        *("template_id", "status", "current_step", "started_at", "completed_at", "next_execution_at"),
        *("outcome", "outcome_notes", "error_count", "last_error", "deadline_alert_at", "slot"),
    ),
)
ENTRY = Table(
    "workflow_queue",
    key="queue_id",
    columns=(
        *("step_id", "visit", "attempts", "status", "awaits", "scheduled_for", "arrived_at", "reason", "chosen_by"),
        "last_attempt_at",
    ),
)
INSTANCES = f"""
SELECT {", ".join(INSTANCE.columns)}, instance_id, family_id, triggered_by, trigger_date, context, deadline,
       (SELECT MIN(event_id) FROM event_log WHERE event_log.instance_id = workflow_instances.instance_id)
FROM workflow_instances WHERE instance_id IN (SELECT value FROM json_each(?))
"""
ENTRIES = f"""
SELECT {", ".join(ENTRY.columns)}, instance_id, queue_id, branch
FROM workflow_queue WHERE instance_id IN (SELECT value FROM json_each(?)) ORDER BY queue_id
"""
ACTIVE_ONES = """
SELECT instance_id FROM workflow_instances INDEXED BY instances_active
WHERE completed_at IS NULL ORDER BY instance_id
"""
WAITING = """
SELECT DISTINCT instance_id FROM workflow_queue
WHERE awaits = 'turn' AND attempts = 0 AND chosen_by IS NULL AND scheduled_for IS NOT NULL ORDER BY instance_id
"""
TASKS = """
SELECT task_id, family_id, task_type, description, due_date, priority, instance_id, step_id, branch, assignee, status,
       outcome, notes, created_date, completed_at, escalation_level, escalate_at
FROM coordinator_tasks
"""
RUNNING = """
SELECT instance_id, execution_id, branch, step_id, step_number, step_name, step_type, visit, retry_count, status,
       started_at, input_data, idempotency_key, message_id
FROM workflow_step_executions
WHERE instance_id IN (SELECT value FROM json_each(?)) AND status IN ('pending', 'running')
"""
OUTPUTS = """
SELECT instance_id, step_id, output_data FROM workflow_step_executions
WHERE instance_id IN (SELECT value FROM json_each(?)) AND status = 'completed' ORDER BY execution_id
"""
ENDED = """
SELECT instance_id, step_id, MAX(completed_at) FROM workflow_step_executions
WHERE instance_id IN (SELECT value FROM json_each(?)) AND completed_at IS NOT NULL GROUP BY instance_id, step_id
"""
EVENTS = """
SELECT family_id, kind, MAX(event_id) FROM event_log
WHERE family_id IN (SELECT value FROM json_each(?)) AND instr(kind, '.') = 0 GROUP BY family_id, kind
"""
CONTACTS = """
SELECT i.family_id, x.step_type, json_extract(x.input_data, '$.to'),
       COALESCE(x.completed_at, CASE WHEN x.status = 'running' THEN
         (SELECT q.last_attempt_at FROM workflow_queue q
          WHERE q.instance_id = x.instance_id AND q.branch = x.branch AND q.visit = x.visit) END, x.started_at) AS at,
       x.message_id, i.instance_id, i.template_id, x.step_id
FROM (SELECT instance_id, template_id, family_id FROM workflow_instances
      WHERE family_id IN (SELECT value FROM json_each(?1)) AND completed_at IS NULL
      UNION ALL SELECT instance_id, template_id, family_id FROM workflow_instances
      WHERE family_id IN (SELECT value FROM json_each(?1)) AND completed_at >= ?2) i
CROSS JOIN workflow_step_executions x USING (instance_id)
WHERE at >= ?2 AND x.idempotency_key IS NOT NULL
  AND x.step_type IN ('email', 'sms') AND (x.status IN ('pending', 'running', 'completed')
       OR x.status = 'failed' AND json_extract(x.output_data, '$.status') = 'unknown')
"""
SAME_ADDRESS = """
SELECT family_id FROM families
WHERE email IS NOT NULL AND lower(email) IN (SELECT lower(value) FROM json_each(?1))
UNION ALL SELECT family_id FROM families WHERE phone IN (SELECT value FROM json_each(?1))
"""
BAD_ADDRESSES = """
SELECT address, reason FROM bad_addresses
WHERE channel IN ('email', 'sms') AND address IN (SELECT value FROM json_each(?))
"""
UNFINISHED = """
SELECT family_id, instance_id, template_id, status FROM workflow_instances
WHERE completed_at IS NULL AND family_id IN (SELECT value FROM json_each(?)) ORDER BY instance_id
"""
NEAR_DEADLINE = """
SELECT instance_id FROM workflow_instances
WHERE completed_at IS NULL AND deadline_alert_at IS NOT NULL AND deadline_alert_at <= ? ORDER BY deadline_alert_at
"""
SLOTS = """
SELECT family_id, slot FROM workflow_instances
WHERE family_id IN (SELECT value FROM json_each(?)) AND slot IS NOT NULL
"""
ADD_INSTANCE = """
INSERT INTO workflow_instances (instance_id, template_id, family_id, triggered_by, trigger_date, status, slot,
                                start_key, context, created_date, deadline)
VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?)
"""
ADD_ENTRY = f"""
INSERT INTO workflow_queue ({", ".join(ENTRY.columns)},
                            instance_id, branch, priority, max_attempts, created_date)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
ADD_ATTEMPT = """
INSERT INTO workflow_step_executions (instance_id, step_number, step_name, step_type, status, started_at, completed_at,
       input_data, output_data, success, error_message, retry_count, created_date, branch, step_id, visit,
       idempotency_key, message_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
SAVE_ATTEMPT = """
UPDATE workflow_step_executions SET status = ?, completed_at = ?, output_data = ?, success = ?, error_message = ?
WHERE execution_id = ?
"""
ADD_TASK = """
INSERT INTO coordinator_tasks (family_id, task_type, description, due_date, priority, instance_id, step_id, branch,
       assignee, status, outcome, notes, created_date, completed_at, escalation_level, escalate_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
SAVE_TASK = """
UPDATE coordinator_tasks SET description = ?, due_date = ?, priority = ?, assignee = ?, status = ?, outcome = ?,
       notes = ?, completed_at = ?, escalation_level = ?, escalate_at = ? WHERE task_id = ?
"""

# An instance that cannot be read is held back without being read.
COUNT_FAULT = "UPDATE workflow_instances SET error_count = error_count + 1, last_error = ? WHERE instance_id = ?"
PUT_OFF = """
UPDATE workflow_queue SET status = 'queued', scheduled_for = ?, reason = ?
WHERE instance_id = ? AND (status = 'queued' AND scheduled_for <= ? OR status = 'processing')
"""
FAULTS = "SELECT family_id, error_count, status FROM workflow_instances WHERE instance_id = ?"
HOLD_UNREAD = "UPDATE workflow_instances SET status = 'paused', outcome_notes = ? WHERE instance_id = ?"
HOLD_QUEUE = "UPDATE workflow_queue SET status = 'paused' WHERE instance_id = ? AND status = 'queued'"
NEXT_TIME = """
UPDATE workflow_instances SET next_execution_at =
  (SELECT MIN(scheduled_for) FROM workflow_queue WHERE instance_id = ?1 AND status = 'queued')
WHERE instance_id = ?1
"""
