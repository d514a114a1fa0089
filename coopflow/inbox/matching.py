"""Whose it is: by the message that it answers, by the tag of its address, else by who sent it."""

from datetime import datetime, timedelta

from msgspec import Struct

from coopflow.core.incoming import Failure, Incoming, ItemKind, Sent
from coopflow.core.reply_tag import read_tag
from coopflow.store.digests import coordinator_of
from coopflow.store.store import Store

BOUNCES_WITHIN = timedelta(days=14)  # servers give up after five days; what names no message of ours may be older


class Match(Struct, frozen=True, kw_only=True):
    """The family that something belongs to, and how that is known."""

    family_id: str
    how: str
    instance_id: int | None = None  # None: the family's, and of no instance in particular
    sent: Sent | None = None  # the message it speaks of
    certain: bool = True  # it speaks of something of ours; else only its sender says whose it is


class NoMatch(Struct, frozen=True, kw_only=True):
    """Nobody's, as far as can be told; or that of one of several families."""

    reason: str
    families: tuple[str, ...] = ()


def find(store: Store, item: Incoming, *, now: datetime) -> Match | NoMatch:
    """Whose an item is."""
    if item.kind is ItemKind.REPORT:
        return _of_report(store, item)
    if item.kind is ItemKind.BOUNCE:
        return _of_bounce(store, item, now=now)
    sent = store.inbox.sent_as(item.answers)
    if sent is not None:
        return _by(sent, "it answers a message of ours")
    tagged = _tagged(store, item)
    return tagged if tagged is not None else _by_sender(store, item)


def failure_of(item: Incoming, sent: Sent | None) -> Failure:
    """What a bounce says of the one who was written to; of whoever else, where the mail was passed on."""
    to = sent.to.lower() if sent is not None and sent.to else None
    return next((failure for failure in item.failures if failure.recipient == to), item.failures[0])


def _by(sent: Sent, how: str) -> Match:
    return Match(family_id=sent.family_id, instance_id=sent.instance_id, sent=sent, how=how)


def _tagged(store: Store, item: Incoming) -> Match | None:
    for address in item.addressed:
        found = read_tag(address, store.database_id, store.inbox.family_of)
        if found is not None:
            instance_id, family_id = found
            return Match(family_id=family_id, instance_id=instance_id, how="it was sent to the instance's own address")
    return None


def _by_sender(store: Store, item: Incoming) -> Match | NoMatch:
    what = "address" if item.channel == "email" else "number"
    if item.sender is None:
        return NoMatch(reason=f"it has no sender's {what} that can be read")
    families = store.inbox.families_at(item.channel, item.sender)
    match families:
        case []:
            return NoMatch(reason=f"no family has this {what}")
        case [family_id]:
            return Match(family_id=family_id, how=f"by the sender's {what}", certain=False)
        case _:
            return NoMatch(reason=f"{len(families)} families share this {what}", families=tuple(families))


def _of_report(store: Store, item: Incoming) -> Match | NoMatch:
    sent = store.inbox.sent_with(item.reference or "", item.channel)
    return NoMatch(reason="coopflow sent no message of this id") if sent is None else _by(sent, "by its message's id")


def _of_bounce(store: Store, item: Incoming, *, now: datetime) -> Match | NoMatch:
    """By the message that came back. One that names another's message is another's, whatever address it speaks of."""
    sent = store.inbox.sent_as(item.answers)
    if sent is not None:
        return _by(sent, "by the message that came back")
    if coordinator := coordinator_of(store.db, item.answers):
        return NoMatch(reason=f"the digest for {coordinator} came back")
    if item.answers:
        return NoMatch(reason="coopflow did not send the message that came back")
    for failure in item.failures:
        for family_id in store.inbox.families_at("email", failure.recipient or ""):
            last = store.inbox.last_sent_to(family_id, "email", failure.recipient or "", since=now - BOUNCES_WITHIN)
            if last is not None:
                return _by(last, "by the address that was not reached")
    return NoMatch(reason="coopflow has written to nobody at the address that was not reached")
