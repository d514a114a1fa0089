"""Faults 27 to 39 of the pattern's own code, on concurrency, crashes and duplicates: none is possible here."""

import sqlite3
from collections.abc import Callable, Collection
from datetime import timedelta
from pathlib import Path
from threading import Event

import peewee
import pytest

from coopflow import tick as tick_module
from coopflow.channels.base import Delivery, Message
from coopflow.core.deliveries import Accepted, Unknown
from coopflow.core.people import cancel, pause
from coopflow.core.states import FINAL, InstanceStatus, require_move
from coopflow.core.verdict import Answer
from coopflow.errors import IllegalMove
from coopflow.sending import Answered, Asked, Book
from coopflow.store.lock import TickLock
from tests.pattern.parts import END, HIGH, MAIL, MEDIUM, has_bundled_workflows, planned, task, wait
from tests.world import World, at


@pytest.fixture
def co(wired: World) -> World:
    wired.has_family("42")
    wired.has_workflow("w", [MAIL, wait(), END])
    return wired


def keeps_book(world: World, book_of: Callable[[Book], Book]) -> None:
    """Let the next batch's book be kept in another way."""
    deliver = world.engine.post.deliver

    def once(batch, book):  # type: ignore[no-untyped-def]
        world.engine.post.deliver = deliver  # type: ignore[method-assign]
        return deliver(batch, book_of(book))

    world.engine.post.deliver = once  # type: ignore[method-assign]


def fails_when_answered(error: BaseException, times: int) -> Callable[[Book], Book]:
    left = [error] * times

    def book_of(book: Book) -> Book:
        def kept(asked: Asked, answers: Answered) -> Collection[str]:
            if answers and left:
                raise left.pop()
            return book(asked, answers)

        return kept

    return book_of


def test_27_a_second_engine_does_not_get_the_lock_and_a_second_tick_sends_nothing(co: World, tmp_path: Path) -> None:
    co.start("w", family="42")
    with TickLock(tmp_path / "coopflow.db") as first, TickLock(tmp_path / "coopflow.db") as second:
        assert (first.acquire(), second.acquire()) == (True, False)
        co.tick()
        co.tick()
    assert len(co.wires["email"].taken) == 1


@pytest.mark.parametrize(("verb", "status"), [(pause, "paused"), (cancel, "cancelled")])
def test_28_what_was_paused_or_cancelled_before_the_last_call_is_not_revived(
    co: World, verb: Callable[..., None], status: str
) -> None:
    instance = co.start("w", family="42")

    def book_of(book: Book) -> Book:
        co.does(verb, instance)
        return book

    keeps_book(co, book_of)
    co.tick()
    assert (co.status(instance), co.wires["email"].taken) == (status, [])


@pytest.mark.parametrize("before", sorted(FINAL))
def test_28_no_move_leads_out_of_an_end(before: InstanceStatus) -> None:
    with pytest.raises(IllegalMove):
        require_move(before, InstanceStatus.RUNNING)


def test_29_a_crash_after_handing_over_is_a_doubt_before_a_person_and_no_second_message(co: World) -> None:
    instance = co.start("w", family="42")
    keeps_book(co, fails_when_answered(SystemExit(), 9))
    with pytest.raises(SystemExit):
        co.tick()
    co.ticks_until("2026-03-23 12:00")
    assert len(co.wires["email"].taken) == 1
    assert (co.status(instance), [found.task_type for found in co.tasks()]) == ("paused", ["doubt"])
    [message] = co.wires["email"].taken
    rows = co.db.execute_sql("SELECT idempotency_key, status FROM workflow_step_executions").fetchall()
    assert [tuple(row) for row in rows] == [(message.key, "running")]


def test_30_a_message_that_left_is_not_sent_again_because_writing_that_down_failed(co: World) -> None:
    co.start("w", family="42")
    keeps_book(co, fails_when_answered(peewee.OperationalError("disk I/O error"), 1))
    with pytest.raises(peewee.OperationalError):
        co.tick()
    co.ticks_until("2026-03-20 12:00")
    assert len(co.wires["email"].taken) == 1
    assert co.attempts(1) == [("mail", "completed"), ("rest", "running")]


def test_31_a_passing_trouble_of_the_database_after_a_success_fails_no_instance(co: World) -> None:
    instance = co.start("w", family="42")
    keeps_book(co, fails_when_answered(peewee.OperationalError("database is locked"), 1))
    with pytest.raises(peewee.OperationalError):
        co.tick()
    co.tick()
    assert (co.status(instance), co.step(instance)) == ("running", "rest")


