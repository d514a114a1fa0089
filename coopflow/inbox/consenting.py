"""Opt-outs and opt-ins that somebody sends: the one place of the inbox that knows how consent is kept."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from coopflow.core.consent import OUTREACH, refusal
from coopflow.intake.consent import change_consent
from coopflow.store.store import Store

BY_REPLY = "reply"  # how: they wrote it themselves


class Said(Struct, frozen=True):
    """What somebody wrote about being written to."""

    words: str
    address: str | None  # that they wrote from
    source: str  # of the inbox


def has_opted_out(store: Store, family_id: str, channel: str) -> bool:
    """Whether the family is not written to on a channel because somebody said so."""
    family = store.families([family_id], scores=False)[family_id]
    return refusal(family, channel, OUTREACH) is not None


def opt(
    store: Store,
    family_ids: Sequence[str],
    channel: str,
    said: Said,
    *,
    allowed: bool,
    now: datetime,
) -> list[int]:
    """Record what they wrote, for the address that they wrote from; answer with the instances that hear of it."""
    changes = [
        change_consent(
            store,
            family_id,
            [channel],
            allowed=allowed,
            reason=said.words,
            actor=said.source,
            how=BY_REPLY,
            now=now,
            address=said.address,
        )
        for family_id in family_ids
    ]
    return [number for change in changes for number in change.touched]
