"""What people do with instances: pause, resume, cancel, retry, skip, goto, snooze, run now, and what is refused."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from coopflow.core.deliveries import Accepted, Deferred, Refused, Unavailable, Unknown
from coopflow.core.people import cancel, goto, note, pause, resume, retry, run_now, skip, snooze
from tests.world import World, at

MAIL = {"id": "mail", "type": "email", "name": "Write", "template_id": "hello"}
TEXT = {"id": "text", "type": "sms", "message": "Hi {{ family_name }}"}
END = {"id": "done", "type": "end"}
CALL = {"id": "call", "type": "call", "reason": "Say hello", "outcomes": {"reached": "done", "voicemail": "text"}}


def wait(name: str = "rest", **rest: object) -> dict[str, object]:
    return {"id": name, "type": "wait", **({"duration": "3 days"} | rest)}


def task(name: str, **rest: object) -> dict[str, object]:
    return {"id": name, "type": "task", "description": f"Do {name}", **rest}


def planned(coop: World, instance: int, branch: str = "main") -> str | None:
    moment = coop.case(instance).entries[branch].scheduled_for
    return moment and moment.astimezone(coop.coop.calendar.tz).strftime("%Y-%m-%d %H:%M")


def meanwhile(wired: World, deed: Callable[[], object]) -> None:
    """Somebody does something after the next message was answered, and before that is written down."""
    deliver = wired.engine.post.deliver

    def deliver_with_a_deed(batch: Any, book: Any) -> Any:
        wired.engine.post.deliver = deliver  # type: ignore[method-assign]

        def book_after_the_deed(asked: Any, answers: Any) -> Any:
            if answers:
                deed()
            return book(asked, answers)

        return deliver(batch, book_after_the_deed)

    wired.engine.post.deliver = deliver_with_a_deed  # type: ignore[method-assign]


@pytest.fixture
def co(coop: World) -> World:
    coop.has_family("42", family_name="Martinez")
    return coop


# -- pause and resume ---------------------------------------------------------------------------------------------


def test_a_wait_that_ends_during_a_pause_is_over_when_the_instance_is_resumed(co: World) -> None:
    co.has_workflow("w", [wait(), task("after"), END])
    instance = co.start("w", family="42")
    co.tick()
    assert co.does(pause, instance, reason="on holiday") is None

    co.ticks_until("2026-03-25 09:00")
    assert (co.status(instance), co.tasks()) == ("paused", [])
    assert co.does(resume, instance) is None

    co.tick()
    assert [found.step_id for found in co.tasks()] == ["after"]
    assert co.status(instance) == "completed"


def test_a_wait_that_is_not_over_goes_on_after_a_pause_as_if_there_had_been_none(co: World) -> None:
    co.has_workflow("w", [wait(), task("after"), END])
    instance = co.start("w", family="42")
    co.tick()
    co.does(pause, instance)
    co.ticks_until("2026-03-21 09:00")
    co.does(resume, instance)
    assert planned(co, instance) == "2026-03-23 09:00"


def test_an_answer_that_comes_during_a_pause_ends_the_wait_at_the_resume(co: World) -> None:
    steps = [wait(until={"event": "payment_received"}, on_timeout="late"), task("thank"), END, task("late")]
    co.has_workflow("w", steps)
    instance = co.start("w", family="42")
    co.tick()
    co.does(pause, instance)
    co.event("payment_received", family="42")
    assert co.tasks() == []

    co.does(resume, instance)

    assert [found.step_id for found in co.tasks()] == ["thank"]


def test_what_became_overdue_during_a_pause_is_sent_in_the_next_window_and_not_held_as_late(co: World) -> None:
    co.has_workflow("w", [MAIL, END])
    instance = co.start("w", family="42")
    co.does(pause, instance)
    co.ticks_until("2026-03-27 19:00", every=timedelta(hours=12))
    assert co.mails() == []

    co.does(resume, instance)
    assert planned(co, instance) == "2026-03-30 09:00"
    co.tick("2026-03-30 09:00")

    assert len(co.mails()) == 1
    assert co.status(instance) == "completed"


def test_a_pause_says_who_why_and_since_when(co: World) -> None:
    co.has_workflow("w", [wait(), END])
    instance = co.start("w", family="42")
    co.does(pause, instance, reason="on holiday")
    assert co.case(instance).instance.outcome_notes == "on holiday (sarah)"
    [entry] = [row for row in co.store.looking.events(instance_id=instance) if row["kind"] == "instance.paused"]
    assert (entry["actor"], entry["at"]) == ("sarah", co.now)


def test_a_second_pause_or_resume_is_refused_and_changes_nothing(co: World) -> None:
    co.has_workflow("w", [wait(), END])
    instance = co.start("w", family="42")
    co.tick()
    assert co.does(resume, instance) == "instance 1 is not paused; it is running"
    co.does(pause, instance, reason="on holiday")
    before = co.trail(instance)
    assert co.does(pause, instance) == "instance 1 is paused already: on holiday (sarah)"
    assert co.trail(instance) == before


@pytest.mark.parametrize("verb", [pause, resume, cancel, retry, skip, run_now])
def test_nothing_can_be_done_with_what_is_finished(co: World, verb: Callable[..., None]) -> None:
    co.has_workflow("w", [END])
    instance = co.start("w", family="42")
    co.tick()
    assert co.does(verb, instance) == "instance 1 is completed already"


def test_a_pause_stops_every_branch_and_a_resume_lets_each_go_on(co: World) -> None:
    branches = [[wait("one", duration="1 day"), task("a")], [wait("two", duration="2 days"), task("b")]]
    co.has_workflow("w", [{"id": "split", "type": "parallel", "branches": branches}, END])
    co.now = at("2026-03-23 09:00")
    instance = co.start("w", family="42")
    co.tick()
    co.does(pause, instance)
    co.ticks_until("2026-03-24 12:00")
    assert co.tasks() == []

    co.does(resume, instance)
    assert [found.step_id for found in co.tasks()] == ["a"]
    assert planned(co, instance, "main/split.1") == "2026-03-25 09:00"

    co.ticks_until("2026-03-25 09:00")
    assert co.status(instance) == "completed"


def test_a_task_that_is_closed_during_a_pause_moves_the_instance_on_only_when_it_is_resumed(co: World) -> None:
    co.has_workflow("w", [CALL, END, TEXT])
    instance = co.start("w", family="42")
    co.tick()
    co.does(pause, instance)
    co.closes(co.tasks()[0], "voicemail")
    co.tick()
    assert (co.status(instance), co.step(instance), co.texts()) == ("paused", "text", [])

    co.does(resume, instance)
    co.tick()
    assert len(co.texts()) == 1


def test_the_deadline_of_a_task_that_passed_during_a_pause_runs_anew(co: World) -> None:
    co.has_workflow("w", [{**CALL, "timeout": "2 days"}, END, TEXT])
    instance = co.start("w", family="42")
    co.tick()
    co.does(pause, instance)
    co.ticks_until("2026-03-24 09:00", every=timedelta(hours=6))

    co.does(resume, instance)
    co.tick()

    assert len(co.tasks()) == 1
    assert planned(co, instance) == "2026-03-26 09:00"


# -- while a message is on its way --------------------------------------------------------------------------------


@pytest.fixture
def wi(wired: World) -> World:
    wired.has_family("42", family_name="Martinez")
    wired.has_workflow("w", [MAIL, wait(), END])
    return wired


def test_a_pause_while_a_message_is_on_its_way_keeps_its_answer_and_stops_after_it(wi: World) -> None:
    instance = wi.start("w", family="42")
    meanwhile(wi, lambda: wi.does(pause, instance))
    wi.tick()
    assert (wi.status(instance), wi.attempts(instance)) == ("paused", [("mail", "completed")])
    assert wi.case(instance).entries["main"].status == "paused"

    wi.does(resume, instance)
    wi.tick()
    assert wi.attempts(instance) == [("mail", "completed"), ("rest", "running")]


def test_a_pause_and_a_resume_while_a_message_is_on_its_way_lose_nothing(wi: World) -> None:
    instance = wi.start("w", family="42")
    meanwhile(wi, lambda: (wi.does(pause, instance), wi.does(resume, instance)))
    wi.tick()
    assert (wi.status(instance), wi.attempts(instance)) == ("running", [("mail", "completed"), ("rest", "running")])


def test_a_pause_before_the_last_call_keeps_the_message_in_the_house_until_the_resume(wi: World) -> None:
    instance = wi.start("w", family="42")
    deliver = wi.engine.post.deliver

    def pause_first(*arguments: object) -> object:
        wi.engine.post.deliver = deliver  # type: ignore[method-assign]
        wi.does(pause, instance)
        return deliver(*arguments)  # type: ignore[arg-type]

    wi.engine.post.deliver = pause_first  # type: ignore[method-assign, assignment]
    wi.tick()
    assert wi.wires["email"].taken == []
    assert wi.status(instance) == "paused"

    wi.does(resume, instance)
    wi.tick()
    assert len(wi.wires["email"].taken) == 1
    assert wi.attempts(instance)[0] == ("mail", "completed")


@pytest.mark.parametrize("verb", [skip, goto])
def test_a_message_that_is_on_its_way_is_not_skipped_or_left(wi: World, verb: Callable[..., None]) -> None:
    instance = wi.start("w", family="42")
    refusals: list[str | None] = []
    arguments = {"step_id": "rest"} if verb is goto else {}
    meanwhile(wi, lambda: refusals.append(wi.does(verb, instance, **arguments)))
    wi.tick()
    assert refusals == ["a message of instance 1 is on its way; try again in a moment"]
    assert wi.step(instance) == "rest"


def test_nothing_is_hurried_or_put_off_while_a_message_is_on_its_way(wi: World) -> None:
    instance = wi.start("w", family="42")
    refusals: list[str | None] = []

    def both() -> None:
        refusals.append(wi.does(run_now, instance))
        refusals.append(wi.does(snooze, instance, until=at("2026-04-01 09:00")))

    meanwhile(wi, both)
    wi.tick()
    assert refusals == [
        "nothing of instance 1 is planned for later; its message is on its way",
        "nothing of instance 1 is planned before then; its message is on its way",
    ]


def test_a_cancel_while_the_transport_is_down_leaves_nothing_to_wonder_about(wi: World) -> None:
    instance = wi.start("w", family="42")
    wi.wires["email"].answers.append(Unavailable("connection refused"))
    wi.tick()
    assert wi.does(cancel, instance, reason="moved away") is None
    wi.ticks_until("2026-03-20 12:00")
    assert wi.attempts(instance) == [("mail", "skipped")]
    assert (wi.tasks(), wi.wires["email"].taken) == ([], [])


# -- doubts -------------------------------------------------------------------------------------------------------


@pytest.fixture
def doubtful(wi: World) -> World:
    """Instance 1 has a mail of which nobody knows whether it left."""
    wi.start("w", family="42")
    wi.wires["email"].answers.append(lambda _: Unknown("timed out after the dot"))
    wi.tick()
    return wi


@pytest.mark.parametrize(
    ("verb", "arguments"), [(resume, {}), (retry, {}), (skip, {}), (goto, {"step_id": "rest"}), (run_now, {})]
)
def test_an_instance_with_a_doubt_does_not_go_on_before_it_is_settled(
    doubtful: World, verb: Callable[..., None], arguments: dict[str, object]
) -> None:
    refusal = doubtful.does(verb, 1, **arguments)
    assert refusal is not None
    if verb is run_now:
        assert refusal.startswith("instance 1 is paused")
    else:
        assert refusal == (
            "a message of instance 1 is in doubt; say first what became of it:"
            " coopflow doubt resolve 1 --sent (or --not-sent)"
        )


def test_cancelling_with_a_doubt_records_that_nobody_found_out(doubtful: World) -> None:
    assert doubtful.does(cancel, 1, reason="moved away") is None
    doubtful.ticks_until("2026-03-20 12:00")
    assert doubtful.attempts(1) == [("mail", "failed")]
    assert doubtful.tasks() == []
    assert doubtful.trail(1)[-3:] == ["step.in_doubt", "task.withdrawn", "instance.cancelled"]
    [late] = [row for row in doubtful.store.looking.events(instance_id=1) if row["data"].get("late")]
    assert late["data"]["reason"] == "never found out, moved away"


# -- holds --------------------------------------------------------------------------------------------------------


@pytest.fixture
def held(wi: World) -> World:
    """Instance 1 is on hold: its mail was refused."""
    wi.start("w", family="42")
    wi.wires["email"].answers.append(Refused("550 mailbox unknown"))
    wi.tick()
    return wi


@pytest.mark.parametrize("verb", [resume, retry])
def test_a_step_on_hold_is_done_again(held: World, verb: Callable[..., None]) -> None:
    assert held.does(verb, 1) is None
    assert (held.status(1), held.tasks()) == ("running", [])
    held.tick()
    assert held.attempts(1) == [("mail", "failed"), ("mail", "completed"), ("rest", "running")]


def test_a_step_on_hold_is_skipped(held: World) -> None:
    assert held.does(skip, 1, reason="told them in person") is None
    assert (held.status(1), held.step(1), held.tasks()) == ("running", "rest", [])
    held.tick()
    assert held.attempts(1) == [("mail", "failed"), ("mail", "skipped"), ("rest", "running")]


def test_a_pause_of_what_is_on_hold_says_so(held: World) -> None:
    assert held.does(pause, 1) == "instance 1 is paused already: 'Write' failed: 550 mailbox unknown"


def test_a_held_instance_is_not_put_off_and_the_answer_names_its_task(held: World) -> None:
    [asked] = held.tasks()
    assert held.does(snooze, 1, until=at("2026-04-01 09:00")) == (
        f"nothing of instance 1 is planned before then; it waits for task {asked.task_id}:"
        f" coopflow task show {asked.task_id}"
    )


def test_with_two_steps_on_hold_the_instance_goes_on_after_the_second_decision(wired: World) -> None:
    wired.has_family("42")
    branches = [[{**MAIL, "id": "m1"}, wait("r1")], [{**MAIL, "id": "m2"}, wait("r2")]]
    wired.has_workflow("w", [{"id": "split", "type": "parallel", "branches": branches}, END])
    instance = wired.start("w", family="42")
    wired.wires["email"].answers += [Refused("550 one"), Refused("550 two")]
    wired.tick()
    first, second = wired.tasks()
    assert wired.does(skip, instance) == (
        "instance 1 is at several steps at once (m1, m2); go on with: coopflow goto 1 STEP"
    )

    wired.closes(first, "skip")
    assert wired.status(instance) == "paused"
    assert wired.case(instance).instance.outcome_notes == second.description

    wired.closes(second, "retry")
    assert wired.status(instance) == "running"
    wired.tick()
    assert {entry.step_id for entry in wired.case(instance).entries.values()} == {"split", "r1", "r2"}


def test_a_resume_tries_all_steps_on_hold_again(wired: World) -> None:
    wired.has_family("42")
    branches = [[{**MAIL, "id": "m1"}], [{**MAIL, "id": "m2"}]]
    wired.has_workflow("w", [{"id": "split", "type": "parallel", "branches": branches}, END])
    instance = wired.start("w", family="42")
    wired.wires["email"].answers += [Refused("550 one"), Refused("550 two")]
    wired.tick()
    wired.does(resume, instance)
    wired.tick()
    assert wired.status(instance) == "completed"
    assert len(wired.wires["email"].taken) == 2


def test_a_retry_of_one_branch_waits_for_the_doubt_of_another(wired: World) -> None:
    wired.has_family("42")
    call = {**CALL, "outcomes": {"wrong_number": "escalate"}}
    wired.has_workflow("w", [{"id": "split", "type": "parallel", "branches": [[MAIL], [call]]}, END])
    instance = wired.start("w", family="42")
    wired.wires["email"].answers.append(lambda _: Unknown("lost"))
    wired.tick()
    wired.closes(next(found for found in wired.tasks() if found.step_id == "call"), "wrong_number")

    assert wired.does(retry, instance) is None
    assert wired.status(instance) == "paused"
    assert "not known whether the email" in str(wired.case(instance).instance.outcome_notes)

    wired.closes(next(found for found in wired.tasks() if found.task_type == "doubt"), "sent")
    wired.tick()
    assert (wired.status(instance), [found.step_id for found in wired.tasks()]) == ("running", ["call"])


def test_without_a_step_on_hold_a_retry_needs_a_step(co: World) -> None:
    co.has_workflow("w", [wait(), END])
    instance = co.start("w", family="42")
    assert co.does(retry, instance) == ("no step of instance 1 has failed; name the one to go back to with --from STEP")


def test_a_step_whose_window_is_gone_is_on_hold_again_and_says_why(held: World) -> None:
    forget_business_hours(held)
    assert held.does(retry, 1) is None
    assert held.status(1) == "paused"
    assert "never comes" in held.tasks()[0].description


def test_a_resume_that_finds_its_window_gone_puts_the_step_on_hold(co: World) -> None:
    co.has_workflow("w", [MAIL, END])
    instance = co.start("w", family="42")
    co.does(pause, instance)
    co.now = at("2026-03-24 09:00")
    forget_business_hours(co)
    assert co.does(resume, instance) is None
    assert co.status(instance) == "paused"
    assert "never comes" in co.tasks()[0].description


@pytest.mark.parametrize(("verb", "arguments"), [(run_now, {}), (snooze, {"until": at("2026-05-01 09:00")})])
def test_a_window_that_is_gone_is_a_reason_to_leave_the_plan_as_it_is(
    co: World, verb: Callable[..., None], arguments: dict[str, object]
) -> None:
    co.has_workflow("w", [{**MAIL, "delay": "5 days"}, END])
    instance = co.start("w", family="42")
    forget_business_hours(co)
    refusal = str(co.does(verb, instance, **arguments))
    assert refusal.startswith("instance 1 stays as it is: ")
    assert planned(co, instance) == "2026-03-25 09:00"


def forget_business_hours(coop: World) -> None:
    """Somebody has taken the window out of the configuration."""
    windows = coop.coop.calendar.windows
    assert isinstance(windows, dict)
    del windows["business_hours"]


# -- cancel -------------------------------------------------------------------------------------------------------


def test_a_cancel_withdraws_all_that_is_open(co: World) -> None:
    co.has_workflow("w", [task("note"), CALL, END, TEXT])
    instance = co.start("w", family="42")
    co.tick()
    assert len(co.tasks()) == 2
    assert co.does(cancel, instance, reason="moved away") is None
    assert (co.status(instance), co.tasks()) == ("cancelled", [])
    assert co.case(instance).instance.outcome_notes == "moved away"
    assert co.does(cancel, instance) == "instance 1 is cancelled already"


def test_a_cancel_before_the_first_tick_sends_nothing(co: World) -> None:
    co.has_workflow("w", [MAIL, END])
    instance = co.start("w", family="42")
    co.does(cancel, instance)
    co.tick()
    assert (co.mails(), co.attempts(instance)) == ([], [])


# -- skip, goto, retry from ---------------------------------------------------------------------------------------


def test_a_skipped_wait_goes_on_at_once(co: World) -> None:
    co.has_workflow("w", [wait(), task("after"), END])
    instance = co.start("w", family="42")
    co.tick()
    assert co.does(skip, instance) is None
    assert [found.step_id for found in co.tasks()] == ["after"]
    assert co.attempts(instance)[0] == ("rest", "skipped")


def test_skipping_a_task_takes_it_off_the_desk(co: World) -> None:
    co.has_workflow("w", [CALL, END, TEXT])
    instance = co.start("w", family="42")
    co.tick()
    co.does(skip, instance)
    assert (co.tasks(), co.status(instance)) == ([], "completed")


def test_skipping_in_a_paused_instance_leaves_it_paused(co: World) -> None:
    co.has_workflow("w", [wait(), task("after"), END])
    instance = co.start("w", family="42")
    co.tick()
    co.does(pause, instance)
    co.does(skip, instance)
    assert (co.status(instance), co.step(instance), co.tasks()) == ("paused", "after", [])


def test_one_branch_that_is_left_can_be_skipped(co: World) -> None:
    branches = [[task("a")], [wait("two", duration="2 days"), task("b")]]
    co.has_workflow("w", [{"id": "split", "type": "parallel", "branches": branches}, END])
    instance = co.start("w", family="42")
    co.tick()
    co.does(skip, instance)
    assert sorted(str(found.step_id) for found in co.tasks()) == ["a", "b"]
    assert co.status(instance) == "completed"


def test_goto_leaves_what_is_under_way_and_does_not_wait_for_the_steps_delay(co: World) -> None:
    co.has_workflow("w", [wait(), {**CALL, "delay": "2 days"}, END, TEXT])
    instance = co.start("w", family="42")
    co.tick()
    assert co.does(goto, instance, step_id="call", reason="they asked for it") is None
    assert [found.step_id for found in co.tasks()] == ["call"]
    assert co.attempts(instance) == [("rest", "skipped"), ("call", "running")]
    [moved] = [row for row in co.store.looking.events(instance_id=instance) if row["kind"] == "instance.moved"]
    assert (moved["data"]["step"], moved["data"]["to"], moved["actor"]) == ("rest", "call", "sarah")


def test_goto_out_of_branches_withdraws_them_with_their_tasks(co: World) -> None:
    branches = [[{**CALL, "outcomes": {"reached": "said"}}, task("said")], [wait("two")]]
    co.has_workflow("w", [{"id": "split", "type": "parallel", "branches": branches}, task("after"), END])
    instance = co.start("w", family="42")
    co.tick()
    co.does(goto, instance, step_id="after")
    assert [found.step_id for found in co.tasks()] == ["after"]
    assert co.status(instance) == "completed"


def test_goto_keeps_a_persons_pause(co: World) -> None:
    co.has_workflow("w", [wait(), task("after"), END])
    instance = co.start("w", family="42")
    co.does(pause, instance, reason="on holiday")
    co.does(goto, instance, step_id="after")
    assert (co.status(instance), co.tasks()) == ("paused", [])
    assert co.case(instance).entries["main"].reason is None  # it has no delay that could be left out
    co.does(resume, instance)
    assert [found.step_id for found in co.tasks()] == ["after"]


def test_goto_away_from_a_step_on_hold_lets_the_instance_go_on(wired: World) -> None:
    wired.has_family("42")
    wired.has_workflow("w", [MAIL, task("after"), wait(), END])
    instance = wired.start("w", family="42")
    wired.wires["email"].answers.append(Refused("550 mailbox unknown"))
    wired.tick()
    assert wired.status(instance) == "paused"
    wired.does(goto, instance, step_id="after")
    assert (wired.status(instance), wired.step(instance)) == ("running", "rest")


@pytest.mark.parametrize(
    ("step", "refusal"),
    [
        ("calll", "workflow w version 1 has no step 'calll' (did you mean 'call'?); it has split, call, done, text"),
        ("inner", "step 'inner' is inside 'split'; only a step of the main path can be gone to"),
    ],
)
def test_goto_knows_the_steps_of_the_version_that_the_instance_keeps(co: World, step: str, refusal: str) -> None:
    co.has_workflow("w", [{"id": "split", "type": "parallel", "branches": [[wait("inner")]]}, CALL, END, TEXT])
    instance = co.start("w", family="42")
    co.has_workflow("w", [{**wait(), "id": "calll"}, END])
    assert co.does(goto, instance, step_id=step) == refusal


def test_retrying_from_a_step_does_everything_from_there_again(coop: World) -> None:
    coop.has_family("42")
    coop.has_workflow("w", [MAIL, task("after"), wait(), END])
    instance = coop.start("w", family="42")
    coop.tick()
    assert coop.does(retry, instance, step_id="mail") is None
    coop.tick()
    assert len(coop.mails()) == 2
    assert [found.step_id for found in coop.tasks()] == ["after", "after"]
    ids = {mail["Message-ID"] for mail in coop.mails()}
    assert len(ids) == 2


# -- snooze and run now -------------------------------------------------------------------------------------------


def test_a_snoozed_message_leaves_at_the_first_open_moment_after_it(co: World) -> None:
    co.has_workflow("w", [MAIL, END])
    instance = co.start("w", family="42")
    assert co.does(snooze, instance, until=at("2026-03-28 12:00")) is None  # a Saturday
    assert planned(co, instance) == "2026-03-30 09:00"
    co.ticks_until("2026-03-30 03:00", every=timedelta(hours=6))
    assert co.mails() == []
    co.tick("2026-03-30 09:00")
    assert len(co.mails()) == 1


def test_what_is_planned_later_anyway_is_not_put_off(co: World) -> None:
    co.has_workflow("w", [wait(), END])
    instance = co.start("w", family="42")
    co.tick()
    assert co.does(snooze, instance, until=at("2026-03-22 09:00")) == ("nothing of instance 1 is planned before then")


def test_the_past_is_no_time_to_put_off_to(co: World) -> None:
    co.has_workflow("w", [MAIL, END])
    instance = co.start("w", family="42")
    assert co.does(snooze, instance, until=co.now) == "nothing of instance 1 is planned before then"


def test_an_event_still_wakes_a_snoozed_wait(co: World) -> None:
    co.has_workflow("w", [wait(until={"event": "payment_received"}), task("thank"), END])
    instance = co.start("w", family="42")
    co.tick()
    co.does(snooze, instance, until=at("2026-05-01 09:00"))
    co.event("payment_received", family="42")
    assert [found.step_id for found in co.tasks()] == ["thank"]
    assert co.status(instance) == "completed"


def test_run_now_ends_a_wait(co: World) -> None:
    co.has_workflow("w", [wait(), task("after"), END])
    instance = co.start("w", family="42")
    co.tick()
    assert co.does(run_now, instance) is None
    assert [found.step_id for found in co.tasks()] == ["after"]


@pytest.mark.parametrize(
    ("now", "leaves"),
    [
        ("2026-03-20 21:30", "2026-03-21 08:00"),  # the legal quiet hours: until 8 in the morning
        ("2026-03-20 20:59", "2026-03-20 20:59"),
    ],
)
def test_run_now_keeps_the_legal_quiet_hours_for_texts(co: World, now: str, leaves: str) -> None:
    co.has_workflow("w", [{**TEXT, "urgent": True, "delay": "3 days"}, END])
    instance = co.start("w", family="42")
    co.now = at(now)
    assert co.does(run_now, instance) is None
    assert planned(co, instance) == leaves
    co.tick()
    assert len(co.texts()) == (1 if leaves == now else 0)


def test_run_now_keeps_business_hours(co: World) -> None:
    co.has_workflow("w", [{**MAIL, "delay": "5 days"}, END])
    instance = co.start("w", family="42")
    co.now = at("2026-03-21 10:00")
    co.does(run_now, instance)
    assert planned(co, instance) == "2026-03-23 09:00"


def test_what_cannot_be_sooner_is_said(co: World) -> None:
    co.has_workflow("w", [MAIL, END])
    co.now = at("2026-03-20 19:00")
    instance = co.start("w", family="42")
    assert co.does(run_now, instance) == (
        "instance 1 cannot go on sooner: Fri 20 Mar 19:00 is outside business_hours → Mon 23 Mar 09:00"
    )


def test_the_deadline_of_a_task_is_not_brought_forward(co: World) -> None:
    co.has_workflow("w", [{**CALL, "timeout": "2 days"}, END, TEXT])
    instance = co.start("w", family="42")
    co.tick()
    assert co.does(run_now, instance) == (
        "nothing of instance 1 is planned for later; it waits for task 1: coopflow task show 1"
    )
    assert planned(co, instance) == "2026-03-22 09:00"


def test_what_is_paused_is_not_hurried(co: World) -> None:
    co.has_workflow("w", [wait(), END])
    instance = co.start("w", family="42")
    co.does(pause, instance, reason="on holiday")
    assert co.does(run_now, instance) == ("instance 1 is paused (on holiday (sarah)); first: coopflow resume 1")


def test_run_now_shortens_the_pause_before_a_retry(wi: World) -> None:
    instance = wi.start("w", family="42")
    wi.wires["email"].answers.append(Deferred("451 busy"))
    wi.tick()
    assert wi.does(run_now, instance) is None
    wi.tick()
    assert len(wi.wires["email"].taken) == 1


# -- note ---------------------------------------------------------------------------------------------------------


def test_a_note_is_on_record_even_of_what_is_finished_and_can_be_erased(co: World) -> None:
    co.has_workflow("w", [END])
    instance = co.start("w", family="42")
    co.tick()
    assert co.does(note, instance, text="The father called.") is None
    last = co.store.looking.events(instance_id=instance)[-1]
    assert (last["kind"], last["personal"]) == ("instance.noted", {"note": "The father called."})
    assert "father" not in str(last["data"])


def test_an_unknown_instance_is_said_to_be_unknown(co: World) -> None:
    assert co.does(pause, 99) == "there is no instance 99"


def test_a_persons_pause_outlasts_a_hold_that_came_up_while_a_message_was_on_its_way(wi: World) -> None:
    instance = wi.start("w", family="42")
    meanwhile(wi, lambda: wi.does(pause, instance, reason="on holiday"))
    wi.wires["email"].answers.append(Refused("550 mailbox unknown"))
    wi.tick()
    wi.closes(wi.tasks()[0], "skip")
    assert (wi.status(instance), wi.case(instance).instance.outcome_notes) == ("paused", "on holiday (sarah)")
    wi.does(resume, instance)
    assert (wi.status(instance), wi.step(instance)) == ("running", "rest")


def test_a_pause_before_the_first_step_does_not_hide_when_it_began(co: World) -> None:
    co.has_workflow("w", [MAIL, wait(), END])
    instance = co.start("w", family="42")
    co.does(pause, instance)
    co.does(resume, instance)
    co.tick()
    assert co.case(instance).instance.started_at == co.now


def test_a_hold_in_a_branch_that_is_not_waited_for_any_more_holds_nothing(wired: World) -> None:
    wired.has_family("42")
    branches = [[{**MAIL, "id": "m1"}], [{**MAIL, "id": "m2"}]]
    split = {"id": "split", "type": "parallel", "join": 1, "branches": branches}
    wired.has_workflow("w", [split, task("after"), END])
    instance = wired.start("w", family="42")

    def the_refusal_is_written_first(batch: Any, book: Any) -> None:
        book(list(batch), [])
        book([], [(batch[1], Refused("550 mailbox unknown"))])
        book([], [(batch[0], Accepted("250 ok"))])

    wired.engine.post.deliver = the_refusal_is_written_first  # type: ignore[method-assign]
    wired.tick()
    assert (wired.status(instance), [found.step_id for found in wired.tasks()]) == ("completed", ["after"])
