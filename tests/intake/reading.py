"""Short ways to read records in tests."""

import io
from typing import Any

from coopflow.intake.formats import BadRecord, Found, Records, read_records


def records_of(content: str | bytes) -> Records:
    given = content.encode() if isinstance(content, str) else content
    return read_records(io.BytesIO(given), "<stdin>")


def found_in(content: str | bytes) -> list[Found]:
    return list(records_of(content).found)


def told(found: Found) -> Any:
    """A record as (line, fields), a bad one as (line, its sentences)."""
    if isinstance(found, BadRecord):
        return found.line, "; ".join(problem.sentence for problem in found.problems)
    return found.line, dict(found.fields)


def read(content: str | bytes) -> list[Any]:
    return [told(found) for found in found_in(content)]
