"""The coordinator's desk: outcomes, approval, decisions, escalation, and messages in doubt."""

import pytest

from coopflow.acting import assign_task, dismiss_task, finish_task, reopen_task, snooze_task
from coopflow.core.deliveries import Deferred, Refused, Unknown
from coopflow.core.model import Task
from coopflow.core.people import cancel, pause, resume, retry
from coopflow.doubts import doubts, settle_doubt
from coopflow.errors import NotAllowed
from tests.world import World, at

MAIL = {"id": "mail", "type": "email", "name": "Write", "template_id": "hello"}
END = {"id": "done", "type": "end", "name": "Done"}
CALL = {
    "id": "call",
    "type": "call",
    "name": "Call the family",
    "reason": "No answer so far",
    "outcomes": {
        "reached": "done",
        "voicemail": {"retry_in": "1 day", "max": 3, "then": "escalate"},
        "busy": {"retry_in": "2 hours", "max": 1, "then": "done"},
        "wrong_number": "escalate",
    },
}
LEVELS = {"levels": [{"after": "2 days", "assign": "sarah"}, {"after": "5 days", "assign": "director"}]}


def the_task(coop: World, task_type: str | None = None) -> Task:
    [found] = [task for task in coop.tasks() if task_type in (None, task.task_type)]
    return found


def number(coop: World) -> int:
    return int(the_task(coop).task_id or 0)


@pytest.fixture
def co(coop: World) -> World:
    coop.has_family("42", family_name="Martinez")
    coop.has_workflow("w", [CALL, END], escalation=LEVELS)
    return coop


# -- outcomes -----------------------------------------------------------------------------------------------------


def test_a_voicemail_brings_the_call_back_three_times_and_then_a_person_must_take_over(co: World) -> None:
    instance = co.start("w", family="42")
    opened = []
    for morning in ("2026-03-20 09:00", "2026-03-23 09:00", "2026-03-24 09:00", "2026-03-25 09:00"):
        co.ticks_until(morning)
        co.tick()
        opened.append(co.now)
        co.closes(the_task(co), "voicemail", "left a message")
    assert opened == [at(f"2026-03-{day} 09:00") for day in (20, 23, 24, 25)]  # the second falls on a Saturday

    decision = the_task(co)
    assert (decision.task_type, decision.priority, decision.assignee) == ("person", "high", "director")
    assert decision.description == "'Call the family' came to voicemail: a person must take over"
    assert co.status(instance) == "paused"
    assert [status for step, status in co.attempts(instance) if step == "call"] == ["completed"] * 4
    assert co.trail(instance).count("step.retrying") == 3


def test_what_a_voicemail_plans_is_inside_business_hours_with_its_reason(co: World) -> None:
    instance = co.start("w", family="42")
    co.tick()
    co.closes(the_task(co), "voicemail")
    entry = co.case(instance).entries["main"]
    assert entry.scheduled_for == at("2026-03-23 09:00")
    assert str(entry.reason).startswith("voicemail: once more (1 of 3); Sat 21 Mar 09:00 is outside")


def test_an_outcome_with_its_own_next_step_goes_there_when_its_repeats_are_used_up(co: World) -> None:
    instance = co.start("w", family="42")
    co.tick()
    co.closes(the_task(co), "busy")
    co.tick("2026-03-20 11:00")
    co.closes(the_task(co), "busy")
    assert co.status(instance) == "completed"


def test_a_wrong_number_goes_to_somebody_else_at_once(co: World) -> None:
    instance = co.start("w", family="42")
    co.tick()
    co.closes(the_task(co), "wrong_number")
    decision = the_task(co)
    assert (decision.assignee, decision.escalation_level, decision.escalate_at) == ("director", 2, None)
    *_, paused, opened, escalated = co.store.looking.events(instance_id=instance)
    kinds = [row["kind"] for row in (paused, opened, escalated)]
    assert kinds == ["instance.paused", "task.opened", "task.escalated"]
    assert escalated["data"].get("after") is None  # it was open for no time at all


def test_without_levels_an_escalation_stays_with_the_coordinator(coop: World) -> None:
    coop.has_family("42")
    coop.has_workflow("w", [CALL, END])
    coop.start("w", family="42")
    coop.tick()
    coop.closes(the_task(coop), "wrong_number")
    assert the_task(coop).assignee == "sarah"


