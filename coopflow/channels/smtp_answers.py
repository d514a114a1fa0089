"""What each answer of a mail server means for the message (reliability, section 2.4)."""

import re
from datetime import timedelta
from enum import StrEnum

from coopflow.channels.base import Accepted, Deferred, Delivery, Refused, Unavailable, Unknown

NOT_SOONER = timedelta(minutes=5)  # a server that greylists lets nobody in before that
LONGEST_WORDS = 300  # characters of a server's answer that are kept
MOST_READ = 2000  # characters of it that are looked at

BUSY = 421  # it says goodbye with it, at any point
TOO_BIG = 552
NOT_LOGGED_IN = 530

_ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"']+@[^\s<>()\[\]:;,\"']+")
_NOT_OUR_RELAY = re.compile(
    r"relay access denied|relay(ing)? (is )?(denied|not (permitted|allowed))|unable to relay"
    r"|authentication (is )?required",
    re.IGNORECASE,
)
_NOBODY_THERE = re.compile(  # by RFC 3463, else by the words of a server that gives no such number
    r"5\d\d 5\.(1\.(1|2|3|6|10)|2\.1)(?![.\d])"
    r"|55[013] (?!\d\.\d)(?!.*\bsender\b)(?=.*\b(user|recipient|mailbox|account|address)\b)"
    r".*\b(no such|unknown|not found|does not exist|doesn't exist|invalid)\b",
    re.IGNORECASE,
)


class Phase(StrEnum):
    """How far a message has come, as the sentence about it says."""

    MAIL = "at the sender's address"
    RECIPIENT = "at the recipient's address"
    DATA = "before the mail"
    BODY = "during the mail"
    DOT = "after the mail"

    @property
    def answers_to_come(self) -> int:
        """How many of the answers to a mail's envelope come after the one in this phase."""
        return {Phase.MAIL: 2, Phase.RECIPIENT: 1}.get(self, 0)


def said(code: int, words: bytes) -> str:
    """Write an answer down: on one line, of bounded length, without addresses, as it goes into the audit trail."""
    return _short(_ADDRESS.sub("(address)", _one_line(code, words)))


def reference(code: int, words: bytes, recipient: str) -> str:
    """Write down the answer that accepts a message: in it stands the number under which the server keeps it."""

    def shown(found: re.Match[str]) -> str:
        return "(address)" if found[0].lower() == recipient.lower() else found[0]

    return _short(_ADDRESS.sub(shown, _one_line(code, words)))


def _one_line(code: int, words: bytes) -> str:
    """The beginning of an answer: what is longer ends with a whole word, lest half an address be no address."""
    text = f"{code} {words[: 2 * MOST_READ].decode('utf-8', 'replace')}"
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= MOST_READ else line[:MOST_READ].rpartition(" ")[0]


def _short(line: str) -> str:
    return line if len(line) <= LONGEST_WORDS else f"{line[:LONGEST_WORDS]}…"


def objection(phase: Phase, code: int, words: bytes) -> Delivery | None:
    """What it means when the server does not let the message come further; None: it does."""
    match code // 100, phase:
        case 2, Phase.MAIL | Phase.RECIPIENT:
            return None
        case 3, Phase.DATA:
            return None
        case 4, _:
            return Deferred(f"the mail server wants it later: {said(code, words)}", NOT_SOONER)
        case 5, _:
            return _never(phase, code, words)
        case _:
            return Unavailable(f"the mail server gave an answer {phase} that makes no sense: {said(code, words)}")


def _never(phase: Phase, code: int, words: bytes) -> Delivery:
    answer = said(code, words)
    if phase is Phase.MAIL and code == TOO_BIG:
        return Refused(f"the mail server does not take a mail of this size: {answer}")
    if phase is Phase.MAIL:
        return Unavailable(f"the mail server does not take mails from this sender: {answer}", until_mended=True)
    if phase is Phase.RECIPIENT and (code == NOT_LOGGED_IN or _NOT_OUR_RELAY.search(answer)):
        return Unavailable(f"the mail server does not pass mails on for coopflow: {answer}", until_mended=True)
    if phase is Phase.RECIPIENT:
        gone = _NOBODY_THERE.match(answer) is not None
        return Refused(f"the mail server refuses the address: {answer}", bad_address=gone)
    return Refused(f"the mail server refuses the mail: {answer}")


def outcome(code: int, words: bytes, recipient: str) -> Delivery:
    """What became of a message, by the answer to its end."""
    match code // 100:
        case 2:
            return Accepted(reference(code, words, recipient))
        case 4 | 5:
            return objection(Phase.DOT, code, words) or in_doubt("its answer makes no sense")
        case _:
            return in_doubt(f"it answered: {said(code, words)}")


def in_doubt(why: str) -> Unknown:
    """The end of the mail was sent, and it is not known whether the server took it."""
    return Unknown(f"the mail server had the whole mail, and did not say whether it takes it: {why}")
