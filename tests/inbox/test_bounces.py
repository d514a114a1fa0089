"""Mails that come back: what follows depends on whether it is for good, and on where the instance stands by then."""

import subprocess
import sys

import pytest

from coopflow.core.incoming import Fate
from coopflow.inbox.mail import read_mail
from tests.inbox.conftest import HELLO, OPTED_OUT, PAUSE, STEPS, TEXT, Desk
from tests.inbox.mails import MARIA, dsn, mail
from tests.world import at


def test_a_permanent_bounce_switches_to_the_text_at_once(desk: Desk) -> None:
    instance = desk.has_written()

    taken = desk.mail(dsn(desk.sent(instance)))

    assert (taken.kind, taken.status, taken.instance_id, taken.touched) == ("bounce", "matched", instance, [instance])
    assert desk.world.step(instance) == "text"
    desk.world.tick()
    assert [message.text for message in desk.world.wires["sms"].taken] == ["Can we chat?"]
    assert ("pause", "skipped") in desk.world.attempts(instance)
    assert "email_bounced" in desk.kinds()


def test_its_reason_names_nobody(desk: Desk) -> None:
    instance = desk.has_written()

    taken = desk.mail(dsn(desk.sent(instance)))

    assert "550 5.1.1" in taken.reason
    assert "User unknown" in taken.reason
    assert "@" not in taken.reason


def test_without_another_way_a_person_takes_over(desk: Desk) -> None:
    hello = {name: value for name, value in HELLO.items() if name != "on_failure"}
    instance = desk.has_written(steps=[hello, PAUSE])

    desk.mail(dsn(desk.sent(instance)))

    assert desk.world.status(instance) == "paused"
    [task] = desk.world.tasks()
    assert "the mail came back: 550 5.1.1" in task.description
    desk.world.changes_family("42", email="new42@example.org")
    desk.world.closes(task, "retry")
    desk.world.tick()
    assert [message.to for message in desk.world.wires["email"].taken] == [MARIA, "new42@example.org"]


def test_a_step_that_goes_on_after_a_failure_goes_on(desk: Desk) -> None:
    instance = desk.has_written(steps=[{**HELLO, "on_failure": "continue"}, PAUSE, TEXT])

    desk.mail(dsn(desk.sent(instance)))

    assert (desk.world.status(instance), desk.world.step(instance)) == ("running", "pause")


@pytest.mark.parametrize("whole", [False, True])
def test_the_message_is_known_by_its_headers_or_by_all_of_it(desk: Desk, whole: bool) -> None:
    instance = desk.has_written()
    assert desk.mail(dsn(desk.sent(instance), whole=whole, recipient="forwarded@elsewhere.example")).touched == [
        instance
    ]


def test_without_its_message_it_is_known_by_the_address_that_was_not_reached(desk: Desk) -> None:
    instance = desk.has_written()

    taken = desk.mail(dsn(None))

    assert (taken.reason.partition(";")[0], taken.touched) == ("by the address that was not reached", [instance])


def test_a_mail_that_is_late_is_noted_and_nothing_else(desk: Desk) -> None:
    instance = desk.has_written()

    taken = desk.mail(dsn(desk.sent(instance), action="delayed", status="4.4.1", diagnostic="smtp; 451 try later"))

    assert (taken.touched, desk.world.step(instance)) == ((), "pause")
    assert "message.delayed" in desk.world.trail(instance)
    assert "email_bounced" not in desk.kinds()
    assert desk.world.store.inbox.bad_addresses() == []


def test_a_full_mailbox_came_back_but_is_no_bad_address(desk: Desk) -> None:
    instance = desk.has_written()

    desk.mail(dsn(desk.sent(instance), status="4.2.2", diagnostic="smtp; 452 4.2.2 mailbox full"))

    assert desk.world.step(instance) == "text"
    assert desk.world.store.inbox.bad_addresses() == []
    assert [row["data"]["permanent"] for row in desk.world.store.looking.events(instance_id=instance)
            if row["kind"] == "message.returned"] == [False]  # fmt: skip


def test_nothing_is_written_to_a_bad_address_until_it_is_trusted_or_changed(desk: Desk) -> None:
    first = desk.has_written()
    desk.mail(dsn(desk.sent(first)))
    second = desk.has_written(name="again")

    assert ("hello", "failed") in desk.world.attempts(second)
    assert ("text", "completed") in desk.world.attempts(second)
    assert len(desk.world.wires["email"].taken) == 1
    desk.world.changes_family("42", email="new42@example.org")
    third = desk.has_written(name="once_more")
    assert (desk.world.step(third), desk.world.wires["email"].taken[-1].to) == ("pause", "new42@example.org")


def test_an_answer_from_a_bad_address_proves_that_it_works(desk: Desk) -> None:
    instance = desk.has_written()
    desk.mail(dsn(desk.sent(instance)))

    desk.mail(mail())

    assert desk.world.store.inbox.bad_addresses() == []
    assert desk.kinds().count("address.cleared") == 1


