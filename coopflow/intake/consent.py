"""Whether a family may be written to: each change with when, how and by whom, in force from the next last call on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from coopflow.core.instants import format_instant
from coopflow.core.model import Event, Family
from coopflow.events import take_event
from coopflow.store.store import Store
from coopflow.triggers import require_family

CHANNELS = ("email", "sms")
BY_HAND = "hand"  # how: a person wrote it down, as against a reply or a link


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentChange:
    """What became of one change of consent."""

    family: Family
    channels: Sequence[str]  # on which something changed; none, when all was so already
    touched: Sequence[int] = ()  # instances that were woken or ended by it


def change_consent(
    store: Store,
    family_id: str,
    channels: Sequence[str],
    *,
    allowed: bool,
    reason: str | None,
    actor: str,
    now: datetime,
    how: str = BY_HAND,
) -> ConsentChange:
    """Record that a family may, or may not, be reached by these channels, inside the caller's transaction.

    An opt-out is an outside event too, so that conditions see it. Messages that are planned are not withdrawn here:
    each is skipped at its last call.
    """
    family = require_family(store, family_id)
    differing = [channel for channel in channels if _stands(family, channel) is not allowed]
    if not differing:
        return ConsentChange(family=family, channels=())
    record = {"allowed": allowed, "at": format_instant(now), "how": how, "by": actor}
    family = replace(family, consent={**family.consent, **dict.fromkeys(differing, record)})
    store.save_families([family], now=now)
    store.log([_told(family_id, differing, allowed=allowed, how=how, reason=reason, actor=actor, now=now)])
    if allowed:
        return ConsentChange(family=family, channels=differing)
    _, touched, _ = take_event(store, "opted_out", family_id, data={"channels": differing}, actor=actor, now=now)
    return ConsentChange(family=family, channels=differing, touched=touched)


def _stands(family: Family, channel: str) -> bool | None:
    """What is on record; None: nothing, and so the family may be reached."""
    allowed = family.consent.get(channel, {}).get("allowed")
    return allowed if isinstance(allowed, bool) else None


def _told(
    family_id: str, channels: Sequence[str], *, allowed: bool, how: str, reason: str | None, actor: str, now: datetime
) -> Event:
    return Event(
        at=now,
        kind="family.opted_in" if allowed else "family.opted_out",
        actor=actor,
        family_id=family_id,
        data={"channel": list(channels), "how": how},
        personal={"reason": reason} if reason else None,
    )
