"""`audit`: the trail to hand on, and the check that it is as it was written."""

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from coopflow.core.audit import row_hash
from coopflow.store.log import head_of
from tests.cli.conftest import CoOp

STEPS = [
    {"id": "hello", "type": "email", "name": "Say hello", "template_id": "hello"},
    {"id": "rest", "type": "wait", "duration": "3 days"},
    {"id": "done", "type": "end"},
]
COLUMNS = ["event_id", "at", "kind", "family_id", "instance_id", "actor", "data", "personal", "prev_hash", "hash"]


@pytest.fixture
def co(co_op: CoOp) -> CoOp:
    """Two instances with some history; Martinez has a remark that a spreadsheet might calculate."""
    co_op.world.has_workflow("outreach", STEPS)
    for family, name in (("42", "Martinez"), ("7", "King")):
        co_op.world.has_family(family, family_name=name)
        co_op.world.start("outreach", family=family)
    co_op.world.tick()
    co_op.run("note", "1", '=HYPERLINK("http://x")')
    return co_op


def jsonl(co: CoOp, *arguments: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in co.run("audit", "export", "--format", "jsonl", *arguments).out.splitlines()]


def head(co: CoOp) -> str:
    return head_of(co.world.db)[1]


# -- export -------------------------------------------------------------------------------------------------------


def test_every_entry_is_exported_with_a_sentence(co: CoOp) -> None:
    ran = co.run("audit", "export")
    assert (ran.code, ran.err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert list(rows[0]) == [*COLUMNS, "sentence"]
    assert [row["event_id"] for row in rows] == [str(number) for number in range(1, len(rows) + 1)]
    assert rows[0]["sentence"].startswith("Started 'outreach' version 1 because of manual:sarah")
    assert rows[-1]["sentence"] == 'Note: =HYPERLINK("http://x")'


def test_anybody_can_check_the_export_with_its_own_columns(co: CoOp) -> None:
    previous = "0" * 64
    for row in jsonl(co):
        own = [row[name] for name in COLUMNS[:7]]
        assert row["prev_hash"] == previous
        assert row["hash"] == row_hash(previous, *own)  # type: ignore[arg-type]
        previous = str(row["hash"])
    assert previous == head(co)


def test_a_spreadsheet_calculates_nothing_of_it(co: CoOp) -> None:
    co.run("cancel", "2", "--reason", "x")
    co.world.changes_family("7", family_name="=1+1")
    text = co.run("audit", "export", "--format", "csv").out
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t")]


@pytest.mark.parametrize(
    ("choice", "kinds"),
    [
        (["--family", "King"], {"instance.started", "message.intended", "message.accepted", "step.waiting"}),
        (["--since", "2026-03-21"], set()),
        (["--until", "2026-03-19"], set()),
        (["--until", "2026-03-20T13:00:00Z"], set()),
    ],
)
def test_the_export_can_be_narrowed(co: CoOp, choice: list[str], kinds: set[str]) -> None:
    assert {str(row["kind"]) for row in jsonl(co, *choice)} == kinds


def test_a_day_means_all_of_it_on_the_co_ops_clock(co: CoOp) -> None:
    whole = len(jsonl(co))
    assert whole > 8
    assert len(jsonl(co, "--since", "2026-03-20", "--until", "2026-03-20")) == whole


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("a.csv", '"event_id",'),
        ("a.jsonl", '{"event_id"'),
        ("a.tsv", "event_id\t"),
        ("a.json", "["),
        ("a", '"event_id",'),
    ],
)
def test_a_file_is_written_whole_private_and_in_the_format_of_its_name(co: CoOp, name: str, first: str) -> None:
    ran = co.run("audit", "export", "-o", name)
    written = co.folder / name
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"Wrote {len(jsonl(co))} entries to {name}.\n"
    assert written.read_text().startswith(first)
    assert written.stat().st_mode & 0o777 == 0o600
    assert not list(co.folder.glob(".*.partial"))


def test_an_older_file_is_replaced_only_by_a_whole_one(co: CoOp, monkeypatch: pytest.MonkeyPatch) -> None:
    from coopflow import audit_export

    Path("a.csv").write_text("the old one")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(audit_export.os, "fsync", full)
    ran = co.run("audit", "export", "-o", "a.csv")
    assert (ran.code, ran.err) == (1, "coopflow: a.csv cannot be written: no space left on device\n")
    assert Path("a.csv").read_text() == "the old one"
    assert not list(co.folder.glob(".*.partial"))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--format", "table"], 2, "the audit trail is exported as csv, jsonl, tsv or json"),
        (["--since", "2026-03-21", "--until", "2026-03-20"], 2, "--since 2026-03-21 is not before --until 2026-03-20"),
        (["--since", "yesterday"], 2, "--since: 'yesterday' is not a date"),
        (["--until", "2026-13-01"], 2, "--until: '2026-13-01' is not a date that exists"),
        (["--family", "99"], 3, "there is no family '99'"),
        (["-o", "no/such/folder/a.csv"], 1, "no/such/folder/a.csv cannot be written: no such file or directory"),
        (["--json", "--format", "csv"], 2, "exclude each other"),
    ],
)
def test_what_makes_no_sense_is_said(co: CoOp, arguments: list[str], code: int, words: str) -> None:
    ran = co.run("audit", "export", *arguments)
    assert (ran.code, words in ran.err) == (code, True), ran.err


