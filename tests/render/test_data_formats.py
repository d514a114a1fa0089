import codecs
import csv
import io
import json
import re
import subprocess
import sys
import unicodedata
from datetime import UTC, date, datetime
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coopflow.render import Column, Format, Sheet, default_format, show_document, show_sheet

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
DATA_FORMATS = [Format.json, Format.jsonl, Format.csv, Format.tsv]
ACTING = "\x00\t\n\r\x1b\x7f\x85\x9b\u061c\u200b\u200e\u2028\u2029\u202e\u2066\u2069\ufeff\ud800\U000e0041\u0301"
ANY_TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from(ACTING))  # lone surrogates too
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Mood(StrEnum):
    GOOD = "good"


def shown(rows, format, keys=("a", "b")):  # noqa: A002
    out = io.StringIO()
    show_sheet(Sheet([Column(key, key.title()) for key in keys], rows), format=format, out=out, tz=UTC, now=NOW)
    return out.getvalue()


ROWS = [
    {"a": "0042", "b": 0.87},
    {"a": None, "b": datetime(2026, 3, 2, 6, 0, tzinfo=UTC)},
    {"a": True, "b": {"at": date(2026, 3, 2), "list": [1, float("nan")]}},
    {"a": Mood.GOOD, "not a column": 1},
]


def test_json_is_one_list_of_objects_with_every_key_in_every_row():
    text = shown(ROWS, Format.json)
    expected = [
        {"a": "0042", "b": 0.87},
        {"a": None, "b": "2026-03-02T06:00:00Z"},
        {"a": True, "b": {"at": "2026-03-02", "list": [1, None]}},
        {"a": "good", "b": None},
    ]
    assert text == json.dumps(expected, indent=2) + "\n"


def test_jsonl_is_one_object_a_line():
    assert shown(ROWS, Format.jsonl) == (
        '{"a": "0042", "b": 0.87}\n'
        '{"a": null, "b": "2026-03-02T06:00:00Z"}\n'
        '{"a": true, "b": {"at": "2026-03-02", "list": [1, null]}}\n'
        '{"a": "good", "b": null}\n'
    )


def test_csv_quotes_every_cell():
    assert shown(ROWS, Format.csv) == (
        '"a","b"\n'
        '"0042","0.87"\n'
        '"","2026-03-02T06:00:00Z"\n'
        '"true","{""at"": ""2026-03-02"", ""list"": [1, null]}"\n'
        '"good",""\n'
    )


def test_tsv_keeps_the_header_and_every_cell_whole():
    long = "x" * 5000
    assert shown([{"a": long, "b": "tab\tline\nback\\slash"}, {"a": -5, "b": 1e-07}], Format.tsv) == (
        f"a\tb\n{long}\ttab\\tline\\nback\\\\slash\n-5\t1e-07\n"
    )


@pytest.mark.parametrize(("format", "text"), [("json", "[]\n"), ("jsonl", ""), ("csv", '"a","b"\n'), ("tsv", "a\tb\n")])
def test_no_rows_leave_a_well_formed_answer(format, text):  # noqa: A002
    assert shown([], Format(format)) == text


@pytest.mark.parametrize("text", ["=1+1", "+15551234567", "-", "@x", "\t=1", "\nx", " =1", "\xa0=1", "\ufeff=1", "＝1"])
def test_h22_a_csv_cell_that_a_spreadsheet_may_calculate_is_made_text(text):
    assert next(csv.reader(io.StringIO(shown([{"a": text}], Format.csv).partition("\n")[2])))[0] == "'" + text


@pytest.mark.parametrize("text", ["'=1+1", "a=1", "7-8", "x\n=1", " plain", "", "   "])
def test_h22_other_csv_cells_stay_as_they_are(text):
    assert next(csv.reader(io.StringIO(shown([{"a": text}], Format.csv).partition("\n")[2], newline="")))[0] == text


@pytest.mark.parametrize("text", ["=1+1", "+15551234567", "@x", "\t=1", "\nx", "\rx", "'=1+1", "-"])
def test_h22_jsonl_gives_back_exactly_what_went_in(text):
    assert json.loads(shown([{"a": text, "b": None}], Format.jsonl))["a"] == text


@pytest.mark.parametrize(("number", "text"), [(-5, "-5"), (-0.5, "-0.5")])
def test_a_negative_number_stays_a_number_in_csv(number, text):
    assert shown([{"a": number, "b": ""}], Format.csv) == f'"a","b"\n"{text}",""\n'


def test_line_ends_in_a_csv_cell_become_lf_and_a_return_cannot_overwrite_the_line():
    assert shown([{"a": "one\r\ntwo\rthree", "b": ""}], Format.csv) == '"a","b"\n"one\ntwo\nthree",""\n'


@pytest.mark.parametrize("format", DATA_FORMATS)
def test_none_of_the_characters_that_act_stands_in_any_format(format):  # noqa: A002
    unseen_only = {"\u200b", "\ufeff", "\U000e0041", "\u0301"}  # they act on nothing: data may hold them
    everything = "".join(map(chr, range(0xA0))) + "".join(BIDI) + ACTING
    text = shown([{"a": everything, "b": ""}], format)
    left = {char for char in text if char in everything and not char.isprintable()} - unseen_only
    assert left == ({"\n", "\t"} if format in (Format.csv, Format.tsv) else {"\n"})


