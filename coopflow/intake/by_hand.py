"""What a person says on the command line: a workflow to start, an event that happened."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from coopflow.errors import Usage
from coopflow.intake.events import EventReader, OutsideEvent
from coopflow.intake.formats import BadRecord, Record
from coopflow.intake.json_text import StrictJson
from coopflow.intake.taking import Judged, judged
from coopflow.intake.unfit import Unfit
from coopflow.store.store import Store
from coopflow.triggers import start_by_hand

_AS_TYPED = {"kind": "KIND", "data": "--data", "at": "--at"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def start_one(
    store: Store, workflow: str, family_id: str, values: Mapping[str, Any], *, actor: str, now: datetime
) -> Judged:
    """Start a workflow because a person says so, inside the caller's transaction."""
    return judged(None, start_by_hand(store, workflow, family_id, values=values, actor=actor, now=now))


def set_values(texts: Sequence[str]) -> dict[str, Any]:
    """The values of `--set KEY=VALUE`: numbers, true, false and null as such, anything else as text."""
    values: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not _NAME.fullmatch(name):
            raise Usage(f"--set takes a name and a value, as in --set tone=warm; found '{text}'")
        if name in values:
            raise Usage(f"--set gives '{name}' twice")
        values[name] = _scalar(value)
    return values


def told_event(kind: str, family_id: str, *, data: str | None, at: str | None, reader: EventReader) -> OutsideEvent:
    """The event that a person tells of; raise Usage with all that is wrong with it."""
    read = reader.read(Record(0, {"kind": kind, "family_id": family_id, "data": data, "at": at}))
    if isinstance(read, BadRecord):
        raise Usage(
            "\n".join(
                f"{_AS_TYPED.get(str(problem.field), '--data')}: {problem.at(None).sentence}"
                for problem in read.problems
            )
        )
    return read


def _scalar(text: str) -> Any:
    try:
        value = StrictJson().read(text)
    except Unfit:
        return text
    return text if isinstance(value, dict | list) else value
