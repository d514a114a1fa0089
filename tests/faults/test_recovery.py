"""What the next tick makes of a message that a dead one had under way, in the corners where it is easy to be wrong."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from coopflow.batches import Overtaken
from coopflow.core.deliveries import Accepted, Deferred, Delivery, Refused, Unavailable, Unknown
from coopflow.core.people import cancel, goto, resume, skip, snooze
from coopflow.sending import Answered, Asked, Book, Outgoing
from coopflow.tick import tick
from tests.world import World

MAIL = {"id": "mail", "type": "email", "template_id": "hello"}
TEXT = {"id": "text", "type": "sms", "message": "Hi {{ family_name }}"}
END = {"id": "done", "type": "end"}


class Killed(BaseException):
    """Stands for a kill: what was not committed is gone, and nothing else happens in this process."""


def dies_while_handing_over(
    world: World, when: str | None = None, *, delivered: bool, after_the_last_call: bool = True
) -> None:
    """The next tick ends in the middle of its first message."""
    deliver = world.engine.post.deliver

    def die(batch: list[Outgoing], book: Book) -> None:
        world.engine.post.deliver = deliver  # type: ignore[method-assign]
        message = batch[0].message
        channel = world.engine.post._channels[message.channel]
        if channel.dedupes:
            if delivered:
                channel.deliver(message, lambda: True)
        elif after_the_last_call:
            assert book(batch[:1], ()) == {message.key}
            if delivered:
                world.wires[message.channel].taken.append(message)
        raise Killed

    world.engine.post.deliver = die  # type: ignore[method-assign, assignment]
    with pytest.raises(Killed):
        world.tick(when)


@pytest.fixture
def mailing(wired: World) -> World:
    wired.has_workflow("outreach", [MAIL, END])
    wired.has_family("42")
    return wired


def under_way(world: World) -> list[tuple[str, str]]:
    return [
        (row[0], row[1])
        for row in world.db.execute_sql(
            "SELECT step_id, status FROM workflow_step_executions WHERE status IN ('pending', 'running') ORDER BY 1"
        )
    ]


def test_a_message_that_became_too_late_leaves_no_attempt_behind_that_could_hide_a_later_doubt(mailing: World) -> None:
    instance = mailing.start("outreach", family="42")
    mailing.wires["email"].answers.append(Unavailable("connection refused"))
    mailing.tick()
    mailing.tick("2026-03-24 09:00")
    assert "late" in mailing.tasks("42")[0].description
    assert under_way(mailing) == []

    assert mailing.does(resume, instance) is None
    dies_while_handing_over(mailing, delivered=True)
    report = mailing.tick()

    assert report.in_doubt == [instance]
    assert len(mailing.wires["email"].taken) == 1


def test_a_message_that_the_transport_would_not_take_after_its_last_call_is_in_the_house(mailing: World) -> None:
    instance = mailing.start("outreach", family="42")
    mailing.wires["email"].answers.append(lambda _: Unavailable("the connection broke before the dot"))
    mailing.tick()
    assert under_way(mailing) == [("mail", "pending")]

    dies_while_handing_over(mailing, "2026-03-20 09:15", delivered=False, after_the_last_call=False)
    assert mailing.tick().in_doubt == []
    assert len(mailing.wires["email"].taken) == 1
    assert mailing.status(instance) == "completed"


@pytest.mark.parametrize("delivered", [True, False])
def test_an_outbox_message_whose_tick_died_is_in_doubt_when_it_may_not_be_handed_over_again(
    coop: World, delivered: bool
) -> None:
    coop.has_workflow("outreach", [MAIL, END])
    coop.has_family("42")
    instance = coop.start("outreach", family="42")
    dies_while_handing_over(coop, delivered=delivered)

    coop.tick("2026-03-24 09:00")  # nobody ticked for four days

    assert [task.task_type for task in coop.tasks("42")] == ["doubt"]
    assert len(coop.mails()) == int(delivered)
    coop.closes(coop.tasks("42")[0], "sent" if delivered else "not_sent")
    coop.tick()
    assert len(coop.mails()) == 1
    assert coop.status(instance) == "completed"


def test_an_outbox_message_whose_family_opted_out_after_the_tick_died_is_in_doubt(coop: World) -> None:
    coop.has_workflow("outreach", [MAIL, END])
    coop.has_family("42")
    coop.start("outreach", family="42")
    dies_while_handing_over(coop, delivered=True)
    coop.changes_family("42", consent={"email": {"allowed": False}})
    coop.tick()
    assert [task.task_type for task in coop.tasks("42")] == ["doubt"]


def test_an_outbox_message_whose_address_changed_after_the_tick_died_is_in_doubt(coop: World) -> None:
    coop.has_workflow("outreach", [MAIL, END])
    coop.has_family("42")
    coop.start("outreach", family="42")
    dies_while_handing_over(coop, delivered=True)
    coop.changes_family("42", email="new@example.org")
    coop.tick()
    assert [task.task_type for task in coop.tasks("42")] == ["doubt"]
    assert [mail["To"] for mail in coop.mails()] == ["family42@example.org"]


def test_a_gateway_that_dedupes_and_is_busy_after_a_crash_is_given_the_same_key_once_more(mailing: World) -> None:
    wire = mailing.wires["email"]
    wire.dedupes = True
    instance = mailing.start("outreach", family="42")
    dies_while_handing_over(mailing, delivered=True)
    wire.answers.append(Deferred("429 too many requests"))
    mailing.tick()
    mailing.ticks_until("2026-03-20 10:00")
    assert mailing.status(instance) == "completed"
    assert len({message.key for message in wire.taken}) == 1
    assert mailing.attempts(instance) == [("mail", "completed"), ("done", "completed")]


def test_an_address_that_changes_while_the_message_waits_for_its_transport_is_used(mailing: World) -> None:
    mailing.start("outreach", family="42")
    mailing.wires["email"].answers.append(Unavailable("connection refused"))
    mailing.tick()
    mailing.changes_family("42", email="new@example.org")
    mailing.ticks_until("2026-03-20 10:00")
    assert [message.to for message in mailing.wires["email"].taken] == ["new@example.org"]


def test_a_tick_that_died_in_a_paused_instance_leaves_its_message_to_whoever_resumes_it(mailing: World) -> None:
    from coopflow.core.people import pause

    instance = mailing.start("outreach", family="42")
    dies_while_handing_over(mailing, delivered=False, after_the_last_call=False)
    mailing.does(pause, instance)
    assert mailing.tick().recovered == 1
    assert mailing.wires["email"].taken == []

    mailing.does(resume, instance)
    mailing.tick()
    assert len(mailing.wires["email"].taken) == 1


def test_a_message_in_doubt_whose_instance_was_ended_meanwhile_is_told_to_a_person(mailing: World) -> None:
    from coopflow.core.people import cancel

    instance = mailing.start("outreach", family="42")
    dies_while_handing_over(mailing, delivered=True)
    mailing.does(cancel, instance)
    mailing.tick()
    [task] = mailing.tasks("42")
    assert task.task_type == "check"
    assert "whether the email left is not known" in task.description
    assert mailing.attempts(instance) == [("mail", "failed")]
    assert under_way(mailing) == []


@pytest.mark.parametrize(
    ("fate", "status", "task_types"),
    [
        (Accepted("250 ok"), "running", []),
        (Refused("550 no such user"), "paused", ["doubt"]),
        (Unavailable("connection refused"), "paused", ["doubt"]),
    ],
)
def test_the_answer_to_a_tick_that_has_lost_the_lead_settles_a_doubt_only_if_the_message_was_taken(
    mailing: World, fate: Delivery, status: str, task_types: list[str]
) -> None:
    mailing.has_workflow("goes_on", [MAIL, {"id": "wait", "type": "wait", "duration": "3 days"}, END])
    instance = mailing.start("goes_on", family="42")

    def is_overtaken(batch: list[Outgoing], book: Book) -> None:
        assert len(book(batch, ())) == 1
        assert tick(replace(mailing.engine, epoch=None), now=mailing.now).in_doubt == [instance]
        book((), [(outgoing, fate) for outgoing in batch])

    mailing.engine.post.deliver = is_overtaken  # type: ignore[method-assign, assignment]
    with pytest.raises(Overtaken, match="another tick has taken over"):
        mailing.tick()
    mailing.tick()  # nothing is handed over again
    assert mailing.status(instance) == status
    assert [task.task_type for task in mailing.tasks("42")] == task_types


def cancelled_before_its_answer_is_on_record(world: World, instance: int) -> None:
    """In the next tick a person is faster than the answer to the message."""
    deliver = world.engine.post.deliver

    def cancelled_meanwhile(batch: list[Outgoing], book: Book) -> None:
        def write(asked: Asked, fates: Answered) -> object:
            if fates:
                world.does(cancel, instance)
            return book(asked, fates)

        deliver(batch, write)  # type: ignore[arg-type]

    world.engine.post.deliver = cancelled_meanwhile  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize(
    ("fate", "status", "told"),
    [
        (Accepted("250 ok"), "completed", "message.accepted"),
        (Refused("550 no such user"), "failed", "message.withdrawn"),
        (Unavailable("connection refused"), "failed", "message.withdrawn"),
        (Unknown("timed out"), "failed", "step.in_doubt"),
    ],
)
def test_what_became_of_a_message_is_a_fact_even_when_its_instance_has_ended(
    mailing: World, fate: object, status: str, told: str
) -> None:
    instance = mailing.start("outreach", family="42")
    mailing.wires["email"].answers.append(lambda _: fate)  # type: ignore[arg-type, return-value]
    cancelled_before_its_answer_is_on_record(mailing, instance)
    mailing.tick()
    assert mailing.attempts(instance) == [("mail", status)]
    assert told in mailing.trail(instance)


@pytest.mark.parametrize("fate", [Unavailable("connection refused"), Deferred("busy")])
def test_what_may_have_left_before_a_crash_is_in_doubt_when_its_instance_has_ended_and_the_transport_is_away(
    mailing: World, fate: Delivery
) -> None:
    """The transport dedupes, so it is given the key once more; that it is away now says nothing about the first time.

    Found by the simulated month of seed 9857.
    """
    wire = mailing.wires["email"]
    wire.dedupes = True
    instance = mailing.start("outreach", family="42")
    dies_while_handing_over(mailing, delivered=True)
    wire.answers.append(fate)
    cancelled_before_its_answer_is_on_record(mailing, instance)
    mailing.tick()
    assert len(wire.taken) == 1
    assert "step.in_doubt" in mailing.trail(instance)
    assert "message.withdrawn" not in mailing.trail(instance)
    assert [task.task_type for task in mailing.tasks("42")] == ["check"]


def waits_to_be_handed_over_again(world: World) -> int:
    """A message that may have left, whose transport dedupes and is away."""
    world.wires["email"].dedupes = True
    instance = world.start("outreach", family="42")
    dies_while_handing_over(world, delivered=True)
    world.wires["email"].answers.append(Unavailable("connection refused"))
    world.tick()
    assert under_way(world) == [("mail", "running")]
    return instance


@pytest.mark.parametrize(("verb", "where"), [(skip, {}), (goto, {"step_id": "done"})])
def test_nobody_goes_past_a_message_that_may_have_left_before_its_fate_is_known(
    mailing: World, verb: Callable[..., None], where: dict[str, str]
) -> None:
    """Found by the simulated month of seed 10945: it was put on record as not sent."""
    instance = waits_to_be_handed_over_again(mailing)
    problem = str(mailing.does(verb, instance, **where))
    assert problem.startswith(f"a message of instance {instance} may have left when a tick was interrupted")
    assert problem.endswith(f"or end it with: coopflow cancel {instance}")
    mailing.tick("2026-03-20 12:00")
    assert mailing.attempts(instance)[0] == ("mail", "completed")
    assert mailing.status(instance) == "completed"


def test_of_a_message_in_doubt_nobody_says_that_it_is_on_its_way(mailing: World) -> None:
    instance = mailing.start("outreach", family="42")
    dies_while_handing_over(mailing, delivered=True)
    mailing.tick()
    [task] = mailing.tasks("42")
    said = mailing.does(snooze, instance, until=mailing.now + timedelta(days=1))
    assert str(said).endswith(f"it waits for task {task.task_id}: coopflow task show {task.task_id}")


def test_of_a_message_that_may_have_left_a_cancelled_instance_says_that_nobody_has_found_out(mailing: World) -> None:
    instance = waits_to_be_handed_over_again(mailing)
    assert mailing.does(cancel, instance) is None
    assert mailing.attempts(instance) == [("mail", "failed")]
    assert "step.in_doubt" in mailing.trail(instance)
    assert "message.withdrawn" not in mailing.trail(instance)


# -- several branches ---------------------------------------------------------------------------------------------


def two_at_once(second: dict[str, object], **rest: object) -> list[dict[str, object]]:
    return [{"id": "both", "type": "parallel", "branches": [[MAIL], [second]], **rest}, END]


HOLE = {"id": "text", "type": "sms", "message": "Your {{ tutor }} is glad"}


@pytest.mark.parametrize(
    ("on_failure", "status", "attempt"), [("fail", "failed", "skipped"), ("hold", "paused", "pending")]
)
def test_a_message_is_not_handed_over_when_its_sibling_stops_the_instance_in_the_same_moment(
    coop: World, on_failure: str, status: str, attempt: str
) -> None:
    coop.has_workflow("outreach", two_at_once(HOLE), escalation={"on_failure": on_failure})
    coop.has_family("42")
    instance = coop.start("outreach", family="42")
    coop.tick()
    assert coop.status(instance) == status
    assert coop.mails() == []
    assert ("mail", attempt) in coop.attempts(instance)


def test_what_was_kept_back_for_its_siblings_sake_leaves_once_when_that_is_settled(coop: World) -> None:
    coop.has_workflow("outreach", two_at_once(HOLE))
    coop.has_family("42")
    instance = coop.start("outreach", family="42")
    coop.tick()
    coop.closes(coop.tasks("42")[0], "skip")
    coop.tick()
    assert len(coop.mails()) == 1
    assert coop.status(instance) == "completed"


def test_a_branch_that_is_withdrawn_while_its_message_is_on_its_way_is_told_what_became_of_it(wired: World) -> None:
    wired.has_workflow("outreach", two_at_once(TEXT, join="any"))
    wired.has_family("42")
    instance = wired.start("outreach", family="42")
    wired.tick()
    assert len(wired.wires["email"].taken) + len(wired.wires["sms"].taken) == 2
    assert wired.status(instance) == "completed"
    assert sorted(wired.attempts(instance)) == [
        ("both", "completed"),
        ("done", "completed"),
        ("mail", "completed"),
        ("text", "completed"),
    ]


def test_a_loop_that_splits_the_same_branches_off_again_sends_its_messages_again(coop: World) -> None:
    branch = [
        {**MAIL, "id": "letter"},
        {"id": "more", "type": "call", "reason": "Once more?", "outcomes": {"yes": "letter", "no": "last"}},
        {"id": "last", "type": "wait", "duration": "1 minute"},
    ]
    steps = [
        {"id": "split", "type": "parallel", "branches": [branch]},
        {"id": "ask", "type": "call", "reason": "Again?", "outcomes": {"again": "split", "enough": "done"}},
        END,
    ]
    coop.has_workflow("outreach", steps)
    coop.has_family("42")
    instance = coop.start("outreach", family="42")
    for outcome in ("yes", "yes", "no", "again", "yes", "yes", "no", "enough"):
        coop.tick()
        coop.closes(coop.tasks("42")[0], outcome)
        coop.now += timedelta(minutes=2)
        coop.tick()
    assert len(coop.mails()) == 6
    assert coop.status(instance) == "completed"


def test_a_transport_that_is_down_for_more_than_a_day_comes_before_a_person(mailing: World) -> None:
    instance = mailing.start("outreach", family="42")
    mailing.wires["email"].answers += [Unavailable("connection refused")] * 1000
    mailing.ticks_until("2026-03-23 08:00", every=timedelta(minutes=15))
    assert mailing.status(instance) == "running"
    mailing.ticks_until("2026-03-23 09:30", every=timedelta(minutes=15))
    [task] = mailing.tasks("42")
    assert task.description == ("'Mail' could not be handed over since Fri 20 Mar 09:15: connection refused")
    assert mailing.attempts(instance) == [("mail", "skipped")]
    assert under_way(mailing) == []
