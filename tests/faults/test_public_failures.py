"""Ten failures of other systems that their users have reported, each as a test that bears its number.

What goes beyond these tests: a cloned machine image (listmonk 1801) cannot be told from its original by anything on
disk; here it is the rule about lateness that keeps it from writing to everybody.
"""

import os
import shutil
from pathlib import Path

import pytest

from coopflow.channels.base import Accepted
from coopflow.channels.outbox import Outbox
from coopflow.core.deliveries import Refused, Unknown
from coopflow.core.model import Prediction
from coopflow.core.people import pause, resume
from coopflow.core.verdict import Answer
from coopflow.store.lock import TickLock, last_beat
from coopflow.tick import tick
from coopflow.triggers import take_predictions
from tests.faults import command
from tests.faults.children import KILLED, Gate, end_of, fork, run
from tests.faults.scene import MAIL, assert_sound, engine, files, fill, ledger, opened
from tests.faults.story import perform, ticks
from tests.world import World, at, world

NOW = at("2026-03-20 09:00")


def test_listmonk_3022_a_kill_after_500_were_claimed_leaves_all_500_due(folder: Path) -> None:
    with world(folder) as made:
        fill(made, 500)

    def dies_before_the_first_message() -> None:
        with engine(folder) as opened_engine:
            opened_engine.post.deliver = lambda *_: os.kill(os.getpid(), 9)  # type: ignore[method-assign, assignment]
            tick(opened_engine, now=NOW)

    assert run(dies_before_the_first_message) == KILLED
    assert files(folder) == {}
    with engine(folder) as opened_engine:
        report = tick(opened_engine, now=NOW)
        assert (report.recovered, report.sent) == (500, 500)
    assert {len(keys) for keys in files(folder).values()} == {1}
    assert len(files(folder)) == 500


def test_listmonk_2313_and_2070_pausing_and_resuming_in_the_middle_goes_on_where_it_was(coop: World) -> None:
    fill(coop, 60)
    coop.tick(limit=25)
    for instance in range(1, 61):
        coop.does(pause, instance)  # those that are finished refuse
    coop.tick()
    assert len(coop.mails()) == 25

    for instance in range(1, 61):
        coop.does(resume, instance)
    coop.tick()
    assert len({mail["To"] for mail in coop.mails()}) == len(coop.mails()) == 60


def test_listmonk_1801_a_database_that_lay_about_for_a_week_does_not_write_to_everybody_when_it_is_used_again(
    tmp_path: Path,
) -> None:
    (tmp_path / "first").mkdir()
    with world(tmp_path / "first") as made:
        fill(made, 5)
    shutil.copytree(tmp_path / "first", tmp_path / "clone")
    with engine(tmp_path / "first") as original:
        tick(original, now=NOW)
    with engine(tmp_path / "clone") as clone:
        tick(clone, now=at("2026-03-27 09:00"))
        assert len(clone.store.desk.tasks()) == 5
        assert_sound(clone.store)
    assert len(files(tmp_path / "first")) == 5
    assert files(tmp_path / "clone") == {}


def test_listmonk_2860_and_2278_nobody_is_finished_whose_message_has_not_left(folder: Path) -> None:
    with world(folder) as made:
        fill(made, 30)
    for point in (200, 400, 600):
        perform(folder, [ticks("2026-03-20 09:00")], die_at=point)
        with opened(folder) as store:
            finished = store.db.execute_sql("SELECT family_id FROM workflow_instances WHERE status = 'completed'")
            assert {row[0] for row in finished} <= set(files(folder))
    perform(folder, [ticks("2026-03-20 09:00")])
    assert len(files(folder)) == 30
    with opened(folder) as store:
        assert len(ledger(store, "completed")) == 30


def test_mautic_2215_and_3669_a_tick_that_takes_longer_than_a_minute_shares_nothing_with_the_next_one(
    folder: Path,
) -> None:
    app = command.made(folder, families=5)
    command.starts(app, 5)
    held, go = Gate(), Gate()

    def long_tick() -> None:
        with app.lock as lock, app.engine() as made:
            assert lock.acquire()
            held.open()
            go.wait()
            tick(made, now=command.now())

    first = fork(long_tick)
    held.wait()
    for _ in range(3):
        assert command.said_by_tick(folder) == (0, "")
    assert files(folder) == {}
    go.open()
    assert end_of(first) == 0
    assert {len(keys) for keys in files(folder).values()} == {1}


