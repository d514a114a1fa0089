"""What a bad input is given to, and what is then said: one function for each kind of file in `bad/`."""

import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime

from coopflow.config_schema import checked
from coopflow.core.facts import BUILT_IN_EVENTS
from coopflow.errors import CoopflowError
from coopflow.intake.calendar_files import read_closed_days
from coopflow.intake.events import EventReader
from coopflow.intake.families import FamilyReader
from coopflow.intake.fields import require_columns
from coopflow.intake.formats import BadRecord, Records, read_records
from coopflow.intake.predictions import REQUIRED, read_prediction
from coopflow.intake.unfit import sentences
from coopflow.problems import ProblemsFound
from coopflow.workflows.definition import read_definition
from tests.workflows.corpus import HEAD, KNOWN, MESSAGES

CONFIG = "organisation: Willow Creek\ntime_zone: America/Chicago\n"
NOW = datetime(2026, 3, 20, 13, tzinfo=UTC)


def workflow(text: bytes) -> list[str]:
    """A workflow file; one that begins with a list is the steps of one."""
    words = text.decode()
    whole = HEAD + words if words.startswith("-") else words
    return [str(found) for found in read_definition(whole, path="w.yaml", known=KNOWN, messages=MESSAGES).problems]


def step(text: bytes) -> list[str]:
    """The keys of one step on one line."""
    return workflow(b"- {id: a, " + text.rstrip(b"\n") + b"}\n- {id: done, type: end}\n")


def condition(text: bytes) -> list[str]:
    """One line of text where a condition stands."""
    quoted = json.dumps(text.decode().strip("\n"), ensure_ascii=False)
    head = "name: w\ntrigger: {type: prediction}\ncompletion_criteria: "
    return workflow(f"{head}{quoted}\nsteps:\n- {{id: end, type: end}}\n".encode())


def message(text: bytes) -> list[str]:
    """A message template for a mail, as its workflow is checked with it."""
    steps = HEAD + "- {id: a, type: email, template_id: hello}\n"
    messages = {"hello": {"": text.decode()}}
    return [str(found) for found in read_definition(steps, path="w.yaml", known=KNOWN, messages=messages).problems]


def config(text: bytes) -> list[str]:
    """More lines of a configuration; one that begins with its first key is all of it."""
    whole = text if text.startswith(b"organisation") else CONFIG.encode() + text
    try:
        checked(whole, path="coopflow.yaml")
    except ProblemsFound as found:
        return [str(problem) for problem in found.problems]
    return []


def prediction(text: bytes) -> list[str]:
    """A file of predictions."""
    return _records(
        text, lambda records: (require_columns(records, REQUIRED), map(_prediction(records), records.found))[1]
    )


def _prediction(records: Records) -> Callable[..., object]:
    return lambda found: read_prediction(found, records.kind)


def event(text: bytes) -> list[str]:
    """A file of events."""

    def read(records: Records) -> object:
        reader = EventReader(frozenset(BUILT_IN_EVENTS), now=NOW)
        return (reader.read(found, records.kind) for found in records.found)

    return _records(text, read)


def family(text: bytes) -> list[str]:
    """A file of families."""
    return _records(text, lambda records: FamilyReader(region="US").read_all(records, lambda _: None))


def _records(text: bytes, read: Callable[[Records], object]) -> list[str]:
    try:
        found = list(read(read_records(io.BytesIO(text), "file")))  # type: ignore[call-overload]
    except CoopflowError as problem:
        return str(problem).splitlines()
    return [f"file:{record.line}: {sentences(record.problems)}" for record in found if isinstance(record, BadRecord)]


def calendar(text: bytes) -> list[str]:
    """A file of closed days."""
    name = "closed.ics" if text.startswith(b"BEGIN") else "closed.csv"
    try:
        read_closed_days(io.BytesIO(text), name, today=date(2026, 6, 1))
    except CoopflowError as problem:
        return str(problem).splitlines()
    return []


SUBJECTS: dict[str, Callable[[bytes], list[str]]] = {
    "workflow": workflow,
    "step": step,
    "condition": condition,
    "message": message,
    "config": config,
    "prediction": prediction,
    "event": event,
    "family": family,
    "calendar": calendar,
}
