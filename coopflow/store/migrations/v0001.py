"""Version 1: the tables as designed. A released migration is never edited; what changes later is the next one's work.

The comments are inside the statements, so that they are still there for whoever opens the file with a database browser.
"""

_INSTANT = "'[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z'"


def spelled_out(text: str) -> str:
    """Spell out the form of an instant."""
    return text.replace("@INSTANT", _INSTANT).strip()


WORKFLOW_TEMPLATES = spelled_out("""
CREATE TABLE workflow_templates (
  -- One version of a workflow. It never changes; an edited file is a new version. The highest is the current one.
  template_id INTEGER PRIMARY KEY,
  template_name TEXT NOT NULL CHECK (template_name <> ''),
  description TEXT NOT NULL,
  trigger_type TEXT NOT NULL CHECK (trigger_type IN ('prediction', 'event', 'schedule', 'condition', 'manual')),
  trigger_conditions TEXT CHECK (trigger_conditions IS NULL OR json_valid(trigger_conditions)),  -- the whole `trigger:`
  steps TEXT NOT NULL CHECK (json_valid(steps)),  -- the checked steps, in the order of the file
  default_timing TEXT CHECK (default_timing IS NULL OR json_valid(default_timing)),  -- `timing:`
  max_concurrent_instances INTEGER NOT NULL CHECK (max_concurrent_instances >= 1),  -- for each family
  priority INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 10),  -- 10 is the most urgent
  retry_strategy TEXT CHECK (retry_strategy IS NULL OR json_valid(retry_strategy)),  -- `retry:`
  escalation_rules TEXT CHECK (escalation_rules IS NULL OR json_valid(escalation_rules)),  -- `escalation:`
  active INTEGER NOT NULL CHECK (active IN (0, 1)),  -- 0: switched off, so that nothing starts it
  created_date TEXT NOT NULL CHECK (created_date GLOB @INSTANT),
  updated_date TEXT NOT NULL CHECK (updated_date GLOB @INSTANT),
  version INTEGER NOT NULL CHECK (version >= 1),
  completion_criteria TEXT CHECK (completion_criteria IS NULL OR json_valid(completion_criteria)),
  source_path TEXT,  -- the file it was read from, below `workflows.d`
  source_hash TEXT,  -- of that file and of its message templates: another hash is another version
  messages TEXT NOT NULL CHECK (json_valid(messages) AND json_type(messages) = 'object'),  -- their sources
  UNIQUE (template_name, version)
) STRICT
""")

FAMILIES = spelled_out("""
CREATE TABLE families (
  family_id TEXT NOT NULL PRIMARY KEY CHECK (family_id <> ''),  -- from outside, kept exactly as given
  family_name TEXT NOT NULL,
  email TEXT,
  phone TEXT,  -- E.164
  time_zone TEXT,  -- IANA key; NULL: the co-op's
  status TEXT NOT NULL CHECK (status <> ''),  -- enrolled, withdrawn, or another word of the co-op's
  language TEXT,  -- BCP 47; NULL: the co-op's
  attributes TEXT NOT NULL CHECK (json_valid(attributes) AND json_type(attributes) = 'object'),  -- other columns
  consent TEXT NOT NULL CHECK (json_valid(consent) AND json_type(consent) = 'object'),  -- channel: allowed, at, how
  created_date TEXT NOT NULL CHECK (created_date GLOB @INSTANT),
  updated_date TEXT NOT NULL CHECK (updated_date GLOB @INSTANT)
) STRICT
""")

FAMILY_ENGAGEMENT_METRICS = spelled_out("""
CREATE TABLE family_engagement_metrics (
  metric_id INTEGER PRIMARY KEY,
  family_id TEXT NOT NULL REFERENCES families ON DELETE RESTRICT,
  measured_at TEXT NOT NULL CHECK (measured_at GLOB @INSTANT),
  engagement_score REAL NOT NULL CHECK (abs(engagement_score) < 1e15),  -- neither infinite nor not a number
  extra TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(extra) AND json_type(extra) = 'object')  -- other columns
) STRICT
""")

RISK_ASSESSMENTS = spelled_out("""
CREATE TABLE risk_assessments (
  assessment_id INTEGER PRIMARY KEY,
  family_id TEXT NOT NULL REFERENCES families ON DELETE RESTRICT,
  assessed_at TEXT NOT NULL CHECK (assessed_at GLOB @INSTANT),
  withdrawal_risk REAL NOT NULL CHECK (abs(withdrawal_risk) < 1e15)
) STRICT
""")

