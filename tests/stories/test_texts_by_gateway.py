"""Texts that really leave, by Twilio's contract: from a workflow to a phone, and what the gateway's answers lead to."""

from collections.abc import Iterator, Sequence

import pytest
from msgspec.structs import replace

from coopflow.channels.sms import TEXT_LIMIT
from coopflow.channels.twilio import Twilio, TwilioAccount
from coopflow.channels.web import Web
from coopflow.composing import words
from coopflow.secrets import Secret
from coopflow.sending import Book, Outgoing, Post
from coopflow.texts.errors import RenderError
from tests.servers.twilio import (
    ACCOUNT,
    INVALID,
    OPTED_OUT,
    SENDER,
    TOKEN,
    TOO_MANY,
    TwilioServer,
    twilio_server,
)
from tests.servers.web import replies
from tests.world import World, at

HELLO = {"id": "hello", "type": "sms", "message": "Hi {{ family_name }}"}
REST = {"id": "rest", "type": "wait", "duration": "3 days"}
AGAIN = {"id": "again", "type": "sms", "message": "Still there?"}
END = {"id": "done", "type": "end"}


@pytest.fixture
def twilio(coop: World) -> Iterator[TwilioServer]:
    """The co-op's texts go to this server."""
    with twilio_server(now=at("2026-03-20 09:00")) as server:
        account = TwilioAccount(account=ACCOUNT, sender=SENDER, base_url=server.url)
        channel = Twilio(account, lambda: Secret(TOKEN), Web(connect=2, read=1, altogether=2))
        coop.engine.post = Post({**coop.engine.post._channels, "sms": channel}, max_concurrent=4)
        yield server


def begins(world: World, steps: list[dict[str, object]], *, phone: str = "+12125550142") -> int:
    world.has_family("42", family_name="Martinez", phone=phone)
    world.has_workflow("outreach", steps)
    return world.start("outreach", family="42")


def test_a_text_leaves_once_and_its_id_is_on_record(coop: World, twilio: TwilioServer) -> None:
    begins(coop, [HELLO, END])
    coop.tick()
    coop.tick("2026-03-20 09:01")
    assert [(row["to"], row["body"]) for row in twilio.taken] == [("+12125550142", "Hi Martinez")]
    [attempt, _] = coop.store.looking.attempts(1)
    assert attempt["output_data"] == {"status": "accepted", "reference": twilio.taken[0]["sid"]}
    assert coop.trail(1).count("message.accepted") == 1


def test_h32_the_token_is_in_no_file(coop: World, twilio: TwilioServer) -> None:
    twilio.takes_and_fails()
    begins(coop, [HELLO, END])
    coop.tick()
    twilio.web.next.append(replies(401, {"code": 20003, "message": f"wrong token {TOKEN}"}))
    coop.has_family("43")
    coop.start("outreach", family="43")
    coop.tick("2026-03-20 09:01")
    files = [path for path in coop.folder.rglob("*") if path.is_file()]
    assert files
    assert [path.name for path in files if TOKEN.encode() in path.read_bytes()] == []


def test_fifty_families_get_one_text_each_over_many_connections(coop: World, twilio: TwilioServer) -> None:
    coop.has_workflow("outreach", [HELLO, END])
    for number in range(50):
        coop.has_family(str(number), phone=f"+121255501{number:02}")
        coop.start("outreach", family=str(number))
    report = coop.tick()
    assert report.sent == 50
    assert len({row["to"] for row in twilio.taken}) == len(twilio.taken) == 50


def test_an_invalid_number_goes_where_on_failure_says(coop: World, twilio: TwilioServer) -> None:
    call = {"id": "call", "type": "call", "reason": "The number is wrong"}
    begins(coop, [{**HELLO, "on_failure": "call"}, END, call], phone=INVALID)
    coop.tick()
    assert coop.tasks()[0].description == "The number is wrong"
    assert coop.store.looking.attempts(1)[0]["error_message"] == "Twilio 21211: it is no valid phone number"


def test_21610_takes_down_the_opt_out_and_no_other_text_follows(coop: World, twilio: TwilioServer) -> None:
    begins(coop, [{**HELLO, "on_failure": "continue"}, REST, AGAIN, END], phone=OPTED_OUT)
    coop.has_workflow("other", [REST, AGAIN, END])
    other = coop.start("other", family="42")
    coop.tick()
    consent = coop.case(1).family.consent["sms"]
    assert (consent["allowed"], consent["how"], consent["by"]) == (False, "gateway", "coopflow")
    kinds = [row["kind"] for row in coop.store.looking.events(family_id="42")]
    assert kinds.count("family.opted_out") == 1
    assert kinds.count("opted_out") == 1
    coop.tick("2026-03-23 09:00")
    assert coop.attempts(1)[-2:] == [("again", "skipped"), ("done", "completed")]
    assert coop.attempts(other)[-2:] == [("again", "skipped"), ("done", "completed")]
    assert len(twilio.web.log) == 1


