"""`go-live`, `release`, `recall`: a person's word about what leaves the house."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from coopflow.cli.choosing import Deed, chosen_instances
from coopflow.cli.options import DryRunOption, FormatOption, JsonOption, ReasonOption, YesOption, chosen_format
from coopflow.cli.root import app
from coopflow.cli.session import Session, session_of
from coopflow.errors import NotAllowed
from coopflow.render import Column, Format, Hint, Sheet, default_format, moment, show_document

if TYPE_CHECKING:
    from coopflow.reports.way_out import Departure, Obstacle
    from coopflow.store.store import Store

FIRST = 20  # messages that are listed

COLUMNS = (
    Column("at", "When"),
    Column("channel", "Channel"),
    Column("to", "To"),
    Column("family_id", "Family"),
    Column("family_name", "Name"),
    Column("name", "Step"),
    Column("workflow", "Workflow"),
    Column("instance_id", "Instance", justify="right"),
)


@app.command("go-live", epilog="Examples:  coopflow go-live --dry-run · coopflow go-live · coopflow go-live --yes")
def go_live(
    context: typer.Context,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """Say that messages may really leave, after a look at what would; a tick with deliver: live waits for it."""
    from coopflow.leaving import go_live as say_so
    from coopflow.leaving import live_since
    from coopflow.reports.way_out import SOON, departures

    session, shown = session_of(context), chosen_format(chosen, as_json)
    way_out = session.app.way_out
    with session.store() as store:
        live = live_since(store)
        if way_out.reaches_families and live is not None and live.transports == way_out.transports:
            since = moment(live.since, session.app.coop.calendar.tz, session.now)
            session.say(f"Messages leave already, since {since}, on the word of {live.by}.")
            return
        soon = departures(store, since=session.now, until=session.now + SOON)
        found = _obstacles(session, store)
        _show(session, soon, found, shown)
        if any(one.forbids for one in found) and not dry_run:
            raise NotAllowed("nothing was changed: " + "; ".join(one.words for one in found if one.forbids))
        if dry_run:
            return
        session.confirm("Let messages really leave from the next tick on?", yes=yes)
        due = sum(one.at <= session.now for one in soon)
        say_so(store, way_out, due=due, actor=session.actor, now=session.now)
        _after(session, store, due)


def _obstacles(session: Session, store: "Store") -> "list[Obstacle]":
    from coopflow.outreach_rules import problems_before_live
    from coopflow.reports.way_out import PLURALS, obstacles

    channels = session.app.channels(store.database_id)
    transports = {name: channels[name].transport for name in PLURALS}
    for channel in channels.values():
        channel.close()
    config = session.app.config
    missing = problems_before_live(config)
    return list(obstacles(store, transports, deliver=config.deliver, missing=missing, now=session.now))


def _show(session: Session, soon: "Sequence[Departure]", found: "Sequence[Obstacle]", shown: "Format | None") -> None:
    from coopflow.reports.way_out import as_document, count_words

    if (shown or default_format(session.out)) is Format.json:
        document = as_document(soon, found, now=session.now, first=FIRST)
        show_document(document, format=Format.json, out=session.out)
        return
    _list(session, soon, shown)
    due = [one for one in soon if one.at <= session.now]
    session.say(f"At the next tick: {count_words(due)}. In the 24 hours after that: {count_words(soon[len(due) :])}.")
    for one in found:
        session.say(f"{'In the way' if one.forbids else 'Worth a look'}: {one.words}.")


def _on_screen(session: Session) -> tuple[Column, ...]:
    """What a line of a terminal has room for."""
    from coopflow.cli.screens.text import Clock

    clock = Clock(session.app.coop.calendar.tz, session.now)
    return (
        Column("at", "When", show=clock.short),
        Column("to", "To"),
        Column("family_name", "Family", style=Hint.STRONG),
        Column("name", "Step"),
        Column("instance_id", "Instance", justify="right"),
    )


def _list(session: Session, soon: "Sequence[Departure]", shown: "Format | None") -> None:
    from msgspec.structs import asdict

    rows = [asdict(one) for one in soon[:FIRST]]
    table = (shown or default_format(session.out)) is Format.table
    columns = _on_screen(session) if table else COLUMNS
    session.show(Sheet(columns, rows, empty="No message would leave."), shown)
    if len(soon) > FIRST:
        session.say(f"… and {len(soon) - FIRST:,} more: coopflow agenda --days 1")


def _after(session: Session, store: "Store", due: int) -> None:
    from coopflow.leaving import allowed_at_once, live_since

    session.say("Messages leave from the next tick on. Back: set deliver: outbox in coopflow.yaml.")
    live = live_since(store)
    if live is not None and due > (most := allowed_at_once(store, live, now=session.now)):
        session.say(f"{due:,} at once are more than the {most:,} that leave without being asked for: coopflow release")


@app.command(epilog="Examples:  coopflow release --dry-run · coopflow release · coopflow release --yes")
def release(
    context: typer.Context,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    chosen: FormatOption = None,
) -> None:
    """Let the messages leave that a tick has kept back because they are more than usual: one time."""
    from coopflow.core.leaving import BLAST
    from coopflow.leaving import release as let_go
    from coopflow.leaving import told
    from coopflow.reports.way_out import count_words, departures

    session = session_of(context)
    with session.store() as store:
        if told(store) != BLAST:
            raise NotAllowed("no messages are kept back because they are many; see what is planned: coopflow agenda")
        due = departures(store, since=session.now, until=session.now)
        _list(session, due, chosen)
        session.say(f"Kept back: {count_words(due)}.")
        if dry_run:
            return
        if not due:
            raise NotAllowed("nothing may leave at this hour, so there is nothing to let go; their windows are closed")
        session.confirm(f"Let {len(due):,} messages leave at once?", yes=yes)
        let_go(store, len(due), actor=session.actor, now=session.now)
        session.say(f"{len(due):,} messages leave with the next tick. Stop them with: coopflow pause --all")


@chosen_instances(
    "recall",
    "Examples:  coopflow recall 17 · coopflow recall --workflow onboarding --go-on · coopflow recall --all --dry-run",
)
def recall(
    session: Session,
    go_on: Annotated[
        bool, typer.Option("--go-on", help="Leave the step out and go on with the next, instead of pausing.")
    ] = False,
    reason: ReasonOption = None,
) -> Deed:
    """Take messages back that rest and have not left yet; their instances are paused."""
    from coopflow.core.resting import recall as take_back

    return Deed(
        "recall-and-go-on" if go_on else "recall",
        lambda case: take_back(case, go_on=go_on, reason=reason, now=session.now),
        among=lambda store: store.leaving.resting(),
        nobody="no message rests among those; what has left cannot be taken back",
    )
