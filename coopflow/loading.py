"""Brings the files of workflows.d into the store: new versions in, the unchanged left alone, the broken told once."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from msgspec import Struct

from coopflow.core.case import ENGINE
from coopflow.core.model import Event
from coopflow.door import FILES_TAKEN_IN
from coopflow.errors import Invalid, NotAllowed, in_one_line
from coopflow.problems import Problem
from coopflow.schedules import keep_schedules
from coopflow.store.failures import is_database_trouble
from coopflow.store.meta import find_meta, write_meta
from coopflow.store.store import Store
from coopflow.store.templates import StoredVersion

if TYPE_CHECKING:
    from coopflow.app import App
    from coopflow.workflows.definition import Definition
    from coopflow.workflows.folder import Reading
    from coopflow.workflows.versions import Change

SWITCHED_OFF = "workflows_switched_off"  # names that a person has disabled, whatever their files say
TOLD = "workflow_problems_told"  # file → a fingerprint of its problems as they were told last
READ_WELL = "workflows_read_well"  # the names in a folder that was read last without a problem; empty: there was one
FOLDER = "."  # stands for the folder itself among the files that were told about


class LoadReport(Struct, frozen=True):
    """What loading a folder came to."""

    changes: "Sequence[Change]"
    restored: Sequence[StoredVersion]  # unchanged, and in force again: their files are back
    problems: Sequence[Problem]
    news: Sequence[Problem]  # those of files whose problems have not been told yet

    @property
    def good(self) -> bool:
        """True when nothing is worse than a warning."""
        return all(problem.warning for problem in self.problems)

    @property
    def lines(self) -> list[str]:
        """What became of each workflow, a line each."""
        back = {version.name for version in self.restored}
        lines = [str(change) for change in self.changes if change.name not in back]
        return sorted([*lines, *(f"{version.name}: in force again (v{version.version})" for version in self.restored)])


def refresh(app: "App", store: Store, *, now: datetime) -> list[str]:
    """Load changed files at a tick; answer with the errors that nobody has heard of yet, and never stop the tick."""
    seen = app.state_of_files()
    if find_meta(store.db, FILES_TAKEN_IN) == seen:
        return []
    try:
        report = load_workflows(app, store, actor=ENGINE, now=now)
    except Invalid as problem:  # no folder to read
        return _leave_as_it_is(store, str(problem), seen)
    except Exception as fault:
        if is_database_trouble(fault):
            raise
        what = f"the workflows in {as_seen_from_here(app.config.workflows)} cannot be loaded, and stay as they were"
        return _leave_as_it_is(store, f"{what}: {in_one_line(fault)} (a fault in coopflow)", seen)
    return [str(problem) for problem in report.news if not problem.warning]


def _leave_as_it_is(store: Store, why: str, seen: str) -> list[str]:
    """What is stored stays in force until files change; why is told once."""
    with store.transaction():
        write_meta(store.db, FILES_TAKEN_IN, seen)
        write_meta(store.db, READ_WELL, "")
        return [why] if _news(store, {FOLDER: why}) else []


def look_again(store: Store) -> None:
    """Let the next tick load all workflows anew, since what they may refer to has changed: imported attributes."""
    write_meta(store.db, FILES_TAKEN_IN, "")


def load_workflows(app: "App", store: Store, *, actor: str, now: datetime) -> LoadReport:
    """Read the whole folder and bring the store in line with it, in one transaction; Invalid if there is no folder.

    A folder that is as it was when it was read without a problem is not read again.
    """
    seen = app.state_of_files()  # as it is before reading: what changes meanwhile is read at the next tick
    if (names := _read_well(store, seen)) is not None:
        return LoadReport(_unchanged(store, names), (), (), ())
    return _load(app, store, seen, actor=actor, now=now)


def _read_well(store: Store, seen: str) -> list[str] | None:
    names = find_meta(store.db, READ_WELL)
    if not names or find_meta(store.db, FILES_TAKEN_IN) != seen:
        return None
    return list(json.loads(names))


def _unchanged(store: Store, names: Sequence[str]) -> "list[Change]":
    from coopflow.workflows.versions import Change, Kind

    versions = store.templates.newest_numbers()
    return [Change(name, Kind.UNCHANGED, versions[name]) for name in names]


def _load(app: "App", store: Store, seen: str, *, actor: str, now: datetime) -> LoadReport:
    from coopflow.workflows.folder import read_folder
    from coopflow.workflows.versions import compare

    folder = app.config.workflows
    reading = read_folder(folder, app.known(store), shown_as=as_seen_from_here(folder))
    with store.transaction():
        current = {version.name: version for version in store.templates.current_versions()}
        off = switched_off(store)
        changes = compare(reading, current)
        for change in changes:
            _apply(store, change, current.get(change.name), off, actor=actor, now=now)
        restored = _switch_back_on(store, reading, current, off, actor=actor, now=now)
        keep_schedules(store, now=now)
        news = _new_problems(store, reading, as_seen_from_here(folder), actor=actor, now=now)
        write_meta(store.db, FILES_TAKEN_IN, seen)
        names = sorted(found.name for found in reading.definitions)
        write_meta(store.db, READ_WELL, "" if reading.problems else json.dumps(names))
    return LoadReport(changes, restored, reading.problems, news)


def as_seen_from_here(path: Path) -> str:
    """The shortest name that leads to a file or folder."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _apply(
    store: Store, change: "Change", current: StoredVersion | None, off: set[str], *, actor: str, now: datetime
) -> None:
    if change.definition is not None and change.version is not None:
        _add(store, change.definition, change.version, off, now=now)
        source = _file_name(change.definition)
        _log(store, "workflow.loaded", change.name, change.version, actor=actor, now=now, source_path=source)
    elif change.kind == "retired" and current is not None:
        store.templates.set_active(current.template_id, False, now=now)
        reason = f"its file {current.source_path} is gone"
        _log(store, "workflow.retired", change.name, current.version, actor=actor, now=now, reason=reason)


