"""The ping after a tick: when the watcher is told, what it is told, and that no trouble with it stops a tick."""

import os
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from coopflow.alerts import ping as pinging
from coopflow.core.instants import format_instant
from coopflow.door import BETWEEN_PINGS, nothing_to_do
from tests.alerts.watcher import Watcher
from tests.cli.conftest import CONFIG, CoOp
from tests.folders import MARCH, a_folder, coopflow, plain_environ

ONE, TWO, SIX, TEN = (f"2026-03-20 13:{minute}:00" for minute in ("01", "02", "06", "10"))


def watched(co_op: CoOp, url: str) -> None:
    (co_op.folder / "coopflow.yaml").write_text(f"{CONFIG}alerts: {{ping_url: '{url}'}}\n")


def test_a_tick_tells_the_watcher_at_most_every_five_minutes(co_op: CoOp, watcher: Watcher) -> None:
    watched(co_op, watcher.url)

    for when in (ONE, TWO, SIX):
        assert co_op.run("tick", at=when) == (0, "", "")

    assert watcher.asked == ["/ping/canary"] * 2
    assert {agent.partition("/")[0] for agent in watcher.agents} == {"coopflow"}


def test_a_tick_that_could_not_do_its_work_says_so_each_time_and_the_next_good_one_at_once(
    co_op: CoOp, watcher: Watcher
) -> None:
    watched(co_op, watcher.url)
    co_op.run("tick", at=TEN)

    assert co_op.run("tick", at=ONE).code == 5  # the clock went back: nothing is done
    assert co_op.run("tick", at=ONE).code == 5
    assert co_op.run("tick", at="2026-03-20 13:11:00").code == 0

    assert watcher.asked == ["/ping/canary", "/ping/canary/fail", "/ping/canary/fail", "/ping/canary"]


def test_a_watcher_out_of_reach_is_one_line_once_and_the_tick_is_done(co_op: CoOp) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        watched(co_op, f"http://127.0.0.1:{unused.getsockname()[1]}/ping/canary")

        first, later, latest = (co_op.run("tick", at=when) for when in (ONE, SIX, "2026-03-20 13:11:00"))

    assert (first.code, later, latest) == (0, (0, "", ""), (0, "", ""))
    assert first.err == (
        "coopflow: the watcher under alerts: in coopflow.yaml could not be told that coopflow runs:"
        " Connection refused\n"
    )


def test_a_watcher_that_is_back_is_told_and_a_new_trouble_is_told_to_the_person_again(
    co_op: CoOp, watcher: Watcher
) -> None:
    watched(co_op, watcher.url)
    lines = []
    for when, answer in ((ONE, 404), (SIX, 404), ("2026-03-20 13:11:00", 200), ("2026-03-20 13:16:00", 500)):
        watcher.answer = answer
        lines.append(co_op.run("tick", at=when).err)

    assert ["it answered with 404" in lines[0], lines[1], lines[2], "it answered with 500" in lines[3]] == [
        *(True, "", ""),
        True,
    ]


def test_the_address_is_never_shown(co_op: CoOp, watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher.answer = 404
    monkeypatch.setenv("COOPFLOW_PING_URL", watcher.url)
    (co_op.folder / "coopflow.yaml").write_text(f"{CONFIG}alerts: {{ping_url_env: COOPFLOW_PING_URL}}\n")

    ran, shown = co_op.run("tick", at=ONE), co_op.run("config", "show")

    assert watcher.asked == ["/ping/canary"]
    assert "canary" not in ran.err + ran.out + shown.out + shown.err
    assert [path for path in co_op.folder.iterdir() if path.is_file() and b"canary" in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "the environment variable COOPFLOW_PING_URL is not set"),
        ("file:///etc/passwd", "its address does not begin with https:// or http://"),
        ("http://[canary", "ValueError"),
    ],
)
def test_an_address_that_cannot_be_asked_is_trouble_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, words: str
) -> None:
    monkeypatch.setenv("COOPFLOW_PING_URL", value)

    trouble = pinging.ping({"ping_url_env": "COOPFLOW_PING_URL"}, str(tmp_path / "state"), now=1e9)

    assert (trouble or "").endswith(words)


