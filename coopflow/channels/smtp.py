"""Hands each mail to a mail server: one transaction for each message and recipient.

The mail is sent without its end, which is the line with a single dot. No server takes a mail without it (RFC 5321,
4.1.1.4), so up to there all can be taken back. Then comes the last call, then the dot, and then the only answer that
says what became of the message.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from coopflow.channels.addresses import require_mailbox
from coopflow.channels.base import Delivery, Message, Refused, Unavailable, Withdrawn
from coopflow.channels.mail import SenderRefused
from coopflow.channels.outbox import KEY
from coopflow.channels.smtp_answers import BUSY, Phase, in_doubt, objection, outcome
from coopflow.channels.smtp_opening import OutOfOrder, Server, open_talk
from coopflow.channels.smtp_pool import Pool
from coopflow.channels.smtp_talk import Broken, Talk

_DOT_FIRST = re.compile(rb"^\.", re.MULTILINE)


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
            written = self._compose(message)
            mail = _Mail(self._sender, require_mailbox(message.to), _DOT_FIRST.sub(rb"..", written), len(written))
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

    def _exchange(self, mail: "_Mail", last_call: Callable[[], bool]) -> Delivery | None:
        """Hand the mail over on one connection; None if that one turned out to be dead before anything was said."""
        talk = self._pool.lend()
        usable = False
        try:
            talk.allow(self._times.exchange)
            answer, usable = _transaction(talk, mail, last_call, self._times)
        finally:
            talk.used = True
            self._pool.take_back(talk, usable=usable)
        return answer


@dataclass(frozen=True, slots=True)
class _Mail:
    """What goes over the wire, and where."""

    sender: str
    to: str
    body: bytes  # with a second dot where a line begins with one, and without its end
    size: int  # as the server counts it


def _transaction(talk: Talk, mail: _Mail, last_call: Callable[[], bool], times: Times) -> tuple[Delivery | None, bool]:
    """One message on one connection; with the answer, whether the connection can carry another."""
    most = talk.esmtp_features.get("size", "")
    if most.isdecimal() and 0 < int(most[:18]) < mail.size:
        return Refused(f"the mail has {mail.size:,} bytes, and the mail server takes {int(most[:18]):,} at most"), True
    phase = Phase.MAIL
    try:
        size = f" SIZE={mail.size}" if talk.has_extn("size") else ""
        code, words = talk.docmd("MAIL", f"FROM:<{mail.sender}>{size}")
        if talk.used and code == BUSY:
            return None, False
        if answer := objection(phase, code, words):
            return answer, _begun_anew(talk, code)
        phase = Phase.RECIPIENT
        code, words = talk.docmd("RCPT", f"TO:<{mail.to}>")  # smtplib's own rcpt() would cut and mend addresses
        if answer := objection(phase, code, words):
            return answer, _begun_anew(talk, code)
        phase = Phase.DATA
        code, words = talk.docmd("DATA")
        if answer := objection(phase, code, words):
            return answer, _begun_anew(talk, code)
        phase = Phase.BODY
        if early := _sent_up_to_the_dot(talk, mail.body):
            return early, False
        if not last_call():
            return Withdrawn(), False
        if (found := talk.overheard()) is not None:  # it has given up waiting for the end
            return _early(*found), False
    except Broken as problem:
        if talk.used and phase is Phase.MAIL:
            return None, False
        return Unavailable(f"the mail server broke off {phase}: {problem}"), False
    return _verdict(talk, mail, times)


def _sent_up_to_the_dot(talk: Talk, body: bytes) -> Delivery | None:
    """Send the mail without its end; if the server breaks off, what it said last."""
    try:
        talk.send(body)
    except Broken:
        found = talk.overheard()  # Broken again where it said nothing
        if found is None:
            raise
        return _early(*found)
    return None


def _early(code: int, words: bytes) -> Delivery:
    """What an answer means that came before the end of the mail: it cannot have taken it."""
    if code // 100 in (2, 3):
        return Unavailable("the mail server answered before it had the mail")
    return objection(Phase.BODY, code, words) or Unavailable("the mail server broke off")


def _verdict(talk: Talk, mail: _Mail, times: Times) -> tuple[Delivery, bool]:
    """Send the end of the mail, and wait for what the server makes of it. From here on there is no way back."""
    talk.allow(times.verdict)
    talk.patience, usual = times.verdict, talk.patience
    try:
        talk.send(b".\r\n")
        code, words = talk.getreply()
    except Broken as problem:
        return in_doubt(str(problem)), False
    talk.patience = usual
    return outcome(code, words, mail.to), code // 100 in (2, 4, 5) and code != BUSY


def _begun_anew(talk: Talk, code: int) -> bool:
    """Bring the conversation back to its beginning after an objection; False: it is over."""
    if code == BUSY:
        return False
    try:
        code, _ = talk.rset()
    except Broken:
        return False
    return code // 100 == 2
