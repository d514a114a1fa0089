"""YAML is read strictly: what surprises is refused, with its place and what to do; the rest is what it looks like."""

import sys
import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from coopflow.errors import ExitCode
from coopflow.problems import ProblemsFound
from coopflow.strict_yaml import MAX_NODES, read_yaml

QUOTE = 'must be in quotes, as in "{{ family_name }}"'
ALIAS = "aliases (*name) are not used here; write the value out, or put a text that begins with * in quotes"
ANCHOR = "anchors (&name) are not used here; delete it, or put a text that begins with & in quotes"
TAG = "tags (!name) are not used here; delete it, or put a text that begins with ! in quotes"
COLON = "a colon where no key can be; put a text with a colon in quotes, and check the indentation"
FIT = "this does not fit what stands above; check the indentation and the quotes"
NEVER_CLOSED = "this quote is never closed"
BACKSLASH = r"in double quotes a backslash begins \n, \t or \\; put the text in single quotes to keep it as it is"
LATIN = "the file may be in Latin-1 (Windows-1252)"
TAB = "a tab; indent with spaces"


def invisible(character: str) -> str:
    """The sentence about a character that nobody can see."""
    return f"an invisible character, {character}; delete it"


def problems(content: bytes | str) -> list[str]:
    """Every problem of a file, without the file's name."""
    with pytest.raises(ProblemsFound) as caught:
        read_yaml(content, path="f.yaml")
    return [str(problem).removeprefix("f.yaml:") for problem in caught.value.problems]


TYPED = {
    "0": 0,
    "7": 7,
    "-3": -3,
    "0.80": 0.8,
    "-0.5": -0.5,
    "1.10": 1.1,
    "true": True,
    "false": False,
    "null": None,
    "~": None,
    "": None,
    "123456789012345678": 123456789012345678,
}
TEXT = [
    *(
        "9:00",
        "09:00",
        "9:30",
        "24:00",
        "08:00-18:00",
        "on",
        "off",
        "yes",
        "no",
        "NO",
        "y",
        "n",
        "True",
        "TRUE",
        "Null",
    ),
    *(
        "02134",
        "+15551234567",
        "+1",
        "2026-09-01",
        "2026-02-30",
        "2026-09-01T09:00:00Z",
        "1_000",
        "0x1F",
        "0o17",
        "0b1",
    ),
    *(
        "1e5",
        ".5",
        "1.",
        ".inf",
        "-.inf",
        ".nan",
        "=",
        "12345678901234567890",
        "3 days",
        "1.2.3",
        "1,5",
        "--1",
        "ö",
        "<",
    ),
]


@pytest.mark.parametrize(("written", "expected"), TYPED.items())
def test_only_plain_numbers_true_false_and_null_are_typed(written, expected):
    value = read_yaml(f"key: {written}\n", path="f.yaml").data["key"]

    assert (value, type(value)) == (expected, type(expected))


@pytest.mark.parametrize("written", TEXT)
def test_everything_else_stays_the_text_it_is(written):
    assert read_yaml(f"key: {written}\n", path="f.yaml").data == {"key": written}
    assert read_yaml(f"- {written}\n", path="f.yaml").data == [written]


@pytest.mark.parametrize("written", [*TYPED, "9:00", "on"])
def test_quotes_make_text_of_anything(written):
    assert read_yaml(f"a: '{written}'\nb: \"{written}\"\n", path="f.yaml").data == {"a": written, "b": written}


@pytest.mark.parametrize("key", ["on", "NO", "yes", "9:00", "02134", "2026-09-01", "True", "'42'", '"true"', "'<<'"])
def test_keys_that_are_text_stay_text(key):
    assert list(read_yaml(f"{key}: 1\n", path="f.yaml").data) == [key.strip("'\"")]


ENCODINGS = {
    "byte order mark": b"\xef\xbb\xbfname: Jos\xc3\xa9\n",
    "Windows line ends": b"name: Jos\xc3\xa9\r\n",
    "old line ends": b"name: Jos\xc3\xa9\r",
    "no final line end": b"name: Jos\xc3\xa9",
    "a document's ends": b"---\nname: Jos\xc3\xa9\n...\n",
    "text": "name: José\n",
    "text with a mark": "\ufeffname: José\n",
    "tab as a gap": b"name:\tJos\xc3\xa9\n",
    "comments": b"# about\n\nname: Jos\xc3\xa9  # a family\n",
}


