"""Version 4: writing a step costs less, with the same columns and the same checks.

For `x IN (…)` with more than two values SQLite builds a table, anew for each row that is checked, and a column that is
UNIQUE has its NULLs in an index too. A check cannot be changed in place everywhere (some systems forbid it), so four
tables are made anew, with their rows. Two indexes of the audit trail held more than anybody asks for.
"""

from coopflow.store.migrations.v0001 import spelled_out


def _one_of(column: str, values: str) -> str:
    return " OR ".join(f"{column} = '{value}'" for value in values.split())


def _made_anew(table: str, definition: str) -> tuple[str, ...]:
    return (
        spelled_out(definition).replace(table, f"{table}_anew", 1),
        f"INSERT INTO {table}_anew SELECT * FROM {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE {table}_anew RENAME TO {table}",
    )


WORKFLOW_INSTANCES = _made_anew(
    "workflow_instances",
    f"""
CREATE TABLE workflow_instances (
  instance_id INTEGER PRIMARY KEY,
  template_id INTEGER NOT NULL REFERENCES workflow_templates ON DELETE RESTRICT,  -- the version it keeps to the end
  family_id TEXT NOT NULL REFERENCES families ON DELETE RESTRICT,
  triggered_by TEXT NOT NULL CHECK (triggered_by <> ''),  -- prediction_id:12345, event_id:67890, schedule:…, manual:…
  trigger_date TEXT NOT NULL CHECK (trigger_date GLOB @INSTANT),
  status TEXT NOT NULL CHECK ({_one_of("status", "pending running paused completed failed cancelled")}),
  current_step TEXT,  -- the id of the step that the main branch stands at
  started_at TEXT CHECK (started_at GLOB @INSTANT),  -- when its first step began
  completed_at TEXT CHECK (completed_at GLOB @INSTANT),
  next_execution_at TEXT CHECK (next_execution_at GLOB @INSTANT),  -- the earliest of its queue entries
  outcome TEXT CHECK ({_one_of("outcome", "success partial_success failed cancelled")}),
  outcome_notes TEXT,
  error_count INTEGER NOT NULL DEFAULT 0 CHECK (error_count >= 0),  -- failures since the last success
  last_error TEXT,
  created_date TEXT NOT NULL CHECK (created_date GLOB @INSTANT),
  context TEXT NOT NULL CHECK (json_valid(context) AND json_type(context) = 'object'),  -- what triggered it, as it was
  slot TEXT,  -- workflow:k while it is active: with the family unique, so never more at once than the workflow allows
  start_key TEXT UNIQUE,  -- workflow|triggered_by|family: the same cause never starts the same workflow twice
  deadline TEXT CHECK (deadline GLOB @INSTANT),  -- until when it must have come to something
  deadline_alert_at TEXT CHECK (deadline_alert_at GLOB @INSTANT),  -- when a person is told that it is near
  CHECK (({_one_of("status", "pending running paused")}) = (completed_at IS NULL)),
  CHECK ((outcome IS NULL) = (completed_at IS NULL)),
  CHECK (completed_at IS NULL OR (slot IS NULL AND next_execution_at IS NULL))
) STRICT
""",
)

