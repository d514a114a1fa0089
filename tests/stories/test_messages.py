"""What becomes of messages: fallbacks, retries, windows, consent, lateness, and nothing twice."""

from collections.abc import Collection, Sequence
from datetime import timedelta

import pytest

from coopflow.core.deliveries import Deferred, Refused, Unavailable, Unknown
from coopflow.core.instants import format_instant
from coopflow.core.people import cancel, pause, resume
from coopflow.sending import Answered, Asked, Book, Outgoing
from tests.world import World

EMAIL = {"id": "mail", "type": "email", "template_id": "hello"}
TEXT = {"id": "text", "type": "sms", "message": "Hi {{ family_name }}"}
END = {"id": "done", "type": "end"}


def mail(**rest: object) -> dict[str, object]:
    return {**EMAIL, **rest}


def test_a_refused_email_falls_back_to_a_text(wired: World) -> None:
    wired.has_workflow("outreach", [mail(on_failure="text"), {"id": "skipped", "type": "end"}, TEXT, END])
    wired.has_family("42", family_name="Martinez")
    instance = wired.start("outreach", family="42")
    wired.wires["email"].answers.append(Refused("550 mailbox unknown"))

    wired.tick()

    assert [message.text for message in wired.wires["sms"].taken] == ["Hi Martinez"]
    assert wired.status(instance) == "completed"
    assert wired.attempts(instance) == [("mail", "failed"), ("text", "completed"), ("done", "completed")]


def test_a_deferred_email_is_tried_again_at_growing_intervals_and_then_a_person_is_asked(wired: World) -> None:
    wired.has_workflow("outreach", [mail(), END])
    wired.has_family("42")
    instance = wired.start("outreach", family="42")
    wired.wires["email"].answers += [Deferred("451 busy")] * 4

    due = []
    for _ in range(4):
        wired.tick()
        [entry] = wired.case(instance).entries.values()
        if entry.scheduled_for is not None:
            due.append(entry.scheduled_for - wired.now)
            wired.now = entry.scheduled_for

    nominal = [timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=20)]
    assert [
        wait // timedelta(minutes=1) * timedelta(minutes=1) >= want for wait, want in zip(due, nominal, strict=True)
    ] == [True] * 3
    assert all(wait <= want * 1.1 for wait, want in zip(due, nominal, strict=True))
    assert wired.status(instance) == "paused"
    [task] = wired.tasks("42")
    assert (task.task_type, task.priority) == ("person", "high")
    assert "451 busy" in task.description
    assert wired.wires["email"].taken == []


def test_no_retries_means_none(wired: World) -> None:
    wired.has_workflow("outreach", [mail(), END], retry={"max_retries": 0})
    wired.has_family("42")
    instance = wired.start("outreach", family="42")
    wired.wires["email"].answers.append(Deferred("451 busy"))

    wired.tick()

    assert wired.status(instance) == "paused"


def test_a_retry_is_on_record_with_its_reason_its_time_and_its_number(wired: World) -> None:
    wired.has_workflow("outreach", [mail(), END])
    wired.has_family("42")
    instance = wired.start("outreach", family="42")
    wired.wires["email"].answers.append(Deferred("451 busy"))
    wired.tick()
    [retrying] = [
        row["data"] for row in wired.store.looking.events(instance_id=instance) if row["kind"] == "step.retrying"
    ]
    [entry] = wired.case(instance).entries.values()
    assert entry.scheduled_for is not None
    assert retrying == {
        "step": "mail",
        "reason": "451 busy",
        "at": format_instant(entry.scheduled_for),
        "attempt": 2,
    }


def test_a_retry_at_night_waits_for_the_morning(wired: World) -> None:
    wired.has_workflow("outreach", [mail(), END], retry={"initial_delay": "10 minutes"})
    wired.has_family("42")
    instance = wired.start("outreach", family="42")
    wired.wires["email"].answers.append(Deferred("451 busy"))

    wired.tick("2026-03-20 17:55")
    wired.ticks_until("2026-03-23 08:00")
    assert wired.wires["email"].taken == []

    wired.ticks_until("2026-03-23 09:55")
    assert len(wired.wires["email"].taken) == 1
    assert wired.status(instance) == "completed"


def test_a_transport_that_is_down_costs_the_family_no_tries(wired: World) -> None:
    wired.has_workflow("outreach", [mail(), END], retry={"max_retries": 0})
    wired.has_family("42")
    instance = wired.start("outreach", family="42")
    wired.wires["email"].answers += [Unavailable("connection refused")] * 3

    wired.ticks_until("2026-03-20 11:00", every=timedelta(minutes=15))

    assert wired.status(instance) == "completed"
    assert len(wired.wires["email"].taken) == 1
    assert wired.attempts(instance) == [("mail", "completed"), ("done", "completed")]


