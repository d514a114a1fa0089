"""Families as a member list has them: what each record says of one, and what that makes of the family we know."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from coopflow.channels.addresses import check_email, check_phone
from coopflow.core.best_times import BEST_HOUR, best_hour
from coopflow.core.decide import FORGOTTEN, NOT_CONTACTED
from coopflow.core.facts import PREDICTION_FIELDS
from coopflow.core.model import Family
from coopflow.core.timing import zone
from coopflow.core.wording import nearest
from coopflow.intake import fields
from coopflow.intake.formats import BadRecord, Kind, Record, Records
from coopflow.intake.unfit import Unfit, described

SCORES = ("engagement_score", "withdrawal_risk")  # measured again and again; every measurement is kept
CONTACTED = frozenset(
    {"enrolled", "active", "prospective", "waiting", "former", "graduated"}
)  # other words will do too
STATUSES = CONTACTED | NOT_CONTACTED

_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ATTRIBUTE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class FamilyRecord(Struct, frozen=True, kw_only=True):
    """What one record says: only what it names changes; None takes a value away."""

    line: int
    family_id: str
    columns: Mapping[str, Any]
    attributes: Mapping[str, Any]

    def applied_to(self, family: Family | None) -> Family:
        """The family as it then is. Consent, and what the record does not name, stay as they are."""
        base = family or Family(family_id=self.family_id, family_name="")
        merged = {**base.attributes, **self.attributes}
        attributes = {name: value for name, value in merged.items() if value is not None}
        return replace(base, **self.columns, attributes=attributes)


class FamilyReader:
    """Reads records as families; `region` is the country whose phone numbers need no country code."""

    def __init__(self, *, region: str | None) -> None:
        self._region = region
        self._readers: Mapping[str, fields.Reader] = {
            "family_id": fields.outside_id,
            "family_name": _name,
            "email": lambda value: _checked(check_email, value),
            "phone": self._phone,
            "time_zone": lambda value: _checked(lambda text: str(zone(text)), value),
            "status": _status,
            "language": _language,
            "engagement_score": _score,
            "withdrawal_risk": _score,
            "attributes": _attributes,
            "consent": _no_consent,
        }

    def read_all(self, records: Records, good: Callable[[FamilyRecord], None]) -> list[BadRecord]:
        """Hand on every family, and answer with every record that is none; the same id twice is such a one."""
        lines: dict[str, int] = {}
        bad: list[BadRecord] = []
        for found in records.found:
            read = found if isinstance(found, BadRecord) else self.read(found, records.kind)
            if isinstance(read, BadRecord):
                bad.append(read)
            elif read.family_id in lines:
                bad.append(_again(read, lines[read.family_id]))
            else:
                lines[read.family_id] = read.line
                good(read)
        return bad

    def read(self, record: Record, kind: Kind = Kind.JSONL) -> FamilyRecord | BadRecord:
        """What one record says, or all that is wrong with it."""
        given = record.fields
        if kind is Kind.CSV:
            given = {name: self._cell(name, text) for name, text in given.items()}
        emptied = {name: None for name, value in given.items() if value is None and name in _MAY_BE_EMPTY}
        known, other, problems = fields.read_fields(given, self._readers, ("family_id",))
        if "family_name" in given and given["family_name"] is None:
            problems.append(Unfit("it is empty", field="family_name"))
        problems += [problem for name in other if (problem := _attribute_problem(name))]
        attributes = {**other, **known.pop("attributes", {})}
        problems += _best_hour_problem(attributes.get(BEST_HOUR))
        if problems:
            return BadRecord(record.line, problems)
        return FamilyRecord(
            line=record.line,
            family_id=known.pop("family_id"),
            columns={**known, **emptied},
            attributes=attributes,
        )

    def _cell(self, name: str, text: str) -> Any:
        if name in SCORES:
            return fields.cell_number(text)
        if name in self._readers:
            return text if text.strip() else None
        return fields.cell_of(name, text)

    def _phone(self, value: Any) -> str:
        text = value
        if isinstance(value, str) and value.startswith("'"):
            text = value[1:]  # so that no spreadsheet takes +1… for a sum; our own export writes it as well
        return _checked(lambda number: check_phone(number, self._region), text)


_MAY_BE_EMPTY = frozenset({"email", "phone", "time_zone", "language"})


def _again(record: FamilyRecord, first: int) -> BadRecord:
    problem = Unfit("is there twice", found=described(record.family_id), hint=f", first on line {first}")
    return BadRecord(record.line, (problem.at("family_id"),))


def _checked(check: Callable[[str], str], value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit("is not text", found=described(value))
    try:
        return check(value)
    except ValueError as problem:
        raise Unfit(str(problem)) from None


def _name(value: Any) -> str:
    name = fields.line(value).strip()
    if not name:
        raise Unfit("it is empty")
    return name


def _status(value: Any) -> str:
    word = fields.line(value)
    if word == FORGOTTEN:
        raise Unfit("is not imported; erase a family with: coopflow family forget")
    if word in STATUSES:
        return word
    plain = re.sub(r"[\s-]+", "_", word.strip()).lower()
    meant = plain if plain in STATUSES else nearest(plain, NOT_CONTACTED - {FORGOTTEN} | {"enrolled"}, likeness=0.85)
    if meant is not None:  # a slip here would write to a family that has left
        raise Unfit("is not a status", found=described(word), hint=f" (did you mean '{meant}'?)")
    if not _WORD.fullmatch(word):
        raise Unfit("is not a status: one word in small letters", found=described(word))
    return word


def _language(value: Any) -> str:
    text = fields.line(value)
    if not _LANGUAGE.fullmatch(text):
        raise Unfit("is not a language's code, as in 'en' or 'es-MX'", found=described(text))
    return text


def _score(value: Any) -> float:
    number = fields.real(value)
    if abs(number) >= 1e15:
        raise Unfit("is too large", found=described(value))
    return number


def _attributes(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unfit("is not an object of names and values", found=described(value))
    for name in value:
        if problem := _attribute_problem(name):
            raise problem
    return value


def _no_consent(value: Any) -> Any:
    raise Unfit("is not imported: consent changes with coopflow family optout or optin", found=described(value))


def _attribute_problem(name: str) -> Unfit | None:
    if name in PREDICTION_FIELDS:
        return Unfit("it belongs to predictions, which come in with: coopflow trigger", field=name)
    if not _ATTRIBUTE.fullmatch(name):
        plain = re.sub(r"\W+", "_", name.strip(), flags=re.ASCII).strip("_").lower()
        hint = f"; write '{plain}'" if _ATTRIBUTE.fullmatch(plain) else ""
        return Unfit("workflows cannot ask for this name: letters, digits and _ only", field=name, hint=hint)
    return None


def _best_hour_problem(value: Any) -> list[Unfit]:
    """The one attribute that the rules of time look at by themselves."""
    if value is None or best_hour(value) is not None:
        return []
    reason = "is not an hour of the day; write a whole number from 0 to 23"
    return [Unfit(reason, field=BEST_HOUR, found=described(value))]


def unusual_statuses(statuses: Iterable[str]) -> list[str]:
    """The words for a status that coopflow gives no meaning: families that have one are written to."""
    return sorted(set(statuses) - STATUSES)