@pytest.mark.parametrize("content", ENCODINGS.values(), ids=ENCODINGS)
def test_harmless_differences_between_files_are_accepted(content):
    assert read_yaml(content, path="f.yaml").data == {"name": "José"}


BAD = [
    # nothing there, or too many things
    ("", ["1:1: the file is empty"]),
    ("\n \n", ["1:1: the file is empty"]),
    ("\ufeff", ["1:1: the file is empty"]),
    ("# one\n# two\n", ["1:1: the file holds nothing but comments"]),
    ("a: 1\n---\nb: 2\n", ["2:1: a second document begins here (---); a file holds one"]),
    ("a: 1\n---\n", ["2:1: a second document begins here (---); a file holds one"]),
    ("a: 1\n--- !x\nb: *c\n", ["2:1: a second document begins here (---); a file holds one"]),
    # what is not allowed at all
    ("a: &x 1\nb: 2\n", [f"1:4: a: {ANCHOR}"]),
    ("a: *x\n", [f"1:4: a: {ALIAS}"]),
    ("a: &x 1\nb: *x\n", [f"1:4: a: {ANCHOR}", f"2:4: b: {ALIAS}"]),
    ("a: &x {b: *x}\n", [f"1:4: a: {ANCHOR}", f"1:11: a.b: {ALIAS}"]),
    ("&x a: 1\n", [f"1:1: {ANCHOR}"]),
    ("*x : 1\n", [f"1:1: {ALIAS}"]),
    ("a: **bold** text\n", [f"1:4: {ALIAS}"]),
    ("a: & co\n", [f"1:4: {ANCHOR}"]),
    ("a: !!python/name:os.system x\n", [f"1:4: a: {TAG}"]),
    ("a: !!python/object/apply:os.system [ls]\n", [f"1:4: a: {TAG}"]),
    ("a: !!str 5\n", [f"1:4: a: {TAG}"]),
    ("a: !secret x\nb: ! y\n", [f"1:4: a: {TAG}", f"2:4: b: {TAG}"]),
    ("a: !e!x y\n", [f"1:4: {TAG}"]),
    ("!!set {a, b}\n", [f"1:1: {TAG}"]),
    ("<<: {a: 1}\n", ["1:1: merge keys (<<) are not used here; write the keys out"]),
    ("s:\n  <<: *x\n  a: 1\n", ["2:3: s: merge keys (<<) are not used here; write the keys out"]),
    ("%YAML 1.1\n---\na: 1\n", ["1:1: directives such as %YAML are not used here; delete the line"]),
    ("# x\n%TAG ! tag:x,2000:\n---\na: 1\n", ["2:1: directives such as %TAG are not used here; delete the line"]),
    ("%FOO\n---\na: 1", ["1:5: not YAML: found unknown directive name"]),
    # keys
    ("name: a\nx: 1\nname: b\n", ["3:1: the key 'name' is given twice, in lines 1 and 3"]),
    ("n: 1\nn: 2\nn: 3\n", [f"{line}:1: the key 'n' is given twice, in lines 1 and {line}" for line in (2, 3)]),
    ("{a: 1, a: 2}\n", ["1:8: the key 'a' is given twice, in line 1"]),
    (
        "steps:\n  - id: one\n    delay: 1\n  - delay: 1\n    delay: 2\n    id: two\n",
        ["5:5: steps[1] 'two': the key 'delay' is given twice, in lines 4 and 5"],
    ),
    ("'a': 1\n\"a\": 2\n", ["2:1: the key 'a' is given twice, in lines 1 and 2"]),
    ('"\\e[31m": 1\n"\\e[31m": 2\n', [r"2:1: the key '\x1b[31m' is given twice, in lines 1 and 2"]),
    ("42: x\n", ['1:1: the key 42 must be text; write "42"']),
    (
        "true: x\nnull: 1\n1.5: 2\n~: 3\n",
        [
            '1:1: the key true must be text; write "true"',
            '2:1: the key null must be text; write "null"',
            '3:1: the key 1.5 must be text; write "1.5"',
            '4:1: the key ~ must be text; write "~"',
        ],
    ),
    ("a: {: 1}\n", ["1:5: a value is missing here"]),
    ("?\n: 1\n", ["1:2: a key is missing before the colon"]),
    ("? [a, b]\n: 1\n", ["1:3: a key must be text, not a list or a group of keys"]),
    ("? {a: 1}\n: {b: [*x]}\n", ["1:3: a key must be text, not a list or a group of keys"]),
    # placeholders
    ("message: {{ name }}\n", [f"1:10: message: a text that begins with {{{{ {QUOTE}"]),
    ("message: {{name}} hello\n", [f"1:10: message: a text that begins with {{{{ {QUOTE}"]),
    ("message: {{ a }}, {{ b }}: c\n", [f"1:10: message: a text that begins with {{{{ {QUOTE}"]),
    ("message: {{ x['a'] }}\n", [f"1:10: message: a text that begins with {{{{ {QUOTE}"]),
    ("- {{ x | default('y') }}\n- &a b\n", [f"1:3: [0]: a text that begins with {{{{ {QUOTE}", f"2:3: [1]: {ANCHOR}"]),
    ("a: {% if x %}b{% endif %}\n", ["1:5: a text that begins with {% must be in quotes"]),
    # indentation and punctuation
    ("a:\n\tb: 1\n", [f"2:1: {TAB}"]),
    ("a:\n  b: 1\n\tc: 1\n", [f"3:1: {TAB}"]),
    ("a:\n  b: 1\n  \tc: 1\n", [f"3:3: {TAB}"]),
    ("a: |\n  x\n\ty\n", [f"3:1: {TAB}"]),
    ("a:\n  - b\n c: 1\n", [f"3:2: {FIT}"]),
    ("a:\n  - b\n - c\n", [f"3:2: {FIT}"]),
    ("- a\nb: 1\n", [f"2:1: {FIT}"]),
    ('a: "x" y\n', [f"1:8: {FIT}"]),
    ("a: 1\n  b: 2\n", [f"2:4: {COLON}"]),
    ("a: note: this\n", [f"1:8: {COLON}"]),
    ("a: b\nname without colon\nc: d\n", ["2:1: expected 'key: value'; is a colon or a quote missing?"]),
    ("a: - b\n", ["1:4: a list begins on a line of its own"]),
    ("a: ? b\n", ["1:4: a text that begins with '? ' must be in quotes"]),
    ("a: [b, c\n", ["1:4: expected ',' or ']'; where does the list that begins here end?"]),
    ("a: {b: 1\nc: 2\n", ["1:4: expected ',' or '}'; where does the group that begins here end?"]),
    ("a: ]\n", ["1:4: a value is missing here"]),
    ("a: @home\n", ["1:4: a text that begins with @ must be in quotes"]),
    ("a: `x`\n", ["1:4: a text that begins with ` must be in quotes"]),
    ("a: %x\n", ["1:4: a text that begins with % must be in quotes"]),
    ("a: > x\n", ["1:4: after | or > the text begins on the next line"]),
    # quotes
    ("a: 'x\nb: 1\n", [f"1:4: {NEVER_CLOSED}"]),
    ('a: "x\n---\nb: 1\n', [f"1:4: {NEVER_CLOSED}"]),
    ('a: "C:\\dir"\n', [f"1:7: {BACKSLASH}"]),
    ('a: "\\xZZ"\n', [f"1:7: {BACKSLASH}"]),
    ('a: "\\ud800"\n', [f"1:7: {BACKSLASH}"]),
    # characters and encodings
    (b"b: 1\na: k\xfcrzer\n", [f"2:5: byte 0xFC is not UTF-8; {LATIN}, where this is 'ü'; save it as UTF-8"]),
    (b"a: \x93hi\x94\n", [f"1:4: byte 0x93 is not UTF-8; {LATIN}, where this is '“'; save it as UTF-8"]),
    (b"a: \x81\n", [f"1:4: byte 0x81 is not UTF-8; {LATIN}; save it as UTF-8"]),
    (b"\xc3\xa9: \xe2\x82\n", [f"1:4: byte 0xE2 is not UTF-8; {LATIN}, where this is 'â'; save it as UTF-8"]),
    ("name: José\n".encode("utf-16"), ["1:1: the file is written in UTF-16; save it as UTF-8"]),
    ("name: José\n".encode("utf-16-be"), ["1:1: the file is written in UTF-16; save it as UTF-8"]),
    ("name: José\n".encode("utf-16-le"), ["1:1: the file is written in UTF-16; save it as UTF-8"]),
    (b"name: a\x00b\n", ["1:8: a NUL byte, which no text has; the file is damaged, or not a text file"]),
    (
        "a: \x07\nb: \x1b[31m\n",
        [f"1:4: {invisible('U+0007 (control character)')}", f"2:4: {invisible('U+001B (control character)')}"],
    ),
    (
        "a: b\u2028c\r\nd: \x85\n",
        [f"1:5: {invisible('U+2028 (line separator)')}", f"2:4: {invisible('U+0085 (next line)')}"],
    ),
    ("a: b\ufeffc\n", [f"1:5: {invisible('U+FEFF (byte order mark)')}"]),
    ("a: \ud800\n", [f"1:4: {invisible('U+D800 (control character)')}"]),
    # sizes
    ("# " + "x" * 262_143, ["1:1: the file is too large: 257 KiB, at most 256 KiB are read"]),
    (b"x" * 10 * 1024 * 1024, ["1:1: the file is too large: 10,240 KiB, at most 256 KiB are read"]),
    ("a: " + "[" * 20 + "]" * 20, ["1:23: too deep: more than 20 groups within each other"]),
    ("- \n" * MAX_NODES, [f"{MAX_NODES}:2: the file is too large: more than 10,000 keys and values"]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), BAD, ids=range(len(BAD)))
