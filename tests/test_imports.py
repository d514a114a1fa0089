"""What a command loads decides how long it takes: the heavy libraries stay out where they are not needed."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.folders import a_folder, coopflow, plain_environ, starts

HEAVY = frozenset({"pydantic", "pydantic_core", "yaml", "jinja2", "markdown_it"})
NEVER_IDLE = HEAVY | {
    *("typer", "click", "rich", "peewee", "dateutil", "zoneinfo"),
    *("json", "re", "dataclasses", "logging", "typing", "enum", "pathlib", "hashlib", "email"),
    *("coopflow.app", "coopflow.config", "coopflow.cli", "coopflow.core", "coopflow.store"),
}


def imported(err: str) -> set[str]:
    """The modules that `-X importtime` tells of."""
    rows = [line.rsplit("|", 1)[1].strip() for line in err.splitlines() if line.startswith("import time:")]
    return {name for row in rows for name in (row, row.partition(".")[0])}


@cache
def always() -> frozenset[str]:
    """What this Python loads before any program."""
    command = [sys.executable, "-X", "importtime", "-c", "pass"]
    ran = subprocess.run(command, env=plain_environ(), capture_output=True, text=True, check=True)
    return frozenset(imported(ran.stderr))


def loaded_by(folder: Path, *arguments: str) -> set[str]:
    ran = coopflow(folder, *arguments, options=("-X", "importtime"))
    assert ran.returncode == 0, ran.stderr
    return imported(ran.stderr) - always()


@pytest.fixture(scope="module")
def ticked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A co-op in which a full tick has left the door's file."""
    folder = tmp_path_factory.mktemp("ticked")
    a_folder(folder)
    assert coopflow(folder, "tick").returncode == 0
    return folder


def test_a_tick_with_nothing_to_do_loads_next_to_nothing(ticked: Path) -> None:
    loaded = loaded_by(ticked, "tick")

    assert loaded & NEVER_IDLE == set()
    assert "sqlite3" in loaded


def test_a_tick_with_something_due_but_nothing_to_send_needs_no_yaml_pydantic_or_jinja(tmp_path: Path) -> None:
    app = a_folder(tmp_path)
    starts(app, "errand")
    coopflow(tmp_path, "tick")

    loaded = loaded_by(tmp_path, "tick")
    starts_again = loaded_by(tmp_path, "tick", "--limit", "10")

    assert (loaded | starts_again) & (HEAVY | {"rich"}) == set()
    with app.store() as store:
        assert [task.description for task in store.desk.tasks()] == ["Bring the books"]


@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["status"],
        ["status", "--json"],
        ["workflow", "list"],
        ["workflow", "--help"],
        ["config", "show"],
    ],
    ids=" ".join,
)
def test_looking_needs_no_yaml_pydantic_or_jinja_while_the_configuration_is_unchanged(
    ticked: Path, command: list[str]
) -> None:
    assert loaded_by(ticked, *command) & HEAVY == set()


def test_help_needs_neither_the_database_nor_a_configuration(tmp_path: Path) -> None:
    loaded = loaded_by(tmp_path, "--help")

    assert loaded & (HEAVY | {"peewee", "rich", "dateutil"}) == set()
