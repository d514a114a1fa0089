"""The mail channel against aiosmtpd, an independent server: the contract, and the ways in."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from msgspec.structs import replace

from coopflow.channels.base import Accepted, Channel, Message, Refused, Unavailable
from tests.channels.contract import Arrived, LastCallContract, same_lines, yes
from tests.channels.mail_server import PASSWORD, USER, server_context
from tests.channels.smtp_scene import MESSAGE, channel_to, compose_by_key

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")


@dataclass
class Taken:
    """What aiosmtpd took."""

    mails: list[tuple[str, bytes]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name there
        assert isinstance(envelope.content, bytes)
        self.mails += [(to, envelope.content) for to in envelope.rcpt_tos]
        self.encrypted.append(session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None)
        return "250 2.0.0 queued as 7B3"


class Aiosmtpd:
    """aiosmtpd on a port that the system gives, in a thread."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, **options: Any) -> None:
        self.taken = Taken()
        self._loop = asyncio.new_event_loop()
        starting = self._loop.create_server(
            lambda: SMTP(self.taken, loop=self._loop, **options), "127.0.0.1", 0, ssl=tls
        )
        self._server = self._loop.run_until_complete(starting)
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def lets_in(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    known = LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=data == known, handled=False)


@dataclass
class MailWorld:
    server: Aiosmtpd
    channel: Channel

    def message(self) -> Message:
        return MESSAGE

    def arrived(self) -> list[Arrived]:
        return sorted(map(self._arrived, self.server.taken.mails), key=lambda one: one.key)

    @staticmethod
    def _arrived(taken: tuple[str, bytes]) -> Arrived:
        to, content = taken
        mail = message_from_bytes(content)
        words = mail.get_payload(decode=True)
        assert isinstance(words, bytes)
        key = mail["Message-ID"].removeprefix("<").partition("@")[0]
        return Arrived(key, to, same_lines(words.decode()))


WAYS_IN = {
    "starttls": {"tls_context": server_context, "require_starttls": True},
    "tls": {"tls": server_context},
    "none": {},
}


@pytest.fixture
def aiosmtpd(request: pytest.FixtureRequest) -> Iterator[Aiosmtpd]:
    options = {name: option() if callable(option) else option for name, option in getattr(request, "param", {}).items()}
    server = Aiosmtpd(authenticator=lets_in, auth_required=True, auth_require_tls=False, **options)
    yield server
    server.close()


class TestSmtp(LastCallContract):
    @pytest.fixture
    def world(self) -> Iterator[MailWorld]:
        server = Aiosmtpd(
            tls_context=server_context(), require_starttls=True, authenticator=lets_in, auth_required=True
        )
        made = channel_to(server.port, security="starttls", login=True, composed_by=compose_by_key)
        yield MailWorld(server, made)
        made.close()
        server.close()


@pytest.mark.parametrize(
    ("aiosmtpd", "security"), [(way, name) for name, way in WAYS_IN.items()], indirect=["aiosmtpd"]
)
def test_every_way_in_brings_the_mail_there(aiosmtpd: Aiosmtpd, security: str) -> None:
    channel = channel_to(aiosmtpd.port, security=security, login=True)
    assert channel.deliver(MESSAGE, yes) == Accepted("250 2.0.0 queued as 7B3")
    channel.close()
    assert aiosmtpd.taken.encrypted == [security != "none"]


def test_a_server_that_wants_a_login_is_no_place_without_one(aiosmtpd: Aiosmtpd) -> None:
    channel = channel_to(aiosmtpd.port)
    assert channel.deliver(MESSAGE, yes) == Unavailable(
        "the mail server does not take mails from this sender: 530 5.7.0 Authentication required", until_mended=True
    )
    channel.close()


@pytest.mark.parametrize("aiosmtpd", [{"data_size_limit": 100_000}], indirect=True)
def test_a_mail_that_is_too_big_for_the_server_is_refused(aiosmtpd: Aiosmtpd) -> None:
    channel = channel_to(aiosmtpd.port, login=True)
    answer = channel.deliver(replace(MESSAGE, text="word " * 30_000), yes)
    channel.close()
    assert isinstance(answer, Refused)
    assert answer.reason.endswith("bytes, and the mail server takes 100,000 at most")
