"""Talk on stderr: messages of one safe line each, and a bar when something takes long."""

from __future__ import annotations  # rich's types are named below and loaded only where they are used

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TextIO, TypeVar

from coopflow.render.terminal import can_move, forgiving, wants_colour, width_of
from coopflow.render.text import safe_line, visible

if TYPE_CHECKING:
    from rich.progress import Progress

Item = TypeVar("Item")

PATIENCE = 2.0  # seconds that people wait without asking themselves whether anything happens
_REDRAW_EVERY = 0.1  # seconds


def say(*lines: str, stderr: TextIO | None = None) -> None:
    """Write each line as one line, whatever is in it, to the stream or else to the standard error of the process."""
    stream = stderr or sys.stderr
    if stream is None or stream.closed:  # a process may be started without one
        return
    forgiving(stream).writelines(f"{safe_line(line)}\n" for line in lines)
    stream.flush()


def progress(
    items: Iterable[Item],
    total: int,
    description: str,
    stderr: TextIO,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Item]:
    """Yield the items; on a terminal a bar appears when it takes longer than two seconds, and goes when all is done."""
    if not can_move(stderr):
        yield from items
        return
    bar: Progress | None = None
    redraw_at = clock() + PATIENCE
    try:
        for done, item in enumerate(items, start=1):
            yield item
            if (reached := clock()) >= redraw_at:
                bar = bar or _bar(description, total, forgiving(stderr))
                bar.update(bar.task_ids[0], completed=done, refresh=True)
                redraw_at = reached + _REDRAW_EVERY
    finally:
        if bar is not None:
            bar.stop()


def _bar(description: str, total: int, stderr: TextIO) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from coopflow.render.tables import console

    words = TextColumn("{task.description}", markup=False)
    columns = (words, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(
        *columns,
        console=console(stderr, width_of(stderr), colour=wants_colour(stderr)),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    bar.add_task(visible(description), total=total)
    bar.start()
    return bar
