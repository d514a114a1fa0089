"""A message in doubt, looked up where it may have arrived: found once, it left; else a person decides."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import assert_never

from coopflow.channels.base import Channel, Searchable
from coopflow.core.case import Case
from coopflow.core.deliveries import Accepted, Deferred, Refused, Unavailable, Unknown, Withdrawn
from coopflow.core.model import Message
from coopflow.core.timing import local_text
from coopflow.doubts import Doubt, settle_doubt, the_doubt
from coopflow.errors import NotAllowed, NotFound
from coopflow.store.store import Store

PATIENCE = timedelta(minutes=10)  # what was taken at the last moment may be listed only later


def verify_doubt(
    store: Store, channels: Mapping[str, Channel], number: int, *, actor: str, now: datetime
) -> tuple[str, Case | None]:
    """Ask the other side about a message; answer with its name for it, and with the instance as it then is.

    Raises NotFound where it has none, and NotAllowed where that cannot be asked or leaves it open.
    """
    doubt = the_doubt(store, number)
    decide = f"a person decides: coopflow doubt resolve {number} --sent (or --not-sent)"
    channel = channels.get(doubt.channel)
    if not isinstance(channel, Searchable):
        raise NotAllowed(f"where this message went nobody can be asked by a program; {decide}")
    message = _message(doubt)
    _require_patience(doubt, now=now)
    known = store.looking.references(doubt.channel, message.to)
    match channel.find(message, known=known):
        case Accepted(reference):
            _, case = settle_doubt(
                store,
                number,
                sent=True,
                note=f"the provider has it as {reference}",
                actor=actor,
                now=now,
                reference=reference,
            )
            return str(reference), case
        case None:
            since = local_text(message.at, doubt.case.tz)
            raise NotFound(f"the provider has no such message since {since}, so it seems not to have left; {decide}")
        case Deferred(reason) | Unavailable(reason) | Refused(reason) | Unknown(reason):
            raise NotAllowed(f"{reason}; {decide}")
        case Withdrawn():
            raise NotAllowed(decide)
        case found:
            assert_never(found)


def _message(doubt: Doubt) -> Message:
    """The message as it was handed over."""
    assert doubt.handed_over_at is not None  # what is in doubt was handed over  # noqa: S101
    return Message(
        channel=doubt.channel,
        to=str(doubt.to),
        text=str(doubt.text),
        key=str(doubt.key),
        message_id=str(doubt.message_id),
        at=doubt.handed_over_at,
    )


def _require_patience(doubt: Doubt, *, now: datetime) -> None:
    since = max(filter(None, (doubt.handed_over_at, doubt.doubted_at)))
    if now < since + PATIENCE:
        at = local_text(since + PATIENCE, doubt.case.tz)
        raise NotAllowed(f"it was handed over less than 10 minutes ago, and may be listed later; ask from {at} on")
