"""A workflow is edited while it runs: what runs keeps its version, until a person moves it to another one."""

from datetime import timedelta
from typing import Any

import pytest

from coopflow.adopting import Adoption, adopt, candidates, foresee
from coopflow.core.audit import sentence
from coopflow.core.case import Case
from coopflow.core.deliveries import Deferred, Unavailable, Unknown
from coopflow.core.people import snooze
from tests.world import World, at

WAIT = {"id": "rest", "type": "wait", "duration": "3 days", "until": {"event": "email_response_received"}}
CALL = {"id": "call", "type": "call", "delay": "2 days", "outcomes": {"reached": "done", "busy": "escalate"}}
DONE = {"id": "done", "type": "end"}
EMAIL = {"id": "hello", "type": "email", "template_id": "hello"}


def step(data: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**data, **changes}.items() if value is not None}


def begun(world: World, *steps: dict[str, Any], **rest: Any) -> int:
    """An instance on version 1 of `plan`, as far as it goes by itself."""
    world.has_workflow("plan", steps, **rest)
    world.has_family("42", family_name="Martinez")
    instance = world.start("plan", family="42")
    world.tick()
    return instance


def moved(world: World, instance: int, *steps: dict[str, Any], to: int = 2, **rest: Any) -> Adoption:
    """Version 2, and the instance moved to it, or why it was not; what was foreseen is what came of it."""
    if steps:
        world.has_workflow("plan", steps, **rest)
    workflow = world.store.templates.get(world.store.templates.version("plan", to).template_id)
    [foreseen] = foresee(world.store, [instance], workflow, now=world.now)
    [done] = adopt(world.store, [instance], workflow, reason="new texts", actor="sarah", now=world.now)
    assert (foreseen.moved, foreseen.problem) == (done.moved, done.problem)
    world.check()
    return done


def planned(case: Case | None) -> dict[str, str | None]:
    """When each branch is looked at next, on New York's wall clock."""
    assert case is not None
    return {
        entry.branch: entry.scheduled_for and entry.scheduled_for.astimezone(case.tz).strftime("%a %d %H:%M")
        for entry in case.entries.values()
    }


def version(world: World, instance: int) -> int:
    return world.case(instance).workflow.version


# -- what stays as it is --------------------------------------------------------------------------------------------


def test_an_instance_keeps_its_version_when_the_workflow_is_edited(coop: World) -> None:
    instance = begun(coop, WAIT, CALL, DONE)
    coop.has_workflow("plan", [step(WAIT, duration="1 day"), CALL, DONE])

    assert version(coop, instance) == 1
    assert planned(coop.case(instance)) == {"main": "Mon 23 09:00"}
    coop.has_family("7")
    assert version(coop, coop.start("plan", family="7")) == 2


def test_a_moved_instance_goes_on_at_its_step_and_time(coop: World) -> None:
    instance = begun(coop, WAIT, CALL, DONE)

    done = moved(coop, instance, WAIT, step(CALL, reason="Other words"), DONE)

    assert done.problem is None
    assert (done.from_version, version(coop, instance)) == (1, 2)
    assert planned(done.case) == {"main": "Mon 23 09:00"}
    assert coop.attempts(instance) == [("rest", "running")]
    coop.ticks_until("2026-03-25 09:00")
    [task] = coop.tasks("42")
    assert task.description == "Other words"
    coop.closes(task, "reached")
    assert coop.status(instance) == "completed"


def test_the_move_is_in_the_trail_with_who_and_why(coop: World) -> None:
    instance = begun(coop, WAIT, DONE)
    moved(coop, instance, WAIT, CALL, DONE)

    [entry] = [row for row in coop.store.looking.events(instance_id=instance) if row["kind"] == "instance.migrated"]
    assert entry["actor"] == "sarah"
    assert sentence(entry["kind"], entry["data"]) == "Moved to version 2 of 'plan' from version 1: new texts"


def test_a_move_can_be_undone(coop: World) -> None:
    instance = begun(coop, WAIT, CALL, DONE)
    before = coop.case(instance)
    moved(coop, instance, step(WAIT, duration="5 days"), CALL, DONE)

    moved(coop, instance, to=1)

    after = coop.case(instance)
    assert (after.workflow, after.instance.template_id) == (before.workflow, before.instance.template_id)
    assert planned(after) == planned(before)


def test_the_queue_takes_the_priority_and_the_tries_of_the_new_version(coop: World) -> None:
    instance = begun(coop, WAIT, DONE)
    moved(coop, instance, WAIT, DONE, priority=9, retry={"max_retries": 0})

    [row] = coop.db.execute_sql("SELECT priority, max_attempts FROM workflow_queue").fetchall()
    assert tuple(row) == (9, 1)


