"""A mail server on loopback that does exactly what a test tells it, also what no good server does.

It keeps its own record of what it took, which coopflow cannot see. What it answers is a script, a table from the
command to what happens, so that a fault may come at any byte.
"""

import base64
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from typing import Any

import trustme

HELLO = b"250-mail.test\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n"
STARTTLS, LOGIN = b"250-STARTTLS\r\n", b"250-AUTH PLAIN LOGIN\r\n"
PIPELINING = b"250-PIPELINING\r\n"
LAST = b"250 HELP\r\n"
USER, PASSWORD = "office", "canary-Xk29-pässword"

Step = bytes | Callable[["Client"], object] | None  # what to say; what to do; None: hang up
Script = Mapping[str, Step | Sequence[Step]]


@cache
def authority() -> trustme.CA:
    return trustme.CA()


def server_context(certificate: trustme.LeafCert | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (certificate or _good_certificate()).configure_cert(context)
    return context


@cache
def _good_certificate() -> trustme.LeafCert:
    return authority().issue_cert("localhost", "127.0.0.1", "::1")


@dataclass
class Client:
    """One connection, as the server sees it."""

    server: "MailServer"
    socket: socket.socket
    number: int
    encrypted: bool = False
    heard: bytearray = field(default_factory=bytearray)
    sender: str = ""
    to: list[str] = field(default_factory=list)
    mail: bytes = b""

    def say(self, words: bytes) -> None:
        self.socket.sendall(words)

    def line(self) -> bytes | None:
        """The next line; None once the client has gone."""
        return self.until(b"\n")

    def until(self, end: bytes) -> bytes | None:
        while end not in self.heard:
            try:
                more = self.socket.recv(65_536)
            except OSError:
                return None
            if not more:
                return None
            self.heard += more
        text, _, rest = bytes(self.heard).partition(end)
        self.heard[:] = rest
        return text + end

    def encrypt(self, context: ssl.SSLContext) -> None:
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.encrypted = True

    def hang_up(self) -> None:
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def waits(self, seconds: float) -> None:
        """Let time pass, unless the test is over."""
        self.server.over.wait(seconds)


class MailServer:
    """A server with a script. Answers go by command: connect, EHLO, STARTTLS, login
    (to the first word of a login), AUTH (to the last), MAIL, RCPT, DATA, body (before the mail), dot, RSET, QUIT.

    An answer may be a list: the first one for the first time, and so on; the last one stays.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        login: bool = False,
        pipelining: bool = False,
        family: socket.AddressFamily = socket.AF_INET,
    ) -> None:
        self.script = dict(script or {})
        self.tls, self.starttls, self.login, self.pipelining = tls, starttls, login, pipelining
        self.over = threading.Event()
        self.taken: list[tuple[str, bytes]] = []  # recipient and mail, as really accepted
        self.commands: list[str] = []
        self.lines: list[bytes] = []
        self.connections = 0
        self.logins: list[str] = []
        self._times: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._clients: list[Client] = []
        self._socket = socket.create_server(
            ("::1" if family == socket.AF_INET6 else "127.0.0.1", 0), family=family, backlog=100
        )
        self.port = int(self._socket.getsockname()[1])
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self.over.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for client in self._clients:
            client.hang_up()
        for thread in self._threads:
            thread.join(10)

    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(mail, policy=policy.default) for _, mail in self.taken]  # type: ignore[misc]

    def recipients(self) -> list[str]:
        return sorted(to for to, _ in self.taken)

    def forgets_connections(self) -> None:
        """Hang up on everybody, as after a long silence."""
        with self._lock:
            clients, self._clients = self._clients, []
        for client in clients:
            client.hang_up()

    def says_to_all(self, words: bytes) -> None:
        """Say something that nobody has asked for."""
        for client in self._clients:
            client.say(words)

    # -- one connection ---------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections += 1
                client = Client(self, connection, self.connections)
                self._clients.append(client)
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: Client) -> None:
        try:
            if self.tls is not None:
                client.encrypt(self.tls)
            if not self._answer(client, "connect", b"220 mail.test\r\n"):
                return
            while (line := client.line()) is not None:
                if not self._command(client, line):
                    return
        except OSError:
            pass
        finally:
            client.hang_up()

    def _command(self, client: Client, line: bytes) -> bool:
        word = line.split()[0].decode("latin-1").upper() if line.split() else ""
        with self._lock:
            self.commands.append(word)
            self.lines.append(line)
        match word:
            case "EHLO":
                return self._answer(client, word, self._hello(client))
            case "STARTTLS" if self.starttls is not None:
                if not self._answer(client, word, b"220 go ahead\r\n"):
                    return False
                client.encrypt(self.starttls)
                return True
            case "AUTH":
                return self._auth(client, line)
            case "MAIL":
                client.sender, client.to = line.decode("latin-1"), []
            case "RCPT":
                client.to.append(line.decode().partition("<")[2].partition(">")[0])
            case "DATA":
                return self._data(client)
            case "QUIT":
                self._answer(client, word, b"221 bye\r\n")
                return False
        return self._answer(client, word, b"250 ok\r\n")

    def _hello(self, client: Client) -> bytes:
        offered = HELLO
        if self.starttls is not None and not client.encrypted:
            offered += STARTTLS
        if self.login:
            offered += LOGIN
        if self.pipelining:
            offered += PIPELINING
        return offered + LAST

    def _auth(self, client: Client, line: bytes) -> bool:
        if "login" in self.script:
            return self._answer(client, "login", b"")
        if line.split()[1].upper() == b"PLAIN":
            _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
        else:
            client.say(b"334 VXNlcm5hbWU6\r\n")
            user = base64.b64decode(client.line() or b"").decode()
            client.say(b"334 UGFzc3dvcmQ6\r\n")
            password = base64.b64decode(client.line() or b"").decode()
        self.logins.append(user)
        good = (user, password) == (USER, PASSWORD)
        return self._answer(client, "AUTH", b"235 welcome\r\n" if good else b"535 5.7.8 bad credentials\r\n")

    def _data(self, client: Client) -> bool:
        answer = self._step("DATA", b"354 go ahead\r\n")
        if not self._do(client, answer):
            return False
        if isinstance(answer, bytes) and not answer.startswith(b"354"):
            return True
        if "body" in self.script and not self._do(client, self._step("body", b"")):
            return False
        mail = client.until(b"\r\n.\r\n")
        if mail is None:
            return False
        client.mail = mail.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
        answer = self._step("dot", b"250 2.0.0 queued as 4F2A1\r\n")
        if isinstance(answer, bytes) and answer.startswith(b"250"):
            self.takes(client)
        return self._do(client, answer)

    def takes(self, client: Client) -> None:
        """Accept the mail: it is on the server's own record before the answer leaves."""
        with self._lock:
            self.taken += [(to, client.mail) for to in client.to]

    def _answer(self, client: Client, name: str, usual: bytes) -> bool:
        return self._do(client, self._step(name, usual))

    def _step(self, name: str, usual: bytes) -> Step:
        with self._lock:
            number, self._times[name] = self._times[name], self._times[name] + 1
        scripted: Any = self.script.get(name, usual)
        if isinstance(scripted, list | tuple):
            scripted = scripted[number] if number < len(scripted) else scripted[-1]
        return usual if scripted == b"usual" else scripted

    def _do(self, client: Client, step: Step) -> bool:
        if step is None:
            return False
        if isinstance(step, bytes):
            client.say(step)
            return True
        return step(client) is not False


@contextmanager
def mail_server(script: Script | None = None, **options: Any) -> Iterator[MailServer]:
    """A scripted server, until the block ends."""
    server = MailServer(script, **options)
    try:
        yield server
    finally:
        server.close()
