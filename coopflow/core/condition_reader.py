"""Conditions read from plain data, as YAML and the store have them."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from coopflow.core.conditions import ORDERING, AllOf, AnyOf, Compare, Condition, Not, Operator
from coopflow.core.wording import did_you_mean, shown
from coopflow.errors import Invalid

DEEPEST = 20  # levels of all, any and not inside one another
RESERVED = frozenset({"and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "null"})
MEANT = {"=": "==", "===": "==", "=>": ">=", "=<": "<=", "<>": "!="}  # what other languages write
NEEDS_LIST = frozenset({Operator.IN, Operator.NOT_IN})


class ConditionError(Invalid, ValueError):
    """What was written is not a condition."""

    def __init__(self, sentence: str, *, column: int | None = None) -> None:
        super().__init__(sentence)
        self.column = column  # counted from 1, where it is known; only text has columns


def read_condition(data: Any, *, text: Callable[[str], Condition] | None = None, depth: int = 1) -> Condition:
    """Read a condition from plain data; raise ConditionError. `text` reads the parts that are one line of text."""
    if depth > DEEPEST:
        raise ConditionError(f"conditions are nested more than {DEEPEST} deep")
    if isinstance(data, str) and text is not None:
        return text(data)
    if not isinstance(data, Mapping):
        raise ConditionError(f"a condition has all, any, not, or field and operator; found {_found(data)}")
    match sorted(map(str, data)):
        case ["all"]:
            return AllOf(_parts(data["all"], "all", text, depth))
        case ["any"]:
            return AnyOf(_parts(data["any"], "any", text, depth))
        case ["not"]:
            return Not(read_condition(data["not"], text=text, depth=depth + 1))
        case keys:
            return _read_comparison(data, keys)


def _parts(data: Any, word: str, text: Callable[[str], Condition] | None, depth: int) -> tuple[Condition, ...]:
    if not isinstance(data, Sequence) or isinstance(data, str) or not data:
        raise ConditionError(f"'{word}' needs a list of at least one condition; found {_found(data)}")
    return tuple(read_condition(part, text=text, depth=depth + 1) for part in data)


def _read_comparison(data: Mapping[Any, Any], keys: list[str]) -> Compare:
    for key in keys:
        if key not in ("field", "operator", "value"):
            raise ConditionError(_unexpected_key(key, keys))
    field = _read_field(data.get("field"))
    operator = _read_operator(data.get("operator"), field)
    if operator is Operator.EXISTS:
        wanted = data.get("value", True)
        if not isinstance(wanted, bool):
            raise ConditionError(f"{field}: 'exists' needs the value true or false; found {_found(wanted)}")
        return Compare(field, operator, wanted)
    if data.get("value") is None:
        raise ConditionError(f"{field}: a value is missing; whether a field is known is asked with exists (is defined)")
    return Compare(field, operator, _read_value(data["value"], operator, field))


def _unexpected_key(key: str, keys: list[str]) -> str:
    if key in ("all", "any", "not"):
        return f"'{key}' cannot stand beside {', '.join(repr(other) for other in keys if other != key)}"
    known = ("field", "operator", "value", "all", "any", "not")
    hint = did_you_mean(key, known) or f"; there are {', '.join(known)}"
    return f"unknown key {shown(key)} in a condition{hint}"


def _read_field(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise ConditionError(f"a comparison needs the name of a field; found {_found(name)}")
    first, *others = name.split(".")
    if not first.isidentifier() or first.lower() in RESERVED:
        raise ConditionError(f"{shown(name)} is not the name of a field; an imported column is attributes.NAME")
    if not all(part and part.isprintable() and part == part.strip() for part in others):
        raise ConditionError(f"{shown(name)} is not the name of a field")
    return name


def _read_operator(word: Any, field: str) -> Operator:
    try:
        return Operator(word)
    except ValueError:
        known = [operator.value for operator in Operator]
        hint = did_you_mean(MEANT.get(str(word), str(word)), known) or f"; there are {' '.join(known)}"
        raise ConditionError(f"{field}: {_found(word)} is not an operator{hint}") from None


def _read_value(value: Any, operator: Operator, field: str) -> Any:
    if operator in NEEDS_LIST:
        if not isinstance(value, list | tuple) or not value:
            raise ConditionError(f"{field}: '{operator}' needs a list of values; found {_found(value)}")
    elif isinstance(value, list | tuple) and operator not in (Operator.EQUAL, Operator.NOT_EQUAL):
        raise ConditionError(f"{field}: '{operator}' needs one value, not a list")
    if isinstance(value, list | tuple):
        return tuple(_read_scalar(item, field) for item in value)
    if operator in ORDERING:
        _require_order(value, operator, field)
    return _read_scalar(value, field)


def _read_scalar(value: Any, field: str) -> Any:
    if isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ConditionError(f"{field}: a value is text, a number, true or false; found {_found(value)}")


def _require_order(value: Any, operator: Operator, field: str) -> None:
    if isinstance(value, bool):
        raise ConditionError(f"{field}: '{operator}' needs a number; found {_found(value)}")
    if isinstance(value, str) and _is_number(value):
        raise ConditionError(f"{field}: '{operator}' would compare text; write {value} without quotes")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _found(data: Any) -> str:
    match data:
        case None:
            return "nothing"
        case bool():
            return "true" if data else "false"
        case list() | tuple():
            return "a list" if data else "an empty list"
        case Mapping():
            return "a mapping"
        case _:
            return shown(data)
