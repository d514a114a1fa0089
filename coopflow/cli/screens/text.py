"""Lines of a screen: times in the reader's words, and nothing from outside that could do anything to a terminal."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TextIO
from zoneinfo import ZoneInfo

from msgspec import Struct

from coopflow.core.openings import day_text
from coopflow.core.timing import local_text
from coopflow.render import moment, visible
from coopflow.render.terminal import forgiving


class Clock(Struct, frozen=True):
    """How a time is written for this co-op's people."""

    tz: ZoneInfo
    now: datetime

    def __call__(self, at: datetime) -> str:
        """`Tue 24 Nov 09:00 (in 2 days)`."""
        return moment(at, self.tz, self.now)

    def short(self, at: datetime) -> str:
        """`Tue 24 Nov 09:00`."""
        return local_text(at, self.tz)

    def day(self, at: datetime) -> str:
        """`Tue 24 Nov`, of another year `Tue 24 Nov 2027`."""
        local = at.astimezone(self.tz)
        year = "" if local.year == self.now.astimezone(self.tz).year else f" {local.year}"
        return f"{day_text(local.date())}{year}"


def write(lines: Iterable[str], out: TextIO) -> None:
    """Write the lines, each on one line whatever is in it."""
    forgiving(out).writelines(f"{visible(line)}\n" for line in lines)


def block(title: str, summary: Iterable[str], items: Iterable[str] = ()) -> Iterator[str]:
    """A title, what there is to say, and the items, with a blank line at the end."""
    yield title
    yield from (f"  {line}" for line in summary)
    yield from items
    yield ""


def several(lines: Iterable[str], bullet: str = "- ") -> list[str]:
    """The lines of one item of a list: the first with a bullet, the others below it."""
    first, *others = lines
    return [f"  {bullet}{first}", *(f"  {' ' * len(bullet)}{line}" for line in others)]
