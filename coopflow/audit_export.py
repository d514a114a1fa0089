"""The audit trail as rows that anyone can read and check, and what is wrong with it."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from coopflow.core.audit import Broken, Record, Verified, sentence
from coopflow.core.states import InstanceStatus
from coopflow.errors import CoopflowError, ExitCode
from coopflow.store.files import sync
from coopflow.store.log import iterate, together, verify
from coopflow.store.store import Store

COLUMNS = (*Record._fields[:7], "personal", "prev_hash", "hash", "sentence")

_STATUS_AFTER = {  # what an instance's latest entry of these kinds says of its status
    "instance.started": {InstanceStatus.PENDING, InstanceStatus.RUNNING},
    "instance.resumed": {InstanceStatus.RUNNING},
    "instance.paused": {InstanceStatus.PAUSED},
    "instance.completed": {InstanceStatus.COMPLETED},
    "instance.failed": {InstanceStatus.FAILED},
    "instance.cancelled": {InstanceStatus.CANCELLED},
}


class AuditBroken(CoopflowError):
    """The audit trail is not as it was written: a person must find out why."""

    exit_code = ExitCode.PERSON_NEEDED


def export_rows(
    store: Store, *, family_id: str | None, since: datetime | None, until: datetime | None
) -> Iterator[dict[str, Any]]:
    """The entries in their order, one at a time; `data` is the text that the hash was made of."""
    for entry in iterate(store.db, since=since, until=until, family_id=family_id):
        yield {**entry._asdict(), "sentence": _in_words(entry)}


def check(store: Store, head: str | None) -> Verified:
    """Check the chain, the erasable parts, and that instances are as the trail says; raise AuditBroken."""
    verdict = verify(store.db, head)
    if isinstance(verdict, Broken):
        where = "the audit trail" if verdict.event_id is None else f"entry {verdict.event_id} of the audit trail"
        raise AuditBroken(f"{where} is not as it was written: {verdict.reason}")
    wrong = list(_disagreements(store))
    if wrong:
        raise AuditBroken("\n".join(("the trail is unbroken, but the instances are not as it says:", *wrong)))
    return verdict


def _in_words(entry: Record) -> str:
    data, personal = together(json.loads(entry.data), json.loads(entry.personal) if entry.personal else None)
    return sentence(entry.kind, {**data, **(personal or {})})


def _disagreements(store: Store) -> Iterator[str]:
    """Instances whose status is not what the trail speaks of last."""
    for number, status, kind in store.looking.last_words(list(_STATUS_AFTER)):
        if not _agree(kind, status):
            yield f"instance {number} is {status}, and {f'its last entry is {kind}' if kind else 'it has no entry'}"


def _agree(kind: str | None, status: str) -> bool:
    return kind is not None and status in _STATUS_AFTER[kind]


# -- a file that others cannot read -------------------------------------------------------------------------------


@contextmanager
def private_file(path: Path) -> Iterator[TextIO]:
    """A text file that only its owner can read, and that appears under its name when all of it is on the disk."""
    handle, aside = -1, ""
    try:
        handle, aside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(aside).replace(path)
        sync(path.parent)
    except OSError as problem:
        raise CoopflowError(f"{path} cannot be written: {(problem.strerror or str(problem)).lower()}") from None
    finally:
        if aside:
            Path(aside).unlink(missing_ok=True)
