"""Answers find the instance that waits for them, and end it at once."""

import pytest

from coopflow.core.reply_tag import read_tag, reply_tag
from tests.inbox.conftest import CALL, HELLO, PAUSE, STEPS, Desk
from tests.inbox.mails import MARIA, mail, vacation
from tests.world import at


def test_a_reply_completes_the_instance_it_answers_in_the_same_transaction(desk: Desk) -> None:
    instance = desk.has_written()

    taken = desk.mail(mail(answers=desk.sent(instance)))

    assert (taken.kind, taken.status, taken.family_id, taken.instance_id) == ("reply", "matched", "42", instance)
    assert taken.touched == [instance]
    assert desk.world.status(instance) == "completed"
    [item] = desk.items()
    assert item["personal"]["text"] == "Yes please, call me."
    assert item["reason"] == "it answers a message of ours"


def test_a_reply_from_another_address_counts_where_it_answers_our_message(desk: Desk) -> None:
    instance = desk.has_written()

    taken = desk.mail(mail(sender="dad@elsewhere.example", answers=desk.sent(instance)))

    assert (taken.family_id, desk.world.status(instance)) == ("42", "completed")


def test_a_reply_to_the_address_with_the_tag_needs_no_header_at_all(desk: Desk) -> None:
    instance = desk.has_written()
    tag = reply_tag(desk.world.store.database_id, instance, "42")

    taken = desk.mail(mail(sender="dad@elsewhere.example", to=f"Willow Creek <answers+{tag}@coop.example>"))

    assert (taken.instance_id, desk.world.status(instance)) == (instance, "completed")


def test_a_tag_of_an_instance_that_a_restored_backup_has_lost_is_not_that_of_another_family(desk: Desk) -> None:
    """The number is another family's by now, and what the lost one's family writes must not end its workflow."""
    instance = desk.has_written()
    tag = reply_tag(desk.world.store.database_id, instance, "43")

    taken = desk.mail(mail(sender="dad@elsewhere.example", to=f"Willow Creek <answers+{tag}@coop.example>"))

    assert (taken.status, taken.instance_id, desk.world.status(instance)) == ("unmatched", None, "running")


def test_a_tag_is_good_for_its_instance_and_its_database_only() -> None:
    tag = reply_tag("test", 17, "42")
    assert tag.startswith("i17-")
    assert len(tag) == len("i17-") + 12
    assert read_tag(f"Answers <answers+{tag.upper()}@coop.example>", "test", lambda _: "42") == (17, "42")
    assert read_tag(f"answers+{tag}@coop.example", "another", lambda _: "42") is None
    assert read_tag(f"answers+{tag.replace('i17', 'i18')}@coop.example", "test", lambda _: "42") is None
    assert read_tag("nothing here", "test", lambda _: "42") is None


def test_a_mail_from_the_familys_own_address_is_theirs(desk: Desk) -> None:
    instance = desk.has_written()

    taken = desk.mail(mail(sender=MARIA.upper(), subject="A new mail"))

    assert (taken.status, taken.instance_id, taken.touched) == ("matched", None, [instance])
    assert desk.world.status(instance) == "completed"


def test_a_text_is_matched_by_its_number_however_it_is_written(desk: Desk) -> None:
    instance = desk.has_written()

    taken = desk.call("sms", {"id": "t1", "from": "+1 (212) 555-0142", "text": "Yes!"})

    assert (taken.kind, taken.family_id, desk.world.status(instance)) == ("reply", "42", "completed")
    assert "sms_response_received" in desk.kinds()


def test_what_two_families_share_goes_to_a_person_who_says_whose_it_is(desk: Desk) -> None:
    instance = desk.has_written()
    desk.world.has_family("43", email=MARIA)

    taken = desk.mail(mail(subject="A new mail"))

    assert (taken.status, desk.world.status(instance)) == ("unmatched", "running")
    [task] = desk.world.tasks()
    assert f"coopflow inbox assign {taken.item_id} --family" in task.description
    assert "42, 43" in task.description


def test_a_stranger_is_listed_and_changes_nothing(desk: Desk) -> None:
    instance = desk.has_written()

    taken = desk.mail(mail(sender="stranger@elsewhere.example"))

    assert (taken.status, desk.world.status(instance)) == ("unmatched", "running")
    assert [item["item_id"] for item in desk.items(status="unmatched")] == [taken.item_id]
    assert desk.world.tasks() == []


def test_a_coordinators_mail_in_the_same_conversation_is_no_answer(desk: Desk) -> None:
    instance = desk.has_written()

    taken = desk.mail(mail(sender="Sarah <Sarah@example.org>", answers=desk.sent(instance)))

    assert (taken.kind, taken.status, desk.world.status(instance)) == ("other", "ignored", "running")


def test_a_coordinator_who_is_a_parent_answers_what_was_written_to_her(desk: Desk) -> None:
    desk.world.has_family("7", email="sarah@example.org")
    instance = desk.has_written("7")

    taken = desk.mail(mail(sender="sarah@example.org", answers=desk.sent(instance)))

    assert (taken.kind, taken.family_id, desk.world.status(instance)) == ("reply", "7", "completed")


