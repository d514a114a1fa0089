"""Takes things in: read, matched, carried out and put on record, each exactly once, in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace

from coopflow.core.incoming import Incoming, ItemKind, ItemStatus
from coopflow.inbox.callbacks import read_callback
from coopflow.inbox.effects import Effect, Occasion, ask_a_person, carry_out, put_on_record, words_of
from coopflow.inbox.mail import read_mail
from coopflow.inbox.matching import Match, NoMatch, failure_of, find
from coopflow.inbox.source import Arrived
from coopflow.intake.unfit import Unfit
from coopflow.store.asking import Row
from coopflow.store.digests import coordinator_of, note_return
from coopflow.store.failures import is_database_trouble
from coopflow.store.store import Store

# What nobody need be asked about when it is not known whose it is.
_NOBODYS = frozenset({ItemKind.AUTOMATIC, ItemKind.BOUNCE, ItemKind.REPORT, ItemKind.OTHER})


class Ours(Struct, frozen=True, kw_only=True):
    """What tells the co-op's own from what others write."""

    addresses: frozenset[str] = frozenset()  # from which no family writes, in small letters
    region: str | None = None  # numbers without a country code belong there


class Taken(Struct, frozen=True, kw_only=True):
    """What became of one thing that came in."""

    item_id: int
    kind: str
    status: str
    reason: str
    family_id: str | None = None
    instance_id: int | None = None
    touched: Sequence[int] = ()  # instances that it woke, ended, moved or put off
    again: bool = False  # it had been taken in before, and changed nothing
    conflict: bool = False  # and then it said something else


def take(store: Store, source: str, arrived: Arrived, ours: Ours, *, now: datetime) -> Taken:
    """Take one thing in. Whatever is wrong with it, it comes on record, and stops nothing else."""
    provider_id, item = read(arrived, ours, now=now)
    try:
        with store.transaction():
            return _once(store, source, provider_id, _unless_own(store, item, ours), now=now)
    except Exception as error:
        if is_database_trouble(error):
            raise
        fault = f"fault in coopflow: {type(error).__name__}"
        item = replace(item, kind=ItemKind.UNREADABLE, reason=fault)
        with store.transaction():
            return _once(store, source, provider_id, item, now=now)


def read(arrived: Arrived, ours: Ours, *, now: datetime) -> tuple[str, Incoming]:
    """What a thing says, and the id that it has in its source."""
    try:
        if arrived.kind == "mail":
            item, own = read_mail(arrived.content), None
        elif arrived.cut:
            raise Unfit("it is too long for a text or a delivery report")
        else:
            called = read_callback(arrived.content, kind=arrived.kind, region=ours.region, now=now)
            item, own = called.item, called.provider_id
    except Exception as error:  # noqa: BLE001 - no mail that somebody has made up must stop the others
        own = None
        reason = error.for_log if isinstance(error, Unfit) else f"it cannot be read ({type(error).__name__})"
        item = Incoming(kind=ItemKind.UNREADABLE, channel="email" if arrived.kind == "mail" else "sms", reason=reason)
    at = item.at or arrived.at
    return own or arrived.provider_id, replace(item, at=None if at is None else min(at, now))


def _unless_own(store: Store, item: Incoming, ours: Ours) -> Incoming:
    """A mail from one of the co-op's own addresses is nobody's answer, except that of a parent who is a coordinator."""
    if item.kind is ItemKind.BOUNCE or item.channel != "email" or item.sender not in ours.addresses:
        return item
    sent = store.inbox.sent_as(item.answers)
    if sent is not None and (sent.to or "").lower() == item.sender:
        return item
    return replace(item, kind=ItemKind.OTHER, reason="a mail of the co-op's own")


