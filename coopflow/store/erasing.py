"""What becomes of every column when a family is to be forgotten: one table of decisions, and nothing beside it.

A column that is not here fails a test, so whoever adds one decides.
"""

from collections.abc import Mapping
from typing import TypeAlias

from peewee import Database

from coopflow.core.decide import FORGOTTEN
from coopflow.errors import Temporary
from coopflow.store.failures import translating

KEPT = None  # a number, an instant, a word of coopflow's or of the co-op's staff: it says nothing about a person
Fates: TypeAlias = Mapping[str, str | None]  # column → the SQL of what is put in its place
SHELL_NAME = "(forgotten)"

_OWN = "family_id = :family"
_OF_INSTANCES = "instance_id IN (SELECT instance_id FROM workflow_instances WHERE family_id = :family)"
_OF_ENTRIES = f"event_id IN (SELECT event_id FROM event_log WHERE {_OWN} OR {_OF_INSTANCES})"
# Addresses by their one spelling: those of the family, also those at which it was written to before; and those that
# another family has too.
_ADDRESSES = f"""(SELECT lower(trim(email)) FROM families WHERE family_id = :family AND email IS NOT NULL
 UNION SELECT phone FROM families WHERE family_id = :family AND phone IS NOT NULL
 UNION SELECT lower(trim(input_data ->> 'to')) FROM workflow_step_executions
 WHERE {_OF_INSTANCES} AND step_type IN ('email', 'sms') AND input_data ->> 'to' IS NOT NULL)"""
_OF_OTHERS = """(SELECT lower(trim(email)) FROM families WHERE family_id <> :family AND email IS NOT NULL
 UNION SELECT phone FROM families WHERE family_id <> :family AND phone IS NOT NULL)"""
# What was written down about an address while it was nobody's in particular.
_OF_ADDRESSES = f"""event_id IN (SELECT event_id FROM event_personal WHERE family_id IS NULL
 AND lower(COALESCE(data ->> 'address', data ->> 'from')) IN {_ADDRESSES}
 AND lower(COALESCE(data ->> 'address', data ->> 'from')) NOT IN {_OF_OTHERS})"""
_KEYS = f"""
SELECT idempotency_key FROM workflow_step_executions WHERE idempotency_key IS NOT NULL AND {_OF_INSTANCES}
"""


def _kept(columns: str) -> dict[str, str | None]:
    return dict.fromkeys(columns.split(), KEPT)


def _nothing(columns: str) -> dict[str, str | None]:
    return dict.fromkeys(columns.split(), "NULL")


# Table → which rows are a family's, and the fate of each column.
CHANGED: Mapping[str, tuple[str, Fates]] = {
    "consent_records": (  # before the family, which still says which addresses are its own
        f"family_id = :family OR address IN {_ADDRESSES}",
        _kept("record_id channel allowed covers at how actor family_id created_date")
        | {
            "address": f"CASE WHEN address IN {_OF_OTHERS} THEN address END",
            "text": "CASE WHEN family_id <> :family THEN text END",
        },
    ),
    "families": (
        _OWN,
        _kept("family_id created_date updated_date consent")  # an opt-out stays, should the family ever come back
        | _nothing("email phone time_zone language phone_zones gentle_until")
        | {"family_name": f"'{SHELL_NAME}'", "status": f"'{FORGOTTEN}'", "attributes": "'{}'"},
    ),
    "ml_predictions": (
        _OWN,
        # the figures stay, for counting: of whom they spoke, nobody can tell any more
        _kept("prediction_id family_id predicted_probability confidence_score prediction_window_days")
        | _kept("predicted_at received_at")
        | {"prediction_type": "NULL", "recommendations": "'[]'", "extra": "'{}'", "verdict": "NULL"},
    ),
    "workflow_instances": (
        _OWN,
        _kept("instance_id template_id family_id triggered_by trigger_date status current_step started_at completed_at")
        | _kept("next_execution_at outcome error_count created_date slot start_key deadline deadline_alert_at")
        | {"outcome_notes": "NULL", "last_error": "NULL", "context": "'{}'"},
    ),
    "workflow_step_executions": (
        _OF_INSTANCES,
        _kept("execution_id instance_id step_number step_name step_type status started_at completed_at success")
        | _kept("retry_count created_date branch step_id visit idempotency_key message_id")
        | {"input_data": "NULL", "output_data": "NULL", "error_message": "NULL"},
    ),
    "coordinator_tasks": (
        _OWN,
        _kept("task_id family_id task_type due_date priority instance_id step_id assignee status created_date")
        | _kept("completed_at branch escalation_level escalate_at")
        | {"description": "''", "outcome": "NULL", "notes": "NULL"},
    ),
}

# Tables whose rows about the family are deleted.
DELETED: Mapping[str, str] = {
    "event_personal": f"{_OF_ENTRIES} OR {_OF_ADDRESSES}",
    "bad_addresses": f"address NOT IN {_OF_OTHERS}",  # also those that the family has no more
    "family_engagement_metrics": _OWN,
    "risk_assessments": _OWN,
    "workflow_queue": _OF_INSTANCES,
    "workflow_matches": _OWN,
}

# Tables that hold nothing about a family, or only what proves what was done.
UNTOUCHED: Mapping[str, Fates] = {
    "workflow_templates": _kept(
        "template_id template_name description trigger_type trigger_conditions steps default_timing"
        " max_concurrent_instances priority retry_strategy escalation_rules active created_date updated_date version"
        " completion_criteria source_path source_hash messages conflict"
    ),
    "event_log": _kept("event_id at kind family_id instance_id actor data prev_hash hash"),  # its words lie apart
    "meta": _kept("key value"),
    "calendars": _kept("calendar kind years source imported_at"),
    "calendar_days": _kept("calendar day name"),
    "inbox_items": _kept(  # its words lie apart; what its source calls it names nobody
        "item_id source provider_id mail_id kind channel received_at taken_at status reason family_id instance_id"
        " event_id task_id"
    ),
    "workflow_schedules": _kept("template_name trigger done_until next_at"),
}


def erase(db: Database, family_id: str) -> None:
    """Put nothing in the place of every word about a family, inside the caller's transaction."""
    connection = db.connection()
    for table, whose in DELETED.items():
        connection.execute(f"DELETE FROM {table} WHERE {whose}", {"family": family_id})
    for table, (whose, fates) in CHANGED.items():
        changes = ", ".join(f"{column} = {sql}" for column, sql in fates.items() if sql is not KEPT)
        connection.execute(f"UPDATE {table} SET {changes} WHERE {whose}", {"family": family_id})


def keys_of_messages(db: Database, family_id: str) -> list[str]:
    """The keys of every message to a family: the outbox calls its files by them."""
    rows = db.connection().execute(_KEYS, {"family": family_id})
    return [row[0] for row in rows]


def overwrite_what_is_deleted(db: Database) -> None:
    """From here on this connection fills with zeros what it deletes."""
    db.execute_sql("PRAGMA secure_delete = ON")


def leave_no_trace(db: Database) -> None:
    """Write the file anew without what was deleted, and empty the write-ahead log; Temporary: others are reading."""
    with translating(getattr(db, "path", None)):
        db.execute_sql("VACUUM")
        (busy, _, _) = db.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise Temporary("another program is reading the database, so its log still holds what was erased; try again")
