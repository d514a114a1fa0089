"""What steps ask of programs elsewhere keeps to the last call too, and to what was frozen."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from coopflow.channels.base import Accepted, Channel, Message, Refused, Unknown, Withdrawn
from coopflow.channels.command import Program, clean_environment
from coopflow.channels.integrations import CommandCalls, HttpCalls
from coopflow.channels.web import Web
from tests.servers.web import Talk, WebServer, replies, web_server

from .contract import AT, HOSTILE_KEYS, yes

Ask = Callable[..., object]


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server(replies(200, {"a": 1})) as made:
        yield made


def message(channel: str, to: str, **how: object) -> Message:
    asked = {"idempotent": False, "json": {"data": {}}, **how}
    if channel == "http":
        asked = {"method": "POST", "headers": {}, "headers_env": {}, **asked}
    return Message(channel=channel, to=to, text=json.dumps(asked), key="k1", message_id="<logical@coop.example>", at=AT)


@pytest.fixture(params=["http", "command"])
def asking(request: pytest.FixtureRequest, server: WebServer, tmp_path: Path) -> tuple[Channel, Message, Path]:
    """Both channels, a good message for each, and a file that is there once it was asked."""
    asked = tmp_path / "asked"
    if request.param == "http":
        server.answer = lambda talk: (asked.touch(), talk.reply(200, {"a": 1}))[1]
        return HttpCalls({}, may_go={}), message("http", f"{server.url}/hook"), asked
    script = tmp_path / "script"
    script.write_text(f"#!{sys.executable}\nimport sys\nopen({str(asked)!r}, 'w')\nprint(sys.stdin.read())\n")
    script.chmod(0o755)
    program = Program(argv=[str(script)], folder=tmp_path, environ=clean_environment({}))
    return CommandCalls({"sheet": program}), message("command", "sheet", json={"a": 1}), asked


def test_a_no_at_the_last_call_asks_nobody(asking: tuple[Channel, Message, Path]) -> None:
    channel, given, asked = asking
    assert channel.deliver(given, lambda: False) == Withdrawn()
    assert not asked.exists()


def test_the_last_call_is_asked_once_and_before_anybody_is(asking: tuple[Channel, Message, Path]) -> None:
    channel, given, asked = asking
    seen: list[bool] = []
    fate = channel.deliver(given, lambda: seen.append(asked.exists()) or True)
    assert isinstance(fate, Accepted)
    assert fate.output == {"a": 1}
    assert seen == [False]
    assert asked.exists()


def test_it_may_be_closed_twice(asking: tuple[Channel, Message, Path]) -> None:
    asking[0].close()
    asking[0].close()


def test_what_is_not_meant_for_it_is_a_fault_in_the_caller(asking: tuple[Channel, Message, Path]) -> None:
    channel, given, _ = asking
    for wrong in (replace(given, channel="sms"), *(replace(given, key=key) for key in HOSTILE_KEYS)):
        with pytest.raises(ValueError, match="was handed to"):
            channel.deliver(wrong, yes)


def test_an_address_that_may_not_be_called_ends_the_step(server: WebServer) -> None:
    fate = HttpCalls({}, may_go={}).deliver(message("http", "http://example.org/hook"), yes)
    assert isinstance(fate, Refused)
    assert "http:// is for this machine only" in fate.reason


def test_h32_a_secret_goes_to_its_own_host_and_to_no_other(server: WebServer) -> None:
    channel = HttpCalls({"TOKEN": "canary"}, may_go={"localhost": ["TOKEN"]})
    headers = {"headers_env": {"Authorization": "TOKEN"}}
    assert isinstance(channel.deliver(message("http", server.url, **headers), yes), Accepted)
    elsewhere = server.url.replace("localhost", "127.0.0.1")
    fate = channel.deliver(message("http", elsewhere, **headers), yes)
    assert fate == Refused("coopflow.yaml does not let TOKEN go to 127.0.0.1 any more")
    assert [request.headers["authorization"] for request in server.log] == ["canary"]


def test_it_waits_as_long_as_the_step_says(server: WebServer, tmp_path: Path) -> None:
    waits: list[float] = []
    channel = HttpCalls({}, lambda seconds: waits.append(seconds) or Web(read=0.2, altogether=1), may_go={})  # type: ignore[func-returns-value]
    server.next.append(Talk.hang)
    assert isinstance(channel.deliver(message("http", server.url, seconds=7), yes), Unknown)
    assert isinstance(channel.deliver(message("http", server.url), yes), Accepted)
    assert waits == [7, 30]
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\nsleep 30\n")
    script.chmod(0o755)
    program = Program(argv=[str(script)], folder=tmp_path, environ=clean_environment({}), seconds=60)
    fate = CommandCalls({"sheet": program}).deliver(message("command", "sheet", seconds=0.3), yes)
    assert fate == Unknown("sheet was not done after 0.3 seconds and was ended")
