"""Sends everything to one address, and shows for whom it was: the step between the outbox and the real thing."""

from collections.abc import Callable, Mapping
from html import escape

from msgspec.structs import replace

from coopflow.channels.base import Channel, Delivery, Message, Refused
from coopflow.channels.mail import HEADER_LIMIT


class Redirected:
    """A channel in front of another one: that one never learns the true address as a place to go to."""

    def __init__(self, channel: Channel, *, to: str) -> None:
        self._channel = channel
        self._to = to

    @property
    def name(self) -> str:
        """What it carries."""
        return self._channel.name

    @property
    def transport(self) -> str:
        """How it carries it."""
        return self._channel.transport

    @property
    def dedupes(self) -> bool:
        """Whether the channel behind it does."""
        return self._channel.dedupes

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        """Hand the message over with the other address; its first words say whose it was."""
        fate = self._channel.deliver(_readdressed(message, self._to), last_call)
        return Refused(fate.reason) if isinstance(fate, Refused) else fate  # more, it says of the other address

    def close(self) -> None:
        """Let go of the connections of the channel behind it."""
        self._channel.close()


def redirected(
    reaching: Mapping[str, Channel], outboxes: Mapping[str, Channel], to: Mapping[str, str]
) -> dict[str, Channel]:
    """Each channel with its one address in front; one for which there is no address stays in the outbox."""
    return {
        name: Redirected(channel, to=to[name]) if name in to else outboxes[name] for name, channel in reaching.items()
    }


def _readdressed(message: Message, to: str) -> Message:
    mark = f"[for {message.to}]"
    subject = f"{mark} {message.subject}" if message.subject is not None else None
    return replace(
        message,
        to=to,
        subject=_short(subject) if subject is not None else None,
        text=f"{mark}\n{message.text}" if message.channel == "sms" else f"{mark}\n\n{message.text}",
        html=_with_first_line(message.html, mark) if message.html is not None else None,
    )


def _with_first_line(page: str, mark: str) -> str:
    """The page with one more paragraph at its beginning: nothing that a family said stands in front of its body."""
    start = page.find(">", page.find("<body")) + 1 if "<body" in page else 0
    return f"{page[:start]}\n<p>{escape(mark)}</p>{page[start:]}"


def _short(subject: str) -> str:
    return subject if len(subject) <= HEADER_LIMIT else f"{subject[: HEADER_LIMIT - 1]}…"
