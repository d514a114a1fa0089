"""Texts by Twilio: the lines of reliability 2.4 one by one, on a local server that keeps to Twilio's contract."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from coopflow.channels.base import Accepted, Deferred, Delivery, Message, Refused, Unavailable, Unknown
from coopflow.channels.twilio import Twilio, TwilioAccount
from coopflow.channels.web import Web
from coopflow.errors import Temporary
from coopflow.secrets import NoSecret, Secret, read_secret
from tests.servers.twilio import (
    ACCOUNT,
    INVALID,
    NO_MOBILE,
    OPTED_OUT,
    SENDER,
    TOKEN,
    TOO_MANY,
    TwilioServer,
    twilio_server,
)
from tests.servers.web import Talk, replies

from .contract import AT, Arrived, LastCallContract, same_lines, yes

SMS = Message(
    channel="sms",
    to="+15128675309",
    text="Hi! Can we chat?",
    key="5f1c-42",
    message_id="<5f1c@coop.example>",
    at=AT,
    family_id="0042",
    instance_id=42,
)
SID = "SM" + "9" * 32


def channel_to(server: TwilioServer, **account: str) -> Twilio:
    given = {"account": ACCOUNT, "sender": SENDER, "base_url": server.url, **account}
    web = Web(connect=2, read=0.4, altogether=1)
    return Twilio(TwilioAccount(**given), lambda: Secret(TOKEN), web)  # type: ignore[arg-type]


class Phone:
    """The channel, and the phones at the other end; Twilio is not told our key, so it is noted here."""

    def __init__(self, server: TwilioServer) -> None:
        self.channel = self
        self.name, self.transport, self.dedupes = "sms", "twilio", False
        self._inner = channel_to(server)
        self._server = server
        self._keys: dict[str, str] = {}
        self.close = self._inner.close

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        self._keys[same_lines(message.text)] = message.key
        return self._inner.deliver(message, last_call)

    def message(self) -> Message:
        return SMS

    def arrived(self) -> list[Arrived]:
        rows = [(same_lines(row["body"]), row["to"]) for row in self._server.taken]
        return sorted((Arrived(self._keys[text], to, text) for text, to in rows), key=lambda found: found.key)


@pytest.fixture
def server() -> Iterator[TwilioServer]:
    with twilio_server() as made:
        yield made


@pytest.fixture
def deliver(server: TwilioServer) -> Callable[..., Delivery]:
    def deliver(message: Message = SMS, **changed: str) -> Delivery:
        return channel_to(server).deliver(replace(message, **changed), yes)  # type: ignore[arg-type]

    return deliver


class TestTwilioKeepsTheContract(LastCallContract):
    @pytest.fixture
    def world(self, server: TwilioServer) -> Phone:  # type: ignore[override]
        return Phone(server)


def test_it_sends_the_fields_of_the_form_with_basic_authentication(server: TwilioServer, deliver) -> None:
    assert deliver() == Accepted(f"SM{1:032x}")
    [request] = server.web.log
    assert request.form == {"To": SMS.to, "From": SENDER, "Body": SMS.text}
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["connection"] == "close"


def test_a_messaging_service_and_a_place_for_reports_are_named(server: TwilioServer) -> None:
    service = "MG" + "1" * 32
    channel = channel_to(server, sender=service, status_callback="https://coop.example/report")
    assert isinstance(channel.deliver(SMS, yes), Accepted)
    form = server.web.log[0].form
    assert form == {
        "To": SMS.to,
        "MessagingServiceSid": service,
        "Body": SMS.text,
        "StatusCallback": "https://coop.example/report",
    }


CODES = {
    INVALID: Refused("Twilio 21211: it is no valid phone number", bad_address=True),
    NO_MOBILE: Refused("Twilio 21614: it is no mobile number", bad_address=True),
    OPTED_OUT: Refused("Twilio 21610: the family has opted out at the provider", opted_out=True),
    TOO_MANY: Deferred("Twilio 20429: too many at once"),
}


@pytest.mark.parametrize(("to", "fate"), CODES.items())
def test_400_with_a_code_means_what_the_table_says(server: TwilioServer, deliver, to: str, fate: Delivery) -> None:
    assert deliver(to=to) == fate
    assert server.taken == []


ANSWERS: list[tuple[int, object, Delivery]] = [
    (401, {"code": 20003}, Unavailable("Twilio 20003: the account or its token is not right", True)),
    (403, {}, Unavailable("Twilio answered 403: this account may not do that", True)),
    (404, {"code": 20404}, Unavailable("Twilio answered 404: there is nothing at this address", True)),
    (400, {"code": 21606}, Unavailable("Twilio 21606: the sender ('from') cannot send texts", True)),
    (
        400,
        {"code": 99999},
        Refused("Twilio 99999: refused; see https://www.twilio.com/docs/errors/99999"),
    ),
    (400, {"code": "21610"}, Refused("Twilio answered 400 and no code")),
    (422, "no JSON", Refused("Twilio answered 422 and no code")),
    (429, "", Deferred("Twilio answered 429: too many at once")),
    (418, {"code": True}, Refused("Twilio answered 418 and no code")),
]


@pytest.mark.parametrize(("status", "body", "fate"), ANSWERS)
def test_table_2_4_what_other_answers_mean(server: TwilioServer, deliver, status: int, body: object, fate) -> None:
    server.web.next.append(replies(status, body))
    assert deliver() == fate
    assert len(server.web.log) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599, 600, 999, 408, 100])
def test_t27_an_answer_that_leaves_it_open_is_in_doubt_and_not_retried(server: TwilioServer, deliver, status) -> None:
    server.web.next.append(replies(status, {"code": 20500}))
    assert isinstance(deliver(), Unknown)
    assert len(server.web.log) == 1


def test_t27_a_500_that_delivered_leaves_one_text_and_a_doubt(server: TwilioServer, deliver) -> None:
    server.takes_and_fails(500)
    assert deliver() == Unknown("Twilio answered 500, which leaves open whether it was taken")
    assert len(server.taken) == 1


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (Talk.hang, "timed out"),
        (Talk.reset, "connection reset by peer"),
        (lambda _: None, "the connection was closed"),
    ],
    ids=["time-out", "reset", "closed"],
)
def test_t27_silence_after_the_request_is_in_doubt_and_not_retried(server, deliver, behaviour, words: str) -> None:
    server.web.next.append(behaviour)
    where = f"127.0.0.1:{server.web.port}"
    assert deliver() == Unknown(f"{where} took the request and gave no answer: {words}")
    assert len(server.web.log) == 1


T28 = [
    b"<html>Welcome</html>",
    b"",
    b'{"sid": "SM' + b"9" * 20,
    {"sid": 17, "account_sid": ACCOUNT},
    {"sid": True, "account_sid": ACCOUNT},
    {"sid": "SM12", "account_sid": ACCOUNT},
    {"sid": SID, "account_sid": "AC" + "f" * 32},
    {"sid": SID},
    [SID],
    b'{"sid": NaN}',
    b"[" * 100_000,
    b"\xff\xfe",
]


@pytest.mark.parametrize("body", T28, ids=lambda body: str(body)[:30])
def test_t28_a_2xx_without_a_readable_id_of_ours_is_in_doubt(server: TwilioServer, deliver, body: object) -> None:
    server.web.next.append(replies(201, body))
    assert isinstance(deliver(), Unknown)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_t29_a_redirect_is_held_and_not_followed(server: TwilioServer, deliver, status: int) -> None:
    server.web.next.append(replies(status, Location=f"{server.url}/elsewhere"))
    fate = deliver()
    assert fate == Unavailable(
        f"Twilio answered {status}, a redirect, which is not followed; write the true address", True
    )
    assert len(server.web.log) == 1


WAITS = {  # T26: what it asks for → at least, at most
    "0": (0, 0),
    "30": (30, 33),
    "1000000000": (86_400, 86_400),
    "99999999999999999999": (86_400, 86_400),
    "Mon, 02 Mar 2026 06:10:00 GMT": (600, 660),
    "Mon, 02 Mar 2026 05:00:00 GMT": (0, 0),
    "Tue, 02 Mar 2027 06:00:00 GMT": (86_400, 86_400),
}


@pytest.mark.parametrize(("said", "bounds"), WAITS.items())
def test_t26_retry_after_is_obeyed_within_caps(server: TwilioServer, deliver, said: str, bounds) -> None:
    server.web.next.append(replies(429, {"code": 20429}, Retry_After=said))
    fate = deliver()
    assert isinstance(fate, Deferred)
    assert fate.retry_after is not None
    assert timedelta(seconds=bounds[0]) <= fate.retry_after <= timedelta(seconds=bounds[1])


@pytest.mark.parametrize("said", ["1e9", "soon", "-5", "", "٣", "Mon, 99 Mar 2026", "1.5"])
def test_t26_a_retry_after_that_says_nothing_leaves_it_to_the_step(server: TwilioServer, deliver, said: str) -> None:
    server.web.next.append(lambda talk: talk.say(f"HTTP/1.1 429 X\r\nRetry-After: {said}\r\n\r\n".encode()))
    assert deliver() == Deferred("Twilio answered 429: too many at once")


def test_t26_many_who_must_wait_do_not_come_back_in_one_moment(server: TwilioServer) -> None:
    waits = set()
    for number in range(20):
        server.web.next.append(replies(429, {}, Retry_After="600"))
        fate = channel_to(server).deliver(replace(SMS, key=f"k{number}"), yes)
        assert isinstance(fate, Deferred)
        waits.add(fate.retry_after)
    assert len(waits) > 10


def test_a_number_is_never_repeated_in_a_reason(server: TwilioServer, deliver) -> None:
    reasons = [getattr(deliver(to=to), "reason", "") for to in CODES]
    assert [reason for reason in reasons if "500555" in reason] == []


def test_without_a_token_the_transport_is_out_of_order_until_it_has_one(server: TwilioServer, tmp_path: Path) -> None:
    channel = Twilio(
        TwilioAccount(account=ACCOUNT, sender=SENDER, base_url=server.url),
        lambda: read_secret("TWILIO_TOKEN", None, {}),
        Web(),
    )
    words = "the environment variable TWILIO_TOKEN is not set; it must hold the password or token"
    assert channel.deliver(SMS, yes) == Unavailable(words, True)
    assert server.web.connections == 0


def test_h32_the_token_shows_in_no_repr_and_no_traceback(server: TwilioServer, monkeypatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(Web, "ask", lambda *given: seen.extend(given) or (_ for _ in ()).throw(RuntimeError("oh")))
    channel = channel_to(server)
    with pytest.raises(RuntimeError) as caught:
        channel.deliver(SMS, yes)
    told = "".join(map(repr, seen)) + str(caught.getrepr(showlocals=True, style="long"))
    assert TOKEN not in told.replace(f'"{TOKEN}"', "")  # it stands in this file's own text alone
    assert "Basic" not in "".join(map(repr, seen))


# -- looking up ---------------------------------------------------------------------------------------------------


def test_t17_a_text_that_arrived_is_found_by_its_number_words_and_time(server: TwilioServer, deliver) -> None:
    server.now = AT + timedelta(seconds=5)
    server.takes_and_fails()
    assert isinstance(deliver(), Unknown)
    assert channel_to(server).find(SMS) == Accepted(f"SM{1:032x}")
    asked = server.web.log[-1].query
    assert asked == {"To": SMS.to, "From": SENDER, "DateSent>": "2026-03-02", "PageSize": "1000"}


def test_t18_a_text_that_never_arrived_is_not_found(server: TwilioServer) -> None:
    assert channel_to(server).find(SMS) is None


def test_other_texts_are_not_taken_for_it(server: TwilioServer) -> None:
    server.now = AT + timedelta(seconds=5)
    server.take({"To": "+15128675310", "Body": SMS.text})
    server.take({"To": SMS.to, "Body": SMS.text, "From": "+15005550007"})
    server.take({"To": SMS.to, "Body": SMS.text})["direction"] = "inbound"
    for odd in (None, 17, "yesterday", "Mon, 99 Mar 2026 06:00:00 GMT"):
        server.take({"To": SMS.to, "Body": SMS.text})["date_created"] = odd
    for no_id in (None, 17, ["SM1"], "SM1"):
        server.take({"To": SMS.to, "Body": SMS.text})["sid"] = no_id
    server.now = AT - timedelta(minutes=5)
    server.take({"To": SMS.to, "Body": SMS.text})  # one with the same words, from before
    assert channel_to(server).find(SMS) is None


def test_a_moment_without_a_zone_is_one_in_utc(server: TwilioServer) -> None:
    server.now = AT
    row = server.take({"To": SMS.to, "Body": SMS.text})
    row["date_created"] = f"{AT:%a, %d %b %Y %H:%M:%S} -0000"
    assert channel_to(server).find(SMS) == Accepted(str(row["sid"]))


def test_other_words_to_the_number_are_left_to_a_person(server: TwilioServer) -> None:
    server.now = AT
    server.take({"To": SMS.to, "Body": "Hi! Can we chat ?"})
    fate = channel_to(server).find(SMS)
    assert fate == Unknown(f"Twilio has other words to this number since then (SM{1:032x}); compare them there")
    server.take({"To": SMS.to, "Body": SMS.text})
    assert channel_to(server).find(SMS) == Accepted(f"SM{2:032x}")


def test_one_that_is_accounted_for_is_not_taken_for_it(server: TwilioServer) -> None:
    server.now = AT
    earlier = server.take({"To": SMS.to, "Body": SMS.text})["sid"]
    assert channel_to(server).find(SMS, known={earlier}) is None
    server.take({"To": SMS.to, "Body": SMS.text})
    assert channel_to(server).find(SMS, known={earlier}) == Accepted(f"SM{2:032x}")


def test_two_that_may_be_it_leave_it_to_a_person(server: TwilioServer) -> None:
    server.now = AT
    for _ in range(2):
        server.take({"To": SMS.to, "Body": SMS.text})
    assert channel_to(server).find(SMS) == Unknown("Twilio has 2 texts with these words to this number since then")


def test_one_that_failed_at_the_provider_leaves_it_to_a_person(server: TwilioServer) -> None:
    server.now = AT
    server.take({"To": SMS.to, "Body": SMS.text})["status"] = "undelivered"
    fate = channel_to(server).find(SMS)
    assert fate == Unknown(f"Twilio took it as SM{1:032x}, but it is undelivered there")


def test_a_long_list_is_read_page_by_page(server: TwilioServer) -> None:
    server.page_size, server.now = 2, AT
    server.take({"To": SMS.to, "Body": SMS.text})
    for number in range(4):
        server.take({"To": SMS.to, "Body": f"Text {number}"})
    assert channel_to(server).find(SMS) == Accepted(f"SM{1:032x}")
    for number in range(7):
        server.take({"To": SMS.to, "Body": f"Text {number}"})
    with pytest.raises(Temporary, match="more texts to this number than can be looked through"):
        channel_to(server).find(SMS)


@pytest.mark.parametrize(
    "behaviour", [replies(500), replies(200, "[]"), replies(200, {"messages": 3}), Talk.hang, replies(401)]
)
def test_a_list_that_cannot_be_had_is_said_and_settles_nothing(server: TwilioServer, behaviour) -> None:
    server.web.next.append(behaviour)
    with pytest.raises(Temporary):
        channel_to(server).find(SMS)


def test_a_token_that_is_gone_is_said_when_it_looks_up(server: TwilioServer) -> None:
    def gone() -> Secret:
        raise NoSecret("gone")

    channel = Twilio(TwilioAccount(account=ACCOUNT, sender=SENDER, base_url=server.url), gone, Web())
    with pytest.raises(NoSecret):
        channel.find(SMS)
