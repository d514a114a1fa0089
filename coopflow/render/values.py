"""What is shown, as values: rows and columns, and the names of the formats."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct


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


class Column(Struct, frozen=True):
    """One column: the key is the name in every data format, the rest is for the screen only."""

    key: str
    title: str
    justify: Literal["left", "right", "center"] = "left"
    min_width: int = 0
    style: Hint = Hint.PLAIN
    show: Callable[[Any], str] | None = None  # words for a value that is not None, on the screen only


class Sheet(Struct, frozen=True):
    """What a command shows. Values are str, int, float, bool, None, datetime, date, and lists and mappings of these."""

    columns: Sequence[Column]
    rows: Iterable[Mapping[str, Any]]  # read once, row by row, by every format but the table
    title: str | None = None
    empty: str = "Nothing to show."  # the sentence on the screen when there are no rows
    card: bool = False  # on the screen always as `Title: value` lines, for one thing in detail
