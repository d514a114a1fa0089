"""`coopflow init`: everything that is needed, made once, and nothing that is there touched."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from coopflow.config import default_config_text
from coopflow.setting_up import crontab_line
from coopflow.workflows.bundled import bundled_folder
from tests.cli.conftest import CoOp
from tests.folders import CONFIG, ERRAND, plain_environ

WORKFLOWS = ["high_risk_intervention", "medium_risk_intervention", "onboarding", "payment_reminder"]
NEXT = """\
Public holidays of US: coopflow calendar import
Next: coopflow family import FILE, then: predictions | coopflow trigger -
This line in your crontab keeps it going:
"""


def test_init_makes_everything_and_prints_the_line_for_cron(co_op: CoOp) -> None:
    new = co_op.folder / "new"

    ran = co_op.run("init", "new")

    program = Path(sys.executable).with_name("coopflow")
    begin = str(program) if program.exists() else f"{sys.executable} -m coopflow"
    assert ran.out == f"* * * * * {begin} -c {new}/coopflow.yaml tick\n"
    loaded = "".join(f"{name}: added (v1)\n" for name in WORKFLOWS)
    made = [new, new / "coopflow.yaml", new / "workflows.d", new / "outbox", new / "coopflow.db"]
    assert ran.err == "".join(f"made {path}\n" for path in made) + loaded + NEXT
    assert ran.code == 0
    assert (new / "coopflow.yaml").read_text() == default_config_text()
    copied = {path.relative_to(new / "workflows.d") for path in (new / "workflows.d").rglob("*") if path.is_file()}
    assert copied == {path.relative_to(bundled_folder()) for path in bundled_folder().rglob("*") if path.is_file()}


def test_what_init_makes_is_private_and_can_be_edited(co_op: CoOp) -> None:
    co_op.run("init", "new")

    new = co_op.folder / "new"
    modes = {name: (new / name).stat().st_mode & 0o777 for name in ("", "coopflow.yaml", "coopflow.db", "outbox")}
    assert modes == {"": 0o700, "coopflow.yaml": 0o600, "coopflow.db": 0o600, "outbox": 0o700}
    assert all(os.access(path, os.W_OK) for path in (new / "workflows.d").rglob("*"))


def test_what_init_made_ticks_and_is_valid(co_op: CoOp) -> None:
    co_op.run("init", "new")

    assert co_op.run("-c", "new/coopflow.yaml", "tick") == (0, "", "")
    assert co_op.run("-c", "new/coopflow.yaml", "workflow", "validate").err == "no problems (4 files checked).\n"
    assert co_op.run("-c", "new/coopflow.yaml", "config", "show").code == 0


def test_what_is_there_is_kept(co_op: CoOp) -> None:
    new = co_op.folder / "new"
    (new / "workflows.d").mkdir(parents=True)
    (new / "workflows.d" / "errand.yaml").write_text(ERRAND)
    (new / "coopflow.yaml").write_text(f"{CONFIG}database: data/mine.db\n")
    (new / "data").mkdir()

    ran = co_op.run("init", "new")

    assert ran.code == 0
    assert ran.err.splitlines()[:5] == [
        f"kept {new}/coopflow.yaml",
        f"kept {new}/workflows.d",
        f"made {new}/outbox",
        f"made {new}/data/mine.db",
        "errand: added (v1)",
    ]


@pytest.mark.parametrize("with_configuration", [True, False])
def test_over_an_existing_database_nothing_is_made(co_op: CoOp, with_configuration: bool) -> None:
    new = co_op.folder / "new"
    new.mkdir()
    (new / "coopflow.db").write_bytes(b"precious")
    if with_configuration:
        (new / "coopflow.yaml").write_text(CONFIG)
    before = sorted(new.rglob("*"))

    ran = co_op.run("init", "new")

    refused = f"coopflow: there is a database already: {new}/coopflow.db; nothing was changed\n"
    assert ran == (3, "", refused)
    assert sorted(new.rglob("*")) == before
    assert (new / "coopflow.db").read_bytes() == b"precious"


def test_an_init_that_was_interrupted_goes_on_where_it_was(co_op: CoOp) -> None:
    co_op.run("init", "new")
    (co_op.folder / "new" / "coopflow.db").unlink()

    ran = co_op.run("init", "new")

    assert ran.code == 0
    assert f"made {co_op.folder}/new/coopflow.db" in ran.err.splitlines()
    assert co_op.run("-c", "new/coopflow.yaml", "tick") == (0, "", "")


def test_broken_workflows_are_told_and_the_rest_is_made(co_op: CoOp) -> None:
    folder = co_op.folder / "new" / "workflows.d"
    folder.mkdir(parents=True)
    (folder / "errand.yaml").write_text(ERRAND.replace("if_true_step: visit", "if_true_step: visti"))

    ran = co_op.run("init", "new")

    assert ran.code == 0
    assert "errand: not loaded, nothing is in force\nnew/workflows.d/errand.yaml:5:84: " in ran.err


def test_a_folder_that_cannot_be_made_is_told(co_op: CoOp) -> None:
    (co_op.folder / "file").write_text("")

    assert co_op.run("init", "file/new") == (
        1,
        "",
        f"coopflow: {co_op.folder}/file/new cannot be made: not a directory\n",
    )


def test_another_database_stands_in_the_line_for_cron(co_op: CoOp) -> None:
    ran = co_op.run("--database", "elsewhere.db", "init", "new")

    assert ran.code == 0
    assert ran.out.endswith(f" -c {co_op.folder}/new/coopflow.yaml --database {co_op.folder}/elsewhere.db tick\n")
    assert (co_op.folder / "elsewhere.db").exists()
    assert not (co_op.folder / "new" / "coopflow.db").exists()


def test_a_configuration_of_another_place_is_no_part_of_init(co_op: CoOp) -> None:
    ran = co_op.run("-c", "other.yaml", "init", "new")

    named = "--config (or $COOPFLOW_CONFIG) names other.yaml, and init would make new/coopflow.yaml; leave it out"
    assert ran == (2, "", f"coopflow: {named}\n")
    assert co_op.run("-c", "new/coopflow.yaml", "init", "new").code == 0


def test_the_line_for_cron_survives_any_path(tmp_path: Path) -> None:
    folder = tmp_path / "50 % of 'us'; $HOME"
    line = crontab_line(folder / "coopflow.yaml")

    assert line.startswith("* * * * * /")
    command = line.removeprefix("* * * * * ").replace("\\%", "%")  # cron takes the backslash away
    assert shlex.split(command)[-2:] == [f"{folder}/coopflow.yaml", "tick"]
    assert line.count("%") == line.count("\\%")


def test_the_line_for_cron_runs(co_op: CoOp) -> None:
    line = co_op.run("init", "a new co-op").out

    ran = subprocess.run(
        ["/bin/sh", "-c", line.removeprefix("* * * * * ")],
        cwd="/",
        env=plain_environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