WORKFLOW_STEP_EXECUTIONS = _made_anew(
    "workflow_step_executions",
    f"""
CREATE TABLE workflow_step_executions (
  -- One attempt at one step. It is also the ledger of what left the house.
  execution_id INTEGER PRIMARY KEY,
  instance_id INTEGER NOT NULL REFERENCES workflow_instances ON DELETE RESTRICT,
  step_number INTEGER NOT NULL CHECK (step_number >= 0),  -- 0-based position in its own list
  step_name TEXT NOT NULL,
  step_type TEXT NOT NULL CHECK (step_type <> ''),
  status TEXT NOT NULL CHECK ({_one_of("status", "pending running completed failed skipped")}),
  started_at TEXT NOT NULL CHECK (started_at GLOB @INSTANT),
  completed_at TEXT CHECK (completed_at GLOB @INSTANT),
  -- What it was given; of a message, the final words:
  input_data TEXT CHECK (input_data IS NULL OR (json_valid(input_data) AND json_type(input_data) = 'object')),
  -- What it came to:
  output_data TEXT CHECK (output_data IS NULL OR (json_valid(output_data) AND json_type(output_data) = 'object')),
  success INTEGER,  -- 1, 0, or NULL while it is not decided, and for a skipped step
  error_message TEXT,
  retry_count INTEGER NOT NULL CHECK (retry_count >= 0),  -- attempts at this visit before this one
  created_date TEXT NOT NULL CHECK (created_date GLOB @INSTANT),
  branch TEXT NOT NULL CHECK (branch <> ''),  -- main, or the branch of a parallel step
  step_id TEXT NOT NULL CHECK (step_id <> ''),
  visit INTEGER NOT NULL CHECK (visit >= 0),  -- a step can be come to more than once; each time is a visit
  idempotency_key TEXT,  -- only what leaves the house has one; no two are alike
  message_id TEXT,  -- the same for all attempts at one message
  CHECK (({_one_of("status", "pending running")}) = (completed_at IS NULL)),
  CHECK (success IS CASE status WHEN 'completed' THEN 1 WHEN 'failed' THEN 0 END)
) STRICT
""",
)

WORKFLOW_QUEUE = _made_anew(
    "workflow_queue",
    f"""
CREATE TABLE workflow_queue (
  -- One live branch of an instance: the only thing that a tick polls.
  queue_id INTEGER PRIMARY KEY,
  instance_id INTEGER NOT NULL REFERENCES workflow_instances ON DELETE RESTRICT,
  scheduled_for TEXT CHECK (scheduled_for GLOB @INSTANT),  -- NULL: the clock alone never wakes it
  priority INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 10),  -- the workflow's
  status TEXT NOT NULL CHECK ({_one_of("status", "queued processing paused")}),
  attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),  -- made in this visit
  max_attempts INTEGER CHECK (max_attempts >= 1),  -- NULL: as the retry policy says
  last_attempt_at TEXT CHECK (last_attempt_at GLOB @INSTANT),
  created_date TEXT NOT NULL CHECK (created_date GLOB @INSTANT),
  step_id TEXT NOT NULL CHECK (step_id <> ''),
  branch TEXT NOT NULL CHECK (branch <> ''),  -- main, or the branch of a parallel step
  visit INTEGER NOT NULL CHECK (visit >= 0),  -- how many steps the branch had come to when it came to this one
  awaits TEXT NOT NULL
    CHECK ({_one_of("awaits", "turn time task approval approved branches send person doubt")}),
  arrived_at TEXT CHECK (arrived_at GLOB @INSTANT),  -- when the branch came to this step
  reason TEXT,  -- why it is looked at then and not sooner, in words
  lease_owner TEXT,  -- which worker has it, where several work at once
  lease_until TEXT CHECK (lease_until GLOB @INSTANT),
  chosen_by TEXT CHECK (chosen_by <> ''),  -- the person who chose this time; the rules leave it where it is
  UNIQUE (instance_id, branch),
  CHECK ((lease_owner IS NULL) = (lease_until IS NULL))
) STRICT
""",
)

