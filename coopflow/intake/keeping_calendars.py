"""A calendar goes into the store, or out of it: whole, on record, and in force with the next tick."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import PurePath

from msgspec import Struct

from coopflow.core.closed_days import (
    IMPORT,
    CalendarKind,
    KeptCalendar,
    differences,
    place_options,
    years_text,
)
from coopflow.core.model import Event
from coopflow.core.wording import did_you_mean, shown
from coopflow.errors import NotAllowed, NotFound, Usage
from coopflow.intake.public_holidays import PublicHolidays
from coopflow.loading import look_again
from coopflow.store.store import Store

CONFIGURED = "coopflow.yaml"  # what the closed days of the configuration are called beside the calendars
PIPED = "<stdin>"  # where a file came from that has no name
LONGEST_NAME = 60


class CalendarChange(Struct, frozen=True, kw_only=True):
    """A calendar as it was and as it is."""

    before: KeptCalendar | None
    after: KeptCalendar
    days: Mapping[date, str]  # all of them, with those that are gone
    added: Sequence[date]
    removed: Sequence[date]
    renamed: Sequence[date]


def keep_holidays(
    store: Store, found: PublicHolidays, years: Sequence[int], *, actor: str, now: datetime, dry_run: bool = False
) -> CalendarChange:
    """Keep the public holidays of these years; those of other years stay."""
    with store.transaction():
        before = store.calendars.find(found.calendar)
        _require_kind(before, CalendarKind.HOLIDAYS)
        all_years = sorted({*years, *(before.years if before else ())})
        _require_no_gap(found.calendar, all_years, this_year=now.year)
        stay = {day: name for day, name in store.calendars.days_of(found.calendar).items() if day.year not in years}
        after = KeptCalendar(
            name=found.calendar,
            kind=CalendarKind.HOLIDAYS,
            years=tuple(all_years),
            source=found.source,
            imported_at=now,
            days=len(stay) + len(found.days),
        )
        return _keep(store, before, after, {**stay, **found.days}, actor=actor, dry_run=dry_run)


def keep_own(
    store: Store,
    name: str,
    days: Mapping[date, str],
    source: str,
    *,
    actor: str,
    now: datetime,
    dry_run: bool = False,
) -> CalendarChange:
    """Keep the days of a file, instead of those that its calendar had before."""
    with store.transaction():
        before = store.calendars.find(name)
        _require_kind(before, CalendarKind.OWN)
        after = KeptCalendar(
            name=name,
            kind=CalendarKind.OWN,
            years=tuple(sorted({day.year for day in days})),
            source=source,
            imported_at=now,
            days=len(days),
        )
        return _keep(store, before, after, days, actor=actor, dry_run=dry_run)


def forget_calendar(store: Store, name: str, *, actor: str, now: datetime) -> KeptCalendar:
    """Remove a calendar and its days."""
    with store.transaction():
        found = existing(store, name)
        store.remove_calendar(name)
        data = {"calendar": name, "kind": found.kind, "source": found.source, "days": found.days}
        store.log([Event(at=now, kind="calendar.removed", actor=actor, data=data)])
        look_again(store)
    return found


def existing(store: Store, name: str) -> KeptCalendar:
    """The calendar of this name; raise NotFound, with what there is, if there is none."""
    names = [one.name for one in store.calendars.all()]
    if name == CONFIGURED:
        raise NotAllowed(f"the closed days of {CONFIGURED} are changed there, under closed_days")
    if name not in names:
        there = f"; there are {', '.join(names)}" if names else "; none has been imported"
        raise NotFound(f"there is no calendar {shown(name)}{did_you_mean(name, names) or there}")
    return next(one for one in store.calendars.all() if one.name == name)


def own_name(given: str | None, source: str) -> str:
    """What the calendar of a file is called: as was said, else as the file without its ending."""
    name = PurePath(source).stem if given is None else given.strip()
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        raise Usage(
            f"{shown(name)} cannot be a calendar's name: one line of 1 to {LONGEST_NAME} characters; use --name"
        )
    if name == CONFIGURED or name.startswith("-"):
        raise Usage(f"{shown(name)} cannot be a calendar's name; give it another with --name")
    return name


def undoing(change: CalendarChange) -> str | None:
    """The command that takes an import back; None: the file it would take is no longer what it was."""
    import shlex

    before, remove = change.before, f"coopflow calendar remove {shlex.quote(change.after.name)}"
    if before is None:
        return remove
    if before.kind is CalendarKind.HOLIDAYS:
        return f"{remove} --yes && {again(before)}"
    return None if before.source == change.after.source else again(before)


def again(calendar: KeptCalendar) -> str:
    """The command that imports a calendar again as it was, if its source is as it was."""
    import shlex

    if calendar.kind is CalendarKind.HOLIDAYS:
        years = "".join(f" --year {run}" for run in years_text(calendar.years).split(", "))
        return f"{IMPORT} {place_options(calendar.name)}{years}"
    file = "-" if calendar.source == PIPED else shlex.quote(calendar.source)
    return f"{IMPORT} {file} --name {shlex.quote(calendar.name)}"


def _keep(
    store: Store,
    before: KeptCalendar | None,
    after: KeptCalendar,
    days: Mapping[date, str],
    *,
    actor: str,
    dry_run: bool,
) -> CalendarChange:
    had = store.calendars.days_of(after.name)
    added, removed, renamed = differences(had, days)
    change = CalendarChange(
        before=before, after=after, days={**had, **days}, added=added, removed=removed, renamed=renamed
    )
    if not dry_run:
        store.keep_calendar(after, days)
        store.log([_told(change, actor=actor)])
        look_again(store)
    return change


def _told(change: CalendarChange, *, actor: str) -> Event:
    after = change.after
    return Event(
        at=after.imported_at,
        kind="calendar.imported",
        actor=actor,
        data={
            "calendar": after.name,
            "kind": after.kind,
            "source": after.source,
            "years": years_text(after.years),
            "days": after.days,
            "added": len(change.added),
            "removed": len(change.removed),
            "added_days": {day.isoformat(): change.days[day] for day in change.added},
            "removed_days": {day.isoformat(): change.days[day] for day in change.removed},
        },
    )


def _require_kind(before: KeptCalendar | None, kind: CalendarKind) -> None:
    if before is None or before.kind is kind:
        return
    if before.kind is CalendarKind.HOLIDAYS:
        raise NotAllowed(f"the calendar {before.name} holds public holidays; give the file another name with --name")
    raise NotAllowed(
        f"the calendar {before.name} holds closed days of your own, from {before.source}; remove it first: "
        f"coopflow calendar remove {before.name}"
    )


def _require_no_gap(name: str, years: Sequence[int], *, this_year: int) -> None:
    """A year in between of which nothing is known would pass for one without holidays."""
    missing = [year for year in range(max(years[0], this_year), years[-1]) if year not in years]
    if missing:
        known = f"of {name} would then be known for {years_text(years)}, but not for {years_text(missing)}"
        raise Usage(f"public holidays {known}; name these years too: --year {years_text(missing).split(', ')[0]}")
