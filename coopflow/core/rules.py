"""Conditions: what a trigger, a condition step or a completion criterion asks, and why the answer is yes or no.

An answer is always yes or no, never an error. A comparison with something that is not known (absent, None, NaN) is
false, `!=` and `not_in` included; so is a comparison of different kinds, such as a number with text. Of something
unknown only `exists` with the value false, and `not`, can be true.
"""

import math
import operator
from collections.abc import Callable
from typing import Any, Protocol, assert_never

from msgspec import Struct

from coopflow.core.condition_reader import ConditionError, read_condition
from coopflow.core.conditions import (
    ORDERING,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Not,
    Operator,
    condition_data,
    fields_of,
    leaves,
    literal,
    text_of,
)
from coopflow.core.facts import MISSING

__all__ = [
    "AllOf",
    "AnyOf",
    "Check",
    "Compare",
    "Condition",
    "ConditionError",
    "Not",
    "Operator",
    "condition_data",
    "explain",
    "fields_of",
    "holds",
    "is_known",
    "judged",
    "met",
    "read_condition",
    "sentence",
    "text_of",
]

KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    tuple: "a list",
}
PLAIN_NUMBERS = (int, float)
ORDERED = ("a number", "text")
LONGEST_SHOWN = 60  # characters of a value in a sentence


class Known(Protocol):
    """Where a field's value is looked up: Facts, or any mapping."""

    def get(self, field: str, /) -> Any:
        """Return the value, or MISSING or None."""


class Check(Struct, frozen=True):
    """One comparison, with the value it met."""

    rule: str  # confidence_score > 80
    value: Any  # MISSING when nothing is known
    holds: bool


def holds(condition: Condition, facts: Known) -> bool:
    """Say whether a condition is true of these facts."""
    match condition:
        case Compare():
            return _compare(condition, facts.get(condition.field))
        case AllOf(parts):
            return all(holds(part, facts) for part in parts)
        case AnyOf(parts):
            return any(holds(part, facts) for part in parts)
        case Not(part):
            return not holds(part, facts)
        case _:
            assert_never(condition)


def sentence(condition: Condition, facts: Known) -> str:
    """Say in the fewest words why a condition does not hold, or, if it does, why it does."""
    return judged(condition, facts)[1]


def met(condition: Condition, facts: Known) -> str:
    """Say in the fewest words why a condition that holds does."""
    return sentence(condition, facts)


def judged(condition: Condition, facts: Known) -> tuple[bool, str]:
    """Say whether a condition holds, and in the fewest words why, each comparison being made once."""
    match condition:
        case Compare():
            value = facts.get(condition.field)
            verdict = _compare(condition, value)
            return verdict, _reason(condition, value, verdict)
        case Not(part):
            verdict, reason = judged(part, facts)
            return not verdict, reason
        case AllOf(parts) | AnyOf(parts):
            every = isinstance(condition, AllOf)
            found = [judged(part, facts) for part in parts]
            decisive = [reason for held, reason in found if held is not every]
            if decisive:
                return not every, _joined(decisive, "; ")
            return every, _joined([reason for _, reason in found], " and ")
        case _:
            assert_never(condition)


def explain(condition: Condition, facts: Known) -> tuple[Check, ...]:
    """List every comparison in a condition with the value it meets and its own verdict."""
    return tuple(_check(leaf, facts.get(leaf.field)) for leaf in leaves(condition))


def is_known(value: Any) -> bool:
    """Say whether a looked-up value counts: MISSING, None and NaN do not."""
    return value is not None and value is not MISSING and not (isinstance(value, float) and math.isnan(value))


def _joined(reasons: list[str], word: str) -> str:
    if len(reasons) > 1:
        reasons = [f"({reason})" if "; " in reason or " and " in reason else reason for reason in reasons]
    return word.join(reasons)


def _check(leaf: Compare, value: Any) -> Check:
    return Check(text_of(leaf), value if is_known(value) else MISSING, _compare(leaf, value))


