"""The door never keeps a tick from its work: whatever lies in the file, it can only cost a full tick."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coopflow.__main__ import _plain_tick
from coopflow.app import App, open_app
from coopflow.config import load_config
from coopflow.core.instants import format_instant
from coopflow.door import Door, file_signature, nothing_to_do
from coopflow.loading import look_again, refresh
from coopflow.store.log import head_of
from coopflow.tick import tick
from tests.folders import CONFIG, ERRAND, MARCH, a_folder, load, starts

NOW = format_instant(MARCH)


def at_the_door(app: App, *, now: datetime = MARCH, database: str | None = None) -> bool:
    return nothing_to_do(str(app.config.path), database=database, now=format_instant(now))


def door_file(app: App) -> Path:
    return app.config.path.with_name(".coopflow.yaml.door")


@pytest.fixture
def app(tmp_path: Path) -> App:
    """A co-op at rest: a tick has been here, and nothing is due."""
    made = a_folder(tmp_path)
    with made.lock as lock:
        lock.acquire()
        lock.touch(now=MARCH)
    assert at_the_door(made)
    return made


# -- what a tick is needed for ------------------------------------------------------------------------------------


def test_a_due_step_opens_the_door_from_its_second_on(app: App) -> None:
    starts(app, "errand")
    with app.engine() as engine:
        tick(engine, now=MARCH)

    assert at_the_door(app, now=MARCH + timedelta(seconds=59))
    assert not at_the_door(app, now=MARCH + timedelta(seconds=60))


def test_an_idle_tick_leaves_its_sign_of_life(app: App) -> None:
    os.utime(app.lock.path, (0, 0))

    assert at_the_door(app)

    assert app.lock.path.stat().st_mtime > 0


def test_without_a_sign_of_life_there_is_a_full_tick(app: App) -> None:
    app.lock.path.unlink()

    assert not at_the_door(app)


@pytest.mark.parametrize(
    "change",
    ["workflows.d/errand.yaml", "workflows.d/new.yaml", "workflows.d/messages/hello.md", "coopflow.yaml"],
)
def test_an_edited_file_opens_the_door(app: App, change: str) -> None:
    path = app.config.path.parent / change
    path.write_text(path.read_text() if path.exists() else ERRAND)

    assert not at_the_door(app)


def test_an_edit_that_keeps_size_and_date_opens_the_door(app: App) -> None:
    path = app.config.path
    before = path.stat()
    path.write_text(CONFIG.replace("Willow", "Wallow"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert not at_the_door(app)


def test_imported_attributes_open_the_door(app: App) -> None:
    with app.store() as store, store.transaction():
        look_again(store)
    assert not at_the_door(app)

    load(app)
    assert at_the_door(app)


def test_the_door_file_of_one_database_says_nothing_about_another(app: App, tmp_path: Path) -> None:
    other = str(tmp_path / "other.db")
    shutil.copy(app.database, other)
    Path(f"{other}.lock").touch()

    assert not at_the_door(app, database=other)
    assert at_the_door(app, database=app.database)


def test_a_new_database_in_the_old_ones_place_is_given_the_workflows(app: App, tmp_path: Path) -> None:
    with app.store() as store, store.transaction():
        store.db.execute_sql("DELETE FROM meta WHERE key = 'files_taken_in'")
        store.db.execute_sql("DELETE FROM workflow_templates")

    assert not at_the_door(app)
    with app.store() as store:
        assert refresh(app, store, now=MARCH) == []
        assert [workflow.name for workflow in store.templates.current()] == ["errand", "welcome"]


# -- whatever lies in its file --------------------------------------------------------------------------------------


def test_without_its_file_there_is_a_full_tick_which_leaves_one(app: App) -> None:
    door_file(app).unlink()
    assert not at_the_door(app)

    app.leave_word()

    assert at_the_door(app)
    assert door_file(app).stat().st_mode & 0o777 == 0o600


def test_a_moved_folder_is_looked_at_anew(app: App, tmp_path: Path) -> None:
    moved = tmp_path.with_name(f"{tmp_path.name}-moved")
    tmp_path.rename(moved)
    try:
        assert not nothing_to_do(str(moved / "coopflow.yaml"), database=None, now=NOW)
        assert open_app(moved / "coopflow.yaml").database == str(moved / "coopflow.db")
    finally:
        moved.rename(tmp_path)


def test_another_version_of_coopflow_looks_anew(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coopflow.door.FORMAT", "coopflow 99 door")

    assert not at_the_door(app)
    assert open_app(app.config.path).config == app.config


def test_what_another_coopflow_kept_is_not_used(app: App) -> None:
    data = {**app.config.to_data(), "windows": {}}
    del data["organisation"]
    Door(app.config.path).keep(app.config_signature, data)

    assert open_app(app.config.path).config == app.config


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(data=st.data())
def test_a_garbled_file_only_costs_a_full_tick(app: App, data: st.DataObject) -> None:
    whole = door_file(app).read_bytes()
    place = data.draw(st.integers(0, len(whole)))
    instead = data.draw(st.binary(max_size=8) | st.sampled_from([b"\n", b"\n\n", b"\xff"]))
    garbled = whole[:place] + instead + whole[place + data.draw(st.integers(0, len(whole))) :]
    try:
        door_file(app).write_bytes(garbled)
        assert at_the_door(app) is (garbled == whole)
        assert open_app(app.config.path).config == app.config
    finally:
        door_file(app).write_bytes(whole)


def test_what_is_no_file_only_costs_a_full_tick(app: App, tmp_path: Path) -> None:
    path = door_file(app)
    whole = path.rename(tmp_path / "elsewhere")
    for make in (path.mkdir, lambda: os.mkfifo(path), lambda: path.symlink_to(whole)):
        make()
        assert not at_the_door(app)
        assert open_app(app.config.path).config == app.config
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def test_a_folder_that_cannot_be_written_only_costs_full_ticks(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    door_file(app).unlink()

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("coopflow.door.os.replace", refuse)
    app.leave_word()

    assert not door_file(app).exists()


def test_the_door_keeps_names_that_no_encoding_knows(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"co-op \xff")
    made = a_folder(folder)
    made.lock.path.touch()

    assert at_the_door(made)


def test_the_configuration_from_the_door_is_the_one_that_was_read(app: App) -> None:
    assert open_app(app.config.path).config == load_config(app.config.path)


def test_a_signature_changes_with_an_edit_and_with_a_replacement(tmp_path: Path) -> None:
    path = tmp_path / "coopflow.yaml"
    path.write_text(CONFIG)
    os.utime(path, ns=(10**18, 10**18))
    first = file_signature(path)
    assert file_signature(str(path)) == first

    os.utime(path, ns=(10**18, 10**18 + 1))
    touched = file_signature(path)
    other = tmp_path / "other"
    other.write_text(CONFIG)
    os.utime(other, ns=(10**18, 10**18))
    other.replace(path)

    assert len({first, touched, file_signature(path)}) == 3


# -- whatever is the matter with the database -----------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"not a database", None], ids=["empty", "foreign", "missing"])
def test_a_database_that_cannot_be_asked_is_left_to_a_full_tick(app: App, content: bytes | None) -> None:
    Path(app.database).unlink()
    if content is not None:
        Path(app.database).write_bytes(content)

    assert not at_the_door(app)


def test_a_path_that_no_system_call_takes_is_left_to_the_command_line() -> None:
    assert not nothing_to_do("coop\0flow.yaml", database=None, now=NOW)
    assert not nothing_to_do("nowhere/coopflow.yaml", database=None, now=NOW)


# -- the promise, over any rows -------------------------------------------------------------------------------------

MOMENTS = st.sampled_from([None, *(MARCH + timedelta(seconds=seconds) for seconds in (-3600, -1, 0, 1, 3600))])
EMPTY = "DELETE FROM workflow_queue; DELETE FROM coordinator_tasks; DELETE FROM workflow_step_executions;"
ENTRY = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["queued", "processing", "paused"]),
        "awaits": st.sampled_from(["turn", "time", "send", "doubt", "person"]),
        "scheduled_for": MOMENTS,
        "priority": st.integers(1, 10),
    }
)
ATTEMPT = st.fixed_dictionaries(
    {"status": st.sampled_from(["pending", "running"]), "key": st.booleans(), "branch": st.sampled_from(["main", "b"])}
)
TASK = st.fixed_dictionaries({"open": st.booleans(), "escalate_at": MOMENTS})


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A co-op with one running instance, whose rows the tests change as they like."""
    app = a_folder(tmp_path_factory.mktemp("busy"))
    starts(app, "errand")
    app.lock.path.touch()
    return app


