"""Delivery reports, as gateways make them: more than once, in any order, for messages that are not ours."""

import pytest

from coopflow.core.incoming import Delivery, says_more
from coopflow.errors import Invalid
from coopflow.inbox.callbacks import number, read_callback
from tests.inbox.conftest import CALL, REST, STEPS, TEXT, Desk
from tests.world import at

FAILING = {**TEXT, "on_failure": "call"}
BY_TEXT = [FAILING, REST, {"id": "letter", "type": "task", "description": "Write a letter"}, CALL]


def test_a_report_is_kept_with_the_step(desk: Desk) -> None:
    instance = desk.has_written(steps=BY_TEXT)

    taken = desk.call("report", "MessageSid=SM1&MessageStatus=delivered&To=%2B12125550142")

    assert (taken.kind, taken.status, taken.instance_id) == ("report", "matched", instance)
    assert desk.output(instance, "text") == {"status": "accepted", "reference": "SM1", "delivery": "delivered"}
    assert "message.reported" in desk.world.trail(instance)


def test_t30_a_callback_100_times_and_in_the_wrong_order_has_one_effect(desk: Desk) -> None:
    instance = desk.has_written(steps=BY_TEXT)

    for _ in range(100):
        desk.call("report", {"id": "SM1", "status": "delivered"})
    desk.call("report", {"id": "SM1", "status": "sent"})
    desk.call("report", {"id": "SM1", "status": "undelivered"})

    assert desk.output(instance, "text")["delivery"] == "delivered"
    assert desk.world.trail(instance).count("message.reported") == 1
    assert desk.world.step(instance) == "rest"
    assert len(desk.items()) == 3


def test_t30_a_report_whose_words_were_erased_has_no_second_effect(desk: Desk) -> None:
    instance = desk.has_written(steps=BY_TEXT)
    desk.call("report", {"id": "SM1", "status": "delivered"})
    desk.world.db.execute_sql("DELETE FROM event_personal")

    assert desk.call("report", {"id": "SM1", "status": "delivered"}).again
    assert desk.world.trail(instance).count("message.reported") == 1


def test_t30_a_report_for_an_unknown_id_is_ignored(desk: Desk) -> None:
    desk.has_written(steps=BY_TEXT)
    taken = desk.call("report", {"id": "SM999", "status": "undelivered"})
    assert (taken.status, taken.reason) == ("ignored", "coopflow sent no message of this id")


@pytest.mark.parametrize("forged", ["SM1' OR '1'='1", "../SM1", "%", "SM1\u0000".replace("\u0000", " "), "SM%"])
def test_t31_an_id_that_is_made_up_finds_nothing(desk: Desk, forged: str) -> None:
    instance = desk.has_written(steps=BY_TEXT)
    assert desk.call("report", {"id": forged, "status": "failed"}).status == "ignored"
    assert desk.world.step(instance) == "rest"


def test_t33_a_late_failure_after_accepted_goes_the_way_of_a_bounce(desk: Desk) -> None:
    instance = desk.has_written(steps=BY_TEXT)

    taken = desk.call("report", "MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30005")

    assert taken.touched == [instance]
    assert desk.output(instance, "text")["delivery"] == "undelivered"
    assert desk.world.step(instance) == "call"
    assert "sms_failed" in desk.kinds()


@pytest.mark.parametrize(("code", "bad"), [("30003", False), ("30006", True)])
def test_a_number_that_will_never_take_a_text_is_marked(desk: Desk, code: str, bad: bool) -> None:
    desk.has_written(steps=BY_TEXT)

    taken = desk.call("report", f"MessageSid=SM1&MessageStatus=undelivered&ErrorCode={code}")

    assert taken.reason.startswith(f"by its message's id; not delivered: {code}: ")
    assert len(desk.world.store.inbox.bad_addresses()) == bad


@pytest.mark.parametrize("report_first", [True, False])
def test_t33_while_the_next_step_is_due_the_order_of_the_commits_decides(desk: Desk, report_first: bool) -> None:
    steps = [FAILING, REST, {"id": "second", "type": "sms", "message": "Still there?"}, CALL]
    instance = desk.has_written(steps=steps, completion_criteria=None)
    desk.world.now = at("2026-03-23 09:00")

    report = {"id": "SM1", "status": "failed"}
    if report_first:
        desk.call("report", report)
    desk.world.tick()
    if not report_first:
        desk.call("report", report)

    texts = [message.text for message in desk.world.wires["sms"].taken]
    assert texts == ["Can we chat?"] + ([] if report_first else ["Still there?"])
    assert ("sms_failed" in desk.kinds()) is True
    assert desk.world.status(instance) in ("running", "completed")


def test_a_report_about_a_message_in_doubt_settles_the_doubt(desk: Desk) -> None:
    from coopflow.channels.base import Unknown

    desk.world.has_workflow("w", BY_TEXT)
    desk.world.has_family("42")
    instance = desk.world.start("w", family="42")
    desk.world.wires["sms"].answers = [lambda _: Unknown("it timed out")]
    desk.world.tick()
    assert desk.world.status(instance) == "paused"
    key = desk.world.store.looking.attempts(instance)[0]["message_id"]

    desk.call("report", {"id": key, "status": "delivered"})

    assert (desk.world.status(instance), desk.world.step(instance)) == ("running", "rest")
    assert desk.output(instance, "text")["delivery"] == "delivered"


