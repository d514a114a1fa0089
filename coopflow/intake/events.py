"""Things that happened outside, as somebody tells of them: values, or what is wrong with them."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from coopflow.core.instants import format_instant
from coopflow.core.wording import did_you_mean
from coopflow.intake import fields
from coopflow.intake.formats import BadRecord, Found, Kind
from coopflow.intake.json_text import StrictJson
from coopflow.intake.unfit import Unfit, described

REQUIRED = ("kind", "family_id")
CLOCKS_DIFFER = timedelta(minutes=5)  # so far may the clock of whoever tells of an event be ahead of ours
HAPPENED_AT = "happened_at"  # in an event's data: when it happened, where that was said
EVENT_KEY = "event_key"  # in an event's data: what its source calls it


class OutsideEvent(Struct, frozen=True, kw_only=True):
    """Something that happened to a family."""

    kind: str
    family_id: str
    data: Mapping[str, Any]
    at: datetime | None = None  # when it happened; None: now
    key: str | None = None  # what its source calls it; the same one is recorded once

    def told(self) -> dict[str, Any]:
        """What goes on record."""
        own = {EVENT_KEY: self.key, HAPPENED_AT: self.at and format_instant(self.at)}
        return {**self.data, **{name: value for name, value in own.items() if value is not None}}


class EventReader:
    """Reads records as events of the kinds that a co-op knows."""

    def __init__(self, known: Collection[str], *, now: datetime) -> None:
        self._known = known
        self._now = now
        self._readers: Mapping[str, fields.Reader] = {
            "kind": self.kind,
            "family_id": fields.outside_id,
            "data": self.data,
            "at": self.at,
            "id": fields.outside_id,
        }

    def read(self, found: Found, form: Kind = Kind.JSONL) -> OutsideEvent | BadRecord:
        """The event that a record is, with all fields that are not known here in its data; or all its problems."""
        if isinstance(found, BadRecord):
            return found
        given = found.fields
        if form is Kind.CSV:
            given = {name: value for name, text in given.items() if (value := _cell(name, text)) is not None}
        known, other, problems = fields.read_fields(given, self._readers, REQUIRED)
        data = {**other, **known.get("data", {})}
        problems += [_twice(name) for name in other if name in known.get("data", {})]
        problems += [
            Unfit(f"the name '{name}' is kept for coopflow's own use", field="data") for name in _reserved(data)
        ]
        if problems:
            return BadRecord(found.line, problems, known)
        return OutsideEvent(
            kind=known["kind"], family_id=known["family_id"], data=data, at=known.get("at"), key=known.get("id")
        )

    def kind(self, value: Any) -> str:
        """A kind of event that is known."""
        word = fields.line(value)
        if word not in self._known:
            raise Unfit(
                "is not an event that coopflow knows",
                found=described(word),
                hint=f"{did_you_mean(word, self._known)}; one of your own is declared in coopflow.yaml, under events:",
            )
        return word

    def data(self, value: Any) -> dict[str, Any]:
        """An object, or the text of one."""
        if isinstance(value, str):
            value = StrictJson().read(value)
        if not isinstance(value, dict):
            raise Unfit('is not an object, as in {"amount": 12.5}', found=described(value))
        return value

    def at(self, value: Any) -> datetime:
        """An instant that has been."""
        moment = fields.moment(value)
        if moment > self._now + CLOCKS_DIFFER:
            raise Unfit("lies in the future", found=described(value))
        return min(moment, self._now)


def _cell(name: str, text: str) -> Any:
    return (text or None) if name in ("kind", "family_id", "data", "at", "id") else fields.cell_of(name, text)


def _twice(name: str) -> Unfit:
    return Unfit("it is there beside 'data' and inside it", field=name)


def _reserved(data: Mapping[str, Any]) -> list[str]:
    return [name for name in (EVENT_KEY, HAPPENED_AT) if name in data]