def test_a_message_whose_answer_never_came_goes_to_a_person_and_is_never_sent_again_by_itself(wired: World) -> None:
    wired.has_workflow("outreach", [mail(), END])
    wired.has_family("42")
    instance = wired.start("outreach", family="42")
    wire = wired.wires["email"]
    wire.answers.append(lambda message: wire.taken.append(message) or Unknown("timed out after the dot"))

    report = wired.tick()
    wired.ticks_until("2026-03-24 12:00")

    assert report.in_doubt == [instance]
    assert len(wire.taken) == 1
    [task] = wired.tasks("42")
    assert task.task_type == "doubt"
    assert wired.does(resume, instance) is not None

    wired.closes(task, "sent")
    assert wired.status(instance) == "completed"
    assert len(wire.taken) == 1


def test_a_doubt_that_was_not_sent_goes_out_once_more(wired: World) -> None:
    wired.has_workflow("outreach", [mail(), END])
    wired.has_family("42")
    instance = wired.start("outreach", family="42")
    wired.wires["email"].answers.append(lambda _: Unknown("connection lost"))
    wired.tick()

    wired.closes(wired.tasks("42")[0], "not_sent")
    wired.tick()

    assert len(wired.wires["email"].taken) == 1
    assert wired.status(instance) == "completed"


def test_a_family_that_opted_out_gets_nothing_and_the_workflow_goes_on(coop: World) -> None:
    coop.has_workflow("outreach", [mail(), TEXT, END])
    coop.has_family("42", consent={"email": {"allowed": False}})
    instance = coop.start("outreach", family="42")

    coop.tick()

    assert coop.mails() == []
    assert len(coop.texts()) == 1
    assert coop.attempts(instance) == [("mail", "skipped"), ("text", "completed"), ("done", "completed")]


def test_an_opt_out_between_intent_and_last_call_stops_the_message(wired: World) -> None:
    wired.has_workflow("outreach", [mail(), END])
    wired.has_family("42")
    wired.start("outreach", family="42")
    wired.wires["email"].answers.append(Unavailable("connection refused"))
    wired.tick()

    wired.changes_family("42", consent={"email": {"allowed": False}})
    wired.ticks_until("2026-03-20 12:00")

    assert wired.wires["email"].taken == []


def test_a_family_without_an_address_goes_to_a_person(coop: World) -> None:
    coop.has_workflow("outreach", [mail(), END])
    coop.has_family("42", email=None)
    instance = coop.start("outreach", family="42")

    coop.tick()

    assert coop.status(instance) == "paused"
    assert "has no email address" in coop.tasks("42")[0].description


def test_a_hole_in_a_text_goes_to_a_person_and_no_placeholder_leaves(coop: World) -> None:
    messages = {"hello": "---\nsubject: Hello\n---\nYour {{ tutor }} is glad."}
    coop.has_workflow("outreach", [mail(), END], messages=messages)
    coop.has_family("42")
    instance = coop.start("outreach", family="42")

    coop.tick()

    assert coop.mails() == []
    assert coop.status(instance) == "paused"
    assert "tutor" in coop.tasks("42")[0].description


def test_a_corrected_address_is_used_when_the_held_step_is_resumed(coop: World) -> None:
    coop.has_workflow("outreach", [mail(), END])
    coop.has_family("42", email=None)
    instance = coop.start("outreach", family="42")
    coop.tick()

    coop.changes_family("42", email="new@example.org")
    assert coop.does(resume, instance) is None
    coop.tick()

    assert [message["To"] for message in coop.mails()] == ["new@example.org"]
    assert coop.status(instance) == "completed"


@pytest.mark.parametrize(
    ("started", "sent"),
    [
        ("2026-03-20 19:00", "2026-03-23 09:00"),  # Friday evening
        ("2026-03-20 18:00", "2026-03-23 09:00"),
        ("2026-03-21 02:00", "2026-03-23 09:00"),  # Saturday, 2 am
        ("2026-03-22 20:00", "2026-03-23 09:00"),  # Sunday evening
        ("2026-03-23 07:59", "2026-03-23 09:00"),
        ("2026-03-23 08:00", "2026-03-23 08:00"),
    ],
)
def test_a_message_leaves_in_business_hours_of_the_familys_own_zone(coop: World, started: str, sent: str) -> None:
    from tests.world import at

    coop.has_workflow("outreach", [mail(), END])
    coop.has_family("42")
    coop.now = at(started)
    instance = coop.start("outreach", family="42")

    [entry] = coop.case(instance).entries.values()

    assert entry.scheduled_for == at(sent)