def test_the_outcome_reached_goes_to_its_step(co: World) -> None:
    instance = co.start("w", family="42")
    co.tick()
    co.closes(the_task(co), "Reached", "We had a good talk.")
    assert co.status(instance) == "completed"
    [done] = [row for row in co.store.looking.events(instance_id=instance) if row["kind"] == "task.done"]
    assert (done["data"]["outcome"], done["personal"], done["actor"]) == (
        "reached",
        {"note": "We had a good talk."},
        "sarah",
    )


@pytest.mark.parametrize(
    ("outcome", "found"),
    [
        (None, "none was given"),
        ("voicmail", "'voicmail' is none of them (did you mean 'voicemail'?)"),
        ("retry", "'retry' is none of them"),
    ],
)
def test_an_outcome_that_is_not_possible_is_refused_with_those_that_are(
    co: World, outcome: str | None, found: str
) -> None:
    instance = co.start("w", family="42")
    co.tick()
    before = co.trail(instance)
    with pytest.raises(NotAllowed) as refusal:
        co.closes(the_task(co), outcome)
    assert str(refusal.value) == (
        f"task 1 is closed with one of the outcomes busy, reached, voicemail, wrong_number; {found}"
    )
    assert co.trail(instance) == before


def test_a_task_that_nothing_waits_for_may_come_to_anything(coop: World) -> None:
    coop.has_family("42")
    coop.has_workflow("w", [{"id": "pack", "type": "task", "description": "Pack a parcel"}, END])
    instance = coop.start("w", family="42")
    coop.tick()
    assert coop.status(instance) == "completed"
    coop.closes(the_task(coop), "sent by post", "parcel 7")
    assert coop.tasks() == []
    assert coop.store.desk.get(1).outcome == "sent by post"


def test_an_approval_is_not_asked_for_again_when_a_voicemail_brings_the_call_back(coop: World) -> None:
    coop.has_family("42")
    coop.has_workflow("w", [{**CALL, "approval": True}, END])
    coop.start("w", family="42")
    coop.tick()
    coop.closes(the_task(coop), "approved")
    coop.tick()
    coop.closes(the_task(coop, "phone_call"), "voicemail")
    coop.ticks_until("2026-03-23 09:00")
    assert the_task(coop).task_type == "phone_call"


def test_a_call_whose_window_is_gone_after_a_voicemail_comes_before_a_person(co: World) -> None:
    instance = co.start("w", family="42")
    co.tick()
    windows = co.coop.calendar.windows
    assert isinstance(windows, dict)
    del windows["business_hours"]
    co.closes(the_task(co), "voicemail")
    assert co.status(instance) == "paused"
    assert "never comes" in the_task(co).description


# -- approval -----------------------------------------------------------------------------------------------------


@pytest.fixture
def asking(coop: World) -> World:
    """Instance 1 asks whether its mail may go."""
    coop.has_family("42", family_name="Martinez")
    steps = [{**MAIL, "approval": True, "timeout": "2 days"}, END]
    coop.has_workflow("w", steps, escalation={"on_failure": "fail"})
    coop.start("w", family="42")
    coop.tick()
    return coop


def test_a_message_that_needs_a_yes_leaves_after_it(asking: World) -> None:
    assert asking.mails() == []
    assert the_task(asking).description == "May 'Write' go to Martinez?"
    asking.closes(the_task(asking), "approved")
    asking.tick()
    assert (len(asking.mails()), asking.status(1)) == (1, "completed")
    assert "step.approved" in asking.trail(1)


def test_a_yes_at_night_lets_the_message_go_in_the_morning(asking: World) -> None:
    asking.now = at("2026-03-20 20:00")
    asking.closes(the_task(asking), "approved")
    asking.tick()
    assert asking.mails() == []
    asking.tick("2026-03-23 09:00")
    assert len(asking.mails()) == 1


def test_a_yes_is_good_for_another_try_too(wired: World) -> None:
    wired.has_family("42")
    wired.has_workflow("w", [{**MAIL, "approval": True}, END])
    wired.start("w", family="42")
    wired.tick()
    wired.wires["email"].answers.append(Deferred("451 busy"))
    wired.closes(the_task(wired), "approved")
    wired.tick()
    wired.ticks_until("2026-03-20 10:00")
    assert (len(wired.wires["email"].taken), wired.tasks(), wired.status(1)) == (1, [], "completed")


def test_a_no_skips_the_message(asking: World) -> None:
    asking.closes(the_task(asking), "declined", "they are moving house")
    asking.tick()
    assert (asking.mails(), asking.status(1)) == ([], "completed")
    assert asking.attempts(1)[0] == ("mail", "skipped")


