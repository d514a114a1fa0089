"""What the judges ask the tables, in plain SQL."""

ENTRIES = """
SELECT event_id, at, kind, family_id, instance_id, actor, data, prev_hash, hash FROM event_log WHERE event_id > ?
ORDER BY event_id
"""
STANDS = "SELECT instance_id, status FROM workflow_instances"
MESSAGE = """
SELECT x.instance_id, x.branch, x.visit, x.step_id, x.step_type, x.status, x.input_data, i.status AS stands, f.consent,
       f.status AS family_status, f.gentle_until, f.email, f.phone, f.time_zone, t.steps
FROM workflow_step_executions x JOIN workflow_instances i USING (instance_id) JOIN families f USING (family_id)
JOIN workflow_templates t USING (template_id) WHERE x.idempotency_key = ?
"""
PLANNED = """
SELECT queue_id, instance_id, branch, visit, scheduled_for, awaits = 'turn' AND attempts = 0 AND chosen_by IS NULL
FROM workflow_queue WHERE scheduled_for IS NOT NULL
"""
TURN = """
SELECT q.instance_id, q.step_id, q.arrived_at, q.reason, f.time_zone, f.phone, f.gentle_until, t.steps, i.trigger_date,
       COALESCE(i.context ->> 'predicted_at', i.context ->> 'scheduled_at', i.trigger_date),
       json_array(json_extract(f.attributes, '$.renewal_date'), json_extract(f.attributes, '$.best_contact_hour'))
FROM workflow_queue q JOIN workflow_instances i USING (instance_id) JOIN families f USING (family_id)
JOIN workflow_templates t USING (template_id) WHERE q.queue_id = ?
"""
ENDED = """
SELECT step_id, MAX(completed_at) FROM workflow_step_executions WHERE instance_id = ? AND completed_at IS NOT NULL
GROUP BY step_id
"""
UNHEARD = "SELECT idempotency_key FROM workflow_step_executions WHERE status = 'running' AND message_id IS NOT NULL"
SAID = """
SELECT allowed, covers, at, how FROM consent_records WHERE channel = ? AND lower(address) = lower(?)
ORDER BY at DESC, record_id DESC LIMIT 1
"""
OVERDUE = {
    "a task has not gone up a level": "SELECT task_id FROM coordinator_tasks"
    " WHERE status = 'open' AND escalation_level = 0 AND escalate_at < ?",
    "nobody was told of a deadline": "SELECT instance_id FROM workflow_instances"
    " WHERE completed_at IS NULL AND deadline_alert_at < ?",
    "a schedule was not looked at": "SELECT template_name FROM workflow_schedules WHERE next_at < ?",
}
BAD = "SELECT since FROM bad_addresses WHERE channel = ? AND lower(address) = lower(?)"
DEFERRED = """
SELECT 1 FROM event_log WHERE instance_id = ? AND kind = 'step.deferred' AND data ->> 'until' = ?
"""
REPLANNED = """
SELECT 1 FROM event_log WHERE instance_id = ? AND kind = 'step.replanned' AND data ->> 'from' = ? AND data ->> 'to' = ?
"""
NAMED = "SELECT 1 FROM workflow_step_executions WHERE instr(output_data, ?)"
STARTED_BY_THE_CLOCK = """
SELECT instance_id, template_name, family_id, triggered_by FROM workflow_instances JOIN workflow_templates
USING (template_id) WHERE triggered_by GLOB 'schedule:*'
"""
HANDS = "SELECT 1 FROM event_log WHERE instance_id = ? AND event_id > ? AND actor <> 'coopflow'"
ENDED_BEFORE = "SELECT instance_id FROM workflow_instances WHERE completed_at < ?"
KEYS_OF = "SELECT idempotency_key FROM workflow_step_executions WHERE instance_id = ? AND idempotency_key IS NOT NULL"
KEYS = """
SELECT x.idempotency_key FROM workflow_step_executions x JOIN workflow_instances USING (instance_id)
WHERE family_id = ?
"""
NEXT_DUE = """
SELECT MIN(at) FROM (
  SELECT MIN(scheduled_for) AS at FROM workflow_queue WHERE status = 'queued' AND reason IS NOT ?
  UNION ALL SELECT MIN(escalate_at) FROM coordinator_tasks WHERE status = 'open'
  UNION ALL SELECT MIN(deadline_alert_at) FROM workflow_instances WHERE completed_at IS NULL
  UNION ALL SELECT MIN(next_at) FROM workflow_schedules
  UNION ALL SELECT MIN(x.created_date) FROM workflow_step_executions x WHERE x.status IN ('pending', 'running')
    AND x.idempotency_key IS NOT NULL AND NOT EXISTS (SELECT 1 FROM workflow_queue q WHERE q.instance_id = x.instance_id
    AND q.branch = x.branch AND q.visit = x.visit AND q.status <> 'processing'))
"""
