"""`coopflow purge`: what ended long ago moves into a second file, and neither is lost nor doubled."""

import os
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from coopflow.core.durations import Duration
from coopflow.errors import ExitCode
from coopflow.keeping import purging
from coopflow.store import archiving
from coopflow.store.database import open_database, problems
from tests.cli.conftest import CoOp
from tests.faults.children import end_of, fork
from tests.keeping.conftest import ask, database, documents
from tests.keeping.test_forget import bytes_left
from tests.keeping.test_place import tick
from tests.world import world

YEARS_LATER = "2028-06-01 13:00:00"
MOVED = ("workflow_instances", "workflow_step_executions", "coordinator_tasks", "event_personal")
ERRAND = """\
name: errand
trigger: {type: manual}
steps:
  - {id: hello, type: email, template_id: hello, urgent: true, stale_after: 10 years}
  - {id: visit, type: task, urgent: true, description: Bring the books, outcomes: {brought: done}}
  - {id: done, type: end}
"""


@pytest.fixture
def old(school: CoOp) -> CoOp:
    """Four errands of 2026 that are done, one that is not, and the one of the family that is under way."""
    (school.folder / "workflows.d" / "errand.yaml").write_text(ERRAND)
    tick(school, at="2026-03-20 13:01:00")
    for number in range(5):
        school.run("trigger", "--workflow", "errand", "--family", "42", at=f"2026-03-2{number + 1} 14:00:00")
        tick(school, at=f"2026-03-2{number + 1} 14:01:00")
        if number < 4:
            [task] = [one for one in documents(school, "task", "list") if one["description"] == "Bring the books"]
            note = f"The dog is called Pflaume{number}"
            school.run(
                "task",
                "done",
                str(task["task_id"]),
                "--outcome",
                "brought",
                "--note",
                note,
                at=f"2026-03-2{number + 1} 15:00:00",
            )
    return school


def purge(school: CoOp, *more: str) -> tuple[int, str]:
    ran = school.run("purge", "--older-than", "2 years", *(more or ("--yes",)), at=YEARS_LATER)
    return ran.code, ran.err


def archive(school: CoOp) -> Path:
    return school.folder / "coopflow-archive.db"


def rows(path: Path, table: str) -> list[tuple[object, ...]]:
    return ask(path, f"SELECT * FROM {table} ORDER BY 1")  # noqa: S608 - a test's own


def test_what_ended_long_ago_moves_and_the_trail_stays_whole(old: CoOp) -> None:
    before = {table: rows(database(old), table) for table in (*MOVED, "event_log")}
    code, words = purge(old)
    assert (code, "Moved 4 instances into" in words) == (0, True), words
    assert [row[0] for row in ask(database(old), "SELECT instance_id FROM workflow_instances")] == [1, 6]
    assert [row[0] for row in ask(archive(old), "SELECT instance_id FROM workflow_instances")] == [2, 3, 4, 5]
    for table in MOVED:
        assert sorted(rows(database(old), table) + rows(archive(old), table), key=str) == sorted(before[table], key=str)
    assert rows(database(old), "event_log")[: len(before["event_log"])] == before["event_log"]
    assert old.run("audit", "verify", at=YEARS_LATER).code == 0
    for path in (database(old), archive(old)):
        with closing(open_database(path)) as db:
            assert problems(db, thorough=True) == []
    assert archive(old).stat().st_mode & 0o777 == 0o600


def test_show_says_where_an_instance_went_and_how_to_look_at_it(old: CoOp) -> None:
    purge(old)
    ran = old.run("show", "3", at=YEARS_LATER)
    assert ran.code == ExitCode.NOT_FOUND
    assert "was moved into the archive coopflow-archive.db on 2028-06-01" in ran.err
    assert f"coopflow --database {archive(old)} show 3" in ran.err
    shown = old.run("--database", str(archive(old)), "show", "3", "--format", "table", at=YEARS_LATER)
    assert (shown.code, "Pflaume1" in shown.out) == (0, True), shown.err


def test_nothing_is_ever_sent_from_an_archive(old: CoOp) -> None:
    purge(old)
    ran = old.run("--database", str(archive(old)), "tick", at=YEARS_LATER)
    assert (ran.code, "it is an archive" in ran.err) == (ExitCode.PERSON_NEEDED, True)
    assert old.run("--database", str(archive(old)), "adopt", "--yes", at=YEARS_LATER).code == ExitCode.NOT_FOUND


def test_what_is_moved_leaves_the_database(old: CoOp) -> None:
    assert bytes_left(old.folder, "Pflaume2") == ["coopflow.db: Pflaume2"]
    purge(old)
    assert bytes_left(old.folder, "Pflaume2") == ["coopflow-archive.db: Pflaume2"]


def test_a_second_time_it_is_appended(old: CoOp) -> None:
    old.run("purge", "--before", "2026-03-23", "--yes", at=YEARS_LATER)
    first = len(rows(archive(old), "workflow_instances"))
    purge(old)
    assert (first, len(rows(archive(old), "workflow_instances"))) == (2, 4)
    assert purge(old)[1].strip() == "Nothing that may go ended before then."


