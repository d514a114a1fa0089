"""What became of predictions and events, as rows for a sheet and as sentences."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from coopflow.cli.advancing import what_is_next
from coopflow.cli.lookup import named
from coopflow.cli.session import Session
from coopflow.render import Column

if TYPE_CHECKING:
    from coopflow.intake.happening import Happened
    from coopflow.intake.taking import Judged
    from coopflow.starts import Result
    from coopflow.store.store import Store

TRIGGER_COLUMNS = (
    Column("line", "Line", justify="right"),
    Column("prediction_id", "Prediction"),
    Column("family_id", "Family"),
    Column("verdict", "Verdict"),
    Column("workflow", "Workflow"),
    Column("instance_id", "Instance", justify="right"),
    Column("reason", "Why"),
)
EVENT_COLUMNS = (
    Column("line", "Line", justify="right"),
    Column("event_id", "Event", justify="right"),
    Column("kind", "What happened"),
    Column("family_id", "Family"),
    Column("verdict", "Verdict"),
    Column("touched", "Went on or ended"),
    Column("started", "Started"),
    Column("reason", "Why"),
)
WOULD = {"started": "would start", "skipped": "would skip", "rejected": "would reject", "recorded": "would record"}


@dataclass
class Tally:
    """What is counted, and said of refused lines, while rows go by."""

    session: Session
    source: str
    dry_run: bool = False
    verdicts: Counter[str] = field(default_factory=Counter)
    example: str | None = None  # a family to look at

    def judged(self, verdicts: "Iterable[Judged]") -> Iterator[dict[str, Any]]:
        """The rows of predictions."""
        for one in verdicts:
            self._count(one)
            yield {
                "line": one.line,
                "prediction_id": one.prediction_id,
                "family_id": one.family_id,
                "verdict": self._word(one.verdict),
                "workflow": one.workflow,
                "instance_id": None if self.dry_run else one.instance_id,
                "reason": one.reason,
            }

    def happened(self, events: "Iterable[Happened]") -> Iterator[dict[str, Any]]:
        """The rows of events."""
        for one in events:
            self._count(one)
            yield {
                "line": one.line,
                "event_id": None if self.dry_run else one.event_id,
                "kind": one.kind,
                "family_id": one.family_id,
                "verdict": self._word(one.verdict),
                "touched": list(one.touched),
                "started": [] if self.dry_run else one.started,
                "reason": one.reason,
            }

    def summary(self, *verdicts: str, look: str) -> str:
        """`54 started, 446 skipped, 0 rejected.` and with what to look at one; of a dry run `54 would start …`."""
        counts = ", ".join(f"{self.verdicts[verdict]} {self._word(verdict)}" for verdict in verdicts)
        if not self.verdicts:
            return f"{counts}: {self.source} is empty."
        if self.dry_run:
            return f"{counts}. Nothing was changed."
        return f"{counts}." + (f" See one: {look} {shlex.quote(self.example)}" if self.example else "")

    def _count(self, one: "Judged | Happened") -> None:
        self.verdicts[one.verdict] += 1
        if one.verdict == "rejected" and one.line is not None:
            self.session.say(f"{self.source}:{one.line}: {one.reason}")
        elif one.verdict == "started" or self.example is None:
            self.example = one.family_id if self.verdicts["started"] <= 1 else self.example

    def _word(self, verdict: str) -> str:
        return WOULD[verdict] if self.dry_run else verdict


def started_words(session: Session, store: "Store", result: "Judged", *, dry_run: bool) -> str:
    """What became of an order to start one workflow."""
    family_id = str(result.family_id)
    whom = f"{result.workflow} for {named(store.families([family_id])[family_id])}"
    if result.instance_id is None:
        return f"{whom} was not started: {result.reason.removeprefix(f'{result.workflow}: ')}"
    following = what_is_next(session, store, result.instance_id)
    if dry_run:
        return f"Would start {whom}. {following} Nothing was changed."
    return f"Started {whom}: instance {result.instance_id}. {following} Undo: coopflow cancel {result.instance_id}"


def event_words(session: Session, store: "Store", one: "Happened", *, dry_run: bool) -> str:
    """What an event came to."""
    family_id = str(one.family_id)
    whom = named(store.families([family_id])[family_id])
    parts = [f"{'Would record' if dry_run else 'Recorded'} {one.kind} for {whom}."]
    parts += [f"{one.reason[:1].upper()}{one.reason[1:]}."] if one.reason else []
    parts += touched_words(session, store, one.touched)
    parts += [_result_words(result) for result in one.results]
    if len(parts) == 1:
        parts.append("Nothing was waiting for it.")
    if one.kind == "opted_out":
        parts.append(f"Messages go on; to stop them: coopflow family optout {shlex.quote(family_id)}")
    return " ".join(parts)


def touched_words(session: Session, store: "Store", instance_ids: "Iterable[int]") -> list[str]:
    """How instances stand that something has just woken or ended, a sentence each."""
    sentences = []
    for row in store.looking.instances(ids=list(instance_ids)):
        what = f"{row['workflow']} (instance {row['instance_id']})"
        if row["completed_at"]:
            sentences.append(f"{what} is {row['status']}: {row['outcome_notes']}.")
        else:
            sentences.append(f"{what} goes on. {what_is_next(session, store, row['instance_id'])}")
    return sentences


def _result_words(result: "Result") -> str:
    if result.instance_id is None:
        return f"Nothing was started: {result.reason}."
    return f"{result.workflow} (instance {result.instance_id}) was started: {result.reason}."
