"""Opt-outs and opt-ins that somebody sends: the one place of the inbox that knows how consent is kept."""

from collections.abc import Sequence
from datetime import datetime

from coopflow.intake.consent import change_consent
from coopflow.store.store import Store

BY_REPLY = "reply"  # how: they wrote it themselves


def has_opted_out(store: Store, family_id: str, channel: str) -> bool:
    """Whether the family is not written to on a channel because somebody said so."""
    family = store.families([family_id], scores=False)[family_id]
    return family.consent.get(channel, {}).get("allowed") is False


def opt(
    store: Store,
    family_ids: Sequence[str],
    channel: str,
    *,
    allowed: bool,
    words: str,
    actor: str,
    now: datetime,
) -> list[int]:
    """Record what they wrote for each of these families; answer with the instances that were woken or ended by it."""
    changes = [
        change_consent(store, family_id, [channel], allowed=allowed, reason=words, actor=actor, how=BY_REPLY, now=now)
        for family_id in family_ids
    ]
    return [number for change in changes for number in change.touched]
