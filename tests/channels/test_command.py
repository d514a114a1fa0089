"""Texts by a program of one's own: real scripts, a clean environment, and an end to those that have none."""

import json
import os
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from coopflow.channels.base import Accepted, Deferred, Delivery, Refused, Unavailable, Unknown, Withdrawn
from coopflow.channels.command import CommandTexts, Program, clean_environment
from coopflow.channels.process import run_program

from .contract import Arrived, LastCallContract, same_lines, yes
from .test_twilio import SMS

Script = Callable[..., str]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    def script(body: str, name: str = "send.sh", shebang: str = "#!/bin/sh") -> str:
        path = tmp_path / name
        path.write_text(f"{shebang}\n{body}\n")
        path.chmod(0o755)
        return str(path)

    return script


def channel(path: str, *arguments: str, seconds: float = 10, environ: dict[str, str] | None = None) -> CommandTexts:
    clean = clean_environment(os.environ) if environ is None else environ
    return CommandTexts(
        Program(argv=[path, *(arguments or ("{to}",))], folder=Path(path).parent, environ=clean, seconds=seconds)
    )


def fate(path: str, *arguments: str, seconds: float = 10) -> Delivery:
    return channel(path, *arguments, seconds=seconds).deliver(SMS, yes)


class TestACommandKeepsTheContract(LastCallContract):
    @pytest.fixture
    def world(self, tmp_path: Path, script: Script):  # type: ignore[no-untyped-def]
        drop = tmp_path / "drop"
        drop.mkdir()
        program = channel(script(f'f=$(mktemp "{drop}/XXXXXX"); {{ echo "$1"; cat; }} > "$f.done"; rm "$f"'))

        class Far:
            """The program is not told our key, so it is noted here."""

            keys: dict[str, str]

            def __init__(self) -> None:
                self.keys = {}
                self.channel = self
                self.name, self.transport, self.dedupes, self.close = "sms", "command", False, program.close

            def deliver(self, message, last_call):
                self.keys[same_lines(message.text)] = message.key
                return program.deliver(message, last_call)

            def message(self):
                return SMS

            def arrived(self) -> list[Arrived]:
                found = [path.read_bytes().decode().split("\n", 1) for path in drop.glob("*.done")]
                texts = [(to, same_lines(text)) for to, text in found]
                return sorted((Arrived(self.keys[text], to, text) for to, text in texts), key=lambda one: one.key)

        return Far()


def test_the_number_is_an_argument_and_the_words_come_on_standard_input(tmp_path: Path, script: Script) -> None:
    path = script(f'printf "%s|" "$@" > {tmp_path}/seen; cat >> {tmp_path}/seen; echo "Written with ID 17"')
    assert fate(path, "TEXT", "{to}", "$(id)", "a b") == Accepted("Written with ID 17")
    assert (tmp_path / "seen").read_text() == f"TEXT|{SMS.to}|$(id)|a b|{SMS.text}"


CODES = {
    0: Accepted(None),
    75: Deferred("send.sh ended with 75: no room"),
    69: Unavailable("send.sh ended with 69: no room"),
    78: Unavailable("send.sh ended with 78: no room"),
    1: Refused("send.sh ended with 1: no room"),
    127: Refused("send.sh ended with 127: no room"),
}


@pytest.mark.parametrize(("code", "expected"), CODES.items())
def test_the_exit_code_says_what_became_of_it(script: Script, code: int, expected: Delivery) -> None:
    assert fate(script(f"echo 'no room' >&2; exit {code}")) == expected


def test_what_it_says_of_a_number_stays_out_of_the_trail(script: Script) -> None:
    assert fate(script('echo "cannot reach $1" >&2; exit 1')) == Refused("send.sh ended with 1: cannot reach …")


def test_h32_a_secret_that_it_says_again_stays_out_of_the_trail(script: Script) -> None:
    path = script('echo "bad pin $PIN" >&2; exit 1')
    environ = clean_environment({"PIN": "canary-pin"}, ["PIN"])
    assert channel(path, environ=environ).deliver(SMS, yes) == Refused("send.sh ended with 1: bad pin ***")


def test_one_that_is_killed_is_in_doubt(script: Script) -> None:
    assert fate(script("kill -9 $$")) == Unknown("send.sh was ended by a signal")


