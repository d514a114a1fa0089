"""What a condition is: comparisons of fields with fixed values, joined by all, any and not."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, TypeAlias, assert_never

from msgspec import Struct


class Operator(StrEnum):
    """How a field is compared."""

    EQUAL = "=="
    NOT_EQUAL = "!="
    GREATER = ">"
    AT_LEAST = ">="
    LESS = "<"
    AT_MOST = "<="
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    EXISTS = "exists"

    __hash__ = str.__hash__  # Enum's own is written in Python, and each comparison looks its operator up


ORDERING = frozenset({Operator.GREATER, Operator.AT_LEAST, Operator.LESS, Operator.AT_MOST})


class Compare(Struct, frozen=True):
    """One field compared with a fixed value; for EXISTS the value says whether it must be known."""

    field: str
    operator: Operator
    value: Any  # a list is kept as a tuple


class AllOf(Struct, frozen=True):
    """True when every part is."""

    of: tuple["Condition", ...]


class AnyOf(Struct, frozen=True):
    """True when at least one part is."""

    of: tuple["Condition", ...]


class Not(Struct, frozen=True):
    """True when its part is not."""

    of: "Condition"


Condition: TypeAlias = Compare | AllOf | AnyOf | Not


def leaves(condition: Condition) -> Iterator[Compare]:
    """Every comparison in a condition, in the order written."""
    match condition:
        case Compare():
            yield condition
        case Not(part):
            yield from leaves(part)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)
        case _:
            assert_never(condition)


def fields_of(condition: Condition) -> frozenset[str]:
    """Every field that a condition looks at."""
    return frozenset(leaf.field for leaf in leaves(condition))


def condition_data(condition: Condition) -> dict[str, Any]:
    """Write a condition as the plain data that read_condition reads."""
    match condition:
        case Compare(field, operator, value):
            plain = list(value) if isinstance(value, tuple) else value
            return {"field": field, "operator": operator.value, "value": plain}
        case AllOf(parts):
            return {"all": [condition_data(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [condition_data(part) for part in parts]}
        case Not(part):
            return {"not": condition_data(part)}
        case _:
            assert_never(condition)


def text_of(condition: Condition) -> str:
    """Write a condition as one line of text, which reads back as one that means the same."""
    match condition:
        case Compare():
            return _leaf_text(condition)
        case AllOf(parts):
            return " and ".join(_in_brackets(part) if isinstance(part, AnyOf) else text_of(part) for part in parts)
        case AnyOf(parts):
            return " or ".join(text_of(part) for part in parts)
        case Not(part):
            return f"not {_in_brackets(part) if isinstance(part, AllOf | AnyOf) else text_of(part)}"
        case _:
            assert_never(condition)


def literal(value: Any) -> str:
    """Write a value as the text form has it."""
    match value:
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return f"[{', '.join(map(literal, value))}]"
        case str():
            return repr(str(value))
        case _:
            return repr(value)


def _in_brackets(condition: Condition) -> str:
    return f"({text_of(condition)})"


def _leaf_text(leaf: Compare) -> str:
    name, value = _name(leaf.field), leaf.value
    match leaf.operator:
        case Operator.EXISTS:
            return f"{name} is {'not ' if value is False else ''}defined"
        case Operator.EQUAL if value is True:
            return name
        case Operator.CONTAINS:
            return f"{literal(value)} in {name}"
        case Operator.NOT_IN:
            return f"{name} not in {literal(value)}"
        case operator:
            return f"{name} {operator} {literal(value)}"


def _name(field: str) -> str:
    first, *others = field.split(".")
    return first + "".join(f".{part}" if part.isidentifier() else f"[{part!r}]" for part in others)
