"""`coopflow family forget`: not a byte of the family is left, and what was done is still proven."""

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from coopflow.core.audit import Verified
from coopflow.core.instants import format_instant
from coopflow.errors import ExitCode
from coopflow.keeping import erased, forgetting
from coopflow.store import erasing
from coopflow.store.database import open_database
from coopflow.store.log import verify
from coopflow.store.tables.every import ROWS
from tests.cli.conftest import CoOp
from tests.keeping.conftest import LATER, ask, copy_over, database, documents
from tests.keeping.test_place import tick
from tests.world import World, at

AFTER = "2026-03-24 15:05:00"
SECRETS = (
    "Zwiebelfrosch",
    "zwiebel@frosch.example",
    "+12125550177",
    "Quittenbaum",
    "Ulmenweg",
    "Kastanie",
    "Birnenmus",
)


def bytes_left(folder: Path, *secrets: str) -> list[str]:
    """Which files of a folder hold which of these words, in whatever case."""
    return [
        f"{path.relative_to(folder)}: {secret}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for secret in secrets
        if secret.lower().encode() in path.read_bytes().lower()
    ]


@pytest.fixture
def known(school: CoOp) -> CoOp:
    """A family of which there is something in every place: columns, messages, tasks, reasons, predictions, events."""
    (school.folder / "workflows.d" / "care.yaml").write_text(
        "name: care\ntrigger:\n  type: prediction\n  conditions: predicted_probability > 0.5\n"
        "steps:\n"
        "  - {id: hello, type: email, template_id: hello, urgent: true, stale_after: 10 years}\n"
        "  - {id: nick, type: wait, duration: 1 day, only_if: street == 'nowhere'}\n"
        "  - {id: visit, type: call, urgent: true, approval: true, reason: Speak with them}\n"
        "  - {id: text, type: sms, message: 'Hi {{ family_name }}', urgent: true, window: always}\n"
    )
    families = [
        {
            "family_id": "7",
            "family_name": "Zwiebelfrosch",
            "email": "zwiebel@frosch.example",
            "phone": "+12125550177",
            "time_zone": "America/New_York",
            "street": "Ulmenweg 3",
            "engagement_score": 0.4,
        },
        {"family_id": "8", "family_name": "Nguyen", "email": "nguyen@example.org", "street": "Elm 1"},
    ]
    school.run("family", "import", "-", input="\n".join(map(json.dumps, families)))
    school.run("tick")
    for family in ("7", "8"):
        prediction = {
            "prediction_id": f"p{family}",
            "family_id": family,
            "predicted_probability": 0.9,
            "confidence_score": 90,
            "prediction_window_days": 30,
            "worry": "Kastanie" if family == "7" else "Eiche",
        }
        school.run("trigger", "-", input=json.dumps(prediction), at="2026-03-20 13:00:30")
    school.run("trigger", "--workflow", "welcome", "--family", "7", at="2026-03-20 13:00:40")
    tick(school, at="2026-03-20 13:01:00")
    school.run("note", "2", "Quittenbaum is their dog", at="2026-03-20 13:02:00")
    school.run("event", "email_response_received", "--family", "7", "--data", '{"words": "Birnenmus"}')
    school.run("pause", "--family", "7", "--yes", "--reason", "Mrs Zwiebelfrosch is ill", at="2026-03-21 13:30:00")
    school.run("resume", "--family", "7", "--yes", "--reason", "Quittenbaum is well", at="2026-03-22 13:30:00")
    school.run("family", "optout", "7", "--channel", "sms", "--reason", "Birnenmus said so", at="2026-03-22 14:00:00")
    tick(school)
    tick(school, at="2026-03-24 15:01:00")
    tasks = [task for task in documents(school, "task", "list") if task["family_id"] == "7"]
    assert tasks, "there is a call to make"
    school.run("task", "done", str(tasks[0]["task_id"]), "--note", "Quittenbaum barked", at="2026-03-24 15:02:00")
    school.run("tick", at="2026-03-24 15:03:00")
    return school


