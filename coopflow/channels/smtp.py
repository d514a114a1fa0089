"""Hands each mail to a mail server: one transaction for each message and recipient, over connections that are kept."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from coopflow.channels.addresses import require_mailbox
from coopflow.channels.base import KEY, Delivery, Message, Refused, Unavailable
from coopflow.channels.mail import SenderRefused
from coopflow.channels.smtp_opening import OutOfOrder, Server, open_talk
from coopflow.channels.smtp_pool import Pool
from coopflow.channels.smtp_transaction import Mail, transaction


@dataclass(frozen=True, slots=True)
class Times:
    """How long a server may take, in seconds."""

    answer: float = 30  # each of its answers
    exchange: float = 300  # all of a mail up to its end; connecting has as long again
    verdict: float = (
        600  # the answer to the end of the mail: who gives up sooner has a doubt instead (RFC 5321, 4.5.3.2)
    )


class Smtp:
    """The channel to a mail server."""

    name = "email"
    transport = "smtp"
    dedupes = False

    def __init__(
        self, server: Server, *, sender: str, compose: Callable[[Message], bytes], times: Times | None = None
    ) -> None:
        """`compose` writes a message as a mail; `sender` is the address to which mails that do not arrive return."""
        self._sender = sender
        self._compose = compose
        self._times = times or Times()
        self._pool = Pool(
            partial(open_talk, server, patience=self._times.answer, deadline=self._times.exchange),
        )

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        """Hand one mail over; see `smtp_answers` for what each answer means."""
        if message.channel != self.name:
            raise ValueError(f"a message for the channel {message.channel} was handed to {self.name}")
        if not KEY.fullmatch(message.key):
            return Refused("the message's key is not one word of small letters and digits")
        try:
            mail = Mail(self._sender, require_mailbox(message.to), self._compose(message))
        except SenderRefused as problem:
            return Unavailable(str(problem), until_mended=True)
        except ValueError as problem:  # MessageRefused is one
            return Refused(str(problem))
        try:
            while (answer := self._exchange(mail, last_call)) is None:
                self._pool.drop_idle()
        except OutOfOrder as problem:
            return problem.answer
        return answer

    def close(self) -> None:
        """Say goodbye on every connection."""
        self._pool.close()

    def _exchange(self, mail: Mail, last_call: Callable[[], bool]) -> Delivery | None:
        talk = self._pool.lend()
        try:
            talk.allow(self._times.exchange)
            return transaction(talk, mail, last_call, verdict=self._times.verdict)
        except BaseException:
            talk.drop()
            raise
        finally:
            self._pool.take_back(talk)