def test_without_an_answer_the_step_fails_in_the_end(asking: World) -> None:
    asking.ticks_until("2026-03-22 09:00")
    assert (asking.mails(), asking.tasks(), asking.status(1)) == ([], [], "failed")


def test_an_approval_in_one_branch_lets_it_go_on_alone(coop: World) -> None:
    coop.has_family("42")
    branches = [[{**MAIL, "id": "m1", "approval": True}], [{**MAIL, "id": "m2", "approval": True}]]
    coop.has_workflow("w", [{"id": "split", "type": "parallel", "branches": branches}, END])
    instance = coop.start("w", family="42")
    coop.tick()
    first, second = coop.tasks()
    coop.closes(first, "approved")
    coop.tick()
    assert (len(coop.mails()), coop.status(instance)) == (1, "running")
    coop.closes(second, "declined")
    assert coop.status(instance) == "completed"


# -- decisions about a step on hold -------------------------------------------------------------------------------


@pytest.fixture
def held(wired: World) -> World:
    """Instance 1 is on hold: its mail was refused."""
    wired.has_family("42")
    wired.has_workflow("w", [MAIL, {"id": "rest", "type": "wait", "duration": "1 day"}, END], escalation=LEVELS)
    wired.start("w", family="42")
    wired.wires["email"].answers.append(Refused("550 mailbox unknown"))
    wired.tick()
    return wired


def test_the_decision_retry_sends_again(held: World) -> None:
    held.closes(the_task(held), "retry")
    held.tick()
    assert held.attempts(1) == [("mail", "failed"), ("mail", "completed"), ("rest", "running")]


def test_the_decision_skip_goes_on(held: World) -> None:
    held.closes(the_task(held), "skip")
    held.tick()
    assert held.attempts(1) == [("mail", "failed"), ("mail", "skipped"), ("rest", "running")]


def test_the_decision_cancel_ends_it(held: World) -> None:
    held.closes(the_task(held), "cancel")
    assert (held.status(1), held.tasks()) == ("cancelled", [])
    assert held.store.desk.get(1).outcome == "cancel"


def test_a_hold_that_is_settled_otherwise_takes_its_task_off_the_desk(held: World) -> None:
    held.does(retry, 1)
    assert held.tasks() == []
    with pytest.raises(NotAllowed, match="task 1 is withdrawn already"):
        finish_task(held.store, 1, outcome="skip", note=None, actor="mike", now=held.now)


def test_a_hold_that_is_withdrawn_with_its_branch_holds_nothing_any_more(wired: World) -> None:
    wired.has_family("42")
    branches = [[{**MAIL, "id": "m1"}], [{**MAIL, "id": "m2", "approval": True}]]
    split = {"id": "split", "type": "parallel", "join": 1, "branches": branches}
    wired.has_workflow("w", [split, {"id": "rest", "type": "wait", "duration": "1 day"}, END])
    wired.start("w", family="42")
    wired.wires["email"].answers.append(Refused("550 mailbox unknown"))
    wired.tick()
    assert (wired.status(1), len(wired.tasks())) == ("paused", 2)

    wired.closes(the_task(wired, "approval"), "declined")

    assert (wired.status(1), wired.step(1), wired.tasks()) == ("running", "rest", [])


# -- escalation ---------------------------------------------------------------------------------------------------


def test_a_task_that_nobody_closes_goes_up_level_by_level_on_record(co: World) -> None:
    instance = co.start("w", family="42")
    co.tick()
    co.ticks_until("2026-03-22 09:00")
    assert (the_task(co).assignee, the_task(co).escalation_level) == ("sarah", 1)
    co.ticks_until("2026-03-25 09:00")
    assert (the_task(co).assignee, the_task(co).priority, the_task(co).escalate_at) == ("director", "high", None)
    events = [row for row in co.store.looking.events(instance_id=instance) if row["kind"] == "task.escalated"]
    assert [(row["at"], row["data"]["assignee"], row["data"]["after"]) for row in events] == [
        (at("2026-03-22 09:00"), "sarah", "2 days"),
        (at("2026-03-25 09:00"), "director", "5 days"),
    ]
    assert co.status(instance) == "running"


