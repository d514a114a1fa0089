"""What people do to it, O01 to O32: twice, too late, with the wrong number, with what belongs to somebody else."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from coopflow.cli.main import app
from coopflow.core.deliveries import Unknown
from coopflow.core.people import cancel
from coopflow.doubts import settle_doubt
from coopflow.errors import NotAllowed
from tests.cli.conftest import CoOp
from tests.faults import command
from tests.faults.scene import files
from tests.inbox.conftest import Desk
from tests.inbox.conftest import desk as desk
from tests.inbox.mails import dsn
from tests.pattern.parts import END, MAIL, wait
from tests.stories.test_people import meanwhile
from tests.stories.test_triggers import STEPS, trigger
from tests.world import World


@pytest.fixture
def busy(co_op: CoOp) -> CoOp:
    """A family with an instance that waits, a task of another one, and a mail that came in."""
    co_op.world.has_family("42", family_name="Martinez")
    co_op.world.has_family("43", family_name="Martin")
    co_op.world.has_workflow(
        "w", [{"id": "look", "type": "task", "description": "look", "outcomes": {"ok": "done"}}, END]
    )
    co_op.world.start("w", family="42")
    co_op.world.tick()
    return co_op


def everything(co_op: CoOp) -> list[object]:
    return [row["kind"] for row in co_op.world.store.looking.events()]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("show 99", 3, "there is no instance 99"),
        ("pause 42", 3, "family 42 (Martinez) has instance 1"),
        ("pause 1 99", 1, "there is no instance 99"),
        ("task done 99", 3, "there is no task 99"),
        ("doubt resolve 1 --sent", 3, "1"),
        ("inbox show 99", 3, "99"),
        ("event payment_received --family Mart", 3, "Martin"),
        ("why nobody", 3, "there is no family 'nobody'"),
        ("workflow show v", 3, "there is no workflow 'v'"),
        ("goto 1 nowhere", 3, "nowhere"),
    ],
)
def test_o01_what_was_not_meant_is_named_with_what_may_be_and_changes_nothing(
    busy: CoOp, words: str, code: int, said: str
) -> None:
    before = everything(busy)
    ran = busy.run(*words.split(), *(["--yes"] if words.startswith("pause 1 ") else []))
    assert (ran.code, said in ran.err) == (code, True), ran
    assert [kind for kind in everything(busy) if kind != "instance.paused"] == before


def test_o02_cancelling_twice_or_what_is_finished_changes_nothing_more(busy: CoOp) -> None:
    assert busy.run("cancel", "1", "--yes").code == 0
    before = everything(busy)
    again = busy.run("cancel", "1", "--yes")
    assert (again.code, "instance 1 is cancelled already" in again.err) == (3, True)
    assert everything(busy) == before


def test_o02_o23_a_cancel_while_the_mail_is_on_its_way_is_on_record_and_no_other_mail_follows(wired: World) -> None:
    wired.has_family("42")
    wired.has_workflow("w", [MAIL, wait(), {**MAIL, "id": "again"}, END])
    instance = wired.start("w", family="42")
    meanwhile(wired, lambda: wired.does(cancel, instance))
    wired.tick()
    wired.tick("2026-04-20 09:00")
    assert len(wired.wires["email"].taken) == 1  # it could not be called back, and that is on record
    assert wired.status(instance) == "cancelled"
    assert wired.attempts(instance)[0] == ("mail", "completed")


def test_o23_an_instance_of_the_wrong_family_that_is_cancelled_in_time_sends_nothing(wired: World) -> None:
    wired.has_family("42")
    wired.has_workflow("w", [MAIL, END])
    instance = wired.start("w", family="42")
    assert wired.does(cancel, instance, reason="meant for 43") is None
    wired.tick()
    assert wired.wires["email"].taken == []
    assert "instance.cancelled" in wired.trail(instance)


def test_o05_of_two_who_settle_a_doubt_the_first_is_believed_and_the_second_told(wired: World) -> None:
    wired.has_family("42")
    wired.has_workflow("w", [MAIL, END])
    wired.wires["email"].answers.append(lambda _: Unknown("no answer"))
    instance = wired.start("w", family="42")
    wired.tick()
    settle_doubt(wired.store, instance, sent=True, note=None, actor="sarah", now=wired.now)
    with pytest.raises(NotAllowed, match="sarah"):
        settle_doubt(wired.store, instance, sent=False, note=None, actor="mike", now=wired.now)
    wired.tick("2026-03-21 09:00")
    assert wired.status(instance) == "completed"
    assert wired.wires["email"].taken == []


def test_o06_a_bounce_of_a_mail_that_was_said_not_to_have_left_is_on_record_and_stops_the_next_one(desk: Desk) -> None:
    desk.world.wires["email"].answers.append(lambda _: Unknown("no answer"))
    instance = desk.has_written(steps=[{**MAIL, "id": "hello"}, END], completion_criteria=None)
    settle_doubt(desk.world.store, instance, sent=False, note=None, actor="sarah", now=desk.world.now)
    taken = desk.mail(dsn(desk.sent(instance)))
    assert taken.status == "matched"
    assert "by the message that came back" in taken.reason
    desk.world.tick("2026-03-20 09:10")
    assert desk.world.wires["email"].taken == []
    assert [row["address"] for row in desk.world.store.inbox.bad_addresses()] == ["family42@example.org"]
    assert desk.world.status(instance) == "paused"  # a person looks at it, and finds both in `show`


def test_o14_two_ticks_that_share_a_configuration_by_mistake_share_its_lock(folder: Path) -> None:
    first, second = folder / "first", folder / "second"
    for made in (first, second):
        made.mkdir()
        command.starts(command.made(made, families=3), 3)
    words = re.sub("(?m)^database: .*$", f"database: {first / 'coopflow.db'}", (second / "coopflow.yaml").read_text())
    (second / "coopflow.yaml").write_text(words)
    with command.open_app(first / "coopflow.yaml").lock as lock:
        assert lock.acquire()
        assert command.said_by_tick(second) == (0, "")
        assert files(first) == files(second) == {}
    assert command.said_by_tick(second) == (0, "")
    assert sum(len(keys) for keys in files(second).values()) == 3
    assert command.said_by_tick(first) == (0, "")
    assert files(first) == {}


def names(group: TyperGroup, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [before]
    for name, inner in group.commands.items():
        found += names(inner, (*before, name)) if isinstance(inner, TyperGroup) else [(*before, name)]
    return found


ALL = typer.main.get_command(app)


@pytest.mark.parametrize("words", names(ALL), ids=" ".join)  # type: ignore[arg-type]
def test_o30_help_needs_neither_database_nor_configuration(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from coopflow.cli.main import run

    monkeypatch.chdir(tmp_path)
    assert run([*words, "--help"]) == 0
    assert "Usage: " in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_o32_a_start_by_hand_in_the_same_minute_as_the_trigger_is_one_instance(coop: World) -> None:
    coop.has_family("42")
    coop.has_workflow("high", STEPS, trigger=trigger(0.80, 80))
    coop.predicts("42", 0.9, 90)
    assert coop.starts("high", family="42").instance_id is None
    coop.tick()
    assert len(coop.store.cases.active()) == 1


def test_h39_modules_in_the_current_directory_are_not_taken_for_libraries(tmp_path: Path) -> None:
    for name in ("yaml", "sqlite3", "peewee", "typer", "json", "coopflow", "zoneinfo"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken from the current directory')\n")
    script = Path(sys.executable).with_name("coopflow")
    ran = subprocess.run(
        [str(script), "init", str(tmp_path / "co-op")],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, "current directory" in ran.stderr) == (0, False), ran.stderr
