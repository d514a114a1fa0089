"""What the other end can show: is it a terminal, how wide, does it want colour, can it draw."""

import os
from typing import TextIO

WIDTH_UNKNOWN = 100  # columns of a table that was asked for where no terminal is


def on_terminal(out: TextIO) -> bool:
    """Whether a person is looking; no for a pipe, a file and a closed stream."""
    return not out.closed and out.isatty()


def wants_colour(out: TextIO) -> bool:
    """Whether colour may be used: a terminal that is not dumb, and nobody said no in the environment."""
    refused = os.environ.get("NO_COLOR") or os.environ.get("COOPFLOW_NO_COLOR")
    return can_move(out) and not refused


def can_move(out: TextIO) -> bool:
    """Whether escape sequences do what they should there."""
    return on_terminal(out) and os.environ.get("TERM") != "dumb"


def can_draw(out: TextIO) -> bool:
    """Whether lines and glyphs beyond ASCII may be drawn there."""
    return can_move(out) and (out.encoding or "").lower().startswith("utf")


def width_of(out: TextIO) -> int:
    """Return the number of columns: `COLUMNS` if set, else what the terminal says."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    try:
        return os.get_terminal_size(out.fileno()).columns or WIDTH_UNKNOWN
    except (OSError, ValueError):  # not a terminal, or not even a file
        return WIDTH_UNKNOWN


def forgiving(out: TextIO) -> TextIO:
    """Return the stream, told to spell out what its encoding lacks instead of ending the command."""
    reconfigure = getattr(out, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    return out
