"""A database that was restored, copied or moved sends nothing before a person has said that it is the one."""

import shutil
from pathlib import Path

import pytest

from coopflow.errors import ExitCode
from coopflow.keeping import place
from coopflow.store.database import open_database
from tests.cli.conftest import CoOp
from tests.keeping.conftest import LATER, ask, copy_over, database, documents

LATER_STILL = "2026-03-24 15:01:00"


def mails(folder: Path) -> int:
    return len(list((folder / "outbox").rglob("*.eml"))) + len(list((folder / "outbox" / "sms").glob("*.json")))


def head(school: CoOp) -> Path:
    return school.folder / "coopflow.db.head"


def replaced(path: Path) -> None:
    """What an editor or `rsync` does: another file under the same name."""
    shutil.copy2(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def tick(school: CoOp, *, at: str = LATER) -> tuple[int, str]:
    ran = school.run("tick", at=at)
    words = [line for line in ran.err.splitlines() if not line.startswith("no tick since")]
    return ran.code, "\n".join(words)


def test_a_database_in_its_place_goes_on(school: CoOp) -> None:
    assert tick(school, at="2026-03-20 13:01:00") == (0, "")
    assert mails(school.folder) == 1
    assert tick(school) == (0, "")
    assert mails(school.folder) == 2


def test_the_head_is_kept_when_a_tick_has_changed_something_and_only_then(school: CoOp) -> None:
    tick(school, at="2026-03-20 13:01:00")
    before = head(school).stat()
    [(number, hash_)] = ask(database(school), "SELECT event_id, hash FROM event_log ORDER BY event_id DESC LIMIT 1")
    assert head(school).read_text().splitlines() == [place.FORMAT, "test", str(number), hash_]
    assert before.st_mode & 0o777 == 0o600
    tick(school, at="2026-03-20 13:02:00")
    school.run("tick", "--limit", "5", at="2026-03-20 13:03:00")
    after = head(school).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_s27_an_old_backup_copied_over_the_database_sends_nothing(school: CoOp) -> None:
    school.run("backup", "old.db")
    tick(school, at="2026-03-20 13:01:00")
    assert mails(school.folder) == 1
    inode = database(school).stat().st_ino
    copy_over(school.folder / "old.db", database(school))
    assert database(school).stat().st_ino == inode
    before = ask(database(school), "SELECT count(*) FROM event_log")

    code, words = tick(school)
    assert code == ExitCode.PERSON_NEEDED
    assert "its audit trail ends with entry" in words
    assert "run: coopflow adopt" in words
    assert mails(school.folder) == 1
    assert ask(database(school), "SELECT count(*) FROM event_log") == before, "nothing was moved forward"
    assert tick(school, at=LATER_STILL) == (ExitCode.PERSON_NEEDED, ""), "told once"


def test_s28_a_copy_of_the_folder_refuses_and_the_original_goes_on(
    school: CoOp, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tick(school, at="2026-03-20 13:01:00")
    copy = tmp_path_factory.mktemp("copied") / "coop"
    shutil.copytree(school.folder, copy)
    ran = school.run("-c", str(copy / "coopflow.yaml"), "tick", at=LATER)
    assert ran.code == ExitCode.PERSON_NEEDED
    assert f"it was last at work as {database(school)}" in ran.err
    assert mails(copy) == 1
    assert tick(school) == (0, "")
    assert mails(school.folder) == 2


def test_o12_on_another_machine_it_refuses(school: CoOp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tick(school, at="2026-03-20 13:01:00")
    other = tmp_path / "machine-id"
    other.write_text("0123456789abcdef0123456789abcdef\n")
    ids = [path for path in place.MACHINE_IDS if path.exists()]
    known = tmp_path / "known"
    known.write_text("feedfeedfeedfeedfeedfeedfeedfeed\n")
    monkeypatch.setattr(place, "MACHINE_IDS", (known,))
    school.run("adopt", "--yes", at="2026-03-20 13:02:00") if ids else None
    school.world.db.execute_sql("DELETE FROM meta WHERE key = 'place'")
    assert tick(school, at="2026-03-20 13:03:00")[0] == 0
    monkeypatch.setattr(place, "MACHINE_IDS", (other,))
    code, words = tick(school)
    assert (code, "another machine" in words) == (ExitCode.PERSON_NEEDED, True)
    assert mails(school.folder) == 1
    assert "feedfeed" not in ask(database(school), "SELECT value FROM meta WHERE key = 'place'")[0][0]


def test_a_machine_without_an_id_is_not_compared(school: CoOp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "MACHINE_IDS", ())
    assert tick(school, at="2026-03-20 13:01:00") == (0, "")


def test_o34_a_moved_folder_is_adopted_and_goes_on(school: CoOp) -> None:
    tick(school, at="2026-03-20 13:01:00")
    moved = school.folder / "moved"
    moved.mkdir()
    for name in ("coopflow.yaml", "workflows.d", "outbox", "coopflow.db", "coopflow.db.lock", "coopflow.db.head"):
        (school.folder / name).rename(moved / name)
    config = ("-c", str(moved / "coopflow.yaml"))
    assert school.run(*config, "tick", at=LATER).code == ExitCode.PERSON_NEEDED
    ran = school.run(*config, "adopt", "--yes", at=LATER)
    assert ran.code == 0
    assert "instance 1 (Martinez, welcome): 'Rest'" in ran.err
    assert school.run(*config, "tick", at=LATER_STILL).code == 0
    assert mails(moved) == 1, "what was overdue waits for a person"


def test_a_file_that_was_replaced_is_noticed(school: CoOp) -> None:
    tick(school, at="2026-03-20 13:01:00")
    replaced(database(school))
    code, words = tick(school)
    assert (code, "its file was replaced by another one" in words) == (ExitCode.PERSON_NEEDED, True)


def test_two_that_went_different_ways_are_noticed(school: CoOp) -> None:
    """Both have as many entries; they are not the same."""
    school.run("backup", "old.db")
    tick(school, at="2026-03-20 13:01:00")
    copy_over(school.folder / "old.db", database(school))
    for number in range(12):
        school.run("event", "payment_received", "--family", "42", "--data", f'{{"n": {number}}}')
    code, words = tick(school)
    assert (code, "is another one than was here" in words) == (ExitCode.PERSON_NEEDED, True)


def test_a_damaged_head_file_is_no_leave_to_send(school: CoOp) -> None:
    tick(school, at="2026-03-20 13:01:00")
    head(school).write_text("")
    code, words = tick(school)
    assert (code, "coopflow.db.head is damaged" in words) == (ExitCode.PERSON_NEEDED, True)
    assert school.run("adopt", "--yes", at=LATER).code == 0
    assert tick(school, at=LATER_STILL)[0] == 0


def test_now_says_again_why_nothing_is_advanced(school: CoOp) -> None:
    tick(school, at="2026-03-20 13:01:00")
    replaced(database(school))
    tick(school)
    ran = school.run("event", "payment_received", "--family", "42", "--now", at=LATER)
    assert (ran.code, "coopflow adopt" in ran.err) == (ExitCode.PERSON_NEEDED, True)


# -- adopting ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def restored(school: CoOp) -> CoOp:
    """An old copy lies in the place of the database; the mail that is due in it has left already."""
    school.run("backup", "old.db")
    tick(school, at="2026-03-20 13:01:00")
    copy_over(school.folder / "old.db", database(school))
    tick(school)
    return school


def test_what_is_overdue_goes_to_a_person_and_is_not_sent(restored: CoOp) -> None:
    ran = restored.run("adopt", "--yes", at=LATER)
    assert "instance 1 (Martinez, welcome): 'Hello'" in ran.err
    assert "1 decision for you: coopflow task list" in ran.err
    assert tick(restored, at=LATER_STILL) == (0, "")
    assert mails(restored.folder) == 1
    [task] = documents(restored, "task", "list")
    assert (task["task_type"], task["instance_id"], task["priority"]) == ("person", 1, "high")
    assert "before this database was adopted; was it done then?" in task["description"]
    [entry] = ask(database(restored), "SELECT data FROM event_log WHERE kind = 'database.adopted'")
    assert '"held":1' in entry[0]


def test_the_person_may_skip_what_was_done_already(restored: CoOp) -> None:
    restored.run("adopt", "--yes", at=LATER)
    restored.run("skip", "1", "--reason", "it left on Friday", at=LATER)
    assert tick(restored, at=LATER_STILL) == (0, "")
    assert mails(restored.folder) == 1
    [instance] = documents(restored, "status")["instances"]
    assert instance["current_step"] == "rest"


def test_without_a_yes_nothing_is_adopted(restored: CoOp) -> None:
    ran = restored.run("adopt", at=LATER)
    assert (ran.code, "--yes" in ran.err) == (ExitCode.USAGE, True)
    assert tick(restored, at=LATER_STILL)[0] == ExitCode.PERSON_NEEDED


def test_where_all_is_well_there_is_nothing_to_adopt(school: CoOp) -> None:
    ran = school.run("adopt")
    assert (ran.code, "nothing to adopt" in ran.err) == (0, True)
    assert ask(database(school), "SELECT count(*) FROM event_log WHERE kind = 'database.adopted'") == [(0,)]


def test_a_message_that_was_under_way_is_in_doubt(school: CoOp) -> None:
    """The copy was made between the intent to send and the answer."""
    tick(school, at="2026-03-20 13:01:00")
    for statement in (
        "UPDATE workflow_step_executions SET status = 'pending', completed_at = NULL, success = NULL",
        "UPDATE workflow_queue SET status = 'processing', awaits = 'send', scheduled_for = NULL, step_id = 'hello',"
        " visit = 1, attempts = 1",
    ):
        school.world.db.execute_sql(f"{statement} WHERE instance_id = 1 AND step_id IN ('hello', 'rest')")
    school.world.db.execute_sql("DELETE FROM workflow_step_executions WHERE step_id = 'rest'")
    school.world.db.execute_sql("DELETE FROM meta WHERE key = 'place'")
    school.world.db.execute_sql("INSERT INTO meta VALUES ('place', 'restored')")
    ran = school.run("adopt", "--yes", at=LATER)
    assert "a message of it was under way; it is in doubt" in ran.err
    [doubt] = documents(school, "doubt", "list")
    assert doubt["instance_id"] == 1
    assert tick(school, at=LATER_STILL) == (0, "")
    assert mails(school.folder) == 1


def test_what_came_round_meanwhile_is_not_started_again(school: CoOp) -> None:
    (school.folder / "workflows.d" / "weekly.yaml").write_text(
        "name: weekly\ntrigger: {type: schedule, every: 'monday 09:00'}\n"
        "steps: [{id: call, type: task, description: Look after them, urgent: true}]\n"
    )
    tick(school, at="2026-03-20 13:01:00")
    school.world.db.execute_sql("UPDATE meta SET value = 'restored' WHERE key = 'place'")
    ran = school.run("adopt", "--yes", at=LATER)  # a Monday has been
    assert "Counted as started, whatever came round meanwhile: weekly" in ran.err
    tick(school, at=LATER_STILL)
    assert ask(database(school), "SELECT count(*) FROM workflow_instances WHERE triggered_by LIKE 'schedule%'") == [
        (0,)
    ]
    tick(school, at="2026-03-30 15:00:00")
    assert ask(database(school), "SELECT count(*) FROM workflow_instances WHERE triggered_by LIKE 'schedule%'") == [
        (1,)
    ]


def test_what_a_date_has_started_meanwhile_is_not_started_again(school: CoOp) -> None:
    """The date itself is still ahead, so for a family that comes in late it would be started now."""
    (school.folder / "workflows.d" / "renewal.yaml").write_text(
        "name: renewal\ntrigger: {type: schedule, on: [8 days before renewal_date, 2 days before renewal_date]}\n"
        "steps: [{id: call, type: task, description: Talk about next year, urgent: true}]\n"
    )
    school.world.has_family("43", attributes={"renewal_date": "2026-03-30"})
    tick(school, at="2026-03-20 13:01:00")
    school.world.db.execute_sql("UPDATE meta SET value = 'restored' WHERE key = 'place'")
    ran = school.run("adopt", "--yes", at=LATER)  # eight days before it has been
    assert "Counted as started, whatever came round meanwhile: renewal" in ran.err
    started = "SELECT triggered_by FROM workflow_instances WHERE triggered_by LIKE 'schedule%'"
    tick(school, at=LATER_STILL)
    assert ask(database(school), started) == []
    tick(school, at="2026-03-28 15:00:00")
    assert ask(database(school), started) == [("schedule:2 days before renewal_date = 2026-03-30",)]


def test_o09_a_dry_run_says_the_same_as_the_tick(restored: CoOp) -> None:
    ran = restored.run("tick", "--dry-run", at=LATER)
    assert (ran.code, "run: coopflow adopt" in ran.err, ran.out) == (ExitCode.PERSON_NEEDED, True, "")


def test_status_says_that_a_person_is_needed(restored: CoOp) -> None:
    ran = restored.run("status", "--check", at=LATER)
    assert (ran.code, "so nothing is sent" in ran.out) == (ExitCode.PERSON_NEEDED, True), ran


def test_a_new_co_op_in_the_folder_of_an_old_one_begins_anew(restored: CoOp) -> None:
    restored.run("family", "forget", "42", "--yes", at=LATER)
    restored.world.db.close()
    database(restored).unlink()
    assert restored.run("init", at=LATER).code == 0
    assert tick(restored, at=LATER_STILL) == (0, "")
    restored.world.db = open_database(database(restored))


def test_doctor_names_what_is_out_of_place(restored: CoOp) -> None:
    [found] = [check for check in documents(restored, "doctor")["checks"] if check["check"] == "place"]
    assert (found["level"], found["remedy"]) == ("bad", "coopflow adopt")
