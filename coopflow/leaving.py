"""The guard at the way out: has somebody said that messages may really leave, and are there far more than usual?

It stands before the first message of a tick. What it keeps back stays due, with its time unchanged, so that lateness
is judged when it leaves; all else goes on. A person is told once.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from coopflow.core.audit import canonical_json
from coopflow.core.case import ENGINE, Case
from coopflow.core.instants import format_instant, parse_instant
from coopflow.core.leaving import ALWAYS_ALLOWED, BLAST, NOT_LIVE, Room, WayOut, most_at_once, usual
from coopflow.core.model import Entry, Event
from coopflow.core.resting import goes_to_rest
from coopflow.core.settle import advance
from coopflow.store.failures import is_database_trouble
from coopflow.store.meta import find_meta, write_meta
from coopflow.store.store import Store

LIVE = "live"  # who has said that messages may leave, when, and by which transports; empty or missing: nobody
RELEASED = "released"  # how many messages may leave at once, and until when; empty or missing: as usual
KEPT_BACK = "kept_back"  # what a person has been told of messages that stay; empty or missing: none do
LOOK_BACK = timedelta(days=30)
RELEASE_HOLDS = timedelta(days=1)  # later than that, what is due is something else than what was looked at
BATCH = 500  # instances looked at in one go


class Live(Struct, frozen=True):
    """That messages may leave: since when, on whose word, by which transports."""

    since: datetime
    by: str
    transports: str


# -- in a tick ----------------------------------------------------------------------------------------------------


def look_for_room(store: Store, way_out: WayOut, *, limit: int | None = None, now: datetime) -> Room:
    """How many messages may leave in this tick."""
    if not way_out.reaches_families:
        if live_since(store) is not None:
            _end(store, f"deliver is {way_out.deliver}", now=now)
        return Room()
    live = live_since(store)
    if live is not None and live.transports != way_out.transports:
        _end(store, "the channels, or who may be written to, have changed", now=now)
        live = None
    if live is None:
        return Room(left=0, why_not=NOT_LIVE, stopped=True)
    return _guard(store, live, limit=limit, now=now)


def keeps_back(room: Room, case: Case, entry: Entry) -> bool:
    """Whether a message stays; it is marked then, and not looked at again before there is room."""
    if not room.closed and goes_to_rest(case, entry):
        return False  # it does not leave yet
    if room.take():
        return False
    entry.reason = room.why_not
    return True


def tell_of_room(store: Store, room: Room, *, now: datetime) -> list[str]:
    """What a person must be told after the tick: once, until it has changed."""
    waiting = kept_back(store, room.why_not, now=now) if room.stopped else 0
    if not room.closed and not waiting:
        _forget(store)
        return []
    if told(store) == room.why_not:
        return []
    with store.transaction():
        write_meta(store.db, KEPT_BACK, room.why_not)
        data = {"reason": room.why_not, "messages": waiting}
        store.log([Event(at=now, kind="delivery.held", actor=ENGINE, data=data)])
    return [words_about(room.why_not, waiting)]


def _forget(store: Store) -> None:
    if told(store) is not None:
        with store.transaction():
            write_meta(store.db, KEPT_BACK, "")


def _guard(store: Store, live: Live, *, limit: int | None, now: datetime) -> Room:
    if store.leaving.count_due(now=now) <= ALWAYS_ALLOWED:
        return Room(left=ALWAYS_ALLOWED)  # what is more than that after all leaves with the next tick
    most = allowed_at_once(store, live, now=now)
    if would_leave(store, at_most=most, limit=limit, now=now) <= most:
        return Room(left=most)
    released = _take_release(store, now=now)
    return Room(left=0, stopped=True) if released is None else Room(left=max(most, released))


def _take_release(store: Store, *, now: datetime) -> int | None:
    """The number of messages that a person has let go, once; None: nobody has, or it was too long ago."""
    said = _said(store, RELEASED)
    if said is None:
        return None
    with store.transaction():
        write_meta(store.db, RELEASED, "")
    return int(said["messages"]) if now <= parse_instant(said["until"]) else None


def _end(store: Store, reason: str, *, now: datetime) -> None:
    with store.transaction():
        write_meta(store.db, LIVE, "")
        write_meta(store.db, RELEASED, "")
        store.log([Event(at=now, kind="delivery.ended", actor=ENGINE, data={"reason": reason})])


# -- what is known ------------------------------------------------------------------------------------------------


def live_since(store: Store) -> Live | None:
    """Who has said that messages may leave; None: nobody has."""
    said = _said(store, LIVE)
    return None if said is None else Live(parse_instant(said["since"]), said["by"], said["transports"])


def told(store: Store) -> str | None:
    """Why messages stay, as a person has been told; None: none do."""
    return find_meta(store.db, KEPT_BACK) or None


def kept_back(store: Store, why: str, *, now: datetime) -> int:
    """How many messages are due and stay for this reason."""
    return store.leaving.count_due(now=now, reason=why)


def allowed_at_once(store: Store, live: Live, *, now: datetime) -> int:
    """How many messages may leave in one tick without being asked for, as things went since it is live.

    Today does not count: else what goes wrong would make itself usual, three times as much with every tick.
    """
    tz = store.coop.calendar.tz
    today = now.astimezone(tz).date()
    ticks = store.leaving.messages_by_tick(since=max(live.since, now - LOOK_BACK))
    days = ((at.astimezone(tz).date(), messages) for at, messages in ticks)
    return most_at_once(usual((day, messages) for day, messages in days if day < today))


def would_leave(store: Store, *, at_most: int, limit: int | None = None, now: datetime) -> int:
    """How many messages would leave in a tick now; once it is more than `at_most`, it is not counted on."""
    due = store.leaving.count_due(now=now)
    if due <= at_most:
        return due  # each branch hands over one message at a time
    waiting = kept_back(store, BLAST, now=now)
    if waiting > at_most:
        return waiting
    ids = store.cases.due(now=now, limit=due if limit is None else limit)
    found = 0
    for start in range(0, len(ids), BATCH):
        found += _leaving_of(store, ids[start : start + BATCH], now=now)
        if found > at_most:
            break
    return found


def _leaving_of(store: Store, ids: Sequence[int], *, now: datetime) -> int:
    """The messages of these instances; one that trips over a fault is set aside when its turn comes, not here."""
    try:
        return sum(_leaving(case, now=now) for case in store.cases.load(ids, now=now))
    except Exception as error:
        if is_database_trouble(error):
            raise
    return sum(_leaving_of(store, [number], now=now) for number in ids) if len(ids) > 1 else 0


def _leaving(case: Case, *, now: datetime) -> int:
    """The messages of one case, which is used up by the question."""
    return sum(not goes_to_rest(case, entry) for entry, _ in advance(case, now=now))


def words_about(why: str, waiting: int) -> str:
    """What a person is told of messages that stay, and what to do."""
    messages = {0: "nothing is due yet", 1: "1 message waits"}.get(waiting, f"{waiting:,} messages wait")
    if why == NOT_LIVE:
        return (
            f"deliver is live, and nobody has said yet that messages may really leave: {messages}, all else goes on."
            " See what would leave, and say so: coopflow go-live"
        )
    return (
        f"more messages than usual would leave at once: {messages}, all else goes on."
        " See them, and let them go: coopflow release"
    )


def _said(store: Store, key: str) -> Mapping[str, Any] | None:
    text = find_meta(store.db, key)
    return dict(json.loads(text)) if text else None


# -- a person's word ----------------------------------------------------------------------------------------------


def go_live(store: Store, way_out: WayOut, *, due: int, actor: str, now: datetime) -> None:
    """Let messages really leave from the next tick on."""
    said = {"since": format_instant(now), "by": actor, "transports": way_out.transports}
    with store.transaction():
        write_meta(store.db, LIVE, canonical_json(said))
        write_meta(store.db, KEPT_BACK, "")
        data = {"transports": way_out.transports, "due": due}
        store.log([Event(at=now, kind="delivery.live", actor=actor, data=data)])


def release(store: Store, messages: int, *, actor: str, now: datetime) -> None:
    """Let so many messages leave at once, one time."""
    said = {"messages": messages, "until": format_instant(now + RELEASE_HOLDS)}
    with store.transaction():
        write_meta(store.db, RELEASED, canonical_json(said))
        store.log([Event(at=now, kind="delivery.released", actor=actor, data={"messages": messages})])