def test_a_bad_file_is_refused_with_place_and_remedy(content, expected):
    assert problems(content) == expected


def test_all_problems_of_a_file_are_told_at_once_with_their_number():
    with pytest.raises(ProblemsFound) as caught:
        read_yaml("a: &x 1\na: 2\nb: {{ c }}\nd: [\n", path="workflows.d/x.yaml")

    assert str(caught.value) == (
        f"workflows.d/x.yaml:1:4: a: {ANCHOR}\n"
        "workflows.d/x.yaml:2:1: the key 'a' is given twice, in lines 1 and 2\n"
        f"workflows.d/x.yaml:3:4: b: a text that begins with {{{{ {QUOTE}\n"
        "workflows.d/x.yaml:5:1: a value is missing here\n"
        "4 errors in 1 file."
    )
    assert caught.value.exit_code is ExitCode.INVALID


def test_a_list_of_problems_that_nobody_would_read_is_cut_short():
    told = problems("- *a\n" * 500)

    assert len(told) == 101
    assert told[-1] == "101:3: there are more problems; mend those above first"


STEPS = """\
name: outreach
steps:
  - id: email1
    delay: 3 days
  - {id: sms, only_if: [a, b]}
  -
    type: end
"""


def test_every_key_and_value_has_its_line_and_column():
    source = read_yaml(STEPS, path="f.yaml")

    assert source.mark(()) == (1, 1)
    assert source.mark(("name",)) == (1, 7)
    assert source.key_mark(("name",)) == (1, 1)
    assert source.mark(("steps", 0)) == (3, 5)
    assert source.key_mark(("steps", 0, "delay")) == (4, 5)
    assert source.mark(("steps", 0, "delay")) == (4, 12)
    assert source.mark(("steps", 1)) == (5, 5)
    assert source.mark(("steps", 1, "only_if", 1)) == (5, 28)
    assert source.mark(("steps", 2)) == (7, 5)


