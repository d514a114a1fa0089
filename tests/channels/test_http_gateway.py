"""Texts by a gateway that takes named parameters: how it is asked, what its answers mean, and a real Kannel."""

import queue
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from coopflow.channels.base import Accepted, Deferred, Delivery, Refused, Unavailable, Unknown
from coopflow.channels.http_gateway import Gateway, HttpGateway
from coopflow.channels.web import Web
from coopflow.secrets import NoSecret, Secret
from tests.servers.kannel import PASSWORD, USER, Kannel, kannel
from tests.servers.web import Talk, WebServer, replies, web_server

from .contract import Arrived, LastCallContract, same_lines, yes
from .test_twilio import SMS

CANARY = "canary-gateway-9"


def web() -> Web:
    return Web(connect=2, read=0.4, altogether=1)


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server(lambda talk: talk.reply(202, "0: Accepted for delivery")) as made:
        yield made


class TestAGatewayKeepsTheContract(LastCallContract):
    @pytest.fixture
    def world(self, server: WebServer):  # type: ignore[no-untyped-def]
        class Far:
            channel = HttpGateway(Gateway(url=f"{server.url}/send", key="ref"), web())

            def message(self):
                return SMS

            def arrived(self) -> list[Arrived]:
                forms = [request.form for request in server.log]
                found = [Arrived(form["ref"], form["to"], same_lines(form["text"])) for form in forms]
                return sorted(found, key=lambda arrived: arrived.key)

        return Far()


def fate(server: WebServer, words: str = SMS.text, **gateway: object) -> Delivery:
    made = Gateway(**{"url": f"{server.url}/send", **gateway})  # type: ignore[arg-type]
    return HttpGateway(made, web()).deliver(replace(SMS, text=words), yes)


def test_a_get_carries_everything_in_its_query(server: WebServer) -> None:
    given = {"method": "GET", "url": f"{server.url}/send?v=1", "to": "number", "text": "words", "plus": False}
    assert fate(server, **given, parameters={"from": "Willow"}) == Accepted(None)
    [request] = server.log
    assert (request.method, request.body, request.path) == ("GET", b"", "/send")
    assert request.query == {"v": "1", "from": "Willow", "number": "15128675309", "words": SMS.text}


def test_a_post_carries_a_form_or_json(server: WebServer) -> None:
    fate(server, key="clientRef")
    fate(server, form="json", parameters={"from": "Willow"})
    assert server.log[0].form == {"to": SMS.to, "text": SMS.text, "clientRef": SMS.key}
    assert server.log[1].json == {"from": "Willow", "to": SMS.to, "text": SMS.text}
    assert [request.headers["content-type"] for request in server.log] == [
        "application/x-www-form-urlencoded",
        "application/json",
    ]


def test_a_parameter_may_hold_the_key_so_that_reports_can_name_it(server: WebServer) -> None:
    fate(server, parameters={"dlr-url": "http://127.0.0.1/report?key={key}&type=%d"})
    assert server.log[0].form["dlr-url"] == f"http://127.0.0.1/report?key={SMS.key}&type=%d"


def test_letters_beyond_the_plain_alphabet_are_announced(server: WebServer) -> None:
    more = {"parameters": {"coding": "0"}, "unicode_parameters": {"coding": "2"}}
    fate(server, "Olé ñ {}", **more)
    fate(server, "日本", **more)
    assert [request.form["coding"] for request in server.log] == ["0", "2"]


def test_secrets_come_from_outside_and_go_only_where_they_belong(server: WebServer) -> None:
    channel = HttpGateway(
        Gateway(url=server.url, user="coop"),
        web(),
        secret_parameters={"pin": lambda: Secret(CANARY)},
        secret_headers={"X-Token": lambda: Secret("t0ken")},
        password=lambda: Secret("pass"),
    )
    assert isinstance(channel.deliver(SMS, yes), Accepted)
    [request] = server.log
    assert request.form["pin"] == CANARY
    assert request.headers["x-token"] == "t0ken"
    assert request.headers["authorization"] == "Basic Y29vcDpwYXNz"
    assert CANARY not in repr(vars(channel))


def test_h32_a_gateway_that_repeats_a_secret_does_not_get_it_into_the_trail(server: WebServer) -> None:
    server.next.append(replies(400, f"bad pin {CANARY}, token t0ken, for {SMS.to}"))
    channel = HttpGateway(
        Gateway(url=server.url),
        web(),
        secret_parameters={"pin": lambda: Secret(CANARY)},
        secret_headers={"X-Token": lambda: Secret("t0ken")},
    )
    where = f"localhost:{server.port}"
    assert channel.deliver(SMS, yes) == Refused(f"{where} answered 400: bad pin ***, token ***, for …")


def test_a_secret_that_is_gone_is_the_transports_trouble(server: WebServer) -> None:
    def gone() -> Secret:
        raise NoSecret("the file is gone")

    channel = HttpGateway(Gateway(url=server.url), web(), secret_parameters={"pin": gone})
    assert channel.deliver(SMS, yes) == Unavailable("the file is gone", True)
    assert server.connections == 0


ANSWERS: list[tuple[dict[str, object], int, object, Delivery]] = [
    ({}, 200, "", Accepted(None)),
    ({}, 202, "anything", Accepted(None)),
    ({"id_json": "data.0.id"}, 200, {"data": [{"id": "m-17"}]}, Accepted("m-17")),
    ({"id_json": "id"}, 200, {"id": 17}, Accepted("17")),
    ({"id_pattern": r"ID: (\w+)"}, 200, "OK ID: abc", Accepted("abc")),
    ({"accepted_pattern": r"^[03]:"}, 202, "3: Queued for later delivery", Accepted(None)),
    ({"duplicate_statuses": (409,), "id_json": "id"}, 409, {"id": "m-1"}, Accepted("m-1")),
]


