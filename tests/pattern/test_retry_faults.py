"""Faults 40 to 47 of the pattern's own code, on retries and escalation: none is possible here."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from coopflow.core.deliveries import Accepted, Deferred, Refused
from coopflow.core.durations import Duration
from coopflow.core.people import cancel, resume, retry, skip
from coopflow.core.retry import GiveUp, Retry, RetryPolicy
from tests.pattern.parts import CALL, END, MAIL, TEXT, opened, task, wait
from tests.world import World, at

NOW = at("2026-03-20 09:00")


def waits(policy: RetryPolicy) -> list[float]:
    """Minutes before each retry, until it gives up."""
    found: list[float] = []
    while isinstance(
        decided := policy.decide(permanent=False, attempts=len(found) + 1, reason="busy", now=NOW, key="k"), Retry
    ):
        found.append((decided.at - NOW).total_seconds() / 60)
    return found


@pytest.fixture
def co(wired: World) -> World:
    wired.has_family("42", family_name="Martinez")
    return wired


@pytest.mark.parametrize(
    ("policy", "nominal"),
    [
        (RetryPolicy(max_retries=4), [5, 10, 20, 40]),
        (RetryPolicy(backoff_multiplier=3), [5, 15, 45]),
        (RetryPolicy(max_delay=Duration(seconds=600)), [5, 10, 10]),
    ],
)
def test_40_the_waits_grow_as_written_up_to_a_cap_and_with_jitter(policy: RetryPolicy, nominal: list[int]) -> None:
    found = waits(policy)
    assert [want <= wait <= want * 1.1 for wait, want in zip(found, nominal, strict=True)] == [True] * len(nominal)
    assert found != nominal


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_41_so_many_retries_come_after_the_first_attempt_and_none_is_possible(co: World, retries: int) -> None:
    co.has_workflow("w", [MAIL, END], retry={"max_retries": retries})
    instance = co.start("w", family="42")
    co.wires["email"].answers += [Deferred("451 busy")] * 9
    co.ticks_until("2026-03-20 15:00", every=timedelta(minutes=30))
    assert (co.status(instance), co.attempts(instance)) == ("paused", [("mail", "failed")] * (retries + 1))


def test_42_what_can_never_succeed_is_not_tried_again(co: World) -> None:
    co.has_workflow("w", [MAIL, END])
    instance = co.start("w", family="42")
    co.wires["email"].answers.append(Refused("550 mailbox unknown"))
    co.ticks_until("2026-03-20 12:00")
    assert (co.status(instance), co.attempts(instance)) == ("paused", [("mail", "failed")])
    assert RetryPolicy().decide(permanent=True, attempts=1, reason="x", now=NOW, key="k") == GiveUp("x")


def test_43_attempts_are_numbered_per_step_and_the_next_step_starts_afresh(co: World) -> None:
    co.has_workflow("w", [MAIL, {**MAIL, "id": "second"}, END], retry={"max_retries": 1})
    instance = co.start("w", family="42")
    co.wires["email"].answers += [Deferred("451 busy"), Accepted(), Deferred("451 busy")]
    co.ticks_until("2026-03-20 12:00")
    rows = co.db.execute_sql("SELECT retry_count, status FROM workflow_step_executions").fetchall()
    assert [tuple(row) for row in rows] == [
        (0, "failed"),
        (1, "completed"),
        (0, "failed"),
        (1, "completed"),
        (0, "completed"),
    ]
    found = co.case(instance).instance
    assert (found.status, found.error_count, found.last_error) == ("completed", 0, None)


def test_44_a_task_that_nobody_closes_goes_up_by_the_levels_of_the_workflow(co: World) -> None:
    levels = [{"after": "2 days", "assign": "mike"}, {"after": "5 days", "assign": "director"}]
    co.has_workflow("w", [{**CALL, "outcomes": {"reached": "done"}}, END], escalation={"levels": levels})
    co.start("w", family="42")
    seen = []
    for when in ("2026-03-20 09:00", "2026-03-22 09:00", "2026-03-25 09:00"):
        co.tick(when)
        seen.append(co.tasks("42")[0].assignee)
    assert seen == ["sarah", "mike", "director"]


@pytest.mark.parametrize(
    ("verb", "status", "sent"),
    [(resume, "completed", 1), (retry, "completed", 1), (skip, "completed", 0), (cancel, "cancelled", 0)],
)
def test_44_what_is_on_hold_can_be_resumed_retried_skipped_or_cancelled(
    co: World, verb: Callable[..., None], status: str, sent: int
) -> None:
    co.has_workflow("w", [MAIL, END])
    instance = co.start("w", family="42")
    co.wires["email"].answers.append(Refused("550 mailbox unknown"))
    co.tick()
    [entry] = co.case(instance).entries.values()
    assert (co.status(instance), entry.scheduled_for) == ("paused", None)
    assert co.does(verb, instance) is None
    co.tick()
    assert (co.status(instance), len(co.wires["email"].taken), co.tasks()) == (status, sent, [])


def test_45_a_call_is_done_when_it_is_closed_and_a_voicemail_brings_it_back(co: World) -> None:
    outcomes = {"reached": "done", "voicemail": {"retry_in": "1 hour", "max": 1, "then": "escalate"}}
    co.has_workflow("w", [{**CALL, "outcomes": outcomes}, END])
    instance = co.start("w", family="42")
    co.tick()
    [first] = co.tasks("42")
    assert (first.instance_id, first.step_id, co.attempts(instance)) == (instance, "call", [("call", "running")])
    co.closes(first, "voicemail")
    assert co.tasks("42") == []
    co.ticks_until("2026-03-20 10:00")
    [second] = co.tasks("42")
    co.closes(second, "reached")
    assert (co.status(instance), co.tasks("42")) == ("completed", [])


def test_46_a_refused_mail_falls_back_to_a_text(co: World) -> None:
    co.has_workflow("w", [{**MAIL, "on_failure": "text"}, {"id": "stop", "type": "end"}, TEXT, END])
    co.start("w", family="42")
    co.wires["email"].answers.append(Refused("550 mailbox unknown"))
    co.tick()
    assert [message.text for message in co.wires["sms"].taken] == ["Hi Martinez"]


def test_46_a_bounce_can_come_in_and_end_a_wait(co: World) -> None:
    co.has_workflow("w", [MAIL, wait(until={"event": "email_bounced"}, on_timeout="done"), TEXT, END])
    co.start("w", family="42")
    co.tick()
    co.event("email_bounced", family="42")
    co.tick()
    assert len(co.wires["sms"].taken) == 1


@pytest.mark.parametrize("outcome", ["success", "partial_success", "failed"])
def test_47_every_outcome_can_be_set(co: World, outcome: str) -> None:
    co.has_workflow("w", [{**END, "outcome": outcome}])
    instance = co.start("w", family="42")
    co.tick()
    assert co.case(instance).instance.outcome == outcome


def test_47_cancelled_and_skipped_are_set_too_and_an_error_is_kept_apart_from_the_outcome(co: World) -> None:
    never = {"field": "email_response_received", "operator": "==", "value": True}
    co.has_workflow("w", [task("a", only_if=never), MAIL, END])
    instance = co.start("w", family="42")
    co.wires["email"].answers.append(Refused("550 mailbox unknown"))
    co.tick()
    assert co.attempts(instance) == [("a", "skipped"), ("mail", "failed")]
    assert co.store.looking.attempts(instance)[1]["error_message"] == "550 mailbox unknown"
    assert opened(co) == ["mail"]
    co.does(cancel, instance)
    assert co.case(instance).instance.outcome == "cancelled"
