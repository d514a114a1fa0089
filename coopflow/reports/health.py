"""Is all well? What `doctor` looks at, one question each; a new one is a function in the list."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from msgspec.structs import asdict

from coopflow.clock import ACCEPT, held_clock, look_at_clock
from coopflow.core.instants import parse_instant
from coopflow.core.invariants import broken_promises
from coopflow.core.timing import ALWAYS, NeverOpens, OpenHours, next_open
from coopflow.core.windows import TEXT_HOURS
from coopflow.core.zones import is_zone
from coopflow.leaving import live_since
from coopflow.out_of_order import remembered
from coopflow.replanning import planned_by
from coopflow.reports import machine
from coopflow.reports.findings import Finding as Finding
from coopflow.reports.findings import Level as Level
from coopflow.reports.findings import Premises as Premises
from coopflow.reports.findings import length
from coopflow.reports.matters import is_silent, kept_back
from coopflow.reports.transports import settings_faults, troubles, ways_out
from coopflow.reports.words import counted, joined
from coopflow.store.database import problems
from coopflow.zone_data import Disagreement, ZoneData, disagreements

AHEAD = timedelta(days=730)  # how far the two sources of time-zone data are compared
HOLIDAYS_WARNING = timedelta(days=90)
FEW = 5  # examples in a sentence
BATCH = 500


def examine(premises: Premises) -> list[Finding]:
    """Ask every question, in the order in which things depend on each other."""
    return [finding for check in CHECKS for finding in check(premises)]


def person_needed(findings: Sequence[Finding]) -> bool:
    """Whether anything is bad."""
    return any(finding.level is Level.BAD for finding in findings)


def as_document(findings: Sequence[Finding]) -> dict[str, Any]:
    """The findings for programs."""
    return {"person_needed": person_needed(findings), "checks": [asdict(finding) for finding in findings]}


def last_tick(premises: Premises) -> Iterator[Finding]:
    """Does cron run coopflow?"""
    beat = premises.store.looking.last_tick()
    if beat is None:
        yield Finding("last tick", Level.BAD, "coopflow has never been run by cron", "coopflow tick, and the cron line")
    elif beat > premises.now + timedelta(minutes=5):
        words = f"the last tick is dated {premises.text(beat)}, which has not come yet"
        yield Finding("last tick", Level.WARNING, words, "compare the machine's clock: date")
    elif is_silent(beat, now=premises.now):
        words = f"cron has not run coopflow for {length(premises.now - beat)}, since {premises.text(beat)}"
        yield Finding("last tick", Level.BAD, words, "look at the cron line with: crontab -l, or run: coopflow tick")
    else:
        yield Finding("last tick", Level.GOOD, f"{length(premises.now - beat)} ago")


def clock(premises: Premises) -> Iterator[Finding]:
    """Can the clock be believed?"""
    doubts = held_clock(premises.store) or look_at_clock(premises.store, wall=premises.now).held
    if doubts is None:
        yield Finding("clock", Level.GOOD, f"it shows {premises.text(premises.now)}")
    else:
        remedy = f"set the clock; or if it is right, say so: {ACCEPT}"
        yield Finding("clock", Level.BAD, f"{doubts}; nothing is done until it is right", remedy)


def zone_data(premises: Premises) -> Iterator[Finding]:
    """Which time-zone data is used, and does the other one say the same?"""
    used = premises.zone_data
    version = used.version or "of an unknown version"
    newest, _ = planned_by(premises.store)
    if newest is not None and (used.version or "") < newest:
        words = f"the {used.source} time-zone data is {version}, older than {newest}, by which steps were planned"
        yield Finding("time-zone data", Level.BAD, words, "pip install --upgrade tzdata")
        return
    other = {"system": "bundled", "bundled": "system's"}[used.source]
    beside = f"; the {other} is {used.other_version}" if used.other_version else ""
    yield Finding("time-zone data", Level.GOOD, f"{version}, the {used.source} one{beside}")
    zones = [key for key in _zones(premises) if is_zone(key)]
    for found in disagreements(zones, since=premises.now, until=premises.now + AHEAD):
        yield Finding("time-zone data", Level.WARNING, _disagreeing(found, premises), _newer(used))


def unknown_zones(premises: Premises) -> Iterator[Finding]:
    """Is every family in a zone that exists?"""
    unknown = [key for key in _zones(premises) if not is_zone(key)]
    families = premises.store.looking.families_in(unknown) if unknown else []
    if not families:
        yield Finding("families' zones", Level.GOOD, "every family's time zone is known")
        return
    named = [f"{row['family_id']} ({row['time_zone']})" for row in families[:FEW]]
    more = [f"{len(families) - FEW:,} more"] if len(families) > FEW else []
    who = "is 1 family" if len(families) == 1 else f"are {len(families):,} families"
    words = (
        f"there {who} in a zone that the time-zone data does not have, so nothing goes to: {joined([*named, *more])}"
    )
    yield Finding("families' zones", Level.BAD, words, "correct the column time_zone: coopflow family import FILE")


def holidays(premises: Premises) -> Iterator[Finding]:
    """Are the public holidays known for long enough?"""
    known = premises.store.coop.calendar.holidays_until
    today = premises.now.astimezone(premises.store.coop.calendar.tz).date()
    remedy = "coopflow calendar import --country COUNTRY --year YEAR"
    if known is None:
        yield Finding("holidays", Level.WARNING, "no public holidays are known: every weekday counts as one", remedy)
    elif known < today:
        yield Finding("holidays", Level.BAD, f"public holidays are known only until {_day(known)}", remedy)
    elif known - today < HOLIDAYS_WARNING:
        yield Finding("holidays", Level.WARNING, f"public holidays are known only until {_day(known)}", remedy)
    else:
        yield Finding("holidays", Level.GOOD, f"public holidays are known until {_day(known)}")


def windows(premises: Premises) -> Iterator[Finding]:
    """Does every window open, and may texts leave in it?"""
    calendar = premises.store.coop.calendar
    text_hours = calendar.window(TEXT_HOURS.name)
    shut = []
    for window in calendar.windows.values():
        try:
            next_open(premises.now, [OpenHours((window, text_hours), calendar.tz, calendar.closed_days)])
        except NeverOpens:
            shut.append(window.name)
    for name in shut:
        words = f"the window {name} and the hours for texts are never open together, so no text can leave in it"
        yield Finding("windows", Level.WARNING, words, "change the hours under windows: in coopflow.yaml")
    if not shut:
        own = [name for name in calendar.windows if name != ALWAYS.name]
        yield Finding("windows", Level.GOOD, f"{joined(own)} have openings ahead")


def delivery(premises: Premises) -> Iterator[Finding]:
    """Do messages leave, and does anything keep them back?"""
    deliver, live = premises.config.deliver, live_since(premises.store)
    kept = list(kept_back(premises.store, now=premises.now))
    for matter in kept:
        yield Finding("delivery", Level.BAD, matter.words, matter.command)
    if kept:
        return
    if deliver == "outbox":
        yield Finding("delivery", Level.GOOD, "deliver is outbox: every message becomes a file, and none leaves")
    elif deliver == "redirect":
        to = joined(list(premises.config.redirect_to.values()))
        yield Finding("delivery", Level.GOOD, f"deliver is redirect: every message goes to {to}")
    elif live is None:
        words = "deliver is live, and nobody has said yet that messages may really leave"
        yield Finding("delivery", Level.BAD, words, "coopflow go-live")
    else:
        since = premises.text(live.since)
        yield Finding("delivery", Level.GOOD, f"messages really leave, since {since}, on the word of {live.by}")


def database(premises: Premises) -> Iterator[Finding]:
    """Is the file sound?"""
    wrong = problems(premises.store.db)
    for words in wrong[:FEW]:
        yield Finding("database", Level.BAD, f"the file is damaged: {words}", "put the last good copy in its place")
    indexes = problems(premises.store.db, thorough=True) if premises.thorough and not wrong else []
    for words in indexes[:FEW]:
        remedy = f"coopflow backup FILE, then: sqlite3 {premises.database} REINDEX"
        yield Finding("database", Level.BAD, f"an index does not agree with its table: {words}", remedy)
    if not wrong and not indexes:
        yield Finding("database", Level.GOOD, "the file is sound")


def transports(premises: Premises) -> Iterator[Finding]:
    """Do messages leave?"""
    in_use = premises.config.deliver != "outbox"
    faults = list(settings_faults(premises.config))
    for words in faults:
        remedy = "see channels: in coopflow.yaml"
        yield Finding("transports", Level.BAD if in_use else Level.WARNING, words, remedy)
    held = list(troubles(remembered(premises.store), premises.text))
    yield from (Finding("transports", Level.BAD, words, remedy) for words, remedy in held)
    if not faults and not held:
        yield Finding("transports", Level.GOOD, ways_out(premises.config))


def instances(premises: Premises) -> Iterator[Finding]:
    """Does every active instance have a due time, an open task or an awaited event?"""
    ids = premises.store.cases.active()
    broken = [
        problem for start in range(0, len(ids), BATCH) for problem in _broken(premises, ids[start : start + BATCH])
    ]
    for number, words in broken[:FEW]:
        yield Finding("instances", Level.BAD, f"instance {number}: {words}", f"coopflow show {number}")
    if len(broken) > FEW:
        yield Finding("instances", Level.BAD, f"and {len(broken) - FEW:,} more that are stuck")
    if not broken:
        yield Finding("instances", Level.GOOD, f"{counted(len(ids), 'active instance')}, none of them stuck")


def inbox(premises: Premises) -> Iterator[Finding]:
    """Can everything be read that answers come in to, and is it known whose they are?"""
    found = premises.store.inbox
    names = [str(source["name"]) for source in premises.config.inbox]
    for name in names:
        if trouble := found.trouble(name):
            since = premises.text(parse_instant(trouble["since"]))
            yield Finding(
                "inbox", Level.BAD, f"{name} cannot be read since {since}: {trouble['words']}", "coopflow inbox"
            )
    if unmatched := found.unmatched():
        words = f"{counted(unmatched, 'item')} of which nobody has said whose they are"
        yield Finding("inbox", Level.WARNING, words, "coopflow inbox list --unmatched")
    if names and not unmatched and not any(map(found.trouble, names)):
        yield Finding("inbox", Level.GOOD, f"{joined(names)} can be read")


def permissions(premises: Premises) -> Iterator[Finding]:
    """Can others on this machine read what is private, or change what coopflow goes by?"""
    private = [premises.database, premises.config.outbox]
    open_to_all = [path for path in private if path.exists() and path.stat().st_mode & 0o077]
    ruling = [premises.config.path, premises.config.workflows]
    changeable = [path for path in ruling if path.exists() and path.stat().st_mode & 0o002]
    for path in open_to_all:
        words = f"others on this machine can open {path}, which names families"
        yield Finding("permissions", Level.WARNING, words, f"chmod go-rwx {path}")
    for path in changeable:
        words = f"anyone on this machine can change {path}, which coopflow goes by"
        yield Finding("permissions", Level.BAD, words, f"chmod o-w {path}")
    if not open_to_all and not changeable:
        yield Finding("permissions", Level.GOOD, "what is private can be opened by its owner only")


CHECKS: tuple[Callable[[Premises], Iterator[Finding]], ...] = (
    last_tick,
    clock,
    zone_data,
    unknown_zones,
    holidays,
    windows,
    delivery,
    database,
    transports,
    instances,
    inbox,
    permissions,
    *machine.CHECKS,
)


def _zones(premises: Premises) -> list[str]:
    """Every zone that somebody's clock is in."""
    return sorted({premises.store.coop.calendar.tz.key, *premises.store.looking.zones()})


def _disagreeing(found: Disagreement, premises: Premises) -> str:
    since = "already" if found.at <= premises.now else f"from {premises.text(found.at)} on"
    ahead = f"{_ahead(found.system)} by the system's data, {_ahead(found.bundled)} by the bundled"
    return f"{found.zone} is {since} {ahead}; coopflow goes by the {premises.zone_data.source} data"


def _newer(used: ZoneData) -> str:
    older = "the system's package tzdata" if used.source == "bundled" else "the bundled one: pip install -U tzdata"
    return f"bring {older} up to date, so that other programs agree"


def _ahead(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{abs(minutes) // 60}:{abs(minutes) % 60:02}"


def _broken(premises: Premises, ids: Sequence[int]) -> Iterator[tuple[int, str]]:
    """What is wrong with these instances; one that cannot even be read is named as well."""
    try:
        cases = premises.store.cases.load(ids)
    except (ValueError, KeyError, TypeError) as problem:
        if len(ids) == 1:
            yield ids[0], f"it cannot be read: {problem}"
            return
        for number in ids:
            yield from _broken(premises, [number])
        return
    yield from ((case.instance.instance_id, words) for case in cases for words in broken_promises(case))


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
