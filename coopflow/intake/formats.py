"""Records as they come in: JSONL, a JSON array or CSV, told apart by how they begin and read one at a time.

A record that cannot be read is handed on as what is wrong with it: whoever reads decides whether the rest goes on.
"""

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple, TypeAlias

from msgspec import Struct

from coopflow.errors import Invalid
from coopflow.intake.csv_text import CsvText
from coopflow.intake.json_text import NotJson, StrictJson
from coopflow.intake.lines import LINE_LIMIT, Lines
from coopflow.intake.unfit import Unfit, described


class Kind(StrEnum):
    """How records are written."""

    JSONL = "jsonl"  # one object on each line
    ARRAY = "json"  # one list of objects, over any number of lines
    CSV = "csv"  # comma-separated, with a header


class Record(NamedTuple):
    """One record: the line where it begins and what it says. From CSV every value is text."""

    line: int
    fields: Mapping[str, Any]


class BadRecord(NamedTuple):
    """What cannot be read, or not be taken."""

    line: int
    problems: Sequence[Unfit]
    known: Mapping[str, Any] = MappingProxyType({})  # the fields that can be read all the same


Found: TypeAlias = Record | BadRecord

_OBJECT = re.compile(rb'\s*\{\s*"')  # no program writes this at the beginning of a row of CSV: it would quote the cell


class Records(Struct, frozen=True):
    """The records of one source, to be read once."""

    name: str  # of the source, for messages
    kind: Kind
    columns: Sequence[str] | None  # of CSV
    found: Iterator[Found]


def read_records(stream: BinaryIO, name: str) -> Records:
    """Tell the format and begin to read; raise Invalid where nothing can be read at all."""
    lines = Lines(stream)
    try:
        start = lines.look_ahead(2)
    except Unfit as problem:
        raise Invalid(f"{name}: {problem.sentence}") from None
    kind = _kind(start)
    if kind is Kind.CSV:
        table = CsvText(lines, name=name)
        return Records(name, kind, table.columns, _from_csv(table))
    if kind is Kind.ARRAY:
        return Records(name, kind, None, _from_array(_Window(lines)))
    if len(start) > 1 and start[0].strip() == b"{":
        raise Invalid(f"{name}:1: each record must stand on a line of its own, or all of them in one list [ … ]")
    return Records(name, kind, None, _from_lines(lines))


def _kind(start: Sequence[bytes]) -> Kind:
    """One line before the first object may be anything: a half line, or a word of the program that writes them."""
    first = start[0].lstrip()[:1] if start else b"{"
    if first == b"[":
        return Kind.ARRAY
    return Kind.JSONL if first == b"{" or any(map(_OBJECT.match, start[1:])) else Kind.CSV


def _from_csv(table: CsvText) -> Iterator[Found]:
    for line, row in table.records():
        yield BadRecord(line, (row,)) if isinstance(row, Unfit) else Record(line, row)


# -- JSONL --------------------------------------------------------------------------------------------------------


def _from_lines(lines: Lines) -> Iterator[Found]:
    reader = StrictJson()
    while True:
        try:
            line = next(lines)
            if line.isspace():
                continue
            yield Record(lines.number, _object(reader.read(line.decode("utf-8", "surrogateescape").rstrip("\r\n"))))
        except StopIteration:
            return
        except NotJson as problem:
            whole = line.endswith(b"\n")
            yield BadRecord(lines.number, (problem if whole else Unfit("the line is cut off"),))
        except Unfit as problem:
            yield BadRecord(lines.number, (problem,))


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unfit("is not an object, as in {…}", found=described(value))
    return value


# -- a JSON array -------------------------------------------------------------------------------------------------


def _from_array(window: "_Window") -> Iterator[Found]:
    """The objects of a list. Where its grammar is broken it ends: nobody can tell where the next object begins."""
    reader = StrictJson()
    window.take("[")
    try:
        if not window.take("]"):
            yield window.record(reader)
            while window.take(","):
                yield window.record(reader)
            window.require_close()
        window.require_end()
    except Unfit as problem:
        yield BadRecord(window.line, (problem,))


class _Window:
    """A text of which always enough is in sight for one record."""

    _BLANKS = re.compile(r"[ \t\r\n]*")

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self._text = ""
        self._at = 0
        self._ended = False
        self.line = 1

    def take(self, sign: str) -> bool:
        """Step over the sign, if it is what comes next but for blanks."""
        self._look()
        found = self._text.startswith(sign, self._at)
        self._at += len(sign) if found else 0
        return found

    def require_close(self) -> None:
        """Step over the end of the list, or raise Unfit."""
        if not self.take("]"):
            raise self._lost("it is not JSON: expected ',' or ']'")

    def require_end(self) -> None:
        """Raise Unfit unless nothing but blanks is left."""
        self._look()
        if self._at != len(self._text):
            raise Unfit("something follows the end of the list")

    def record(self, reader: StrictJson) -> Found:
        """Read the next value; raise Unfit if its end cannot be told."""
        self._look()
        line, begin = self.line, self._at
        try:
            value, end = reader.read_at(self._text, begin)
        except Unfit as problem:
            too_long = isinstance(problem, NotJson) and problem.cut
            limit = f"the record is longer than {LINE_LIMIT // 1024} KiB, or " if too_long else ""
            raise self._lost(f"{limit}{problem.reason}") from None
        self._step_to(end)
        if end - begin > LINE_LIMIT:
            return BadRecord(line, (Unfit(f"the record is longer than {LINE_LIMIT // 1024} KiB"),))
        if reader.problems:
            return BadRecord(line, reader.problems)
        try:
            return Record(line, _object(value))
        except Unfit as problem:
            return BadRecord(line, (problem,))

    def _lost(self, reason: str) -> Unfit:
        if self._ended and not self._text[self._at :].rstrip().endswith("]"):
            reason = "the list is cut off"
        return Unfit(f"{reason}; what follows cannot be read")

    def _look(self) -> None:
        """Step over blanks, and get more text into sight until there is enough."""
        while True:
            found = self._BLANKS.match(self._text, self._at)
            self._step_to(found.end() if found else self._at)
            if self._ended or len(self._text) - self._at > LINE_LIMIT:
                return
            piece = self._lines.rest()
            self._ended = not piece
            self._text, self._at = self._text[self._at :] + self._decode(piece, final=not piece), 0

    def _step_to(self, at: int) -> None:
        self.line += self._text.count("\n", self._at, at)
        self._at = at
