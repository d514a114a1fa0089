"""Tables for people, drawn by rich, which is loaded here and only when a table is drawn.

Every cell goes through `visible` and then into a `Text`: what comes from outside is never markup. Cells wrap and are
never cut. Where a table would not be readable the rows become `Title: value` lines.
"""

from __future__ import annotations  # rich's types are named below and loaded only where they are used

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from io import StringIO
from math import isfinite
from typing import TYPE_CHECKING, Any, TextIO

from coopflow.render.formats import compact
from coopflow.render.terminal import can_draw, wants_colour, width_of
from coopflow.render.text import visible
from coopflow.render.values import Column, Hint, Sheet
from coopflow.render.words import day, moment

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

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
_STYLE_OF_HINT = {Hint.PLAIN: "", Hint.STRONG: "bold", Hint.QUIET: "dim"}
_READABLE = 12  # columns of the screen in which a cell with long words is still pleasant to read
_GAP = 2  # blanks between two columns
_NOTHING = "-"


def write_table(
    sheet: Sheet, *, out: TextIO, tz: tzinfo, now: datetime, width: int | None, colour: bool | None
) -> None:
    """Write the sheet for a person: its title and a table or cards, or the sentence that there is nothing."""
    cells = [[_words(row.get(column.key), column, tz, now) for column in sheet.columns] for row in sheet.rows]
    if not cells:
        out.write(f"{visible(sheet.empty)}\n")
        return
    width = width or width_of(out)
    widths = _widths(sheet.columns, cells, width)
    as_cards = sheet.card or widths is None
    body = _cards(sheet.columns, cells) if as_cards else [_table(sheet.columns, cells, widths, out)]
    heading = [styled(sheet.title, "bold"), styled("")] if sheet.title else []
    out.write(drawn([*heading, *body], width=width, colour=wants_colour(out) if colour is None else colour))


def drawn(parts: Sequence[RenderableType], *, width: int, colour: bool) -> str:
    """Return the parts as rich draws them one below the other, without blanks at the ends of lines."""
    paper = StringIO()
    pen = console(paper, width, colour=colour)
    for part in parts:
        pen.print(part, overflow="fold")
    return "".join(f"{line.rstrip()}\n" for line in paper.getvalue().splitlines())


def folded(text: str, width: int) -> list[str]:
    """Return the text in lines of at most that many columns, broken between words where it can be."""
    lines = styled(text).wrap(console(StringIO(), width, colour=False), width, overflow="fold")
    return [line.plain.rstrip() for line in lines]


def style_of_state(word: str) -> str:
    """Return the colour that goes with the word of a state; none for a word without one."""
    return _STYLE_OF_STATE.get(word, "")


def styled(text: str, style: str = "") -> Text:
    """Return text from anywhere, made visible, as something that rich takes literally."""
    from rich.text import Text

    return Text(visible(text), style=style)


def console(out: TextIO, width: int, *, colour: bool) -> Console:
    """Return rich's console with all that it would guess or interpret switched off."""
    from rich.console import Console

    return Console(
        file=out,
        width=width,
        height=25,
        force_terminal=True,  # whether it is one has been asked before
        color_system="standard" if colour else None,  # None also leaves out bold, which NO_COLOR would not
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
    )


def _table(
    columns: Sequence[Column], cells: Sequence[Sequence[str]], widths: Sequence[int] | None, out: TextIO
) -> Table:
    from rich.box import Box
    from rich.table import Table

    rule = "─" if can_draw(out) else "-"
    box = Box(f"    \n    \n {rule}{rule} \n    \n    \n    \n    \n    \n")
    table = Table(box=box, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0), header_style="bold")
    for column, width in zip(columns, widths or (), strict=True):
        table.add_column(styled(column.title), justify=column.justify, width=width, overflow="fold")
    for row in cells:
        table.add_row(*(styled(cell, _style(cell, column)) for cell, column in zip(row, columns, strict=True)))
    return table


def _cards(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> Iterator[RenderableType]:
    """Yield the lines of every row, a blank line between two rows."""
    for number, row in enumerate(cells):
        if number:
            yield styled("")
        for cell, column in zip(row, columns, strict=True):
            yield styled(f"{column.title}: ").append_text(styled(cell, _style(cell, column)))


def _widths(columns: Sequence[Column], cells: Sequence[Sequence[str]], width: int) -> list[int] | None:
    """How wide each column is: as it likes if there is room, else the widest give way; None: words would break."""
    from rich.cells import cell_len

    texts = [[column.title, *(row[place] for row in cells)] for place, column in enumerate(columns)]
    likes = [
        max(column.min_width, *(cell_len(visible(text)) for text in texts[place]))
        for place, column in enumerate(columns)
    ]
    least = [max(column.min_width, *map(_longest_word, texts[place])) for place, column in enumerate(columns)]
    too_much = sum(likes) + _GAP * (len(likes) - 1) - width
    while too_much > 0:
        widest = max(range(len(likes)), key=lambda place: likes[place] - least[place])
        if likes[widest] == least[widest]:
            return None
        likes[widest] -= 1
        too_much -= 1
    return likes


def _longest_word(text: str) -> int:
    from rich.cells import cell_len

    return min(_READABLE, max(map(cell_len, visible(text).split()), default=0))


def _style(cell: str, column: Column) -> str:
    return style_of_state(cell) if column.style is Hint.STATE else _STYLE_OF_HINT[column.style]


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
            return compact(value)
    return str(value)


def _flat(parts: Iterable[Any]) -> bool:
    return not any(isinstance(part, list | tuple | Mapping) for part in parts)
