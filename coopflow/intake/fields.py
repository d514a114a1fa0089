"""The values of a record's fields: each reader answers with the value as coopflow keeps it, or raises Unfit."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from math import isfinite
from typing import Any, TypeAlias

from coopflow.core.instants import parse_outside_instant
from coopflow.core.wording import did_you_mean
from coopflow.errors import Invalid
from coopflow.intake.formats import Records
from coopflow.intake.json_text import StrictJson
from coopflow.intake.unfit import Unfit, described

Reader: TypeAlias = Callable[[Any], Any]

LONGEST_ID = 200  # characters
LONGEST_LINE = 200
MOST_RECOMMENDATIONS = 50

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_SIGNIFICANT = 15  # decimal digits that a float keeps exactly
_EXACT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_NEVER_A_NUMBER = re.compile(  # digits that nobody calculates with, and whose zeros in front matter
    r"(.*_)?(id|ids|ref|code|phone|mobile|cell|fax|zip|zipcode|postcode|account|iban)(_.*)?", re.IGNORECASE
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def outside_id(value: Any) -> str:
    """An id, exactly as it was given: 42 → "42", "0042" stays."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        meant = f"; write {int(value)}" if value.is_integer() else ""
        raise Unfit("has a decimal point; an id is text or a whole number", found=described(value), hint=meant)
    if value is not None and not isinstance(value, str):
        raise Unfit("is not an id: text or a whole number", found=described(value))
    if not value or not value.strip():
        raise Unfit("it is empty")
    if value != value.strip():
        raise Unfit("has blanks around it", found=described(value))
    return line(value)


def line(value: Any) -> str:
    """Text that stays on one line."""
    if not isinstance(value, str):
        raise Unfit("is not text", found=described(value))
    if len(value) > LONGEST_LINE:
        raise Unfit(f"it has {len(value)} characters, and at most {LONGEST_LINE} are possible")
    if _CONTROL.search(value):
        raise Unfit("holds a line end or another control character", found=described(value))
    return value


def share(value: Any) -> float:
    """A probability, 0 to 1."""
    number = real(value)
    if not 0 <= number <= 1:
        hint = f"; is it a percentage? write {number / 100:.6g}" if 2 <= number <= 100 else ""
        raise Unfit("is not between 0 and 1", found=described(value), hint=hint)
    return number


def percentage(value: Any) -> float:
    """A score, 0 to 100."""
    number = real(value)
    if not 0 <= number <= 100:
        raise Unfit("is not between 0 and 100", found=described(value))
    return number


def days(value: Any) -> int:
    """A number of days: at most a hundred years, so that no moment lies beyond the calendar."""
    number = real(value)
    if not number.is_integer() or not 1 <= number <= 36_500:
        raise Unfit("is not a whole number of days from 1 to 36500", found=described(value))
    return int(number)


def real(value: Any) -> float:
    """A number that is one: not true, not text, not NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = "; write it without quotation marks" if isinstance(value, str) and _NUMBER.fullmatch(value) else ""
        raise Unfit("is not a number", found=described(value), hint=hint)
    number = float(value)
    if not isfinite(number):
        raise Unfit("is not a number", found=described(value))
    return number + 0.0  # -0.0 becomes 0.0


def moment(value: Any) -> datetime:
    """An instant in ISO 8601 with its offset from UTC."""
    if not isinstance(value, str):
        raise Unfit("is not text such as '2026-03-02T09:00:00-06:00'", found=described(value))
    try:
        return _instant(value)
    except ValueError as problem:
        raise Unfit("it is not an instant with its offset from UTC", hint=f": {problem}") from None


_instant = lru_cache(maxsize=1024)(parse_outside_instant)  # a batch of predictions mostly has one


def recommendations(value: Any) -> list[dict[str, Any]]:
    """What a model recommends: names, or objects with an `action`, as `[{"action": …, "reason": …}]`."""
    if not isinstance(value, list):
        raise Unfit("is not a list of names or of {action, reason}", found=described(value))
    if len(value) > MOST_RECOMMENDATIONS:
        raise Unfit(f"it is a list of {len(value)}, and at most {MOST_RECOMMENDATIONS} are possible")
    return [_recommendation(item) for item in value]


def _recommendation(item: Any) -> dict[str, Any]:
    given = item if isinstance(item, dict) else {"action": item}
    action, reason = given.get("action"), given.get("reason")
    if not isinstance(action, str) or not action.strip():
        raise Unfit("is not a name or an object with the text 'action'", found=described(item))
    if reason is not None and not isinstance(reason, str):
        raise Unfit("is not text, as the reason of an action must be", found=described(reason))
    return {**given, "action": line(action.strip()), "reason": reason}


# -- whole records ------------------------------------------------------------------------------------------------


def read_fields(
    fields: Mapping[str, Any], readers: Mapping[str, Reader], required: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any], list[Unfit]]:
    """The known fields as their readers have them, the other ones as they are, and all that is wrong.

    A null counts as absent, except where a value is required.
    """
    known: dict[str, Any] = {}
    other: dict[str, Any] = {}
    problems: list[Unfit] = []
    for name, value in fields.items():
        reader = readers.get(name)
        if reader is None:
            other[name] = value
        elif value is not None or name in required:
            try:
                known[name] = reader(value)
            except Unfit as problem:
                problems.append(problem.at(name))
    if other:
        problems += [_miswritten(name) for name in other if _plain(name) in readers]
    problems += [_missing(name, other) for name in required if name not in fields]
    return known, other, problems


def require_columns(records: Records, required: tuple[str, ...]) -> None:
    """Raise Invalid if a CSV file lacks a column, so that this is said once and not of every row."""
    columns = records.columns
    if columns is None:
        return
    missing = [name for name in required if name not in columns]
    if missing:
        _, _, problems = read_fields(dict.fromkeys(columns), {}, required)
        words = "; ".join(problem.sentence for problem in problems)
        raise Invalid(f"{records.name}:1: the header lacks what is needed: {words}")


def _missing(name: str, other: Mapping[str, Any]) -> Unfit:
    meant = next((key for key in other if _plain(key) != name and did_you_mean(key, [name])), None)
    return Unfit("it is missing", field=name, hint=f" (is it {described(meant)}?)" if meant is not None else "")


def _miswritten(name: str) -> Unfit:
    return Unfit("this is not quite its name", field=name, hint=f"; write '{_plain(name)}'")


@lru_cache(maxsize=1024)  # the keys of a file are the same in each record
def _plain(name: str) -> str:
    """A name as it would be written here: Family ID → family_id."""
    return re.sub(r"[\s_-]+", "_", name.strip()).lower()


# -- cells of CSV -------------------------------------------------------------------------------------------------


def cell_number(text: str) -> Any:
    """A cell where a number is expected: the number, else the text, which the reader will refuse; or nothing."""
    text = text.strip()
    if not _NUMBER.fullmatch(text) or len(text) > 100:
        return text or None
    return float(text) if any(sign in text for sign in ".eE") else int(text)


def cell_of(name: str, text: str) -> Any:
    """A cell of a column that is not coopflow's: a number where nothing of the text is lost by it, else the text."""
    if not text.strip():
        return None
    digits = text.lstrip("-").replace(".", "", 1)
    if len(digits) > _SIGNIFICANT or not _EXACT.fullmatch(text) or _NEVER_A_NUMBER.fullmatch(name):
        return text
    return float(text) if "." in text else int(text)


def cell_json(text: str) -> Any:
    """A cell where JSON is expected; nothing for an empty one."""
    return StrictJson().read(text) if text.strip() else None
