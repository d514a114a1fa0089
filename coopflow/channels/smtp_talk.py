"""One conversation with a mail server, of which every part has a limit: how long it may take, how much may be said.

The standard library's SMTP has one time-out for each read, so that a byte every half minute keeps it busy for ever, and
it reads an answer that does not end until memory does. Here an answer must be whole within its time.
"""

import re
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

LONGEST_LINE = 4096  # bytes of one line of an answer; RFC 5321 allows 512
LONGEST_ANSWER = 65_536  # bytes of all its lines
MOST_ADDRESSES = 8  # of one name that are tried, one after the other
LONGEST_NUMBER = 18  # digits
BLOCK = 16_384  # bytes of a mail that are sent at a time, each within the time of one answer

_ANSWER = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)


class Broken(Exception):
    """The conversation is over: the connection broke, or what came is no answer. The text repeats nothing of it."""


class Talk(smtplib.SMTP):
    """An SMTP conversation; what goes wrong in it is Broken, never anything else."""

    def __init__(self, *, patience: float) -> None:
        """`patience` is how many seconds each answer may take."""
        super().__init__(local_hostname="localhost")  # else it would ask the network for this machine's name
        self.patience = patience
        self.used = False  # a message has gone over it already
        self.announced: object | None = None  # the mail whose envelope has been said, and not been answered yet
        self._end = float("inf")
        self._heard = bytearray()  # what has come and was not read yet
        self._hidden: list[bytes] = []

    def allow(self, seconds: float) -> None:
        """All that follows must be over in so many seconds, however patient each step is."""
        self._end = time.monotonic() + seconds

    def hide(self, *words: str) -> None:
        """Never repeat these words, should the server do it."""
        self._hidden += [word.encode() for word in words if word]

    # -- the connection -------------------------------------------------------------------------------------------

    def reach(self, host: str, port: int) -> None:
        """Connect to the first address of a name that can be reached, the others after it."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as problem:
            raise Broken(f"its name is not found: {_why(problem)}") from None
        failed = Broken("its name has no address")
        for *_, address in found[:MOST_ADDRESSES]:
            try:
                self.sock = socket.create_connection((str(address[0]), port), self._left(self._until()))
            except OSError as problem:
                failed = Broken(_why(problem))
            else:
                # The end of a mail is a packet of its own; without this it would wait for the one before it to arrive.
                self.wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.local_hostname = _literal(self.wire.getsockname()[0])
                return
        raise failed

    @property
    def is_open(self) -> bool:
        """Whether anything more can be said."""
        return self.sock is not None

    @property
    def largest_mail(self) -> int:
        """How many bytes a mail may have, as the server says; 0: it does not."""
        said = self.esmtp_features.get("size", "")[:LONGEST_NUMBER]
        return int(said) if said.isdecimal() else 0

    @property
    def wire(self) -> socket.socket:
        """The open connection; Broken once it is cut."""
        if self.sock is None:
            raise Broken("the connection is closed")
        return self.sock

    def encrypt(self, context: ssl.SSLContext, host: str) -> None:
        """Go on in private; raise ssl.SSLError where that cannot be trusted."""
        if self._heard:  # somebody between us and the server wants it to be taken for the server's
            raise Broken("more was said before the encryption began than was asked for")
        self.wire.settimeout(self._left(self._until()))
        try:
            self.sock = context.wrap_socket(self.wire, server_hostname=host)
        except ssl.SSLError as problem:
            if isinstance(problem, ssl.SSLEOFError | ssl.SSLZeroReturnError):
                raise Broken("it closed the connection while the encryption began") from None
            raise
        except OSError as problem:
            raise Broken(_why(problem)) from None
        self.esmtp_features = {}
        self.does_esmtp = False

    def drop(self) -> None:
        """Cut the connection without another word."""
        with suppress(OSError):
            self.close()

    # -- what is said ---------------------------------------------------------------------------------------------

    def send(self, s: object) -> None:
        """Send a command, or a part of a mail."""
        said = s.encode("ascii") if isinstance(s, str) else bytes(s)  # type: ignore[call-overload]
        with self._unbroken():
            for start in range(0, len(said), BLOCK):
                self.wire.settimeout(self._left(self._until()))
                self.wire.sendall(said[start : start + BLOCK])

    def getreply(self) -> tuple[int, bytes]:
        """Read one whole answer: its number and its words, a line each."""
        until = self._until()
        first, lines, size = b"", [], 0
        while True:
            line = self._line(until)
            found = _ANSWER.fullmatch(line.removesuffix(b"\r"))
            first = first or line[:3]
            size += len(line)
            if found is None or found[1] != first:
                raise Broken("what it said is no answer in the language of mail servers")
            if size > LONGEST_ANSWER:
                raise Broken("its answer does not end")
            lines.append(found[3] or b"")
            if found[2] != b"-":
                return int(found[1]), self._without_secrets(b"\n".join(lines))

    def overheard(self) -> tuple[int, bytes] | None:
        """Read an answer that came without being asked for; None where all is silent; Broken if it has hung up."""
        with self._unbroken(), suppress(BlockingIOError, ssl.SSLWantReadError):
            self.wire.settimeout(0)
            self._hear(self.wire.recv(BLOCK))
        return self.getreply() if self._heard else None

    def _line(self, until: float) -> bytes:
        while (end := self._heard.find(b"\n")) < 0:
            if len(self._heard) > LONGEST_LINE:
                raise Broken("its answer does not end")
            with self._unbroken():
                self.wire.settimeout(self._left(until))
                self._hear(self.wire.recv(LONGEST_LINE))
        line = bytes(self._heard[:end])
        del self._heard[: end + 1]
        return line

    def _hear(self, more: bytes) -> None:
        if not more:
            raise Broken("it closed the connection")
        self._heard += more

    def _without_secrets(self, words: bytes) -> bytes:
        for hidden in self._hidden:
            words = words.replace(hidden, b"***")
        return words

    # -- time -----------------------------------------------------------------------------------------------------

    def _until(self) -> float:
        return min(time.monotonic() + self.patience, self._end)

    @staticmethod
    def _left(until: float) -> float:
        left = until - time.monotonic()
        if left <= 0:
            raise Broken("it took too long to answer")
        return left

    @contextmanager
    def _unbroken(self) -> Iterator[None]:
        """Turn whatever goes wrong with the connection into Broken."""
        try:
            yield
        except (BlockingIOError, ssl.SSLWantReadError):  # nothing there yet, where nobody wants to wait
            raise
        except TimeoutError:
            raise Broken("it took too long to answer") from None
        except OSError as problem:
            raise Broken(f"the connection broke: {_why(problem)}") from None


def _literal(address: str) -> str:
    """The address of this machine in the form in which a client without a name says hello."""
    return f"[IPv6:{address.partition('%')[0]}]" if ":" in address else f"[{address}]"


def _why(problem: Exception) -> str:
    if isinstance(problem, TimeoutError):
        return "it took too long to answer"
    words = getattr(problem, "strerror", None) or getattr(problem, "reason", None) or problem
    return str(words).lower().replace("_", " ")
