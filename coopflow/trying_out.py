"""One message handed to a channel to see that it works: marked as a test, to an address that a person names."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, assert_never

from msgspec import Struct

from coopflow.channels.addresses import check_email, check_phone
from coopflow.core.consent import CHANNELS
from coopflow.core.deliveries import Accepted, Deferred, Delivery, Refused, Unavailable, Unknown, Withdrawn
from coopflow.core.instants import format_instant
from coopflow.core.model import Event, Message
from coopflow.core.wording import did_you_mean, shown
from coopflow.errors import CoopflowError, NotFound, Temporary, Usage
from coopflow.store.store import Store

if TYPE_CHECKING:
    from coopflow.channels.base import Channel
    from coopflow.reports.preview import Preview

MARK = "[test]"
FATES = {Accepted: "accepted", Deferred: "deferred", Refused: "refused", Unavailable: "unavailable"}


class Trial(Struct, frozen=True, kw_only=True):
    """What a test message is made of."""

    channel: str
    to: str
    organisation: str
    domain: str  # of its Message-ID
    about: "Preview | None" = None  # the message whose words it has; None: plain words of its own


def trial_message(store: Store, trial: Trial, *, actor: str, now: datetime) -> Message:
    """Write the message; two of one second with the same words are one."""
    subject, text, html = _words(trial, actor=actor)
    origin = f"{store.database_id}/{trial.channel}/{trial.to}/{format_instant(now)}/{subject}/{text}"
    key = f"test-{hashlib.blake2b(origin.encode(), digest_size=16).hexdigest()}"
    return Message(
        channel=trial.channel,
        to=trial.to,
        subject=subject,
        text=text,
        html=html,
        key=key,
        message_id=f"<{key}@{trial.domain}>",
        at=now,
    )


def send_test(
    store: Store, channels: "Mapping[str, Channel]", message: Message, *, actor: str, now: datetime
) -> Delivery:
    """Hand it over, and put on record what became of it."""
    channel = channels[message.channel]
    try:
        fate = channel.deliver(message, lambda: True)
    finally:
        channel.close()
    data = {"channel": message.channel, "transport": channel.transport, "fate": FATES.get(type(fate), "in doubt")}
    personal = {"to": message.to, "message": message.message_id, **_why(fate)}
    with store.transaction():
        store.log([Event(at=now, kind="message.tested", actor=actor, data=data, personal=personal)])
    return fate


def outcome(message: Message, fate: Delivery) -> str:
    """What became of it, if it was taken; else raises with the reason."""
    match fate:
        case Accepted(reference):
            return f"accepted{f' ({reference})' if reference else ''}; Message-ID {message.message_id}"
        case Deferred(reason) | Unavailable(reason):
            raise Temporary(f"the test message was not taken now: {reason}")
        case Refused(reason):
            raise CoopflowError(f"the test message was refused: {reason}")
        case Unknown(reason):
            raise CoopflowError(f"it is not known whether the test message left: {reason}")
        case Withdrawn():
            raise CoopflowError("the channel kept the test message back")
        case _:
            assert_never(fate)


def checked_address(channel: str, text: str, region: str | None) -> str:
    """The address a person gave, as it goes over the wire; Usage says what is wrong with it."""
    try:
        return check_email(text) if channel == "email" else check_phone(text, region)
    except ValueError as problem:
        raise Usage(f"--to: {problem}") from None


def require_channel(name: str) -> None:
    """NotFound for a channel by which nobody is written to."""
    if name not in CHANNELS:
        hint = did_you_mean(name, CHANNELS) or f"; there are {' and '.join(CHANNELS)}"
        raise NotFound(f"there is no channel {shown(name)}{hint}")


def _words(trial: Trial, *, actor: str) -> tuple[str | None, str, str | None]:
    notice = f"{MARK} This is a test, sent by {actor} of {trial.organisation}."
    if trial.about is None:
        subject = f"{MARK} A message from {trial.organisation}" if trial.channel == "email" else None
        return subject, f"{notice} Nothing needs to be done.", None
    if trial.about.channel != trial.channel:
        raise Usage(f"'{trial.about.step.id}' goes by {trial.about.channel}, not by {trial.channel}")
    if trial.channel == "sms":
        return None, f"{MARK} {trial.about.text}", None
    from coopflow.texts.markdown import with_notice

    html = with_notice(trial.about.html, notice) if trial.about.html else None
    return f"{MARK} {trial.about.subject}", f"{notice}\n\n{trial.about.text}", html


def _why(fate: Delivery) -> dict[str, str]:
    reason = getattr(fate, "reason", None)
    return {"reason": str(reason)} if reason else {}