ML_PREDICTIONS = spelled_out("""
CREATE TABLE ml_predictions (
  prediction_id TEXT NOT NULL PRIMARY KEY CHECK (prediction_id <> ''),  -- from outside, kept exactly as given
  family_id TEXT NOT NULL CHECK (family_id <> ''),  -- no reference: it may name a family that is not known here
  predicted_probability REAL NOT NULL CHECK (predicted_probability BETWEEN 0 AND 1),
  confidence_score REAL NOT NULL CHECK (confidence_score BETWEEN 0 AND 100),
  prediction_window_days INTEGER CHECK (prediction_window_days >= 0),
  prediction_type TEXT,
  predicted_at TEXT CHECK (predicted_at GLOB @INSTANT),  -- by the model's clock
  received_at TEXT NOT NULL CHECK (received_at GLOB @INSTANT),
  recommendations TEXT NOT NULL CHECK (json_valid(recommendations) AND json_type(recommendations) = 'array'),
  extra TEXT NOT NULL CHECK (json_valid(extra) AND json_type(extra) = 'object'),  -- whatever else it came with
  verdict TEXT  -- what came of it: started, skipped or rejected, and why
) STRICT
""")

WORKFLOW_INSTANCES = spelled_out("""
CREATE TABLE workflow_instances (
  instance_id INTEGER PRIMARY KEY,
  template_id INTEGER NOT NULL REFERENCES workflow_templates ON DELETE RESTRICT,  -- the version it keeps to the end
  family_id TEXT NOT NULL REFERENCES families ON DELETE RESTRICT,
  triggered_by TEXT NOT NULL CHECK (triggered_by <> ''),  -- prediction_id:12345, event_id:67890, schedule:…, manual:…
  trigger_date TEXT NOT NULL CHECK (trigger_date GLOB @INSTANT),
  status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'paused', 'completed', 'failed', 'cancelled')),
  current_step TEXT,  -- the id of the step that the main branch stands at
  started_at TEXT CHECK (started_at GLOB @INSTANT),  -- when its first step began
  completed_at TEXT CHECK (completed_at GLOB @INSTANT),
  next_execution_at TEXT CHECK (next_execution_at GLOB @INSTANT),  -- the earliest of its queue entries
  outcome TEXT CHECK (outcome IN ('success', 'partial_success', 'failed', 'cancelled')),
  outcome_notes TEXT,
  error_count INTEGER NOT NULL DEFAULT 0 CHECK (error_count >= 0),  -- failures since the last success
  last_error TEXT,
  created_date TEXT NOT NULL CHECK (created_date GLOB @INSTANT),
  context TEXT NOT NULL CHECK (json_valid(context) AND json_type(context) = 'object'),  -- what triggered it, as it was
  slot TEXT,  -- workflow:k while it is active: with the family unique, so never more at once than the workflow allows
  start_key TEXT UNIQUE,  -- workflow|triggered_by|family: the same cause never starts the same workflow twice
  CHECK ((status IN ('pending', 'running', 'paused')) = (completed_at IS NULL)),
  CHECK ((outcome IS NULL) = (completed_at IS NULL)),
  CHECK (completed_at IS NULL OR (slot IS NULL AND next_execution_at IS NULL))
) STRICT
""")

WORKFLOW_STEP_EXECUTIONS = spelled_out("""
CREATE TABLE workflow_step_executions (
  -- One attempt at one step. It is also the ledger of what left the house.
  execution_id INTEGER PRIMARY KEY,
  instance_id INTEGER NOT NULL REFERENCES workflow_instances ON DELETE RESTRICT,
  step_number INTEGER NOT NULL CHECK (step_number >= 0),  -- 0-based position in its own list
  step_name TEXT NOT NULL,
  step_type TEXT NOT NULL CHECK (step_type <> ''),
  status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'skipped')),
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
  idempotency_key TEXT UNIQUE,  -- only what leaves the house has one
  message_id TEXT,  -- the same for all attempts at one message
  CHECK ((status IN ('pending', 'running')) = (completed_at IS NULL)),
  CHECK (success IS CASE status WHEN 'completed' THEN 1 WHEN 'failed' THEN 0 END)
) STRICT
""")

