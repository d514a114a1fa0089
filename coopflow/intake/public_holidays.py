"""Public holidays of a country, as the library `holidays` knows them: asked at an import, never by a tick."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

from coopflow.core.closed_days import calendar_name
from coopflow.core.wording import nearest, shown
from coopflow.errors import CoopflowError, Usage

if TYPE_CHECKING:
    from holidays import HolidayBase

FIRST_YEAR, LAST_YEAR = 2000, 2100
MOST_YEARS = 20

_OFTEN_MEANT = {"EN": "GB", "EL": "GR"}
_YEARS = re.compile(r"([0-9]{4})(?:-([0-9]{4}))?")


class PublicHolidays(NamedTuple):
    """The days on which a place has a public holiday, in some years."""

    calendar: str
    days: Mapping[date, str]
    source: str


def public_holidays(country: str, subdivision: str | None, years: Sequence[int]) -> PublicHolidays:
    """The holidays with their names; raise Usage for a place that is not known, or a year without any."""
    try:
        import holidays
    except ImportError:
        raise CoopflowError("public holidays need one more package; run: pip install 'coopflow[holidays]'") from None
    place = _place(country)
    country = place.country  # some places have two codes
    code = None if subdivision is None else _subdivision(place, country, subdivision)
    found = holidays.country_holidays(country, subdiv=code, years=years)
    days = {day: " ".join(name.split()) for day, name in sorted(found.items()) if day.year in years}
    if bare := [year for year in years if not any(day.year == year for day in days)]:
        raise Usage(f"no public holidays of {country} are known for {bare[0]}")
    return PublicHolidays(calendar_name(country, code), days, f"holidays {version('holidays')}")


def asked_years(texts: Sequence[str], *, today: date) -> list[int]:
    """The years of `--year 2027` and `--year 2026-2028`, in order; without any, this one and the next."""
    if not texts:
        return [today.year, today.year + 1]
    years: set[int] = set()
    for text in texts:
        years.update(_range(text.strip()))
    if len(years) > MOST_YEARS:
        raise Usage(f"--year: {len(years)} years; at most {MOST_YEARS} at once are possible")
    return sorted(years)


def _range(text: str) -> range:
    found = _YEARS.fullmatch(text)
    if not found:
        raise Usage(f"--year: {shown(text)} is not a year; write 2027, or 2026-2028")
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise Usage(f"--year: {shown(text)} ends before it begins")
    if first < FIRST_YEAR or last > LAST_YEAR:
        raise Usage(f"--year: {shown(text)} is not between {FIRST_YEAR} and {LAST_YEAR}")
    return range(first, last + 1)


def _place(country: str) -> "HolidayBase":
    import holidays

    if re.fullmatch(r"[A-Z]{2}", country.upper()):
        try:
            return holidays.country_holidays(country.upper())
        except NotImplementedError:
            pass
    hint = _country_meant(country.upper())
    raise Usage(f"no public holidays are known for the country {shown(country)}{hint}; write its two letters, as in US")


def _country_meant(country: str) -> str:
    from holidays.registry import COUNTRIES

    codes = {name.replace("_", " ").upper(): words[1] for name, words in COUNTRIES.items()}
    codes |= {words[2]: words[1] for words in COUNTRIES.values()}
    meant = _OFTEN_MEANT.get(country) or codes.get(country)
    if meant is None and len(country) > 3 and (name := nearest(country, codes, likeness=0.75)):
        meant = codes[name]
    return f" (did you mean '{meant}'?)" if meant else ""


def _subdivision(place: "HolidayBase", country: str, text: str) -> str:
    """The code of a state or province; its name will do."""
    aliases: Mapping[str, str] = getattr(place, "subdivisions_aliases", {})
    known = {code.casefold(): code for code in place.subdivisions}
    known |= {name.casefold(): code for name, code in aliases.items()}
    word = text.casefold().removeprefix(f"{country.casefold()}-")
    if word in known:
        return known[word]
    if not place.subdivisions:
        raise Usage(f"{country} has the same public holidays everywhere; leave out the subdivision {shown(text)}")
    near = nearest(word, known, likeness=0.75) if len(word) > 3 else None
    hint = f" (did you mean '{known[near]}'?)" if near else f"; there are {', '.join(place.subdivisions)}"
    raise Usage(f"{country} has no subdivision {shown(text)}{hint}")
