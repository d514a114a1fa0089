"""The co-op of the command line's tests, with a workflow whose mail is due."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CoOp
from tests.cli.conftest import co_op as co_op

WELCOME = """\
name: welcome
trigger: {type: manual}
steps:
  - {id: hello, type: email, template_id: hello, urgent: true, stale_after: 10 years}
  - {id: rest, type: wait, duration: 1 day}
  - {id: again, type: sms, message: "Hi {{ family_name }}", urgent: true, stale_after: 10 years, window: always}
  - {id: pause, type: wait, duration: 10 years}
"""
HELLO = "---\nsubject: Hello\n---\nDear {{ family_name }} family.\n"
LATER = "2026-03-24 15:00:00"


@pytest.fixture
def school(co_op: CoOp) -> CoOp:
    """One family with a mail that is due, and a tick that has loaded what there is to load."""
    (co_op.folder / "workflows.d" / "messages").mkdir()
    (co_op.folder / "workflows.d" / "messages" / "hello.md").write_text(HELLO)
    (co_op.folder / "workflows.d" / "welcome.yaml").write_text(WELCOME)
    co_op.world.has_family("42", family_name="Martinez")
    co_op.run("tick")
    co_op.run("trigger", "--workflow", "welcome", "--family", "42")
    return co_op


def database(co_op: CoOp) -> Path:
    return co_op.folder / "coopflow.db"


def ask(path: Path, question: str, *values: object) -> list[tuple[Any, ...]]:
    """What a file says, without coopflow."""
    with closing(sqlite3.connect(path)) as raw:
        return raw.execute(question, values).fetchall()


def documents(co_op: CoOp, *arguments: str, at: str = LATER) -> Any:
    ran = co_op.run(*arguments, "--json", at=at)
    return json.loads(ran.out)


def copy_over(source: Path, target: Path) -> None:
    """What `cp` does: the target keeps its inode."""
    with source.open("rb") as read, target.open("r+b") as write:
        write.truncate(0)
        write.write(read.read())
        os.fsync(write.fileno())
