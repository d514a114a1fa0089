"""Rows and columns as plain values, and the one function that shows them in the format asked for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any, Literal, TextIO

from coopflow.render.terminal import forgiving, on_terminal


class Format(StrEnum):
    """The formats of `--format`; their names are a contract."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    tsv = "tsv"


class Hint(StrEnum):
    """How a column looks where colour is wanted; the words say the same without it."""

    PLAIN = "plain"
    STRONG = "strong"
    QUIET = "quiet"
    STATE = "state"  # coloured by the word in the cell: failed, paused, completed …


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the key is the name in every data format, the rest is for the screen only."""

    key: str
    title: str
    justify: Literal["left", "right", "center"] = "left"
    min_width: int = 0
    style: Hint = Hint.PLAIN
    show: Callable[[Any], str] | None = None  # words for a value that is not None, on the screen only


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a command shows. Values are str, int, float, bool, None, datetime, date, and lists and mappings of these."""

    columns: Sequence[Column]
    rows: Iterable[Mapping[str, Any]]  # read once, row by row, by every format but the table
    title: str | None = None
    empty: str = "Nothing to show."  # the sentence on the screen when there are no rows
    card: bool = False  # on the screen always as `Title: value` lines, for one thing in detail


def default_format(out: TextIO) -> Format:
    """Return what suits the reader: a table for a person, TSV for a program."""
    return Format.table if on_terminal(out) else Format.tsv


def show_sheet(
    sheet: Sheet,
    *,
    format: Format,  # noqa: A002 - the word of the command line
    out: TextIO,
    tz: tzinfo,
    now: datetime,
    width: int | None = None,
    colour: bool | None = None,
) -> None:
    """Write the sheet to `out`. Width and colour matter to the table only; None: what the terminal says."""
    forgiving(out)
    if format is Format.table:
        from coopflow.render.tables import write_table

        write_table(sheet, out=out, tz=tz, now=now, width=width, colour=colour)
        return
    from coopflow.render.formats import write_rows

    write_rows([column.key for column in sheet.columns], sheet.rows, format=format, out=out)


def show_document(data: Mapping[str, Any], *, format: Format, out: TextIO) -> None:  # noqa: A002
    """Write one document of several parts: JSON as it is, every other format as one `path`, `value` row a leaf."""
    from coopflow.render.formats import write_document

    write_document(data, format=format, out=forgiving(out))
