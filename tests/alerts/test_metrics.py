"""The figures for Prometheus: what they say, in a form that its own parser reads, whole or not at all."""

import stat
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.cli.conftest import CONFIG, CoOp

ONE, TWO = "2026-03-20 13:01:00", "2026-03-20 13:02:00"


def measured(co_op: CoOp, path: str = "metrics/coopflow.prom") -> Path:
    (co_op.folder / "coopflow.yaml").write_text(f"{CONFIG}alerts: {{metrics_file: {path}}}\n")
    return co_op.folder / path


def read(path: Path) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every figure by its name and the values of its labels."""
    families = text_string_to_metric_families(path.read_text())
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, tuple(sample.labels.values())): sample.value for sample in samples}


def test_a_tick_leaves_the_figures_of_its_end(co_op: CoOp) -> None:
    path = measured(co_op)
    world = co_op.world
    world.has_workflow("letter", [{"id": "hello", "type": "email", "template_id": "hello"}])
    world.has_workflow("visit", [{"id": "visit", "type": "task", "description": "Visit", "due_date": "2026-03-19"}])
    for family in ("1", "2"):
        world.has_family(family)
        world.start("letter", family=family)
    world.start("visit", family="1")
    co_op.run("tick", at=ONE)

    assert co_op.run("tick", "--limit", "9", at=TWO) == (0, "", "")

    figures = read(path)
    assert figures["coopflow_tasks_open", ()] == figures["coopflow_tasks_overdue", ()] == 1
    assert figures["coopflow_instances", ("completed",)] == 3
    assert figures["coopflow_instances", ("paused",)] == 0
    assert figures["coopflow_messages_today", ("email", "accepted")] == 2
    assert figures["coopflow_messages_today", ("sms", "failed")] == 0
    assert figures["coopflow_messages_in_doubt", ()] == figures["coopflow_steps_due", ()] == 0
    assert figures["coopflow_seconds_since_last_tick", ()] == 60
    assert figures["coopflow_last_tick_timestamp_seconds", ()] == 1774011720
    assert {name for name, _ in figures} == {
        f"coopflow_{name}"
        for name in (
            *("tasks_open", "tasks_overdue", "messages_in_doubt", "instances", "steps_due", "messages_kept_back"),
            *("messages_resting", "last_tick_timestamp_seconds", "seconds_since_last_tick", "messages_today"),
        )
    }


def test_the_file_may_be_read_by_others_and_nothing_is_left_beside_it(co_op: CoOp) -> None:
    path = measured(co_op)

    co_op.run("tick", at=ONE)

    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [found.name for found in path.parent.iterdir()] == ["coopflow.prom"]


def test_nobody_s_name_is_in_it(co_op: CoOp) -> None:
    path = measured(co_op)
    co_op.world.has_workflow("canary_workflow", [{"id": "hello", "type": "email", "template_id": "hello"}])
    co_op.world.has_family("canary", family_name="Canary", email="canary@example.org")
    co_op.world.start("canary_workflow", family="canary")

    co_op.run("tick", at=ONE)

    assert "canary" not in path.read_text().lower()


def test_a_file_that_cannot_be_written_is_one_line_once(co_op: CoOp) -> None:
    (co_op.folder / "metrics").write_text("a file where the directory should be")
    path = measured(co_op)

    first, second = co_op.run("tick", at=ONE), co_op.run("tick", at=TWO)
    (co_op.folder / "metrics").unlink()
    third = co_op.run("tick", at="2026-03-20 13:03:00")

    assert (first.code, second, third) == (0, (0, "", ""), (0, "", ""))
    assert first.err == f"coopflow: the figures could not be written to {path}: file exists\n"
    assert path.exists()