def test_what_is_not_there_is_placed_at_what_should_hold_it():
    source = read_yaml(STEPS, path="f.yaml")

    assert source.mark(("steps", 1, "template_id")) == (5, 5)
    assert source.mark(("steps", 9, "retry", "max")) == source.mark(("steps",)) == (3, 3)
    assert source.key_mark(("steps", 1)) == (5, 5)
    assert source.mark(("nowhere",)) == (1, 1)


def test_a_problem_names_the_entry_of_a_list_by_its_id():
    source = read_yaml(STEPS, path="f.yaml")

    assert str(source.problem(("steps", 0, "delay"), "no")) == "f.yaml:4:12: steps[0] 'email1' delay: no"
    assert str(source.problem(("steps", 0, "delay"), "no", on_key=True)) == "f.yaml:4:5: steps[0] 'email1': no"
    assert str(source.problem(("steps", 2, "type"), "no", warning=True)) == "f.yaml:7:11: warning: steps[2].type: no"
    assert str(source.problem(("name",), "no", on_key=True)) == "f.yaml:1:1: no"


HOSTILE = {
    "alias bomb": "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n",
    "an alias of itself": "a: &a [*a, *a]\n",
    "10,000 brackets": "[" * 10_000,
    "250,000 brackets": "[" * 250_000,
    "braces": "{" * 250_000,
    "brackets on lines": "[\n" * 120_000,
    "placeholders": "a: " + "{{ x }} " * 30_000,
    "complex keys": "? " * 120_000,
    "repeated keys": "k: v\n" * 50_000,
    "a million keys": "".join(f"k{number}: v\n" for number in range(30_000)) * 33,
    "anchors": "- &a b\n" * 30_000,
    "aliases": "- *a\n" * 50_000,
    "tags": "- !a b\n" * 30_000,
    "tag directives": "".join(f"%TAG !a{number}! x\n" for number in range(15_000)),
    "10 MiB": "a: " + "x" * 10 * 1024 * 1024,
    "a long key": "a" * 250_000 + ": b",
    "a long tag": "a: !" + "a" * 250_000,
    "commas": "[a, " * 10 + "a," * 120_000,
    "tabs": "\ta: b\n" * 40_000,
    "controls": "\x01" * 260_000,
    "broken bytes": b"\xff" * 260_000,
    "a broken end": b"a\n" * 130_000 + b"\xff",
    "an open quote": "a: '" + "''" * 120_000,
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_within_a_tenth_of_a_second(content):
    def seconds() -> float:
        began = time.process_time()
        with pytest.raises(ProblemsFound):
            read_yaml(content, path="f.yaml")
        return time.process_time() - began

    traced = sys.gettrace() is not None  # measuring coverage makes Python several times slower
    assert min(seconds() for _ in range(3)) < (0.5 if traced else 0.1)


LIKELY = st.text(alphabet="ab10:-[]{}'\"#|>&*!%@?,.~<= \n\t\r\\", max_size=60)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200), LIKELY))
def test_whatever_is_read_gives_data_or_problems_and_nothing_else(content):
    try:
        told = read_yaml(content, path="f.yaml").data is not None
    except ProblemsFound as found:
        told = bool(found.problems) and all(min(problem.line, problem.column) >= 1 for problem in found.problems)
    assert told


