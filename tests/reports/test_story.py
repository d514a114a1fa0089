"""All that happened to an instance, in sentences."""

from datetime import timedelta

import pytest

from coopflow.core.deliveries import Deferred
from coopflow.errors import NotFound
from coopflow.reports.story import as_document, said, state_of, story_of, words_of
from tests.reports.samples import MAIL, written
from tests.stories.test_sample import CRITERIA, SAMPLE
from tests.world import World


def story(coop: World, instance: int, *, whole: bool = False):
    return story_of(coop.store, instance, when=written, whole=whole, now=coop.now)


def test_an_event_is_told_with_names_of_steps_and_with_times_as_the_reader_writes_them():
    event = {"kind": "step.deferred", "actor": "coopflow", "personal": None}
    data = {"step": "mail", "until": "2026-03-23T13:00:00Z", "reason": "closed"}
    assert words_of({**event, "data": data}, {"mail": "First Mail"}, when=written) == (
        "'First Mail' was put off until 23 Mar 13:00Z: closed"
    )


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"kind": "payment_received"}, "The family paid (payment_received)"),
        ({"kind": "trip_booked", "personal": {"seats": 3}}, "trip_booked: seats: 3"),
        ({"kind": "payment_received", "actor": "mike"}, "The family paid (payment_received), told by mike"),
        ({"kind": "instance.paused", "data": {"reason": "holiday"}, "actor": "mike"}, "Paused: holiday (by mike)"),
        ({"kind": "instance.paused", "data": {"reason": "holiday (mike)"}, "actor": "mike"}, "Paused: holiday (mike)"),
        ({"kind": "instance.noted", "personal": {"note": "be kind"}, "actor": "mike"}, "Note: be kind (by mike)"),
        ({"kind": "instance.noted", "data": {"personal": "ab12"}}, "Note (erased)"),
        ({"kind": "instance.moved", "data": {"step": "mail", "to": "mail"}}, "Moved from 'First Mail' to 'First Mail'"),
        (
            {"kind": "task.done", "data": {"task": 3, "task_type": "phone_call", "outcome": "reached"}},
            "Task 3 done: phone call, outcome reached",
        ),
    ],
)
def test_every_event_is_a_sentence(event, words):
    whole = {"actor": "coopflow", "data": {}, "personal": None, **event}
    assert words_of(whole, {"mail": "First Mail"}, when=written) == words


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("instance.started", "started"),
        ("step.completed", "done"),
        ("step.in_doubt", "in doubt"),
        ("message.accepted", "sent"),
        ("task.escalated", "escalated"),
        ("payment_received", "event"),
        ("thing.never_heard_of", "never heard of"),
    ],
)
def test_every_event_has_one_word(kind, word):
    assert state_of(kind) == word


def test_a_text_is_shown_by_its_first_lines_or_whole():
    words = {"to": "a@example.org", "subject": "Hello", "text": "Dear A,\n\none\ntwo\nthree\n"}
    assert said(words, whole=False) == ("To: a@example.org", "Subject: Hello", "Dear A,", "one", "two", "…")
    assert said(words, whole=True) == ("To: a@example.org", "Subject: Hello", "Dear A,", "", "one", "two", "three")
    assert said({"to": "+1", "subject": None, "text": "Hi"}, whole=False) == ("To: +1", "Hi")
    assert said(None, whole=True) == ()


def test_each_attempt_at_a_message_is_told_with_its_own_words(wired: World) -> None:
    wired.has_workflow("short", [MAIL])
    wired.has_family("42", family_name="Martinez")
    wired.wires["email"].answers.append(Deferred("450 busy"))
    instance = wired.start("short", family="42")
    wired.tick()
    wired.changes_family("42", family_name="Martínez")
    wired.tick("2026-03-20 10:00")
    told = [line.detail[-1] for line in story(wired, instance).past if line.kind == "message.intended"]
    assert told == ["Dear Martinez.", "Dear Martínez."]


def test_the_story_has_what_came_from_outside_while_it_was_active_and_nothing_else(coop: World) -> None:
    coop.has_workflow("sample", SAMPLE, completion_criteria=CRITERIA)
    coop.has_family("42")
    coop.event("payment_received", family="42")
    coop.now += timedelta(hours=1)
    instance = coop.start("sample", family="42")
    coop.tick()
    coop.event("email_response_received", family="42", subject="Re: Hello")
    coop.now += timedelta(hours=1)
    coop.event("sms_response_received", family="42")
    kinds = [line.kind for line in story(coop, instance).past]
    assert "email_response_received" in kinds
    assert not {"payment_received", "sms_response_received"} & set(kinds)


def test_the_whole_story_is_one_document(coop: World) -> None:
    coop.has_workflow("sample", SAMPLE)
    coop.has_family("42")
    instance = coop.start("sample", family="42")
    coop.tick()
    document = as_document(story(coop, instance))
    assert list(document) == ["instance", "events", "step_executions", "tasks", "planned"]
    assert document["instance"]["reason"] == "started by hand"
    assert document["step_executions"][0]["input_data"]["subject"] == "Hello"
    assert document["planned"][0]["step_id"] == "wait_for_response"


def test_an_unknown_instance_is_refused_with_a_hint(coop: World) -> None:
    with pytest.raises(NotFound, match="there is no instance 9; list them with: coopflow status"):
        story(coop, 9)