def test_a_task_that_goes_up_becomes_urgent_and_no_other_goes_with_it(coop: World) -> None:
    tasks = [{"id": name, "type": "task", "description": name, "priority": "low"} for name in ("one", "other")]
    rest = {"id": "rest", "type": "wait", "duration": "2 hours"}
    branches = [[tasks[0], rest], [{**rest, "id": "later"}, tasks[1]]]
    coop.has_family("42")
    coop.has_workflow("w", [{"id": "both", "type": "parallel", "branches": branches}, END], escalation=LEVELS)
    coop.start("w", family="42")
    coop.tick()
    coop.ticks_until("2026-03-22 09:00")
    assert [(found.step_id, found.escalation_level, found.priority) for found in coop.tasks()] == [
        ("one", 1, "high"),
        ("other", 0, "low"),
    ]


def test_a_task_that_was_put_off_does_not_go_up_before(co: World) -> None:
    co.start("w", family="42")
    co.tick()
    _, before = snooze_task(co.store, number(co), at("2026-03-27 17:00"), actor="sarah", now=co.now)
    assert before == at("2026-03-23 09:00")
    co.ticks_until("2026-03-27 16:00")
    assert the_task(co).escalation_level == 0
    co.ticks_until("2026-03-27 17:00")
    assert the_task(co).escalation_level == 1


# -- assigning, putting off, dismissing, reopening ----------------------------------------------------------------


@pytest.fixture
def parcel(coop: World) -> World:
    """Task 1 is plain work that nothing waits for; its instance goes on meanwhile."""
    coop.has_family("42")
    steps = [
        {"id": "pack", "type": "task", "description": "Pack a parcel"},
        {"id": "rest", "type": "wait", "duration": "9 days"},
        END,
    ]
    coop.has_workflow("w", steps, escalation=LEVELS)
    coop.start("w", family="42")
    coop.tick()
    return coop


def test_a_task_is_given_to_somebody_else_on_record(parcel: World) -> None:
    task, before = assign_task(parcel.store, 1, "mike", actor="sarah", now=parcel.now)
    assert (task.assignee, before) == ("mike", "sarah")
    assert the_task(parcel).assignee == "mike"
    assert parcel.trail(1)[-1] == "task.assigned"


def test_closing_a_task_twice_is_refused_with_what_it_came_to(co: World) -> None:
    co.start("w", family="42")
    co.tick()
    co.closes(the_task(co), "reached")
    with pytest.raises(NotAllowed, match=r"task 1 is done already \(reached\)"):
        finish_task(co.store, 1, outcome="voicemail", note=None, actor="mike", now=co.now)


def test_a_dismissed_task_is_off_the_desk_until_it_is_reopened(parcel: World) -> None:
    dismiss_task(parcel.store, 1, note="no need", actor="sarah", now=parcel.now)
    assert parcel.tasks() == []
    parcel.now = at("2026-03-24 09:00")
    reopen_task(parcel.store, 1, actor="sarah", now=parcel.now)
    assert the_task(parcel).escalate_at == at("2026-03-26 09:00")
    parcel.tick()
    assert the_task(parcel).escalation_level == 0
    assert parcel.trail(1)[-2:] == ["task.dismissed", "task.reopened"]
    with pytest.raises(NotAllowed, match="task 1 is open"):
        reopen_task(parcel.store, 1, actor="sarah", now=parcel.now)


def test_a_task_that_an_instance_waits_for_cannot_be_dismissed(co: World) -> None:
    co.start("w", family="42")
    co.tick()
    with pytest.raises(NotAllowed) as refusal:
        dismiss_task(co.store, 1, note=None, actor="sarah", now=co.now)
    assert str(refusal.value) == (
        "instance 1 waits for task 1; close it with one of its outcomes:"
        " coopflow task done 1 --outcome busy|reached|voicemail|wrong_number"
    )


def test_a_task_by_whose_outcome_the_instance_went_on_is_not_reopened_but_the_way_back_is_named(co: World) -> None:
    co.start("w", family="42")
    co.tick()
    co.closes(the_task(co), "voicemail")
    with pytest.raises(NotAllowed) as refusal:
        reopen_task(co.store, 1, actor="sarah", now=co.now)
    assert str(refusal.value) == (
        "task 1 was closed with 'voicemail', and instance 1 has gone on (running);"
        " go back with: coopflow retry 1 --from call"
    )


def test_where_the_instance_has_ended_the_way_is_a_new_start(co: World) -> None:
    co.start("w", family="42")
    co.tick()
    co.does(cancel, 1)
    with pytest.raises(NotAllowed) as refusal:
        reopen_task(co.store, 1, actor="sarah", now=co.now)
    assert str(refusal.value) == (
        "task 1 was withdrawn, and instance 1 has gone on (cancelled);"
        " start anew with: coopflow trigger --workflow w --family 42"
    )