@given(st.one_of(LIKELY, st.text(max_size=100)))
def test_it_reads_what_pyyaml_reads_apart_from_the_oddities_of_yaml_1_1(content):
    try:
        ours = read_yaml(content, path="f.yaml").data
        theirs = yaml.load(content, Loader=yaml.CSafeLoader)
    except (ProblemsFound, yaml.YAMLError, ValueError, OverflowError, TypeError):
        return  # refused by one of them; `2026-02-30` is a bare ValueError there
    assert_alike(ours, theirs)


def assert_alike(ours: Any, theirs: Any) -> None:
    """The same shape and the same values, except for text that YAML 1.1 takes for something else."""
    if isinstance(ours, dict) and all(isinstance(key, str) for key in theirs):
        assert list(ours) == list(theirs)
        for key in ours:
            assert_alike(ours[key], theirs[key])
    elif isinstance(ours, list):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_alike(one, other)
    elif not isinstance(ours, dict | str) or isinstance(theirs, str):
        assert (ours, type(ours)) == (theirs, type(theirs))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.one_of(st.integers(-(10**17), 10**17), st.integers(-(10**6), 10**6).map(lambda number: number / 8))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=15,
)


class WithoutAliases(yaml.SafeDumper):
    """Writes everything out."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_plain_data_comes_back_as_it_was_written(data):
    for flow in (False, True):
        written = yaml.dump(data, Dumper=WithoutAliases, default_flow_style=flow, sort_keys=False)
        assert read_yaml(written, path="f.yaml").data == data


WORDS = st.text("abcde", min_size=1, max_size=6)


@given(
    st.recursive(WORDS, lambda inner: st.one_of(st.lists(inner, min_size=1), st.dictionaries(WORDS, inner, min_size=1)))
)
def test_every_mark_points_at_what_it_names(data):
    text = yaml.safe_dump({"top": data}, width=1000)
    lines = text.splitlines()
    source = read_yaml(text, path="f.yaml")

    for loc, (line, column) in source.keys.items():
        assert lines[line - 1][column - 1 :].startswith(f"{loc[-1]}:")
    for loc, (line, column) in source.values.items():
        value = source.data
        for part in loc:
            value = value[part]
        if isinstance(value, str):
            assert lines[line - 1][column - 1 :] == value