def test_ids_are_never_given_out_twice(old: CoOp) -> None:
    keys = {
        "workflow_instances": "instance_id",
        "workflow_step_executions": "execution_id",
        "coordinator_tasks": "task_id",
    }

    def highest() -> list[object]:
        return [ask(database(old), f"SELECT max({key}) FROM {table}") for table, key in keys.items()]  # noqa: S608

    old.run("cancel", "1", "6", "--yes", at="2026-04-01 13:00:00")
    before = highest()
    purge(old)
    assert highest() == before
    assert len(rows(archive(old), "workflow_instances")) > 3


@pytest.mark.parametrize("place", ["after the copy", "after the batch is taken out"])
def test_a_crash_in_between_neither_loses_nor_doubles(old: CoOp, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {table: rows(database(old), table) for table in MOVED}
    monkeypatch.setattr(purging, "BATCH", 2)
    take_out = archiving.take_out

    def dies(*given: object) -> None:
        if place != "after the copy":
            take_out(*given)  # type: ignore[arg-type]
        os._exit(9)

    def purges() -> None:
        purging.take_out = dies  # type: ignore[assignment]
        purge(old)

    old.world.db.close()
    assert end_of(fork(purges)) == 9
    assert len(rows(database(old), "workflow_instances")) == 6, "the batch was not taken out"
    assert len(rows(archive(old), "workflow_instances")) == 2
    assert purge(old)[0] == 0
    for table in MOVED:
        assert sorted(rows(database(old), table) + rows(archive(old), table), key=str) == sorted(before[table], key=str)
    assert old.run("audit", "verify", at=YEARS_LATER).code == 0
    old.world.db.connect()


def test_what_is_not_in_the_archive_is_not_deleted(old: CoOp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "copy_over", lambda *_: None)
    code, words = purge(old)
    assert (code, "the archive does not hold all rows" in words) == (ExitCode.DATABASE_UNUSABLE, True)
    assert len(rows(database(old), "workflow_instances")) == 6


def test_a_dry_run_changes_nothing(old: CoOp) -> None:
    before = database(old).read_bytes()
    code, words = purge(old, "--dry-run")
    assert (code, "Would move 4 instances" in words) == (0, True)
    assert (database(old).read_bytes(), archive(old).exists()) == (before, False)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), ExitCode.USAGE, "say which"),
        (("--before", "2020-01-01", "--older-than", "2 years"), ExitCode.USAGE, "say which"),
        (("--older-than", "soon"), ExitCode.USAGE, "--older-than"),
        (("--older-than", "3 days"), ExitCode.NOT_FOUND, "more than 90 days ago"),
    ],
)
def test_what_cannot_be_meant_is_told(school: CoOp, arguments: tuple[str, ...], code: int, words: str) -> None:
    ran = school.run("purge", *arguments, "--yes")
    assert (ran.code, words in ran.err) == (code, True), ran.err


def test_runs_that_a_cooldown_looks_at_must_stay(old: CoOp) -> None:
    (old.folder / "workflows.d" / "rare.yaml").write_text(
        "name: rare\ntrigger: {type: prediction, conditions: predicted_probability > 0.9, cooldown: 3 years}\n"
        "steps: [{id: done, type: end}]\n"
    )
    tick(old, at="2028-05-30 13:00:00")
    code, words = purge(old)
    assert (code, "'rare' does not start again within 3 years" in words) == (ExitCode.NOT_FOUND, True)


def test_another_file_is_no_archive(old: CoOp, tmp_path_factory: pytest.TempPathFactory) -> None:
    with world(tmp_path_factory.mktemp("other")) as other:
        code, words = purge(old, "--yes", "--archive", str(other.folder / "coopflow.db"))
        assert (code, "is no archive of this database" in words) == (ExitCode.DATABASE_UNUSABLE, True)
    assert len(rows(database(old), "workflow_instances")) == 6


def test_a_family_is_forgotten_in_the_archive_too(old: CoOp) -> None:
    purge(old)
    ran = old.run("family", "forget", "42", "--yes", at=YEARS_LATER)
    assert (ran.code, f"Erases it in the archive {archive(old)} too." in ran.err) == (0, True)
    assert bytes_left(old.folder, "Martinez", "family42@example.org", "Pflaume") == []
    assert old.run("--database", str(archive(old)), "show", "3", "--format", "table", at=YEARS_LATER).code == 0


def test_an_archive_that_is_missing_must_be_brought_back_first(old: CoOp) -> None:
    purge(old)
    archive(old).rename(old.folder / "elsewhere.db")
    ran = old.run("family", "forget", "42", "--yes", at=YEARS_LATER)
    assert (ran.code, "is not there, and holds instances" in ran.err) == (ExitCode.DATABASE_UNUSABLE, True)
    assert not (old.folder / "coopflow.db.erased").exists()


@pytest.mark.parametrize(
    ("length", "then"),
    [
        ("2 years", "2026-02-28"),
        ("1 month", "2028-01-29"),
        ("30 days", "2028-01-30"),
        ("10 business days", "2028-02-09"),
    ],
)
def test_how_long_ago(length: str, then: str) -> None:
    now = datetime(2028, 2, 29, 12, tzinfo=UTC)
    assert purging.ago(Duration.parse(length), now=now).date().isoformat() == then
