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
WIPE = "\r\x1b[2K"  # takes the bar off its line, so that words can stand there; it is drawn anew below them
_REDRAW_EVERY = 0.1  # seconds
_WITH_A_BAR: list[TextIO] = []  # the streams on which a bar is drawn now


def say(*lines: str, stderr: TextIO | None = None) -> None:
    """Write each line as one line, whatever is in it, to the stream or else to the standard error of the process."""
    stream = stderr or sys.stderr
    if stream is None or stream.closed:  # a process may be started without one
        return
    if stream in _WITH_A_BAR:
        stream.write(WIPE)
    forgiving(stream).writelines(f"{safe_line(line)}\n" for line in lines)
    stream.flush()


def progress(
    items: Iterable[Item],
    total: int | None,
    description: str,
    stderr: TextIO | None,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Item]:
    """Yield the items; on a terminal a bar appears when it takes longer than two seconds, and goes when all is done.

    Without a total it counts.
    """
    if stderr is None or not can_move(stderr):
        yield from items
        return
    bar: Progress | None = None
    redraw_at = clock() + PATIENCE
    try:
        for done, item in enumerate(items, start=1):
            yield item
            if (reached := clock()) >= redraw_at:
                if bar is None:
                    bar = _bar(description, total, forgiving(stderr))
                    _WITH_A_BAR.append(stderr)
                bar.update(bar.task_ids[0], completed=done, refresh=True)
                redraw_at = reached + _REDRAW_EVERY
    finally:
        if bar is not None:
            bar.stop()
            _WITH_A_BAR.remove(stderr)


def _bar(description: str, total: int | None, stderr: TextIO) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    words = TextColumn("{task.description}", markup=False)
    count = MofNCompleteColumn() if total is not None else TextColumn("{task.completed:,.0f}", markup=False)
    columns = (words, BarColumn(), count, TimeRemainingColumn())
    bar = Progress(
        *columns,
        console=Console(
            file=stderr,
            width=width_of(stderr),
            height=25,
            force_terminal=True,  # whether it is one has been asked before
            color_system="standard" if wants_colour(stderr) else None,
            markup=False,
            emoji=False,
            highlight=False,
            legacy_windows=False,
        ),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    bar.add_task(visible(description), total=total)
    bar.start()
    return bar