def forget(school: CoOp, family: str = "7", *, at: str = AFTER) -> tuple[int, str]:
    ran = school.run("family", "forget", family, "--reason", "asked by letter", "--yes", at=at)
    return ran.code, ran.err


# -- nothing is left --------------------------------------------------------------------------------------------------


def test_o24_not_a_byte_is_left_and_the_trail_still_verifies(known: CoOp) -> None:
    left = bytes_left(known.folder, *SECRETS)
    assert {secret for line in left for secret in SECRETS if line.endswith(secret)} == set(SECRETS), left
    before = ask(database(known), "SELECT event_id, hash FROM event_log")

    code, words = forget(known)
    assert code == 0, words
    assert bytes_left(known.folder, *SECRETS) == []
    assert known.run("audit", "verify", "--head", before[-1][1], at=AFTER).code == 0
    assert ask(database(known), "SELECT event_id, hash FROM event_log")[: len(before)] == before
    assert [path.name for path in known.folder.glob("coopflow.db-*")] == []


def test_an_opt_out_stays_without_the_address_and_stands_when_the_family_comes_back(known: CoOp) -> None:
    said = "SELECT channel, address, allowed, text FROM consent_records WHERE family_id = '7'"
    assert ask(database(known), said) == [("sms", "+12125550177", 0, "Birnenmus said so")]
    forget(known)
    assert ask(database(known), said) == [("sms", None, 0, None)]
    line = json.dumps({"family_id": "7", "family_name": "Anew", "email": "new@example.org", "phone": "+12125550188"})
    assert known.run("family", "import", "-", "--again", input=line, at=AFTER).code == 0
    assert documents(known, "family", "show", "7", at=AFTER)["consent"]["sms"]["allowed"] is False


def test_what_came_from_an_address_that_the_family_had_before_goes_too(known: CoOp) -> None:
    """The mail is nobody's by then; but messages of the family went there once."""
    moved = json.dumps({"family_id": "7", "family_name": "Zwiebelfrosch", "email": "new@frosch.example"})
    known.run("family", "import", "-", input=moved, at=AFTER)
    letter = "From: zwiebel@frosch.example\nSubject: Hello\nMessage-ID: <1@x>\n\nQuittenbaum says hello.\n"
    assert known.run("inbox", "receive", "--kind", "mail", input=letter, at=AFTER).code == 0
    [item] = documents(known, "inbox", "list", at=AFTER)
    assert item["status"] == "unmatched"

    assert forget(known)[0] == 0

    assert bytes_left(known.folder, *SECRETS, "new@frosch.example") == []


def test_what_came_from_an_address_that_another_family_has_too_stays(known: CoOp) -> None:
    sharing = json.dumps({"family_id": "8", "family_name": "Nguyen", "phone": "+12125550177"})
    known.run("family", "import", "-", input=sharing, at=AFTER)
    with known.world.store.transaction():
        for channel, address in (("sms", "+12125550177"), ("email", "zwiebel@frosch.example")):
            known.world.store.inbox.mark_bad(channel, address, "no such user Birnenmus", now=known.world.now)
    forget(known)
    assert ask(database(known), "SELECT channel, address FROM bad_addresses") == [("sms", "+12125550177")]
    assert ask(database(known), "SELECT address, text FROM consent_records") == [("+12125550177", None)]


def test_others_keep_all_that_is_theirs(known: CoOp) -> None:
    before = bytes_left(known.folder, "Nguyen", "Eiche", "Martinez")
    forget(known)
    assert bytes_left(known.folder, "Nguyen", "Eiche", "Martinez") == before


