import io
import unicodedata
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coopflow.render import TimelineEntry, timeline

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)  # Sunday, 09:00 in Chicago
CHICAGO = ZoneInfo("America/Chicago")
ENTRIES = [
    TimelineEntry(at=NOW - timedelta(3), status="completed", title="Send Initial Email", detail=["to ana@example.org"]),
    TimelineEntry(at=NOW - timedelta(3), status="running", title="[red]\x1b[2J", detail=["until\nan answer comes"]),
    TimelineEntry(at=NOW + timedelta(hours=18), status="planned", title="SMS", detail=["if none comes"], planned=True),
    TimelineEntry(at=None, status="planned", title="Call", planned=True),
]


def test_on_a_terminal_each_state_has_a_glyph_and_a_word_on_one_line(terminal):
    timeline(ENTRIES, out=terminal, tz=CHICAGO, now=NOW, width=80, colour=False)
    assert terminal.text == (
        "✓ completed  Thu 19 Nov 09:00 (3 days ago)   Send Initial Email\n"
        "│     to ana@example.org\n"
        "● running    Thu 19 Nov 09:00 (3 days ago)   [red]\\x1b[2J\n"
        "│     until\\nan answer comes\n"
        "○ planned    Mon 23 Nov 03:00 (in 18 hours)  SMS\n"
        "┊     if none comes\n"
        "○ planned    later                           Call\n"
    )


def test_in_a_pipe_it_is_plain_text(pipe):
    timeline(ENTRIES[2:], out=pipe, tz=CHICAGO, now=NOW)
    assert pipe.getvalue() == (
        "planned  Mon 23 Nov 03:00 (in 18 hours)  SMS\n    if none comes\n"
        "planned  later                           Call\n"
    )


def test_twenty_columns_are_enough_for_it(terminal):
    timeline(ENTRIES[2:], out=terminal, tz=CHICAGO, now=NOW, width=20, colour=False)
    assert terminal.text == (
        "○ planned\n┊ Mon 23 Nov 03:00\n┊ (in 18 hours)\n┊ SMS\n┊     if none comes\n○ planned\n┊ later\n┊ Call\n"
    )


def test_only_the_glyph_is_coloured(terminal):
    timeline(ENTRIES[:1], out=terminal, tz=CHICAGO, now=NOW, width=80)
    assert terminal.text.startswith("\x1b[32m✓\x1b[0m completed  Thu")


def test_without_utf_8_the_glyphs_are_ascii(latin_terminal):
    timeline(ENTRIES[2:3], out=latin_terminal, tz=CHICAGO, now=NOW, width=80, colour=False)
    assert latin_terminal.text == "o planned  Mon 23 Nov 03:00 (in 18 hours)  SMS\n:     if none comes\n"


def test_a_dumb_terminal_gets_plain_text(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    timeline(ENTRIES[3:], out=terminal, tz=CHICAGO, now=NOW)
    assert terminal.text == "planned  later  Call\n"


@pytest.mark.parametrize(("glyph", "first"), [(None, "· asked"), ("☎", "☎ asked")])
def test_a_word_without_a_glyph_gets_a_dot_or_its_own(glyph, first, terminal):
    entry = TimelineEntry(at=NOW, status="asked", title="Call", glyph=glyph)
    timeline([entry], out=terminal, tz=CHICAGO, now=NOW, width=80, colour=False)
    assert terminal.text == f"{first}  Sun 22 Nov 09:00 (just now)  Call\n"


def test_nothing_happened_says_nothing(pipe):
    timeline([], out=pipe, tz=CHICAGO, now=NOW)
    assert pipe.getvalue() == ""


@given(*[st.text(st.characters(exclude_categories=()), max_size=60)] * 3)
def test_hostile_text_never_acts_and_never_forges_an_entry(status, title, detail):
    pipe = io.StringIO()
    entry = TimelineEntry(at=None, status=status, title=title, detail=[detail])
    timeline([entry, entry], out=pipe, tz=CHICAGO, now=NOW)
    acting = {char for char in pipe.getvalue() if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    assert acting == {"\n"}
    assert pipe.getvalue().count("\n") == 4
