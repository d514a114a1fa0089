"""Writes the figures into their file, which a reader finds whole or not at all."""

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from coopflow.reports.metrics import exposition, gauges
from coopflow.store.meta import find_meta, write_meta
from coopflow.store.store import Store

TROUBLE = "metrics_trouble"  # why the file could not be written, as a person has been told; empty: it could


def keep_metrics(store: Store, path: Path, *, beat: datetime | None, now: datetime) -> str | None:
    """Write the figures as they are now; answer with one line of trouble, once until it has changed."""
    words = exposition(gauges(store, beat=beat, tz=store.coop.calendar.tz, now=now))
    trouble = _written(path, words.encode())
    if (find_meta(store.db, TROUBLE) or "") == (trouble or ""):
        return None
    with store.transaction():
        write_meta(store.db, TROUBLE, trouble or "")
    return trouble


def _written(path: Path, content: bytes) -> str | None:
    """Why the file could not be written; None: it was."""
    aside = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)  # whoever collects figures is another user, and there is no name in it
        aside.replace(path)
    except OSError as problem:
        with suppress(OSError):
            aside.unlink()
        return f"the figures could not be written to {path}: {(problem.strerror or str(problem)).lower()}"
    return None
