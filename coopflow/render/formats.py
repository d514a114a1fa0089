"""The data formats. JSON and JSONL lose nothing and are ASCII; TSV can be undone exactly; CSV is safe in a spreadsheet.

None of them can carry a control byte, an escape sequence or a change of writing direction to a terminal. In a CSV cell
line ends are LF; the other controls are spelled out.
"""

import csv
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import takewhile
from math import isfinite
from textwrap import indent
from typing import Any, TextIO

from coopflow.render.text import escaped, visible
from coopflow.render.values import Format
from coopflow.render.words import instant

_ACTING = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_HIDING = r"\xad\u200b\u2060-\u2064\ufeff\U000e0000-\U000e007f"  # without the joiners, which scripts and emoji need
_UNSAFE_IN_CSV = re.compile(f"[{_ACTING}]")
_UNSAFE_IN_TSV = re.compile(f"[{_ACTING}{_HIDING}\\t\\n\\\\]")
_BEGINS_A_FORMULA = frozenset("=+-@＝＋－＠")  # a Japanese Excel takes the wide ones too
_BEGINS_A_CELL_ANEW = frozenset("\t\r\n")

Row = Mapping[str, Any]


def write_rows(keys: Sequence[str], rows: Iterable[Row], *, format: Format, out: TextIO) -> None:  # noqa: A002
    """Write the rows in a data format, one at a time; every key is in every row."""
    if format is Format.json:
        _write_json(({key: row.get(key) for key in keys} for row in rows), out)
    elif format is Format.jsonl:
        out.writelines(compact({key: row.get(key) for key in keys}) + "\n" for row in rows)
    elif format is Format.csv:
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(map(_csv_cell, keys))
        writer.writerows([_csv_cell(row.get(key)) for key in keys] for row in rows)
    else:
        out.write("\t".join(map(_tsv_cell, keys)) + "\n")
        out.writelines("\t".join(_tsv_cell(row.get(key)) for key in keys) + "\n" for row in rows)


def write_document(data: Mapping[str, Any], *, format: Format, out: TextIO) -> None:  # noqa: A002
    """Write one document; where a format knows rows only, one row a leaf with the path to it."""
    if format is Format.json:
        out.write(_pretty(plain(data)) + "\n")
    elif format is Format.jsonl:
        out.write(compact(data) + "\n")
    elif format is Format.table:
        out.writelines(f"{visible(path)}: {visible(_text(value)) or '-'}\n" for path, value in _leaves("", plain(data)))
    else:
        rows = ({"path": path, "value": value} for path, value in _leaves("", plain(data)))
        write_rows(["path", "value"], rows, format=format, out=out)


def plain(value: Any) -> Any:
    """Return the value as JSON knows it: instants and dates as text, what is not a number as null."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if isfinite(value) else None
        case datetime():
            return instant(value)
        case date():
            return value.isoformat()
        case Mapping():
            return {str(key): plain(part) for key, part in value.items()}
        case list() | tuple():
            return [plain(part) for part in value]
    raise TypeError(f"a value of type {type(value).__name__} has no place in a sheet")


def compact(value: Any) -> str:
    """Return the value as JSON on one line, in ASCII."""
    return json.dumps(plain(value), allow_nan=False)


def _write_json(rows: Iterator[Row], out: TextIO) -> None:
    before = "[\n"
    for row in rows:
        out.write(before + indent(_pretty(plain(row)), "  "))
        before = ",\n"
    out.write("[]\n" if before == "[\n" else "\n]\n")


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, allow_nan=False)


def _tsv_cell(value: Any) -> str:
    text = _text(value)
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text  # as nearly all are: nothing needs to be looked for
    return _UNSAFE_IN_TSV.sub(lambda found: "\\\\" if found[0] == "\\" else escaped(found[0]), text)


def _csv_cell(value: Any) -> str:
    text = _text(value)
    if isinstance(value, int | float):
        return text
    text = _UNSAFE_IN_CSV.sub(lambda found: escaped(found[0]), text.replace("\r\n", "\n").replace("\r", "\n"))
    return f"'{text}" if _looks_like_a_formula(text) else text


def _looks_like_a_formula(text: str) -> bool:
    """Whether a spreadsheet may calculate it, blanks and unseen characters before it set aside."""
    if text[:1].isalnum():
        return False
    blanks = "".join(takewhile(lambda char: char.isspace() or unicodedata.category(char) == "Cf", text))
    return text[len(blanks) : len(blanks) + 1] in _BEGINS_A_FORMULA or not _BEGINS_A_CELL_ANEW.isdisjoint(blanks)


def _text(value: Any) -> str:
    """Return what stands in a cell: nothing for None, and else what JSON would write, text without its quotes."""
    if isinstance(value, str):
        return str(value)
    if value is None or (known := plain(value)) is None:
        return ""
    return known if isinstance(known, str) else json.dumps(known)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every leaf with the path to it: `running.0.family_id`."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if not parts or not value:
        yield path, value
        return
    for key, part in parts:
        yield from _leaves(f"{path}.{key}" if path else str(key), part)
