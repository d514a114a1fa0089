"""Calendars and their days as rows for a sheet, and what became of an import as sentences."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from coopflow.core.closed_days import CalendarKind, ClosedDay, KeptCalendar, years_text
from coopflow.core.zones import DAYS
from coopflow.render import Column, Hint

if TYPE_CHECKING:
    from coopflow.config import Config
    from coopflow.intake.keeping_calendars import CalendarChange

KINDS = {"holidays": "public holidays", "own": "your own", "configuration": "configuration"}


def _weekday(day: date) -> str:
    return f"{DAYS[day.weekday()]} {day}"


LIST_COLUMNS = (
    Column("calendar", "Calendar", style=Hint.STRONG),
    Column("kind", "Kind", show=lambda kind: KINDS[kind]),
    Column("years", "Years", show=years_text),
    Column("days", "Days", justify="right"),
    Column("source", "From"),
    Column("imported_at", "Imported"),
)
DAY_COLUMNS = (
    Column("day", "Day", show=_weekday),
    Column("name", "Name"),
    Column("calendar", "Calendar"),
)
CHANGE_COLUMNS = (Column("change", "Change"), *DAY_COLUMNS)


def calendar_rows(kept: Sequence[KeptCalendar], config: "Config") -> list[dict[str, Any]]:
    """A row for each calendar, the configuration's closed days first."""
    rows = [
        {
            "calendar": one.name,
            "kind": str(one.kind),
            "years": list(one.years),
            "days": one.days,
            "source": one.source,
            "imported_at": one.imported_at,
        }
        for one in kept
    ]
    return [*([_configured(config)] if config.closed_days else []), *rows]


def _configured(config: "Config") -> dict[str, Any]:
    return {
        "calendar": "coopflow.yaml",
        "kind": "configuration",
        "years": sorted({day.year for day in config.closed_days}),
        "days": len(config.closed_days),
        "source": str(config.path),
        "imported_at": None,
    }


def day_rows(
    kept: Sequence[ClosedDay], config: "Config", *, name: str | None, since: date | None
) -> list[dict[str, Any]]:
    """A row for each closed day of each calendar, in order."""
    days = sorted([*kept, *(ClosedDay(day, "coopflow.yaml", "") for day in config.closed_days)])
    return [
        {"day": one.day, "name": one.name or None, "calendar": one.calendar}
        for one in days
        if name in (None, one.calendar) and (since is None or one.day >= since)
    ]


def change_rows(change: "CalendarChange", *, dry_run: bool) -> list[dict[str, Any]]:
    """A row for each day that an import changes."""
    would = "would be " if dry_run else ""
    words = {**dict.fromkeys(change.added, "added"), **dict.fromkeys(change.removed, "removed")}
    words.update(dict.fromkeys(change.renamed, "renamed"))
    return [
        {
            "change": f"{would}{words[day]}",
            "day": day,
            "name": change.days[day] or None,
            "calendar": change.after.name,
        }
        for day in sorted(words)
    ]


def import_words(change: "CalendarChange", *, dry_run: bool) -> list[str]:
    """What changed, how far it reaches, what comes next, and how to take it back."""
    from coopflow.intake.keeping_calendars import undoing

    after, counts = change.after, _counts(change)
    if dry_run:
        return [f"{after.name}: {_counts(change, would=True) or 'nothing would change'}. Nothing was changed."]
    reach = f", {_reach(after)}"
    if not counts:
        return [f"{after.name}: {after.days:,} closed days{reach}; they were known already."]
    done = f"{after.name}: {counts}; {_days(after.days)} closed now{reach}."
    undo = f" Undo: {command}" if (command := undoing(change)) else ""
    return [f"{done} Steps that are planned on such a day are planned again with the next tick.{undo}"]


def _reach(after: KeptCalendar) -> str:
    if after.kind is CalendarKind.HOLIDAYS:
        return f"known until 31 Dec {after.years[-1]}"
    return f"in {years_text(after.years)}"


def _counts(change: "CalendarChange", *, would: bool = False) -> str:
    be = "would be " if would else ""
    counted = ((change.added, "added"), (change.removed, "removed"), (change.renamed, "renamed"))
    return ", ".join(f"{_days(len(days))} {be}{word}" for days, word in counted if days)


def _days(count: int) -> str:
    return f"{count:,} day" if count == 1 else f"{count:,} days"