@pytest.mark.parametrize("format", DATA_FORMATS)
@given(key=ANY_TEXT.filter(bool), value=ANY_TEXT)
def test_h23_hostile_text_never_acts_in_any_format(format, key, value):  # noqa: A002
    text = shown([{key: value}], format, keys=[key])
    allowed = "\n\t" if format is Format.csv else "\n"
    acting = [char for char in text if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} or char in BIDI]
    assert not set(acting) - set(allowed)
    assert text.encode("utf-8")


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT)))
def test_json_and_jsonl_come_back_exactly(pairs):
    rows = [{"a": a, "b": b} for a, b in pairs]
    assert json.loads(shown(rows, Format.json)) == json.loads(json.dumps(rows))
    assert [json.loads(line) for line in shown(rows, Format.jsonl).splitlines()] == json.loads(json.dumps(rows))
    assert shown(rows, Format.json).isascii()


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT)))
def test_tsv_comes_back_exactly(pairs):
    header, *lines = shown([{"a": a, "b": b} for a, b in pairs], Format.tsv).removesuffix("\n").split("\n")
    assert header == "a\tb"
    assert [tuple(map(untsv, line.split("\t"))) for line in lines] == pairs


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT)))
def test_csv_comes_back_as_rows_of_two_cells(pairs):
    text = shown([{"a": a, "b": b} for a, b in pairs], Format.csv)
    header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert header == ["a", "b"]
    assert [len(row) for row in rows] == [2] * len(pairs)


@given(st.lists(st.tuples(*[st.text(st.characters(categories=["L", "N", "Po", "Zs"])) | st.just('",\n"')] * 2)))
def test_ordinary_text_comes_back_exactly_from_csv(pairs):
    pairs = [("x" + a, "y" + b) for a, b in pairs]
    text = shown([{"a": a, "b": b} for a, b in pairs], Format.csv)
    assert list(map(tuple, csv.reader(io.StringIO(text, newline=""), strict=True)))[1:] == pairs


def untsv(cell):
    return re.sub(r"\\(\\|[tnr]|x..|u....|U.{8})", lambda found: codecs.decode(found[0], "unicode_escape"), cell)


def test_rows_are_written_one_at_a_time():
    out = io.StringIO()

    def rows():
        for number in range(3):
            yield {"a": number}
            assert f"{number}\n" in out.getvalue()

    show_sheet(Sheet([Column("a", "A")], rows()), format=Format.tsv, out=out, tz=UTC, now=NOW)
    assert out.getvalue() == "a\n0\n1\n2\n"


def test_a_value_that_has_no_place_is_named():
    with pytest.raises(TypeError, match="a value of type object has no place in a sheet"):
        shown([{"a": object()}], Format.json)


def test_what_the_encoding_lacks_is_spelled_out():
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="latin-1", newline="")
    show_sheet(Sheet([Column("a", "A")], [{"a": "José 山"}]), format=Format.tsv, out=out, tz=UTC, now=NOW)
    out.flush()
    assert raw.getvalue() == b"a\nJos\xe9 \\u5c71\n"


DOCUMENT = {"at": NOW, "running": [{"family_id": "42", "name": "a\x1bb"}], "due": [], "last": {"ok": True, "why": None}}


def test_a_document_is_json_as_it_is(pipe):
    show_document(DOCUMENT, format=Format.json, out=pipe)
    assert json.loads(pipe.getvalue()) == {**DOCUMENT, "at": "2026-11-22T15:00:00Z"}
    assert pipe.getvalue().startswith('{\n  "at": "2026-11-22T15:00:00Z",\n  "running": [\n    {\n')


def test_a_document_is_one_line_of_jsonl(pipe):
    show_document({"a": [1, {"b": NOW}]}, format=Format.jsonl, out=pipe)
    assert pipe.getvalue() == '{"a": [1, {"b": "2026-11-22T15:00:00Z"}]}\n'


@pytest.mark.parametrize(
    ("format", "text"),
    [
        (
            Format.tsv,
            "path\tvalue\nat\t2026-11-22T15:00:00Z\nrunning.0.family_id\t42\nrunning.0.name\ta\\x1bb\n"
            "due\t[]\nlast.ok\ttrue\nlast.why\t\n",
        ),
        (
            Format.table,
            "at: 2026-11-22T15:00:00Z\nrunning.0.family_id: 42\nrunning.0.name: a\\x1bb\ndue: []\nlast.ok: true\n"
            "last.why: -\n",
        ),
    ],
)
def test_a_document_in_other_formats_is_a_row_a_leaf(format, text, pipe):  # noqa: A002
    show_document(DOCUMENT, format=format, out=pipe)
    assert pipe.getvalue() == text


def test_a_table_is_the_default_on_a_terminal_only(terminal, pipe):
    assert default_format(terminal) is Format.table
    assert default_format(pipe) is Format.tsv
    pipe.close()
    assert default_format(pipe) is Format.tsv


def test_the_data_formats_never_load_rich():
    script = """
import io, sys
from datetime import UTC, datetime
from coopflow.render import *
for format in (Format.json, Format.jsonl, Format.csv, Format.tsv):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    show_sheet(Sheet([Column("a", "A")], [{"a": now}]), format=format, out=sys.stdout, tz=UTC, now=now)
    show_document({"a": now}, format=format, out=sys.stdout)
say("done")
timeline([TimelineEntry(at=now, status="done", title="x")], out=sys.stdout, tz=UTC, now=now)
sys.exit([name for name in sys.modules if name.partition(".")[0] == "rich"] != [])
"""
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stderr == b"done\n"
