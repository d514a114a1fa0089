"""Whether a family may be written to: each change with when, how and by whom, in force from the next last call on.

What counts are the records of consent, kept for each address; `families.consent` repeats a family's own newest word.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from coopflow.core.consent import (
    CHANNELS,
    EVERYTHING,
    OUTREACH,
    ConsentRecord,
    Word,
    address_of,
    in_order,
    refusal,
    says_the_same,
    standing,
)
from coopflow.core.model import Event, Family
from coopflow.core.pressure import same_address
from coopflow.errors import NotAllowed
from coopflow.events import take_event
from coopflow.store.store import Store
from coopflow.triggers import require_family

__all__ = ["BY_HAND", "CHANNELS", "ConsentChange", "Suppressed", "change_consent", "suppress_address"]

BY_HAND = "hand"  # how: a person wrote it down, as against a reply or a link
LONGEST_TEXT = 1_000  # characters that are kept of the words in which it was said
BY_GATEWAY = "gateway"  # how: a gateway refused a text because of it


class ConsentChange(Struct, frozen=True, kw_only=True):
    """What became of one change of consent."""

    family: Family
    channels: Sequence[str]  # on which something changed; none, when all was so already
    touched: Sequence[int] = ()  # instances that were woken or ended by it
    covers: str = EVERYTHING  # which kind of message it is about


class Suppressed(Struct, frozen=True, kw_only=True):
    """What became of an address that is not to be written to."""

    new: bool  # False: it was so already, or whoever has it has agreed since
    families: Sequence[str]  # those that have the address
    touched: Sequence[int] = ()


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
    at: datetime | None = None,
    address: str | None = None,
) -> ConsentChange:
    """Record that a family may, or may not, be reached by these channels, inside the caller's transaction.

    It is said for the family's present addresses, or for the `address` that it wrote from. `at` is when it was said:
    what is older than what stands is kept, and changes nothing. An opt-out of email alone is of outreach only; one of
    all channels, and every one by text, is of everything. It is an outside event too, so that conditions see it.
    Messages that are planned are not withdrawn here: each is skipped at its last call. After an opt-out, raises
    NotAllowed for an opt-in that does not say how the family agreed.
    """
    family = require_family(store, family_id)
    said = [
        ConsentRecord(
            channel=channel,
            address=_said_at(family, channel, address),
            allowed=allowed,
            at=at or now,
            how=how,
            actor=actor,
            covers=EVERYTHING if allowed or _covers_everything(channel, channels) else OUTREACH,
            text=reason and reason[:LONGEST_TEXT],
            family_id=family_id,
        )
        for channel in channels
    ]
    if allowed and not (reason or "").strip():
        _require_no_opt_out(family, channels)
    kept = [record for record in said if _is_news(store, family, record) and store.consents.add(record, now=now)]
    own = {record.channel: _own_word(store, family, record.channel) for record in kept}
    counted = [record for record in kept if own[record.channel] != family.consent.get(record.channel)]
    if kept:
        family = replace(family, consent={**family.consent, **own})
        store.save_families([family], now=now)
        store.log(list(_told(kept, counted, now=now)))
    return _concluded(store, family_id, counted, now=now)


def suppress_address(
    store: Store,
    channel: str,
    address: str,
    *,
    reason: str | None,
    actor: str,
    now: datetime,
    how: str,
    at: datetime | None = None,
) -> Suppressed:
    """Record that nothing goes to an address any more, whichever family has it, inside the caller's transaction.

    Whoever has it has said no, and the families that have it hear of that.
    """
    spelled = same_address(address)
    record = ConsentRecord(
        channel=channel,
        address=spelled,
        allowed=False,
        at=at or now,
        how=how,
        actor=actor,
        text=reason and reason[:LONGEST_TEXT],
    )
    families = store.consents.families_at(spelled)
    if says_the_same(store.consents.at_address(channel, spelled), record) or not store.consents.add(record, now=now):
        return Suppressed(new=False, families=families)
    stands = not (store.consents.at_address(channel, spelled) or {}).get("allowed")
    store.log([_told_of_address(record, families, stands=stands, now=now)])
    touched: list[int] = []
    for family_id in families if stands else ():
        touched += take_event(store, "opted_out", family_id, data={"channels": [channel]}, actor=actor, now=now)[1]
    return Suppressed(new=stands, families=families, touched=touched)


def _told_of_address(record: ConsentRecord, families: Sequence[str], *, stands: bool, now: datetime) -> Event:
    """The entry about an address, of the one family that has it; what is older than an opt-in is only noted."""
    data = {"channel": record.channel, "how": record.how}
    return Event(
        at=now,
        kind="address.suppressed" if stands else "consent.noted",
        actor=record.actor,
        family_id=families[0] if len(families) == 1 else None,
        data=data if stands else {**data, "allowed": False, "said_at": record.at},
        personal={"address": record.address, **({"reason": record.text} if record.text else {})},
    )


def _said_at(family: Family, channel: str, address: str | None) -> str | None:
    """The address it was said from, where that is one of this channel; else the family's own."""
    if address is None or ("@" in address) is not (channel == "email"):
        return address_of(family, channel)
    return same_address(address)


