"""Text from outside, made safe to look at: what would move the cursor, turn the line round or hide is spelled out."""

import unicodedata
from itertools import groupby

LONGEST_LINE = 4000  # characters of one message; a pasted novel must not fill cron's mail
MARKS_IN_A_ROW = 6  # no script stacks more on one letter; a terminal draws a longer run over its neighbours

_ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # controls, format characters, lone surrogates, line separators
_UNSEEN = frozenset(  # letters, marks and free code points that draw nothing
    [*"\u034f\u115f\u1160\u17b4\u17b5\u2065\u3164\uffa0"]
    + [chr(code) for code in (*range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE0100), *range(0xE01F0, 0xE1000))]
)
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def visible(text: str) -> str:
    """Return the text on one line with everything that acts or hides spelled out; letters of all scripts stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _bounded("".join(run)) if marks else "".join(map(_shown, run)) for marks, run in groupby(text, _mark)
    )


def safe_line(text: str) -> str:
    """Return the text as one line of a message: visible, without blank ends, of bounded length."""
    line = visible(text.strip())
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[:LONGEST_LINE]}… ({len(line) - LONGEST_LINE} more characters)"


def escaped(char: str) -> str:
    r"""Spell one character out as `\n`, `\x1b`, `\u202e` or `\U000e0041`."""
    if char in _SHORT:
        return _SHORT[char]
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _shown(char: str) -> str:
    return escaped(char) if char in _UNSEEN or unicodedata.category(char) in _ACTING else char


def _mark(char: str) -> bool:
    """Whether it is drawn onto the letter before it: combining marks, and the vowels and finals of Hangul."""
    joins = unicodedata.category(char).startswith("M") or "\u1160" <= char <= "\u11ff" or "\ud7b0" <= char <= "\ud7fb"
    return joins and char not in _UNSEEN


def _bounded(marks: str) -> str:
    more = len(marks) - MARKS_IN_A_ROW
    return marks if more <= 0 else f"{marks[:MARKS_IN_A_ROW]}(+{more} marks)"
