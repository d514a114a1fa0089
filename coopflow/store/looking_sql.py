"""The statements behind `looking`. What is `{in braces}` is filled with one more condition, or with nothing.

CROSS JOIN keeps the order of the tables as it is written: what was chosen first, then its family and its workflow.
"""

INSTANCES = """
SELECT i.instance_id, i.family_id, f.family_name, f.time_zone, i.template_id, t.template_name AS workflow, t.version,
       i.status, i.current_step, i.triggered_by, i.trigger_date, i.started_at, i.completed_at, i.next_execution_at,
       i.outcome, i.outcome_notes, i.error_count, i.last_error, i.deadline, t.priority
FROM workflow_instances i CROSS JOIN workflow_templates t USING (template_id) CROSS JOIN families f USING (family_id)
"""
PRESSING_FIRST = """
i.completed_at IS NOT NULL, i.completed_at DESC, i.status <> 'paused', i.next_execution_at IS NULL, i.next_execution_at,
"""
MATCHING = "SELECT COUNT(*) AS instances FROM workflow_instances i JOIN workflow_templates t USING (template_id)"
IN_STATUS = "i.status IN (SELECT value FROM json_each(?))"
# Paused, and no task on the desk says why: a person paused it.
HALTED = """
i.completed_at IS NULL AND i.status = 'paused'
AND NOT EXISTS (SELECT 1 FROM coordinator_tasks k WHERE k.instance_id = i.instance_id
                AND k.status = 'open' AND k.task_type IN ('person', 'doubt'))
"""
TROUBLED = "i.completed_at IS NULL AND i.status IN ('pending', 'running') AND i.last_error IS NOT NULL"
FAILED = "i.status = 'failed' AND i.completed_at >= ?"
BRANCHES = """
SELECT instance_id, branch, step_id, visit, attempts, status, awaits, scheduled_for, arrived_at, reason
FROM workflow_queue WHERE instance_id IN (SELECT value FROM json_each(?)) ORDER BY instance_id, queue_id
"""
TASKS = """
SELECT k.task_id, k.instance_id, k.family_id, f.family_name, t.template_name AS workflow, i.template_id, k.step_id,
       k.branch, k.task_type, k.description, k.due_date, k.priority, k.assignee, k.status, k.outcome, k.notes,
       k.created_date, k.completed_at
FROM coordinator_tasks k CROSS JOIN families f USING (family_id) LEFT JOIN workflow_instances i USING (instance_id)
     LEFT JOIN workflow_templates t USING (template_id)
"""
OPEN_TASK_IDS = """
SELECT instance_id, branch, task_id FROM coordinator_tasks
WHERE status = 'open' AND branch IS NOT NULL AND instance_id IN (SELECT value FROM json_each(?))
"""
MOST_URGENT_TASKS = """
ORDER BY COALESCE(k.due_date < ?, 0) DESC, k.priority = 'high' DESC, k.priority = 'normal' DESC,
         k.due_date IS NULL, k.due_date, k.task_id LIMIT ?
"""
ATTEMPTS = """
SELECT execution_id, step_id, step_name, step_type, branch, status, started_at, completed_at, input_data, output_data,
       success, error_message, retry_count, message_id, idempotency_key
FROM workflow_step_executions WHERE instance_id = ? ORDER BY execution_id
"""
MESSAGES = """
SELECT x.execution_id, x.instance_id, t.template_name AS workflow, x.step_id, x.step_name, x.step_type AS channel,
       x.status, x.started_at, x.completed_at, x.input_data, x.error_message, x.message_id
FROM workflow_instances i CROSS JOIN workflow_step_executions x USING (instance_id)
     CROSS JOIN workflow_templates t USING (template_id)
WHERE i.family_id = ? AND x.idempotency_key IS NOT NULL AND x.step_type IN ('email', 'sms')
ORDER BY x.execution_id DESC LIMIT ?
"""
REFERENCES_TO = """
SELECT json_extract(output_data, '$.reference') AS reference FROM workflow_step_executions
WHERE status = 'completed' AND step_type = ? AND json_extract(input_data, '$.to') = ?
"""
EVENTS = """
SELECT e.event_id, e.at, e.kind, e.family_id, e.instance_id, e.actor, e.data, p.data AS personal
FROM event_log e LEFT JOIN event_personal p USING (event_id)
"""
ZONES = """
SELECT time_zone AS zone FROM families WHERE time_zone IS NOT NULL
UNION SELECT value FROM families, json_each(families.phone_zones)
"""
FAMILIES_IN = """
SELECT family_id, family_name, time_zone FROM families
WHERE time_zone IN (SELECT value FROM json_each(?)) ORDER BY family_id
"""
KINDS_AFTER = "SELECT kind, COUNT(*) AS entries FROM event_log WHERE event_id > ? GROUP BY kind"
# What happened outside belongs to a family; an instance sees what came while it was active.
OUTSIDE = "instr(e.kind, '.') = 0 AND e.family_id = ?"
VERDICTS = "(e.kind GLOB 'trigger.*' OR e.kind = 'instance.started') AND e.family_id = ?"
PREDICTION = """
SELECT prediction_id, family_id, predicted_probability, confidence_score, prediction_window_days, prediction_type,
       predicted_at, received_at, recommendations, extra, verdict
FROM ml_predictions WHERE family_id = ? ORDER BY received_at DESC, rowid DESC LIMIT 1
"""
BY_STATUS = """
SELECT t.template_name AS workflow, i.status, COUNT(*) AS instances,
       AVG(unixepoch(COALESCE(i.completed_at, :now)) - unixepoch(i.trigger_date)) AS mean_seconds,
       COALESCE(SUM(i.outcome = 'success'), 0) AS success,
       COALESCE(SUM(i.outcome = 'partial_success'), 0) AS partial_success
FROM workflow_instances i JOIN workflow_templates t USING (template_id)
WHERE i.trigger_date >= :since AND (:workflow IS NULL OR t.template_name = :workflow) GROUP BY 1, 2 ORDER BY 1, 2
"""
BY_STEP = """
SELECT t.template_name AS workflow, x.step_id, MAX(x.step_name) AS step_name, x.step_type, x.status,
       COUNT(*) AS attempts, AVG(unixepoch(COALESCE(x.completed_at, :now)) - unixepoch(x.started_at)) AS mean_seconds
FROM workflow_step_executions x JOIN workflow_instances i USING (instance_id)
     JOIN workflow_templates t USING (template_id)
WHERE x.started_at >= :since AND (:workflow IS NULL OR t.template_name = :workflow)
GROUP BY t.template_name, x.step_id, x.step_type, x.status ORDER BY 1, MIN(x.step_number), 2, 5
"""
BY_CHANNEL = """
SELECT x.step_type AS channel, x.status, COUNT(*) AS messages
FROM workflow_step_executions x JOIN workflow_instances i USING (instance_id)
     JOIN workflow_templates t USING (template_id)
WHERE x.idempotency_key IS NOT NULL AND x.started_at >= :since AND (:workflow IS NULL OR t.template_name = :workflow)
GROUP BY 1, 2 ORDER BY 1, 2
"""
NUMBERS = """
SELECT (SELECT COUNT(*) FROM coordinator_tasks x WHERE status = 'open' {tasks}) AS open_tasks,
       (SELECT COUNT(*) FROM coordinator_tasks x WHERE status = 'open' AND due_date < :now {tasks}) AS overdue_tasks,
       (SELECT COUNT(*) FROM coordinator_tasks x
        WHERE status = 'open' AND (due_date < :now OR priority = 'high') {tasks}) AS urgent_tasks,
       (SELECT COUNT(*) FROM coordinator_tasks x
        WHERE status = 'open' AND due_date >= :now AND due_date < :end_of_day {tasks}) AS tasks_due_today,
       (SELECT COUNT(*) FROM workflow_queue WHERE awaits = 'doubt' {scope}) AS in_doubt,
       (SELECT COUNT(*) FROM workflow_queue WHERE awaits = 'person' {scope}) AS on_hold,
       (SELECT COUNT(*) FROM workflow_instances WHERE completed_at IS NULL AND status = 'paused' {scope}) AS paused,
       (SELECT COUNT(*) FROM workflow_instances WHERE completed_at IS NULL AND status <> 'paused' {scope}) AS running,
       (SELECT COUNT(*) FROM workflow_queue
        WHERE status = 'queued' AND scheduled_for < :end_of_day {scope}) AS due_today,
       (SELECT COUNT(*) FROM workflow_queue WHERE status = 'queued' AND scheduled_for <= :now {scope}) AS due_now,
       (SELECT MIN(scheduled_for) FROM workflow_queue
        WHERE status = 'queued' AND scheduled_for > :now {scope}) AS next_execution_at,
       (SELECT COUNT(*) FROM workflow_instances
        WHERE completed_at IS NULL AND status <> 'paused' AND last_error IS NOT NULL {scope}) AS troubled,
       (SELECT COUNT(*) FROM workflow_instances x WHERE status = 'failed' AND completed_at >= :since {ended}) AS failed
"""
SCOPE = """
AND instance_id IN (SELECT i.instance_id FROM workflow_instances i CROSS JOIN workflow_templates t USING (template_id)
                    WHERE i.completed_at IS NULL AND {where})
"""
ONE_OF_THEM = """
AND EXISTS (SELECT 1 FROM workflow_instances i CROSS JOIN workflow_templates t USING (template_id)
            WHERE i.instance_id = x.instance_id AND {where})
"""
ANYTHING = """
SELECT EXISTS (SELECT 1 FROM families) AS families, EXISTS (SELECT 1 FROM workflow_templates WHERE active) AS workflows,
       EXISTS (SELECT 1 FROM workflow_instances) AS instances
"""
FAMILIES = (  # asked in this order; the first one that finds anything is the answer
    "family_id = ?1",
    "family_name = ?1 COLLATE NOCASE",
    "substr(family_name, 1, length(?1)) = ?1 COLLATE NOCASE",
)
LAST_WORDS = """
SELECT i.instance_id, i.status,
  (SELECT l.kind FROM event_log l
   WHERE l.instance_id = i.instance_id AND l.kind IN (SELECT value FROM json_each(?3))
   ORDER BY l.event_id DESC LIMIT 1) AS kind
FROM workflow_instances i WHERE i.instance_id > ?1 ORDER BY i.instance_id LIMIT ?2
"""
