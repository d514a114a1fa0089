"""`trigger` and `event`: what comes in from outside, line by line, and what became of each."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated

import typer

from coopflow.cli.advancing import advance_now
from coopflow.cli.lookup import resolve_family
from coopflow.cli.options import DryRunOption, FamilyOption, FormatOption, JsonOption, WorkflowOption, chosen_format
from coopflow.cli.root import app
from coopflow.cli.session import Session, session_of
from coopflow.cli.streams import opened, read_watched, show_to_the_end
from coopflow.cli.verdicts import EVENT_COLUMNS, TRIGGER_COLUMNS, Tally, event_words, started_words
from coopflow.errors import ExitCode, NotAllowed, Usage
from coopflow.render import Format, Sheet

if TYPE_CHECKING:
    from coopflow.store.store import Store

NowOption = Annotated[bool, typer.Option("--now", help="Carry out what it started at once, with all else that is due.")]


@app.command(
    epilog="Examples:  predict | coopflow trigger - · coopflow trigger predictions.jsonl --now"
    " · coopflow trigger --workflow onboarding --family 42 --set tone=warm"
)
def trigger(
    context: typer.Context,
    file: Annotated[
        str | None, typer.Argument(help="Predictions as JSONL, a JSON list or CSV; - for standard input.")
    ] = None,
    workflow: WorkflowOption = None,
    family: FamilyOption = None,
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="With --workflow: a value to start with.")
    ] = None,
    now: NowOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """Take predictions in and start what they call for, or start one workflow by hand."""
    session, shown = session_of(context), chosen_format(chosen, as_json)
    _require_one_of(now, dry_run)
    if workflow is None and family is None and not values:
        _take_predictions(session, file, dry_run=dry_run, shown=shown, now=now)
        return
    if workflow is None or family is None or file is not None:
        raise Usage("to start one by hand, name both and no file: coopflow trigger --workflow onboarding --family 42")
    _start(session, workflow, family, values or [], dry_run=dry_run, shown=shown)
    if now:
        advance_now(session)


@app.command(
    epilog="Examples:  coopflow event email_response_received --family 7"
    """ · coopflow event payment_received --family 7 --data '{"amount": 80}' --at 2026-03-20T09:00-05:00"""
    " · coopflow event --from events.jsonl"
)
def event(
    context: typer.Context,
    kind: Annotated[str | None, typer.Argument(help="What happened, as in payment_received.")] = None,
    family: FamilyOption = None,
    data: Annotated[str | None, typer.Option(metavar="JSON", help="More about it, as a JSON object.")] = None,
    at: Annotated[str | None, typer.Option(metavar="ISO", help="When it happened, with the offset from UTC.")] = None,
    file: Annotated[str | None, typer.Option("--from", metavar="FILE", help="Events as JSONL, JSON or CSV.")] = None,
    now: NowOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """Record something that happened outside: it wakes what waits for it and starts what it triggers."""
    session, shown = session_of(context), chosen_format(chosen, as_json)
    _require_one_of(now, dry_run)
    if file is not None:
        if kind or family or data or at:
            raise Usage("--from FILE says everything itself; leave out KIND, --family, --data and --at")
        _take_events(session, file, dry_run=dry_run, shown=shown, now=now)
        return
    if kind is None or family is None:
        raise Usage("name what happened and to whom: coopflow event payment_received --family 42")
    _tell(session, kind, family, data=data, at=at, dry_run=dry_run, shown=shown)
    if now:
        advance_now(session)


def _require_one_of(now: bool, dry_run: bool) -> None:
    if now and dry_run:
        raise Usage("--now and --dry-run exclude each other")


def _take_predictions(session: Session, file: str | None, *, dry_run: bool, shown: Format | None, now: bool) -> None:
    from coopflow.intake.taking import judge_predictions

    with opened(file, example="coopflow trigger predictions.jsonl") as (source, stream), session.store() as store:
        tally = Tally(session, source, dry_run)
        records = read_watched(session, stream, source, "Predictions are taken in", shown)
        judged = judge_predictions(store, records, now=session.now, dry_run=dry_run)
        show_to_the_end(session, Sheet(TRIGGER_COLUMNS, tally.judged(judged), empty="No predictions came in."), shown)
    session.say(tally.summary("started", "skipped", "rejected", look="coopflow why"))
    _go_on(tally, now=now and bool(tally.verdicts["started"]))


def _take_events(session: Session, file: str, *, dry_run: bool, shown: Format | None, now: bool) -> None:
    from coopflow.intake.happening import take_events

    with opened(file, example="coopflow event --from events.jsonl") as (source, stream), session.store() as store:
        tally = Tally(session, source, dry_run)
        records = read_watched(session, stream, source, "Events are recorded", shown)
        happened = take_events(store, records, actor=session.actor, now=session.now, dry_run=dry_run)
        show_to_the_end(session, Sheet(EVENT_COLUMNS, tally.happened(happened), empty="No events came in."), shown)
    session.say(tally.summary("recorded", "skipped", "rejected", look="coopflow status --family"))
    _go_on(tally, now=now and bool(tally.verdicts["recorded"]))


def _go_on(tally: Tally, *, now: bool) -> None:
    if now:
        advance_now(tally.session)
    if tally.verdicts["rejected"]:
        raise typer.Exit(ExitCode.IN_PART)


def _start(
    session: Session, workflow: str, family: str, values: list[str], *, dry_run: bool, shown: Format | None
) -> None:
    from coopflow.intake.by_hand import set_values, start_one

    given = set_values(values)
    with session.store() as store:
        with _changing(store, dry_run):
            family_id = resolve_family(session, store, family)
            result = start_one(store, workflow, family_id, given, actor=session.actor, now=session.now)
            words = started_words(session, store, result, dry_run=dry_run)
        if shown is not None:
            session.show(Sheet(TRIGGER_COLUMNS, Tally(session, "by hand", dry_run).judged([result])), shown)
    if result.instance_id is None:
        raise NotAllowed(words)
    session.say(words)


def _tell(
    session: Session, kind: str, family: str, *, data: str | None, at: str | None, dry_run: bool, shown: Format | None
) -> None:
    from coopflow.intake.by_hand import told_event
    from coopflow.intake.events import EventReader
    from coopflow.intake.happening import record_event

    with session.store() as store:
        reader = EventReader(store.known_events(), now=session.now)
        told = told_event(kind, resolve_family(session, store, family), data=data, at=at, reader=reader)
        with _changing(store, dry_run):
            one = record_event(store, told, actor=session.actor, now=session.now)
            words = event_words(session, store, one, dry_run=dry_run)
        if shown is not None:
            session.show(Sheet(EVENT_COLUMNS, Tally(session, "by hand", dry_run).happened([one])), shown)
    session.say(words)


def _changing(store: "Store", dry_run: bool) -> AbstractContextManager[None]:
    from coopflow.intake.taking import rolled_back

    return rolled_back(store) if dry_run else store.transaction()
