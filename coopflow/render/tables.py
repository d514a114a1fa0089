"""Tables for people.

Every cell goes through `visible`: what comes from outside never acts. Cells wrap and are never cut. Where a table would
not be readable the rows become `Title: value` lines.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from itertools import zip_longest
from math import isfinite
from typing import Any, TextIO

from coopflow.render.lines import columns_of, filled, folded, painted
from coopflow.render.terminal import can_draw, wants_colour, width_of
from coopflow.render.text import visible
from coopflow.render.values import Column, Hint, Sheet
from coopflow.render.words import day, moment

Paint = Callable[[str, str | None], str]  # text in a style

_STYLE_OF_STATE = {
    "completed": "green",
    "done": "green",
    "success": "green",
    "running": "cyan",
    "planned": "dim",
    "paused": "yellow",
    "overdue": "yellow",
    "in doubt": "yellow",
    "failed": "red",
}
_STYLE_OF_HINT = {Hint.STRONG: "bold", Hint.QUIET: "dim"}
_READABLE = 12  # columns of the screen in which a cell with long words is still pleasant to read
_GAP = 2  # blanks between two columns
_NOTHING = "-"


def write_table(
    sheet: Sheet, *, out: TextIO, tz: tzinfo, now: datetime, width: int | None, colour: bool | None
) -> None:
    """Write the sheet for a person: its title and a table or cards, or the sentence that there is nothing."""
    cells = [[visible(_words(row.get(column.key), column, tz, now)) for column in sheet.columns] for row in sheet.rows]
    if not cells:
        out.write(f"{visible(sheet.empty)}\n")
        return
    width = width or width_of(out)
    paint = painted if (wants_colour(out) if colour is None else colour) else _plain
    titles = [visible(column.title) for column in sheet.columns]
    widths = None if sheet.card else _widths(sheet.columns, [titles, *cells], width)
    if sheet.title:
        out.writelines(f"{paint(line, 'bold')}\n" for line in (*folded(visible(sheet.title), width), ""))
    if widths is None:
        lines = _cards(sheet.columns, titles, cells, width, paint)
    else:
        lines = _table(sheet.columns, titles, cells, widths, paint, rule="─" if can_draw(out) else "-")
    out.writelines(f"{line.rstrip()}\n" for line in lines)


def style_of_state(word: str) -> str | None:
    """Return the colour that goes with the word of a state; none for a word without one."""
    return _STYLE_OF_STATE.get(word)


def _table(
    columns: Sequence[Column],
    titles: Sequence[str],
    cells: Sequence[Sequence[str]],
    widths: Sequence[int],
    paint: Paint,
    *,
    rule: str,
) -> Iterator[str]:
    """Yield the lines of a table: its titles, the rule under them, and every row."""
    heads = list(map(folded, titles, widths))
    tall = max(map(len, heads))
    on_the_rule = [[""] * (tall - len(head)) + head for head in heads]
    yield from _row(columns, on_the_rule, widths, ["bold"] * len(columns), paint)
    yield rule * (sum(widths) + _GAP * (len(widths) - 1))
    for row in cells:
        yield from _row(columns, list(map(folded, row, widths)), widths, list(map(_style, row, columns)), paint)


def _row(
    columns: Sequence[Column],
    cells: Sequence[Sequence[str]],
    widths: Sequence[int],
    styles: Sequence[str | None],
    paint: Paint,
) -> Iterator[str]:
    """Yield the lines of one row, as many as its tallest cell has."""
    for texts in zip_longest(*cells, fillvalue=""):
        parts = list[str]()
        for text, column, width, style in zip(texts, columns, widths, styles, strict=True):
            before, behind = filled(text, width, column.justify)
            parts.append(f"{before}{paint(text, style)}{behind}")
        yield (" " * _GAP).join(parts)


def _cards(
    columns: Sequence[Column], titles: Sequence[str], cells: Sequence[Sequence[str]], width: int, paint: Paint
) -> Iterator[str]:
    """Yield the lines of every row, a blank line between two rows."""
    for number, row in enumerate(cells):
        if number:
            yield ""
        for column, title, cell in zip(columns, titles, row, strict=True):
            before, style = len(title) + len(": "), _style(cell, column)
            first, *others = folded(f"{title}: {cell}", width)
            yield first[:before] + paint(first[before:], style)
            yield from (paint(line, style) for line in others)


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[int] | None:
    """How wide each column is: as it likes if there is room, else the widest give way; None: words would break."""
    texts = list(zip(*rows, strict=True))
    likes = [max(column.min_width, *map(columns_of, found)) for column, found in zip(columns, texts, strict=True)]
    least = [max(column.min_width, *map(_longest_word, found)) for column, found in zip(columns, texts, strict=True)]
    too_much = sum(likes) + _GAP * (len(likes) - 1) - width
    while too_much > 0:
        widest = max(range(len(likes)), key=lambda place: likes[place] - least[place])
        if likes[widest] == least[widest]:
            return None
        likes[widest] -= 1
        too_much -= 1
    return likes


def _longest_word(text: str) -> int:
    return min(_READABLE, max(map(columns_of, text.split()), default=0))


def _style(cell: str, column: Column) -> str | None:
    return style_of_state(cell) if column.style is Hint.STATE else _STYLE_OF_HINT.get(column.style)


def _plain(text: str, _: str | None) -> str:
    return text


def _words(value: Any, column: Column, tz: tzinfo, now: datetime) -> str:
    """Return the value as a person reads it."""
    if value is not None and column.show is not None:
        return column.show(value)
    match value:
        case None | "":
            return _NOTHING
        case bool():
            return "yes" if value else "no"
        case float():
            return repr(round(value, 4)).removesuffix(".0") if isfinite(value) else _NOTHING
        case datetime():
            return moment(value, tz, now)
        case date():
            return day(value, now.astimezone(tz).date())
        case list() | tuple() if _flat(value):
            return ", ".join(_words(part, column, tz, now) for part in value) or _NOTHING
        case Mapping() if _flat(value.values()):
            return ", ".join(f"{key}: {_words(part, column, tz, now)}" for key, part in value.items()) or _NOTHING
        case list() | tuple() | Mapping():
            from coopflow.render.formats import compact

            return compact(value)
    return str(value)


def _flat(parts: Iterable[Any]) -> bool:
    return not any(isinstance(part, list | tuple | Mapping) for part in parts)
