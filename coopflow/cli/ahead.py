"""`agenda` and `simulate`: what will be done, by a clock that jumps ahead. Nothing is written and nothing is sent."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coopflow.cli.options import FamilyOption, FormatOption, JsonOption, WorkflowOption, chosen_format
from coopflow.cli.root import app
from coopflow.cli.session import Session, session_of
from coopflow.errors import NotFound, Usage
from coopflow.render import Column, Format, Hint, Sheet, default_format, instant, show_document

if TYPE_CHECKING:
    from coopflow.core.foresight import Script
    from coopflow.core.workflow import Workflow
    from coopflow.reports.simulation import Simulation
    from coopflow.store.store import Store

COLUMNS = (
    Column("at", "When"),
    Column("what", "What", style=Hint.STRONG),
    Column("name", "Step or task"),
    Column("family_id", "Family"),
    Column("family_name", "Name"),
    Column("workflow", "Workflow"),
    Column("instance_id", "Instance", justify="right"),
    Column("reason", "Why then"),
)
LONGEST = 366


@app.command(epilog="Examples:  coopflow agenda · coopflow agenda --days 1 · coopflow agenda --family 42 --days 30")
def agenda(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=LONGEST, help="How far to look.")] = 7,
    family: FamilyOption = None,
    workflow: WorkflowOption = None,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """Tell what will be done in the next days: messages, calls and tasks, what is due, and what the clock starts."""
    from msgspec.structs import asdict

    from coopflow.cli.lookup import resolve_family
    from coopflow.reports.agenda import agenda as look_ahead

    session, shown = session_of(context), chosen_format(chosen, as_json)
    with session.store(read_only=True) as store:
        found = look_ahead(
            store,
            family_id=resolve_family(session, store, family) if family else None,
            workflow=store.templates.newest(workflow).name if workflow else None,
            since=session.now,
            until=session.now + timedelta(days=days),
        )
    empty = f"Nothing is planned for the next {days} days." if days > 1 else "Nothing is planned for the next day."
    session.show(Sheet(COLUMNS, [asdict(one) for one in found], empty=empty), shown)
    if found:
        session.say("This assumes that every message is accepted and nobody answers; an answer changes what follows.")
        session.say("Times in the reasons are those of each family's own clock.")


# -- one run, tried out -------------------------------------------------------------------------------------------


@app.command(
    epilog="Examples:  coopflow simulate onboarding --family 42 · coopflow simulate high_risk_intervention --family 42"
    " --at '2026-12-18 19:00' --reply-after '2 days'"
)
def simulate(
    context: typer.Context,
    workflow: Annotated[str, typer.Argument(help="A workflow's name; an edited file counts before it is loaded.")],
    family: Annotated[str, typer.Option("--family", "-f", help="For whom: an id, or a name or the beginning of it.")],
    at: Annotated[str | None, typer.Option("--at", metavar="WHEN", help="When it starts. Default: now.")] = None,
    reply_after: Annotated[
        str | None, typer.Option("--reply-after", metavar="LENGTH", help="The family answers by mail after so long.")
    ] = None,
    event: Annotated[
        list[str] | None, typer.Option("--event", metavar="KIND@LENGTH", help="An event comes after so long.")
    ] = None,
    fail: Annotated[
        list[str] | None, typer.Option("--fail", metavar="STEP", help="The message of this step is refused for good.")
    ] = None,
    outcome: Annotated[
        list[str] | None, typer.Option("--outcome", metavar="STEP=OUTCOME", help="What the task of this step comes to.")
    ] = None,
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A value to start with.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=LONGEST, help="How far to look.")] = 90,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """Try a workflow out: a whole run for a family as a timeline. Nothing is written and nothing is sent."""
    from coopflow.cli.lookup import resolve_family
    from coopflow.cli.whens import when
    from coopflow.intake.by_hand import set_values
    from coopflow.reports.simulation import as_document, given_by_the_latest_prediction
    from coopflow.reports.simulation import simulate as try_out

    session = session_of(context)
    shown = chosen_format(chosen, as_json) or default_format(session.out)
    start = when(session, "--at", at) if at is not None else session.now
    script = _script(session, start, reply_after, event or (), fail or (), outcome or ())
    with session.store(read_only=True) as store:
        family_id = resolve_family(session, store, family)
        found = try_out(
            store,
            workflow_as_it_is(session, store, workflow),
            store.families([family_id])[family_id],
            {**given_by_the_latest_prediction(store, family_id), **set_values(values or ())},
            script,
            at=start,
            until=start + timedelta(days=days),
            when=_reader(session, shown),
        )
    if shown is Format.table:
        _screen(session, found)
    elif shown is Format.json:
        show_document(as_document(found), format=shown, out=session.out)
    else:
        session.show(
            Sheet([Column(key, key) for key in ("at", "kind", "sentence")], as_document(found)["events"]), shown
        )
    for hole in found.holes:
        session.say(f"This message cannot be written for the family: {hole}")


def _reader(session: Session, shown: Format) -> "Any":
    from coopflow.cli.screens.text import Clock

    return Clock(session.app.coop.calendar.tz, session.now).short if shown is Format.table else instant


def workflow_as_it_is(session: Session, store: "Store", name: str) -> "Workflow":
    """The file as it is now, else the version that was loaded last."""
    from coopflow.core.wording import did_you_mean
    from coopflow.loading import as_seen_from_here
    from coopflow.workflows.folder import read_folder

    folder = session.app.config.workflows
    reading = read_folder(folder, session.app.known(store), shown_as=as_seen_from_here(folder))
    found = {definition.name: definition for definition in reading.definitions}
    loaded = {workflow.name: workflow for workflow in store.templates.current()}
    if name in found:
        version = loaded[name].version if name in loaded else 1
        return found[name].workflow(version=version)
    if name in loaded:
        return loaded[name]
    raise NotFound(f"there is no workflow '{name}'{did_you_mean(name, [*found, *loaded])}")


def _script(
    session: Session,
    start: datetime,
    reply_after: str | None,
    events: Sequence[str],
    fail: Sequence[str],
    outcomes: Sequence[str],
) -> "Script":
    from coopflow.core.foresight import Script

    told = [("email_response_received", reply_after)] if reply_after else []
    told += [_pair("--event", text, "@", "payment_received@5 days") for text in events]
    return Script(
        events=tuple((_after(session, start, length), kind) for kind, length in told),
        refused=frozenset(fail),
        outcomes=dict(_pair("--outcome", text, "=", "phone_call=reached") for text in outcomes),
    )


def _pair(option: str, text: str, sign: str, example: str) -> tuple[str, str]:
    name, found, value = text.partition(sign)
    if not found or not name.strip() or not value.strip():
        raise Usage(f"{option} takes two parts, as in {option} '{example}'; found '{text}'")
    return name.strip(), value.strip()


def _after(session: Session, start: datetime, length: str) -> datetime:
    from coopflow.core.durations import Duration
    from coopflow.core.timing import add

    calendar = session.app.coop.calendar
    try:
        return add(Duration.parse(length), to=start, tz=calendar.tz, calendar=calendar)
    except ValueError as problem:
        raise Usage(str(problem)) from None


def _screen(session: Session, found: "Simulation") -> None:
    from coopflow.cli.screens.text import Clock, write
    from coopflow.render import timeline
    from coopflow.render.timeline import TimelineEntry

    clock = Clock(session.app.coop.calendar.tz, session.now)
    whom = f"{found.family.family_name} ({found.family.family_id})"
    head = f"{found.workflow.name} for {whom}, if it starts {clock.short(found.told[0].at)}: nothing is written or sent"
    own = found.family.time_zone
    other = [f"The family's own clock is that of {own}."] if own and own != clock.tz.key else []
    write([head, *other, ""], session.out)
    entries = [TimelineEntry(at=one.at, status=one.state, title=one.words, detail=one.detail) for one in found.told]
    timeline(entries, out=session.out, tz=clock.tz, now=session.now)
    messages = "1 message" if found.messages == 1 else f"{found.messages} messages"
    ending = f"ends {clock.short(found.ended)} ({found.outcome})" if found.ended else "has not ended by then"
    deadline = f"; the deadline is {clock.short(found.deadline)}" if found.deadline else ""
    write(["", f"It {ending}, with {messages}{deadline}."], session.out)
