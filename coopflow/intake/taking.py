"""A stream of predictions or events goes through the store: some hundred at a time, each batch one durable change."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from itertools import islice
from typing import NamedTuple, TypeAlias

from coopflow.core.case import ENGINE
from coopflow.core.model import Event, Prediction
from coopflow.core.verdict import Answer
from coopflow.intake.fields import require_columns
from coopflow.intake.formats import BadRecord, Records
from coopflow.intake.line_by_line import take_in
from coopflow.intake.predictions import REQUIRED, read_prediction
from coopflow.intake.unfit import Unfit, for_log, sentences
from coopflow.starts import Result
from coopflow.store.store import Store
from coopflow.triggers import take_predictions

Line: TypeAlias = tuple[int, Prediction | BadRecord]

BATCH = 500  # records in one transaction: as fast as larger ones, and a crash or a stopped pipe loses no more than that


class Judged(NamedTuple):
    """What became of one line of predictions; a prediction that starts several workflows has one for each."""

    line: int | None  # None: started by hand
    verdict: str
    reason: str
    prediction_id: str | None = None
    family_id: str | None = None
    workflow: str | None = None
    instance_id: int | None = None


def judge_predictions(store: Store, records: Records, *, now: datetime, dry_run: bool = False) -> Iterator[Judged]:
    """Take predictions in and answer with the verdict on each; a dry run leaves everything as it was."""
    require_columns(records, REQUIRED)
    with rolled_back(store) if dry_run else nullcontext():
        found = iter(records.found)
        while batch := [(record.line, read_prediction(record, records.kind)) for record in islice(found, BATCH)]:
            yield from take_in(
                store,
                batch,
                lambda lines: _judge_batch(store, lines, source=records.name, now=now),
                lambda line, problem: _faulty(store, line, problem, source=records.name, now=now),
            )


def _faulty(store: Store, line: Line, problem: Unfit, *, source: str, now: datetime) -> Judged:
    """The verdict on a line about which coopflow has a fault."""
    number, read = line
    known = {} if isinstance(read, BadRecord) else {"prediction_id": read.prediction_id, "family_id": read.family_id}
    bad = BadRecord(number, (problem,), known)
    log_rejected(store, [bad], source=source, now=now)
    return _refused(number, bad)


def _judge_batch(store: Store, batch: Sequence[Line], *, source: str, now: datetime) -> list[Judged]:
    predictions = [read for _, read in batch if isinstance(read, Prediction)]
    results = _by_prediction(predictions, take_predictions(store, predictions, now=now))
    bad = [read for _, read in batch if isinstance(read, BadRecord)]
    log_rejected(store, bad, source=source, now=now)
    verdicts: list[Judged] = []
    for line, read in batch:
        if isinstance(read, BadRecord):
            verdicts.append(_refused(line, read))
        else:
            verdicts += [judged(line, result) for result in next(results)]
    return verdicts


def _by_prediction(predictions: Iterable[Prediction], results: Sequence[Result]) -> Iterator[Sequence[Result]]:
    """The results of each prediction: one, or one for each workflow that it started."""
    place = 0
    for prediction in predictions:
        end = place + 1
        while (
            end < len(results)
            and results[end].answer is Answer.STARTED
            and results[end].prediction_id == prediction.prediction_id
        ):
            end += 1
        yield results[place:end]
        place = end


def _refused(line: int, bad: BadRecord) -> Judged:
    return Judged(
        line=line,
        verdict=Answer.REJECTED,
        reason=sentences(bad.problems),
        prediction_id=bad.known.get("prediction_id"),
        family_id=bad.known.get("family_id"),
    )


def judged(line: int | None, result: Result) -> Judged:
    """A verdict as it is shown."""
    rejected = result.answer is Answer.REJECTED
    return Judged(
        line=line,
        verdict=result.answer,
        reason=_unknown_family(result) if rejected else result.reason,
        prediction_id=result.prediction_id,
        family_id=result.family_id,
        workflow=result.workflow,
        instance_id=result.instance_id,
    )


def _unknown_family(result: Result) -> str:
    """A program that turned ids into decimals is the commonest reason."""
    decimal = result.family_id.endswith(".0")
    return f"field 'family_id': {result.reason}" + ("; ids are whole numbers or text, without .0" if decimal else "")


def log_rejected(store: Store, bad: Iterable[BadRecord], *, source: str, now: datetime) -> None:
    """Put refused records on record: where they stood and why, and nothing of what they said."""
    store.log(
        [
            Event(
                at=now,
                kind="trigger.rejected",
                actor=ENGINE,
                data={"source": source, "line": record.line, "reason": for_log(record.problems)},
            )
            for record in bad
        ]
    )


@contextmanager
def rolled_back(store: Store) -> Iterator[None]:
    """Do everything inside the block in one transaction, and take all of it back at the end."""
    try:
        with store.transaction():
            yield
            raise _TakenBack
    except _TakenBack:
        pass


class _TakenBack(Exception):
    """A signal inside this module: nothing is to stay."""
