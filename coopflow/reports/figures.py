"""How it went: counts and mean durations per status, step and channel, and how many of the finished ended well."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from coopflow.core.states import FINAL, StepStatus
from coopflow.reports.words import Row
from coopflow.store.store import Store

# What became of a message, by the status of its attempt.
FATES = {
    StepStatus.COMPLETED: "sent",
    StepStatus.FAILED: "refused",
    StepStatus.SKIPPED: "withdrawn",
    StepStatus.PENDING: "under way",
    StepStatus.RUNNING: "under way",
}


class Completion(Struct, frozen=True, kw_only=True):
    """How many instances of a workflow were finished, and how many of these ended well."""

    workflow: str
    instances: int
    finished: int
    success: int
    partial_success: int

    @property
    def rate(self) -> float | None:
        """The share of the finished that ended with success; None while none is finished."""
        return self.success / self.finished if self.finished else None


class Figures(Struct, frozen=True, kw_only=True):
    """What `stats` shows."""

    since: datetime
    by_status: Sequence[Row]
    completion: Sequence[Completion]  # a workflow each
    by_step: Sequence[Row]
    by_channel: Sequence[Row]

    @property
    def total(self) -> Completion:
        """All workflows together."""
        return Completion(
            workflow="all",
            instances=sum(each.instances for each in self.completion),
            finished=sum(each.finished for each in self.completion),
            success=sum(each.success for each in self.completion),
            partial_success=sum(each.partial_success for each in self.completion),
        )


def figures(store: Store, *, days: int, workflow: str | None, now: datetime) -> Figures:
    """Ask the store for what began in the last so many days."""
    name = None if workflow is None else store.templates.newest(workflow).name
    since = now - timedelta(days=days)
    by_status = store.looking.by_status(since=since, now=now, workflow=name)
    return Figures(
        since=since,
        by_status=by_status,
        completion=completion(by_status),
        by_step=store.looking.by_step(since=since, now=now, workflow=name),
        by_channel=by_fate(store.looking.by_channel(since=since, now=now, workflow=name)),
    )


def completion(by_status: Iterable[Row]) -> list[Completion]:
    """Per workflow, from the rows per workflow and status, in their order."""
    found: dict[str, list[Row]] = {}
    for row in by_status:
        found.setdefault(row["workflow"], []).append(row)
    return [
        Completion(
            workflow=workflow,
            instances=sum(row["instances"] for row in rows),
            finished=sum(row["instances"] for row in rows if row["status"] in FINAL),
            success=sum(row["success"] for row in rows),
            partial_success=sum(row["partial_success"] for row in rows),
        )
        for workflow, rows in found.items()
    ]


def by_fate(by_channel: Iterable[Row]) -> list[Row]:
    """The messages of each channel by what became of them."""
    found: dict[tuple[str, str], int] = {}
    for row in by_channel:
        key = (row["channel"], FATES[StepStatus(row["status"])])
        found[key] = found.get(key, 0) + row["messages"]
    return [{"channel": channel, "fate": fate, "messages": count} for (channel, fate), count in found.items()]


# -- data ---------------------------------------------------------------------------------------------------------


def as_document(found: Figures, *, days: int) -> dict[str, Any]:
    """All figures for programs; durations are in seconds."""
    return {
        "days": days,
        "since": found.since,
        "by_status": found.by_status,
        "completion": [_completion_row(each) for each in (found.total, *found.completion)],
        "by_step": found.by_step,
        "by_channel": found.by_channel,
    }


def as_rows(found: Figures) -> Iterator[dict[str, Any]]:
    """All figures as rows of one shape."""
    for row in found.by_status:
        yield {"per": "status", **_only(row, "workflow", "status", "mean_seconds"), "count": row["instances"]}
    for each in (found.total, *found.completion):
        own = {"workflow": each.workflow, "count": each.finished, "completion_rate": each.rate}
        yield {"per": "workflow", **own}
    for row in found.by_step:
        yield {"per": "step", **_only(row, "workflow", "step_id", "status", "mean_seconds"), "count": row["attempts"]}
    for row in found.by_channel:
        yield {"per": "channel", "channel": row["channel"], "status": row["fate"], "count": row["messages"]}


def _only(row: Row, *keys: str) -> dict[str, Any]:
    return {key: row[key] for key in keys}


def _completion_row(each: Completion) -> dict[str, Any]:
    return {
        "workflow": each.workflow,
        "instances": each.instances,
        "finished": each.finished,
        "success": each.success,
        "partial_success": each.partial_success,
        "completion_rate": each.rate,
    }
