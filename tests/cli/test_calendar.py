"""Public holidays and closed days from the command line, and what becomes of the steps that were planned on them."""
# ruff: noqa: E501 - sentences are as long as they are

import json
import re
import sys

import pytest

from tests.cli.conftest import CoOp
from tests.world import at

BREAKS = "from,to,name\n2026-04-06,2026-04-17,Spring break\n2026-12-24,,Christmas Eve\n"
AGAIN = "Steps that are planned on such a day are planned again with the next tick."


@pytest.fixture
def breaks(co_op: CoOp) -> CoOp:
    """A co-op with a file of breaks that has not been imported yet."""
    (co_op.folder / "breaks.csv").write_text(BREAKS)
    return co_op


def events(co_op: CoOp) -> list[tuple[str, dict[str, object]]]:
    rows = co_op.world.db.execute_sql("SELECT kind, data FROM event_log ORDER BY event_id").fetchall()
    return [(kind, json.loads(data)) for kind, data in rows]


# -- import -------------------------------------------------------------------------------------------------------


def test_public_holidays_of_the_configurations_country_for_this_year_and_the_next(co_op: CoOp) -> None:
    ran = co_op.run("calendar", "import")

    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        f"US: 27 days added; 27 days closed now, known until 31 Dec 2027. {AGAIN} Undo: coopflow calendar remove US\n"
    )
    [(kind, data)] = events(co_op)
    assert kind == "calendar.imported"
    assert data["added_days"]["2026-07-03"] == "Independence Day (observed)"  # type: ignore[index]
    assert (data["calendar"], data["kind"], data["years"], data["added"]) == ("US", "holidays", "2026-2027", 27)


def test_a_year_more_leaves_the_other_years_as_they_are(co_op: CoOp) -> None:
    co_op.run("calendar", "import", "--subdivision", "TX", "--year", "2026")
    ran = co_op.run("calendar", "import", "--subdivision", "TX", "--year", "2027")

    assert re.sub("[0-9]+ days", "N days", ran.err) == (  # states change their holidays, and the library follows
        f"US-TX: N days added; N days closed now, known until 31 Dec 2027. {AGAIN} Undo: coopflow calendar remove "
        "US-TX --yes && coopflow calendar import --country US --subdivision TX --year 2026\n"
    )
    [row] = json.loads(co_op.run("calendar", "list", "--json").out)
    assert (row["calendar"], row["years"]) == ("US-TX", [2026, 2027])
    assert row["days"] > 30


def test_importing_the_same_again_changes_nothing(co_op: CoOp) -> None:
    co_op.run("calendar", "import")
    assert co_op.run("calendar", "import").err == (
        "US: 27 closed days, known until 31 Dec 2027; they were known already.\n"
    )


def test_a_country_that_is_named_comes_without_the_configurations_subdivision(co_op: CoOp) -> None:
    config = co_op.folder / "coopflow.yaml"
    config.write_text(config.read_text().replace("country: US", "country: US\nsubdivision: TX"))
    assert co_op.run("calendar", "import", "--dry-run").err.startswith("US-TX: ")
    assert co_op.run("calendar", "import", "--country", "US", "--dry-run").err.startswith("US: ")


def test_a_year_in_between_of_which_nothing_is_known_is_refused(co_op: CoOp) -> None:
    co_op.run("calendar", "import")
    ran = co_op.run("calendar", "import", "--year", "2029")
    assert (ran.code, ran.err) == (
        2,
        "coopflow: public holidays of US would then be known for 2026-2027, 2029, but not for 2028; "
        "name these years too: --year 2028\n",
    )


def test_a_file_replaces_what_its_calendar_held(breaks: CoOp) -> None:
    ran = breaks.run("calendar", "import", "breaks.csv")
    assert (
        ran.err
        == f"breaks: 13 days added; 13 days closed now, in 2026. {AGAIN} Undo: coopflow calendar remove breaks\n"
    )

    (breaks.folder / "breaks.csv").write_text(BREAKS.replace("04-17", "04-16").replace("Eve", "eve"))
    ran = breaks.run("calendar", "import", "breaks.csv", "--json")
    assert ran.err == f"breaks: 1 day removed, 1 day renamed; 12 days closed now, in 2026. {AGAIN}\n"
    assert json.loads(ran.out) == [
        {"change": "removed", "day": "2026-04-17", "name": "Spring break", "calendar": "breaks"},
        {"change": "renamed", "day": "2026-12-24", "name": "Christmas eve", "calendar": "breaks"},
    ]


def test_a_dry_run_says_the_same_and_changes_nothing(breaks: CoOp) -> None:
    ran = breaks.run("calendar", "import", "breaks.csv", "--dry-run")

    assert ran.out.splitlines()[:2] == [
        "change\tday\tname\tcalendar",
        "would be added\t2026-04-06\tSpring break\tbreaks",
    ]
    assert ran.err == "breaks: 13 days would be added. Nothing was changed.\n"
    assert breaks.run("calendar", "import", "--dry-run").err == "US: 27 days would be added. Nothing was changed.\n"
    assert (json.loads(breaks.run("calendar", "list", "--json").out), events(breaks)) == ([], [])