def test_a_task_that_was_made_by_hand_belongs_to_no_instance(coop: World) -> None:
    coop.has_family("42")
    coop.db.execute_sql(
        "INSERT INTO coordinator_tasks (family_id, task_type, description, priority, status, created_date)"
        " VALUES ('42', 'errand', 'Buy a card', 'low', 'open', '2026-03-20T13:00:00Z')"
    )
    coop.closes(the_task(coop), "bought")
    reopen_task(coop.store, 1, actor="sarah", now=coop.now)
    dismiss_task(coop.store, 1, note=None, actor="sarah", now=coop.now)
    kinds = [row["kind"] for row in coop.store.looking.events(family_id="42")]
    assert kinds == ["task.done", "task.reopened", "task.dismissed"]


def test_a_reopened_task_of_the_last_level_stays_where_it_is(parcel: World) -> None:
    parcel.ticks_until("2026-03-25 09:00")
    parcel.closes(the_task(parcel))
    reopen_task(parcel.store, 1, actor="sarah", now=parcel.now)
    assert (the_task(parcel).assignee, the_task(parcel).escalate_at) == ("director", None)


# -- messages in doubt --------------------------------------------------------------------------------------------


@pytest.fixture
def doubtful(wired: World) -> World:
    """Instance 1 has a mail of which nobody knows whether it left."""
    wired.has_family("42", family_name="Martinez")
    wired.has_workflow("w", [{**MAIL, "delay": "2 hours"}, {"id": "rest", "type": "wait", "duration": "1 day"}, END])
    wired.start("w", family="42")
    wired.wires["email"].answers.append(lambda _: Unknown("timed out after the dot"))
    wired.tick("2026-03-20 11:00")
    return wired


def test_a_doubt_tells_all_that_is_needed_to_find_out(doubtful: World) -> None:
    [doubt] = doubts(doubtful.store)
    assert (doubt.channel, doubt.to, doubt.words, doubt.reply, doubt.handed_over_at) == (
        "email",
        "family42@example.org",
        "Hello",
        "timed out after the dot",
        at("2026-03-20 11:00"),
    )
    assert str(doubt.message_id).endswith("@example.org>")


def test_a_doubt_that_was_sent_after_all_goes_on_without_sending(doubtful: World) -> None:
    settle_doubt(doubtful.store, 1, sent=True, note="it is in the log", actor="sarah", now=doubtful.now)
    doubtful.tick()
    assert doubtful.attempts(1) == [("mail", "completed"), ("rest", "running")]
    assert (doubtful.tasks(), doubtful.wires["email"].taken) == ([], [])
    assert doubts(doubtful.store) == []


def test_a_doubt_that_was_not_sent_goes_out_once_more_without_the_steps_delay(doubtful: World) -> None:
    settle_doubt(doubtful.store, 1, sent=False, note=None, actor="sarah", now=doubtful.now)
    doubtful.tick()
    assert len(doubtful.wires["email"].taken) == 1
    assert doubtful.attempts(1) == [("mail", "failed"), ("mail", "completed"), ("rest", "running")]


def test_a_message_that_was_allowed_to_go_needs_no_second_yes_after_a_doubt(wired: World) -> None:
    wired.has_family("42")
    wired.has_workflow("w", [{**MAIL, "approval": True}, END])
    wired.start("w", family="42")
    wired.tick()
    wired.closes(the_task(wired), "approved")
    wired.wires["email"].answers.append(lambda _: Unknown("lost"))
    wired.tick()
    settle_doubt(wired.store, 1, sent=False, note=None, actor="sarah", now=wired.now)
    wired.tick()
    assert (len(wired.wires["email"].taken), wired.status(1)) == (1, "completed")


def test_the_first_to_settle_a_doubt_wins_and_the_second_is_told(doubtful: World) -> None:
    settle_doubt(doubtful.store, 1, sent=True, note=None, actor="mike", now=doubtful.now)
    with pytest.raises(NotAllowed) as refusal:
        settle_doubt(doubtful.store, 1, sent=False, note=None, actor="sarah", now=doubtful.now)
    assert str(refusal.value) == "mike has settled the doubt of instance 1 already: it was sent"
    doubtful.tick()
    assert doubtful.wires["email"].taken == []


