"""Version 2: what the rules of time need to know: calendars, schedules, deadlines, zones of phone numbers."""

from coopflow.store.migrations.v0001 import spelled_out

WORKFLOW_TEMPLATES = (
    # what it does where another workflow is in conversation with the family; NULL: parallel
    "ALTER TABLE workflow_templates ADD COLUMN conflict TEXT"
    " CHECK (conflict IN ('queue', 'skip', 'replace', 'parallel'))",
)

FAMILIES = (
    # JSON: the zones that the number's area lies in; NULL: no number, or one that does not say
    "ALTER TABLE families ADD COLUMN phone_zones TEXT"
    " CHECK (phone_zones IS NULL OR (json_valid(phone_zones) AND json_type(phone_zones) = 'array'))",
    # no step reaches the family before then
    spelled_out("ALTER TABLE families ADD COLUMN gentle_until TEXT CHECK (gentle_until GLOB @INSTANT)"),
)

WORKFLOW_INSTANCES = (
    # until when it must have come to something: the end of the prediction's window
    spelled_out("ALTER TABLE workflow_instances ADD COLUMN deadline TEXT CHECK (deadline GLOB @INSTANT)"),
    # when a person is told that the deadline is near; NULL: there is none, or they have been told
    spelled_out(
        "ALTER TABLE workflow_instances ADD COLUMN deadline_alert_at TEXT CHECK (deadline_alert_at GLOB @INSTANT)"
    ),
    "CREATE INDEX instances_by_deadline ON workflow_instances (deadline_alert_at)"
    " WHERE completed_at IS NULL AND deadline_alert_at IS NOT NULL",
)

WORKFLOW_QUEUE = (
    # the person who chose this time; the rules leave it where it is
    "ALTER TABLE workflow_queue ADD COLUMN chosen_by TEXT CHECK (chosen_by <> '')",
)

CALENDARS = spelled_out("""
CREATE TABLE calendars (
  -- Where closed days come from, beside those of the configuration: public holidays, a file of the co-op's own.
  calendar TEXT NOT NULL PRIMARY KEY CHECK (calendar <> ''),  -- US-TX, or the name given to a file
  kind TEXT NOT NULL CHECK (kind IN ('holidays', 'own')),
  years TEXT NOT NULL CHECK (json_valid(years) AND json_type(years) = 'array'),  -- of holidays: those that are known
  source TEXT NOT NULL,  -- the file, or the library and its version
  imported_at TEXT NOT NULL CHECK (imported_at GLOB @INSTANT)
) STRICT, WITHOUT ROWID
""")

CALENDAR_DAYS = spelled_out("""
CREATE TABLE calendar_days (
  -- Days on which nothing leaves and nothing is due.
  calendar TEXT NOT NULL REFERENCES calendars ON DELETE CASCADE,
  day TEXT NOT NULL CHECK (day GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]'),
  name TEXT NOT NULL,  -- Independence Day (observed); empty: it has none
  PRIMARY KEY (calendar, day)
) STRICT, WITHOUT ROWID
""")

WORKFLOW_SCHEDULES = spelled_out("""
CREATE TABLE workflow_schedules (
  -- The workflows that the clock starts: when each is looked at next.
  template_name TEXT NOT NULL PRIMARY KEY CHECK (template_name <> ''),
  trigger TEXT NOT NULL,  -- what the time was computed from; another trigger begins anew
  done_until TEXT NOT NULL CHECK (done_until GLOB @INSTANT),  -- occurrences up to then have been dealt with
  next_at TEXT CHECK (next_at GLOB @INSTANT)  -- when it is looked at next; NULL: never again
) STRICT, WITHOUT ROWID
""")

WORKFLOW_MATCHES = spelled_out("""
CREATE TABLE workflow_matches (
  -- The families for whom the condition of a `condition` trigger held when it was looked at last.
  template_name TEXT NOT NULL REFERENCES workflow_schedules ON DELETE CASCADE,
  family_id TEXT NOT NULL REFERENCES families ON DELETE CASCADE,
  since TEXT NOT NULL CHECK (since GLOB @INSTANT),
  PRIMARY KEY (template_name, family_id)
) STRICT, WITHOUT ROWID
""")

INBOX_ITEMS = spelled_out("""
CREATE TABLE inbox_items (
  -- What came in from outside, each thing once. Its words lie in event_personal, under its event.
  item_id INTEGER PRIMARY KEY,
  source TEXT NOT NULL CHECK (source <> ''),  -- by its name in the configuration; receive: a program handed it over
  provider_id TEXT NOT NULL CHECK (provider_id <> ''),  -- what its source tells it by from every other
  mail_id TEXT,  -- of a mail: a hash of its Message-ID, so that it counts once whichever way it comes
  kind TEXT NOT NULL
    CHECK (kind IN ('reply', 'automatic', 'stop', 'start', 'bounce', 'report', 'other', 'unreadable')),
  channel TEXT NOT NULL CHECK (channel IN ('email', 'sms')),
  received_at TEXT NOT NULL CHECK (received_at GLOB @INSTANT),  -- when it came in, as its source says
  taken_at TEXT NOT NULL CHECK (taken_at GLOB @INSTANT),  -- when coopflow took it in
  status TEXT NOT NULL CHECK (status IN ('matched', 'unmatched', 'ignored')),
  reason TEXT NOT NULL,  -- how it was matched, or why not; it names nobody
  family_id TEXT REFERENCES families ON DELETE SET NULL,
  instance_id INTEGER REFERENCES workflow_instances ON DELETE SET NULL,  -- NULL: the family's, of no instance
  event_id INTEGER NOT NULL REFERENCES event_log ON DELETE RESTRICT,
  task_id INTEGER REFERENCES coordinator_tasks ON DELETE SET NULL,  -- by which a person was asked
  UNIQUE (source, provider_id)
) STRICT
""")