def _once(store: Store, source: str, provider_id: str, item: Incoming, *, now: datetime) -> Taken:
    mail_id = None if item.mail_id is None else blake2b(item.mail_id.encode(), digest_size=16).hexdigest()
    before = store.inbox.earlier(source, provider_id, mail_id)
    occasion = Occasion(store=store, item_id=store.inbox.next_id(), item=item, source=source, now=now)
    if before is not None:
        return _again(occasion, before, provider_id)
    found = _matched(store, item, now=now)
    if isinstance(found, Match):
        effect = carry_out(occasion, found)
        reason = "; ".join(filter(None, (found.how, effect.reason)))
        return _keep(occasion, provider_id, mail_id, ItemStatus.MATCHED, reason, effect, found)
    status = ItemStatus.IGNORED if item.kind in _NOBODYS else ItemStatus.UNMATCHED
    effect = _nobodys(occasion, found, status)
    return _keep(occasion, provider_id, mail_id, status, found.reason, effect, None)


def _matched(store: Store, item: Incoming, *, now: datetime) -> Match | NoMatch:
    if item.kind in (ItemKind.OTHER, ItemKind.UNREADABLE):
        return NoMatch(reason=item.reason)
    found = find(store, item, now=now)
    if item.kind is ItemKind.STOP and isinstance(found, NoMatch) and found.families:
        how = f"{found.reason}, and it holds for all of them"  # whose wish it is does not matter
        return Match(family_id=found.families[0], how=how, certain=False)
    return found


def _nobodys(occasion: Occasion, found: NoMatch, status: ItemStatus) -> Effect:
    event_id = put_on_record(occasion, reason=found.reason)
    coordinator = coordinator_of(occasion.store.db, occasion.item.answers)
    if coordinator is not None and occasion.item.kind is ItemKind.BOUNCE:
        note_return(occasion.store.db, coordinator, failure_of(occasion.item, None).reason)
    task_id = None
    if found.families and status is ItemStatus.UNMATCHED:
        what = "A mail" if occasion.item.channel == "email" else "A text"
        question = (
            f"{what} came from what the families {', '.join(found.families[:5])} share. Read it with:"
            f" coopflow inbox show {occasion.item_id}; then say whose it is:"
            f" coopflow inbox assign {occasion.item_id} --family FAMILY"
        )
        task_id = ask_a_person(occasion, found.families[0], question)
    return Effect(event_id=event_id, task_id=task_id)


def _keep(
    occasion: Occasion,
    provider_id: str,
    mail_id: str | None,
    status: ItemStatus,
    reason: str,
    effect: Effect,
    match: Match | None,
) -> Taken:
    family_id, instance_id = (match.family_id, match.instance_id) if match else (None, None)
    occasion.store.inbox.add(
        occasion.item_id,
        source=occasion.source,
        provider_id=provider_id,
        mail_id=mail_id,
        kind=occasion.item.kind,
        channel=occasion.item.channel,
        received_at=occasion.item.at or occasion.now,
        status=status,
        reason=reason,
        family_id=family_id,
        instance_id=instance_id,
        event_id=effect.event_id,
        task_id=effect.task_id,
        now=occasion.now,
    )
    return Taken(
        item_id=occasion.item_id,
        kind=occasion.item.kind,
        status=status,
        reason=reason,
        family_id=family_id,
        instance_id=instance_id,
        touched=effect.touched,
    )


def _again(occasion: Occasion, before: Row, provider_id: str) -> Taken:
    """Nothing happens twice. The same mail under another id is noted, so that its source goes on behind it."""
    number, item = before["item_id"], occasion.item
    if (before["source"], before["provider_id"]) != (occasion.source, provider_id):
        reason = f"the same mail as item {number}"
        occasion = replace(occasion, item=Incoming(kind=ItemKind.OTHER, channel=item.channel, at=item.at))
        effect = Effect(event_id=put_on_record(occasion, reason=reason))
        _keep(occasion, provider_id, None, ItemStatus.IGNORED, reason, effect, None)
    said = {name: value for name, value in (before["personal"] or {}).items() if name in ("from", "text", "subject")}
    says = {name: value for name, value in words_of(occasion).items() if name in said}
    conflict = before["personal"] is not None and item.kind is not ItemKind.UNREADABLE and said != says and bool(says)
    return Taken(
        item_id=number,
        kind=before["kind"],
        status=before["status"],
        reason=f"it is on record already (item {number})" + (", where it says something else" if conflict else ""),
        family_id=before["family_id"],
        instance_id=before["instance_id"],
        again=True,
        conflict=conflict,
    )
