"""Every condition of a file, read comparison by comparison, so that each mistake has its own place."""

from collections.abc import Iterator, Mapping
from typing import Any

from coopflow.core.condition_reader import ConditionError, read_condition
from coopflow.core.conditions import ORDERING, Compare, Operator, leaves
from coopflow.core.facts import BUILT_IN_EVENTS
from coopflow.problems import Loc, Problem
from coopflow.schema_problems import found as words_for
from coopflow.strict_yaml import Source
from coopflow.workflows.fields import A_CONDITION
from coopflow.workflows.known import Known, Scope, near_miss, scope_of
from coopflow.workflows.outline import Outline, Spot

JOINTS = ("all", "any", "not")
NUMBERS = frozenset(
    {"predicted_probability", "confidence_score", "prediction_window_days", "engagement_score", "withdrawal_risk"}
)
TEXTS = frozenset(
    {
        "family_id",
        "family_name",
        "email",
        "phone",
        "time_zone",
        "status",
        "language",
        "prediction_id",
        "prediction_type",
    }
)
EXAMPLES = {"text": "== 'words'", "a number": "> 0.5"}  # of comparisons
HIGHEST = {"predicted_probability": 1, "confidence_score": 100}  # from 0


def check_conditions(file: Outline, source: Source, known: Known) -> Iterator[Problem]:
    """Every condition of a file: what is not one, and what nothing can provide."""
    data: Mapping[str, Any] = source.data
    inside = scope_of(data, known, frozenset(spot.id for spot in file.spots))
    trigger = data.get("trigger")
    if isinstance(trigger, Mapping) and "conditions" in trigger:
        at_start = scope_of(data, known, frozenset())
        yield from _check(trigger["conditions"], ("trigger", "conditions"), source, at_start)
    if "completion_criteria" in data:
        yield from _check(data["completion_criteria"], ("completion_criteria",), source, inside)
    for spot in file.spots:
        for key in ("only_if", "condition"):
            if key in spot.data:
                yield from _check(spot.data[key], (*spot.loc, key), source, inside)
        yield from _awaited(spot, source, inside)


def check_trigger_event(source: Source, known: Known) -> Iterator[Problem]:
    """A trigger may name an event of its own; one that is nearly one of the known kinds is most likely a slip."""
    trigger = source.data.get("trigger")
    event = trigger.get("event") if isinstance(trigger, Mapping) else None
    if isinstance(event, str) and (hint := near_miss(event, known.all_events())):
        yield source.problem(("trigger", "event"), f"no other place knows the event '{event}'.{hint}", warning=True)


def structured(data: Any) -> dict[str, Any]:
    """A condition, written in whichever form, as plain data in the form with field, operator and value."""
    from coopflow.core.conditions import condition_data
    from coopflow.texts.conditions import parse_condition  # jinja2 reads it: only files that have such a line need that

    return condition_data(read_condition(data, text=parse_condition))


def _awaited(spot: Spot, source: Source, scope: Scope) -> Iterator[Problem]:
    until = spot.data.get("until")
    event = until.get("event") if isinstance(until, Mapping) else None
    if isinstance(event, str) and (fault := scope.event_fault(event)):
        yield source.problem((*spot.loc, "until", "event"), fault)


def _check(data: Any, loc: Loc, source: Source, scope: Scope) -> Iterator[Problem]:
    if isinstance(data, str):
        yield from _check_text(data, loc, source, scope)
    elif isinstance(data, Mapping) and len(data) == 1 and (joint := next(iter(data))) in JOINTS:
        yield from _check_joint(data[joint], (*loc, joint), source, scope)
    elif isinstance(data, Mapping):
        yield from _check_comparison(data, loc, source, scope)


def _check_joint(parts: Any, loc: Loc, source: Source, scope: Scope) -> Iterator[Problem]:
    if loc[-1] == "not":
        if isinstance(parts, Mapping | str):
            yield from _check(parts, loc, source, scope)
        else:
            yield source.problem(loc, f"{A_CONDITION}, found {words_for(parts)}")
    elif not isinstance(parts, list) or not parts:
        yield source.problem(loc, f"'{loc[-1]}' needs a list of at least one condition")
    else:
        for place, part in enumerate(parts):
            if not isinstance(part, Mapping | str):
                yield source.problem((*loc, place), f"{A_CONDITION}, found {words_for(part)}")
            yield from _check(part, (*loc, place), source, scope)


def _check_text(text: str, loc: Loc, source: Source, scope: Scope) -> Iterator[Problem]:
    from coopflow.texts.conditions import parse_condition

    try:
        condition = parse_condition(text)
    except ConditionError as error:
        at = f" (character {error.column} of the condition)" if error.column else ""
        yield source.problem(loc, f"{error}{at}")
        return
    for leaf in leaves(condition):
        yield from (source.problem(loc, sentence) for sentence in _faults(leaf, scope))


def _check_comparison(data: Mapping[str, Any], loc: Loc, source: Source, scope: Scope) -> Iterator[Problem]:
    try:
        condition = read_condition(data)
    except ConditionError as error:
        yield source.problem(_place_of(data, loc), str(error))
        return
    for leaf in leaves(condition):
        fault = scope.fault(leaf.field)
        if fault:
            yield source.problem((*loc, "field"), fault)
        elif fault := _never(leaf, scope):
            yield source.problem((*loc, "value" if "value" in data else "field"), fault)


def _place_of(data: Mapping[str, Any], loc: Loc) -> Loc:
    """A whole comparison is at fault, unless only one of its three keys can be."""
    if set(data) == {"field", "operator", "value"}:
        if data["operator"] not in list(Operator):
            return (*loc, "operator")
        return (*loc, "value") if isinstance(data["field"], str) and data["field"].isidentifier() else (*loc, "field")
    return loc


def _faults(leaf: Compare, scope: Scope) -> Iterator[str]:
    fault = scope.fault(leaf.field) or _never(leaf, scope)
    if fault:
        yield fault


def _never(leaf: Compare, scope: Scope) -> str | None:
    """Why a comparison can never be what its author means: kinds that do not fit, limits that nothing reaches."""
    if leaf.operator is Operator.EXISTS:
        return None
    name = leaf.field.removeprefix("prediction.").removeprefix("family.")
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    wanted = _kind_of_field(name, scope)
    odd = [value for value in values if _kind(value) != wanted]
    if wanted in EXAMPLES and leaf.operator is Operator.EQUAL and leaf.value is True:  # the field stands alone
        return (
            f"'{leaf.field}' is {wanted}; say what of it: {leaf.field} {EXAMPLES[wanted]}, or {leaf.field} is defined"
        )
    if wanted and odd:
        return f"'{leaf.field}' is {wanted}, {_shown(odd[0])} is {_kind(odd[0])}{_remedy(wanted, odd[0])}"
    if name in HIGHEST and leaf.operator in ORDERING and not 0 <= leaf.value <= HIGHEST[name]:
        return f"'{leaf.field}' is between 0 and {HIGHEST[name]}; {leaf.value} is outside"
    return None


def _kind_of_field(name: str, scope: Scope) -> str | None:
    if name in scope.known.attributes:
        return None  # an imported column may hold anything
    if name in NUMBERS:
        return "a number"
    if name in TEXTS:
        return "text"
    return "true or false" if name in BUILT_IN_EVENTS else None


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    return "text" if isinstance(value, str) else "a number"


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _remedy(wanted: str, value: Any) -> str:
    if wanted == "text" and not isinstance(value, bool):
        return f'; write "{value}" in quotes'
    if wanted == "true or false":
        return "; compare it with true or false"
    return "; compare it with a number" if wanted == "a number" else ""
