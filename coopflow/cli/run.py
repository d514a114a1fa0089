"""`init` and `tick`: what sets coopflow up and what keeps it going."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct

from coopflow.cli.options import DryRunOption
from coopflow.cli.root import app
from coopflow.cli.session import Session, session_of
from coopflow.core.durations import Duration
from coopflow.errors import ClockHeld, CoopflowError, ExitCode, OutOfPlace, Temporary, Usage
from coopflow.render import visible

if TYPE_CHECKING:
    from coopflow.tick import Engine, TickReport


@app.command(epilog="Examples:  coopflow init · coopflow init /srv/coop")
def init(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(help="Where to set up.")] = Path(),
) -> None:
    """Make coopflow.yaml, workflows.d, the outbox and the database, and print the line for cron."""
    from coopflow.setting_up import set_up

    session = session_of(context)
    _require_same(session.config, directory)
    made = set_up(directory, database=session.database, now=session.now, actor=session.actor)
    for line in made.lines:
        session.say(line)
    typer.echo(made.crontab_line)


def _require_same(named: Path | None, directory: Path) -> None:
    from coopflow.config import FILE_NAME

    if named is not None and named.absolute() != (directory / FILE_NAME).absolute():
        raise Usage(
            f"--config (or $COOPFLOW_CONFIG) names {named}, and init would make {directory / FILE_NAME}; leave it out"
        )


class Limits(Struct, frozen=True):
    """How much one pass may do."""

    instances: int | None
    seconds: float | None


@app.command(epilog="Examples:  coopflow tick · coopflow tick --dry-run · coopflow tick --every 30s")
def tick(
    context: typer.Context,
    limit: Annotated[int | None, typer.Option(min=1, help="Advance at most so many instances.")] = None,
    max_seconds: Annotated[float | None, typer.Option(min=0, help="Take up nothing new after so many seconds.")] = None,
    every: Annotated[str | None, typer.Option(help="Go on for ever, with so long between two passes: 30s.")] = None,
    accept_clock: Annotated[
        bool, typer.Option("--accept-clock", help="Go by the clock as it is: you have looked, and it is right.")
    ] = False,
    dry_run: DryRunOption = False,
) -> None:
    """Carry out what is due: one pass. It is silent when all is well."""
    session = session_of(context)
    if dry_run:
        if every is not None or accept_clock:
            raise Usage("--dry-run looks at one pass; leave out --every and --accept-clock")
        _rehearse(session, limit)
        return
    if accept_clock:
        _accept(session)
    limits = Limits(limit, max_seconds)
    if every is None:
        _once(session, limits)
    else:
        _keep_going(session, _seconds(every), limits)


def _accept(session: Session) -> None:
    from coopflow.clock import accept_clock

    with session.store() as store:
        accepted = accept_clock(store, wall=session.now, actor=session.actor)
    if not accepted:
        session.say("Nobody doubts the clock.")


def _once(session: Session, limits: Limits) -> None:
    with _ended_by_signals():
        news, report = one_pass(session, limits)
    if words := _needs_a_person(report):
        raise CoopflowError("\n".join(words))
    if news:
        raise typer.Exit(ExitCode.INVALID)
    if report is not None and report.unread:
        raise typer.Exit(ExitCode.IN_PART)


def _keep_going(session: Session, pause: float, limits: Limits) -> None:
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


def _seconds(text: str) -> float:
    try:
        duration = Duration.parse(text)
    except ValueError as problem:
        raise Usage(f"--every: {problem}") from None
    if duration != Duration(seconds=duration.seconds) or not duration:
        raise Usage(f"--every takes seconds, minutes or hours, as in 30s; found '{text}'")
    return duration.seconds


def _rehearse(session: Session, limit: int | None) -> None:
    from coopflow.core.audit import sentence
    from coopflow.rehearsal import rehearse

    found = rehearse(session.app, now=session.now, limit=limit)
    if found is None:
        session.say("Another tick is at work, so what is next would be a guess. Try again in a moment.")
        return
    for problem in found.news:
        session.say(problem)
    for entry in found.entries:
        words = sentence(entry["kind"], {**entry["data"], **(entry["personal"] or {})})
        typer.echo(visible(f"would: {_whose(entry)}{words}"))
    count = f"{len(found.entries)} entries; nothing was written or sent." if found.entries else "Nothing is due."
    session.say(count)


def _whose(entry: Mapping[str, Any]) -> str:
    if entry["instance_id"] is None:
        return ""
    return f"instance {entry['instance_id']}, family {entry['family_id']}: "
