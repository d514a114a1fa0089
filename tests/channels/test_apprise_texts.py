"""Texts by Apprise: sent or not known, never more, and nothing of its address is ever told."""

import sys
from collections.abc import Iterator

import pytest

from coopflow.channels.apprise_texts import NO_APPRISE, AppriseTexts
from coopflow.channels.base import Accepted, Message, Unavailable, Unknown
from coopflow.secrets import NoSecret, Secret
from tests.servers.web import Talk, WebServer, replies, web_server

from .contract import Arrived, LastCallContract, same_lines, yes
from .test_twilio import SMS

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # its libraries' own affair


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server(replies(200, b"{}")) as made:
        yield made


def channel(server: WebServer, url: str = "json://canary-user:canary-pass@127.0.0.1:{port}/{to}?:key=x&rto=1&cto=1"):
    return AppriseTexts(lambda: Secret(url.replace("{port}", str(server.port))))


class TestAppriseKeepsTheContract(LastCallContract):
    @pytest.fixture
    def world(self, server: WebServer):  # type: ignore[no-untyped-def]
        inner = channel(server)
        given: dict[str, Message] = {}  # by its words: Apprise is not told our key, and drops blanks at the end

        class Far:
            name, transport, dedupes, close = "sms", "apprise", False, inner.close
            channel: object

            def deliver(self, message, last_call):
                given[same_lines(message.text).rstrip()] = message
                return inner.deliver(message, last_call)

            def message(self):
                return SMS

            def arrived(self) -> list[Arrived]:
                told = [(given[request.json["message"].rstrip()], request.path.strip("/")) for request in server.log]
                found = [Arrived(one.key, to, same_lines(one.text)) for one, to in told]
                return sorted(found, key=lambda arrived: arrived.key)

        far = Far()
        far.channel = far
        return far


@pytest.mark.parametrize("behaviour", [replies(500), replies(401), replies(400), Talk.reset, lambda _: None])
def test_whatever_is_not_a_success_is_in_doubt_and_not_tried_again(server: WebServer, behaviour, capfd) -> None:
    server.next.append(behaviour)
    assert channel(server).deliver(SMS, yes) == Unknown("Apprise says that it failed, and not whether the text left")
    assert len(server.log) == 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("json://127.0.0.1:{port}/", "the address for Apprise needs {to} where the number goes"),
        ("pigeon://{to}", "Apprise does not know what to do with its address"),
        ("{to}", "Apprise does not know what to do with its address"),
    ],
)
def test_an_address_that_cannot_be_used_holds_the_transport(server: WebServer, url: str, words: str) -> None:
    assert channel(server, url).deliver(SMS, yes) == Unavailable(words, True)


def test_without_apprise_it_is_said_how_to_get_it(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert channel(server).deliver(SMS, yes) == Unavailable(NO_APPRISE, True)


def test_without_its_address_it_is_out_of_order(server: WebServer) -> None:
    def gone() -> Secret:
        raise NoSecret("gone")

    assert AppriseTexts(gone).deliver(SMS, yes) == Unavailable("gone", True)


def test_a_plug_in_that_raises_leaves_a_doubt(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    import apprise

    def fails(*_: object, **__: object) -> bool:
        raise ZeroDivisionError("canary-pass")

    monkeypatch.setattr(apprise.Apprise, "notify", fails)
    assert channel(server).deliver(SMS, yes) == Unknown("Apprise gave up: ZeroDivisionError")


def test_a_success_is_accepted_without_a_name_for_it(server: WebServer) -> None:
    assert channel(server).deliver(SMS, yes) == Accepted(None)