def _compare(leaf: Compare, value: Any) -> bool:
    if leaf.operator is Operator.EXISTS:
        return is_known(value) is (leaf.value is not False)
    return is_known(value) and TESTS[leaf.operator](value, leaf.value)


def _kind(value: Any) -> str | None:
    """In words, which are also what a sentence says; None for what no rule is written about."""
    kind = KINDS.get(type(value))
    if kind is None:
        kind = next((kind for known, kind in KINDS.items() if isinstance(value, known)), None)
    return None if kind is None or value != value else kind


def _alike(left: Any, right: Any) -> bool:
    kind = _kind(left)
    return kind is not None and kind == _kind(right)


def _equal(left: Any, right: Any) -> bool:
    if not _alike(left, right):
        return False
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(_equal, left, right))
    return bool(left == right)


def _in_order(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Numbers are compared with numbers and text with text; nothing else has an order."""

    def compared(left: Any, right: Any) -> bool:
        kind = _kind(left)
        return kind in ORDERED and kind == _kind(right) and test(left, right)

    return compared


def _among(value: Any, items: Any) -> bool:
    return isinstance(items, list | tuple) and any(_equal(value, item) for item in items)


def _not_among(value: Any, items: Any) -> bool:
    """Answer false of a list that has nothing of the value's kind: 42 is then most likely in it as text."""
    if not isinstance(items, list | tuple) or _among(value, items):
        return False
    return not items or any(_alike(value, item) for item in items)


def _contains(value: Any, part: Any) -> bool:
    return part in value if isinstance(value, str) and isinstance(part, str) else _among(part, value)


TESTS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: _equal,
    Operator.NOT_EQUAL: lambda left, right: _alike(left, right) and not _equal(left, right),
    Operator.GREATER: _in_order(operator.gt),
    Operator.AT_LEAST: _in_order(operator.ge),
    Operator.LESS: _in_order(operator.lt),
    Operator.AT_MOST: _in_order(operator.le),
    Operator.IN: _among,
    Operator.NOT_IN: _not_among,
    Operator.CONTAINS: _contains,
}

# How a comparison reads when it holds, and when it does not.
SIGNS: dict[Operator, tuple[str, str]] = {
    Operator.EQUAL: ("=", "≠"),
    Operator.NOT_EQUAL: ("≠", "="),
    Operator.GREATER: (">", "≤"),
    Operator.AT_LEAST: ("≥", "<"),
    Operator.LESS: ("<", "≥"),
    Operator.AT_MOST: ("≤", ">"),
    Operator.IN: ("is one of", "is not one of"),
    Operator.NOT_IN: ("is not one of", "is one of"),
    Operator.CONTAINS: ("contains", "does not contain"),
}
COMPARING_KINDS = ORDERING | {Operator.EQUAL, Operator.NOT_EQUAL}


def _reason(leaf: Compare, value: Any, verdict: bool) -> str:
    if not is_known(value):
        return f"{leaf.field} is not known"
    if leaf.operator is Operator.EXISTS:
        return f"{leaf.field} is known"
    if leaf.operator in COMPARING_KINDS and not _alike(value, leaf.value):
        return f"{leaf.field} is {_described(value)}, not {_kind(leaf.value) or _shown(leaf.value)}"
    if isinstance(value, bool) and isinstance(leaf.value, bool):
        return f"{leaf.field} is {_shown(value)}"
    yes, no = SIGNS[leaf.operator]
    return f"{leaf.field} {_shown(value)} {yes if verdict else no} {_shown(leaf.value)}"


def _described(value: Any) -> str:
    return f"{_kind(value) or 'something else'} ({_shown(value)})"


def _shown(value: Any) -> str:
    """Write a value for a sentence: short, and on one line whatever it holds."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    written = repr(value) if type(value) in PLAIN_NUMBERS else literal(value)
    return written if len(written) <= LONGEST_SHOWN else f"{written[: LONGEST_SHOWN - 1]}…"
