"""Faults 1 to 11 of the pattern's own code, on the flow from step to step: none is possible here.

11 (three calendars in one text) has no test: a workflow file is the only place that holds a delay or a duration.
"""

import pytest

from coopflow.core.verdict import Answer
from tests.pattern.parts import END, HIGH, MAIL, REPLIED, fork, has_bundled_workflows, opened, planned, refusals, task
from tests.pattern.parts import wait as rest
from tests.world import World, at


@pytest.fixture
def co(coop: World) -> World:
    coop.has_family("42", family_name="Martinez")
    return coop


@pytest.fixture
def sample(co: World) -> World:
    has_bundled_workflows(co)
    return co


def test_01_the_last_step_completes_the_instance(co: World) -> None:
    co.has_workflow("w", [task("only")])
    instance = co.start("w", family="42")
    co.tick()
    assert (co.status(instance), co.case(instance).instance.outcome) == ("completed", "success")


def test_02_a_family_whose_run_is_over_can_have_another(co: World) -> None:
    co.has_workflow("w", [task("only")])
    co.start("w", family="42")
    assert co.starts("w", family="42").answer is Answer.SKIPPED
    co.tick()
    assert co.starts("w", family="42").answer is Answer.STARTED


@pytest.mark.parametrize(("replied", "expected"), [(True, "thank"), (False, "ask")])
def test_03_a_condition_leads_to_the_step_that_it_names(co: World, replied: bool, expected: str) -> None:
    co.has_workflow("w", [rest(), fork(REPLIED, "thank", "ask"), task("thank"), END, task("ask")])
    co.start("w", family="42")
    co.tick()
    if replied:
        co.event("email_response_received", family="42")
    co.ticks_until("2026-03-23 09:00")
    assert opened(co) == [expected]


def test_04_a_wait_lasts_as_long_as_it_says(sample: World) -> None:
    instance = sample.start(HIGH, family="42")
    sample.tick()
    assert (sample.step(instance), planned(sample, instance)) == ("wait_for_response", "Mon 23 09:00")
    sample.ticks_until("2026-03-23 08:00")
    assert sample.texts() == []


@pytest.mark.parametrize(
    ("days", "when"), [(0, "Fri 20 17:58"), (3, "Mon 23 17:58"), (1, "Mon 23 09:00")], ids=["now", "three", "one"]
)
def test_05_no_delay_means_now_and_the_delay_of_the_first_step_counts(co: World, days: int, when: str) -> None:
    co.has_workflow("w", [{**MAIL, "delay": f"{days} days"}, END])
    co.now = at("2026-03-20 17:58")
    instance = co.start("w", family="42")
    assert planned(co, instance) == when
    co.tick()
    assert len(co.mails()) == (1 if days == 0 else 0)


def test_06_a_wait_that_is_begun_late_ends_when_it_was_meant_to(co: World) -> None:
    co.has_workflow("w", [rest("one", duration="1 day"), task("after"), END])
    co.now = at("2026-03-23 09:00")
    instance = co.start("w", family="42")
    co.tick("2026-03-23 16:00")  # seven hours late
    assert planned(co, instance) == "Tue 24 09:00"


def test_06_a_step_can_be_bound_to_a_day_whatever_happens_before_it(co: World) -> None:
    last = {**MAIL, "scheduled_time": "2026-03-27T11:00"}
    co.has_workflow("w", [rest("one", duration="1 day"), last, END])
    instance = co.start("w", family="42")
    co.tick("2026-03-24 16:00")
    co.tick()
    assert planned(co, instance) == "Fri 27 11:00"


def test_06_a_late_tick_does_not_put_off_the_steps_after_it(co: World) -> None:
    co.has_workflow("w", [rest("one", duration="1 day"), rest("two", duration="1 day"), task("after"), END])
    co.now = at("2026-03-23 09:00")
    instance = co.start("w", family="42")
    co.tick()
    co.tick("2026-03-24 16:00")  # seven hours late
    assert planned(co, instance) == "Wed 25 09:00"


def test_07_jumps_go_to_names_and_a_circle_is_stopped(co: World) -> None:
    check = fork({"not": REPLIED}, "ask", "done")
    co.has_workflow("w", [check, task("put_in_between"), task("ask"), END])
    co.start("w", family="42")
    co.tick()
    assert opened(co) == ["ask"]

    co.has_workflow("round", [fork({"not": REPLIED}, "check", "done"), END])
    instance = co.start("round", family="42")
    co.tick()
    assert co.status(instance) == "paused"
    assert [found for found in co.tasks("42") if "circles" in found.description]


def test_08_the_end_is_an_end_and_opens_no_task(sample: World) -> None:
    instance = sample.start(HIGH, family="42")
    sample.tick()
    sample.event("email_response_received", family="42")
    assert (sample.status(instance), sample.tasks()) == ("completed", [])


def test_09_nobody_is_called_who_has_answered_the_text(sample: World) -> None:
    instance = sample.start(HIGH, family="42")
    sample.tick()
    sample.ticks_until("2026-03-23 09:00")
    assert (sample.step(instance), len(sample.texts())) == ("phone_call", 1)
    sample.event("sms_response_received", family="42")
    sample.ticks_until("2026-03-27 12:00")
    assert (sample.status(instance), sample.tasks()) == ("completed", [])


@pytest.mark.parametrize(
    ("event", "status"),
    [("email_response_received", "completed"), ("payment_received", "completed"), ("family_withdrew", "cancelled")],
)
def test_10_who_has_replied_paid_or_left_is_not_contacted_again(co: World, event: str, status: str) -> None:
    goal = {"any": [REPLIED, {"field": "payment_received", "operator": "==", "value": True}]}
    co.has_workflow("w", [rest(), MAIL, END], completion_criteria=goal)
    instance = co.start("w", family="42")
    co.tick()
    co.event(event, family="42")
    co.ticks_until("2026-03-24 12:00")
    assert (co.status(instance), co.mails()) == (status, [])


def test_10_a_reply_ends_a_wait_early(co: World) -> None:
    co.has_workflow("w", [rest(until={"event": "email_response_received"}), task("thank"), END])
    co.start("w", family="42")
    co.tick()
    co.event("email_response_received", family="42")
    assert opened(co) == ["thank"]


def test_07_a_jump_to_a_step_that_is_not_there_is_refused_at_load() -> None:
    steps = "- {id: a, type: condition, condition: payment_received, if_true_step: dune, if_false_step: done}\n"
    [problem] = refusals(f"{steps}- {{id: done, type: end}}")
    assert "dune" in problem
    assert "done" in problem