def _covers_everything(channel: str, channels: Sequence[str]) -> bool:
    """STOP by text is about every text; who wants neither mail nor text wants nothing at all."""
    return channel == "sms" or set(channels) >= set(CHANNELS)


def _require_no_opt_out(family: Family, channels: Sequence[str]) -> None:
    """An opt-in after an opt-out is recorded consent: how the family agreed stands beside it."""
    for channel in channels:
        if no := refusal(family, channel, OUTREACH):
            raise NotAllowed(f"{no.reason}: say how they agreed to get messages again")


def _is_news(store: Store, family: Family, record: ConsentRecord) -> bool:
    if not says_the_same(family.consent.get(record.channel), record):
        return True
    address = record.address
    return address is not None and not says_the_same(store.consents.at_address(record.channel, address), record)


def _own_word(store: Store, family: Family, channel: str) -> Word:
    """The newest of what a family said, with what its column keeps from before there were records."""
    words = [record.word for record in store.consents.said_by(family.family_id, channel)]
    kept = family.consent.get(channel)
    if kept and kept.get("at") not in {word["at"] for word in words}:
        words.append(kept)
    return standing(in_order(words)) or {}


def _told(kept: Sequence[ConsentRecord], counted: Sequence[ConsentRecord], *, now: datetime) -> Iterator[Event]:
    """What counts is told at once, as it was said; what is older than what stands is only noted."""
    if counted:
        yield _entry(counted, "family.opted_in" if counted[0].allowed else "family.opted_out", {}, now=now)
    if noted := [record for record in kept if record not in counted]:
        yield _entry(noted, "consent.noted", {"allowed": noted[0].allowed, "said_at": noted[0].at}, now=now)


def _entry(records: Sequence[ConsentRecord], kind: str, data: dict[str, object], *, now: datetime) -> Event:
    first = records[0]
    outreach = {"covers": OUTREACH} if all(record.covers == OUTREACH for record in records) else {}
    return Event(
        at=now,
        kind=kind,
        actor=first.actor,
        family_id=first.family_id,
        data={"channel": [record.channel for record in records], "how": first.how, **outreach, **data},
        personal={"reason": first.text} if first.text else None,
    )


def _concluded(store: Store, family_id: str, counted: Sequence[ConsentRecord], *, now: datetime) -> ConsentChange:
    """Let the family's instances hear of an opt-out, and say what has changed."""
    channels = [record.channel for record in counted]
    touched: Sequence[int] = ()
    if counted and not counted[0].allowed:
        data, actor = {"channels": channels}, counted[0].actor
        _, touched, _ = take_event(store, "opted_out", family_id, data=data, actor=actor, now=now)
    outreach = bool(counted) and all(record.covers == OUTREACH for record in counted)
    return ConsentChange(
        family=store.families([family_id])[family_id],
        channels=channels,
        touched=touched,
        covers=OUTREACH if outreach else EVERYTHING,
    )