WORKFLOW_QUEUE = spelled_out("""
CREATE TABLE workflow_queue (
  -- One live branch of an instance: the only thing that a tick polls.
  queue_id INTEGER PRIMARY KEY,
  instance_id INTEGER NOT NULL REFERENCES workflow_instances ON DELETE RESTRICT,
  scheduled_for TEXT CHECK (scheduled_for GLOB @INSTANT),  -- NULL: the clock alone never wakes it
  priority INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 10),  -- the workflow's
  status TEXT NOT NULL CHECK (status IN ('queued', 'processing', 'paused')),
  attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),  -- made in this visit
  max_attempts INTEGER CHECK (max_attempts >= 1),  -- NULL: as the retry policy says
  last_attempt_at TEXT CHECK (last_attempt_at GLOB @INSTANT),
  created_date TEXT NOT NULL CHECK (created_date GLOB @INSTANT),
  step_id TEXT NOT NULL CHECK (step_id <> ''),
  branch TEXT NOT NULL CHECK (branch <> ''),  -- main, or the branch of a parallel step
  visit INTEGER NOT NULL CHECK (visit >= 0),  -- how many steps the branch had come to when it came to this one
  awaits TEXT NOT NULL CHECK (awaits IN
    ('turn', 'time', 'task', 'approval', 'approved', 'branches', 'send', 'person', 'doubt')),
  arrived_at TEXT CHECK (arrived_at GLOB @INSTANT),  -- when the branch came to this step
  reason TEXT,  -- why it is looked at then and not sooner, in words
  lease_owner TEXT,  -- which worker has it, where several work at once
  lease_until TEXT CHECK (lease_until GLOB @INSTANT),
  UNIQUE (instance_id, branch),
  CHECK ((lease_owner IS NULL) = (lease_until IS NULL))
) STRICT
""")

COORDINATOR_TASKS = spelled_out("""
CREATE TABLE coordinator_tasks (
  task_id INTEGER PRIMARY KEY,
  family_id TEXT NOT NULL REFERENCES families ON DELETE RESTRICT,
  task_type TEXT NOT NULL CHECK (task_type <> ''),
  description TEXT NOT NULL,
  due_date TEXT CHECK (due_date GLOB @INSTANT),
  priority TEXT NOT NULL CHECK (priority IN ('low', 'normal', 'high')),
  instance_id INTEGER REFERENCES workflow_instances ON DELETE RESTRICT,  -- NULL: made by hand
  step_id TEXT,
  assignee TEXT,
  status TEXT NOT NULL CHECK (status IN ('open', 'done', 'dismissed', 'withdrawn')),
  outcome TEXT,  -- one of the step's outcomes, as the coordinator said
  notes TEXT,
  created_date TEXT NOT NULL CHECK (created_date GLOB @INSTANT),
  completed_at TEXT CHECK (completed_at GLOB @INSTANT),
  branch TEXT,  -- of the instance, which waits for this task
  escalation_level INTEGER NOT NULL DEFAULT 0 CHECK (escalation_level >= 0),  -- levels already passed
  escalate_at TEXT CHECK (escalate_at GLOB @INSTANT),  -- when it goes up to the next level
  CHECK ((status = 'open') = (completed_at IS NULL))
) STRICT
""")

EVENT_LOG = spelled_out("""
CREATE TABLE event_log (
  -- What happened outside, and what the engine and people did: append-only, each entry chained to the one before.
  -- No references: an entry outlives what it speaks of.
  event_id INTEGER PRIMARY KEY CHECK (event_id >= 1),  -- 1, 2, 3 … without a hole
  at TEXT NOT NULL CHECK (at GLOB @INSTANT),
  kind TEXT NOT NULL CHECK (kind <> ''),  -- one_word: from outside; noun.participle: the engine's and people's
  family_id TEXT,
  instance_id INTEGER,
  actor TEXT NOT NULL CHECK (actor <> ''),  -- coopflow, a person, or the source outside
  data TEXT NOT NULL CHECK (json_valid(data) AND json_type(data) = 'object'),
  prev_hash TEXT NOT NULL CHECK (length(prev_hash) = 64),
  hash TEXT NOT NULL CHECK (length(hash) = 64)  -- of all the columns before it
) STRICT
""")

