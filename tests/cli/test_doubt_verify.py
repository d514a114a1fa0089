"""`doubt verify`: the provider is asked, and nothing is ever sent because of the answer."""

from collections.abc import Iterator

import pytest

from coopflow.app import App
from coopflow.channels.twilio import Twilio, TwilioAccount
from coopflow.channels.web import Web
from coopflow.secrets import Secret
from coopflow.sending import Post
from tests.cli.conftest import CoOp
from tests.servers.twilio import ACCOUNT, SENDER, TOKEN, TwilioServer, twilio_server
from tests.servers.web import replies
from tests.world import at

STEPS = [
    {"id": "hello", "type": "sms", "name": "Say hello", "message": "Hi {{ family_name }}"},
    {"id": "rest", "type": "wait", "name": "Wait", "duration": "3 days"},
    {"id": "done", "type": "end"},
]
LATER = "2026-03-20 13:10:00"  # UTC: ten minutes after noon of the tests


@pytest.fixture
def twilio(co_op: CoOp, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwilioServer]:
    """Texts go to this server, from ticks and from commands."""
    with twilio_server(now=at("2026-03-20 09:00")) as server:
        account = TwilioAccount(account=ACCOUNT, sender=SENDER, base_url=server.url)
        channels = {
            **co_op.world.engine.post._channels,
            "sms": Twilio(account, lambda: Secret(TOKEN), Web(connect=2, read=1, altogether=2)),
        }
        monkeypatch.setattr(App, "channels", lambda *_: channels)
        co_op.world.engine.post = Post(channels, max_concurrent=1)
        co_op.world.has_family("42", family_name="Martinez")
        co_op.world.has_workflow("outreach", STEPS)
        yield server


def in_doubt(co_op: CoOp) -> None:
    co_op.world.start("outreach", family="42")
    assert co_op.world.tick().in_doubt == [1]


def test_a_text_that_the_provider_has_left_and_its_instance_goes_on(co_op: CoOp, twilio: TwilioServer) -> None:
    twilio.takes_and_fails()
    in_doubt(co_op)
    ran = co_op.run("doubt", "verify", "1", at=LATER)
    sid = twilio.taken[0]["sid"]
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        f"The message of 1 (Martinez, outreach) left: the provider has it as {sid}."
        " Next: the end of the wait 'Wait' on Mon 23 Mar 09:10 (in 3 days).\n"
    )
    co_op.world.tick("2026-03-20 09:11")
    assert len(twilio.taken) == 1
    [attempt, _] = co_op.world.store.looking.attempts(1)
    assert attempt["output_data"] == {"status": "accepted", "reference": sid}  # so that its reports find it
    [resolved] = [row for row in co_op.world.store.looking.events(instance_id=1) if row["kind"] == "doubt.resolved"]
    assert (resolved["actor"], resolved["data"]["sent"]) == ("sarah", True)


def test_a_text_that_the_provider_does_not_have_is_left_to_a_person(co_op: CoOp, twilio: TwilioServer) -> None:
    twilio.web.next.append(replies(500))
    in_doubt(co_op)
    ran = co_op.run("doubt", "verify", "1", at=LATER)
    assert (ran.code, ran.err) == (
        3,
        "coopflow: the provider has no such message since Fri 20 Mar 09:00, so it seems not to have left; a person"
        " decides: coopflow doubt resolve 1 --sent (or --not-sent)\n",
    )
    assert co_op.world.status(1) == "paused"
    co_op.run("doubt", "resolve", "1", "--not-sent", at=LATER)
    co_op.world.tick("2026-03-20 09:11")
    assert len(twilio.taken) == 1


def test_an_earlier_text_with_the_same_words_is_not_taken_for_it(co_op: CoOp, twilio: TwilioServer) -> None:
    co_op.world.start("outreach", family="42")
    co_op.world.tick()
    twilio.web.next.append(replies(500))
    co_op.world.has_family("43", family_name="Martinez")  # at the same number
    co_op.world.start("outreach", family="43")
    assert co_op.world.tick().in_doubt == [2]
    assert co_op.run("doubt", "verify", "2", at=LATER).code == 3


def test_it_is_not_asked_too_soon(co_op: CoOp, twilio: TwilioServer) -> None:
    twilio.takes_and_fails()
    in_doubt(co_op)
    ran = co_op.run("doubt", "verify", "1", at="2026-03-20 13:09:59")
    assert (ran.code, ran.err) == (
        3,
        "coopflow: it was handed over less than 10 minutes ago, and may be listed later; ask from Fri 20 Mar 09:10"
        " on\n",
    )
    assert len(twilio.web.log) == 1


def test_a_provider_that_cannot_be_reached_settles_nothing(co_op: CoOp, twilio: TwilioServer) -> None:
    twilio.takes_and_fails()
    in_doubt(co_op)
    twilio.web.next.append(replies(503))
    ran = co_op.run("doubt", "verify", "1", at=LATER)
    assert (ran.code, ran.err) == (75, "coopflow: Twilio answered 503 and no list of texts\n")
    assert co_op.world.status(1) == "paused"


def test_two_that_may_be_it_are_left_to_a_person(co_op: CoOp, twilio: TwilioServer) -> None:
    twilio.takes_and_fails()
    in_doubt(co_op)
    twilio.take({"To": "+12125550142", "Body": "Hi Martinez"})
    ran = co_op.run("doubt", "verify", "1", at=LATER)
    assert ran.code == 3
    assert "Twilio has 2 texts with these words to this number since then; a person decides" in ran.err


def test_the_list_says_where_the_provider_can_be_asked(co_op: CoOp, twilio: TwilioServer) -> None:
    twilio.takes_and_fails()
    in_doubt(co_op)
    assert co_op.run("doubt", "list", "--json").err == (
        "The provider can be asked: coopflow doubt verify INSTANCE.\n"
        "Once you know: coopflow doubt resolve INSTANCE --sent, or --not-sent and it goes out again.\n"
    )


def test_where_nobody_can_be_asked_it_is_said(co_op: CoOp, twilio: TwilioServer, monkeypatch) -> None:
    twilio.takes_and_fails()
    in_doubt(co_op)
    monkeypatch.setattr(App, "channels", lambda *_: co_op.world.wires)
    ran = co_op.run("doubt", "verify", "1", at=LATER)
    assert (ran.code, ran.err) == (
        3,
        "coopflow: where this message went nobody can be asked by a program; a person decides:"
        " coopflow doubt resolve 1 --sent (or --not-sent)\n",
    )


def test_what_is_settled_already_is_said(co_op: CoOp, twilio: TwilioServer) -> None:
    twilio.takes_and_fails()
    in_doubt(co_op)
    co_op.run("doubt", "resolve", "1", "--sent")
    ran = co_op.run("doubt", "verify", "1", at=LATER)
    assert (ran.code, ran.err) == (3, "coopflow: sarah has settled the doubt of instance 1 already: it was sent\n")