def test_what_was_under_way_is_cancelled_by_a_reason_that_names_nobody(known: CoOp) -> None:
    known.run("trigger", "--workflow", "welcome", "--family", "7", at="2026-03-24 15:03:30")
    _, words = forget(known)
    assert "Cancels what is under way for it: instance" in words
    rows = ask(database(known), "SELECT status, outcome_notes, context FROM workflow_instances WHERE family_id = '7'")
    assert {status for status, *_ in rows} <= {"cancelled", "completed"}
    assert {(notes, context) for _, notes, context in rows} == {(None, "{}")}
    assert known.world.db.execute_sql("SELECT count(*) FROM workflow_queue WHERE instance_id = 2").fetchone() == (0,)
    tick(known, at="2026-03-30 15:00:00")
    assert ask(
        database(known), "SELECT count(*) FROM workflow_instances WHERE completed_at IS NULL AND family_id = '7'"
    ) == [(0,)]


def test_the_shell_says_that_it_was_forgotten(known: CoOp) -> None:
    forget(known)
    shown = documents(known, "family", "show", "7", at=AFTER)
    assert (shown["family_name"], shown["status"], shown["email"]) == ("(forgotten)", "forgotten", None)
    for row in ask(database(known), "SELECT instance_id FROM workflow_instances"):
        assert known.run("show", str(row[0]), "--format", "table", at=AFTER).code == 0
    for command in (
        "status",
        "status --family 7",
        "task list",
        "agenda",
        "stats",
        "family list",
        "doctor",
        "doubt list",
    ):
        assert known.run(*command.split(), "--format", "table", at=AFTER).code in (0, ExitCode.PERSON_NEEDED), command
    assert known.run("why", "7", at=AFTER).code == ExitCode.NOT_FOUND
    assert "The family was forgotten: asked by letter" in known.run("audit", "export", "--family", "7", at=AFTER).out


def test_it_is_never_contacted_again(known: CoOp) -> None:
    forget(known)
    ran = known.run("trigger", "--workflow", "welcome", "--family", "7", at=AFTER)
    assert (ran.code, "was forgotten" in ran.err) == (ExitCode.NOT_FOUND, True)
    prediction = {"prediction_id": "p9", "family_id": "7", "predicted_probability": 0.9, "confidence_score": 90}
    ran = known.run("trigger", "-", input=json.dumps({**prediction, "worry": "Kastanie"}), at=AFTER)
    assert (ran.code, "family 7 was forgotten" in ran.out) == (ExitCode.IN_PART, True)
    ran = known.run("event", "payment_received", "--family", "7", at=AFTER)
    assert (ran.code, "was forgotten" in ran.err) == (ExitCode.NOT_FOUND, True)
    line = json.dumps({"kind": "payment_received", "family_id": "7", "data": {"words": "Birnenmus"}})
    assert known.run("event", "--from", "-", input=line, at=AFTER).code == ExitCode.IN_PART
    assert known.run("family", "forget", "7", "--yes", at=AFTER).code == ExitCode.NOT_FOUND
    assert bytes_left(known.folder, *SECRETS) == []


def test_it_comes_in_again_only_when_that_is_said(known: CoOp) -> None:
    forget(known)
    line = json.dumps({"family_id": "7", "family_name": "Zwiebelfrosch", "email": "zwiebel@frosch.example"})
    ran = known.run("family", "import", "-", input=line, at=AFTER)
    assert (ran.code, "say --again" in ran.err) == (ExitCode.INVALID, True)
    assert known.run("family", "import", "-", "--again", input=line, at=AFTER).code == 0
    shown = documents(known, "family", "show", "7", at=AFTER)
    assert (shown["family_name"], shown["status"], shown.get("street")) == (
        "Zwiebelfrosch",
        "enrolled",
        None,
    )
    assert known.run("trigger", "--workflow", "welcome", "--family", "7", at=AFTER).code == 0


def test_nobody_can_be_imported_as_forgotten(school: CoOp) -> None:
    line = json.dumps({"family_id": "9", "family_name": "Rivera", "status": "forgotten"})
    ran = school.run("family", "import", "-", input=line)
    assert (ran.code, "coopflow family forget" in ran.err) == (ExitCode.INVALID, True)


