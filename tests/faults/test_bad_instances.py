"""One bad instance is set aside, told about and put before a person; the others never notice."""

import sqlite3
from collections.abc import Callable

import pytest

from coopflow import tick as tick_module
from coopflow.core.deliveries import Unavailable
from coopflow.core.people import resume
from coopflow.errors import DatabaseUnusable
from tests.world import World, at

MAIL = {"id": "mail", "type": "email", "template_id": "hello"}
END = {"id": "done", "type": "end"}


@pytest.fixture
def three(wired: World) -> World:
    """Three families with a mail that is due; it is the second whose instance is bad."""
    wired.has_workflow("outreach", [MAIL, END])
    for family in ("1", "2", "3"):
        wired.has_family(family)
        wired.start("outreach", family=family)
    return wired


def sent(world: World) -> list[str | None]:
    return sorted(message.family_id or "" for message in world.wires["email"].taken)


def spoil(world: World, statement: str) -> None:
    """What somebody's own tool does to the database."""
    connection = sqlite3.connect(world.folder / "coopflow.db")
    with connection:
        connection.execute(statement)
    connection.close()


def with_an_impossible_instant(world: World) -> None:
    spoil(world, "UPDATE workflow_instances SET trigger_date = '2026-02-30T14:00:00Z' WHERE instance_id = 2")


def with_a_version_that_makes_no_sense(world: World) -> None:
    world.has_workflow("other", [MAIL])
    spoil(world, "UPDATE workflow_templates SET steps = '[{\"id\": 1}]' WHERE template_name = 'other'")
    spoil(world, "UPDATE workflow_instances SET template_id = 2 WHERE instance_id = 2")
    world.store.templates._read.clear()  # a tick is a new process, and has read nothing yet


@pytest.mark.parametrize("make_unreadable", [with_an_impossible_instant, with_a_version_that_makes_no_sense])
def test_an_instance_that_cannot_even_be_read_is_set_aside_and_the_others_go_on(
    three: World, make_unreadable: Callable[[World], None]
) -> None:
    make_unreadable(three)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(World, "check", lambda _: None)  # it cannot read it either
        report = three.tick()
        assert [fault.partition(":")[0] for fault in report.faults] == ["instance 2"]
        assert sent(three) == ["1", "3"]

        assert three.tick().faults == []  # it is left alone for an hour
        three.ticks_until("2026-03-20 12:00")
    [task] = three.tasks("2")
    assert (task.task_type, task.priority) == ("fault", "high")
    assert "Instance 2 cannot be read" in task.description
    statuses = three.db.execute_sql("SELECT status FROM workflow_instances ORDER BY instance_id").fetchall()
    assert statuses == [("completed",), ("paused",), ("completed",)]
    kinds = [row["kind"] for row in three.store.looking.events(instance_id=2)]
    assert kinds == ["instance.started", "step.deferred", "step.deferred", "instance.paused"]


def test_an_instance_that_was_mended_goes_on_when_it_is_resumed(three: World) -> None:
    with_an_impossible_instant(three)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(World, "check", lambda _: None)
        three.tick()
        three.ticks_until("2026-03-20 12:00")
    spoil(three, "UPDATE workflow_instances SET trigger_date = '2026-03-20T13:00:00Z' WHERE instance_id = 2")
    three.check()
    assert three.does(resume, 2) is None
    three.tick()
    assert sent(three) == ["1", "2", "3"]


def test_a_crash_and_then_an_unreadable_instance_never_become_a_second_message(three: World) -> None:
    deliver = three.engine.post.deliver

    def dies(batch, book):  # type: ignore[no-untyped-def]
        assert book(batch, ()) == {outgoing.message.key for outgoing in batch}
        three.wires["email"].taken += [outgoing.message for outgoing in batch]
        raise KeyboardInterrupt

    three.engine.post.deliver = dies  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        three.tick()
    three.engine.post.deliver = deliver  # type: ignore[method-assign]
    with_an_impossible_instant(three)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(World, "check", lambda _: None)
        report = three.tick()
        assert report.in_doubt == [1, 3]
        assert len(report.faults) == 1
        three.ticks_until("2026-03-20 10:00")
        spoil(three, "UPDATE workflow_instances SET trigger_date = '2026-03-20T13:00:00Z' WHERE instance_id = 2")
        three.ticks_until("2026-03-20 12:00")
    three.check()
    assert sent(three) == ["1", "2", "3"]
    assert [task.task_type for task in three.tasks("2")] == ["doubt"]


def test_an_instance_at_a_step_that_does_not_exist_comes_before_a_person(three: World) -> None:
    spoil(three, "UPDATE workflow_queue SET step_id = 'gone' WHERE instance_id = 2")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(World, "check", lambda _: None)
        assert len(three.tick().faults) == 1
        three.ticks_until("2026-03-20 12:00")
    assert sent(three) == ["1", "3"]
    assert [task.task_type for task in three.tasks("2")] == ["person"]