# -- when it goes on ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "when"),
    [
        ({"delay": "2 days"}, {"delay": "2 days"}, "Mon 23 09:00"),
        ({"delay": "2 days"}, {"delay": "5 days"}, "Wed 25 09:00"),
        ({"delay": "5 days"}, {"delay": "1 hour"}, "Fri 20 12:00"),  # it is noon by then: what is late goes at once
        ({"delay": "5 days"}, {"delay": "5 days", "window": "always"}, "Wed 25 09:00"),
        ({"delay": "2 days"}, {"delay": "2 days", "window": "always"}, "Sun 22 09:00"),
        ({"delay": "2 days"}, {"delay": None, "scheduled_time": "2026-03-27T10:00"}, "Fri 27 10:00"),
        ({"delay": "9 hours"}, {"delay": "3 days"}, "Mon 23 09:00"),
    ],
)
def test_a_step_keeps_its_time_unless_its_own_timing_has_changed(
    coop: World, old: dict[str, Any], new: dict[str, Any], when: str
) -> None:
    instance = begun(coop, step(CALL, **old), DONE)
    coop.now += timedelta(hours=3)

    assert planned(moved(coop, instance, step(CALL, **new), DONE).case) == {"main": when}


@pytest.mark.parametrize(
    ("new", "when"),
    [
        ({"duration": "3 days"}, "Mon 23 09:00"),
        ({"duration": "1 week"}, "Fri 27 09:00"),
        ({"duration": "1 hour"}, "Fri 20 10:00"),  # over already: the next tick goes on
        ({"duration": None, "timeout": "1 day"}, "Sat 21 09:00"),
        ({"duration": None}, "Mon 23 09:00"),
    ],
)
def test_a_wait_lasts_as_long_as_the_new_version_says_from_when_it_began(
    coop: World, new: dict[str, Any], when: str
) -> None:
    instance = begun(coop, WAIT, DONE)
    coop.now += timedelta(hours=3)

    assert planned(moved(coop, instance, step(WAIT, **new), DONE).case) == {"main": when}


def test_a_time_that_somebody_moved_stays(coop: World) -> None:
    snoozed = begun(coop, CALL, DONE)
    coop.does(snooze, snoozed, until=at("2026-04-01 10:00"))
    assert planned(moved(coop, snoozed, step(CALL, delay="5 days"), DONE).case) == {"main": "Wed 01 10:00"}


def test_a_step_that_is_tried_again_keeps_the_time_of_its_retry(wired: World) -> None:
    instance = begun(wired, step(EMAIL, delay="1 hour"), DONE)
    wired.wires["email"].answers = [Deferred("try later")]
    wired.tick("2026-03-20 10:00")
    before = planned(wired.case(instance))

    assert planned(moved(wired, instance, step(EMAIL, delay="9 days"), DONE).case) == before


def test_an_event_that_has_come_ends_a_wait_that_now_waits_for_it(coop: World) -> None:
    instance = begun(coop, WAIT, CALL, DONE)
    coop.event("payment_received", family="42")

    done = moved(coop, instance, step(WAIT, until={"event": "payment_received"}), CALL, DONE)

    assert planned(done.case) == {"main": "Fri 20 09:00"}
    coop.tick()
    assert coop.step(instance) == "call"


def test_criteria_that_are_met_end_the_instance_at_once(coop: World) -> None:
    instance = begun(coop, WAIT, DONE)
    coop.changes_family("42", attributes={"paid": True})

    criteria = {"field": "paid", "operator": "==", "value": True}
    done = moved(coop, instance, WAIT, DONE, completion_criteria=criteria)

    assert done.case is not None
    assert done.case.instance.status == "completed"


def test_open_tasks_go_up_by_the_levels_of_the_new_version(coop: World) -> None:
    levels = [{"after": "2 days", "assign": "mike"}, {"after": "5 days", "assign": "director"}]
    instance = begun(coop, step(CALL, delay=None), DONE, escalation={"levels": levels})
    coop.tick("2026-03-23 09:00")
    assert [task.assignee for task in coop.tasks()] == ["mike"]

    moved(coop, instance, step(CALL, delay=None), DONE, escalation={"levels": levels[:1]})
    coop.tick("2026-04-23 09:00")

    assert [task.assignee for task in coop.tasks()] == ["mike"]


# -- what cannot be moved -------------------------------------------------------------------------------------------

