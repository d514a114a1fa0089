import io
import unicodedata
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from coopflow.render import Column, Format, Hint, Sheet, percent, show_sheet, wants_colour

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)  # Sunday, 09:00 in Chicago
CHICAGO = ZoneInfo("America/Chicago")
COLUMNS = [
    Column("family_id", "Family"),
    Column("family_name", "Name", style=Hint.STRONG),
    Column("status", "State", style=Hint.STATE),
    Column("risk", "Risk", justify="right", show=percent),
    Column("next", "Next"),
]
ROWS = [
    {"family_id": "0042", "family_name": "Martínez", "status": "running", "risk": 0.87, "next": NOW + timedelta(2)},
    {"family_id": "7590-VHVEG", "family_name": "山田", "status": "failed", "risk": 0.055, "next": None},
]
SHEET = Sheet(COLUMNS, ROWS)


def drawn(sheet, out, **how):
    show_sheet(sheet, format=Format.table, out=out, tz=CHICAGO, now=NOW, **how)
    return out.text if hasattr(out, "text") else out.getvalue()


def one_cell(value, **column):
    return drawn(Sheet([Column("a", "A", **column)], [{"a": value}]), io.StringIO()).splitlines()[2]


def test_a_table_on_a_terminal_has_a_rule_under_its_titles(terminal):
    assert drawn(SHEET, terminal, width=80, colour=False) == (
        "Family      Name      State    Risk  Next\n"
        "─────────────────────────────────────────────────────────────────\n"
        "0042        Martínez  running  87 %  Tue 24 Nov 09:00 (in 2 days)\n"
        "7590-VHVEG  山田      failed    6 %  -\n"
    )


def test_a_table_that_was_asked_for_in_a_pipe_is_plain_ascii(pipe):
    assert drawn(Sheet(COLUMNS[:1], ROWS, title="Running"), pipe) == "Running\n\nFamily\n----------\n0042\n7590-VHVEG\n"


def test_cells_wrap_and_are_never_cut(terminal):
    assert drawn(SHEET, terminal, width=52, colour=False) == (
        "Family      Name      State    Risk  Next\n"
        "────────────────────────────────────────────────────\n"
        "0042        Martínez  running  87 %  Tue 24 Nov\n"
        "                                     09:00 (in 2\n"
        "                                     days)\n"
        "7590-VHVEG  山田      failed    6 %  -\n"
    )


def test_twenty_columns_are_enough(terminal):
    assert drawn(Sheet(COLUMNS, ROWS, title="Running"), terminal, width=20, colour=False) == (
        "Running\n\n"
        "Family: 0042\nName: Martínez\nState: running\nRisk: 87 %\nNext: Tue 24 Nov\n09:00 (in 2 days)\n\n"
        "Family: 7590-VHVEG\nName: 山田\nState: failed\nRisk: 6 %\nNext: -\n"
    )


def test_a_card_shows_one_thing_in_detail_at_any_width(pipe):
    sheet = Sheet(COLUMNS[:2], ROWS[:1], card=True)
    assert drawn(sheet, pipe, width=100) == "Family: 0042\nName: Martínez\n"


def test_no_rows_are_a_sentence(terminal):
    assert drawn(Sheet(COLUMNS, [], title="Running"), terminal) == "Nothing to show.\n"
    assert drawn(Sheet(COLUMNS, [], empty="No family is waiting."), io.StringIO()) == "No family is waiting.\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        ("", "-"),
        (True, "yes"),
        (False, "no"),
        (82.0, "82"),
        (1 / 3, "0.3333"),
        (1234567.5, "1234567.5"),
        (float("inf"), "-"),
        (12345678, "12345678"),
        (date(2026, 12, 25), "Fri 25 Dec"),
        (["sms", "email", 3], "sms, email, 3"),
        ([], "-"),
        ({"city": "Málaga", "own": None}, "city: Málaga, own: -"),
        ({"nested": [1, {"a": NOW}]}, '{"nested": [1, {"a": "2026-11-22T15:00:00Z"}]}'),
        ("[red]a[/] [/] [link=https://x]b :smile:", "[red]a[/] [/] [link=https://x]b :smile:"),
        ("a\x1b[31m\r\nb", r"a\x1b[31m\r\nb"),
    ],
)
def test_a_value_is_shown_as_a_person_reads_it(value, text):
    assert one_cell(value) == text