def test_a_family_in_honolulu_is_written_to_in_its_own_morning(coop: World) -> None:
    from tests.world import at

    coop.has_workflow("outreach", [mail(), END])
    coop.has_family("42", time_zone="Pacific/Honolulu")
    instance = coop.start("outreach", family="42")  # 09:00 in New York is 03:00 there

    [entry] = coop.case(instance).entries.values()

    assert entry.scheduled_for == at("2026-03-20T19:00:00Z")


def test_an_urgent_text_crosses_business_hours_but_not_the_legal_quiet_hours(coop: World) -> None:
    from tests.world import at

    coop.has_workflow("alarm", [{**TEXT, "urgent": True}, END])
    coop.has_family("42")
    coop.now = at("2026-03-21 20:30")
    coop.start("alarm", family="42")
    coop.tick()
    assert len(coop.texts()) == 1

    coop.now = at("2026-03-21 21:00")
    second = coop.start("alarm", family="42")
    coop.tick()
    assert len(coop.texts()) == 1
    [entry] = coop.case(second).entries.values()
    assert entry.scheduled_for == at("2026-03-22 08:00")


def test_a_message_that_has_become_too_late_goes_to_a_person_and_not_out(coop: World) -> None:
    coop.has_workflow("outreach", [mail(), END])
    coop.has_family("42")
    instance = coop.start("outreach", family="42")

    coop.tick("2026-03-24 09:00")  # nobody ticked for four days

    assert coop.mails() == []
    assert coop.status(instance) == "paused"
    assert "late" in coop.tasks("42")[0].description


def test_a_text_is_too_late_after_four_hours(coop: World) -> None:
    coop.has_workflow("outreach", [{"id": "text", "type": "sms", "message": "Hi {{ family_name }}"}, END])
    coop.has_family("41")
    coop.has_family("42")
    coop.start("outreach", family="41")
    coop.tick("2026-03-20 12:59")
    coop.start("outreach", family="42")
    coop.tick("2026-03-20 17:00")
    assert len(coop.texts()) == 1
    assert "late" in coop.tasks("42")[0].description


def test_a_tick_after_closing_time_sends_the_next_morning(coop: World) -> None:
    coop.has_workflow("outreach", [mail(), END])
    coop.has_family("42")
    instance = coop.start("outreach", family="42")

    coop.tick("2026-03-20 18:30")
    assert coop.mails() == []
    assert "step.deferred" in coop.trail(instance)

    coop.tick("2026-03-23 09:00")
    assert len(coop.mails()) == 1


def test_pausing_during_a_retry_and_resuming_sends_once(wired: World) -> None:
    wired.has_workflow("outreach", [mail(), END])
    wired.has_family("42")
    instance = wired.start("outreach", family="42")
    wired.wires["email"].answers.append(Deferred("451 busy"))
    wired.tick()

    wired.does(pause, instance)
    wired.ticks_until("2026-03-20 12:00")
    assert wired.wires["email"].taken == []

    wired.does(resume, instance)
    wired.tick()
    assert len(wired.wires["email"].taken) == 1
    assert wired.status(instance) == "completed"


def test_a_cancel_while_the_message_is_on_its_way_is_recorded_with_the_messages_fate(wired: World) -> None:
    wired.has_workflow("outreach", [mail(), END])
    wired.has_family("42")
    instance = wired.start("outreach", family="42")
    deliver = wired.engine.post.deliver

    def cancelled_meanwhile(batch: Sequence[Outgoing], book: Book) -> None:
        def cancel_before_the_answer_is_written(asked: Asked, fates: Answered) -> Collection[str]:
            if fates:
                wired.does(cancel, instance)
            return book(asked, fates)

        deliver(batch, cancel_before_the_answer_is_written)

    wired.engine.post.deliver = cancelled_meanwhile  # type: ignore[method-assign]
    wired.tick()

    assert len(wired.wires["email"].taken) == 1
    assert wired.status(instance) == "cancelled"
    assert wired.attempts(instance) == [("mail", "completed")]
    assert wired.trail(instance)[-2:] == ["instance.cancelled", "message.accepted"]


def test_a_cancel_before_the_last_call_stops_the_message(wired: World) -> None:
    wired.has_workflow("outreach", [mail(), END])
    wired.has_family("42")
    instance = wired.start("outreach", family="42")
    deliver = wired.engine.post.deliver

    def cancel_and_deliver(batch: Sequence[Outgoing], book: Book) -> None:
        wired.does(cancel, instance)
        deliver(batch, book)

    wired.engine.post.deliver = cancel_and_deliver  # type: ignore[method-assign]
    wired.tick()

    assert wired.wires["email"].taken == []
    assert wired.attempts(instance) == [("mail", "skipped")]
