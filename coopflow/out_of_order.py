"""What ticks remember of transports that are out of order, and how a person hears of it: once."""

import json
from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import asdict, replace

from coopflow.core.audit import canonical_json
from coopflow.core.case import ENGINE
from coopflow.core.instants import parse_instant
from coopflow.core.model import Event
from coopflow.core.transports import Trouble
from coopflow.store.meta import find_meta, write_meta
from coopflow.store.store import Store

CHANNELS = ("email", "sms")


def remembered(store: Store) -> dict[str, Trouble]:
    """How it stood with each transport that had failed, when it was tried last."""
    found = {channel: find_meta(store.db, _key(channel)) for channel in CHANNELS}
    return {channel: _read(text) for channel, text in found.items() if text}


def keep_in_mind(
    store: Store, seen: Mapping[str, Trouble], transports: Mapping[str, str], *, now: datetime
) -> list[str]:
    """Write down how it stands now; answer with a line for each transport of which a person must hear."""
    before = remembered(store)
    if before == seen:
        return []
    now_told = {channel: replace(trouble, told=trouble.held) for channel, trouble in seen.items()}
    news = [channel for channel, trouble in now_told.items() if trouble.told and not seen[channel].told]
    well = [channel for channel, trouble in before.items() if trouble.told and channel not in seen]
    with store.transaction():
        for channel in {*before, *now_told}:
            trouble = now_told.get(channel)
            write_meta(store.db, _key(channel), canonical_json(asdict(trouble)) if trouble else "")
        store.log([_held(channel, transports[channel], now_told[channel], now=now) for channel in news])
        store.log([_restored(channel, transports[channel], before[channel], now=now) for channel in well])
    return [held_words(channel, now_told[channel]) for channel in news]


def held_words(channel: str, trouble: Trouble) -> str:
    """Say that a transport is out of order, and what comes of the messages."""
    rest = "a person must mend that" if trouble.until_mended else "they are tried again every 15 minutes"
    return f"messages by {channel} wait: {trouble.reason}; {rest}; see: coopflow doctor"


def _key(channel: str) -> str:
    return f"trouble_{channel}"


def _read(text: str) -> Trouble:
    data = json.loads(text)
    return Trouble(**{**data, **{name: parse_instant(data[name]) for name in ("since", "tried_at")}})


def _held(channel: str, transport: str, trouble: Trouble, *, now: datetime) -> Event:
    data = {"channel": channel, "transport": transport, "reason": trouble.reason}
    return Event(at=now, kind="transport.held", actor=ENGINE, data=data)


def _restored(channel: str, transport: str, trouble: Trouble, *, now: datetime) -> Event:
    data = {"channel": channel, "transport": transport, "since": trouble.since}
    return Event(at=now, kind="transport.restored", actor=ENGINE, data=data)
