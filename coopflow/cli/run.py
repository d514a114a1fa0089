"""`init` and `tick`: what sets coopflow up and what keeps it going."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from coopflow.cli.options import DryRunOption
from coopflow.cli.root import app
from coopflow.cli.session import Session, session_of
from coopflow.cli.ticking import Limits, keep_going, once
from coopflow.core.durations import Duration
from coopflow.errors import Usage
from coopflow.render import visible


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
        if code := once(session, limits):
            raise typer.Exit(code)
    else:
        keep_going(session, _seconds(every), limits)


def _accept(session: Session) -> None:
    from coopflow.clock import accept_clock

    with session.store() as store:
        accepted = accept_clock(store, wall=session.now, actor=session.actor)
    if not accepted:
        session.say("Nobody doubts the clock.")


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
