"""What a person should know of, or do."""

from datetime import timedelta

import pytest

from coopflow.core.deliveries import Deferred
from coopflow.core.people import pause
from coopflow.reports.matters import Scope, is_silent, needs_you, urgent_matters, went_wrong
from coopflow.reports.overview import overview
from tests.reports.samples import MAIL, NOW, written
from tests.world import NEW_YORK, World


@pytest.mark.parametrize(("age", "silent"), [(0, False), (300, False), (301, True), (-60, False)])
def test_cron_is_silent_after_five_minutes(age: int, silent: bool) -> None:
    assert is_silent(NOW - timedelta(seconds=age), now=NOW) is silent
    assert is_silent(None, now=NOW)


def test_a_hold_is_told_once_with_the_command_that_settles_it(coop: World) -> None:
    coop.has_workflow("short", [MAIL])
    coop.has_family("42", email=None)
    instance = coop.start("short", family="42")
    coop.tick()
    [matter] = needs_you(coop.store, Scope(), now=coop.now)
    assert (matter.kind, matter.urgent, matter.instance_id) == ("task", True, instance)
    assert matter.words == "decision needed: 'Mail' failed: family 42 has no email address"
    assert matter.command == f"coopflow task done {matter.task_id} --outcome retry"
    assert matter.outcomes == ("retry", "skip", "cancel")
    assert went_wrong(coop.store, Scope(), now=coop.now) == []


def test_a_pause_by_a_person_is_told_and_is_not_urgent(coop: World) -> None:
    coop.has_workflow("short", [MAIL])
    coop.has_family("42")
    instance = coop.start("short", family="42")
    coop.does(pause, instance, reason="holiday")
    [matter] = needs_you(coop.store, Scope(), now=coop.now)
    assert (matter.kind, matter.urgent, matter.words) == ("paused", False, "short is paused: holiday (sarah)")
    assert matter.command == f"coopflow resume {instance}"


def test_a_hold_whose_task_is_gone_is_urgent_all_the_same(coop: World) -> None:
    coop.has_workflow("short", [MAIL])
    coop.has_family("42", email=None)
    coop.start("short", family="42")
    coop.tick()
    coop.db.execute_sql("UPDATE coordinator_tasks SET status = 'dismissed', completed_at = created_date")
    [matter] = needs_you(coop.store, Scope(), now=coop.now)
    assert (matter.kind, matter.urgent) == ("paused", True)


def test_a_message_that_is_tried_again_is_trouble_and_a_fault_of_ours_is_urgent(wired: World) -> None:
    wired.has_workflow("short", [MAIL])
    wired.has_family("42")
    wired.wires["email"].answers.append(Deferred("450 busy"))
    instance = wired.start("short", family="42")
    wired.tick()
    [matter] = went_wrong(wired.store, Scope(), now=wired.now)
    assert (matter.kind, matter.urgent, matter.words) == ("trouble", False, "450 busy; it goes on")
    assert matter.command == f"coopflow show {instance}"

    fault = f"instance {instance}: KeyError: 'x'"
    wired.db.execute_sql("UPDATE workflow_instances SET last_error = ?", (fault,))
    wired.db.execute_sql("UPDATE workflow_queue SET reason = ?", (fault,))
    [matter] = went_wrong(wired.store, Scope(), now=wired.now)
    assert (matter.kind, matter.urgent, matter.words) == ("fault", True, f"a fault in coopflow: {fault}")


def test_a_failure_is_told_for_a_week(coop: World) -> None:
    coop.has_workflow("short", [{**MAIL, "on_failure": "fail"}])
    coop.has_family("42", email=None)
    coop.start("short", family="42")
    coop.tick()
    [matter] = went_wrong(coop.store, Scope(), now=coop.now + timedelta(days=7))
    assert (matter.kind, matter.urgent) == ("failed", False)
    assert matter.words == "short failed: 'Mail' failed: family 42 has no email address"
    assert went_wrong(coop.store, Scope(), now=coop.now + timedelta(days=7, seconds=1)) == []


def test_matters_of_others_are_left_out(coop: World) -> None:
    coop.has_workflow("short", [MAIL])
    coop.has_workflow("other", [MAIL])
    coop.has_family("42", email=None)
    coop.start("short", family="42")
    coop.tick()
    for scope, count in [(Scope(family_id="42"), 1), (Scope(workflow="short"), 1), (Scope(workflow="other"), 0)]:
        assert len(needs_you(coop.store, scope, now=coop.now)) == count
        found = overview(coop.store, scope, tz=NEW_YORK, now=coop.now)
        assert (found.numbers["open_tasks"], found.numbers["paused"]) == (count, count)
    assert overview(coop.store, Scope(family_id="7"), tz=NEW_YORK, now=coop.now).numbers["open_tasks"] == 0


def test_a_silent_cron_is_the_first_reason_why_a_person_is_needed(coop: World) -> None:
    [matter] = urgent_matters(coop.store, Scope(), when=written, now=coop.now)
    assert (matter.kind, matter.words) == ("cron", "coopflow has not been run yet: is the cron line there?")


def test_a_task_made_by_hand_is_told_too(coop: World) -> None:
    coop.has_family("42")
    coop.db.execute_sql(
        "INSERT INTO coordinator_tasks (family_id, task_type, description, priority, status, created_date)"
        " VALUES ('42', 'errand', 'Bring flowers.', 'normal', 'open', '2026-03-20T13:00:00Z')"
    )
    [matter] = needs_you(coop.store, Scope(), now=coop.now)
    assert (matter.words, matter.urgent, matter.instance_id) == ("errand: Bring flowers.", False, None)
    assert (matter.command, matter.outcomes) == (f"coopflow task done {matter.task_id}", ())
