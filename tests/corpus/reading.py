"""Bad inputs as plain text, each with what is said of it, so that they can be read and added to without knowing Python.

The first line of a file says what its cases are given to. Cases are divided by an empty line; with `a case a line` each
line is one. Lines that begin with `> ` are what is said, word for word. A line that begins with `% ` holds escapes such
as \\x1b or \\xff, and one that is a dot alone is an empty line. `python -m tests.corpus` writes what is said anew:
look at the difference as the person would who has to understand it.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "bad"


@dataclass(frozen=True)
class Case:
    """One bad input."""

    lines: tuple[str, ...]
    said: tuple[str, ...]

    @property
    def content(self) -> bytes:
        """What is given."""
        return b"".join(map(_line, self.lines))

    @property
    def title(self) -> str:
        """What it is called in a report."""
        return " | ".join(self.lines)[:80]


@dataclass(frozen=True)
class Corpus:
    """The cases of one file."""

    path: Path
    subject: str
    by_line: bool
    head: tuple[str, ...]
    cases: tuple[Case, ...]


def read(path: Path) -> Corpus:
    """One file."""
    lines = path.read_text(encoding="utf-8").split("\n")
    head = tuple(line for line in lines[:5] if line.startswith("#"))
    subject, _, how = head[0].removeprefix("#! ").partition(", ")
    rest = lines[len(head) :]
    return Corpus(path, subject, bool(how), head, tuple(_cases(rest, by_line=bool(how))))


def everything() -> list[Corpus]:
    """All files."""
    return [read(path) for path in sorted(FOLDER.glob("*.txt"))]


def _cases(lines: list[str], *, by_line: bool) -> Iterator[Case]:
    given: list[str] = []
    said: list[str] = []
    for line in [*lines, ""]:
        ended = line == "" or (by_line and not line.startswith("> ") and bool(given))
        if ended and given:
            yield Case(tuple(given), tuple(said))
            given, said = [], []
        if line.startswith("> "):
            said.append(line[2:])
        elif line:
            given.append(line)


def _line(line: str) -> bytes:
    if line == ".":
        return b"\n"
    if line.startswith("% "):
        decoded, _ = codecs.escape_decode(line[2:].encode())  # type: ignore[attr-defined]
        return bytes(decoded)
    return f"{line}\n".encode()


def written(corpus: Corpus, said: list[list[str]]) -> str:
    """The file with other words for what is said."""
    blocks = [
        "\n".join([*case.lines, *(f"> {line}" for line in lines)])
        for case, lines in zip(corpus.cases, said, strict=True)
    ]
    between = "\n" if corpus.by_line else "\n\n"
    return "\n".join(corpus.head) + ("\n" if corpus.by_line else "\n\n") + between.join(blocks) + "\n"
