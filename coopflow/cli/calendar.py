"""`calendar`: public holidays and closed days, in tables, so that no tick has to work them out."""

from typing import TYPE_CHECKING, Annotated

import typer

from coopflow.cli.calendar_words import (
    CHANGE_COLUMNS,
    DAY_COLUMNS,
    LIST_COLUMNS,
    calendar_rows,
    change_rows,
    day_rows,
    import_words,
)
from coopflow.cli.options import DryRunOption, FormatOption, JsonOption, YesOption, chosen_format
from coopflow.cli.root import app
from coopflow.cli.session import Session, session_of
from coopflow.cli.streams import STDIN, opened
from coopflow.errors import Usage
from coopflow.render import Sheet

if TYPE_CHECKING:
    from datetime import date

    from coopflow.intake.keeping_calendars import CalendarChange
    from coopflow.intake.public_holidays import PublicHolidays

calendar = typer.Typer(
    name="calendar",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The days on which nothing leaves and nothing is due: public holidays, and closed days of your own.",
    epilog="Examples:  coopflow calendar import · coopflow calendar import closed.csv · coopflow calendar list",
)
app.add_typer(calendar)

CountryOption = Annotated[
    str | None, typer.Option("--country", help="Two letters, as in US [default: that of coopflow.yaml].")
]
SubdivisionOption = Annotated[
    str | None,
    typer.Option(
        "--subdivision", help="State or province, as in TX [default: that of coopflow.yaml, with its country]."
    ),
]
YearOption = Annotated[
    list[str] | None,
    typer.Option("--year", metavar="YEAR", help="A year, or 2026-2028; repeatable [default: this one and the next]."),
]


@calendar.command(
    "import",
    epilog="Examples:  coopflow calendar import · coopflow calendar import --country US --subdivision TX --year 2027"
    " · coopflow calendar import closed-days.ics · coopflow calendar import - --name breaks < breaks.csv",
)
def import_(
    context: typer.Context,
    file: Annotated[
        str | None, typer.Argument(help="Closed days as .ics or CSV; - for standard input. None: public holidays.")
    ] = None,
    country: CountryOption = None,
    subdivision: SubdivisionOption = None,
    year: YearOption = None,
    name: Annotated[str | None, typer.Option(help="With a file: what to call it [default: its name].")] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """Take in public holidays, or closed days of your own from a file; what it held before is replaced."""
    session, shown = session_of(context), chosen_format(chosen, as_json)
    if file is None:
        if name is not None:
            raise Usage("--name is for a file; public holidays are called by their place, as in US-TX")
        change = _import_holidays(session, country, subdivision, year or [], dry_run=dry_run)
    else:
        if country or subdivision or year:
            raise Usage("--country, --subdivision and --year are for public holidays; leave them out, or the file")
        change = _import_file(session, file, name, dry_run=dry_run)
    if dry_run or shown is not None:
        rows = change_rows(change, dry_run=dry_run)
        session.show(Sheet(CHANGE_COLUMNS, rows, empty="No day would be added or removed."), shown)
    for words in import_words(change, dry_run=dry_run):
        session.say(words)


@calendar.command("list", epilog="Examples:  coopflow calendar list · coopflow calendar list --json")
def list_(context: typer.Context, as_json: JsonOption = False, chosen: FormatOption = None) -> None:
    """List the calendars: what they hold, for which years, and where it comes from."""
    session = session_of(context)
    with session.store(read_only=True) as store:
        rows = calendar_rows(store.calendars.all(), session.app.config)
    empty = "No day is closed. Take in public holidays: coopflow calendar import --country US"
    session.show(Sheet(LIST_COLUMNS, rows, empty=empty), chosen_format(chosen, as_json))


@calendar.command(epilog="Examples:  coopflow calendar show · coopflow calendar show US-TX --all --json")
def show(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only this calendar [default: all].")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Days that have passed too.")] = False,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """List the coming closed days with their names, those of coopflow.yaml too."""
    from coopflow.intake.keeping_calendars import CONFIGURED, existing

    session = session_of(context)
    with session.store(read_only=True) as store:
        if name not in (None, CONFIGURED):
            existing(store, str(name))
        rows = day_rows(
            store.calendars.days(), session.app.config, name=name, since=None if everything else _today(session)
        )
    session.show(Sheet(DAY_COLUMNS, rows, empty="No closed day is ahead."), chosen_format(chosen, as_json))


@calendar.command(epilog="Example:  coopflow calendar remove breaks")
def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A calendar, as `calendar list` shows it.")],
    yes: YesOption = False,
) -> None:
    """Forget a calendar: its days are open again, unless another one closes them."""
    from coopflow.intake.keeping_calendars import again, existing, forget_calendar

    session = session_of(context)
    with session.store() as store:
        days = existing(store, name).days
        session.confirm(f"Forget the calendar {name} with its {days:,} closed days?", yes=yes)
        gone = forget_calendar(store, name, actor=session.actor, now=session.now)
    session.say(f"Removed {gone.name}: {gone.days:,} days are no longer closed by it. Undo: {again(gone)}")


def _import_holidays(
    session: Session, country: str | None, subdivision: str | None, years: list[str], *, dry_run: bool
) -> "CalendarChange":
    from coopflow.intake.keeping_calendars import keep_holidays
    from coopflow.intake.public_holidays import asked_years

    asked = asked_years(years, today=_today(session))
    found = _holidays(session, country, subdivision, asked)
    with session.store() as store:
        return keep_holidays(store, found, asked, actor=session.actor, now=session.now, dry_run=dry_run)


def _holidays(session: Session, country: str | None, subdivision: str | None, years: list[int]) -> "PublicHolidays":
    """Of the place that was named; the configuration's subdivision belongs to the configuration's country."""
    from coopflow.intake.public_holidays import public_holidays

    config = session.app.config
    if country is None and config.country is None:
        raise Usage(
            "say of which country: coopflow calendar import --country US; or write country: US in coopflow.yaml"
        )
    if country is None:
        return public_holidays(str(config.country), subdivision or config.subdivision, years)
    return public_holidays(country, subdivision, years)


def _import_file(session: Session, file: str, name: str | None, *, dry_run: bool) -> "CalendarChange":
    from coopflow.intake.calendar_files import read_closed_days
    from coopflow.intake.keeping_calendars import keep_own, own_name

    with opened(file, example="coopflow calendar import closed-days.csv") as (source, stream):
        if source == STDIN and name is None:
            raise Usage("say what to call it: coopflow calendar import - --name breaks")
        called = own_name(name, source)
        days = read_closed_days(stream, source, today=_today(session))
    with session.store() as store:
        return keep_own(store, called, days, source, actor=session.actor, now=session.now, dry_run=dry_run)


def _today(session: Session) -> "date":
    return session.now.astimezone(session.app.coop.calendar.tz).date()