@pytest.mark.parametrize(("gateway", "status", "body", "expected"), ANSWERS)
def test_what_a_good_answer_is(server: WebServer, gateway, status: int, body: object, expected: Delivery) -> None:
    server.next.append(replies(status, body))
    assert fate(server, **gateway) == expected


def test_t38_a_duplicate_is_accepted_and_no_error(server: WebServer) -> None:
    server.next.append(replies(409, "already sent"))
    assert fate(server, duplicate_statuses=(409,)) == Accepted(None)


OTHERS: list[tuple[dict[str, object], int, object, Delivery]] = [
    ({"id_json": "id"}, 200, {"message": "m-17"}, Unknown),
    ({"id_json": "id"}, 200, {"id": True}, Unknown),
    ({"id_json": "id"}, 200, {"id": ""}, Unknown),
    ({"id_json": "id"}, 200, {"id": "a\nb"}, Unknown),
    ({"id_json": "id"}, 200, b'{"id": "m-1', Unknown),
    ({"id_json": "id"}, 200, "<html>", Unknown),
    ({"id_json": "id.0"}, 200, {"id": []}, Unknown),
    ({"id_pattern": r"ID: (\w+)"}, 200, "OK", Unknown),
    ({"accepted_pattern": r"^0:"}, 200, "5: hm", Unknown),
    ({"refused_pattern": r"^ERR"}, 200, "ERR: no such number", Refused),
    ({}, 400, "bad", Refused),
    ({}, 422, "bad", Refused),
    ({}, 409, "already sent", Refused),
    ({}, 401, "", Unavailable),
    ({}, 402, "", Unavailable),
    ({}, 403, "", Unavailable),
    ({}, 404, "", Unavailable),
    ({}, 302, "", Unavailable),
    ({}, 429, "", Deferred),
    ({}, 500, "", Unknown),
    ({}, 503, "", Unknown),
]


@pytest.mark.parametrize(("gateway", "status", "body", "kind"), OTHERS)
def test_t28_what_all_other_answers_are(server: WebServer, gateway, status: int, body: object, kind) -> None:
    server.next.append(replies(status, body))
    found = fate(server, **gateway)
    assert isinstance(found, kind)
    assert getattr(found, "until_mended", kind is Unavailable) is (kind is Unavailable)
    assert len(server.log) == 1


@pytest.mark.parametrize("status", [200, 403, 400])
def test_a_refusal_may_say_that_the_family_has_opted_out(server: WebServer, status: int) -> None:
    server.next.append(replies(status, "ERR 12: recipient has opted out"))
    found = fate(server, refused_pattern="^ERR", opted_out_pattern="opted out")
    assert isinstance(found, Refused)
    assert found.opted_out


@pytest.mark.parametrize("behaviour", [Talk.hang, Talk.reset, lambda _: None])
def test_t27_silence_is_in_doubt_and_not_retried(server: WebServer, behaviour: Callable[[Talk], None]) -> None:
    server.next.append(behaviour)
    assert isinstance(fate(server), Unknown)
    assert len(server.log) == 1


# -- a real gateway -----------------------------------------------------------------------------------------------


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Kannel]:
    with kannel(tmp_path) as running:
        yield running


def by_kannel(running: Kannel, password: str = PASSWORD, **more: str) -> HttpGateway:
    wants = Gateway(
        url=running.url,
        method="GET",
        parameters={"username": USER, "charset": "UTF-8", "coding": "0", **more},
        unicode_parameters={"coding": "2"},
        accepted_pattern="^[03]: ",
    )
    return HttpGateway(wants, Web(), secret_parameters={"password": lambda: Secret(password)})


def test_kannel_takes_texts_and_the_phone_company_gets_them(gateway: Kannel) -> None:
    channel = by_kannel(gateway)
    words = ["Hi Martinez family, can we chat? 5 € & more @ {all}", "¿Qué tal? 日本 👋", "word " * 50]
    for number, text in enumerate(words):
        message = replace(SMS, to=f"+1512867530{number}", text=text.strip())
        assert channel.deliver(message, yes) == Accepted(None)
    got = gateway.texts(4)
    assert [to for to, _ in got] == [f"+1512867530{number}" for number in (0, 1, 2, 2)]
    assert got[1][1] == words[1]
    assert "".join(part for _, part in got[2:]) == words[2].strip()


def test_kannel_reports_by_our_own_key_what_became_of_a_text(gateway: Kannel) -> None:
    told: queue.Queue[dict[str, str]] = queue.Queue()
    with web_server(lambda talk: (told.put(talk.received.query), talk.reply(200))[1]) as server:
        where = f"http://127.0.0.1:{server.port}/report?key={{key}}&type=%d"
        channel = by_kannel(gateway, **{"dlr-mask": "3", "dlr-url": where})
        assert channel.deliver(replace(SMS, to="+15128675399"), yes) == Accepted(None)
        assert told.get(timeout=10) == {"key": SMS.key, "type": "1"}  # 1: it is on the phone


def test_kannel_with_a_wrong_password_is_out_of_order_until_it_is_mended(gateway: Kannel) -> None:
    found = by_kannel(gateway, "wrong").deliver(SMS, yes)
    assert found == Unavailable(f"{gateway.url.split('/')[2]} answered 403: this account may not do that", True)


def test_kannel_that_is_not_there_was_not_sent_to(tmp_path: Path) -> None:
    gone = Kannel("http://127.0.0.1:9/cgi-bin/sendsms")
    assert isinstance(by_kannel(gone).deliver(SMS, yes), Unavailable)
