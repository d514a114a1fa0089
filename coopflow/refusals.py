"""What a refusal says beyond its own message: the family has opted out over there, or nobody is at that address."""

from collections.abc import Sequence
from datetime import datetime

from coopflow.core.case import ENGINE, Case
from coopflow.core.deliveries import Refused
from coopflow.core.model import Event, Message
from coopflow.store.store import Store


def learn_from(store: Store, refused: Sequence[tuple[Case, Message, Refused]], *, now: datetime) -> None:
    """Take down what others knew and the co-op did not, so that nothing more is sent there."""
    opted_out = {(case.family.family_id, sent.channel) for case, sent, no in refused if no.opted_out}
    nobody_at = {
        (case.family.family_id, sent.channel, sent.to): no.reason for case, sent, no in refused if no.bad_address
    }
    for family_id, channel in sorted(opted_out):
        _opt_out(store, family_id, channel, now=now)
    for (family_id, channel, to), reason in nobody_at.items():
        _mark_bad(store, family_id, channel, to, reason, now=now)


def _mark_bad(store: Store, family_id: str, channel: str, to: str, reason: str, *, now: datetime) -> None:
    data = {"channel": channel, "reason": reason}
    store.inbox.mark_bad(channel, to, reason, now=now)
    store.log([Event(at=now, kind="address.failed", actor=ENGINE, family_id=family_id, data=data)])


def _opt_out(store: Store, family_id: str, channel: str, *, now: datetime) -> None:
    from coopflow.intake.consent import BY_GATEWAY, change_consent

    why = "the gateway has it on its list of those who have opted out"
    change_consent(store, family_id, [channel], allowed=False, reason=why, actor=ENGINE, now=now, how=BY_GATEWAY)