def test_files_that_are_not_coopflows_are_named_and_left(known: CoOp) -> None:
    (known.folder / "members.csv").write_text("7,Zwiebelfrosch\n8,Nguyen\n")
    (known.folder / "inbox" / "done").mkdir(parents=True)
    (known.folder / "inbox" / "done" / "1.eml").write_text("From: zwiebel@frosch.example\n\nThank you\n")
    (known.folder / "inbox" / "done" / "2.eml").write_text("From: nguyen@example.org\n\nThank you\n")
    code, words = forget(known)
    assert (code, "It is still named in members.csv" in words) == (0, True)
    assert sorted(path.name for path in (known.folder / "inbox" / "done").iterdir()) == ["2.eml"]
    assert bytes_left(known.folder, *SECRETS) == ["members.csv: Zwiebelfrosch"]


def test_a_message_that_the_database_has_lost_goes_too(known: CoOp) -> None:
    """A restored database does not know what it sent after the backup was made; the file of it is there."""
    (known.folder / "outbox" / "email" / f"{'0' * 32}.eml").write_text("To: zwiebel@frosch.example\n\nHello\n")
    assert "not coopflow's own" not in forget(known)[1]
    assert bytes_left(known.folder, *SECRETS) == []


def test_old_copies_of_the_whole_database_go_with_it(known: CoOp) -> None:
    for name in ("coopflow.db.version-1", "coopflow.db.before-restore-20260101T000000Z"):
        shutil.copy(database(known), known.folder / name)
    ran = known.run("family", "forget", "7", at=AFTER)
    assert (ran.code, "coopflow.db.version-1, an old copy of the whole database" in ran.err) == (ExitCode.USAGE, True)
    forget(known)
    assert bytes_left(known.folder, *SECRETS) == []


def test_without_a_yes_nothing_is_erased(known: CoOp) -> None:
    before = database(known).read_bytes()
    assert known.run("family", "forget", "7", at=AFTER).code == ExitCode.USAGE
    assert (database(known).read_bytes(), (known.folder / "coopflow.db.erased").exists()) == (before, False)


# -- o25: a message whose fate is not known ---------------------------------------------------------------------------


def test_o25_a_message_in_doubt_must_be_settled_first(school: CoOp) -> None:
    tick(school, at="2026-03-20 13:01:00")
    school.world.db.execute_sql("UPDATE meta SET value = 'restored' WHERE key = 'place'")
    school.world.db.execute_sql(
        "UPDATE workflow_step_executions SET status = 'running', completed_at = NULL, success = NULL"
        " WHERE step_id = 'hello'"
    )
    school.world.db.execute_sql("DELETE FROM workflow_step_executions WHERE step_id = 'rest'")
    school.world.db.execute_sql(
        "UPDATE workflow_queue SET status = 'processing', awaits = 'send', scheduled_for = NULL, step_id = 'hello',"
        " visit = 1, attempts = 1"
    )
    code, words = forget(school, "42", at=LATER)
    assert (code, "is under way; try again after the next tick" in words) == (ExitCode.NOT_FOUND, True)
    school.run("adopt", "--yes", at=LATER)
    code, words = forget(school, "42", at=LATER)
    assert (code, "coopflow doubt resolve 1 --sent" in words) == (ExitCode.NOT_FOUND, True)
    assert not (school.folder / "coopflow.db.erased").exists()
    school.run("doubt", "resolve", "1", "--sent", at=LATER)
    assert forget(school, "42", at=LATER)[0] == 0
    assert bytes_left(school.folder, "Martinez", "family42@example.org") == []


def test_o25_a_message_that_may_have_left_is_asked_about_first_or_given_up(school: CoOp) -> None:
    """A tick that died had handed it over, and its outbox, which dedupes, has not been asked again yet."""
    tick(school, at="2026-03-20 13:01:00")
    school.world.db.execute_sql(
        "UPDATE workflow_step_executions SET status = 'running', completed_at = NULL, success = NULL"
        " WHERE step_id = 'hello'"
    )
    school.world.db.execute_sql("DELETE FROM workflow_step_executions WHERE step_id = 'rest'")
    school.world.db.execute_sql(
        "UPDATE workflow_queue SET status = 'queued', awaits = 'send', scheduled_for = '2026-03-20T13:00:00Z',"
        " step_id = 'hello', visit = 1, attempts = 1"
    )
    code, words = forget(school, "42", at=LATER)
    assert (code, "end it first with: coopflow cancel 1" in words) == (ExitCode.NOT_FOUND, True), words
    assert not (school.folder / "coopflow.db.erased").exists()
    assert school.run("cancel", "1", at=LATER).code == 0
    assert forget(school, "42", at=LATER)[0] == 0
    assert bytes_left(school.folder, "Martinez", "family42@example.org") == []


