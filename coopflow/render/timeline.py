"""What happened to one instance and what will, as a vertical line: one glyph and one word a state."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import TextIO

from msgspec import Struct

from coopflow.render.terminal import can_draw, can_move, forgiving, wants_colour, width_of
from coopflow.render.text import visible
from coopflow.render.words import moment

GLYPHS = {  # the word of a state: its glyph, and the one for terminals that know ASCII only
    "completed": ("✓", "+"),
    "done": ("✓", "+"),
    "success": ("✓", "+"),
    "running": ("●", "*"),
    "waiting": ("●", "*"),
    "pending": ("○", "o"),
    "planned": ("○", "o"),
    "paused": ("‖", "="),
    "in doubt": ("?", "?"),
    "failed": ("✗", "x"),
    "skipped": ("↷", ">"),
    "cancelled": ("⊘", "/"),
    "withdrawn": ("⊘", "/"),
}
_ANY_OTHER = ("·", ".")


class TimelineEntry(Struct, frozen=True, kw_only=True):
    """One thing that happened or is planned; a glyph of its own only if the word has none."""

    at: datetime | None  # None: nobody can know yet
    status: str
    title: str
    detail: Sequence[str] = ()
    planned: bool = False
    glyph: str | None = None


def timeline(
    entries: Sequence[TimelineEntry],
    *,
    out: TextIO,
    tz: tzinfo,
    now: datetime,
    width: int | None = None,
    colour: bool | None = None,
) -> None:
    """Write the entries from top to bottom; plain lines, with neither glyph nor colour, where no terminal is."""
    forgiving(out)
    whens = ["later" if entry.at is None else moment(entry.at, tz, now) for entry in entries]
    wide = max((len(visible(entry.status)) for entry in entries), default=0), max(map(len, whens), default=0)
    for entry, when in zip(entries, whens, strict=True):
        head = [visible(entry.status).ljust(wide[0]), when.ljust(wide[1]), visible(entry.title)]
        detail = [visible(line) for line in entry.detail]
        if can_move(out):
            paint = wants_colour(out) if colour is None else colour
            out.write(_hung(entry, head, detail, drawing=can_draw(out), width=width or width_of(out), colour=paint))
        else:
            out.writelines(f"{line}\n" for line in ["  ".join(head), *(f"    {line}" for line in detail)])


def _hung(entry: TimelineEntry, head: list[str], detail: list[str], *, drawing: bool, width: int, colour: bool) -> str:
    """Return one entry on the vertical line: its glyph first, then the line down to the next entry."""
    from coopflow.render.lines import folded, painted
    from coopflow.render.tables import style_of_state

    room = max(width - 6, 1)  # the glyph or the line, a blank, and for details four more
    one_line = "  ".join(head)
    fits = len(folded(one_line, room + 4)) == 1
    lines = [line for text in ([one_line] if fits else head) for line in folded(text, room + 4)]
    lines += [f"    {line}" for text in detail for line in folded(text, room)]
    glyph = visible(entry.glyph or GLYPHS.get(entry.status, _ANY_OTHER)[0 if drawing else 1])
    down = ("┊" if entry.planned else "│") if drawing else (":" if entry.planned else "|")
    style = style_of_state(entry.status) if colour else None
    first = f"{painted(glyph, style)} {lines[0]}"
    return "".join(f"{line.rstrip()}\n" for line in (first, *(f"{down} {line}" for line in lines[1:])))