def test_one_that_hangs_is_ended_with_all_that_it_has_started(tmp_path: Path, script: Script) -> None:
    path = script(f"sleep 30 & echo $! > {tmp_path}/child; trap '' TERM; sleep 30")
    began = time.monotonic()
    assert fate(path, seconds=0.5) == Unknown("send.sh was not done after 0.5 seconds and was ended")
    assert time.monotonic() - began < 10
    child = int((tmp_path / "child").read_text())
    while _alive(child) and time.monotonic() - began < 10:  # a kill takes a moment to come about
        os.sched_yield()
    assert not _alive(child)


def _alive(pid: int) -> bool:
    """True for a process that runs; one that has ended and was not waited for is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_one_that_leaves_something_running_is_done_all_the_same(script: Script) -> None:
    began = time.monotonic()
    assert fate(script("(sleep 3; echo late) & echo started"), seconds=20) == Accepted("started")
    assert time.monotonic() - began < 2.5


def test_one_that_talks_without_end_is_listened_to_for_a_while_only(tmp_path: Path, script: Script) -> None:
    path = script("head -c 5000000 /dev/zero | tr '\\0' x; head -c 5000000 /dev/zero >&2")
    ended = run_program([path], given=b"", environ=clean_environment({}), folder=tmp_path, seconds=20)
    assert (ended.code, len(ended.out), len(ended.err)) == (0, 65_536, 65_536)


def test_one_that_does_not_read_is_not_waited_for(tmp_path: Path, script: Script) -> None:
    path = script("exit 0")
    ended = run_program([path], given=b"x" * 10_000_000, environ={}, folder=tmp_path, seconds=20)
    assert ended.code == 0


def test_it_gets_a_clean_environment_no_open_files_and_a_group_of_its_own(
    tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_TOKEN", "canary")
    monkeypatch.setenv("GAMMU_PIN", "1234")
    monkeypatch.setenv("LD_PRELOAD", "")
    body = (
        "import json, os, sys; json.dump({'env': sorted(os.environ), 'fds': sorted(os.listdir('/proc/self/fd')),"
        f" 'group': os.getpgid(0) == os.getpid(), 'cwd': os.getcwd()}}, open('{tmp_path}/seen', 'w'))"
    )
    path = script(body, "send.py", f"#!{sys.executable}")
    with (tmp_path / "open").open("w") as left_open:
        os.set_inheritable(left_open.fileno(), True)
        environ = clean_environment(os.environ, ["GAMMU_PIN", "NOT_SET"])
        environ["PATH"] = os.environ["PATH"]
        assert channel(path, environ=environ).deliver(SMS, yes) == Accepted(None)
    seen = json.loads((tmp_path / "seen").read_text())
    assert set(seen["env"]) - {"LC_CTYPE", "PWD", "SHLVL", "_"} == {"PATH", "LANG", "HOME", "GAMMU_PIN"}
    assert len(seen["fds"]) <= 5  # its three, the directory it lists, the file it writes
    assert seen["group"]
    assert seen["cwd"] == str(tmp_path)


def test_what_cannot_be_run_is_known_before_the_last_call(tmp_path: Path, script: Script) -> None:
    asked: list[bool] = []
    path = script("true")
    Path(path).chmod(stat.S_IRUSR)
    for program, words in [
        ("relative", "relative is not an absolute path"),
        (str(tmp_path / "none"), f"there is no program {tmp_path}/none"),
        (str(tmp_path), f"there is no program {tmp_path}"),
    ]:
        found = CommandTexts(Program(argv=[program], folder=tmp_path, environ={})).deliver(
            SMS, lambda: asked.append(True) or True
        )
        assert found == Unavailable(words, True)
    assert asked == []


def test_one_that_cannot_be_started_after_all_was_not_sent(tmp_path: Path, script: Script) -> None:
    found = fate(script("", shebang="#!/no/such/interpreter"))
    assert isinstance(found, Unavailable)
    assert found.until_mended


def test_a_no_at_the_last_call_starts_nothing(tmp_path: Path, script: Script) -> None:
    path = script(f"touch {tmp_path}/ran")
    assert channel(path).deliver(SMS, lambda: False) == Withdrawn()
    assert not (tmp_path / "ran").exists()
