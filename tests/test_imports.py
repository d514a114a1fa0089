"""What a command loads decides how long it takes: the heavy libraries stay out where they are not needed."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import typer

from coopflow.__main__ import TICK_WORDS
from coopflow.cli import commands
from coopflow.cli.root import app
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


def test_the_command_brings_nothing_along_that_a_tick_does_not_need(ticked: Path) -> None:
    """It is a script of ours, since the one that pip would write imports `re`."""
    script = Path(__file__).parent.parent / "scripts" / "coopflow"
    command = [sys.executable, "-X", "importtime", str(script), "-c", str(ticked / "coopflow.yaml"), "tick"]
    ran = subprocess.run(command, env=plain_environ(), capture_output=True, text=True, check=True)

    assert (imported(ran.stderr) - always()) & NEVER_IDLE == set()


def test_a_tick_with_something_due_but_nothing_to_send_needs_no_yaml_pydantic_or_jinja(tmp_path: Path) -> None:
    app = a_folder(tmp_path)
    coopflow(tmp_path, "tick")
    starts(app, "errand")

    loaded = loaded_by(tmp_path, "tick")
    starts_again = loaded_by(tmp_path, "tick", "--limit", "10")

    assert (loaded | starts_again) & (HEAVY | {"rich"}) == set()
    assert (loaded | starts_again) & {"html", "coopflow.channels.mail", "coopflow.channels.sms"} == set()
    assert "coopflow.tick" in loaded
    assert loaded & {"typer", "click", "argparse", "coopflow.cli.main", "coopflow.cli.commands"} == set()
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


def test_a_table_takes_only_the_widths_of_letters_from_rich(ticked: Path) -> None:
    loaded = loaded_by(ticked, "family", "list", "--format", "table")

    assert loaded & {"rich.console", "rich.table", "rich.text", "rich.style"} == set()


def test_a_command_loads_no_other_one(ticked: Path) -> None:
    script = "import sys; from coopflow.cli.main import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", script, "-c", str(ticked / "coopflow.yaml"), "status", "--family", "42"]
    ran = subprocess.run(command, env=plain_environ(), capture_output=True, text=True, check=True)

    every = {f"coopflow.cli.{module}" for modules in commands.PLACES.values() for module in modules}
    assert set(ran.stderr.split()) & every == {"coopflow.cli.look"}


@pytest.mark.parametrize("modules", sorted(set(commands.PLACES.values())), ids=" ".join)
def test_a_place_has_the_commands_that_it_is_named_for(modules: tuple[str, ...]) -> None:
    """In a process of its own, where nothing else has registered any."""
    named = [name for name, places in commands.PLACES.items() if places == modules]
    script = f"from coopflow.cli import commands, root; import typer; commands.load([{named[0]!r}])\n"
    script += "print(*typer.main.get_command(root.app).commands)"
    ran = subprocess.run(
        [sys.executable, "-c", script], env=plain_environ(), capture_output=True, text=True, check=True
    )
    assert set(ran.stdout.split()) >= set(named)


def test_the_options_in_front_of_a_command_are_the_same_wherever_they_are_read() -> None:
    """By Typer, by what finds the command's place, and by what tells a bare tick before anything is loaded."""
    root = typer.main.get_command(app)
    taking_a_value = {name for option in root.params if not option.is_flag for name in option.opts}

    assert set(commands.VALUES_FOLLOW) == set(TICK_WORDS) == taking_a_value


def test_help_needs_neither_the_database_nor_a_configuration(tmp_path: Path) -> None:
    loaded = loaded_by(tmp_path, "--help")

    assert loaded & (HEAVY | {"peewee", "rich", "dateutil"}) == set()
