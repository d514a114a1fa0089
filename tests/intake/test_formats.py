"""JSONL, JSON lists and CSV: told apart, read record by record, and whatever is wrong said with its line."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coopflow.errors import Invalid
from coopflow.intake.formats import BadRecord, Kind, Record, read_records
from tests.intake.reading import found_in, read, records_of

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", Kind.JSONL),
        (b"\n\n", Kind.JSONL),
        (b'{"a": 1}\n', Kind.JSONL),
        (b'\n  {"a": 1}', Kind.JSONL),
        (BOM + b'{"a": 1}\n', Kind.JSONL),
        (b'Loading the model\n{"a": 1}\n', Kind.JSONL),
        (b'2, "b": 3}\n{"a": 1}\n', Kind.JSONL),
        (b"[]", Kind.ARRAY),
        (b'\n [\n{"a": 1}]', Kind.ARRAY),
        (b"a,b\n1,2\n", Kind.CSV),
        (BOM + b"a,b\r\n1,2\r\n", Kind.CSV),
        (b'"a","b"\n1,2\n', Kind.CSV),
    ],
)
def test_the_format_is_told_by_how_it_begins(content: bytes, kind: Kind) -> None:
    assert records_of(content).kind is kind


@pytest.mark.parametrize(
    "content",
    [
        '{"a": 1}\n{"a": "ü"}\n',
        '{"a": 1}\r\n{"a": "ü"}\r\n',
        '\n{"a": 1}\n   \n{"a": "ü"}',
        '[{"a": 1}, {"a": "ü"}]',
        '\n[\n  {\n    "a": 1\n  },\n  {"a": "ü"}\n]\n',
    ],
)
def test_all_json_forms_say_the_same(content: str) -> None:
    for start in (b"", BOM):
        assert [fields for _, fields in read(start + content.encode())] == [{"a": 1}, {"a": "ü"}]


def test_lines_are_numbered_as_an_editor_numbers_them() -> None:
    assert [line for line, _ in read('{"a": 1}\n\n{"a": 2}\n')] == [1, 3]
    assert [line for line, _ in read('[\n{"a": 1},\n\n{\n"a": 2}, {"a": 3}\n]')] == [2, 4, 5]
    assert [line for line, _ in read('a,b\n1,"x\ny"\n\n3,4\n')] == [2, 5]


NOT_TEXT = "its text is not valid Unicode (UTF-8), or holds a NUL"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"nothing", "it is not JSON: expecting value, at column 1"),
        (b'{"a": 1', "it is not JSON: expecting ',' delimiter, at column 8"),
        (b'{"a": 1}}', "it is not JSON: something follows its end, at column 9"),
        (b'{"a": 1} {"a": 2}', "it is not JSON: something follows its end, at column 9"),
        (b'{"a": "\x00"}', "it is not JSON: invalid control character, at column 8"),
        (b"[1]", "a list is not an object, as in {…}"),
        (b'"text"', "'text' is not an object, as in {…}"),
        (b'{"a": NaN}', "field 'a': NaN is not a number that JSON knows"),
        (b'{"a": -Infinity}', "field 'a': -Infinity is not a number that JSON knows"),
        (b'{"a": 1e400}', "field 'a': 1e400 is too large a number"),
        (b'{"a": [1e400]}', "1e400 is too large a number"),
        (b'{"a": ' + b"9" * 101 + b"}", "field 'a': it is a number of 101 digits"),
        (b'{"a": ' + b"9" * 50_000 + b"}", "field 'a': it is a number of 50000 digits"),
        (b'{"a": 1, "a": 1}', "a key is there twice: 'a'"),
        (b'{"b": {"a": 1, "a": 2}}', "a key is there twice: 'a'"),
        (b'{"a": "\\ud800"}', NOT_TEXT),
        (b'{"\\udc00": 1}', NOT_TEXT),
        (b'{"a": "\\u0000"}', NOT_TEXT),
        (b'{"a": "\xff"}', NOT_TEXT),
        (b'{"a": "\xed\xa0\x80"}', NOT_TEXT),
        (b'{"a": ' + b"[" * 16 + b"]" * 16 + b"}", "it is nested more than 16 levels deep"),
        (b'{"a": ' + b"[" * 60_000, "it is nested more than 16 levels deep"),
        (b'{"a": "' + b"x" * 65_536 + b'"}', "the line is longer than 64 KiB"),
    ],
)
def test_a_bad_line_is_named_and_the_rest_goes_on(line: bytes, sentence: str) -> None:
    content = b'{"first": 1}\n' + line + b'\n{"last": "\\ud83d\\ude00"}\n'
    assert read(content) == [(1, {"first": 1}), (2, sentence), (3, {"last": "😀"})]


@pytest.mark.parametrize("end", [b'{"a": 1', b'{"a": tr', b'{"a": "b', b'{"a": 0.8', b"{"])
def test_half_a_line_at_the_end_is_cut_off(end: bytes) -> None:
    assert read(b'{"a": 1}\n' + end) == [(1, {"a": 1}), (2, "the line is cut off")]


def test_a_last_line_without_its_end_counts_when_it_is_whole() -> None:
    assert read(b'{"a": 1}\n{"a": 2}') == [(1, {"a": 1}), (2, {"a": 2})]


def test_what_is_deep_but_not_too_deep_is_read() -> None:
    assert len(found_in(b'{"a": ' + b"[" * 15 + b"]" * 15 + b"}\n")[0]) == 2
    assert isinstance(found_in(b'{"a": [' + b",".join([b"{}"] * 40) + b"]}\n")[0], Record)


def test_lines_of_64_kib_are_read_and_longer_ones_are_skipped_to_their_end() -> None:
    fits = b'{"a": "' + b"x" * (64 * 1024 - 10) + b'"}\n'
    assert len(fits) == 64 * 1024
    long = b'{"a": "' + b"x" * 1_000_000 + b'"}\n'
    lines = [line if isinstance(found, str) else "read" for line, found in read(fits + long + BOM + fits)]
    assert lines == ["read", 2, 3]  # a byte order mark in the middle is not JSON
    assert [line for line, _ in read(long + b'{"a": 1}\n')] == [1, 2]
    assert [line for line, _ in read(BOM + long + b'{"a": 1}\n')] == [1, 2]


def test_objects_over_several_lines_are_refused_with_what_to_do() -> None:
    with pytest.raises(Invalid, match=r"<stdin>:1: each record must stand on a line of its own"):
        records_of('{\n"a": 1\n}\n')


def test_utf_16_is_named() -> None:
    with pytest.raises(Invalid, match=r"<stdin>: it is written in UTF-16; save it as UTF-8"):
        records_of("a,b\n".encode("utf-16"))


# -- lists --------------------------------------------------------------------------------------------------------


def test_a_bad_object_in_a_list_does_not_stop_the_others() -> None:
    content = b'[{"a": 1},\n5,\n{"a": NaN}, {"a": 1, "a": 2},\n{"a": "\xff"},\n{"a": 2}]'
    assert read(content) == [
        (1, {"a": 1}),
        (2, "5 is not an object, as in {…}"),
        (3, "field 'a': NaN is not a number that JSON knows"),
        (3, "a key is there twice: 'a'"),
        (4, NOT_TEXT),
        (5, {"a": 2}),
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('[{"a": 1},\n{"a": 2', "the list is cut off; what follows cannot be read"),
        ('[{"a": 1},\n', "the list is cut off; what follows cannot be read"),
        ('[{"a": 1}\n', "the list is cut off; what follows cannot be read"),
        ('[{"a": 1}\n{"a": 2}]', "it is not JSON: expected ',' or ']'; what follows cannot be read"),
        ('[{"a": 1},\n{"a" 2}]', "it is not JSON: expecting ':' delimiter, at column 6; what follows cannot be read"),
        ('[{"a": 1},\n]', "it is not JSON: expecting value, at column 1; what follows cannot be read"),
        ('[{"a": 1}\n] x', "something follows the end of the list"),
    ],
)
def test_a_broken_list_ends_where_it_breaks(content: str, sentence: str) -> None:
    assert read(content) == [(1, {"a": 1}), (2, sentence)]


def test_an_empty_list_has_no_records() -> None:
    assert read(" [ ] \n") == []


def test_a_list_may_be_longer_than_what_is_looked_at_once() -> None:
    records = [{"a": number, "b": "ü" * (number % 7_000)} for number in range(400)]
    assert [fields for _, fields in read(json.dumps(records, ensure_ascii=False, indent=1))] == records


def test_an_object_of_a_list_has_a_limit_too() -> None:
    content = '[{"a": "' + "x" * 65_530 + '"},\n{"a": 2}]'
    assert read(content) == [(1, "the record is longer than 64 KiB"), (2, {"a": 2})]
    [(line, sentence)] = read('[{"a": "' + "x" * 500_000 + '"},\n{"a": 2}]')
    assert line == 1
    assert sentence.startswith("the record is longer than 64 KiB, or it is not JSON")


# -- CSV ----------------------------------------------------------------------------------------------------------


def test_csv_cells_are_text_exactly_as_written() -> None:
    assert read('id,name\n0042," a ""b"", c"\n') == [(2, {"id": "0042", "name": ' a "b", c'})]


def test_nameless_empty_columns_and_empty_rows_of_a_spreadsheet_are_left_out() -> None:
    assert read("a,b,,\n1,2,,\n,,,\n\n3,4,,\n") == [(2, {"a": "1", "b": "2"}), (5, {"a": "3", "b": "4"})]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (b"1", "the row has another number of cells than the header: 1, not 2"),
        (b"1,2,3", "the row has another number of cells than the header: 3, not 2"),
        (b'1,"2"3', "the row's quotation marks are wrong: ',' expected after '\"'"),
        (b"1,2\r3,4", "the row has a line end (carriage return) in its middle"),
        (b"1,\xff", "its text is not valid UTF-8, or holds a NUL"),
        (b"1,\x00", "its text is not valid UTF-8, or holds a NUL"),
        (b"1," + b"x" * 70_000, "the line is longer than 64 KiB"),
    ],
)
def test_a_bad_row_is_named_and_the_rest_goes_on(row: bytes, sentence: str) -> None:
    assert read(b"a,b\n" + row + b"\n8,9\n") == [(2, sentence), (3, {"a": "8", "b": "9"})]


def test_a_quotation_mark_that_is_never_closed_is_named_where_it_was_opened() -> None:
    assert read('a,b\n1,2\n3,"4\n5,6\n') == [
        (2, {"a": "1", "b": "2"}),
        (3, "the row is cut off: a quotation mark is not closed"),
    ]
    long = read('a,b\n3,"4\n' + "5,6\n" * 20_000)
    assert long[0] == (2, "the row is longer than 64 KiB: a quotation mark is not closed")
    assert long[-1] == (20_002, {"a": "5", "b": "6"})


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("a;b;c", "<stdin>:1: the columns are separated by semicolons; save the file with commas between them"),
        ("a\tb", "<stdin>:1: the columns are separated by tabs; save the file with commas between them"),
        ("a,,b", "<stdin>:1: column 2 of the header has no name"),
        ("a,b,a", "<stdin>:1: the header has the column 'a' twice"),
        ('a,"b"c', "<stdin>:1: the row's quotation marks are wrong: ',' expected after '\"'"),
    ],
)
def test_a_header_that_cannot_be_used_ends_it(header: str, sentence: str) -> None:
    with pytest.raises(Invalid) as problem:
        records_of(f"{header}\n1,2,3\n")
    assert str(problem.value) == sentence


# -- promises -----------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**30), 10**30),
        st.floats(allow_nan=False, allow_infinity=False),
        TEXTS,
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.sampled_from("abcdef"), VALUES, max_size=4), max_size=8)


@given(OBJECTS, st.booleans(), st.sampled_from([None, 1]))
def test_whatever_json_can_say_arrives_unchanged(
    objects: list[dict[str, object]], ascii_only: bool, indent: int
) -> None:
    lines = "".join(json.dumps(one, ensure_ascii=ascii_only) + "\n" for one in objects)
    listed = json.dumps(objects, ensure_ascii=ascii_only, indent=indent)
    assert [fields for _, fields in read(lines)] == objects
    assert [fields for _, fields in read(listed)] == objects


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=10)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6))
def test_whatever_a_csv_writer_writes_arrives_unchanged(rows: list[tuple[str, str, str]]) -> None:
    paper = io.StringIO()
    writer = csv.writer(paper)
    writer.writerow("abc")
    writer.writerows(rows)
    kept = [dict(zip("abc", row, strict=True)) for row in rows if any(cell.strip() for cell in row)]
    assert [fields for _, fields in read(paper.getvalue())] == kept


@given(st.binary(max_size=200) | st.text('{}[]",:\n\r1ae;\\u', max_size=80).map(str.encode))
def test_no_bytes_at_all_are_a_fault_of_ours(content: bytes) -> None:
    try:
        records = read_records(io.BytesIO(content), "<stdin>")
    except Invalid:
        return
    lines = [found.line for found in records.found]
    assert lines == sorted(lines)
    assert all(1 <= line <= content.count(b"\n") + 1 for line in lines)


@given(st.integers(0, 60))
def test_a_stream_cut_anywhere_loses_only_its_last_record(end: int) -> None:
    content = b'{"a": 1, "b": "\xc3\xbc"}\n{"a": 2, "b": "y"}\n{"a": 3}\n'[:end]
    found = found_in(content)
    assert all(isinstance(one, Record) for one in found[:-1])
    if found and isinstance(found[-1], BadRecord):
        assert found[-1].problems[0].sentence == "the line is cut off"
