"""Closed days from a file: an iCalendar file (.ics), or CSV with the columns `day` or `from` and `to`, and `name`.

A closed day is a whole day. An entry with hours is refused and not left out: the file is then probably the calendar of
what the co-op does, and its days are not closed.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import BinaryIO

from coopflow.core.wording import did_you_mean, shown
from coopflow.errors import Invalid
from coopflow.intake.closures import Closure, Misfit
from coopflow.intake.csv_text import CsvText
from coopflow.intake.lines import Lines
from coopflow.intake.unfit import Unfit, described

MOST_BYTES = 1_000_000
MOST_DAYS = 4_000  # eleven years without a break
LONGEST_CLOSURE = 366  # days; a longer one is a slip in the year
LONGEST_NAME = 200
YEARS = range(2000, 2101)

_HEADERS = ("day,name", "from,to,name")


def read_closed_days(stream: BinaryIO, source: str, *, today: date) -> dict[date, str]:
    """The closed days of a file and their names; raise Invalid with all that is wrong in it."""
    content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Invalid(f"{source}: the file is larger than {MOST_BYTES:,} bytes; a calendar of closed days is small")
    try:
        start = b"".join(Lines(io.BytesIO(content)).look_ahead(1)).strip()
    except Unfit as problem:
        raise Invalid(f"{source}: {problem.sentence}") from None
    if not start:
        raise Invalid(f"{source}: the file is empty; expected an iCalendar file, or CSV with the header {_HEADERS[0]}")
    if start.upper() == b"BEGIN:VCALENDAR":
        from coopflow.intake.ical_text import closures_of  # its library is an extra, and needed for this only

        return _days(closures_of(content, source, today=today), source)
    if source.lower().endswith((".ics", ".ical")):
        raise Invalid(f"{source}:1: this is not an iCalendar file: it does not begin with BEGIN:VCALENDAR")
    return _days(_from_csv(CsvText(_lines(content), name=source), source), source)


def _days(found: Iterable[Closure | Misfit], source: str) -> dict[date, str]:
    closures: list[Closure] = []
    wrong: list[Misfit] = []
    for one in found:
        if isinstance(one, Closure):
            try:
                _require_sense(one)
            except ValueError as problem:
                one = Misfit(one.line, Unfit(str(problem)))
        if isinstance(one, Closure):
            closures.append(one)
        else:
            wrong.append(one)
    if wrong:
        lines = [f"{source}:{misfit.line}: {misfit.problem.sentence}" for misfit in sorted(wrong, key=lambda m: m.line)]
        lines = [*lines[:50], *([f"and {len(lines) - 50:,} more"] if len(lines) > 50 else [])]
        raise Invalid("\n".join([*lines, "Nothing was imported: mend the file and import it again."]))
    if not closures:
        raise Invalid(f"{source}: there is no closed day in it; to forget a calendar: coopflow calendar remove NAME")
    days = spread_out(closures)
    if len(days) > MOST_DAYS:
        raise Invalid(f"{source}: {len(days):,} closed days; at most {MOST_DAYS:,} are possible")
    return days


def spread_out(closures: Iterable[Closure]) -> dict[date, str]:
    """Every single day with its name; where two say why a day is closed, both do."""
    names: dict[date, dict[str, None]] = {}
    for closure in closures:
        for number in range((closure.last - closure.first).days + 1):
            names.setdefault(closure.first + timedelta(number), {}).setdefault(closure.name)
    return {day: "; ".join(filter(None, names[day])) for day in sorted(names)}


def _require_sense(closure: Closure) -> None:
    """Raise ValueError, a sentence, for what must be a slip."""
    if closure.last < closure.first:
        raise ValueError(f"{closure.first} to {closure.last} ends before it begins")
    for day in (closure.first, closure.last):
        if day.year not in YEARS:
            raise ValueError(f"{day} is not between {YEARS[0]} and {YEARS[-1]}")
    if (closure.last - closure.first).days >= LONGEST_CLOSURE:
        raise ValueError(f"{closure.first} to {closure.last} is longer than a year")
    if len(closure.name) > LONGEST_NAME:
        raise ValueError(f"the name has {len(closure.name)} characters, and at most {LONGEST_NAME} are possible")


# -- CSV ----------------------------------------------------------------------------------------------------------


def _lines(content: bytes) -> Lines:
    lines = Lines(io.BytesIO(content))
    lines.look_ahead(1)  # this is what takes a byte order mark off
    return lines


def _from_csv(table: CsvText, source: str) -> Iterator[Closure | Misfit]:
    _require_columns(table.columns, source)
    for line, row in table.records():
        if isinstance(row, Unfit):
            yield Misfit(line, row)
            continue
        try:
            yield _closure(line, row)
        except Unfit as problem:
            yield Misfit(line, problem)


def _closure(line: int, row: Mapping[str, str]) -> Closure:
    first = _day(row, "day" if "day" in row else "from")
    last = _day(row, "to") if row.get("to", "").strip() else first
    return Closure(line, first, last, " ".join(row["name"].split()))


def _require_columns(columns: Sequence[str], source: str) -> None:
    if set(columns) in ({"day", "name"}, {"from", "to", "name"}):
        return
    expected = f"expected the header {_HEADERS[0]} or {_HEADERS[1]}, or an iCalendar file (.ics)"
    odd = next((name for name in columns if name not in ("day", "from", "to", "name")), None)
    hint = did_you_mean(odd.lower(), ("day", "from", "to", "name")) if odd else ""
    found = f"there is a column {shown(odd)}{hint}" if odd else f"the columns are {', '.join(columns)}"
    raise Invalid(f"{source}:1: {found}; {expected}")


def _day(row: Mapping[str, str], column: str) -> date:
    text = row[column].strip()
    if not text:
        raise Unfit("it is empty; write for example 2026-12-21", field=column)
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Unfit("is not a day; write it as in 2026-12-21", found=described(text), field=column)
