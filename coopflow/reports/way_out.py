"""What would leave the house, and what stands in the way of that: what is looked at before messages really leave."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from coopflow.core.leaving import LIVE
from coopflow.reports.agenda import WHATS, agenda
from coopflow.reports.matters import is_silent
from coopflow.reports.words import counted, joined
from coopflow.store.store import Store

SOON = timedelta(hours=24)
CHANNELS = {WHATS[channel]: channel for channel in ("email", "sms")}
PLURALS = {"email": "emails", "sms": "texts"}
OUTBOX = "outbox"


class Departure(Struct, frozen=True, kw_only=True):
    """One message that would leave."""

    at: datetime
    channel: str
    to: str | None
    family_id: str
    family_name: str
    name: str
    workflow: str
    instance_id: int


class Obstacle(Struct, frozen=True):
    """What stands in the way; one that does not forbid it is a warning."""

    forbids: bool
    words: str


def departures(store: Store, *, since: datetime, until: datetime) -> list[Departure]:
    """The messages that would leave up to an instant, if nobody answers and all are accepted."""
    planned = [one for one in agenda(store, since=since, until=until) if one.what in CHANNELS]
    families = store.families({str(one.family_id) for one in planned}, scores=False)
    found = []
    for one in planned:
        family, channel = families[str(one.family_id)], CHANNELS[one.what]
        found.append(
            Departure(
                at=one.at,
                channel=channel,
                to=family.phone if channel == "sms" else family.email,
                family_id=family.family_id,
                family_name=family.family_name,
                name=one.name,
                workflow=str(one.workflow),
                instance_id=int(one.instance_id or 0),
            )
        )
    return found


def count_words(found: Sequence[Departure]) -> str:
    """`12 messages (9 emails, 3 texts) to 11 families`."""
    if not found:
        return "no message"
    channels = Counter(one.channel for one in found)
    kinds = joined([many(channel, number) for channel, number in sorted(channels.items())])
    families = len({one.family_id for one in found})
    whom = "1 family" if families == 1 else f"{families:,} families"
    return f"{counted(len(found), 'message')} ({kinds}) to {whom}"


def many(channel: str, number: int) -> str:
    """`1 text`, `1,200 emails`."""
    return f"{number:,} {_plural(channel, number)}"


def _plural(channel: str, number: int) -> str:
    return PLURALS[channel] if number != 1 else PLURALS[channel].removesuffix("s")


def obstacles(
    store: Store,
    transports: Mapping[str, str],
    *,
    deliver: str,
    missing: Iterable[str],
    now: datetime,
) -> Iterator[Obstacle]:
    """What stands in the way of messages that really leave.

    `transports` is what each channel is handed over by, `missing` what the configuration lacks for outreach by mail.
    """
    if deliver != LIVE:
        yield Obstacle(True, f"deliver is {deliver}: set deliver: live in coopflow.yaml first")
    leaving = [channel for channel, transport in transports.items() if transport != OUTBOX]
    if not leaving and deliver == LIVE:
        yield Obstacle(True, "no channel has a transport that reaches anybody: every message would become a file")
    for channel in [found for found in transports if leaving and found not in leaving]:
        yield Obstacle(False, f"{PLURALS[channel]} do not leave: their transport is the outbox")
    for channel in [found for found in leaving if found not in store.leaving.proven()]:
        untried = f"no {_plural(channel, 1)} has left by {transports[channel]} yet"
        yield Obstacle(False, f"{untried}: try deliver: redirect, or coopflow send-test")
    if "email" in leaving:
        yield from (Obstacle(False, words) for words in missing)
    if rehearsed := store.leaving.rehearsed():
        yield Obstacle(False, _half_told(rehearsed))
    if is_silent(store.looking.last_tick(), now=now):
        yield Obstacle(False, "cron does not run coopflow at the moment, so nothing would leave by itself")


def _half_told(rehearsed: Mapping[str, int]) -> str:
    """Of instances that began while messages were files, or went to somebody here."""
    number = sum(rehearsed.values())
    have = "1 running instance has" if number == 1 else f"{number:,} running instances have"
    which = ", ".join(f"{workflow} {instances:,}" for workflow, instances in rehearsed.items())
    return (
        f"{have} messages behind them that no family got ({which}), and what comes next may speak of those; to begin"
        " without them: coopflow cancel --workflow NAME"
    )


def as_document(soon: Sequence[Departure], found: Sequence[Obstacle], *, now: datetime, first: int) -> dict[str, Any]:
    """All of it for programs."""
    due = [one for one in soon if one.at <= now]
    return {
        "due_now": len(due),
        "families_now": len({one.family_id for one in due}),
        "next_24_hours": len(soon) - len(due),
        "obstacles": [asdict(one) for one in found],
        "first": [asdict(one) for one in soon[:first]],
    }
