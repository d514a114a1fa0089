"""One pass of a tick as cron runs it: under the lock, ended by signals, silent when all is well.

Cron calls nothing else, so the library that reads command lines stays out of here: it takes as long as a small tick.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from coopflow.cli.boundary import guarded
from coopflow.cli.session import Session
from coopflow.errors import ClockHeld, CoopflowError, ExitCode, OutOfPlace, Temporary

if TYPE_CHECKING:
    from coopflow.tick import Engine, TickReport


class Limits(Struct, frozen=True):
    """How much one pass may do."""

    instances: int | None
    seconds: float | None


NO_LIMITS = Limits(None, None)


def tick_as_cron_does(*, config: str | None, database: str | None) -> int:
    """Run a bare `coopflow tick` and answer with its exit code; with None things lie where they usually do."""
    session = Session(config=Path(config) if config else None, database=database)
    return guarded(lambda: once(session, NO_LIMITS))


def once(session: Session, limits: Limits) -> ExitCode:
    """Make one pass; the exit code says whether files or the inbox need a look. What needs a person is raised."""
    with _ended_by_signals():
        news, report = one_pass(session, limits)
    if words := _needs_a_person(report):
        raise CoopflowError("\n".join(words))
    if news:
        return ExitCode.INVALID
    if report is not None and report.unread:
        return ExitCode.IN_PART
    return ExitCode.DONE


def keep_going(session: Session, pause: float, limits: Limits) -> None:
    """Pass after pass until a signal; why one failed is told once, and the next one tries again."""
    told: list[str] = []
    with suppress(KeyboardInterrupt), _ended_by_signals():
        while True:
            now_and_here = Session(config=session.config, database=session.database, environ=session.environ)
            try:
                _, report = one_pass(now_and_here, limits)
                problems = _needs_a_person(report)
            except CoopflowError as problem:
                problems = str(problem).splitlines()
            for line in problems if problems != told else ():
                session.say(line)
            told = problems
            time.sleep(pause)


def one_pass(session: Session, limits: Limits) -> "tuple[list[str], TickReport | None]":
    """One tick under the lock: new errors in workflow files, told already, and its report; None: another is at work.

    Whoever watches from elsewhere is told afterwards.
    """
    from coopflow.cli.alerting import tell_the_watcher

    try:
        done = _under_the_lock(session, limits)
    except Temporary:
        raise  # a moment's trouble; if it lasts, the watcher hears nothing, and that is what it listens for
    except Exception:
        tell_the_watcher(session, failed=True)
        raise
    if done[1] is not None:
        tell_the_watcher(session)
    return done


def _under_the_lock(session: Session, limits: Limits) -> "tuple[list[str], TickReport | None]":
    end = None if limits.seconds is None else time.monotonic() + limits.seconds
    with session.app.lock as lock:
        if not lock.acquire():
            return [], None
        try:
            with session.app.engine() as engine:
                done = _tick(session, engine, limits, lambda: end is not None and time.monotonic() >= end)
        except (ClockHeld, OutOfPlace):
            lock.touch(now=session.now)  # cron is alive, and that is all that this tells
            raise
        lock.touch(now=session.now)
    return done


def _tick(
    session: Session, engine: "Engine", limits: Limits, out_of_time: Callable[[], bool]
) -> "tuple[list[str], TickReport]":
    from coopflow.cli.alerting import keep_figures
    from coopflow.clock import held_clock, time_for_tick
    from coopflow.loading import refresh
    from coopflow.reports.absence import absence_words
    from coopflow.store.log import head_of
    from coopflow.tick import tick as carry_out

    held = held_clock(engine.store)
    now = time_for_tick(engine.store, wall=session.now)
    beat = None if held else engine.store.looking.last_tick()  # by a clock that was wrong nothing can be told
    before, _ = head_of(engine.store.db)
    news = refresh(session.app, engine.store, now=now)
    for problem in news:
        session.say(problem)
    session.app.leave_word()
    unread = _read_inbox(session, engine, now=now)  # first: an answer comes before the step that it ends
    report = carry_out(engine, now=now, limit=limits.instances, out_of_time=out_of_time)
    report.unread = unread
    keep_figures(session, engine.store, beat=beat, now=now)
    if words := absence_words(engine.store, beat, after=before, tz=session.app.coop.calendar.tz, now=now):
        session.say(words)
    return news, report


def _read_inbox(session: Session, engine: "Engine", *, now: datetime) -> list[str]:
    """Take in what has come, where the configuration says that something may; what is new about it has been told."""
    if not session.app.config.inbox:
        return []
    from coopflow.inbox.reading import read_inbox

    report = read_inbox(engine.store, session.app.inbox(), session.app.ours(), now=now, patient=True)
    for words in report.news:
        session.say(words)
    return report.news


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM ends a pass as Ctrl-C does: what is under way is finished, nothing new begun. A second one kills."""

    def end(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handling in before.items():
            signal.signal(number, handling)


def _needs_a_person(report: "TickReport | None") -> list[str]:
    """What needs a person, in words; all else is silence (cron sends a mail for every word)."""
    if report is None:
        return []
    doubts = dict.fromkeys(report.in_doubt)
    return [
        *report.asks,
        *(f"instance {number}: it is not known whether a message left; see: coopflow doubt list" for number in doubts),
        *report.held,
        *(f"{fault} (a fault in coopflow; it is tried again in an hour)" for fault in report.faults),
    ]
