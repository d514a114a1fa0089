"""Predictions as a model writes them, as values or as what is wrong with them."""

from collections.abc import Mapping
from typing import Any

from coopflow.core.model import Prediction
from coopflow.intake import fields
from coopflow.intake.formats import BadRecord, Found, Kind
from coopflow.intake.unfit import Unfit

REQUIRED = ("prediction_id", "family_id", "predicted_probability", "confidence_score")
READERS: Mapping[str, fields.Reader] = {
    "prediction_id": fields.outside_id,
    "family_id": fields.outside_id,
    "predicted_probability": fields.share,
    "confidence_score": fields.percentage,
    "prediction_window_days": fields.days,
    "prediction_type": fields.line,
    "predicted_at": fields.moment,
    "recommendations": fields.recommendations,
}
_NUMBERS = frozenset({"predicted_probability", "confidence_score", "prediction_window_days"})


def read_prediction(found: Found, kind: Kind = Kind.JSONL) -> Prediction | BadRecord:
    """The prediction that a record is, with all fields that are not known here as its `extra`; or all its problems."""
    if isinstance(found, BadRecord):
        return found
    given = found.fields
    if kind is Kind.CSV:
        try:
            given = _cells(given)
        except Unfit as problem:
            return BadRecord(found.line, (problem,))
    known, extra, problems = fields.read_fields(given, READERS, REQUIRED)
    return BadRecord(found.line, problems, known) if problems else Prediction(**known, extra=extra)


def _cells(cells: Mapping[str, str]) -> dict[str, Any]:
    typed = {name: _cell(name, text) for name, text in cells.items()}
    return {name: value for name, value in typed.items() if value is not None}


def _cell(name: str, text: str) -> Any:
    if name in _NUMBERS:
        return fields.cell_number(text)
    if name == "recommendations":
        return _names(text)
    return (text or None) if name in READERS else fields.cell_of(name, text)


def _names(text: str) -> Any:
    """Recommendations in a cell: a JSON list, or names with semicolons between them."""
    if text.lstrip().startswith("["):
        try:
            return fields.cell_json(text)
        except Unfit as problem:
            raise problem.at("recommendations") from None
    return [name.strip() for name in text.split(";") if name.strip()] or None
