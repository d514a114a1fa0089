"""One mail for one recipient over one open connection.

The mail is sent without its end, which is the line with a single dot. No server takes a mail without it (RFC 5321,
4.1.1.4), so up to there all can be taken back. Then comes the last call, then the dot, and then the only answer that
says what became of the message.

A server that offers it (PIPELINING, RFC 2920) is told sender, recipient and DATA in one breath, and those of the next
mail together with the dot of the one before. Its answers come in the order of what was said, and each is read for
exactly one thing.
"""

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

from msgspec import Struct

from coopflow.channels.base import Delivery, Refused, Unavailable, Withdrawn
from coopflow.channels.smtp_answers import BUSY, Phase, in_doubt, objection, outcome
from coopflow.channels.smtp_talk import Broken, Talk

Answer = TypeVar("Answer", bound=Delivery | None)

_DOT_FIRST = re.compile(rb"^\.", re.MULTILINE)


class Mail(Struct, frozen=True):
    """What goes over the wire: addresses that have been checked, and a mail as it is written."""

    sender: str
    to: str
    written: bytes

    def commands(self, talk: Talk) -> Iterator[tuple[Phase, str]]:
        """What is said before the mail itself. smtplib's own mail() and rcpt() would cut and mend addresses."""
        size = f" SIZE={len(self.written)}" if talk.has_extn("size") else ""
        yield Phase.MAIL, f"MAIL FROM:<{self.sender}>{size}"
        yield Phase.RECIPIENT, f"RCPT TO:<{self.to}>"
        yield Phase.DATA, "DATA"

    def envelope(self, talk: Talk) -> bytes:
        """All of it at once, for a server that lets it be said in one breath."""
        return "".join(f"{command}\r\n" for _, command in self.commands(talk)).encode("ascii")

    def body(self) -> bytes:
        """The mail without its end, so that no line of it can be taken for the end."""
        return _DOT_FIRST.sub(rb"..", self.written)


def transaction(
    talk: Talk,
    mail: Mail,
    last_call: Callable[[], bool],
    *,
    verdict: float,
    following: Callable[[], Mail | None] = lambda: None,
) -> Delivery | None:
    """Hand a mail over; the connection is cut unless it can carry another.

    `verdict` is how many seconds the answer to the mail's end may take; `following` is the mail that will come next on
    this connection, if that is certain by then. None: the connection had been in use before, and turned out to be dead
    before anything was said about this mail.
    """
    announced, talk.announced = talk.announced is mail, None
    if not _fits(talk, mail):
        return Refused(
            f"the mail has {len(mail.written):,} bytes, and the mail server takes {talk.largest_mail:,} at most"
        )
    phase, used = Phase.MAIL, talk.used
    talk.used = True
    try:
        if used and not announced and talk.overheard() is not None:
            return _over(talk, None)
        if not announced and talk.has_extn("pipelining"):
            talk.send(mail.envelope(talk))
            announced = True
        for phase, command in mail.commands(talk):
            code, words = talk.getreply() if announced else talk.docmd(command)
            if used and phase is Phase.MAIL and code == BUSY:
                return _over(talk, None)
            if (answer := objection(phase, code, words)) is not None:
                _begin_anew(talk, code, unread=phase.answers_to_come if announced else 0)
                return answer
        phase = Phase.BODY
        answer = up_to_the_dot(talk, mail, last_call)
    except Broken as problem:
        dead = used and phase is Phase.MAIL
        return _over(talk, None if dead else Unavailable(f"the mail server broke off {phase}: {problem}"))
    return _verdict(talk, mail, verdict, following()) if answer is None else _over(talk, answer)


def _fits(talk: Talk, mail: Mail) -> bool:
    """Whether the server takes a mail of this size, as far as it says."""
    return not 0 < talk.largest_mail < len(mail.written)


def up_to_the_dot(talk: Talk, mail: Mail, last_call: Callable[[], bool]) -> Delivery | None:
    """Send all but the mail's end, and ask whether it may go; None: it may, and the server still listens."""
    try:
        talk.send(mail.body())
    except Broken:
        if (found := talk.overheard()) is None:  # Broken again where it said nothing before it hung up
            raise
        return _early(*found)
    if not last_call():
        return Withdrawn()
    found = talk.overheard()
    return None if found is None else _early(*found)


def _early(code: int, words: bytes) -> Delivery:
    """What an answer means that came before the end of the mail: the server cannot have taken it."""
    answer = objection(Phase.BODY, code, words) if code // 100 in (4, 5) else None
    return answer or Unavailable("the mail server answered before it had the mail")


def _verdict(talk: Talk, mail: Mail, seconds: float, following: Mail | None) -> Delivery:
    """Send the end of the mail, and wait for what the server makes of it. From here on there is no way back."""
    usual = talk.patience
    talk.allow(seconds)
    talk.patience = seconds
    if following is not None and not (talk.has_extn("pipelining") and _fits(talk, following)):
        following = None
    try:
        talk.send(b".\r\n" + (following.envelope(talk) if following else b""))
        code, words = talk.getreply()
    except Broken as problem:
        return _over(talk, in_doubt(str(problem)))
    talk.patience, talk.announced = usual, following
    answer = outcome(code, words, mail.to)
    return _over(talk, answer) if code == BUSY or code // 100 == 3 else answer


def _begin_anew(talk: Talk, code: int, *, unread: int) -> None:
    """Bring the conversation back to its beginning after an objection, or end it.

    `unread` answers are still to come; if the last one of them asks for the mail, there is no way back but to hang up.
    """
    try:
        for _ in range(unread if code != BUSY else 0):
            if talk.getreply()[0] // 100 == 3:
                break
        else:
            if code != BUSY and talk.rset()[0] // 100 == 2:
                return
    except Broken:
        pass
    talk.drop()


def _over(talk: Talk, answer: Answer) -> Answer:
    talk.drop()
    return answer