@settings(max_examples=100, deadline=None)
@given(entry=st.none() | ENTRY, attempts=st.lists(ATTEMPT, max_size=2), task=st.none() | TASK, loaded=st.booleans())
def test_the_door_never_says_nothing_when_something_is_due(
    busy: App, entry: dict | None, attempts: list[dict], task: dict | None, loaded: bool
) -> None:
    with closing(sqlite3.connect(busy.database)) as connection:
        _fill(connection, entry, attempts, task, loaded)
    quiet = at_the_door(busy)

    with busy.engine() as engine:
        store = engine.store
        due = store.cases.due(now=MARCH, limit=10)
        work = due or store.desk.to_escalate(now=MARCH) or store.cases.under_way() or not loaded
        assert quiet is not bool(work)
        if quiet:
            before, rows = head_of(store.db), list(store.db.execute_sql("SELECT * FROM workflow_queue"))
            tick(engine, now=MARCH)
            assert (head_of(store.db), list(store.db.execute_sql("SELECT * FROM workflow_queue"))) == (before, rows)


def _fill(
    connection: sqlite3.Connection, entry: dict | None, attempts: list[dict], task: dict | None, loaded: bool
) -> None:
    connection.executescript(EMPTY)
    if entry:
        connection.execute(
            "INSERT INTO workflow_queue (instance_id, scheduled_for, priority, status, awaits, step_id, branch, visit,"
            " created_date) VALUES (1, ?, ?, ?, ?, 'rest', 'main', 1, ?)",
            (_text(entry["scheduled_for"]), entry["priority"], entry["status"], entry["awaits"], NOW),
        )
    for number, attempt in enumerate(attempts):
        connection.execute(
            "INSERT INTO workflow_step_executions (instance_id, step_number, step_name, step_type, status, started_at,"
            " retry_count, created_date, branch, step_id, visit, idempotency_key)"
            " VALUES (1, 0, 'Rest', 'email', ?, ?, 0, ?, ?, 'rest', ?, ?)",
            (attempt["status"], NOW, NOW, attempt["branch"], number, f"key{number}" if attempt["key"] else None),
        )
    if task:
        connection.execute(
            "INSERT INTO coordinator_tasks (family_id, task_type, description, priority, instance_id, status,"
            " created_date, completed_at, escalate_at) VALUES ('42', 'task', 'Call', 'normal', 1, ?, ?, ?, ?)",
            ("open" if task["open"] else "done", NOW, None if task["open"] else NOW, _text(task["escalate_at"])),
        )
    connection.execute("INSERT OR IGNORE INTO meta SELECT 'kept', value FROM meta WHERE key = 'files_taken_in'")
    connection.execute(
        "UPDATE meta SET value = (SELECT iif(?, value, 'other') FROM meta WHERE key = 'kept')"
        " WHERE key = 'files_taken_in'",
        (loaded,),
    )
    connection.commit()


def _text(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)


# -- which command lines it looks at --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ("tick", {}),
        ("-c a.yaml tick", {"config": "a.yaml"}),
        ("--config a.yaml --database b.db tick", {"config": "a.yaml", "database": "b.db"}),
        ("--config=a.yaml tick", {"config": "a.yaml"}),
        ("--config= tick", None),
        ("-c tick", None),
        ("tick --dry-run", None),
        ("tick --every 30s", None),
        ("tick tick", None),
        ("--version tick", None),
        ("status", None),
        ("-c", None),
        ("", None),
    ],
)
def test_only_a_bare_tick_goes_through_the_door(words: str, given: dict[str, str] | None) -> None:
    assert _plain_tick(words.split()) == given
