"""How an instance goes its way: conditions, waits, branches, other workflows, ends."""

import pytest

from tests.world import World, at

END = {"id": "done", "type": "end"}
REPLY = {"field": "email_response_received", "operator": "==", "value": True}


def task(name: str, **rest: object) -> dict[str, object]:
    return {"id": name, "type": "task", "description": f"Do {name}", **rest}


def wait(name: str = "rest", **rest: object) -> dict[str, object]:
    return {"id": name, "type": "wait", **({"duration": "3 days"} | rest)}


def opened(coop: World, family: str = "42") -> list[str]:
    return sorted(str(found.step_id) for found in coop.tasks(family))


@pytest.fixture
def co(coop: World) -> World:
    coop.has_family("42", attributes={"tenure_months": 5}, engagement_score=40.0)
    return coop


def test_a_workflow_without_an_end_step_completes_after_its_last_step(co: World) -> None:
    co.has_workflow("w", [task("only")])
    instance = co.start("w", family="42")
    co.tick()
    assert co.status(instance) == "completed"


def test_the_delay_of_the_first_step_counts_from_the_start(co: World) -> None:
    co.has_workflow("w", [task("first", delay="2 days"), END])
    instance = co.start("w", family="42")
    co.tick()
    assert (co.status(instance), opened(co)) == ("pending", [])

    co.ticks_until("2026-03-23 09:00")  # two days later is a Sunday
    assert opened(co) == ["first"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"field": "engagement_score", "operator": "<", "value": 50}, "low"),
        ({"field": "engagement_score", "operator": "<", "value": 40}, "high"),
        ({"field": "tenure_months", "operator": ">=", "value": 5}, "low"),
        ({"field": "attributes.tenure_months", "operator": "==", "value": "5"}, "high"),
        ({"not": REPLY}, "low"),
        ({"field": "no_such_thing", "operator": "!=", "value": 1}, "high"),
    ],
)
def test_a_condition_goes_one_way_or_the_other(co: World, condition: dict[str, object], expected: str) -> None:
    steps = [
        {"id": "check", "type": "condition", "condition": condition, "if_true_step": "low", "if_false_step": "high"},
        task("low"),
        {"id": "stop", "type": "end"},
        task("high"),
    ]
    co.has_workflow("w", steps)
    co.start("w", family="42")
    co.tick()
    assert opened(co) == [expected]


def test_a_condition_sees_what_an_earlier_step_came_to(co: World) -> None:
    steps = [
        {"id": "talk", "type": "call", "reason": "Say hello", "outcomes": {"glad": "check", "sad": "check"}},
        {
            "id": "check",
            "type": "condition",
            "condition": {"field": "steps.talk.outcome", "operator": "==", "value": "sad"},
            "if_true_step": "visit",
            "if_false_step": "done",
        },
        task("visit"),
        END,
    ]
    co.has_workflow("w", steps)
    co.start("w", family="42")
    co.tick()
    co.closes(co.tasks("42")[0], "sad")
    assert opened(co) == ["visit"]


def test_a_wait_ends_when_its_event_comes(co: World) -> None:
    co.has_workflow("w", [wait(until={"event": "payment_received"}), task("thank"), END])
    co.start("w", family="42")
    co.tick()

    co.event("email_response_received", family="42")
    assert opened(co) == []
    co.event("payment_received", family="42")
    assert opened(co) == ["thank"]


def test_an_answer_that_came_before_the_wait_began_is_kept(co: World) -> None:
    co.has_workflow("w", [task("first", delay="1 day"), wait(until={"event": "payment_received"}), task("thank"), END])
    co.start("w", family="42")
    co.tick()
    co.event("payment_received", family="42")

    co.ticks_until("2026-03-23 09:00")
    assert opened(co) == ["first", "thank"]


def test_an_event_from_before_the_instance_started_does_not_count(co: World) -> None:
    co.has_workflow("w", [wait(until={"event": "payment_received"}), task("thank"), END])
    co.event("payment_received", family="42")
    co.tick("2026-03-20 10:00")
    co.start("w", family="42")
    co.tick()
    assert opened(co) == []


def test_a_wait_that_runs_out_goes_to_its_own_step(co: World) -> None:
    steps = [
        wait(until={"event": "payment_received"}, on_timeout="late"),
        task("thank"),
        {"id": "ok", "type": "end"},
        task("late"),
    ]
    co.has_workflow("w", steps)
    co.start("w", family="42")
    co.tick()
    co.ticks_until("2026-03-23 09:00")
    assert opened(co) == ["late"]


def test_three_days_keep_the_wall_clock_over_a_clock_change(coop: World) -> None:
    coop.has_family("42")
    coop.has_workflow("w", [wait(), END])
    coop.now = at("2026-03-06 09:00")  # the clocks change on 8 March
    instance = coop.start("w", family="42")
    coop.tick()
    [entry] = coop.case(instance).entries.values()
    assert entry.scheduled_for == at("2026-03-09 09:00")


def test_a_step_whose_only_if_does_not_hold_is_left_out(co: World) -> None:
    co.has_workflow("w", [task("a", only_if=REPLY), task("b"), END])
    instance = co.start("w", family="42")
    co.tick()
    assert opened(co) == ["b"]
    assert co.attempts(instance)[0] == ("a", "skipped")