OUTCOMES = {"outcomes": {"reached": "done"}}
TWO = {
    "id": "both",
    "type": "parallel",
    "branches": [[step(WAIT, id="a")], [step(WAIT, id="b"), step(CALL, id="c", outcomes=None)]],
}
THREE = step(TWO, branches=[*TWO["branches"], [step(WAIT, id="d")]])
SWAPPED = step(TWO, branches=TWO["branches"][::-1])
ADVICE = {"id": "advice", "type": "recommended", "actions": {"phone": step(WAIT, id="a"), "write": step(WAIT, id="b")}}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ([WAIT], [step(WAIT, id="other")], "stands at 'rest', which version 2 does not have"),
        ([WAIT], [step(WAIT, type="task", duration=None)], "has begun 'rest' as a wait; in version 2 it is a task"),
        (
            [step(CALL, delay=None)],
            [step(CALL, delay=None, outcomes=None)],
            "waits for the outcome of 'call', which has none in version 2",
        ),
        ([TWO], [THREE], "has begun the 2 branches of 'both'; in version 2 there are 3"),
        (
            [TWO],
            [SWAPPED],
            "; ".join(f"stands at '{name}', which is in another place in version 2" for name in "ab"),
        ),
        (
            [WAIT],
            [{"id": "both", "type": "parallel", "branches": [[WAIT], [step(WAIT, id="x")]]}],
            "stands at 'rest', which is in another place in version 2",
        ),
    ],
)
def test_an_instance_that_would_lose_its_place_is_named_and_left(
    coop: World, old: list[dict[str, Any]], new: list[dict[str, Any]], problem: str
) -> None:
    instance = begun(coop, *old, DONE)
    before = coop.trail(instance)

    assert moved(coop, instance, *new, DONE).problem == f"instance {instance} {problem}"
    assert (version(coop, instance), coop.trail(instance)) == (1, before)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([CALL], [step(CALL, type="task")]),  # its turn has not come: it may become another step
        ([CALL], [step(WAIT, id="call")]),
        ([step(CALL, delay=None)], [step(CALL, delay=None, type="task")]),  # both are tasks with outcomes
        ([TWO], [step(TWO, branches=[[step(WAIT, id="a", name="Other words")], TWO["branches"][1]], join="any")]),
        ([step(CALL, delay=None, approval=True)], [step(CALL, delay=None)]),
    ],
)
def test_what_fits_goes_on(coop: World, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    instance = begun(coop, *old, DONE)

    assert moved(coop, instance, *new, DONE).problem is None
    assert version(coop, instance) == 2
    coop.ticks_until("2026-03-27 09:00")


def test_a_step_whose_turn_would_never_come_is_named_and_stays(coop: World) -> None:
    coop.has_family("42", attributes={"renewal_date": "2026-03-25"})
    coop.has_workflow("plan", [step(CALL, delay=None, scheduled_time="renewal_date")])
    instance = coop.start("plan", family="42")
    coop.changes_family("42", attributes={})  # what it was planned by is gone, and the time stays
    here = planned(coop.case(instance))

    found = moved(coop, instance, step(CALL, delay=None, scheduled_time="2 days before renewal_date"))

    assert found.problem is not None
    assert "stands at 'call', whose turn never comes in version 2: " in found.problem
    assert planned(coop.case(instance)) == here
    assert moved(coop, instance, WAIT, CALL, to=3).problem is None
    assert planned(coop.case(instance)) == here


def test_recommended_actions_are_known_by_what_they_do(coop: World) -> None:
    coop.has_family("42")
    trigger = {"type": "prediction"}
    coop.has_workflow("plan", [ADVICE, DONE], trigger=trigger)
    recommendations = [{"action": "phone"}, {"action": "write"}]
    [started] = coop.predicts("42", 0.9, 90, recommendations=recommendations)
    coop.tick()

    more = step(ADVICE, actions={"visit": step(WAIT, id="v"), **ADVICE["actions"]})
    assert started.instance_id is not None
    assert moved(coop, started.instance_id, more, DONE, trigger=trigger).problem is None


def test_a_message_under_way_or_in_doubt_is_waited_for(wired: World) -> None:
    wired.wires["email"].answers = [Unavailable("no network"), lambda _: Unknown("connection lost")]
    instance = begun(wired, EMAIL, WAIT, DONE)
    way = "has a message on its way; try again when it has gone"
    assert moved(wired, instance, EMAIL, DONE).problem == f"instance {instance} {way}"

    wired.tick("2026-03-20 10:00")
    doubt = "has a message in doubt; say first what became of it: coopflow doubt list"
    assert moved(wired, instance).problem == f"instance {instance} {doubt}"


def test_only_active_instances_of_other_versions_can_be_moved(coop: World) -> None:
    finished = begun(coop, DONE)
    coop.has_family("7")
    coop.has_workflow("other", [WAIT, DONE])
    other = coop.start("other", family="7")
    coop.has_workflow("plan", [WAIT, DONE])
    newest = coop.start("plan", family="7")
    workflow = coop.store.templates.get(coop.store.templates.version("plan").template_id)

    found = foresee(coop.store, [finished, other, newest, 99], workflow, now=coop.now)

    assert [adoption.problem for adoption in found] == [
        f"instance {finished} is completed already",
        f"instance {other} is a run of other, not of plan",
        f"instance {newest} is on version 2 already",
        "there is no instance 99",
    ]
    assert candidates(coop.store, workflow) == []
