"""A web server that does as it is told, byte for byte, and keeps a truth log of every whole request."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

LONGEST = 20  # seconds that any connection lives


@dataclass(frozen=True)
class Received:
    """One whole request."""

    method: str
    target: str
    headers: Mapping[str, str]  # names in small letters
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Talk:
    """One connection, for whoever answers."""

    line: socket.socket
    received: Received
    ended: threading.Event

    def reply(self, status: int, body: bytes | str | Any = b"", **headers: str) -> None:
        if not isinstance(body, bytes):
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{name}: {value}" for name, value in {"Content-Length": str(len(body)), **named}.items()]
        self.say("\r\n".join([f"HTTP/1.1 {status} Words", *lines, "", ""]).encode() + body)

    def say(self, content: bytes) -> None:
        with suppress(OSError):  # who has hung up does not listen
            self.line.sendall(content)

    def drip(self, content: bytes, *, every: float) -> None:
        for number in range(len(content)):
            if self.ended.wait(every):
                return
            self.say(content[number : number + 1])

    def hang(self) -> None:
        self.ended.wait(LONGEST)

    def reset(self) -> None:
        """Hang up as if the machine had died: a reset, no goodbye."""
        self.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Answerer = Callable[[Talk], None]


@dataclass
class WebServer:
    """Listens until it is closed."""

    answer: Answerer  # what it does when nothing else was said
    context: ssl.SSLContext | None = None
    log: list[Received] = field(default_factory=list)  # the truth
    next: list[Answerer] = field(default_factory=list)  # what it does with the next requests, one each
    greet: list[Callable[[socket.socket], None]] = field(default_factory=list)  # with the next connections, at once
    connections: int = 0

    def __post_init__(self) -> None:
        self._ended = threading.Event()
        self._door = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self._door.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://localhost:{self.port}"

    def close(self) -> None:
        self._ended.set()
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for thread in self._threads:
            thread.join(LONGEST)

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                line, _ = self._door.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(line,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, line: socket.socket) -> None:
        line.settimeout(LONGEST)
        with suppress(OSError), line:
            if self.greet:
                self.greet.pop(0)(line)
                return
            spoken = self.context.wrap_socket(line, server_side=True) if self.context else line
            with spoken:
                received = read_request(spoken)
                if received is None:
                    return
                self.log.append(received)
                answer = self.next.pop(0) if self.next else self.answer
                answer(Talk(spoken, received, self._ended))


def read_request(line: socket.socket) -> Received | None:
    """The whole request; None if the other side hung up before its end."""
    content = b""
    while b"\r\n\r\n" not in content:
        part = line.recv(65_536)
        if not part:
            return None
        content += part
    head, _, body = content.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    length = int(headers.get("content-length", 0))
    while len(body) < length:
        part = line.recv(65_536)
        if not part:
            return None
        body += part
    method, target, _ = first.split(" ")
    return Received(method, target, headers, body)


@contextmanager
def web_server(answer: Answerer, context: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    server = WebServer(answer, context)
    try:
        yield server
    finally:
        server.close()


def replies(status: int, body: bytes | str | Any = b"", **headers: str) -> Answerer:
    return lambda talk: talk.reply(status, body, **headers)