BAD_ADDRESSES = spelled_out("""
CREATE TABLE bad_addresses (
  -- Addresses at which messages come back: nothing is sent there.
  channel TEXT NOT NULL CHECK (channel IN ('email', 'sms')),
  address TEXT NOT NULL CHECK (address <> ''),  -- in small letters
  since TEXT NOT NULL CHECK (since GLOB @INSTANT),
  reason TEXT NOT NULL,  -- in the server's words
  PRIMARY KEY (channel, address)
) STRICT, WITHOUT ROWID
""")

INBOX_INDEXES = (
    "CREATE INDEX items_by_mail ON inbox_items (mail_id) WHERE mail_id IS NOT NULL",
    "CREATE INDEX items_by_family ON inbox_items (family_id) WHERE family_id IS NOT NULL",
    "CREATE INDEX items_unmatched ON inbox_items (item_id) WHERE status = 'unmatched'",
    # Whose an answer is, where only its sender says so; and who has an address for which an opt-out stands.
    "CREATE INDEX families_at_email ON families (lower(email)) WHERE email IS NOT NULL",
    "CREATE INDEX families_at_phone ON families (phone) WHERE phone IS NOT NULL",
    # A delivery report names a message by what the gateway called it.
    "CREATE INDEX executions_by_reference ON workflow_step_executions (json_extract(output_data, '$.reference'))"
    " WHERE idempotency_key IS NOT NULL",
)

INDEXES = (
    "CREATE INDEX schedules_by_time ON workflow_schedules (next_at) WHERE next_at IS NOT NULL",
    "CREATE INDEX matches_by_family ON workflow_matches (family_id)",
)

CONSENT_RECORDS = spelled_out("""
CREATE TABLE consent_records (
  -- What was said about writing to an address: evidence, of which the newest counts. Only its words can be erased.
  record_id INTEGER PRIMARY KEY,
  channel TEXT NOT NULL CHECK (channel IN ('email', 'sms')),
  address TEXT CHECK (address <> ''),  -- in its one spelling; NULL: the family had none then, or erased
  allowed INTEGER NOT NULL CHECK (allowed IN (0, 1)),
  covers TEXT NOT NULL CHECK (covers IN ('outreach', 'everything')),  -- which kind of message it is about
  at TEXT NOT NULL CHECK (at GLOB @INSTANT),  -- when it was said
  how TEXT NOT NULL CHECK (how <> ''),  -- hand, reply, gateway, import, bounce …
  actor TEXT NOT NULL CHECK (actor <> ''),  -- who put it on record
  text TEXT,  -- the words it was said in; NULL: none, or erased
  family_id TEXT,  -- the family that said it; no reference: the record outlives it
  created_date TEXT NOT NULL CHECK (created_date GLOB @INSTANT)
) STRICT
""")

CONSENT_RULES = (
    "CREATE INDEX consent_by_address ON consent_records (address, at) WHERE address IS NOT NULL",
    "CREATE INDEX consent_by_family ON consent_records (family_id) WHERE family_id IS NOT NULL",
    # What version 1 kept with the family was about every kind of message, at the address that it had.
    spelled_out("""
INSERT INTO consent_records (channel, address, allowed, covers, at, how, actor, family_id, created_date)
SELECT said.key, lower(trim(CASE said.key WHEN 'email' THEN email ELSE phone END)), said.value ->> 'allowed',
       'everything', CASE WHEN said.value ->> 'at' GLOB @INSTANT THEN said.value ->> 'at' ELSE updated_date END,
       COALESCE(NULLIF(said.value ->> 'how', ''), 'hand'), COALESCE(NULLIF(said.value ->> 'by', ''), 'coopflow'),
       family_id, updated_date
FROM families, json_each(families.consent) said
WHERE said.key IN ('email', 'sms') AND said.type = 'object' AND said.value ->> 'allowed' IN (0, 1)
"""),
    "CREATE TRIGGER consent_records_are_never_updated BEFORE UPDATE ON consent_records"
    " WHEN NEW.text IS NOT NULL AND NEW.text IS NOT OLD.text"
    " OR NEW.address IS NOT NULL AND NEW.address IS NOT OLD.address"
    " OR (NEW.record_id, NEW.channel, NEW.allowed, NEW.covers, NEW.at, NEW.how, NEW.actor, NEW.family_id,"
    " NEW.created_date) IS NOT (OLD.record_id, OLD.channel, OLD.allowed, OLD.covers, OLD.at, OLD.how, OLD.actor,"
    " OLD.family_id, OLD.created_date)"
    " BEGIN SELECT RAISE(ABORT, 'of a record of consent, only the text and the address can be erased'); END",
    "CREATE TRIGGER opt_outs_are_never_deleted BEFORE DELETE ON consent_records WHEN NOT OLD.allowed"
    " BEGIN SELECT RAISE(ABORT, 'an opt-out stays on record'); END",
)

STATEMENTS = (
    *WORKFLOW_TEMPLATES,
    *FAMILIES,
    *WORKFLOW_INSTANCES,
    *WORKFLOW_QUEUE,
    CALENDARS,
    CALENDAR_DAYS,
    WORKFLOW_SCHEDULES,
    WORKFLOW_MATCHES,
    *INDEXES,
    INBOX_ITEMS,
    BAD_ADDRESSES,
    *INBOX_INDEXES,
    CONSENT_RECORDS,
    *CONSENT_RULES,
)
