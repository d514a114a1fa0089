"""Text on lines of so many columns: folded, filled up and coloured. Widths are rich's, which knows wide letters.

Of rich only these widths are loaded: its own tables take as long to load as the whole question to the database.
"""

import re
from typing import Literal

from rich.cells import cell_len, chop_cells

_WORD = re.compile(r"\s*\S+\s*")  # with the blanks around it
_CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "cyan": 36}


def columns_of(text: str) -> int:
    """How many columns of the screen the text takes; it is `visible` already."""
    return cell_len(text)


def folded(text: str, width: int) -> list[str]:
    """Return the text in lines of at most that many columns, broken between words where it can be."""
    if cell_len(text) <= width:
        return [text.rstrip()]
    lines, line = list[str](), ""
    for word in _WORD.findall(text):
        if cell_len(line + word.rstrip()) <= width:
            line += word
            continue
        *full, line = [line, *_parts(word, width)]
        lines += full
    return [line.rstrip() for line in (*lines, line) if line] or [""]


def filled(text: str, width: int, justify: Literal["left", "right", "center"]) -> tuple[str, str]:
    """Return the blanks that make the text as wide as a column, before it and behind it."""
    blanks = max(width - cell_len(text), 0)
    before = {"left": 0, "center": blanks // 2, "right": blanks}[justify]
    return " " * before, " " * (blanks - before)


def painted(text: str, style: str | None) -> str:
    """Return the text in a colour, or bold or dim; as it is without one."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if style and text else text


def _parts(word: str, width: int) -> list[str]:
    """Return a word in parts that fit; the last one keeps the blanks behind the word."""
    bare = word.rstrip()
    if cell_len(bare) <= width:
        return [word]
    *full, last = chop_cells(bare, width)
    return [*full, last + word[len(bare) :]]
