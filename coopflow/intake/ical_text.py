"""The whole-day events of an iCalendar file, as closures."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from coopflow.core.recurring_days import recurring_days
from coopflow.core.wording import shown
from coopflow.errors import Invalid
from coopflow.intake.closures import Closure, Misfit
from coopflow.intake.unfit import Unfit

YEARS_AHEAD = 2  # an event without an end is taken in until the end of the second year after this one
_DAY = timedelta(days=1)
_BEGIN = re.compile(r"BEGIN:VEVENT\s*", re.IGNORECASE)


def closures_of(content: bytes, source: str, *, today: date) -> Iterator[Closure | Misfit]:
    """Every event of the file, or what is wrong with it; raise Invalid where it cannot be read at all."""
    text = _text(content, source)
    events = _events(text, source)
    moved = _moved(events)
    for line, event in zip(_beginnings(text, len(events)), events, strict=True):
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        try:
            yield from _closures(line, event, moved[str(event.get("UID", ""))], today=today)
        except ValueError as problem:
            yield Misfit(line, Unfit(f"the event {shown(_name(event))}: {problem}"))


def _text(content: bytes, source: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content[: problem.start].count(b"\n") + 1
        raise Invalid(f"{source}:{line}: the text is not valid UTF-8; save the file as UTF-8") from None
    if "\0" in text:
        raise Invalid(f"{source}:{text[: text.index(chr(0))].count(chr(10)) + 1}: the text holds a NUL")
    return text


def _beginnings(text: str, events: int) -> list[int]:
    """The line on which each event begins: the library does not say."""
    lines = [number for number, line in enumerate(text.split("\n"), start=1) if _BEGIN.fullmatch(line)]
    return lines if len(lines) == events else [1] * events


def _events(text: str, source: str) -> list[Any]:
    try:
        from icalendar import Calendar
    except ImportError:
        raise Invalid("to read iCalendar files, run: pip install 'coopflow[calendar]' (CSV needs nothing)") from None
    if not text.rstrip().upper().endswith("END:VCALENDAR"):  # what is missing would be taken for open days
        raise Invalid(f"{source}: the file is cut off: it does not end with END:VCALENDAR")
    try:
        return [event for calendar in Calendar.from_ical(text, multiple=True) for event in calendar.walk("VEVENT")]
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as problem:
        words = shown(str(problem).split("\n")[0])
        raise Invalid(f"{source}: this is not a whole iCalendar file: {words}") from None


def _moved(events: list[Any]) -> dict[str, set[date]]:
    """The days of series that stand elsewhere in the file, by the series' id."""
    found: dict[str, set[date]] = defaultdict(set)
    for event in events:
        if "RECURRENCE-ID" in event:
            found[str(event.get("UID", ""))].add(_as_day(event["RECURRENCE-ID"].dt))
    return found


def _closures(line: int, event: Any, moved: set[date], *, today: date) -> Iterator[Closure]:
    """The event, once for each year in which it comes back."""
    if event.errors:
        field, words = event.errors[0]
        raise ValueError(f"{field or 'a line'} cannot be read: {shown(words)}")
    if "RDATE" in event:
        raise ValueError("it comes back on a list of days (RDATE); write these as events of their own")
    first, length = _extent(event)
    name = _name(event)
    if "RRULE" not in event:
        yield Closure(line, first, first + length - _DAY, name)
        return
    if isinstance(event["RRULE"], list):
        raise ValueError("it has two rules of how it comes back")
    left_out = moved | _exceptions(event)
    until = date(today.year + YEARS_AHEAD, 12, 31)
    for day in recurring_days(event["RRULE"].to_ical().decode(), first, until=until):
        if day.year >= today.year and day not in left_out:
            yield Closure(line, day, day + length - _DAY, name)


def _extent(event: Any) -> tuple[date, timedelta]:
    """The first day, and how many there are: the end of a whole-day event is the day after its last."""
    if "DTSTART" not in event:
        raise ValueError("it has no beginning (DTSTART)")
    first = event["DTSTART"].dt
    end = event["DTEND"].dt if "DTEND" in event else None
    if isinstance(first, datetime):
        return _midnights(first, end)
    length: timedelta = event["DURATION"].dt if "DURATION" in event else _DAY
    if end is not None:
        length = _as_day(end) - first or _DAY  # some programs write the end of a single day as its beginning
    if length < _DAY or length % _DAY:
        raise ValueError("it ends before it begins" if length < _DAY else _NOT_WHOLE)
    return first, length


_NOT_WHOLE = "it has hours, and a closed day is a whole day; make it an all-day event, or take it out"


def _midnights(first: datetime, end: Any) -> tuple[date, timedelta]:
    """Some programs write whole days from one midnight to another, on the wall clock."""
    whole = isinstance(end, datetime) and first.time() == end.time() == time() and first.tzinfo == end.tzinfo
    if not whole or end <= first or str(first.tzinfo) == "UTC":
        raise ValueError(_NOT_WHOLE)
    return first.date(), end.date() - first.date()


def _exceptions(event: Any) -> set[date]:
    listed = event.get("EXDATE", [])
    return {_as_day(one.dt) for dates in (listed if isinstance(listed, list) else [listed]) for one in dates.dts}


def _as_day(value: Any) -> date:
    return value.date() if isinstance(value, datetime) else value


def _name(event: Any) -> str:
    summary = event.get("SUMMARY", "")
    return " ".join(str(summary[0] if isinstance(summary, list) and summary else summary).split())
