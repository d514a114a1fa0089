"""`family gentle`: a family that is left in peace for a while."""

import shlex
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from coopflow.cli.family import FamilyArgument, family
from coopflow.cli.lookup import named, resolve_family
from coopflow.cli.options import DryRunOption, ReasonOption
from coopflow.cli.session import Session, session_of
from coopflow.cli.whens import ForOption, UntilOption, until_when
from coopflow.errors import Usage

if TYPE_CHECKING:
    from coopflow.intake.gentleness import Gentleness

OffOption = Annotated[bool, typer.Option("--off", help="Lift the mark: what waits for its end is planned again.")]


@family.command(
    epilog='Examples:  coopflow family gentle 42 --for "2 weeks" --reason "a death" · coopflow family gentle 42 --off'
)
def gentle(
    context: typer.Context,
    which: FamilyArgument,
    until: UntilOption = None,
    length: ForOption = None,
    off: OffOption = False,
    reason: ReasonOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Leave a family in peace for a while: no mail, text, call or task for them before a date, urgent or not."""
    from coopflow.intake.gentleness import treat_gently
    from coopflow.intake.taking import rolled_back

    session = session_of(context)
    if off and (until is not None or length is not None):
        raise Usage("say until when, or --off, not both")
    end = None if off else until_when(session, until, length)
    with session.store() as store, rolled_back(store) if dry_run else store.transaction():
        family_id = resolve_family(session, store, which)
        done = treat_gently(store, family_id, until=end, reason=reason, actor=session.actor, now=session.now)
    for words in _words(session, done, end, dry_run=dry_run):
        session.say(words)


def _words(session: Session, done: "Gentleness", until: datetime | None, *, dry_run: bool) -> list[str]:
    from coopflow.render import moment

    def clock(at: datetime) -> str:
        return moment(at, session.app.coop.calendar.tz, session.now)

    whom, would = named(done.family), "would be" if dry_run else "is"
    if done.before == until:
        held = f"is treated gently until {clock(until)} already" if until else "is not treated gently"
        return [f"{whom} {held}. No change."]
    if until is None:
        first = f"{whom} {would} reached again."
        undo = f"--until '{done.before:%Y-%m-%dT%H:%M:%SZ}'" if done.before else ""
    else:
        first = f"{whom} {would} treated gently until {clock(until)}: nothing reaches them before then."
        undo = f"--until '{done.before:%Y-%m-%dT%H:%M:%SZ}'" if done.before else "--off"
    if done.moved:
        numbers = ", ".join(map(str, done.moved))
        first += f" Planned anew: instance {numbers}."
    if dry_run:
        return [first, "Nothing was changed."]
    return [f"{first} Undo: coopflow family gentle {shlex.quote(done.family.family_id)} {undo}"]
