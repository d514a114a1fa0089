"""From nothing to a conversation in which mails may be handed over: connect, greet, encrypt, log in.

Nothing here concerns a single message. What goes wrong is the server's or the configuration's fault, and where only a
person can mend it, no message is tried until they have.
"""

import base64
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from coopflow.channels.base import Unavailable
from coopflow.channels.smtp_answers import said
from coopflow.channels.smtp_talk import Broken, Talk
from coopflow.secrets import NoSecret, Secret

GOES_ON = 334  # the server waits for the next part of a login

_NEVER_MATCH = {
    "WRONG_VERSION_NUMBER",
    "UNSUPPORTED_PROTOCOL",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "NO_PROTOCOLS_AVAILABLE",
}


class OutOfOrder(Exception):
    """No conversation can be had; what that means for every message."""

    def __init__(self, reason: str, *, until_mended: bool = False) -> None:
        super().__init__(reason)
        self.answer = Unavailable(reason, until_mended=until_mended)


class Server(Struct, frozen=True, dict=True):
    """A mail server, and how to get into it."""

    host: str
    port: int
    security: str  # starttls | tls | none, which is for this machine only
    user: str | None = None
    password: Callable[[], Secret] | None = None  # raises NoSecret
    ca_file: Path | None = None  # certificates to trust in place of the system's

    @cached_property
    def context(self) -> ssl.SSLContext:
        """Encryption that is worth the name: the certificate is checked, and it is this host's."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as problem:
            why = (getattr(problem, "strerror", None) or "no certificate in it can be read").lower()
            raise OutOfOrder(
                f"the file of certificates {self.ca_file} is of no use: {why}", until_mended=True
            ) from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def open_talk(server: Server, *, patience: float, deadline: float) -> Talk:
    """Begin a conversation; raise OutOfOrder where that is not possible."""
    talk = Talk(patience=patience)
    talk.allow(deadline)
    try:
        _reach(talk, server)
        _greet(talk, server)
        _log_in(talk, server)
    except BaseException:
        talk.drop()
        raise
    return talk


def _reach(talk: Talk, server: Server) -> None:
    with _unbroken(f"the mail server {server.host}:{server.port} cannot be reached"):
        talk.reach(server.host, server.port)
    if server.security == "none" and not ipaddress.ip_address(talk.wire.getpeername()[0]).is_loopback:
        raise OutOfOrder(
            f"{server.host} is another machine, and 'security: none' would let everybody on the way read the mails; "
            "write starttls or tls",
            until_mended=True,
        )
    if server.security == "tls":
        _encrypt(talk, server)


def _greet(talk: Talk, server: Server) -> None:
    with _unbroken(f"the mail server {server.host} does not greet"):
        _require(talk.getreply(), 2, f"the mail server {server.host} lets nobody in")
        _say_hello(talk, server)
    if server.security != "starttls":
        return
    if not talk.has_extn("starttls"):
        raise OutOfOrder(
            f"the mail server {server.host} offers no encryption (STARTTLS), or somebody on the way hides the offer; "
            "nothing was sent to it",
            until_mended=True,
        )
    with _unbroken(f"the encryption with {server.host} did not begin"):
        _require(talk.docmd("STARTTLS"), 2, f"the mail server {server.host} does not begin the encryption it offers")
        _encrypt(talk, server)
        _say_hello(talk, server)


def _say_hello(talk: Talk, server: Server) -> None:
    _require(talk.ehlo(), 2, f"the mail server {server.host} does not speak today's language of mail servers (EHLO)")


def _encrypt(talk: Talk, server: Server) -> None:
    context = server.context
    try:
        with _unbroken(f"the encryption with {server.host} did not begin"):
            talk.encrypt(context, server.host)
    except ssl.SSLCertVerificationError as problem:
        raise OutOfOrder(_distrust(server.host, problem), until_mended=True) from None
    except ssl.SSLError as problem:
        why = (problem.reason or "the handshake failed").lower().replace("_", " ")
        hint = "; is `security:` right for this port (usually starttls for 587, tls for 465)?"
        raise OutOfOrder(
            f"the encryption with {server.host}:{server.port} did not begin: {why}{hint}",
            until_mended=problem.reason in _NEVER_MATCH,
        ) from None


def _distrust(host: str, problem: ssl.SSLCertVerificationError) -> str:
    why = problem.verify_message or "it cannot be checked"
    clock = "; is the clock of this machine right?" if "not yet valid" in why or "expired" in why else ""
    return f"the certificate of {host} is not to be trusted: {why.rstrip('.')}{clock}; nothing was sent to it"


# -- logging in ---------------------------------------------------------------------------------------------------


def _log_in(talk: Talk, server: Server) -> None:
    if server.user is None or server.password is None:
        return
    try:
        password = server.password()
    except NoSecret as problem:
        raise OutOfOrder(str(problem), until_mended=True) from None
    ways = talk.esmtp_features.get("auth", "").upper().split()
    with _unbroken(f"the mail server {server.host} broke off the login"):
        if "PLAIN" in ways:
            answer = _plain(talk, server.user, password)
        elif "LOGIN" in ways:
            answer = _login(talk, server.user, password)
        else:
            raise OutOfOrder(
                f"the mail server {server.host} offers no way to log in that coopflow knows (PLAIN, LOGIN)",
                until_mended=True,
            )
    _require(answer, 2, f"the mail server {server.host} does not accept user and password")


def _plain(talk: Talk, user: str, password: Secret) -> tuple[int, bytes]:
    word = _encoded(f"\0{user}\0{password.reveal()}")
    talk.hide(password.reveal(), word)
    return talk.docmd("AUTH", f"PLAIN {word}")


def _login(talk: Talk, user: str, password: Secret) -> tuple[int, bytes]:
    word = _encoded(password.reveal())
    talk.hide(password.reveal(), word)
    for part in ("AUTH LOGIN", _encoded(user)):
        answer = talk.docmd(part)
        if answer[0] != GOES_ON:
            return answer
    return talk.docmd(word)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# -- what went wrong ----------------------------------------------------------------------------------------------


def _require(answer: tuple[int, bytes], wanted: int, otherwise: str) -> None:
    code, words = answer
    if code // 100 != wanted:
        raise OutOfOrder(f"{otherwise}: {said(code, words)}", until_mended=code // 100 == 5)


@contextmanager
def _unbroken(what: str) -> Iterator[None]:
    try:
        yield
    except Broken as problem:
        raise OutOfOrder(f"{what}: {problem}") from None
