"""`status`, `show`, `why` and `stats`: what a coordinator sees. Nothing here changes anything."""

from typing import TYPE_CHECKING, Annotated

import typer

from coopflow.cli.options import (
    FamilyOption,
    FormatOption,
    JsonOption,
    StateOption,
    WorkflowOption,
    a_number,
    chosen_format,
)
from coopflow.cli.root import app
from coopflow.cli.session import Session, session_of
from coopflow.errors import ExitCode
from coopflow.render import Format, default_format, instant, show_document

if TYPE_CHECKING:
    from coopflow.cli.screens.text import Clock
    from coopflow.reports.matters import Scope
    from coopflow.reports.words import When
    from coopflow.store.store import Store

FEW = 5  # matters of a kind on a screen
MOST = 50  # instances on a screen
MOST_REASONS = 20  # lines that `status --check` prints
LONGEST_PERIOD = 36_500  # days of `stats`


@app.command(epilog="Examples:  coopflow status · coopflow status --family 42 · coopflow status --check")
def status(
    context: typer.Context,
    family: FamilyOption = None,
    workflow: WorkflowOption = None,
    state: StateOption = None,
    check: Annotated[bool, typer.Option("--check", help="End with 5 if a person is needed, and say why.")] = False,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """Show who needs you, what is due, what is running and what went wrong."""
    session = session_of(context)
    shown = _format(session, chosen, as_json)
    with session.store(read_only=True) as store:
        scope = _scope(session, store, family, workflow, state)
        if check:
            _check(session, store, scope, chosen_format(chosen, as_json) or Format.table)
        elif shown is Format.table:
            _status_screen(session, store, scope)
        else:
            _status_data(session, store, scope, shown)


@app.command(epilog="Examples:  coopflow show 17 · coopflow show 17 --messages · coopflow show 17 --json")
def show(
    context: typer.Context,
    instance: Annotated[
        int, typer.Argument(metavar="INSTANCE", parser=a_number, help="An instance's id, as `status` shows it.")
    ],
    messages: Annotated[bool, typer.Option("--messages", help="Show the texts sent to their last line.")] = False,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """Tell the whole story of one instance: why it began, what happened, what is ahead."""
    from coopflow.cli.screens.story import story_screen, story_sheet
    from coopflow.reports.story import as_document, story_of

    session = session_of(context)
    shown = _format(session, chosen, as_json)
    with session.store(read_only=True) as store:
        story = story_of(store, instance, when=_when(session, shown), whole=messages, now=session.now)
    if shown is Format.json:
        show_document(as_document(story), format=shown, out=session.out)
    elif shown is Format.table:
        story_screen(session, story, _clock(session))
    else:
        session.show(story_sheet(story), shown)


@app.command(epilog="Examples:  coopflow why 42 · coopflow why Martinez --workflow high_risk_intervention")
def why(
    context: typer.Context,
    family: Annotated[str, typer.Argument(help="A family: its id, or its name or the beginning of it.")],
    workflow: WorkflowOption = None,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """Tell why workflows would start for a family now, or would not, and what was decided before."""
    from coopflow.cli.lookup import resolve_family
    from coopflow.cli.screens.text import write
    from coopflow.cli.screens.why import why_lines, why_sheet
    from coopflow.reports.why import as_document
    from coopflow.reports.why import why as ask

    session = session_of(context)
    shown = _format(session, chosen, as_json)
    with session.store(read_only=True) as store:
        found = ask(store, resolve_family(session, store, family), workflow=workflow, now=session.now)
    if shown is Format.json:
        show_document(as_document(found, when=instant), format=shown, out=session.out)
    elif shown is Format.table:
        write(why_lines(found, _clock(session), session.out), session.out)
    else:
        session.show(why_sheet(found), shown)


@app.command(epilog="Examples:  coopflow stats · coopflow stats --days 90 --workflow onboarding --json")
def stats(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=LONGEST_PERIOD, help="What began in the last so many days.")] = 30,
    workflow: WorkflowOption = None,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """Count how it went: per status, workflow, step and channel, and how many ended well."""
    from coopflow.cli.screens.figures import figures_screen, figures_sheet
    from coopflow.reports.figures import as_document, figures

    session = session_of(context)
    shown = _format(session, chosen, as_json)
    with session.store(read_only=True) as store:
        found = figures(store, days=days, workflow=workflow, now=session.now)
    if shown is Format.json:
        show_document(as_document(found, days=days), format=shown, out=session.out)
    elif shown is Format.table:
        figures_screen(session, found, days=days)
    else:
        session.show(figures_sheet(found), shown)


# -- status -------------------------------------------------------------------------------------------------------


def _scope(session: Session, store: "Store", family: str | None, workflow: str | None, state: str | None) -> "Scope":
    from coopflow.cli.lookup import resolve_family
    from coopflow.reports.matters import Scope

    return Scope(
        family_id=None if family is None else resolve_family(session, store, family),
        workflow=None if workflow is None else store.templates.newest(workflow).name,
        state=state,
    )


def _status_screen(session: Session, store: "Store", scope: "Scope") -> None:
    from coopflow.cli.screens.status import status_screen
    from coopflow.reports.overview import overview

    clock = _clock(session)
    found = overview(store, scope, tz=clock.tz, now=session.now, place=_place(session), few=FEW, most=MOST)
    status_screen(session, found, scope, clock)


def _place(session: Session) -> tuple[str | None, str | None]:
    return session.app.config.country, session.app.config.subdivision


def _status_data(session: Session, store: "Store", scope: "Scope", shown: Format) -> None:
    from coopflow.cli.screens.status import lines_sheet
    from coopflow.reports.overview import as_document, instance_lines, overview

    if shown is Format.json:
        tz = session.app.coop.calendar.tz
        found = overview(store, scope, tz=tz, now=session.now, place=_place(session))
        show_document(as_document(found), format=shown, out=session.out)
    else:
        session.show(lines_sheet(instance_lines(store, scope, now=session.now)), shown)


def _check(session: Session, store: "Store", scope: "Scope", shown: Format) -> None:
    """Print why a person is needed, and end with the code that says so; silence means that nobody is."""
    from coopflow.cli.screens.status import reason_lines, reasons_sheet
    from coopflow.cli.screens.text import write
    from coopflow.reports.matters import as_reasons, urgent_matters

    matters = urgent_matters(store, scope, when=_when(session, shown), now=session.now)
    if shown is Format.json:
        show_document(as_reasons(matters), format=shown, out=session.out)
    elif shown is Format.table:
        write(reason_lines(matters, _clock(session), most=MOST_REASONS), session.out)
    else:
        session.show(reasons_sheet(matters), shown)
    if matters:
        raise typer.Exit(ExitCode.PERSON_NEEDED)


# -- shared -------------------------------------------------------------------------------------------------------


def _format(session: Session, chosen: Format | None, as_json: bool) -> Format:
    return chosen_format(chosen, as_json) or default_format(session.out)


def _when(session: Session, shown: Format) -> "When":
    """How sentences write a time: for a person with its distance, in data as data has it."""
    return _clock(session) if shown is Format.table else instant


def _clock(session: Session) -> "Clock":
    from coopflow.cli.screens.text import Clock

    return Clock(session.app.coop.calendar.tz, session.now)
