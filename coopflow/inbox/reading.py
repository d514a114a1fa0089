"""Reads every source: what has come in is taken in one by one, and a source that cannot be read stops nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from msgspec import Struct, field

from coopflow.core.instants import format_instant, parse_instant
from coopflow.inbox.source import LOOKS_BACK, Source, Unreachable
from coopflow.inbox.taking import Ours, Taken, take
from coopflow.store.failures import is_database_trouble
from coopflow.store.store import Store

TAKES = 20  # seconds: what has not been taken in by then waits for the next reading
MOST = 200  # things taken in at one reading; the rest waits for the next
PATIENCE = timedelta(minutes=5)  # a tick leaves a source that it cannot read alone so long


class InboxReport(Struct):
    """What one reading of the inbox came to."""

    taken: list[Taken] = field(default_factory=list)
    news: list[str] = field(default_factory=list)  # sources that cannot be read, told once
    troubled: list[str] = field(default_factory=list)  # all of them


def read_inbox(
    store: Store, sources: Sequence[Source], ours: Ours, *, now: datetime, patient: bool = False, limit: int = MOST
) -> InboxReport:
    """Take in what has come; `patient` leaves a source that could not be read a moment ago alone."""
    report, end = InboxReport(), monotonic() + TAKES
    for source in sources:
        if monotonic() > end:
            break
        trouble = store.inbox.trouble(source.name)
        if patient and trouble and parse_instant(trouble["again"]) > now:
            continue
        try:
            _read(store, source, ours, report, now=now, limit=limit - len(report.taken), end=end)
        except Unreachable as problem:
            _troubled(store, source.name, str(problem), trouble, report, now=now)
            continue
        except Exception as problem:
            if is_database_trouble(problem):
                raise
            words = f"fault in coopflow: {type(problem).__name__}"  # not its text, which may be anybody's
            _troubled(store, source.name, words, trouble, report, now=now)
            continue
        if trouble:
            with store.transaction():
                store.inbox.set_trouble(source.name, {})
    return report


def _read(
    store: Store, source: Source, ours: Ours, report: InboxReport, *, now: datetime, limit: int, end: float
) -> None:
    since = store.inbox.first_contact(source.name)
    found = source.fetch(store.inbox, since=since or now - LOOKS_BACK, limit=limit, now=now) if limit > 0 else []
    if since is None:
        with store.transaction():
            store.inbox.begin(source.name, since=now - LOOKS_BACK)
    for arrived in found:
        if monotonic() > end:
            return
        taken = take(store, source.name, arrived, ours, now=now)
        report.taken.append(taken)
        if taken.kind == "unreadable" and not taken.again:
            named = arrived.name or f"item {taken.item_id}"
            more = f"coopflow inbox show {taken.item_id}"
            report.news.append(f"{source.name}: {named} cannot be read: {taken.reason}; {more}")
        try:
            arrived.taken()
        except OSError as problem:
            raise Unreachable(f"{arrived.name} cannot be put away: {(problem.strerror or '').lower()}") from None


def _troubled(
    store: Store, name: str, words: str, before: Mapping[str, Any], report: InboxReport, *, now: datetime
) -> None:
    report.troubled.append(f"{name}: {words}")
    if before.get("words") != words:
        report.news.append(f"the inbox {name} cannot be read: {words}; it is tried again by itself")
    trouble = {
        "words": words,
        "since": before.get("since") or format_instant(now),
        "again": format_instant(now + PATIENCE),
    }
    with store.transaction():
        store.inbox.set_trouble(name, trouble)
