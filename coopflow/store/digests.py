"""The coordinators' digests that left: by which mail the last one went, and whether it came back."""

from collections.abc import Collection, Mapping

from peewee import Database

from coopflow.store.meta import write_meta

_MAIL, _BACK = "digest_mail:", "digest_back:"


def keep_mail(db: Database, coordinator: str, message_id: str) -> None:
    """Remember by which mail a digest leaves; whether an earlier one came back is of no interest any more."""
    write_meta(db, f"{_MAIL}{coordinator}", message_id)
    write_meta(db, f"{_BACK}{coordinator}", "")


def coordinator_of(db: Database, message_ids: Collection[str]) -> str | None:
    """Whose digest one of these mails was."""
    mails = _all(db, _MAIL)
    return next((name for name, mail in mails.items() if mail in message_ids), None)


def note_return(db: Database, coordinator: str, reason: str) -> None:
    """Remember that a coordinator's digest came back."""
    write_meta(db, f"{_BACK}{coordinator}", reason)


def returned(db: Database) -> Mapping[str, str]:
    """Why digests came back, by coordinator."""
    return {name: reason for name, reason in _all(db, _BACK).items() if reason}


def _all(db: Database, kind: str) -> Mapping[str, str]:
    rows = db.execute_sql("SELECT key, value FROM meta ORDER BY key").fetchall()
    return {str(key).removeprefix(kind): str(value) for key, value in rows if str(key).startswith(kind)}