def test_32_a_trouble_of_the_database_when_an_attempt_begins_leaves_all_as_it_was(
    co: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = co.start("w", family="42")
    before = co.trail(instance)
    with monkeypatch.context() as broken:

        def full(*_: object, **__: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        broken.setattr(type(co.store.cases), "save", full)
        with pytest.raises((sqlite3.OperationalError, peewee.OperationalError)):
            co.tick()
    assert (co.trail(instance), co.wires["email"].taken) == (before, [])
    co.tick()
    assert len(co.wires["email"].taken) == 1


def test_33_a_provider_that_hangs_on_one_message_does_not_hold_up_the_others(co: World) -> None:
    gone, heard, left = Event(), [], [3]

    def hangs(_: Message) -> Delivery:
        heard.append(gone.wait(10))
        return Unknown("no answer within the time limit")

    def goes(_: Message) -> Delivery:
        left[0] -= 1
        if left[0] == 0:
            gone.set()
        return Accepted()

    co.wires["email"].answers += [hangs, goes, goes, goes]
    for family in ("42", "7", "8", "9"):
        co.has_family(family)
        co.start("w", family=family)
    report = co.tick()
    assert (heard, report.sent, len(report.in_doubt)) == ([True], 3, 1)


def test_34_a_stop_waits_for_the_message_at_hand_and_keeps_its_answer(co: World) -> None:
    instance = co.start("w", family="42")
    keeps_book(co, fails_when_answered(KeyboardInterrupt(), 1))
    with pytest.raises(KeyboardInterrupt):
        co.tick()
    assert (co.attempts(instance)[0], len(co.wires["email"].taken)) == (("mail", "completed"), 1)


def test_35_an_instance_that_keeps_failing_is_put_off_and_then_comes_before_a_person(
    co: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    co.has_family("7")
    bad, good = co.start("w", family="42"), co.start("w", family="7")
    advance = tick_module.advance

    def trips(case, *, now):  # type: ignore[no-untyped-def]
        if case.instance.instance_id == bad:
            raise ZeroDivisionError
        return advance(case, now=now)

    monkeypatch.setattr(tick_module, "advance", trips)
    assert len(co.tick().faults) == 1
    assert (planned(co, bad), co.step(good), co.tick().faults) == ("Fri 20 10:00", "rest", [])
    co.ticks_until("2026-03-20 12:00")
    assert (co.status(bad), len(co.tasks("42"))) == ("paused", 1)


def test_36_the_database_itself_refuses_a_second_active_run(co: World) -> None:
    co.start("w", family="42")
    with pytest.raises(peewee.IntegrityError, match="slot"):
        co.db.execute_sql(
            "INSERT INTO workflow_instances (template_id, family_id, triggered_by, trigger_date, status, context, slot,"
            " created_date) SELECT template_id, family_id, triggered_by, trigger_date, status, context, slot,"
            " created_date FROM workflow_instances"
        )


def test_37_a_paused_run_counts_as_one(co: World) -> None:
    has_bundled_workflows(co)
    [first] = co.predicts("42", 0.87, 82, number="1")
    assert first.instance_id is not None
    co.does(pause, first.instance_id)
    [second] = co.predicts("42", 0.90, 90, number="2")
    assert (second.answer, f"already active: instance {first.instance_id}" in second.reason) == (Answer.SKIPPED, True)


def test_38_the_higher_workflow_replaces_the_lower_and_the_lower_does_not_start_beside_it(co: World) -> None:
    has_bundled_workflows(co)
    [lower] = co.predicts("42", 0.70, 75, number="1")
    [higher] = co.predicts("42", 0.87, 82, number="2")
    [again] = co.predicts("42", 0.70, 75, number="3")
    assert (lower.workflow, higher.workflow, again.answer) == (MEDIUM, HIGH, Answer.SKIPPED)
    assert lower.instance_id is not None
    assert co.status(lower.instance_id) == "cancelled"


def test_39_the_same_prediction_starts_nothing_again_and_another_one_only_after_the_cooldown(co: World) -> None:
    trigger = {"type": "prediction", "cooldown": "30 days"}
    co.has_workflow("short", [task("a"), END], trigger=trigger)
    answers = []
    for number, later in (("1", 0), ("1", 1), ("2", 29), ("3", 31)):
        co.now = at("2026-03-20 09:00") + timedelta(days=later)
        [result] = co.predicts("42", 0.9, 90, number=number)
        answers.append(result.answer)
        co.tick()
    assert answers == [Answer.STARTED, Answer.SKIPPED, Answer.SKIPPED, Answer.STARTED]
