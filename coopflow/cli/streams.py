"""Where records come from and where what became of them goes: a file or the standard input, and the standard output."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from coopflow.errors import Invalid, NotFound, Usage

if TYPE_CHECKING:
    from coopflow.cli.session import Session
    from coopflow.render import Format, Sheet

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