def test_a_doubt_is_settled_by_its_task_too(doubtful: World) -> None:
    doubtful.closes(the_task(doubtful), "not-sent")
    doubtful.tick()
    assert len(doubtful.wires["email"].taken) == 1


@pytest.mark.parametrize(
    ("which", "refusal"),
    [
        (99, "there is neither an instance nor a task 99; list what is with: coopflow doubt list"),
        (2, "no message of instance or task 2 is in doubt; list what is with: coopflow doubt list"),
    ],
)
def test_what_is_not_in_doubt_is_said(doubtful: World, which: int, refusal: str) -> None:
    doubtful.has_family("7")
    doubtful.start("w", family="7")
    with pytest.raises(NotAllowed) as told:
        settle_doubt(doubtful.store, which, sent=True, note=None, actor="sarah", now=doubtful.now)
    assert str(told.value) == refusal


def test_a_number_that_may_mean_two_doubts_settles_none(doubtful: World) -> None:
    doubtful.does(cancel, 1)  # its task 1 is gone
    for family in ("7", "8"):
        doubtful.has_family(family)
        doubtful.start("w", family=family)
    doubtful.does(pause, 2)
    for hour in (14, 15):  # instance 3 gets its doubt first
        doubtful.wires["email"].answers.append(lambda _: Unknown("lost"))
        doubtful.tick(f"2026-03-20 {hour}:00")
        doubtful.does(resume, 2)
    assert {found.instance_id: found.task_id for found in doubtful.tasks()} == {3: 2, 2: 3}
    with pytest.raises(NotAllowed) as refusal:
        settle_doubt(doubtful.store, 2, sent=True, note=None, actor="sarah", now=doubtful.now)
    assert str(refusal.value) == (
        "2 may mean several messages in doubt (or --outcome not_sent):"
        " of instance 3: coopflow task done 2 --outcome sent; of instance 2: coopflow task done 3 --outcome sent"
    )


def test_a_doubt_that_came_up_after_the_end_is_listed_and_settled_without_consequence(wired: World) -> None:
    wired.has_family("42")
    wired.has_workflow("w", [MAIL, END])
    wired.start("w", family="42")
    deliver = wired.engine.post.deliver

    def cancel_before_the_answer_is_written(batch, book):  # type: ignore[no-untyped-def]
        def written(asked, answers):  # type: ignore[no-untyped-def]
            if answers:
                wired.does(cancel, 1)
            return book(asked, answers)

        return deliver(batch, written)

    wired.engine.post.deliver = cancel_before_the_answer_is_written  # type: ignore[method-assign]
    wired.wires["email"].answers.append(lambda _: Unknown("lost"))
    wired.tick()
    [doubt] = doubts(wired.store)
    assert (doubt.task.task_type, doubt.reply) == ("check", "lost")
    settle_doubt(wired.store, 1, sent=False, note=None, actor="sarah", now=wired.now)
    wired.tick()
    assert (wired.tasks(), wired.wires["email"].taken) == ([], [])


def test_a_workflows_own_task_of_the_type_check_is_no_doubt(coop: World) -> None:
    coop.has_family("42")
    coop.has_workflow("w", [{"id": "look", "type": "task", "task_type": "check", "description": "Look"}, END])
    coop.start("w", family="42")
    coop.tick()
    assert (len(coop.tasks()), doubts(coop.store)) == (1, [])


def test_what_is_in_doubt_cannot_be_paused_too_and_goes_on_when_the_doubt_is_settled(doubtful: World) -> None:
    assert str(doubtful.does(pause, 1)).startswith("instance 1 is paused already: It is not known whether")
    settle_doubt(doubtful.store, 1, sent=True, note=None, actor="sarah", now=doubtful.now)
    assert doubtful.status(1) == "running"
    assert doubtful.does(resume, 1) == "instance 1 is not paused; it is running"


def test_a_call_that_nobody_has_made_in_time_is_off_the_desk_when_its_workflow_goes_on(co: World) -> None:
    call = {**CALL, "timeout": "2 days", "on_failure": "continue"}
    co.has_workflow("w", [call, {"id": "wait", "type": "wait", "duration": "3 days"}, END])
    co.start("w", family="42")
    co.tick("2026-03-20 09:00")
    assert [task.step_id for task in co.tasks()] == ["call"]
    co.tick("2026-03-23 09:00")
    assert (co.status(1), co.step(1), co.tasks()) == ("running", "wait", [])