def test_a_watcher_that_says_nothing_is_left_alone_after_a_while(
    tmp_path: Path, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinging, "PATIENCE", 0.05)
    watcher.silent.set()

    trouble = pinging.ping({"ping_url": watcher.url}, str(tmp_path / "state"), now=1e9)

    assert "no answer within 0.05 seconds" in (trouble or "") or "timed out" in (trouble or "")


def test_where_nobody_is_to_be_told_no_file_is_left(co_op: CoOp, watcher: Watcher) -> None:
    watched(co_op, watcher.url)
    co_op.run("tick", at=ONE)
    assert (co_op.folder / "coopflow.db.ping").exists()

    (co_op.folder / "coopflow.yaml").write_text(CONFIG)
    co_op.run("tick", at=TWO)

    assert not (co_op.folder / "coopflow.db.ping").exists()


def test_a_tick_that_finds_another_at_work_tells_nothing(co_op: CoOp, watcher: Watcher) -> None:
    from coopflow.store.lock import TickLock

    watched(co_op, watcher.url)
    with TickLock(co_op.folder / "coopflow.db") as other:
        assert other.acquire()
        assert co_op.run("tick", at=ONE).code == 0

    assert watcher.asked == []


# -- the tick with nothing to do ----------------------------------------------------------------------------------


def test_the_two_numbers_are_the_same() -> None:
    assert BETWEEN_PINGS == pinging.EVERY


def test_an_idle_tick_tells_the_watcher_when_it_is_time_and_stays_idle(tmp_path: Path, watcher: Watcher) -> None:
    app = a_folder(tmp_path)
    with app.config.path.open("a") as file:
        file.write(f"alerts: {{ping_url: '{watcher.url}'}}\n")
    assert coopflow(tmp_path, "tick").returncode == 0
    state = tmp_path / "coopflow.db.ping"

    assert nothing_to_do(str(app.config.path), database=None, now=format_instant(MARCH))
    assert watcher.asked == ["/ping/canary"]  # of the full tick

    long_ago = state.stat().st_mtime - BETWEEN_PINGS
    os.utime(state, (long_ago, long_ago))
    assert nothing_to_do(str(app.config.path), database=None, now=format_instant(MARCH))
    assert watcher.asked == ["/ping/canary"] * 2
    assert state.stat().st_mtime > long_ago + BETWEEN_PINGS - timedelta(minutes=1).total_seconds()


def test_an_idle_tick_that_need_not_tell_imports_no_more_than_one_without_a_watcher(
    tmp_path: Path, watcher: Watcher
) -> None:
    from tests.test_imports import NEVER_IDLE, loaded_by

    app = a_folder(tmp_path)
    with app.config.path.open("a") as file:
        file.write(f"alerts: {{ping_url: '{watcher.url}'}}\n")
    assert coopflow(tmp_path, "tick").returncode == 0

    loaded = loaded_by(tmp_path, "tick")

    assert loaded & (NEVER_IDLE | {"urllib", "threading", "coopflow.alerts"}) == set()


def test_an_idle_tick_says_one_line_when_the_watcher_is_out_of_reach(tmp_path: Path) -> None:
    app = a_folder(tmp_path)
    with app.config.path.open("a") as file:
        file.write("alerts: {ping_url_env: COOPFLOW_PING_URL}\n")
    environ = plain_environ()
    assert "is not set" in coopflow(tmp_path, "tick", environ=environ).stderr
    state = tmp_path / "coopflow.db.ping"
    state.write_text("")
    os.utime(state, (0, 0))

    told = coopflow(tmp_path, "tick", environ=environ)
    os.utime(state, (0, 0))
    silent = coopflow(tmp_path, "tick", environ=environ)

    assert (told.returncode, told.stderr.count("COOPFLOW_PING_URL is not set")) == (0, 1)
    assert (silent.returncode, silent.stderr) == (0, "")