def _add(store: Store, found: "Definition", version: int, off: set[str], *, now: datetime) -> None:
    store.templates.add(
        data=found.data,
        messages=found.messages,
        version=version,
        source_path=_file_name(found),
        source_hash=found.source_hash,
        active=found.active and found.name not in off,
        now=now,
    )


def _file_name(found: "Definition") -> str:
    return PurePath(found.source_path).name


def _switch_back_on(
    store: Store,
    reading: "Reading",
    current: Mapping[str, StoredVersion],
    off: set[str],
    *,
    actor: str,
    now: datetime,
) -> list[StoredVersion]:
    """A workflow whose file is back as it was starts instances again, unless a person has switched it off."""
    restored = []
    for found in reading.definitions:
        known = current.get(found.name)
        wanted = found.active and found.name not in off
        if known is not None and known.source_hash == found.source_hash and wanted and not known.active:
            store.templates.set_active(known.template_id, True, now=now)
            _log(store, "workflow.enabled", known.name, known.version, actor=actor, now=now, reason="its file is back")
            restored.append(known)
    return restored


# -- telling once -------------------------------------------------------------------------------------------------


def _new_problems(store: Store, reading: "Reading", shown: str, *, actor: str, now: datetime) -> list[Problem]:
    """The problems that have not been told yet; refused files are noted in the audit trail when they are."""
    by_file: dict[str, list[Problem]] = {}
    for problem in reading.problems:
        by_file.setdefault(os.path.relpath(problem.path, shown), []).append(problem)
    files = _news(store, {file: "\n".join(map(_without_path, found)) for file, found in by_file.items()})
    news = [problem for file in sorted(files) for problem in by_file[file]]
    for path, name in reading.broken:
        reasons = [str(problem) for problem in news if problem.path == path and not problem.warning]
        if reasons:
            more = f" (and {len(reasons) - 1} more)" if reasons[1:] else ""
            data = {"workflow": name, "reason": f"{reasons[0]}{more}"}
            store.log([Event(at=now, kind="workflow.rejected", actor=actor, data=data)])
    return news


def _news(store: Store, told: Mapping[str, str]) -> set[str]:
    """Remember what is told about which file, and answer with the files about which it is something new."""
    before = json.loads(find_meta(store.db, TOLD) or "{}")
    after = {file: hashlib.sha256(words.encode(errors="replace")).hexdigest()[:16] for file, words in told.items()}
    write_meta(store.db, TOLD, json.dumps(after, sort_keys=True))
    return {file for file, fingerprint in after.items() if before.get(file) != fingerprint}


def _without_path(problem: Problem) -> str:
    """The same words wherever they are read from."""
    return f"{problem.line}:{problem.column}: {problem.where}: {problem.message}"


# -- by hand ------------------------------------------------------------------------------------------------------


def switched_off(store: Store) -> set[str]:
    """The workflows that a person has disabled."""
    return set(json.loads(find_meta(store.db, SWITCHED_OFF) or "[]"))


def disable(store: Store, name: str, *, actor: str, now: datetime) -> StoredVersion:
    """Let nothing start from a workflow until somebody enables it, whatever its file says."""
    with store.transaction():
        version = store.templates.newest(name)
        off = switched_off(store)
        if name in off:
            raise NotAllowed(f"workflow '{name}' is disabled already; enable it with: coopflow workflow enable {name}")
        _switch(store, version, off | {name}, active=False, now=now)
        _log(store, "workflow.disabled", name, version.version, actor=actor, now=now)
        return version


def enable(app: "App", store: Store, name: str, *, actor: str, now: datetime) -> tuple[StoredVersion, str | None]:
    """Let a disabled workflow start again; with it comes why its file keeps it from starting, if it does."""
    obstacle = _obstacle(app, store, name)
    with store.transaction():
        version = store.templates.newest(name)
        off = switched_off(store)
        if name not in off:
            raise NotAllowed(obstacle or f"workflow '{name}' is enabled already")
        _switch(store, version, off - {name}, active=obstacle is None, now=now)
        _log(store, "workflow.enabled", name, version.version, actor=actor, now=now)
        return version, obstacle


def _switch(store: Store, version: StoredVersion, off: set[str], *, active: bool, now: datetime) -> None:
    write_meta(store.db, SWITCHED_OFF, json.dumps(sorted(off)))
    store.templates.set_active(version.template_id, active, now=now)
    keep_schedules(store, now=now)


def _obstacle(app: "App", store: Store, name: str) -> str | None:
    """Why a workflow's file keeps it from starting instances; None when it does not."""
    from coopflow.workflows.folder import read_folder

    version = store.templates.newest(name)
    folder = as_seen_from_here(app.config.workflows)
    reading = read_folder(app.config.workflows, app.known(store), shown_as=folder)
    found = {definition.name: definition for definition in reading.definitions}
    if name in found:
        ready = found[name].active
        return None if ready else f"{found[name].source_path} says 'enabled: false'; take that line out, and it starts"
    broken = {PurePath(path).name for path, _ in reading.broken}
    if version.source_path in broken or name in {named for _, named in reading.broken}:
        return None  # the last good version stays in force
    return f"there is no file of workflow '{name}' in {folder} any more; put {version.source_path} back, and it starts"


def _log(store: Store, kind: str, name: str, version: int, *, actor: str, now: datetime, **more: str) -> None:
    data = {"workflow": name, "version": version, **more}
    store.log([Event(at=now, kind=kind, actor=actor, data=data)])
