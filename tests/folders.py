"""A co-op as a folder on disk, for tests that run coopflow as a program of its own."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from coopflow.app import App, open_app
from coopflow.core.model import Family
from coopflow.loading import load_workflows
from coopflow.setting_up import set_up
from coopflow.triggers import start_by_hand

MARCH = datetime(2026, 3, 20, 13, tzinfo=UTC)  # long ago for a program that reads the real clock: what began is due

CONFIG = """\
organisation: Willow Creek
time_zone: America/New_York
coordinators: {sarah: {email: sarah@example.org}, director: {}}
"""
WELCOME = """\
name: welcome
trigger: {type: manual}
steps:
  - {id: hello, type: email, template_id: hello, urgent: true, stale_after: 10 years}
  - {id: pause, type: wait, duration: 10 years}
"""
ERRAND = """\
name: errand
trigger: {type: manual}
steps:
  - {id: rest, type: wait, duration: 1 minute}
  - {id: enrolled, type: condition, condition: status == 'enrolled', if_true_step: visit, if_false_step: visit}
  - {id: visit, type: task, urgent: true, description: Bring the books, outcomes: {brought: done}}
  - {id: done, type: end}
"""
HELLO = "---\nsubject: Hello\n---\nDear {{ family_name }} family.\n"


def a_folder(folder: Path, **workflows: str) -> App:
    """A co-op with these workflow files (WELCOME and ERRAND, unless some are given) and the family 42."""
    (folder / "workflows.d" / "messages").mkdir(parents=True)
    (folder / "coopflow.yaml").write_text(CONFIG)
    (folder / "workflows.d" / "messages" / "hello.md").write_text(HELLO)
    for name, text in (workflows or {"welcome": WELCOME, "errand": ERRAND}).items():
        (folder / "workflows.d" / f"{name}.yaml").write_text(text)
    set_up(folder, now=MARCH, actor="sarah")
    app = open_app(folder / "coopflow.yaml")
    with app.store() as store, store.transaction():
        store.save_families([Family(family_id="42", family_name="Martinez", email="m@example.org")], now=MARCH)
    return app


def starts(app: App, workflow: str, *, now: datetime = MARCH) -> int:
    """Start a workflow for the family 42."""
    with app.store() as store, store.transaction():
        started = start_by_hand(store, workflow, "42", values={}, actor="sarah", now=now)
    assert started.instance_id is not None, started.reason
    return started.instance_id


def load(app: App) -> None:
    """Load the workflow files as they are now."""
    with app.store() as store:
        load_workflows(app, store, actor="sarah", now=MARCH)


def coopflow(
    folder: Path, *arguments: str, options: tuple[str, ...] = (), environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run coopflow on a folder's configuration, as cron does."""
    command = [sys.executable, *options, "-m", "coopflow", "-c", str(folder / "coopflow.yaml"), *arguments]
    return subprocess.run(
        command, env=environ or plain_environ(), capture_output=True, text=True, timeout=60, check=False
    )


def plain_environ() -> dict[str, str]:
    """The environment without what would change how coopflow behaves."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("COOPFLOW_", "COV_"))}
