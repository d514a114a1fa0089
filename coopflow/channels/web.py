"""One request over the web, and what became of it: the only place that speaks HTTP.

The last call stands exactly between a connection that is ready and the first byte of the request. Nothing is tried
twice, no redirect is followed, no proxy is taken from the environment, and every request has a connection of its own:
one kept from before may have been closed by the other side, and would turn a message into a doubt.
"""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

from coopflow.core.deliveries import Unavailable, Unknown, Withdrawn
from coopflow.core.web_addresses import require_url
from coopflow.threads import Worker

LONGEST_ANSWER = 1024 * 1024  # bytes that are read of an answer
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for; the headers may hold secrets, so it shows neither them nor the address."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said."""

    status: int
    headers: Mapping[str, str]  # names in small letters
    body: bytes
    whole: bool = True  # false: it ended early, or was too long to be read


Unanswered = Unavailable | Withdrawn | Unknown


class Web:
    """Makes requests, with its own limits on how long each part may take."""

    def __init__(
        self, *, ca_file: Path | None = None, connect: float = 15, read: float = 60, altogether: float = 120
    ) -> None:
        """The times are seconds; `ca_file` holds the certificates to trust instead of the system's."""
        self._ca_file = ca_file
        self._connect = connect
        self._read = read
        self._altogether = altogether

    def ask(self, request: Request, last_call: Callable[[], bool] = lambda: True) -> Answer | Unanswered:
        """Make one request; what is not answered is unavailable (surely not asked), withdrawn, or unknown."""
        who = _host(request.url)
        connection: HTTPConnection | None = None
        try:
            connection = self._connection(request.url)
            connection.connect()
            _prepare(connection, request)
        except (OSError, ValueError, HTTPException) as problem:
            _close(connection)
            return _unreached(who, problem)
        try:
            return self._exchange(connection, request, who, last_call)
        finally:
            _close(connection)

    def _exchange(
        self, connection: HTTPConnection, request: Request, who: str, last_call: Callable[[], bool]
    ) -> Answer | Unanswered:
        if not last_call():
            return Withdrawn()
        connection.sock.settimeout(self._read)
        with _no_longer_than(self._altogether, connection.sock):
            try:
                connection.endheaders(request.body)
            except (OSError, HTTPException) as problem:
                return Unavailable(f"the connection to {who} broke before the request was out: {_words(problem)}")
            try:
                return _answer(connection.getresponse())
            except (OSError, HTTPException, ValueError) as problem:
                return Unknown(f"{who} took the request and gave no answer: {_words(problem)}")

    def _connection(self, url: str) -> HTTPConnection:
        parts = urlsplit(require_url(url))
        host = parts.hostname or ""
        if parts.scheme == "http":
            return HTTPConnection(host, parts.port, timeout=self._connect)
        return HTTPSConnection(host, parts.port, timeout=self._connect, context=self._trusted)

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        """Certificates and host names are checked; nothing older than TLS 1.2 is spoken."""
        try:
            trusted = ssl.create_default_context(cafile=self._ca_file)
        except OSError as problem:  # ssl's own errors too
            words = problem.strerror or "they are no certificates"
            raise ValueError(f"the certificates in {self._ca_file} cannot be read: {words.lower()}") from None
        trusted.minimum_version = ssl.TLSVersion.TLSv1_2
        return trusted


def _prepare(connection: HTTPConnection, request: Request) -> None:
    """Put the head of the request together; nothing leaves yet."""
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.putrequest(request.method, target, skip_accept_encoding=True)
    length = {} if request.body is None else {"Content-Length": str(len(request.body))}
    for name, value in {"User-Agent": "coopflow", **request.headers, **length, "Connection": "close"}.items():
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"the header {name} holds a character that no header may have")
        connection.putheader(name, value)


def _answer(response: HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    if not headers:  # a head that was cut off looks like this
        raise HTTPException
    body, whole = bytearray(), True
    try:
        while len(body) <= LONGEST_ANSWER and (part := response.read1(CHUNK)):
            body += part
    except (OSError, HTTPException, ValueError):  # the status is a fact all the same
        whole = False
    cut_short = bool(response.length) or len(body) > LONGEST_ANSWER
    return Answer(response.status, headers, bytes(body[:LONGEST_ANSWER]), whole and not cut_short)


@contextmanager
def _no_longer_than(seconds: float, connected: socket.socket) -> Iterator[None]:
    """End the connection when its time is up, however slowly the other side drips."""
    over = Event()

    def watch() -> None:
        if not over.wait(seconds):
            _cut(connected)

    Worker(watch).start()
    try:
        yield
    finally:
        over.set()


def _cut(connected: socket.socket) -> None:
    with suppress(OSError):  # TLS or not: nothing is said, the line is cut
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _close(connection: HTTPConnection | None) -> None:
    if connection is not None:
        with suppress(OSError):
            connection.close()


def _host(url: str) -> str:
    """Who is asked, for sentences; the rest of an address may hold secrets."""
    with suppress(ValueError):
        return urlsplit(url).netloc.rpartition("@")[2] or "the other side"
    return "the other side"


def _unreached(who: str, problem: Exception) -> Unavailable:
    if isinstance(problem, ssl.SSLCertVerificationError):
        clock = "; is this machine's clock right?" if "not yet valid" in problem.verify_message else ""
        return Unavailable(f"the certificate of {who} is not good: {problem.verify_message}{clock}", True)
    if isinstance(problem, ValueError):  # an address, a header or a file of certificates that cannot be
        return Unavailable(f"{who} cannot be asked like this: {problem}", True)
    return Unavailable(f"{who} cannot be reached: {_words(problem)}")


def _words(problem: Exception) -> str:
    """A reason in one line, without what the other side wrote."""
    if isinstance(problem, TimeoutError):
        return "timed out"
    if isinstance(problem, ssl.SSLError):
        return f"TLS failed ({(problem.reason or 'no reason given').replace('_', ' ').lower()})"
    if isinstance(problem, OSError) and not isinstance(problem, HTTPException):
        return (problem.strerror or "the connection was lost").lower()
    return "the connection was closed" if "Disconnected" in type(problem).__name__ else "what came is not HTTP"