# -- verify -------------------------------------------------------------------------------------------------------


def test_an_unbroken_trail_gives_the_head_to_be_kept(co: CoOp) -> None:
    ran = co.run("audit", "verify")
    entries = len(jsonl(co))
    assert (ran.code, ran.out) == (0, f"{entries} entries, unbroken, head {head(co)}\n")
    assert ran.err == (
        "Keep this head somewhere else: without one, nobody can see whether the end was cut off."
        f" Next time: coopflow audit verify --head {head(co)}\n"
    )
    assert json.loads(co.run("audit", "verify", "--json").out) == {
        "entries": entries,
        "unbroken": True,
        "head": head(co),
        "head_checked": False,
    }


def test_a_head_that_was_kept_is_found_again(co: CoOp) -> None:
    kept = head(co)
    co.run("note", "2", "more")
    ran = co.run("audit", "verify", "--head", kept.upper())
    assert (ran.code, ran.err) == (0, "The head that you gave is in it.\n")


@pytest.mark.parametrize("given", ["3f9a", "0" * 63, "x" * 64, "sha256:" + "0" * 64])
def test_what_is_no_head_is_refused(co: CoOp, given: str) -> None:
    ran = co.run("audit", "verify", "--head", given)
    assert (ran.code, "64 hexadecimal digits" in ran.err) == (4, True)


def tamper(*statements: str) -> Callable[[CoOp], None]:
    """Somebody with the file and a database tool, who puts the triggers back afterwards."""

    def change(co: CoOp) -> None:
        db = sqlite3.connect(co.folder / "coopflow.db")
        triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        dropped = [f"DROP TRIGGER {name}" for name, _ in triggers]
        for statement in (*dropped, *statements, *(sql for _, sql in triggers)):
            db.execute(statement)
        db.commit()
        db.close()

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (tamper("UPDATE event_log SET actor = 'mike' WHERE event_id = 3"), "entry 3 of the audit trail is not"),
        (tamper("UPDATE event_log SET data = '{}' WHERE event_id = 1"), "entry 1 of the audit trail is not"),
        (tamper("PRAGMA foreign_keys = OFF", "DELETE FROM event_log WHERE event_id = 2"), "entry 2 of the audit trail"),
        (
            tamper("UPDATE event_personal SET data = '{}' WHERE event_id = (SELECT MAX(event_id) FROM event_personal)"),
            "its personal part is not the one it was written with",
        ),
        (
            tamper("UPDATE workflow_instances SET status = 'paused' WHERE instance_id = 2"),
            "instance 2 is paused, and its last entry is instance.started",
        ),
    ],
)
def test_the_first_entry_that_was_changed_is_named(co: CoOp, change: Callable[[CoOp], None], words: str) -> None:
    change(co)
    ran = co.run("audit", "verify")
    assert (ran.code, words in ran.err, ran.out) == (5, True, ""), ran.err


def test_an_end_that_was_cut_off_is_seen_only_with_a_head_from_elsewhere(co: CoOp) -> None:
    kept = head(co)
    tamper(
        "DELETE FROM event_personal WHERE event_id = (SELECT MAX(event_id) FROM event_log)",
        "DELETE FROM event_log WHERE event_id = (SELECT MAX(event_id) FROM event_log)",
    )(co)
    assert co.run("audit", "verify").code == 0
    ran = co.run("audit", "verify", "--head", kept)
    assert (ran.code, ran.err) == (
        5,
        "coopflow: the audit trail is not as it was written:"
        " the saved head is nowhere in the log: its end was cut off, or it was written anew\n",
    )


def test_a_trail_that_was_written_anew_is_seen_only_with_a_head_from_elsewhere(co: CoOp) -> None:
    kept, previous = head(co), "0" * 64
    rows = jsonl(co)
    tamper("UPDATE event_log SET actor = 'mike'")(co)
    db = sqlite3.connect(co.folder / "coopflow.db")
    trigger = db.execute("SELECT name, sql FROM sqlite_master WHERE name = 'event_log_is_never_updated'").fetchone()
    db.execute(f"DROP TRIGGER {trigger[0]}")
    for row in rows:
        own = [row[name] for name in COLUMNS[:5]]
        following = row_hash(previous, *own, "mike", row["data"])  # type: ignore[arg-type]
        chained = (previous, following, row["event_id"])
        db.execute("UPDATE event_log SET prev_hash = ?, hash = ? WHERE event_id = ?", chained)
        previous = following
    db.execute(trigger[1])
    db.commit()
    db.close()
    assert co.run("audit", "verify").code == 0
    assert co.run("audit", "verify", "--head", kept).code == 5


def test_an_instance_whose_pause_and_resume_are_on_record_agrees_with_them(co: CoOp) -> None:
    co.run("pause", "1")
    co.run("resume", "1")
    co.run("cancel", "2")
    assert co.run("audit", "verify").code == 0


@pytest.mark.parametrize("command", ["export", "verify"])
def test_the_help_shows_an_example(co: CoOp, command: str) -> None:
    assert f"coopflow audit {command}" in " ".join(co.run("audit", command, "--help").out.split())