def test_a_vacation_notice_puts_the_wait_off_by_one_business_day_once(desk: Desk) -> None:
    instance = desk.has_written()
    assert desk.planned(instance) == "Mon 09:00"

    first = desk.mail(vacation(answers=desk.sent(instance)))
    desk.mail(vacation(answers=desk.sent(instance), number=2))

    assert (first.kind, first.touched) == ("automatic", [instance])
    assert (desk.world.status(instance), desk.planned(instance)) == ("running", "Tue 09:00")
    assert desk.world.store.families(["42"])["42"].consent == {}
    assert "email_response_received" not in desk.kinds()
    assert desk.world.trail(instance).count("step.deferred") == 1


def test_after_a_vacation_notice_the_real_answer_still_counts(desk: Desk) -> None:
    instance = desk.has_written()
    desk.mail(vacation(answers=desk.sent(instance)))

    desk.mail(mail(answers=desk.sent(instance), number=3))

    assert desk.world.status(instance) == "completed"


def test_a_newsletter_is_put_aside(desk: Desk) -> None:
    taken = desk.mail(mail(sender="news@shop.example", more="List-Id: <news.shop.example>"))
    assert (taken.kind, taken.status) == ("automatic", "ignored")


def test_d28_an_answer_to_a_finished_instance_is_recorded_and_restarts_nothing(desk: Desk) -> None:
    instance = desk.has_written(steps=[HELLO, {**PAUSE, "id": "text"}])
    message = desk.sent(instance)
    desk.world.ticks_until("2026-03-25 09:00")
    assert desk.world.status(instance) == "completed"
    trail = desk.world.trail(instance)

    taken = desk.mail(mail(answers=message))

    assert (taken.status, taken.instance_id, taken.touched) == ("matched", instance, [])
    assert desk.world.trail(instance) == trail
    assert desk.kinds()[-1] == "email_response_received"


def test_d29_a_reply_in_the_same_tick_as_the_follow_up_wins(desk: Desk) -> None:
    instance = desk.has_written()
    message = desk.sent(instance)
    desk.world.now = at("2026-03-23 09:00")  # the text is due at this very moment

    desk.mail(mail(answers=message))  # a tick reads its inbox first
    desk.world.tick()

    assert desk.world.status(instance) == "completed"
    assert desk.world.wires["sms"].taken == []


def test_a_mail_that_is_older_than_the_instance_is_no_answer_to_it(desk: Desk) -> None:
    from coopflow.inbox.source import Arrived
    from coopflow.inbox.taking import take
    from tests.inbox.conftest import OURS

    instance = desk.has_written()
    old = Arrived(provider_id="old", content=mail(), kind="mail", at=at("2026-03-19 18:00"))

    taken = take(desk.world.store, "test", old, OURS, now=desk.world.now)

    assert (taken.status, taken.touched) == ("matched", [])
    assert "before instance" in taken.reason
    assert desk.world.status(instance) == "running"


def test_an_answer_to_a_message_in_doubt_settles_the_doubt(desk: Desk) -> None:
    from coopflow.channels.base import Unknown

    desk.world.wires["email"].answers = [lambda _: Unknown("no answer after the last byte")]
    instance = desk.has_written(completion_criteria=None)
    assert desk.world.status(instance) == "paused"

    desk.mail(mail("Hello, who is this?", answers=desk.sent(instance)))

    assert desk.world.status(instance) == "running"
    assert "doubt.resolved" in desk.world.trail(instance)


def test_words_of_their_own_that_may_mean_an_opt_out_are_shown_to_a_person(desk: Desk) -> None:
    desk.has_written()

    taken = desk.mail(mail("Who gave you this address? Please do not contact us again."))

    assert (taken.kind, taken.status) == ("reply", "matched")
    [task] = desk.world.tasks()
    assert "coopflow family optout 42 --channel email" in task.description


@pytest.mark.parametrize(
    "steps", [STEPS, [HELLO, {**PAUSE, "until": {"event": "email_response_received"}}, {**CALL, "id": "text"}]]
)
def test_an_answer_is_on_record_with_its_words_apart(desk: Desk, steps: list[object]) -> None:
    instance = desk.has_written(steps=steps, completion_criteria=None)

    taken = desk.mail(mail("We moved, call 555", answers=desk.sent(instance)))

    [item] = desk.items()
    assert item["item_id"] == taken.item_id
    data = desk.world.db.execute_sql("SELECT data FROM event_log WHERE event_id = ?", (item["event_id"],)).fetchone()
    assert "We moved" not in data[0]
    assert item["personal"]["text"] == "We moved, call 555"


def test_a_crash_in_the_middle_leaves_nothing_and_the_next_reading_does_it_all(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The effect is there before the item is; both are one transaction."""
    from coopflow.store.inbox import Inbox

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    instance = desk.has_written()
    content = mail(answers=desk.sent(instance))
    with monkeypatch.context() as patch:
        patch.setattr(Inbox, "add", die)
        with pytest.raises(KeyboardInterrupt):
            desk.mail(content, number="1")
    assert (desk.world.status(instance), desk.items()) == ("running", [])
    assert "email_response_received" not in desk.kinds()

    assert not desk.mail(content, number="1").again
    assert desk.mail(content, number="1").again
    assert desk.world.status(instance) == "completed"
    assert desk.kinds().count("email_response_received") == 1