def test_reports_only_ever_say_more() -> None:
    order = [None, "queued", "sent", "undelivered", "delivered"]
    for place, known in enumerate(order):
        for later, report in enumerate(order[1:], start=1):
            assert says_more(Delivery(report), known) is (later > place)


# -- what gateways say, in their own words ------------------------------------------------------------------------


def test_kannels_query_string_is_read(desk: Desk) -> None:
    instance = desk.has_written(steps=BY_TEXT)
    key = desk.sent(instance, "sms")

    taken = desk.call(
        "report", f"id={key.replace('<', '%3C').replace('>', '%3E').replace('@', '%40')}&type=1&smsc=fake&reply="
    )

    assert (taken.status, desk.output(instance, "text")["delivery"]) == ("matched", "delivered")
    answer = desk.call(
        "sms", "from=%2B12125550142&to=%2B12125550100&text=Yes+please&id=kannel-7&time=2026-03-20+13%3A00"
    )
    assert (answer.kind, answer.family_id, desk.items()[0]["personal"]["text"]) == ("reply", "42", "Yes please")


def test_twilios_fields_are_read(desk: Desk) -> None:
    desk.has_written(steps=BY_TEXT)
    form = "ToCountry=US&MessageSid=SMaa&SmsStatus=received&From=%2B12125550142&To=%2B1555&Body=S%C3%AD%21&NumMedia=0"

    taken = desk.call("sms", form)

    assert (taken.kind, desk.items()[0]["provider_id"], desk.items()[0]["personal"]["text"]) == ("reply", "SMaa", "Sí!")
    assert desk.call(None, form).again


@pytest.mark.parametrize(
    ("said", "delivery"),
    [("queued", "queued"), ("SENT", "sent"), ("8", "sent"), ("DELIVRD", "delivered"), ("16", "undelivered"),
     ("failed", "undelivered"), ("2", "undelivered"), ("read", "delivered")],
)  # fmt: skip
def test_statuses_are_read_in_every_gateways_words(said: str, delivery: str) -> None:
    found = read_callback(f"id=7&status={said}".encode(), kind="report", region=None, now=at("2026-03-20 09:00"))
    assert found.item.delivery == delivery


@pytest.mark.parametrize(
    ("text", "region", "found"),
    [
        *[(text, None, "+12125550142") for text in ("+12125550142", " 12125550142", "0012125550142", "12125550142")],
        ("(512) 867-5309", "US", "+15128675309"),
        *[(text, None, None) for text in ("", "12345", "+1' OR 1")],
        ("Alice", "US", None),
    ],
)
def test_numbers_are_read_as_they_come(text: str, region: str | None, found: str | None) -> None:
    assert number(text, region) == found


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        ("sms", "", "is empty"),
        ("sms", "%", "nothing in it that is known here"),
        ("sms", "[1, 2]", "not one JSON object"),
        ("sms", "{", "not JSON"),
        ("sms", '{"from": "+1", "from": "+2", "text": "x"}', "twice"),
        ("sms", '{"text": "hi"}', "missing: from or sender"),
        ("report", '{"status": "delivered"}', "needs the id of its message"),
        ("report", '{"id": "SM1", "status": "flying"}', "it says 'flying'"),
        ("report", "&".join(f"a{n}=1" for n in range(300)), "more than 200 fields"),
        (None, "a=1", "nothing in it that is known here"),
        ("report", '{"id": "' + "a" * 300 + '", "status": "sent"}', "longer than 200"),
        ("sms", "[" * 100_000, "is"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(desk: Desk, kind: str, content: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        desk.call(kind, content)
    assert desk.items() == []


def test_d26_the_id_of_another_text_is_a_conflict(desk: Desk) -> None:
    desk.has_written(steps=STEPS)
    desk.call("sms", {"id": "t1", "from": "+12125550142", "text": "Yes"})

    same = desk.call("sms", {"id": "t1", "from": "+12125550142", "text": "Yes"})
    other = desk.call("sms", {"id": "t1", "from": "+12125550142", "text": "No"})

    assert (same.again, same.conflict, other.again, other.conflict) == (True, False, True, True)
    assert desk.kinds().count("sms_response_received") == 1


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("2026-03-20T12:00:00Z", "12:00"),
        ("2099-01-01T00:00:00Z", "13:00"),
        ("1970-01-01T00:00:00Z", "00:00"),
        ("2026-03-20 12:00", "13:00"),
    ],
)
def test_d27_a_time_in_the_future_or_without_a_zone_is_taken_as_now(desk: Desk, said: str, kept: str) -> None:
    desk.has_written()
    desk.call("sms", {"id": "t1", "from": "+12125550142", "text": "Yes", "at": said})
    assert desk.items()[0]["received_at"].strftime("%H:%M") == kept


def test_the_same_words_without_an_id_a_minute_later_are_another_text(desk: Desk) -> None:
    desk.has_written(completion_criteria=None)
    desk.call("sms", {"from": "+12125550142", "text": "STOP"})
    desk.world.now = at("2026-03-20 09:01")
    desk.call("sms", {"from": "+12125550142", "text": "STOP"})
    assert [item["kind"] for item in desk.items()] == ["stop", "stop"]
