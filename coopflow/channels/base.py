"""What a channel is: the one kind of thing that reaches out of the house, and the answers it gives."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import Protocol, runtime_checkable

from coopflow.core.deliveries import Accepted, Deferred, Delivery, Refused, Unavailable, Unknown, Withdrawn
from coopflow.core.model import Message

__all__ = [  # the answers live in core, where they are settled; here they are found beside the channel
    "KEY",
    "Accepted",
    "Channel",
    "Deferred",
    "Delivery",
    "HeaderRefused",
    "Message",
    "MessageRefused",
    "Refused",
    "Searchable",
    "SenderRefused",
    "TakesInARow",
    "TakesMany",
    "Unavailable",
    "Unknown",
    "Withdrawn",
    "require_words",
]

KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,80}")  # what may name a message, and a file

_HALF_A_CHARACTER = "[\ud800-\udfff]"  # no encoding can write one


class Channel(Protocol):
    """A way out for messages of one kind. Several threads may deliver at once."""

    @property
    def name(self) -> str:
        """What it carries: `email` or `sms`."""

    @property
    def transport(self) -> str:
        """How it carries it: `outbox`, `smtp`, the name of a gateway."""

    @property
    def dedupes(self) -> bool:
        """Whether the same key handed over twice arrives once, so that after a crash it may be handed over again."""

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        """Hand one message over and say what became of it; no fate of the message is an exception.

        A transport that does not dedupe calls `last_call` immediately before the moment that cannot be taken back, and
        answers Withdrawn if it says no. One that dedupes never calls it.
        """

    def close(self) -> None:
        """Let go of connections; closing twice does no harm."""


@runtime_checkable
class TakesMany(Protocol):
    """A channel that dedupes, and takes several messages at once for less than it costs one by one."""

    def deliver_all(self, messages: Sequence[Message]) -> list[Delivery]:
        """Hand them over and say what became of each, in their order; no fate of a message is an exception."""


@runtime_checkable
class TakesInARow(Protocol):
    """A channel with a last call that takes several messages in a row, one last call for all, where that is quick."""

    @property
    def row(self) -> int:
        """How many messages the other side takes within a moment, as far as it has shown."""

    def deliver_row(
        self,
        messages: Sequence[Message],
        last_call: Callable[[], Collection[str]],
        answered: Callable[[Delivery], bool],
    ) -> None:
        """Hand them over one by one, and tell what became of each, in their order, as soon as it is known.

        `last_call` is asked once, immediately before the first moment that cannot be taken back, and names the keys of
        those that may go. What it let pass too long ago is Withdrawn: it has not left. Where `answered` says no, the
        rest is not tried.
        """


@runtime_checkable
class Searchable(Protocol):
    """A channel whose other side can be asked, later, whether it has a message."""

    def find(self, message: Message, *, known: Collection[str] = ()) -> Delivery | None:
        """What the other side says of a message handed over at `message.at`; None: it has none like it.

        `known` are its names for messages that are accounted for. Raises Temporary if it cannot be asked now.
        """


class MessageRefused(ValueError):
    """A message can never leave as it is; the text says why, and names nobody: it goes into the audit trail."""


class HeaderRefused(MessageRefused):
    """A value that must not become a header, or a mail that does not read back as it was meant."""


class SenderRefused(HeaderRefused):
    """What the configuration says about the sender cannot be a header: no message is at fault."""


def require_words(text: str) -> str:
    """Answer with the text, its line ends made alike; raise MessageRefused if there is none, or none to be written."""
    if not text.strip():
        raise MessageRefused("the text is empty")
    if "\0" in text:
        raise MessageRefused("the text contains a NUL character")
    if re.search(_HALF_A_CHARACTER, text):
        raise MessageRefused("the text contains half a character (a lone surrogate)")
    return text.replace("\r\n", "\n").replace("\r", "\n")