def test_the_standard_input_needs_a_name(breaks: CoOp) -> None:
    ran = breaks.run("calendar", "import", "-", input=BREAKS)
    assert (ran.code, ran.err) == (2, "coopflow: say what to call it: coopflow calendar import - --name breaks\n")
    ran = breaks.run("calendar", "import", "-", "--name", "school", input=BREAKS)
    assert ran.err.startswith("school: 13 days added; ")
    assert breaks.run("calendar", "remove", "school", "--yes").err.endswith(
        " Undo: coopflow calendar import - --name school\n"
    )


def test_a_bad_file_imports_nothing(breaks: CoOp) -> None:
    (breaks.folder / "breaks.csv").write_text("day,name\n2026-04-06,x\n6.4.2026,y\n")
    ran = breaks.run("calendar", "import", "breaks.csv")
    assert (ran.code, ran.err.splitlines()[0]) == (
        4,
        "coopflow: breaks.csv:3: field 'day': '6.4.2026' is not a day; write it as in 2026-12-21",
    )
    assert events(breaks) == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--name", "x"], 2, "--name is for a file; public holidays are called by their place, as in US-TX"),
        (["breaks.csv", "--year", "2026"], 2, "--country, --subdivision and --year are for public holidays; leave them out, or the file"),
        (["breaks.csv", "--name", " "], 2, "'' cannot be a calendar's name: one line of 1 to 60 characters; use --name"),
        (["breaks.csv", "--name", "coopflow.yaml"], 2, "'coopflow.yaml' cannot be a calendar's name; give it another with --name"),
        (["none.csv"], 3, "there is no file none.csv"),
        (["--country", "Germany"], 2, "no public holidays are known for the country 'Germany' (did you mean 'DE'?); write its two letters, as in US"),
        (["--year", "soon"], 2, "--year: 'soon' is not a year; write 2027, or 2026-2028"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_refused(breaks: CoOp, arguments: list[str], code: int, words: str) -> None:
    ran = breaks.run("calendar", "import", *arguments)
    assert (ran.code, ran.err) == (code, f"coopflow: {words}\n")


def test_a_country_must_come_from_somewhere(co_op: CoOp) -> None:
    config = co_op.folder / "coopflow.yaml"
    config.write_text(config.read_text().replace("country: US\n", ""))
    assert co_op.run("calendar", "import").err == (
        "coopflow: say of which country: coopflow calendar import --country US; or write country: US in coopflow.yaml\n"
    )


def test_holidays_and_files_never_take_each_others_place(breaks: CoOp) -> None:
    breaks.run("calendar", "import")
    ran = breaks.run("calendar", "import", "breaks.csv", "--name", "US")
    assert (ran.code, ran.err) == (
        3,
        "coopflow: the calendar US holds public holidays; give the file another name with --name\n",
    )
    breaks.run("calendar", "import", "breaks.csv", "--name", "GB")
    ran = breaks.run("calendar", "import", "--country", "GB")
    assert (ran.code, ran.err) == (
        3,
        "coopflow: the calendar GB holds closed days of your own, from breaks.csv; remove it first: "
        "coopflow calendar remove GB\n",
    )


@pytest.mark.parametrize(
    ("library", "arguments", "words"),
    [
        ("holidays", ["import"], "public holidays need one more package; run: pip install 'coopflow[holidays]'"),
        (
            "icalendar",
            ["import", "-", "--name", "x"],
            "to read iCalendar files, run: pip install 'coopflow[calendar]' (CSV needs nothing)",
        ),
    ],
)
def test_a_package_that_is_not_there_is_named(
    co_op: CoOp, monkeypatch: pytest.MonkeyPatch, library: str, arguments: list[str], words: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    ran = co_op.run("calendar", *arguments, input="BEGIN:VCALENDAR\nEND:VCALENDAR\n")
    assert ran.err == f"coopflow: {words}\n"


# -- list, show, remove -------------------------------------------------------------------------------------------


def test_the_list_and_the_coming_days(breaks: CoOp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")  # the configuration's path is long
    config = breaks.folder / "coopflow.yaml"
    config.write_text(f"{config.read_text()}closed_days: [2026-03-19, 2026-12-24]\n")
    breaks.run("calendar", "import", "--year", "2026")
    breaks.run("calendar", "import", "breaks.csv")

    table = breaks.run("calendar", "list", "--format", "table").out.splitlines()
    assert [line.split("  ")[0] for line in table if line] == [
        "Calendar",
        "-" * len(table[1]),
        "coopflow.yaml",
        "US",
        "breaks",
    ]
    assert "public holidays" in table[3]
    shown = breaks.run("calendar", "show", "--format", "table").out
    assert "Thu 2026-12-24  Christmas Eve" in shown
    rows = json.loads(breaks.run("calendar", "show", "--json").out)
    assert rows[0] == {"day": "2026-04-06", "name": "Spring break", "calendar": "breaks"}
    assert [(row["calendar"], row["name"]) for row in rows if row["day"] == "2026-12-24"] == [
        ("breaks", "Christmas Eve"),
        ("coopflow.yaml", None),
    ]
    assert len(json.loads(breaks.run("calendar", "show", "coopflow.yaml", "--json").out)) == 1
    assert len(json.loads(breaks.run("calendar", "show", "coopflow.yaml", "--all", "--json").out)) == 2
    assert (
        breaks.run("calendar", "show", "brakes").err
        == "coopflow: there is no calendar 'brakes' (did you mean 'breaks'?)\n"
    )


def test_without_any_calendar_the_list_says_how_to_begin(co_op: CoOp) -> None:
    assert co_op.run("calendar", "list", "--format", "table").out == (
        "No day is closed. Take in public holidays: coopflow calendar import --country US\n"
    )


def test_a_hostile_name_cannot_act_on_a_terminal_or_in_a_spreadsheet(co_op: CoOp) -> None:
    co_op.run(
        "calendar", "import", "-", "--name", "x", input="day,name\n2026-05-01,\x1b[31m=1+1\u202e\n2026-05-02,=1+1\n"
    )
    assert "\\x1b[31m=1+1\\u202e" in co_op.run("calendar", "show", "--format", "table").out
    assert '"\'=1+1"' in co_op.run("calendar", "show", "--format", "csv").out


def test_removing_asks_and_says_how_to_get_it_back(breaks: CoOp) -> None:
    breaks.run("calendar", "import", "breaks.csv")
    ran = breaks.run("calendar", "remove", "breaks")
    assert (ran.code, ran.err) == (
        2,
        "coopflow: Forget the calendar breaks with its 13 closed days? Say --yes to do it without being asked.\n",
    )
    assert breaks.run("calendar", "remove", "breaks", "--yes").err == (
        "Removed breaks: 13 days are no longer closed by it. Undo: coopflow calendar import breaks.csv --name breaks\n"
    )
    assert [kind for kind, _ in events(breaks)] == ["calendar.imported", "calendar.removed"]
    ran = breaks.run("calendar", "remove", "breaks", "--yes")
    assert (ran.code, ran.err) == (3, "coopflow: there is no calendar 'breaks'; none has been imported\n")
    assert breaks.run("calendar", "remove", "coopflow.yaml").err == (
        "coopflow: the closed days of coopflow.yaml are changed there, under closed_days\n"
    )


# -- what follows -------------------------------------------------------------------------------------------------


def test_the_status_says_that_holidays_are_missing_and_when_they_end(co_op: CoOp) -> None:
    co_op.world.has_workflow("hello", [{"id": "rest", "type": "wait", "duration": "1 year"}])
    co_op.world.has_family("42")
    co_op.world.start("hello", family="42")
    words = "country is US, but no public holidays have been imported; run: coopflow calendar import"
    assert f"  - {words}\n" in co_op.run("status", "--format", "table").out
    assert json.loads(co_op.run("status", "--json").out)["notes"] == [words]

    co_op.run("calendar", "import", "--year", "2026")
    assert json.loads(co_op.run("status", "--json").out)["notes"] == []
    words = "public holidays are known until 31 Dec 2026 only; run: coopflow calendar import --year 2027"
    assert f"  - {words}\n" in co_op.run("status", "--format", "table", at="2026-10-02 12:00:00").out


def test_the_next_tick_looks_at_everything_after_an_import(breaks: CoOp) -> None:
    breaks.run("tick")
    taken_in = "SELECT value FROM meta WHERE key = 'files_taken_in'"
    assert breaks.world.db.execute_sql(taken_in).fetchone()[0]
    breaks.run("calendar", "import", "breaks.csv")
    assert not breaks.world.db.execute_sql(taken_in).fetchone()[0]


def test_what_was_planned_on_a_day_that_is_now_closed_moves_with_the_next_tick(co_op: CoOp) -> None:
    mail = {"id": "mail", "type": "email", "template_id": "hello", "delay": "3 days"}
    co_op.world.has_workflow("hello", [mail, {"id": "done", "type": "end"}])
    co_op.world.has_family("42")
    instance = co_op.world.start("hello", family="42")
    co_op.world.tick("2026-03-20 09:00")
    co_op.run("tick")
    [entry] = co_op.world.case(instance).entries.values()
    assert entry.scheduled_for == at("2026-03-23 09:00")

    co_op.run("calendar", "import", "-", "--name", "rest", input="day,name\n2026-03-23,Day of rest\n")
    co_op.run("tick")
    [entry] = co_op.world.case(instance).entries.values()
    assert entry.scheduled_for == at("2026-03-24 09:00")
    assert "Day of rest" in (entry.reason or "")
