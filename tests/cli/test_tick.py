"""`coopflow tick`: silent when all is well, one at a time, and a rehearsal that changes nothing."""

import hashlib
import json
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from coopflow.app import App
from coopflow.batches import TickReport
from coopflow.cli.ticking import _needs_a_person
from coopflow.core.audit import sentence
from coopflow.errors import Temporary
from coopflow.store.database import create
from tests.cli.conftest import CoOp, Ran
from tests.folders import CONFIG, ERRAND, a_folder, coopflow, plain_environ, starts

BROKEN = ERRAND.replace("if_true_step: visit", "if_true_step: visti")
TOLD = (
    "{folder}/workflows.d/errand.yaml:5:84: steps[1] 'enrolled' if_true_step: there is no step 'visti'."
    " Did you mean 'visit'?"
)


@dataclass
class Shop:
    """A co-op whose workflows are files, as cron sees it."""

    app: App
    co_op: CoOp

    @property
    def folder(self) -> Path:
        return self.app.config.path.parent

    def run(self, *arguments: str, at: str = "2026-03-20 13:00:00") -> Ran:
        return self.co_op.run("-c", str(self.app.config.path), *arguments, at=at)

    def writes(self, name: str, text: str) -> None:
        (self.folder / "workflows.d" / f"{name}.yaml").write_text(text)

    def mails(self) -> list[Path]:
        return sorted((self.folder / "outbox").rglob("*.eml"))

    def state(self) -> dict[str, str]:
        """Every file of the co-op by its fingerprint."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    def trail(self) -> list[str]:
        with self.app.store(read_only=True) as store:
            rows = store.looking.events_after(0)
        return [sentence(row["kind"], {**row["data"], **(row["personal"] or {})}) for row in rows]


@pytest.fixture
def shop(co_op: CoOp) -> Shop:
    folder = co_op.folder / "shop"
    folder.mkdir()
    return Shop(a_folder(folder), co_op)


# -- silence --------------------------------------------------------------------------------------------------------


def test_a_tick_is_silent_whether_or_not_it_has_something_to_do(shop: Shop) -> None:
    assert shop.run("tick") == (0, "", "")
    starts(shop.app, "welcome")

    assert shop.run("tick") == (0, "", "")

    assert len(shop.mails()) == 1
    assert shop.run("tick") == (0, "", "")
    assert len(shop.mails()) == 1


def test_a_broken_file_is_told_once_and_stops_nothing(shop: Shop) -> None:
    starts(shop.app, "welcome")
    shop.writes("errand", BROKEN)

    assert shop.run("tick") == (4, "", TOLD.format(folder="shop") + "\n")
    assert len(shop.mails()) == 1
    assert shop.run("tick") == (0, "", "")
    starts(shop.app, "errand")  # the last good version is in force

    shop.writes("errand", ERRAND.replace("1 minute", "2 minutes"))
    assert shop.run("tick") == (0, "", "")
    assert shop.run("workflow", "list", "--json").out.count('"version": 2') == 1


def test_while_another_tick_is_at_work_nothing_happens(shop: Shop) -> None:
    starts(shop.app, "welcome")
    with shop.app.lock as lock:
        assert lock.acquire()
        before = shop.state()
        assert shop.run("tick") == (0, "", "")
        assert shop.state() == before

    assert shop.run("tick") == (0, "", "")
    assert len(shop.mails()) == 1


def test_a_configuration_that_is_wrong_is_told_with_its_place(shop: Shop) -> None:
    shop.app.config.path.write_text(CONFIG.replace("America/New_York", "New York"))

    ran = shop.run("tick")

    assert (ran.code, ran.out) == (4, "")
    assert "shop/coopflow.yaml:2:12: time_zone: " in ran.err


def test_a_missing_database_is_told(shop: Shop) -> None:
    Path(shop.app.database).unlink()

    assert shop.run("tick") == (
        74,
        "",
        f"coopflow: there is no database at {shop.app.database}; make one with: coopflow init\n",
    )


def test_what_needs_a_person_is_told_once_each() -> None:
    report = TickReport(in_doubt=[5, 7, 5], faults=["instance 9: KeyError: 'x'"])

    assert _needs_a_person(report) == [
        "instance 5: it is not known whether a message left; see: coopflow doubt list",
        "instance 7: it is not known whether a message left; see: coopflow doubt list",
        "instance 9: KeyError: 'x' (a fault in coopflow; it is tried again in an hour)",
    ]
    assert _needs_a_person(None) == []


def test_a_fault_in_one_instance_is_told_and_the_others_go_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    first = starts(shop.app, "errand")
    starts(shop.app, "welcome")
    with shop.app.store() as store, store.transaction():
        store.db.execute_sql(
            "UPDATE workflow_queue SET awaits = 'task', step_id = 'rest' WHERE instance_id = ?", (first,)
        )
        store.db.execute_sql("UPDATE workflow_instances SET context = '{\"recommendations\": 5}'")

    def trip(*_: object, **__: object) -> None:
        raise RuntimeError("tripped")

    monkeypatch.setattr("coopflow.core.decide.Fail", trip)
    ran = shop.run("tick")

    assert ran.code == 1
    assert ran.err == (
        f"coopflow: instance {first}: RuntimeError: tripped (a fault in coopflow; it is tried again in an hour)\n"
    )
    assert len(shop.mails()) == 1


def test_what_was_loaded_into_one_database_says_nothing_about_another(shop: Shop) -> None:
    other = str(shop.folder / "other.db")
    shop.run("tick")
    assert shop.run("--database", other, "tick").code == 74
    create(other).close()

    assert shop.run("--database", other, "tick") == (0, "", "")

    names = shop.run("--database", other, "workflow", "list", "--format", "jsonl").out
    assert [json.loads(line)["name"] for line in names.splitlines()] == ["errand", "welcome"]
    starts(shop.app, "welcome")
    assert shop.run("tick") == (0, "", "")
    assert len(shop.mails()) == 1


# -- bounds ---------------------------------------------------------------------------------------------------------


def test_a_limit_is_kept_and_the_rest_is_left_to_the_next_tick(shop: Shop) -> None:
    shop.writes("many", "name: many\nmax_concurrent_instances: 5\n" + _body("welcome", shop))
    assert shop.run("tick").code == 0
    for _ in range(3):
        starts(shop.app, "many")

    assert shop.run("tick", "--limit", "2") == (0, "", "")
    assert len(shop.mails()) == 2
    assert shop.run("tick", "--limit", "2") == (0, "", "")
    assert len(shop.mails()) == 3


def test_after_so_many_seconds_no_new_batch_is_begun(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.writes("many", "name: many\nmax_concurrent_instances: 5\n" + _body("welcome", shop))
    assert shop.run("tick").code == 0
    for _ in range(3):
        starts(shop.app, "many")
    monkeypatch.setattr("coopflow.tick.BATCH", 1)

    assert shop.run("tick", "--max-seconds", "0") == (0, "", "")
    assert len(shop.mails()) == 1
    assert shop.run("tick", "--max-seconds", "3600") == (0, "", "")
    assert len(shop.mails()) == 3


def _body(name: str, shop: Shop) -> str:
    return (shop.folder / "workflows.d" / f"{name}.yaml").read_text().partition("\n")[2]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--every", "soon"], "--every: 'soon' is not a duration; write for example '3 days', '36 hours',"),
        (["--every", "1 day"], "--every takes seconds, minutes or hours, as in 30s; found '1 day'"),
        (["--every", "0s"], "--every takes seconds, minutes or hours, as in 30s; found '0s'"),
        (["--every", "30s", "--dry-run"], "--dry-run looks at one pass; leave out --every"),
        (["--limit", "all"], "Invalid value for '--limit': 'all' is not a whole number."),
        (["--max-seconds", "x"], "Invalid value for '--max-seconds': 'x' is not a number."),
        (["--limit", "0"], "Invalid value for '--limit': 0 is less than 1."),
    ],
)
def test_what_makes_no_sense_is_refused(shop: Shop, arguments: list[str], problem: str) -> None:
    ran = shop.run("tick", *arguments)

    assert ran.code == 2
    assert problem in ran.err


# -- a rehearsal ----------------------------------------------------------------------------------------------------


def test_a_dry_run_says_what_the_tick_would_do_and_changes_not_one_byte(shop: Shop) -> None:
    starts(shop.app, "welcome")
    starts(shop.app, "errand")
    shop.run("tick", "--limit", "1", at="2026-03-20 12:00:00")
    shop.writes("errand", ERRAND.replace("1 minute", "2 minutes"))
    before, known = shop.state(), len(shop.trail())

    ran = shop.run("tick", "--dry-run", at="2026-03-20 13:30:00")

    assert (ran.code, ran.err) == (0, f"{len(ran.out.splitlines())} entries; nothing was written or sent.\n")
    assert shop.state() == before

    assert shop.run("tick", at="2026-03-20 13:30:00") == (0, "", "")
    would = [re.sub(r"^would: (instance \d+, family 42: )?", "", line) for line in ran.out.splitlines()]
    really = [re.sub(r" \(reference .*\)", "", line) for line in shop.trail()[known:]]
    assert would == really
    assert ran.out.splitlines()[0] == "would: Workflow 'errand' was loaded as version 2 from errand.yaml"
    assert (
        "would: instance 1, family 42: A message is about to leave by email to m@example.org for 'hello'\n" in ran.out
    )


def test_a_dry_run_with_a_limit_looks_no_further(shop: Shop) -> None:
    starts(shop.app, "welcome")
    starts(shop.app, "errand")

    ran = shop.run("tick", "--dry-run", "--limit", "1")

    assert {line.split()[2] for line in ran.out.splitlines()} == {"1,"}


def test_a_dry_run_with_nothing_due_says_so(shop: Shop) -> None:
    assert shop.run("tick", "--dry-run") == (0, "", "Nothing is due.\n")


def test_a_dry_run_tells_of_broken_files_every_time(shop: Shop) -> None:
    shop.writes("errand", BROKEN)
    told = TOLD.format(folder="shop")

    for _ in range(2):
        assert shop.run("tick", "--dry-run").err.splitlines()[0] == told


def test_no_dry_run_while_a_tick_is_at_work(shop: Shop) -> None:
    with shop.app.lock as lock:
        lock.acquire()
        ran = shop.run("tick", "--dry-run")

    guess = "Another tick is at work, so what is next would be a guess. Try again in a moment.\n"
    assert ran == (0, "", guess)


# -- as a program ---------------------------------------------------------------------------------------------------


def test_a_signal_ends_a_pass_with_130_and_its_handling_with_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("coopflow.tick.tick", lambda *_, **__: signal.raise_signal(signal.SIGTERM))

    assert shop.run("tick") == (130, "", "")
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_pass_that_fails_is_told_once_and_the_next_one_tries_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []

    def locked(*_: object, **__: object) -> TickReport:
        passes.append(1)
        if len(passes) == 3:
            return TickReport()
        raise Temporary("the database is locked")

    def rest(seconds: float) -> None:
        assert seconds == 30
        if len(passes) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("coopflow.tick.tick", locked)
    monkeypatch.setattr("coopflow.cli.ticking.time.sleep", rest)

    ran = shop.run("tick", "--every", "30s")

    assert ran == (0, "", "the database is locked\nthe database is locked\n")  # it was well in between


def test_the_polling_engine_works_until_sigterm(tmp_path: Path) -> None:
    app = a_folder(tmp_path)
    starts(app, "welcome")
    (tmp_path / "workflows.d" / "errand.yaml").write_text(BROKEN)
    command = [sys.executable, "-m", "coopflow", "-c", str(app.config.path), "tick", "--every", "1s"]
    with subprocess.Popen(command, env=plain_environ(), stderr=subprocess.PIPE, text=True) as engine:
        assert engine.stderr is not None
        assert engine.stderr.readline() == TOLD.format(folder=tmp_path) + "\n"  # the first pass is at work

        engine.send_signal(signal.SIGTERM)

        assert engine.wait(timeout=10) == 0
        assert engine.stderr.read() == ""
    with app.lock as lock:
        assert lock.acquire()


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_failed_tick(tmp_path: Path, closed: str) -> None:
    app = a_folder(tmp_path)
    starts(app, "welcome")
    (tmp_path / "workflows.d" / "errand.yaml").write_text(ERRAND.replace("1 minute", "2 minutes"))
    command = shlex.join([sys.executable, "-m", "coopflow", "-c", str(app.config.path), "tick"])

    ran = subprocess.run(["/bin/sh", "-c", f"{command} {closed}"], env=plain_environ(), timeout=60, check=False)

    assert ran.returncode == 0
    assert len(list((tmp_path / "outbox").rglob("*.eml"))) == 1
    with app.store(read_only=True) as store:
        assert store.templates.newest("errand").version == 2


def test_a_tick_in_the_bare_environment_of_cron_is_the_same(tmp_path: Path) -> None:
    app = a_folder(tmp_path)
    starts(app, "welcome")
    bare = {"LANG": "C", "TZ": "Nowhere/Nothing", "PATH": "", "PYTHONPATH": str(Path(__file__).parents[2])}

    ran = coopflow(tmp_path, "tick", environ=bare)

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert len(list((tmp_path / "outbox").rglob("*.eml"))) == 1


def test_two_ticks_at_the_same_instant_send_once(tmp_path: Path) -> None:
    app = a_folder(tmp_path)
    starts(app, "welcome")
    command = [sys.executable, "-m", "coopflow", "-c", str(app.config.path), "tick"]

    both = [subprocess.Popen(command, env=plain_environ(), stderr=subprocess.PIPE) for _ in range(2)]

    assert [(process.communicate(timeout=60)[1], process.returncode) for process in both] == [(b"", 0), (b"", 0)]
    assert len(list((tmp_path / "outbox").rglob("*.eml"))) == 1
    with app.store(read_only=True) as store:
        kinds = [row["kind"] for row in store.looking.events_after(0)]
    assert kinds.count("message.accepted") == 1
