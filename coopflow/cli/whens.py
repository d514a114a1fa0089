"""Moments that a command line says: `--until` and `--for`, `--since` and `--until`, as days, times or lengths."""

from datetime import datetime, time
from typing import Annotated

import typer

from coopflow.cli.session import Session
from coopflow.errors import Usage

UntilOption = Annotated[
    str | None,
    typer.Option("--until", metavar="WHEN", help="A day, or a day and time: 2026-12-01 or '2026-12-01 09:00'."),
]
ForOption = Annotated[
    str | None,
    typer.Option("--for", metavar="LENGTH", help="So long from now: '2 days', '3 hours', '2 business days'."),
]


def until_when(session: Session, until: str | None, length: str | None, *, of_day: time = time(0)) -> datetime:
    """The moment that one of the two says; it lies ahead."""
    if (until is None) == (length is None):
        raise Usage("say until when: either --until '2026-12-01 09:00' or --for '2 days'")
    moment = _after(session, length) if length is not None else when(session, "--until", str(until), of_day=of_day)
    if moment <= session.now:
        raise Usage(f"{'--for' if length is not None else '--until'}: that is not in the future: {length or until}")
    return moment


def when(session: Session, option: str, text: str, *, of_day: time = time(0)) -> datetime:
    """The moment that an option says, on the co-op's own clock."""
    from coopflow.core.moments import moment

    try:
        return moment(text, tz=session.app.coop.calendar.tz, of_day=of_day)
    except ValueError as problem:
        raise Usage(f"{option}: {problem}") from None


def until_the_end_of(session: Session, option: str, text: str) -> datetime:
    """The moment that an option says, where a day means all of it."""
    from coopflow.core.moments import end

    try:
        return end(text, tz=session.app.coop.calendar.tz)
    except ValueError as problem:
        raise Usage(f"{option}: {problem}") from None


def _after(session: Session, length: str) -> datetime:
    from coopflow.core.durations import Duration
    from coopflow.core.timing import add

    calendar = session.app.coop.calendar
    try:
        return add(Duration.parse(length), to=session.now, tz=calendar.tz, calendar=calendar)
    except ValueError as problem:
        raise Usage(f"--for: {problem}") from None
