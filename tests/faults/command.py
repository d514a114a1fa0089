"""The installed command on a co-op of its own, as cron runs it."""

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

from coopflow.app import App
from coopflow.app import open_app as open_app
from coopflow.core.model import Family
from coopflow.setting_up import set_up
from coopflow.triggers import start_by_hand

ROOT = Path(__file__).parents[2]
OUTREACH = """
name: outreach
trigger: {type: manual}
timing: {window: always}
max_concurrent_instances: 50
steps:
  - {id: mail, type: email, template_id: hello}
"""
HELLO = "---\nsubject: Hello\n---\nDear {{ family_name }}, how are you?\n"


def made(folder: Path, *, families: int = 0) -> App:
    """A folder as `coopflow init` makes it, with one workflow that does not look at the clock, and families."""
    messages = folder / "workflows.d" / "messages"
    messages.mkdir(parents=True, mode=0o755)
    (folder / "workflows.d" / "outreach.yaml").write_text(OUTREACH)
    (messages / "hello.md").write_text(HELLO)
    set_up(folder, now=now(), actor="sarah")
    app = open_app(folder / "coopflow.yaml")
    with app.store() as store, store.transaction():
        store.save_families([_family(number) for number in range(1, families + 1)], now=now())
    return app


def _family(number: int) -> Family:
    return Family(family_id=str(number), family_name=f"Family {number}", email=f"family{number}@example.org")


def starts(app: App, families: int) -> None:
    """An instance for each of the first so many families, due at once."""
    with app.store() as store, store.transaction():
        for number in range(1, families + 1):
            start_by_hand(store, "outreach", str(number), values={}, actor="sarah", now=now())


def now() -> datetime:
    """The real time, by which the command goes."""
    return datetime.now(UTC).replace(microsecond=0)


def tick(folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start `coopflow tick` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "coopflow", "-c", "coopflow.yaml", "tick", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said_by_tick(folder: Path) -> tuple[int, str]:
    """Run `coopflow tick` in this process; its exit code and all that it said."""
    from coopflow.cli.main import run

    with redirect_stdout(io.StringIO()) as said, redirect_stderr(said):
        code = run(["-c", str(folder / "coopflow.yaml"), "tick"])
    return code, said.getvalue()