def test_a_goal_reached_at_any_moment_ends_it_and_withdraws_what_is_open(co: World) -> None:
    co.has_workflow(
        "w", [{"id": "talk", "type": "call", "reason": "x", "outcomes": {"ok": "done"}}, END], completion_criteria=REPLY
    )
    instance = co.start("w", family="42")
    co.tick()
    assert opened(co) == ["talk"]

    co.event("email_response_received", family="42")

    assert (co.status(instance), opened(co)) == ("completed", [])
    assert co.trail(instance)[-2:] == ["task.withdrawn", "instance.completed"]


def test_a_family_that_has_left_gets_nothing_more(co: World) -> None:
    co.has_workflow("w", [wait(), {"id": "mail", "type": "email", "template_id": "hello"}, END])
    instance = co.start("w", family="42")
    co.tick()
    co.event("family_withdrew", family="42")
    co.ticks_until("2026-03-24 12:00")
    assert co.mails() == []
    assert co.status(instance) == "cancelled"


def test_a_failed_step_that_says_continue_goes_on(co: World) -> None:
    co.changes_family("42", email=None)
    co.has_workflow(
        "w", [{"id": "mail", "type": "email", "template_id": "hello", "on_failure": "continue"}, task("b"), END]
    )
    co.start("w", family="42")
    co.tick()
    assert opened(co) == ["b"]


def test_a_failed_step_that_says_fail_ends_the_instance(co: World) -> None:
    co.changes_family("42", email=None)
    co.has_workflow(
        "w", [{"id": "mail", "type": "email", "template_id": "hello"}, END], escalation={"on_failure": "fail"}
    )
    instance = co.start("w", family="42")
    co.tick()
    assert co.status(instance) == "failed"
    assert co.case(instance).instance.outcome == "failed"


def test_an_end_step_says_the_outcome(co: World) -> None:
    co.has_workflow("w", [{"id": "over", "type": "end", "outcome": "partial_success", "notes": "half way"}])
    instance = co.start("w", family="42")
    co.tick()
    assert co.case(instance).instance.outcome == "partial_success"
    assert co.case(instance).instance.outcome_notes == "half way"


# -- several ways at once -----------------------------------------------------------------------------------------


def both(join: object) -> list[dict[str, object]]:
    branches = [
        [wait("one", duration="1 day"), task("a")],
        [wait("two", duration="2 days"), task("b")],
        [wait("three"), task("c")],
    ]
    return [
        {"id": "split", "type": "parallel", "branches": branches, "join": join},
        task("after", delay="0 minutes"),
        END,
    ]


@pytest.mark.parametrize(
    ("join", "when", "expected"),
    [
        ("all", "2026-03-26 09:00", ["a", "after", "b", "c"]),
        ("any", "2026-03-24 09:00", ["a", "after"]),
        (2, "2026-03-25 09:00", ["a", "after", "b"]),
    ],
)
def test_branches_run_side_by_side_and_join(co: World, join: object, when: str, expected: list[str]) -> None:
    co.now = at("2026-03-23 09:00")
    co.has_workflow("w", both(join))
    instance = co.start("w", family="42")
    co.tick()
    assert len(co.case(instance).entries) == 4
    [begun] = [row for row in co.store.looking.events(instance_id=instance) if row["kind"] == "step.started"]
    assert begun["data"] == {"step": "split", "branches": 3}

    co.ticks_until(when)

    assert opened(co) == expected
    assert co.status(instance) == "completed"


def test_a_wait_counts_from_its_turn_and_not_from_when_it_was_come_to(co: World) -> None:
    co.has_workflow("w", [wait(delay="1 day"), END])
    instance = co.start("w", family="42")
    co.ticks_until("2026-03-21 09:00")
    assert co.case(instance).entries["main"].scheduled_for == at("2026-03-24 09:00")


def test_the_branches_that_are_not_waited_for_are_withdrawn_with_their_tasks(co: World) -> None:
    branches = [
        [{"id": "talk", "type": "call", "reason": "x", "outcomes": {"ok": "said"}}, {**task("said")}],
        [wait("pause", duration="1 day")],
    ]
    co.has_workflow("w", [{"id": "split", "type": "parallel", "branches": branches, "join": "any"}, END])
    instance = co.start("w", family="42")
    co.tick()
    assert opened(co) == ["talk"]

    co.ticks_until("2026-03-21 09:00")

    assert (co.status(instance), opened(co)) == ("completed", [])


def test_a_branch_inside_a_branch_is_withdrawn_with_it(co: World) -> None:
    inner = {
        "id": "inner",
        "type": "parallel",
        "branches": [[wait("x")], [wait("y", duration="9 days")]],
        "join": "all",
    }
    co.has_workflow(
        "w",
        [{"id": "outer", "type": "parallel", "branches": [[inner], [wait("z", duration="1 day")]], "join": "any"}, END],
    )
    instance = co.start("w", family="42")
    co.tick()
    assert len(co.case(instance).entries) == 5
    co.ticks_until("2026-03-21 10:00")
    assert (co.status(instance), len(co.case(instance).entries)) == ("completed", 0)