def test_mautic_7226_one_refused_recipient_changes_nothing_for_the_499_others(wired: World) -> None:
    fill(wired, 500)
    wired.wires["email"].answers += [Accepted("250 ok")] * 6 + [Refused("554 no such user")]
    wired.tick()
    wired.ticks_until("2026-03-20 12:00")
    taken = [message.family_id for message in wired.wires["email"].taken]
    assert len(taken) == len(set(taken)) == 499
    [task] = wired.tasks()
    assert "554 no such user" in task.description
    assert task.family_id not in taken


def test_mautic_1139_the_lock_is_a_lock_and_its_time_is_the_ticks(folder: Path) -> None:
    app = command.made(folder)
    database = folder / "coopflow.db"
    assert last_beat(database) is None
    before = command.now()
    assert command.said_by_tick(folder) == (0, "")
    beat = last_beat(database)
    assert beat is not None
    assert before <= beat <= command.now()
    with app.lock as lock, TickLock(database) as second:
        assert lock.acquire()
        assert not second.acquire()


def test_mautic_7057_a_message_that_lies_there_already_is_accepted_and_not_tried_again(coop: World) -> None:
    fill(coop, 1)
    outgoing = []
    deliver = coop.engine.post.deliver
    coop.engine.post.deliver = lambda batch, _: outgoing.extend(batch)  # type: ignore[method-assign]
    coop.tick()
    Outbox("email", coop.outbox).deliver(outgoing[0].message, lambda: True)  # and then the tick died

    coop.engine.post.deliver = deliver  # type: ignore[method-assign]
    assert coop.tick().sent == 1
    assert coop.tick().advanced == 0
    assert coop.attempts(1) == [("mail", "completed"), ("done", "completed")]
    assert len(coop.mails()) == 1


def test_gophish_1242_what_starts_and_advances_at_once_is_not_started_by_the_next_tick_too(folder: Path) -> None:
    with world(folder) as made:
        made.has_workflow("outreach", MAIL, trigger={"type": "prediction"})
        made.has_family("1")
    prediction = Prediction(prediction_id="1", family_id="1", predicted_probability=0.9, confidence_score=90)
    go = Gate()

    def trigger_now() -> None:
        go.wait()
        with TickLock(folder / "coopflow.db") as lock, engine(folder) as made_engine:
            with made_engine.store.transaction():
                take_predictions(made_engine.store, [prediction], now=NOW)
            if lock.acquire():
                tick(made_engine, now=NOW)

    children = [fork(trigger_now), fork(trigger_now)]
    go.open()
    go.open()
    assert [end_of(child) for child in children] == [0, 0]
    with engine(folder) as last:
        tick(last, now=NOW)
        assert last.store.db.execute_sql("SELECT COUNT(*) FROM workflow_instances").fetchone() == (1,)
    assert len(files(folder)["1"]) == 1


def test_eliza_22382_a_request_that_timed_out_after_it_was_sent_is_not_sent_again(wired: World) -> None:
    fill(wired, 1, [{"id": "text", "type": "sms", "message": "Hi"}])
    wire = wired.wires["sms"]
    wire.answers.append(lambda message: wire.taken.append(message) or Unknown("502 Bad Gateway"))
    wired.tick()
    wired.ticks_until("2026-03-23 20:00")
    assert len(wire.taken) == 1
    assert [task.task_type for task in wired.tasks()] == ["doubt"]


@pytest.mark.parametrize("together", [True, False])
def test_mautic_4759_the_same_family_twice_in_one_list_gets_one_message(coop: World, together: bool) -> None:
    coop.has_workflow("outreach", MAIL, trigger={"type": "prediction", "cooldown": "30 days"})
    coop.has_family("1")
    twice = [
        Prediction(prediction_id=number, family_id="1", predicted_probability=0.9, confidence_score=90)
        for number in ("a", "b")
    ]
    answers = []
    for predictions in [twice] if together else [twice[:1], twice[1:]]:
        with coop.store.transaction():
            answers += [result.answer for result in take_predictions(coop.store, predictions, now=coop.now)]
        coop.tick()
    assert answers == [Answer.STARTED, Answer.SKIPPED]
    assert len(coop.mails()) == 1