# -- o26: backups remember, and forget again --------------------------------------------------------------------------


def test_o26_a_restored_backup_forgets_again_before_anything_else(known: CoOp) -> None:
    known.run("backup", "saved.db", at="2026-03-24 15:04:00")
    _, words = forget(known)
    assert "Backups up to the one of" in words
    assert "still named in saved.db" in words
    ran = known.run("restore", "saved.db", "--yes", at="2026-03-24 16:00:00")
    assert "Erased again, as they were after the backup was made: family 7." in ran.err
    shutil.move(known.folder / "saved.db", known.folder.parent / f"{known.folder.name}-saved.db")
    for old in known.folder.glob("coopflow.db.before-restore-*"):
        assert bytes_left(known.folder, *SECRETS) == [], old
    known.run("adopt", "--yes", at="2026-03-24 16:01:00")
    assert documents(known, "family", "show", "7", at=AFTER)["status"] == "forgotten"
    assert known.run("audit", "verify", at=AFTER).code == 0


def test_o26_a_backup_that_was_copied_over_is_neither_shown_nor_used_until_it_has_forgotten(known: CoOp) -> None:
    known.run("backup", "saved.db", at="2026-03-24 15:04:00")
    forget(known)
    copy_over(known.folder / "saved.db", database(known))
    (known.folder / "saved.db").unlink()
    shown = known.run("family", "show", "7", at=AFTER)
    assert (shown.code, "Zwiebelfrosch" in shown.out) == (ExitCode.PERSON_NEEDED, False)
    code, words = tick(known, at="2026-03-24 16:00:00")
    assert (code, "families were erased after this copy of it was made" in words) == (ExitCode.PERSON_NEEDED, True)
    assert known.run("adopt", "--yes", at="2026-03-24 16:01:00").code == 0
    assert bytes_left(known.folder, *SECRETS) == []
    assert documents(known, "family", "show", "7", at=AFTER)["status"] == "forgotten"


def test_o26_who_has_come_back_since_is_not_erased_with_a_younger_backup(known: CoOp) -> None:
    forget(known)
    line = json.dumps({"family_id": "7", "family_name": "Zwiebelfrosch"})
    known.run("family", "import", "-", "--again", input=line, at="2026-03-24 16:00:00")
    known.run("backup", "young.db", at="2026-03-24 16:01:00")
    forget(known, "8", at="2026-03-24 16:02:00")
    ran = known.run("restore", "young.db", "--yes", at="2026-03-24 16:03:00")
    assert "family 8." in ran.err
    assert documents(known, "family", "show", "7", at="2026-03-24 16:04:00")["family_name"] == "Zwiebelfrosch"


def test_the_list_names_nobody_and_is_its_owners(known: CoOp) -> None:
    forget(known)
    listed = known.folder / "coopflow.db.erased"
    assert listed.stat().st_mode & 0o777 == 0o600
    format_, key, row = listed.read_text().splitlines()
    assert (format_, len(key)) == (erased.FORMAT, 64)
    name, at_text = row.split()
    assert (len(name), at_text) == (64, "2026-03-24T15:05:00Z")


def test_a_list_that_cannot_be_read_stops_everything_that_could_undo_it(known: CoOp) -> None:
    forget(known)
    (known.folder / "coopflow.db.erased").write_text("nonsense\n")
    ran = known.run("status", at=AFTER)
    assert (ran.code, "the list of the families that were erased, cannot be read" in ran.err) == (
        ExitCode.DATABASE_UNUSABLE,
        True,
    )


