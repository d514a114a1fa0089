"""What comes after a change: carried out at once, or said when it will be."""

from typing import TYPE_CHECKING

import typer

from coopflow.errors import ExitCode

if TYPE_CHECKING:
    from coopflow.cli.session import Session
    from coopflow.store.store import Store
    from coopflow.tick import TickReport


def advance_now(session: "Session") -> None:
    """Run one tick, for `--now`; where another one is at work, what was started follows with it."""
    report = _one_tick(session)
    if report is None:
        session.say("Another tick is at work: what was started follows with it.")
        return
    session.say(f"Advanced {counted(report.advanced, 'instance')}, sent {counted(report.sent, 'message')}.")
    for number in report.in_doubt:
        session.say(f"Instance {number}: it is not known whether a message left. See: coopflow doubt list")
    for words in report.held:
        session.say(words)
    for fault in report.faults:
        session.say(f"{fault} (fault in coopflow; it is tried again in an hour)")
    for words in report.asks:
        session.say(words)
    if report.in_doubt or report.held or report.faults or report.asks:
        raise typer.Exit(ExitCode.IN_PART)


def _one_tick(session: "Session") -> "TickReport | None":
    from coopflow.clock import time_for_tick
    from coopflow.tick import tick

    with session.app.lock as lock:
        if not lock.acquire():
            return None
        with session.app.engine(say_again=True) as engine:
            return tick(engine, now=time_for_tick(engine.store, wall=session.now, say_again=True))


def what_is_next(session: "Session", store: "Store", instance_id: int) -> str:
    """What an active instance does next, and when, in a sentence."""
    from coopflow.render import moment

    [case] = store.cases.load([instance_id])
    planned = [entry for entry in case.entries.values() if entry.scheduled_for is not None]
    entry = min(planned, key=lambda one: str(one.scheduled_for), default=None)
    if entry is None or entry.scheduled_for is None:
        return "It waits for a person: coopflow task list"
    if entry.scheduled_for <= session.now:
        return f"Next: {case.step(entry).name}, with the next tick."
    return f"Next: {case.step(entry).name} on {moment(entry.scheduled_for, session.app.coop.calendar.tz, session.now)}."


def counted(number: int, noun: str) -> str:
    """`1 message`, `2 messages`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
