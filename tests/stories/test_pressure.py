"""Pressure on families: caps over all workflows, one conversation at a time, a slow pace after the server was away."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from coopflow.core.deliveries import Deferred, Refused, Unavailable, Unknown
from coopflow.core.durations import Duration
from coopflow.core.people import cancel, run_now
from coopflow.core.pressure import Cap, Limits
from coopflow.core.verdict import Verdict, verdicts
from coopflow.triggers import occasion_of
from tests.world import World, at

WEEK, DAY = Duration(days=7), Duration(days=1)
DONE = {"id": "done", "type": "end"}


def mail(name: str = "mail", **more: Any) -> dict[str, Any]:
    return {"id": name, "type": "email", "template_id": "hello", **more}


def text(name: str = "text", **more: Any) -> dict[str, Any]:
    return {"id": name, "type": "sms", "message": "Hi {{ family_name }}", **more}


def limited(world: World, **caps: Any) -> None:
    """Caps, and a Monday morning on which they come into force."""
    world.now = at("2026-03-16 08:30")
    coop = replace(world.coop, limits=Limits(**caps))
    world.coop = world.store.coop = world.store.cases._coop = coop


def next_turn(world: World, instance: int) -> tuple[str, str | None]:
    [entry] = world.case(instance).entries.values()
    assert entry.scheduled_for is not None
    local = entry.scheduled_for.astimezone(world.coop.calendar.tz)
    return local.strftime("%Y-%m-%d %H:%M"), entry.reason


# -- caps ---------------------------------------------------------------------------------------------------------


def test_what_can_no_longer_count_is_not_even_loaded(coop: World) -> None:
    limited(coop, per_family=Cap(1, WEEK))
    coop.has_workflow("one", [mail(), DONE])
    coop.has_family("42")
    coop.start("one", family="42")
    coop.tick("2026-03-16 09:00")
    family = coop.store.families(["42"])["42"]
    for now, counted in ((at("2026-03-23 08:59"), 1), (at("2026-04-16 09:00"), 0)):
        assert len(coop.store.cases.contacts_of([family], now=now).of_family("42")) == counted
    assert len(coop.store.cases.contacts_of([family]).of_family("42")) == 1


def test_a_message_counts_from_when_it_left_however_long_it_had_waited(wired: World) -> None:
    limited(wired, per_family=Cap(1, DAY))
    for name in ("one", "two"):
        wired.has_workflow(name, [mail(stale_after="1 week"), DONE])
    wired.has_family("42")
    wired.start("one", family="42")
    wired.wires["email"].answers.append(Unavailable("out of order"))
    wired.tick("2026-03-16 09:00")  # its intent is on record since then
    wired.tick("2026-03-18 10:00")
    assert len(wired.wires["email"].taken) == 1

    wired.now = at("2026-03-18 11:00")
    second = wired.start("two", family="42")
    wired.tick()
    assert next_turn(wired, second) == (
        "2026-03-19 10:00",
        "1 message in 1 day is the most for a family; there is room from Thu 19 Mar 10:00",
    )
    wired.tick("2026-03-19 10:00")
    assert len(wired.wires["email"].taken) == 2


def test_what_may_have_left_counts_after_its_instance_was_cancelled_too(wired: World) -> None:
    limited(wired, per_family=Cap(1, DAY))
    wired.has_workflow("one", [mail(), DONE])
    wired.has_workflow("two", [mail(), DONE])
    wired.has_family("42")
    first = wired.start("one", family="42")
    wired.wires["email"].answers.append(lambda _: Unknown("no reply"))
    wired.tick("2026-03-16 09:00")
    wired.now = at("2026-03-16 10:00")
    assert wired.does(cancel, first, reason=None) is None
    second = wired.start("two", family="42")
    wired.tick("2026-03-16 10:01")
    assert next_turn(wired, second)[0] == "2026-03-17 10:00"


def test_two_messages_that_have_waited_for_days_do_not_leave_together(wired: World) -> None:
    limited(wired, per_family=Cap(1, DAY))
    wired.has_family("42")
    wired.wires["email"].answers += [Unavailable("out of order")] * 100
    for name, day in (("one", "16"), ("two", "17")):
        wired.has_workflow(name, [mail(stale_after="1 week"), DONE])
        wired.now = at(f"2026-03-{day} 09:30")
        wired.start(name, family="42")
        for hour in range(10, 18):
            wired.tick(f"2026-03-{day} {hour}:00")
    assert wired.db.execute_sql("SELECT count(*) FROM workflow_step_executions").fetchone() == (2,)

    wired.wires["email"].answers.clear()
    for hour in range(12, 18):
        wired.tick(f"2026-03-18 {hour}:00")
    assert len(wired.wires["email"].taken) == 1
    for hour in range(9, 18):
        wired.tick(f"2026-03-19 {hour:02}:00")
    assert len(wired.wires["email"].taken) == 2


def test_of_two_branches_with_one_message_left_the_second_waits_though_both_rest(wired: World) -> None:
    limited(wired, per_family=Cap(1, DAY))
    coop = replace(wired.store.coop, rest=timedelta(hours=1))
    wired.coop = wired.store.coop = wired.store.cases._coop = coop
    wired.has_workflow("both", [{"id": "split", "type": "parallel", "branches": [[mail("one")], [mail("two")]]}])
    wired.has_family("42")
    instance = wired.start("both", family="42")
    wired.tick("2026-03-16 09:00")
    assert [name for name, _ in wired.attempts(instance)].count("two") == 0
    wired.tick("2026-03-16 10:00")
    assert len(wired.wires["email"].taken) == 1


def test_a_cap_counts_over_all_workflows_and_says_so(coop: World) -> None:
    limited(coop, per_family=Cap(2, WEEK))
    for name in ("one", "two", "three"):
        coop.has_workflow(name, [mail(), DONE])
    coop.has_family("42")
    for day, name in (("2026-03-16 09:00", "one"), ("2026-03-17 10:00", "two"), ("2026-03-18 10:00", "three")):
        coop.now = at(day)
        third = coop.start(name, family="42")
        coop.tick()
    assert len(coop.mails()) == 2
    assert next_turn(coop, third) == (
        "2026-03-23 09:00",
        "2 messages in 7 days is the most for a family; there is room from Mon 23 Mar 09:00",
    )
    coop.tick("2026-03-23 09:00")
    assert len(coop.mails()) == 3


def test_two_instances_of_one_batch_see_each_others_messages(coop: World) -> None:
    limited(coop, per_family=Cap(1, DAY))
    for name in ("one", "two"):
        coop.has_workflow(name, [mail(), DONE])
        coop.has_family("42")
    first, second = (coop.start(name, family="42") for name in ("one", "two"))
    coop.tick("2026-03-16 09:00")
    assert len(coop.mails()) == 1
    assert coop.status(first) == "completed"
    assert next_turn(coop, second)[0] == "2026-03-17 09:00"


def test_the_branches_of_one_instance_leave_room_for_each_other(coop: World) -> None:
    limited(coop, per_family=Cap(2, WEEK))
    branches = [[mail(f"mail{number}")] for number in range(3)]
    coop.has_workflow("many", [{"id": "all", "type": "parallel", "branches": branches}, DONE])
    coop.has_family("42")
    instance = coop.start("many", family="42")
    coop.tick("2026-03-16 09:00")
    assert len(coop.mails()) == 2
    assert [entry.reason for entry in coop.case(instance).entries.values() if entry.branch.endswith(".2")] == [
        "2 messages in 7 days is the most for a family; there is room from Mon 23 Mar 09:00"
    ]


def test_an_instance_that_ended_long_ago_wakes_nobody_from_the_queue(coop: World) -> None:
    limited(coop, per_family=Cap(1, WEEK))
    look = {"id": "look", "type": "task", "description": "look into it"}
    levels = {"levels": [{"after": "1 day", "assign": "director"}]}
    coop.has_workflow("first", [mail(), look, DONE], escalation=levels)
    coop.has_workflow("second", [mail(), DONE], conflict="queue")
    coop.has_family("42")
    coop.start("first", family="42")
    coop.tick("2026-03-16 09:00")
    waiting = coop.start("second", family="42")
    coop.tick("2026-03-16 10:00")
    before = next_turn(coop, waiting)
    assert coop.tick("2026-03-17 09:00").escalated == 1
    assert next_turn(coop, waiting) == before


def test_the_more_urgent_workflow_gets_the_only_place(coop: World) -> None:
    limited(coop, per_family=Cap(1, DAY))
    coop.has_workflow("news", [mail(), DONE], priority=2)
    coop.has_workflow("alarm", [mail(), DONE], priority=9)
    coop.has_family("42")
    news, alarm = coop.start("news", family="42"), coop.start("alarm", family="42")
    coop.tick()
    assert (coop.status(alarm), coop.status(news)) == ("completed", "pending")


def test_urgent_messages_and_those_set_going_by_hand_keep_to_the_caps(coop: World) -> None:
    limited(coop, per_family=Cap(1, DAY))
    coop.has_workflow("w", [mail("a"), mail("b", urgent=True, delay="2 hours"), DONE])
    coop.has_family("42")
    instance = coop.start("w", family="42")
    coop.tick("2026-03-16 09:00")
    coop.does(run_now, instance)
    coop.tick("2026-03-16 09:01")
    assert len(coop.mails()) == 1
    assert next_turn(coop, instance)[0] == "2026-03-17 09:00"
    assert "instance.hurried" in coop.trail(instance)


def test_a_channel_has_a_cap_of_its_own(coop: World) -> None:
    limited(coop, per_channel={"sms": Cap(1, DAY)})
    coop.has_workflow("w", [text("a"), mail(), text("b"), DONE])
    coop.has_family("42")
    instance = coop.start("w", family="42")
    coop.tick("2026-03-16 09:00")
    assert (len(coop.texts()), len(coop.mails())) == (1, 1)
    assert next_turn(coop, instance) == (
        "2026-03-17 09:00",
        "1 message in 1 day is the most for a family by sms; there is room from Tue 17 Mar 09:00",
    )


def test_two_families_with_one_address_share_its_cap(coop: World) -> None:
    limited(coop, per_address=Cap(1, DAY))
    for name in ("u", "v", "w"):
        coop.has_workflow(name, [mail(), DONE])
    coop.has_family("42", email="both@example.org")
    coop.has_family("43", email="Both@example.org")
    coop.has_family("44", email="BOTH@example.org", phone="+12125550144")
    first, second = coop.start("w", family="42"), coop.start("v", family="43")
    coop.tick("2026-03-16 09:00")
    coop.now = at("2026-03-16 12:00")
    third = coop.start("u", family="44")
    coop.tick()  # in another batch, and another tick, than the first
    assert len(coop.mails()) == 1
    assert coop.status(first) == "completed"
    assert next_turn(coop, second)[0] == next_turn(coop, third)[0] == "2026-03-17 09:00"


def test_what_was_refused_takes_no_place_and_what_is_in_doubt_takes_one(wired: World) -> None:
    limited(wired, per_family=Cap(1, DAY))
    for name in ("refused", "doubtful", "third"):
        wired.has_workflow(name, [mail(on_failure="continue"), DONE])
    wired.has_family("42")
    wired.wires["email"].answers += [Refused("550"), Unknown("cut off")]
    wired.start("refused", family="42")
    wired.tick("2026-03-16 09:00")
    wired.start("doubtful", family="42")
    wired.tick("2026-03-16 09:05")
    third = wired.start("third", family="42")
    wired.tick("2026-03-16 09:10")
    assert wired.wires["email"].taken == []
    assert next_turn(wired, third)[0] == "2026-03-17 09:05"


def test_a_retry_is_the_same_message_and_counts_once(wired: World) -> None:
    limited(wired, per_family=Cap(1, DAY))
    wired.has_workflow("w", [mail(), DONE])
    wired.has_family("42")
    wired.wires["email"].answers.append(Deferred("busy"))
    instance = wired.start("w", family="42")
    wired.tick("2026-03-16 09:00")
    wired.ticks_until("2026-03-16 10:00", every=timedelta(minutes=5))
    assert wired.status(instance) == "completed"
    assert len(wired.wires["email"].taken) == 1


def test_what_finds_no_room_for_more_than_a_week_goes_to_a_person(coop: World) -> None:
    limited(coop, per_family=Cap(1, DAY))
    coop.has_workflow("busy", [mail(f"m{number}", delay="1 day") for number in range(30)] + [DONE], priority=9)
    coop.has_workflow("patient", [mail(), DONE], priority=1)
    coop.has_family("42")
    coop.now = at("2026-03-02 08:30")
    coop.start("busy", family="42")
    coop.tick("2026-03-03 08:30")
    patient = coop.start("patient", family="42")
    coop.ticks_until("2026-03-20 18:00", every=timedelta(hours=6))
    [task] = [task for task in coop.tasks() if task.instance_id == patient]
    assert task.description.startswith(
        "'Mail' was planned for Tue 3 Mar 08:30 and found no room since: 1 message in 1 day"
    )
    assert coop.status(patient) == "paused"


# -- after the server was away ------------------------------------------------------------------------------------


def test_after_three_days_away_a_family_gets_one_message_a_day(coop: World) -> None:
    for number in range(3):
        coop.has_workflow(f"w{number}", [mail(stale_after="5 days"), DONE])
    coop.has_family("42")
    coop.now = at("2026-03-16 09:00")
    instances = [coop.start(f"w{number}", family="42") for number in range(3)]
    coop.tick("2026-03-19 10:00")
    assert len(coop.mails()) == 1
    assert next_turn(coop, instances[1]) == (
        "2026-03-20 09:00",
        "it is late, and the family has had a message today; Fri 20 Mar 00:00 is outside business_hours"
        " → Fri 20 Mar 09:00",
    )
    coop.tick("2026-03-20 09:00")
    assert len(coop.mails()) == 3  # on its new day it is not late any more


def test_what_is_too_late_goes_to_a_person_and_not_out(coop: World) -> None:
    coop.has_workflow("w", [mail(), DONE])
    coop.has_family("42")
    coop.now = at("2026-03-16 09:00")
    instance = coop.start("w", family="42")
    coop.tick("2026-03-19 10:00")
    assert coop.mails() == []
    assert coop.status(instance) == "paused"


# -- one conversation at a time -----------------------------------------------------------------------------------


def talk(world: World, name: str, **more: Any) -> None:
    steps = [mail(), {"id": "pause", "type": "wait", "duration": "10 days"}, DONE]
    world.has_workflow(name, steps, **more)


def test_workflows_run_side_by_side_unless_they_say_otherwise(coop: World) -> None:
    talk(coop, "one")
    talk(coop, "two")
    coop.has_family("42")
    coop.start("one", family="42")
    coop.start("two", family="42")
    coop.tick()
    assert len(coop.mails()) == 2


def test_skip_does_not_start_beside_another_conversation(coop: World) -> None:
    talk(coop, "one")
    talk(coop, "two", conflict="skip")
    coop.has_family("42")
    first = coop.start("one", family="42")
    result = coop.starts("two", family="42")
    assert result.instance_id is None
    assert result.reason == f"two: other conversation with the family is under way: one is (instance {first})"


def test_skip_takes_no_notice_of_what_the_family_does_not(coop: World) -> None:
    coop.has_workflow("quiet", [{"id": "pause", "type": "wait", "duration": "10 days"}, DONE])
    talk(coop, "two", conflict="skip")
    coop.has_family("42")
    coop.start("quiet", family="42")
    assert coop.starts("two", family="42").instance_id is not None


@pytest.mark.parametrize(("running", "replaced"), [(3, True), (5, True), (7, False)])
def test_replace_ends_what_is_not_more_urgent(coop: World, running: int, replaced: bool) -> None:
    talk(coop, "one", priority=running)
    talk(coop, "two", priority=5, conflict="replace")
    coop.has_family("42")
    first = coop.start("one", family="42")
    result = coop.starts("two", family="42")
    assert (result.instance_id is not None) is replaced
    assert coop.status(first) == ("cancelled" if replaced else "pending")


@pytest.mark.parametrize("conflict", ["replace", "skip"])
def test_of_two_that_one_event_starts_the_second_sees_the_conversation_of_the_first(coop: World, conflict: str) -> None:
    """Found by the simulated month of seed 21362: both wanted to end the same instance, and the event was refused."""
    by_event = {"type": "event", "event": "payment_overdue"}
    talk(coop, "one")
    talk(coop, "urgent", priority=8, conflict="replace", trigger=by_event)
    talk(coop, "other", priority=6, conflict=conflict, trigger=by_event)
    coop.has_family("42")
    first = coop.start("one", family="42")
    [result] = coop.event("payment_overdue", family="42")
    assert (result.workflow, coop.status(first)) == ("urgent", "cancelled")
    [verdict] = [found for found in judged(coop, "payment_overdue") if found.workflow.name == "other"]
    assert "conversation with the family is under way: urgent is (instance 2)" in verdict.reason


def judged(world: World, event: str) -> list[Verdict]:
    store = world.store
    past = list(store.past_runs(["42"])["42"])
    occasion = occasion_of(store, store.families(["42"])["42"], "event", given={}, past=past, event=event)
    return list(verdicts(occasion, store.templates.current(), now=world.now))


def test_queue_waits_until_the_other_has_ended_and_then_goes_at_once(coop: World) -> None:
    talk(coop, "one")
    talk(coop, "two", conflict="queue")
    coop.has_family("42")
    first = coop.start("one", family="42")
    coop.tick("2026-03-20 09:00")
    second = coop.start("two", family="42")
    coop.tick("2026-03-20 10:00")
    assert next_turn(coop, second) == ("2026-03-21 10:00", f"waits for one (instance {first}) to end")
    coop.now = at("2026-03-20 11:00")
    coop.does(cancel, first)
    coop.tick("2026-03-20 11:01")
    assert len(coop.mails()) == 2
    assert coop.step(second) == "pause"


def test_those_that_queue_go_by_urgency_and_then_by_age(coop: World) -> None:
    talk(coop, "one")
    talk(coop, "low", conflict="queue", priority=2)
    talk(coop, "high", conflict="queue", priority=8)
    coop.has_family("42")
    first = coop.start("one", family="42")
    coop.tick()
    low, high = coop.start("low", family="42"), coop.start("high", family="42")
    coop.tick("2026-03-20 10:00")
    coop.does(cancel, first)
    coop.tick("2026-03-20 10:01")
    assert (coop.step(high), coop.status(low)) == ("pause", "pending")
    coop.does(cancel, high)
    coop.tick("2026-03-20 10:02")
    assert coop.step(low) == "pause"


def test_a_queued_start_that_is_planned_for_later_is_not_brought_forward(coop: World) -> None:
    talk(coop, "one")
    coop.has_workflow("two", [mail(delay="5 days"), DONE], conflict="queue")
    coop.has_family("42")
    first = coop.start("one", family="42")
    second = coop.start("two", family="42")
    coop.tick("2026-03-20 09:00")
    coop.does(cancel, first)
    assert next_turn(coop, second)[0] == "2026-03-25 09:00"
