"""Hands each mail to a mail server: one transaction for each message and recipient, over connections that are kept.

To a server that is quick, as the one on this machine mostly is, mails go in rows with one last call for each row.
"""

from collections.abc import Callable, Collection, Sequence
from functools import partial

from msgspec import Struct

from coopflow.channels.addresses import require_mailbox
from coopflow.channels.base import KEY, Delivery, Message, Refused, SenderRefused, Unavailable
from coopflow.channels.smtp_opening import OutOfOrder, Server, open_talk
from coopflow.channels.smtp_pool import Pool
from coopflow.channels.smtp_row import Row
from coopflow.channels.smtp_talk import Talk
from coopflow.channels.smtp_transaction import Mail, transaction


class Times(Struct, frozen=True):
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
        self._row = 1

    @property
    def row(self) -> int:
        """How many mails the server takes within a moment; one as long as it has not shown that it is quick."""
        return self._row

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        """Hand one mail over; see `smtp_answers` for what each answer means."""
        fates: list[Delivery] = []

        def answered(fate: Delivery) -> bool:
            fates.append(fate)
            return False

        self.deliver_row([message], lambda: {message.key} if last_call() else (), answered)
        return fates[0]

    def deliver_row(
        self,
        messages: Sequence[Message],
        last_call: Callable[[], Collection[str]],
        answered: Callable[[Delivery], bool],
    ) -> None:
        """Hand mails over one after the other, over one connection as long as it lasts."""
        row = Row([(message.key, self._mail(message)) for message in messages], last_call)
        goes_on = not row.done
        try:
            while goes_on:
                settled = row.settled
                goes_on = row.go_on(settled, answered) if settled else self._over_one_connection(row, answered)
            self._row = row.next_size(self._row)
        except OutOfOrder as problem:
            self._row = 1
            while row.go_on(row.settled or problem.answer, answered):
                pass

    def _over_one_connection(self, row: Row, answered: Callable[[Delivery], bool]) -> bool:
        """Hand a row over as far as one connection carries it; answers whether more of it is to be tried."""
        talk = self._pool.lend()
        try:
            while talk.is_open:
                fate = row.settled or self._exchange(talk, row)
                if fate is None:
                    self._pool.drop_idle()
                elif not row.go_on(fate, answered):
                    return False
            return True
        except BaseException:
            talk.drop()
            raise
        finally:
            if talk.announced is not None:
                talk.drop()
            self._pool.take_back(talk)

    def _exchange(self, talk: Talk, row: Row) -> Delivery | None:
        talk.allow(self._times.exchange)
        return transaction(talk, row.mail, row.may_go, verdict=self._times.verdict, following=row.following)

    def close(self) -> None:
        """Say goodbye on every connection."""
        self._pool.close()

    def _mail(self, message: Message) -> Mail | Delivery:
        if message.channel != self.name:
            raise ValueError(f"a message for the channel {message.channel} was handed to {self.name}")
        if not KEY.fullmatch(message.key):
            return Refused("the message's key is not one word of small letters and digits")
        try:
            return Mail(self._sender, require_mailbox(message.to), self._compose(message))
        except SenderRefused as problem:
            return Unavailable(str(problem), until_mended=True)
        except ValueError as problem:  # MessageRefused is one
            return Refused(str(problem))
