"""`coopflow doctor`: everything that coopflow depends on, and what to do where it is not well."""

import json
from pathlib import Path
from typing import Any

import pytest

from coopflow.reports import machine
from tests.cli.conftest import NOON, CoOp

FILE = """\
name: hello
trigger: {type: manual}
steps:
- {id: text, type: sms, message: "Hi {{ family_name }}", delay: 3 days}
"""


@pytest.fixture
def school(co_op: CoOp, monkeypatch: pytest.MonkeyPatch) -> CoOp:
    """All is well: a tick has just been at work, there is a backup, holidays are known, what is private is private."""
    monkeypatch.setattr(machine, "_python", lambda _: iter(()))  # whatever Python and SQLite these tests run on
    monkeypatch.setattr(machine, "_sqlite", lambda _: iter(()))
    (co_op.folder / "workflows.d" / "hello.yaml").write_text(FILE)
    co_op.world.has_family("42", family_name="Martinez")
    co_op.run("tick")
    with co_op.world.store.transaction():
        co_op.world.db.execute_sql(
            "INSERT INTO calendars VALUES ('US', 'holidays', '[2026, 2027]', 'a test', '2026-03-20T13:00:00Z')"
        )
    co_op.run("backup", "backup.db")
    for private in (co_op.folder / "coopflow.db", co_op.folder / "outbox"):
        private.chmod(0o700)
    return co_op


def findings(school: CoOp, **options: Any) -> dict[str, dict[str, Any]]:
    return {found["check"]: found for found in json.loads(school.run("doctor", "--json", **options).out)["checks"]}


def test_where_all_is_well_it_says_so_and_ends_with_0(school: CoOp) -> None:
    ran = school.run("doctor", "--format", "table")
    assert ran.code == 0, ran.out
    assert ran.out.splitlines()[-1] == "All is well."
    assert {found["level"] for found in findings(school).values()} == {"good"}


def test_in_a_pipe_it_is_a_row_for_each_finding(school: CoOp) -> None:
    header, *rows = [line.split("\t") for line in school.run("doctor").out.splitlines()]
    assert header == ["check", "level", "words", "remedy"]
    assert [row[0] for row in rows] == [
        "last tick",
        "clock",
        "time-zone data",
        "families' zones",
        "holidays",
        "windows",
        "delivery",
        "database",
        "transports",
        "instances",
        "permissions",
        "backup",
        "place",
        "schema",
        "versions",
        "file",
        "disk",
    ]


def test_a_cron_line_that_is_missing_needs_a_person(school: CoOp) -> None:
    ran = school.run("doctor", "--format", "table", at="2026-03-20 14:00:00")
    assert ran.code == 5
    assert "bad      last tick: cron has not run coopflow for 1 hour, since Fri 20 Mar 09:00 2026" in ran.out
    assert "crontab -l" in ran.out


def test_a_co_op_that_was_never_ticked_is_told_how(co_op: CoOp) -> None:
    assert findings(co_op)["last tick"]["words"] == "coopflow has never been run by cron"


def test_a_zone_that_the_data_does_not_have_is_named_with_the_family(school: CoOp) -> None:
    school.world.has_family("7", time_zone="America/Atlantis")
    found = findings(school)["families' zones"]
    assert (found["level"], found["remedy"]) == (
        "bad",
        "correct the column time_zone: coopflow family import FILE",
    )
    assert "7 (America/Atlantis)" in found["words"]


@pytest.mark.parametrize(
    ("years", "level", "words"),
    [
        ("[2025]", "bad", "public holidays are known only until 31 December 2025"),
        ("[2026, 2027]", "good", "public holidays are known until 31 December 2027"),
    ],
)
def test_how_long_the_holidays_are_known_is_told(school: CoOp, years: str, level: str, words: str) -> None:
    school.world.db.execute_sql("UPDATE calendars SET years = ?", (years,))
    found = findings(school)["holidays"]
    assert (found["level"], found["words"]) == (level, words)


def test_ninety_days_before_they_end_there_is_a_warning(school: CoOp) -> None:
    school.world.db.execute_sql("UPDATE calendars SET years = '[2026]'")
    assert findings(school, at="2026-10-01 13:00:00")["holidays"]["level"] == "good"
    assert findings(school, at="2026-10-03 13:00:00")["holidays"]["level"] == "warning"


def test_a_window_in_which_no_text_can_leave_is_named(school: CoOp) -> None:
    config = school.folder / "coopflow.yaml"
    config.write_text(config.read_text() + 'windows: {nights: {days: every day, hours: "22:00-24:00"}}\n')
    found = findings(school)["windows"]
    assert found["level"] == "warning"
    assert found["words"].startswith("the window nights and the hours for texts are never open together")


def test_an_instance_that_is_stuck_is_named(school: CoOp) -> None:
    instance = school.world.start("hello", family="42")
    school.world.db.execute_sql("UPDATE workflow_queue SET scheduled_for = NULL")
    found = findings(school)["instances"]
    assert (found["level"], found["remedy"]) == ("bad", f"coopflow show {instance}")
    assert found["words"].startswith(f"instance {instance}: ")


def test_what_others_can_read_or_change_is_named_with_the_command(school: CoOp) -> None:
    (school.folder / "coopflow.db").chmod(0o644)
    assert findings(school)["permissions"]["level"] == "warning"
    (school.folder / "coopflow.db").chmod(0o600)
    (school.folder / "workflows.d").chmod(0o777)
    found = findings(school)["permissions"]
    assert found["level"] == "bad"
    assert found["remedy"] == f"chmod o-w {school.folder / 'workflows.d'}"


def test_zones_about_which_two_sources_disagree_are_named(
    school: CoOp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coopflow import zone_data
    from tests.test_zone_data import zone_files

    old = zone_files(tmp_path / "zoneinfo", "2020a")
    new_york = (old / "America" / "Chicago").read_bytes()  # a New York that is an hour behind itself
    (old / "America" / "New_York").write_bytes(new_york)
    monkeypatch.setattr(zone_data, "SYSTEM_FOLDERS", (str(old),))
    zone_data.zone_data.cache_clear()
    ran = school.run("doctor", "--format", "table")
    zone_data.zone_data.cache_clear()
    assert (
        "America/New_York is already UTC-5:00 by the system's data, UTC-4:00 by the bundled; coopflow goes by the"
        " bundled data"
    ) in ran.out


def test_older_time_zone_data_than_that_of_the_plans_needs_a_person(school: CoOp) -> None:
    school.world.db.execute_sql("""UPDATE meta SET value = '["2099a","x"]' WHERE key = 'rules_of_time'""")
    found = findings(school)["time-zone data"]
    assert (found["level"], found["remedy"]) == ("bad", "pip install --upgrade tzdata")
    assert "older than 2099a, by which steps were planned" in found["words"]


def test_nothing_is_written(school: CoOp) -> None:
    before = (school.folder / "coopflow.db").read_bytes()
    school.run("doctor", at=NOON)
    assert (school.folder / "coopflow.db").read_bytes() == before