def test_an_end_inside_a_branch_ends_the_instance(co: World) -> None:
    co.has_workflow(
        "w",
        [
            {"id": "split", "type": "parallel", "branches": [[wait("x")], [{"id": "stop", "type": "end"}]]},
            task("never"),
        ],
    )
    instance = co.start("w", family="42")
    co.tick()
    assert (co.status(instance), opened(co)) == ("completed", [])


# -- recommendations and other workflows --------------------------------------------------------------------------


def test_recommended_actions_become_steps_and_the_rest_a_task(co: World) -> None:
    actions = {"call": {"id": "advice_call", "type": "call", "reason": "As recommended"}}
    co.has_workflow("w", [{"id": "advice", "type": "recommended", "actions": actions}, END])
    instance = co.start(
        "w", family="42", recommendations=[{"action": "call", "reason": "lonely"}, {"action": "offer_payment_plan"}]
    )
    co.tick()
    found = {task.task_type: task.description for task in co.tasks("42")}
    assert found == {
        "phone_call": "As recommended (recommended: call: lonely; offer payment plan)",
        "recommended": "offer payment plan",
    }
    assert co.status(instance) == "completed"


def test_a_prediction_that_recommends_nothing_skips_the_step(co: World) -> None:
    co.has_workflow("w", [{"id": "advice", "type": "recommended", "actions": {}}, task("b"), END])
    co.start("w", family="42")
    co.tick()
    assert opened(co) == ["b"]


def test_a_start_step_starts_another_workflow_and_goes_on(co: World) -> None:
    co.has_workflow("second", [task("theirs"), END])
    co.has_workflow("first", [{"id": "hand_on", "type": "start", "workflow": "second"}, task("ours"), END])
    first = co.start("first", family="42")
    co.tick()
    assert opened(co) == ["ours", "theirs"]
    assert co.case(first + 1).instance.triggered_by == f"instance_id:{first}"


def test_a_start_step_that_cannot_start_anything_says_so_and_goes_on(co: World) -> None:
    co.has_workflow("first", [{"id": "hand_on", "type": "start", "workflow": "gone"}, task("ours"), END])
    co.start("first", family="42")
    co.tick()
    assert opened(co) == ["ours"]
    assert [row["kind"] for row in co.store.looking.events(family_id="42")][-1] == "trigger.skipped"


# -- faults -------------------------------------------------------------------------------------------------------


def test_going_round_in_circles_without_a_pause_is_stopped(co: World) -> None:
    steps = [
        {"id": "a", "type": "condition", "condition": {"not": REPLY}, "if_true_step": "a", "if_false_step": "done"},
        END,
    ]
    co.has_workflow("w", steps)
    instance = co.start("w", family="42")
    co.tick()
    assert co.status(instance) == "paused"
    assert "circles" in co.tasks("42")[0].description


def test_one_bad_instance_does_not_stop_the_others_and_comes_before_a_person(
    co: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coopflow import tick as tick_module

    co.has_family("7")
    co.has_workflow("w", [task("a"), END])
    bad, good = co.start("w", family="42"), co.start("w", family="7")
    advance = tick_module.advance

    def trips(case, *, now):  # type: ignore[no-untyped-def]
        if case.instance.instance_id == bad:
            raise ZeroDivisionError("oh")
        return advance(case, now=now)

    monkeypatch.setattr(tick_module, "advance", trips)
    report = co.tick()

    assert co.status(good) == "completed"
    assert report.faults == [f"instance {bad}: ZeroDivisionError: oh"]
    assert co.tick().faults == []  # pushed out, not tried again at once
    co.ticks_until("2026-03-20 12:00")
    assert co.status(bad) == "paused"
    assert "ZeroDivisionError" in co.tasks("42")[0].description


def test_an_edited_workflow_does_not_touch_those_who_are_on_their_way(co: World) -> None:
    co.has_workflow("w", [wait(), task("old"), END])
    old = co.start("w", family="42")
    co.tick()
    co.has_family("7")
    co.has_workflow("w", [task("new"), END])
    new = co.start("w", family="7")
    co.ticks_until("2026-03-23 09:00")
    assert (opened(co, "42"), opened(co, "7")) == (["old"], ["new"])
    assert (co.case(old).workflow.version, co.case(new).workflow.version) == (1, 2)


def test_the_limit_of_a_tick_is_kept_and_the_rest_follows(co: World) -> None:
    co.has_workflow("w", [task("a"), END])
    for number in range(100, 110):
        co.has_family(str(number))
        co.start("w", family=str(number))
    assert co.tick(limit=3).advanced == 3
    assert co.tick().advanced == 7


def test_the_most_urgent_goes_first(co: World) -> None:
    co.has_family("7")
    co.has_workflow("calm", [task("a"), END], priority=2)
    co.has_workflow("pressing", [task("b"), END], priority=9)
    co.start("calm", family="42")
    co.start("pressing", family="7")
    co.tick(limit=1)
    assert (opened(co, "42"), opened(co, "7")) == ([], ["b"])