def test_the_answers_of_a_batch_are_on_record_even_if_one_of_them_cannot_be_written(
    three: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = tick_module.answered

    def trips(case, entry, fate, *, now):  # type: ignore[no-untyped-def]
        if case.instance.instance_id == 2:
            raise ZeroDivisionError("oh")
        answered(case, entry, fate, now=now)

    monkeypatch.setattr(tick_module, "answered", trips)
    report = three.tick()
    assert [three.status(instance) for instance in (1, 2, 3)] == ["completed", "running", "completed"]
    assert report.faults == ["instance 2: ZeroDivisionError: oh"]
    assert three.tick().in_doubt == [2]  # its answer is lost, and so a person has to find out
    assert sent(three) == ["1", "2", "3"]


def test_an_outbox_message_whose_answer_can_never_be_written_comes_before_a_person(
    coop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    coop.has_workflow("outreach", [MAIL, END])
    coop.has_family("42")
    coop.start("outreach", family="42")

    def trips(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(tick_module, "answered", trips)
    for _ in range(3):
        coop.tick()
    assert [task.task_type for task in coop.tasks("42")] == ["doubt"]
    assert coop.tick().faults == []
    assert len(coop.mails()) == 1


def test_a_last_call_that_trips_over_one_instance_lets_the_others_pass(
    three: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = tick_module.decide

    def trips(case, entry, *, now):  # type: ignore[no-untyped-def]
        if case.instance.instance_id == 2:
            raise ZeroDivisionError("oh")
        return decide(case, entry, now=now)

    monkeypatch.setattr(tick_module, "decide", trips)
    three.tick("2026-03-20 09:00", limit=3)
    assert sent(three) == ["1", "3"]


def test_an_escalation_that_trips_does_not_hold_up_the_others(wired: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from coopflow.core import desk

    call = {"id": "call", "type": "call", "reason": "x", "outcomes": {"ok": "done"}}
    wired.has_workflow("talk", [call, END], escalation={"levels": [{"after": "2 hours", "assign": "director"}]})
    for family in ("1", "2"):
        wired.has_family(family)
        wired.start("talk", family=family)
    wired.tick()
    escalate = desk.escalate

    def trips(case, task, *, now):  # type: ignore[no-untyped-def]
        if case.instance.instance_id == 1:
            raise ZeroDivisionError("oh")
        escalate(case, task, now=now)

    monkeypatch.setattr(desk, "escalate", trips)
    report = wired.tick("2026-03-20 12:00")
    assert (report.escalated, len(report.faults)) == (1, 1)
    assert wired.tasks("2")[0].assignee == "director"
    assert wired.tick().faults == []
    monkeypatch.undo()
    wired.tick("2026-03-20 13:00")
    assert wired.tasks("1")[0].assignee == "director"


def test_trouble_with_the_database_is_nobodys_fault_and_ends_the_tick(
    three: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object, **__: object) -> None:
        problem = sqlite3.OperationalError("database or disk is full")
        problem.sqlite_errorcode = sqlite3.SQLITE_FULL
        problem.sqlite_errorname = "SQLITE_FULL"
        raise problem

    monkeypatch.setattr(tick_module, "advance", no_room)
    with pytest.raises(DatabaseUnusable, match="no space is left"):
        three.tick()
    monkeypatch.undo()
    assert [three.case(instance).instance.error_count for instance in (1, 2, 3)] == [0, 0, 0]
    three.tick()
    assert sent(three) == ["1", "2", "3"]


def test_a_fault_that_no_encoding_can_write_is_recorded_all_the_same(
    three: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trips(*_: object, **__: object) -> None:
        raise ValueError("half a character: \ud800\n\x1b[2J")

    monkeypatch.setattr(tick_module, "advance", trips)
    report = three.tick()
    assert report.faults[0] == "instance 1: ValueError: half a character: \\ud800 \\x1b[2J".replace("\\x1b", "\x1b")
    assert three.case(1).instance.last_error == report.faults[0]


def test_a_window_that_was_taken_out_of_the_configuration_brings_those_who_need_it_before_a_person(
    wired: World,
) -> None:
    wired.has_workflow("outreach", [{"id": "rest", "type": "wait", "duration": "1 hour"}, {**MAIL, "window": "gone"}])
    wired.has_family("42")
    instance = wired.start("outreach", family="42")
    wired.tick()
    wired.ticks_until("2026-03-20 10:00")
    assert wired.status(instance) == "paused"
    [task] = wired.tasks("42")
    assert task.description.startswith("the turn of 'Mail' never comes: there is no window 'gone'")


def test_a_window_that_goes_while_a_message_waits_for_its_transport_brings_it_before_a_person(wired: World) -> None:
    windows = dict(wired.coop.calendar.windows)
    wired.coop.calendar.windows["evening"] = windows["always"]  # type: ignore[index]
    wired.has_workflow("outreach", [{**MAIL, "window": "evening"}])
    wired.has_family("42")
    wired.start("outreach", family="42")

    def gone(message: object) -> Unavailable:
        del wired.coop.calendar.windows["evening"]  # type: ignore[attr-defined]
        return Unavailable("connection refused")

    wired.wires["email"].answers.append(gone)
    wired.tick()
    [task] = wired.tasks("42")
    assert task.description.startswith("connection refused; and there is no time for another try: there is no window")


def test_a_hold_for_a_window_that_never_opens_ends_when_it_does(wired: World) -> None:
    wired.has_workflow("outreach", [{**MAIL, "window": "evening"}])
    wired.has_family("42")
    instance = wired.start("outreach", family="42")
    assert wired.status(instance) == "paused"
    wired.coop.calendar.windows["evening"] = wired.coop.calendar.windows["always"]  # type: ignore[index]
    wired.closes(wired.tasks("42")[0], "retry")
    wired.tick()
    assert wired.status(instance) == "completed"
    assert at("2026-03-20 09:00") == wired.now
