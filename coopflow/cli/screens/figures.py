"""The screen of `stats`: a table for each question."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from coopflow.cli.screens.text import write
from coopflow.cli.session import Session
from coopflow.render import Column, Format, Hint, Sheet, duration, percent
from coopflow.reports.figures import Completion, Figures, as_rows
from coopflow.reports.words import counted

STEP_COUNTS = ("completed", "failed", "skipped", "running")


def figures_screen(session: Session, found: Figures, *, days: int) -> None:
    """Write every table that has something in it, after the one sentence that matters most."""
    write(summary(found, days=days), session.out)
    for sheet in sheets(found):
        write([""], session.out)
        session.show(sheet, Format.table)


def summary(found: Figures, *, days: int) -> Iterator[str]:
    """How many began, how many are finished, how many of these ended well."""
    total = found.total
    period = f"in the last {counted(days, 'day')}"
    if not total.instances:
        yield f"Nothing began {period}."
        return
    yield f"{counted(total.instances, 'instance')} began {period}; {total.finished:,} finished. {rate_words(total)}"


def rate_words(completion: Completion) -> str:
    """The completion rate, or that there is none yet."""
    if completion.rate is None:
        return "No completion rate yet: nothing has finished."
    partly = f", {completion.partial_success:,} in part" if completion.partial_success else ""
    return f"Completion rate {percent(completion.rate)} ({completion.success:,} of {completion.finished:,}{partly})."


def sheets(found: Figures) -> Iterator[Sheet]:
    """The tables that are not empty."""
    if found.by_status:
        yield Sheet(STATUS_COLUMNS, found.by_status, title="By status")
        yield Sheet(COMPLETION_COLUMNS, map(_completion, found.completion), title="By workflow")
    if found.by_step:
        yield Sheet(STEP_COLUMNS, steps(found), title="By step")
    if found.by_channel:
        yield Sheet(CHANNEL_COLUMNS, found.by_channel, title="By channel")


def steps(found: Figures) -> list[dict[str, Any]]:
    """One row a step: how its attempts ended, and how long those took that were completed."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for row in found.by_step:
        step = rows.setdefault((row["workflow"], row["step_id"]), _new_step(row))
        step[row["status"] if row["status"] in STEP_COUNTS else "running"] += row["attempts"]
        if row["status"] == "completed":
            step["mean_seconds"] = row["mean_seconds"]
    return list(rows.values())


def _new_step(row: Mapping[str, Any]) -> dict[str, Any]:
    own = {"workflow": row["workflow"], "step_name": row["step_name"], "step_type": row["step_type"]}
    return {**own, **dict.fromkeys(STEP_COUNTS, 0), "mean_seconds": None}


def _completion(completion: Completion) -> dict[str, Any]:
    rate = "nothing has finished" if completion.rate is None else percent(completion.rate)
    own = {"workflow": completion.workflow, "instances": completion.instances, "finished": completion.finished}
    return {**own, "success": completion.success, "partial_success": completion.partial_success, "rate": rate}


def _lasted(seconds: float) -> str:
    return duration(timedelta(seconds=round(seconds)))


def figures_sheet(found: Figures) -> Sheet:
    """All figures in a data format."""
    keys = ("per", "workflow", "step_id", "channel", "status", "count", "mean_seconds", "completion_rate")
    return Sheet([Column(key, key) for key in keys], as_rows(found))


STATUS_COLUMNS = [
    Column("workflow", "Workflow"),
    Column("status", "Status", style=Hint.STATE),
    Column("instances", "Instances", justify="right"),
    Column("mean_seconds", "Mean duration, so far", show=_lasted),
]
COMPLETION_COLUMNS = [
    Column("workflow", "Workflow"),
    Column("instances", "Began", justify="right"),
    Column("finished", "Finished", justify="right"),
    Column("success", "With success", justify="right"),
    Column("partial_success", "In part", justify="right"),
    Column("rate", "Completion rate"),
]
STEP_COLUMNS = [
    Column("workflow", "Workflow"),
    Column("step_name", "Step"),
    Column("step_type", "Type"),
    Column("completed", "Done", justify="right"),
    Column("failed", "Failed", justify="right"),
    Column("skipped", "Skipped", justify="right"),
    Column("running", "Under way", justify="right"),
    Column("mean_seconds", "Mean duration", show=_lasted),
]
CHANNEL_COLUMNS = [
    Column("channel", "Channel"),
    Column("fate", "What came of it"),
    Column("messages", "Messages", justify="right"),
]