def test_an_opt_out_that_the_gateway_tells_ends_what_waits_for_one(coop: World, twilio: TwilioServer) -> None:
    coop.has_family("42", family_name="Martinez", phone=OPTED_OUT)
    coop.has_workflow(
        "outreach",
        [{**HELLO, "on_failure": "continue"}, REST, END],
        completion_criteria={"field": "opted_out", "operator": "==", "value": True},
    )
    coop.start("outreach", family="42")
    coop.tick()
    assert coop.status(1) == "completed"


def test_too_many_at_once_waits_as_long_as_it_is_told(coop: World, twilio: TwilioServer) -> None:
    twilio.web.next.append(replies(429, {"code": 20429}, Retry_After="3600"))
    begins(coop, [HELLO, END])
    coop.tick()
    [entry] = coop.case(1).entries.values()
    assert entry.scheduled_for is not None
    assert at("2026-03-20 10:00") <= entry.scheduled_for <= at("2026-03-20 10:06")
    coop.tick("2026-03-20 10:06")
    assert len(twilio.taken) == 1


def test_t26_too_many_for_ever_ends_after_the_tries_of_the_step(coop: World, twilio: TwilioServer) -> None:
    begins(coop, [HELLO, END], phone=TOO_MANY)
    for hour in range(9, 20):
        coop.tick(f"2026-03-20 {hour:02}:00")
    assert len(twilio.web.log) == 4
    assert coop.status(1) == "paused"


def test_t27_a_500_that_delivered_is_in_doubt_and_never_sent_again(coop: World, twilio: TwilioServer) -> None:
    twilio.takes_and_fails(500)
    begins(coop, [HELLO, END])
    assert coop.tick().in_doubt == [1]
    for day in range(21, 28):
        coop.tick(f"2026-03-{day} 10:00")
    assert len(twilio.taken) == len(twilio.web.log) == 1
    [task] = coop.tasks()
    assert "Twilio answered 500, which leaves open whether it was taken" in task.description


def test_a_wrong_token_holds_every_text_and_uses_up_no_tries(coop: World, twilio: TwilioServer) -> None:
    twilio.web.next.append(replies(401, {"code": 20003}))
    begins(coop, [HELLO, END])
    coop.tick()
    coop.tick("2026-03-20 09:20")
    assert len(twilio.taken) == 1
    assert [status for _, status in coop.attempts(1)] == ["completed", "completed"]


def test_t34_a_stop_between_the_intent_and_the_last_call_keeps_the_text_back(coop: World, twilio: TwilioServer) -> None:
    begins(coop, [HELLO, REST, END])
    deliver = coop.engine.post.deliver

    def after_a_stop(batch: Sequence[Outgoing], book: Book) -> None:
        coop.changes_family("42", consent={"sms": {"allowed": False}})
        deliver(batch, book)

    coop.engine.post.deliver = after_a_stop  # type: ignore[method-assign]
    coop.tick()
    assert twilio.web.log == []
    assert coop.attempts(1)[0] == ("hello", "skipped")


# -- T37: how long a text is --------------------------------------------------------------------------------------


def test_t37_a_long_name_that_makes_a_text_too_long_goes_to_a_person(coop: World, twilio: TwilioServer) -> None:
    coop.has_family("42", family_name="x" * 500)
    coop.has_workflow("outreach", [HELLO, END])
    coop.start("outreach", family="42")
    coop.tick()
    assert twilio.web.connections == 0
    assert "the text takes 4 messages; at most 3 are possible" in coop.tasks()[0].description


@pytest.mark.parametrize("name", ["a\0b", "half \ud83d", "x" * (TEXT_LIMIT + 1), "👋" * 110])
def test_t37_what_no_text_can_hold_is_refused_before_it_is_on_record(coop: World, name: str) -> None:
    case = coop.case(begins(coop, [HELLO, END]))
    case.family = replace(case.family, family_name=name)
    with pytest.raises(RenderError, match=r"control character|too long|takes 4 messages"):
        words(case, case.workflow.steps["hello"])


def test_t37_an_emoji_travels_as_it_is(coop: World, twilio: TwilioServer) -> None:
    begins(coop, [{**HELLO, "message": "👋 {{ family_name }}"}, END])
    coop.tick()
    assert twilio.taken[0]["body"] == "👋 Martinez"