def test_t31_a_bounce_of_another_co_ops_mail_is_ignored_and_logged(desk: Desk) -> None:
    instance = desk.has_written()

    taken = desk.mail(dsn("<0123456789abcdef0123456789abcdef@elsewhere.example>"))

    assert (taken.status, desk.world.step(instance)) == ("ignored", "pause")
    assert "coopflow did not send" in taken.reason
    logged = desk.world.db.execute_sql("SELECT count(*) FROM event_log WHERE kind = 'inbox.taken'").fetchone()
    assert logged == (1,)


@pytest.mark.parametrize("forged", ["<../../etc/passwd>", "<' OR 1=1 -->", "<%00>", "<" + "a" * 5000 + "@x>", "<>"])
def test_t31_an_id_that_is_no_id_finds_nothing(desk: Desk, forged: str) -> None:
    instance = desk.has_written()

    taken = desk.mail(dsn(forged, recipient="nobody@elsewhere.example"))

    assert (taken.status, desk.world.step(instance)) == ("ignored", "pause")


def test_t32_a_late_bounce_after_the_workflow_ended_marks_the_address_and_restarts_nothing(desk: Desk) -> None:
    instance = desk.has_written(steps=[{**HELLO, "on_failure": "continue"}])
    assert desk.world.status(instance) == "completed"

    taken = desk.mail(dsn(desk.sent(instance)))

    assert (taken.status, taken.touched, desk.world.status(instance)) == ("matched", [], "completed")
    assert [row["address"] for row in desk.world.store.inbox.bad_addresses()] == [MARIA]
    assert desk.world.trail(instance)[-1] == "message.returned"


def test_a_bounce_that_comes_when_the_next_step_is_done_is_recorded_only(desk: Desk) -> None:
    instance = desk.has_written()
    message = desk.sent(instance)
    desk.world.tick("2026-03-23 09:00")
    assert desk.world.step(instance) == "rest"

    desk.mail(dsn(message))

    assert desk.world.step(instance) == "rest"
    assert len(desk.world.wires["sms"].taken) == 1


def test_a_bounce_when_the_next_step_is_due_comes_first(desk: Desk) -> None:
    instance = desk.has_written(steps=[{**HELLO, "on_failure": "fail"}, PAUSE, *STEPS[2:]])
    message = desk.sent(instance)
    desk.world.now = at("2026-03-23 09:00")

    desk.mail(dsn(message))
    desk.world.tick()

    assert desk.world.status(instance) == "failed"
    assert desk.world.wires["sms"].taken == []


def test_a_bounce_in_a_person_s_pause_moves_the_step_and_keeps_the_pause(desk: Desk) -> None:
    from coopflow.core import people

    instance = desk.has_written(completion_criteria=OPTED_OUT)
    desk.world.does(people.pause, instance)

    desk.mail(dsn(desk.sent(instance)))

    assert (desk.world.status(instance), desk.world.step(instance)) == ("paused", "text")


def test_a_bounce_that_follows_no_standard_is_known_all_the_same() -> None:
    text = (
        "Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your message to the"
        " following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        "<family42@example.org>:\nUser does not exist\n\n--- Below this line is a copy of the message.\n\n"
        "Return-Path: <sarah@example.org>\nMessage-ID: <k@example.org>\nSubject: Hello\n"
    )
    found = read_mail(mail(text, sender="MAILER-DAEMON@mx.example", subject="failure notice", more="Return-Path: <>"))

    assert found.kind == "bounce"
    assert [(failure.recipient, failure.fate) for failure in found.failures] == [(MARIA, Fate.PERMANENT)]
    assert found.answers == ("<k@example.org>",)


def test_a_receipt_and_a_notice_of_success_are_no_bounces() -> None:
    assert (
        read_mail(dsn("<k@example.org>", action="relayed", status="2.0.0", diagnostic="smtp; 250 ok")).kind == "other"
    )
    receipt = mail(kind='multipart/report; report-type=disposition-notification; boundary="x"')
    assert read_mail(receipt).kind == "other"


def test_a_server_that_gives_its_reason_in_its_own_language_is_understood() -> None:
    found = read_mail(dsn("<k@example.org>", diagnostic="smtp; 550 5.1.1 Empfänger unbekannt"))

    assert found.kind == "bounce"
    [failure] = found.failures
    assert (failure.recipient, failure.fate) == (MARIA, Fate.PERMANENT)
    assert failure.reason == "550 5.1.1 Empfänger unbekannt"


def test_a_bounce_that_breaks_off_where_its_kind_has_more_names_nobody_and_draws_no_words() -> None:
    question = (
        "from coopflow.inbox.mail import read_mail\n"
        "print(read_mail(b'Return-Path: <>\\r\\nFro: x\\r\\n\\r\\nHi').failures)"
    )
    told = subprocess.run([sys.executable, "-c", question], capture_output=True, check=True, text=True)
    assert (told.stdout.strip(), told.stderr) == ("()", "")