COORDINATOR_TASKS = _made_anew(
    "coordinator_tasks",
    f"""
CREATE TABLE coordinator_tasks (
  task_id INTEGER PRIMARY KEY,
  family_id TEXT NOT NULL REFERENCES families ON DELETE RESTRICT,
  task_type TEXT NOT NULL CHECK (task_type <> ''),
  description TEXT NOT NULL,
  due_date TEXT CHECK (due_date GLOB @INSTANT),
  priority TEXT NOT NULL CHECK ({_one_of("priority", "low normal high")}),
  instance_id INTEGER REFERENCES workflow_instances ON DELETE RESTRICT,  -- NULL: made by hand
  step_id TEXT,
  assignee TEXT,
  status TEXT NOT NULL CHECK ({_one_of("status", "open done dismissed withdrawn")}),
  outcome TEXT,  -- one of the step's outcomes, as the coordinator said
  notes TEXT,
  created_date TEXT NOT NULL CHECK (created_date GLOB @INSTANT),
  completed_at TEXT CHECK (completed_at GLOB @INSTANT),
  branch TEXT,  -- of the instance, which waits for this task
  escalation_level INTEGER NOT NULL DEFAULT 0 CHECK (escalation_level >= 0),  -- levels already passed
  escalate_at TEXT CHECK (escalate_at GLOB @INSTANT),  -- when it goes up to the next level
  CHECK ((status = 'open') = (completed_at IS NULL))
) STRICT
""",
)

# Those that the four tables had. What each is for is told where it was made.
INDEXES = (
    "CREATE INDEX instances_by_family ON workflow_instances (family_id, completed_at)",
    "CREATE INDEX instances_active ON workflow_instances (status, template_id) WHERE completed_at IS NULL",
    "CREATE UNIQUE INDEX instances_slot ON workflow_instances (family_id, slot) WHERE slot IS NOT NULL",
    "CREATE INDEX instances_failed ON workflow_instances (completed_at) WHERE status = 'failed'",
    "CREATE INDEX instances_by_deadline ON workflow_instances (deadline_alert_at)"
    " WHERE completed_at IS NULL AND deadline_alert_at IS NOT NULL",
    "CREATE INDEX executions_by_instance ON workflow_step_executions (instance_id)",
    "CREATE INDEX executions_by_message ON workflow_step_executions (message_id) WHERE message_id IS NOT NULL",
    "CREATE INDEX executions_under_way ON workflow_step_executions (status)"
    " WHERE status IN ('pending', 'running') AND idempotency_key IS NOT NULL",
    "CREATE UNIQUE INDEX executions_once ON workflow_step_executions (message_id)"
    " WHERE status IN ('running', 'completed') AND message_id IS NOT NULL",
    "CREATE INDEX executions_by_reference ON workflow_step_executions (json_extract(output_data, '$.reference'))"
    " WHERE idempotency_key IS NOT NULL",
    "CREATE UNIQUE INDEX executions_by_key ON workflow_step_executions (idempotency_key)"
    " WHERE idempotency_key IS NOT NULL",
    "CREATE INDEX queue_claim ON workflow_queue (priority DESC, scheduled_for, queue_id, instance_id, status)"
    " WHERE status = 'queued' AND scheduled_for IS NOT NULL",
    "CREATE INDEX queue_earliest ON workflow_queue (scheduled_for)"
    " WHERE status = 'queued' AND scheduled_for IS NOT NULL",
    "CREATE INDEX tasks_open_by_due ON coordinator_tasks (due_date) WHERE status = 'open'",
    "CREATE INDEX tasks_open_by_escalation ON coordinator_tasks (escalate_at)"
    " WHERE status = 'open' AND escalate_at IS NOT NULL",
    "CREATE INDEX tasks_by_instance ON coordinator_tasks (instance_id) WHERE instance_id IS NOT NULL",
)

TRAIL_INDEXES = (
    "DROP INDEX personal_by_family",  # whoever asks comes by way of the entries
    # The number of an entry, which is the row's own, stands in every index anyway, and in its order.
    "DROP INDEX events_by_family",
    "CREATE INDEX events_by_family ON event_log (family_id) WHERE family_id IS NOT NULL",
)

STATEMENTS = (
    *WORKFLOW_INSTANCES,
    *WORKFLOW_STEP_EXECUTIONS,
    *WORKFLOW_QUEUE,
    *COORDINATOR_TASKS,
    *INDEXES,
    *TRAIL_INDEXES,
)
