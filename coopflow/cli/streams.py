"""Where records come from and where what became of them goes: a file or the standard input, and the standard output."""

import gc
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from msgspec.structs import replace

from coopflow.errors import Invalid, NotFound, Usage

if TYPE_CHECKING:
    from coopflow.cli.session import Session
    from coopflow.intake.formats import Records
    from coopflow.render import Format, Sheet

Item = TypeVar("Item")

STDIN = "<stdin>"
CYCLES_AFTER = 50_000  # objects; records make none, and a look for them after each 700 takes a tenth of the time


@contextmanager
def opened(file: str | None, *, example: str) -> Iterator[tuple[str, BinaryIO]]:
    """The name for messages and the bytes; `-` or nothing is the standard input, into which something must be piped."""
    gc.set_threshold(CYCLES_AFTER)
    if file in (None, "-"):
        if sys.stdin is None or (file is None and sys.stdin.isatty()):
            raise Usage(f"nothing is piped in and no file is named; for example: {example}")
        yield STDIN, sys.stdin.buffer
        return
    with _file(str(file)) as stream:
        yield str(file), stream


def read_watched(
    session: "Session", stream: BinaryIO, source: str, words: str, shown: "Format | None" = None
) -> "Records":
    """The records of a stream; who waits at a terminal sees how many have been read, unless rows appear there."""
    from coopflow.intake.formats import read_records
    from coopflow.render import Format

    records = read_records(stream, source)
    if session.out.isatty() and shown not in (None, Format.table):
        return records
    return replace(records, found=iter(watched(records.found, None, words)))


def watched(items: Iterable[Item], total: int | None, words: str) -> Iterable[Item]:
    """The same items, with a bar for who waits at a terminal."""
    from coopflow.render import progress

    return progress(items, total, words, sys.stderr)


def show_to_the_end(session: "Session", sheet: "Sheet", shown: "Format | None") -> None:
    """Show the rows as they come about. When whoever reads them has stopped, the rest is done all the same."""
    rows = iter(sheet.rows)
    try:
        session.show(sheet, shown)
        session.out.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), session.out.fileno())
        for _ in rows:
            pass


def _file(path: str) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except OSError as problem:
        raise Invalid(f"{path} cannot be read: {os.strerror(problem.errno or 0)}") from None
