"""What is known about a family and its instance, looked up by name when a condition asks for it."""

from collections.abc import Container, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final

from msgspec import Struct, field

from coopflow.core.model import Family


class Missing(Enum):
    """The type of MISSING."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING  # nothing is known under that name

# Columns of a family. They come before anything else of the same name.
FAMILY_FIELDS: Final = frozenset(
    {
        "family_id",
        "family_name",
        "email",
        "phone",
        "time_zone",
        "status",
        "language",
        "engagement_score",
        "withdrawal_risk",
    }
)

# What a prediction brings, beside whatever else its source adds.
PREDICTION_FIELDS: Final = frozenset(
    {
        "prediction_id",
        "prediction_type",
        "predicted_probability",
        "confidence_score",
        "prediction_window_days",
        "predicted_at",
        "recommendations",
    }
)

# What only the co-op may see: never in a text to a family, neither by itself nor as part of a dotted name.
INTERNAL_FIELDS: Final = frozenset(
    {
        *PREDICTION_FIELDS,
        "prediction",
        "engagement_score",
        "withdrawal_risk",
        "risk",
        "risk_level",
        "risk_score",
        "risk_factors",
        "churn_probability",
        "notes",
        "outcome_notes",
        "recommendation",
    }
)

# Events that coopflow itself records or waits for, with what each means; any other kind is declared by its use.
BUILT_IN_EVENTS: Final[Mapping[str, str]] = {
    "email_response_received": "the family answered by mail",
    "sms_response_received": "the family answered by text",
    "call_reached": "a coordinator spoke with the family",
    "payment_overdue": "a payment of the family is overdue",
    "payment_received": "the family paid",
    "family_enrolled": "the family has joined",
    "family_withdrew": "the family has left",
    "email_bounced": "a mail came back",
    "sms_failed": "a text could not be delivered",
    "opted_out": "the family asked not to be written to",
}


class Facts(Struct, frozen=True, kw_only=True):
    """Everything a condition can see. Nothing is copied or merged: each place is asked when a name is looked up."""

    family: Family
    trigger: Mapping[str, Any] = field(default_factory=dict)  # the prediction's fields or the event's data
    outputs: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # step id → what it gave; grows as steps end
    ended: dict[str, datetime] = field(default_factory=dict)  # step id → when it was over last; grows as steps end
    events: Container[str] = frozenset()  # the kinds that happened since the instance started
    known_events: Container[str] = field(default_factory=lambda: BUILT_IN_EVENTS)  # may happen: false until they do

    def get(self, name: str) -> Any:
        """Return what is known under a plain or dotted name, or MISSING. A value of None counts as missing."""
        head, dot, path = name.partition(".")
        found = self._inside(head, path) if dot else self._plain(name)
        if found is not MISSING:
            return found
        if name in self.events:
            return True
        return False if name in self.known_events else MISSING

    def _plain(self, name: str) -> Any:
        """Look up one word. An event that happened is not hidden by an imported column of that name."""
        if name in FAMILY_FIELDS and (column := getattr(self.family, name)) is not None:
            return column
        if name in self.events:
            return True
        for place in (self.family.attributes, self.trigger):
            if (value := place.get(name)) is not None:
                return value
        return MISSING

    def _inside(self, head: str, path: str) -> Any:
        match head:
            case "family":
                column = getattr(self.family, path) if path in FAMILY_FIELDS else None
                return _follow(self.family.attributes, path) if column is None else column
            case "attributes":
                return _follow(self.family.attributes, path)
            case "prediction" | "event" | "trigger":
                return _follow(self.trigger, path)
            case "steps":
                return _follow(self.outputs, path)
            case _:
                return _follow(self._plain(head), path)


def _follow(place: Any, path: str) -> Any:
    for key in path.split("."):
        place = place.get(key) if isinstance(place, Mapping) else None
    return MISSING if place is None else place