@pytest.mark.parametrize("place", ["erase", "leave_no_trace"])
def test_one_that_was_interrupted_is_finished_by_whatever_comes_next(
    known: CoOp, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(erasing, place, dies)
        assert known.run("family", "forget", "7", "--yes", at=AFTER).code == ExitCode.INTERRUPTED
    assert known.run("status", at=AFTER).code == ExitCode.PERSON_NEEDED
    known.run("note", "1", "another family", at=AFTER)  # any command that writes
    assert bytes_left(known.folder, *SECRETS) == []
    assert known.run("audit", "verify", at=AFTER).code == 0


# -- every column has been thought of ---------------------------------------------------------------------------------


def test_every_column_has_its_fate(school: CoOp) -> None:
    """Whoever adds a table or a column decides in `store/erasing.py` what becomes of it when a family is forgotten."""
    decided = {table: set(fates) for table, (_, fates) in erasing.CHANGED.items()}
    decided |= {table: set(fates) for table, fates in erasing.UNTOUCHED.items()}
    found = {
        table: {name for (name,) in ask(database(school), f"SELECT name FROM pragma_table_info('{table}')")}  # noqa: S608
        for (table,) in ask(database(school), "SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    assert set(found) == set(decided) | set(erasing.DELETED)
    assert {table: columns for table, columns in found.items() if table not in erasing.DELETED} == decided
    assert set(found) == {row.TABLE for row in ROWS}


# -- g14: several families, at random moments -------------------------------------------------------------------------


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.has_workflow(
        "w",
        [
            {"id": "hello", "type": "email", "template_id": "hello", "urgent": True, "stale_after": "10 years"},
            {"id": "rest", "type": "wait", "duration": "2 days", "until": {"event": "email_response_received"}},
            {"id": "call", "type": "call", "urgent": True, "reason": "Speak with them", "timeout": "1 day"},
            {"id": "text", "type": "sms", "message": "Hi {{ family_name }}", "urgent": True},
        ],
    )
    yield made
    made.close()


@pytest.mark.parametrize("seed", range(6))
def test_g14_families_erased_at_random_moments_leave_nothing_and_break_nothing(lives: World, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test's own
    names = {str(number): f"Apfelbaum{number}x{chance.randrange(10**6)}" for number in range(6)}
    for number, name in names.items():
        lives.has_family(number, family_name=name, email=f"{name}@example.org", attributes={"pet": f"pet of {name}"})
    gone: list[str] = []
    for _ in range(40):
        lives.now += timedelta(hours=chance.randrange(1, 20))
        family = chance.choice(sorted(names.keys() - gone))
        match chance.randrange(6):
            case 0 | 1:
                lives.starts("w", family=family)
            case 2:
                lives.event("email_response_received", family=family, words=f"{names[family]} says yes")
            case 3 if tasks := lives.tasks(family):
                outcome = "skip" if tasks[0].task_type == "person" else None
                lives.closes(tasks[0], outcome, names[family])
            case 4 if len(gone) < 4:
                found = forgetting.footprint(lives.store, family, outbox=lives.outbox, folder=lives.folder)
                forgetting.forget(lives.store, found, folder=lives.folder, reason=None, actor="sarah", now=lives.now)
                gone.append(family)
            case _:
                lives.tick()
        lives.check()
        assert bytes_left(lives.folder, *(names[family] for family in gone)) == []
    assert gone
    with closing(open_database(lives.folder / "coopflow.db")) as db:
        assert isinstance(verify(db), Verified)


def test_the_shell_keeps_when_it_was_known(lives: World) -> None:
    lives.has_family("1")
    since = format_instant(lives.now)
    lives.now = at("2026-03-25 09:00")
    found = forgetting.footprint(lives.store, "1", outbox=lives.outbox, folder=lives.folder)
    forgetting.forget(lives.store, found, folder=lives.folder, reason=None, actor="sarah", now=lives.now)
    assert lives.db.execute_sql("SELECT created_date, family_name FROM families").fetchall() == [(since, "(forgotten)")]
