"""A gateway on loopback, in a process of its own with its own record of what it took, and the channel that uses it."""

import http.client
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from coopflow.channels.base import Accepted, Delivery, Message, Unavailable, Unknown, Withdrawn
from tests.faults.children import end_of, fork


@dataclass(frozen=True)
class GatewayChannel:
    """Posts each message; the gateway takes the same key twice as two messages, as most gateways do."""

    name: str
    port: int
    transport: str = "gateway"
    dedupes: bool = False

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.connect()
        except OSError as problem:
            return Unavailable(f"the gateway cannot be reached: {problem}")
        if not last_call():
            return Withdrawn()
        try:
            connection.request("POST", "/messages", body=message.key)
            reference = connection.getresponse().read().decode()
        except (OSError, http.client.HTTPException) as problem:
            return Unknown(f"the gateway did not answer: {problem}")
        finally:
            connection.close()
        return Accepted(reference)

    def close(self) -> None:
        pass


class Desk(BaseHTTPRequestHandler):
    """Takes one message: on record first, then some time passes, then the answer."""

    record: int  # where the keys are written

    def do_POST(self) -> None:
        key = self.rfile.read(int(self.headers["Content-Length"]))
        os.write(self.record, key + b"\n")
        threading.Event().wait(random.random() / 200)  # noqa: S311
        self.send_response(202)
        self.end_headers()
        self.wfile.write(b"taken")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def gateway(record: Path) -> Iterator[int]:
    """The gateway, until the block ends; answers with its port."""
    Desk.record = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    server.handle_error = lambda *_: None  # type: ignore[method-assign, misc] # a client that was killed is no news here
    process = fork(server.serve_forever)
    server.socket.close()
    os.close(Desk.record)
    try:
        yield server.server_address[1]
    finally:
        os.kill(process, signal.SIGTERM)
        end_of(process)