def test_words_of_a_column_are_taken_literally_too():
    assert one_cell(3, show=lambda value: f"[b]{value}\x1b") == r"[b]3\x1b"


@pytest.mark.parametrize("text", ["[red]", "[/]", "[link=https://x]x[/link]", ":smile:", "[bold", "\\[red]", "[[x]]"])
def test_h24_markup_is_shown_literally_in_a_cell_a_title_and_a_header(text):
    sheet = Sheet([Column("a", text)], [{"a": text}], title=text)
    assert [line.strip() for line in drawn(sheet, io.StringIO()).splitlines() if line.strip(" -")] == [text] * 3


def test_h24_a_title_from_outside_is_taken_literally(pipe):
    sheet = Sheet([Column("a", "[/x]\x07")], [{"a": 1}], title="[blink]\x1b]0;owned\x07")
    assert drawn(sheet, pipe).startswith("[blink]\\x1b]0;owned\\x07\n\n[/x]\\x07\n")


def test_colour_goes_with_the_word(terminal):
    text = drawn(SHEET, terminal, width=80)
    assert "\x1b[36mrunning\x1b[0m" in text
    assert "\x1b[31mfailed" in text


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("COOPFLOW_NO_COLOR", "1"), ("TERM", "dumb")])
def test_the_environment_can_refuse_colour_and_bold(name, value, terminal, monkeypatch):
    monkeypatch.setenv(name, value)
    assert not wants_colour(terminal)
    assert "\x1b" not in drawn(SHEET, terminal, width=80)


def test_a_pipe_has_no_colour_even_if_rich_is_told_to_force_it(pipe, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in drawn(SHEET, pipe)


def test_a_terminal_that_cannot_draw_gets_ascii(latin_terminal, terminal, monkeypatch):
    sheet = Sheet([Column("a", "A")], [{"a": "é山"}])
    assert drawn(sheet, latin_terminal, colour=False) == "A\n---\né\\u5c71\n"
    monkeypatch.setenv("TERM", "dumb")
    assert drawn(sheet, terminal) == "A\n---\né山\n"


def test_the_width_is_that_of_the_environment_or_enough_for_a_page(monkeypatch, pipe):
    words = Sheet([Column("a", "A")], [{"a": "word " * 40}])
    assert max(map(len, drawn(words, pipe).splitlines())) == 100
    monkeypatch.setenv("COLUMNS", "30")
    assert max(map(len, drawn(words, io.StringIO()).splitlines())) == 30


@given(
    st.lists(st.tuples(*[st.text(st.characters(exclude_categories=()), max_size=40)] * 2), min_size=1, max_size=4),
    st.integers(2, 100),
)
def test_hostile_text_never_acts_in_a_table_and_never_leaves_its_width(pairs, width):
    sheet = Sheet([Column("a", "A"), Column("b", "B", style=Hint.STATE)], [{"a": a, "b": b} for a, b in pairs])
    text = drawn(sheet, io.StringIO(), width=width)
    assert {char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} <= {"\n"}
    assert all(cell_len(line) <= width for line in text.splitlines())


@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_h23_the_second_column_stays_where_it_is_whatever_the_first_says(text):
    sheet = Sheet([Column("a", "A", min_width=10), Column("b", "B")], [{"a": text, "b": "BBB"}])
    header, _, first, *_ = drawn(sheet, io.StringIO(), width=60).splitlines()
    assert cell_len(first[: first.index("BBB", 1)]) == header.index("B")