EVENT_PERSONAL = spelled_out("""
CREATE TABLE event_personal (
  -- The erasable part of an entry. The entry keeps a salted commitment, so the chain holds when this row is erased.
  event_id INTEGER PRIMARY KEY REFERENCES event_log ON DELETE RESTRICT,
  family_id TEXT,
  salt BLOB NOT NULL CHECK (length(salt) = 16),
  data TEXT NOT NULL CHECK (json_valid(data) AND json_type(data) = 'object')
) STRICT
""")

META = spelled_out("""
CREATE TABLE meta (
  -- What is said about the database as a whole: database_id, epoch, created_by …
  key TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID
""")

INDEXES = (
    # An UPDATE of any column that an index names, its WHERE included, rewrites the entry: middle steps touch few.
    "CREATE INDEX instances_by_family ON workflow_instances (family_id, trigger_date DESC)",
    "CREATE INDEX instances_active ON workflow_instances (status, template_id) WHERE completed_at IS NULL",
    "CREATE UNIQUE INDEX instances_slot ON workflow_instances (family_id, slot) WHERE slot IS NOT NULL",
    "CREATE INDEX executions_by_instance ON workflow_step_executions (instance_id)",
    "CREATE INDEX executions_by_message ON workflow_step_executions (message_id) WHERE message_id IS NOT NULL",
    "CREATE INDEX executions_under_way ON workflow_step_executions (status)"
    " WHERE status IN ('pending', 'running') AND idempotency_key IS NOT NULL",
    # At most one live or accepted attempt at a message: the database's own promise that nothing is sent twice.
    "CREATE UNIQUE INDEX executions_once ON workflow_step_executions (message_id)"
    " WHERE status IN ('running', 'completed') AND message_id IS NOT NULL",
    # The claim reads this index alone, one range for each priority, never sorted. SQLite 3.40 wants `status` in it.
    "CREATE INDEX queue_claim ON workflow_queue (priority DESC, scheduled_for, queue_id, instance_id, status)"
    " WHERE status = 'queued' AND scheduled_for IS NOT NULL",
    "CREATE INDEX queue_earliest ON workflow_queue (scheduled_for)"
    " WHERE status = 'queued' AND scheduled_for IS NOT NULL",
    "CREATE INDEX tasks_open_by_due ON coordinator_tasks (due_date) WHERE status = 'open'",
    "CREATE INDEX tasks_open_by_escalation ON coordinator_tasks (escalate_at)"
    " WHERE status = 'open' AND escalate_at IS NOT NULL",
    "CREATE INDEX tasks_open_by_instance ON coordinator_tasks (instance_id) WHERE status = 'open'",
    "CREATE INDEX metrics_by_family ON family_engagement_metrics (family_id, measured_at DESC)",
    "CREATE INDEX assessments_by_family ON risk_assessments (family_id, assessed_at DESC)",
    "CREATE INDEX predictions_by_family ON ml_predictions (family_id, received_at DESC)",
    "CREATE INDEX events_by_instance ON event_log (instance_id) WHERE instance_id IS NOT NULL",
    "CREATE INDEX events_by_family ON event_log (family_id, event_id) WHERE family_id IS NOT NULL",
    "CREATE INDEX instances_failed ON workflow_instances (completed_at) WHERE status = 'failed'",
    "CREATE INDEX events_outside ON event_log (family_id, kind, at) WHERE instr(kind, '.') = 0",
    "CREATE INDEX personal_by_family ON event_personal (family_id) WHERE family_id IS NOT NULL",
)

TRIGGERS = (
    "CREATE TRIGGER event_log_is_never_updated BEFORE UPDATE ON event_log"
    " BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END",
    "CREATE TRIGGER event_log_is_never_deleted BEFORE DELETE ON event_log"
    " BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END",
    "CREATE TRIGGER event_personal_is_never_updated BEFORE UPDATE ON event_personal"
    " BEGIN SELECT RAISE(ABORT, 'the personal part of an event can only be erased'); END",
)

STATEMENTS = (
    WORKFLOW_TEMPLATES,
    FAMILIES,
    FAMILY_ENGAGEMENT_METRICS,
    RISK_ASSESSMENTS,
    ML_PREDICTIONS,
    WORKFLOW_INSTANCES,
    WORKFLOW_STEP_EXECUTIONS,
    WORKFLOW_QUEUE,
    COORDINATOR_TASKS,
    EVENT_LOG,
    EVENT_PERSONAL,
    META,
    *INDEXES,
    *TRIGGERS,
)
