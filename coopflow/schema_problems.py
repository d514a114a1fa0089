"""What pydantic refused, as problems in our words: where in the file, what was found, what was expected.

Pydantic's places name the kinds it tried in a choice of kinds; the JSON Schema of the model tells those from keys.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from coopflow.core.wording import shown
from coopflow.problems import Loc, Problem, did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

    from coopflow.strict_yaml import Source

Schema = Mapping[str, Any]

_LISTED_KEYS = 30  # more keys than these are not all named
_YES_OR_NO = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}
_KEY = "[key]"  # how pydantic says that the key itself is at fault
_CHOICES = {"expected", "expected_tags"}
_WORD = re.compile(r"'([^']+)'")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")

KINDS = {
    "string_type": "text",
    "string_sub_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a group of keys",
    "mapping_type": "a group of keys",
    "model_type": "a group of keys",
    "model_attributes_type": "a group of keys",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "none_required": "nothing",
}
_LIMITS = {
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "finite_number": "a number",
    "string_too_short": "a text of at least {min_length} characters",
    "string_too_long": "a text of at most {max_length} characters",
    "string_pattern_mismatch": "a text of the form {pattern}",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
}

_SINGULAR = {"at least 1 entries": "at least 1 entry", "a text of at least 1 characters": "a text that is not empty"}


class _Fault(Struct, frozen=True):
    """One of pydantic's errors, with its place in the file instead of pydantic's."""

    loc: Loc
    error: "ErrorDetails"
    choice: Loc | None = None  # where one of several kinds was tried, if it was
    kind: str | int = ""  # which
    keys: tuple[str, ...] = ()  # what the group that holds it may have


def problems_from_pydantic(error: "ValidationError", source: "Source", model: "type[BaseModel]") -> list[Problem]:
    """What the model refused, in our words and with its places; the model knows the keys that may have been meant."""
    return problems_in(error.errors(include_url=False), source, _json_schema(model))


@lru_cache(maxsize=8)
def _json_schema(model: "type[BaseModel]") -> Schema:
    return model.model_json_schema()


def problems_in(errors: Iterable["ErrorDetails"], source: "Source", schema: Schema) -> list[Problem]:
    """One problem for each thing that is wrong, in the order of the file."""
    faults = [_located(error, source.data, schema) for error in errors]
    problems = {_problem(fault, source) for fault in faults if fault.choice is None}
    for place in {fault.choice for fault in faults if fault.choice is not None}:
        problems.update(_of_choice([fault for fault in faults if fault.choice == place], source))
    return sorted(problems)


def found(value: object) -> str:
    """What stands there, in words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {shown(value)}" if value else "an empty text"
        case Mapping():
            return "a group of keys"
        case _:
            return "a list"


def _problem(fault: _Fault, source: "Source") -> Problem:
    error = fault.error
    match error["type"]:
        case "missing":
            return source.problem(fault.loc[:-1], f"missing key {shown(fault.loc[-1])}")
        case "extra_forbidden":
            return source.problem(fault.loc, _unknown_key(str(fault.loc[-1]), fault.keys), on_key=True)
        case "union_tag_not_found":
            return source.problem(fault.loc, f"missing key {error['ctx']['discriminator']}")
        case "union_tag_invalid":
            key = error["ctx"]["discriminator"].strip("'")
            return source.problem((*fault.loc, key), _message(error, error["input"][key]))
        case _:
            return source.problem(fault.loc, _message(error, error["input"]), on_key=error["loc"][-1:] == (_KEY,))


def _of_choice(faults: Sequence[_Fault], source: "Source") -> Iterable[Problem]:
    """Several kinds may stand there: the faults of the kind that was meant, or else all that was expected."""
    meant = [fault for fault in faults if fault.loc != fault.choice or not _expected(fault.error)]
    if meant:
        by_kind = [[fault for fault in meant if fault.kind == kind] for kind in {fault.kind: 0 for fault in meant}]
        return [_problem(fault, source) for fault in min(by_kind, key=len)]
    kinds = dict.fromkeys(_expected(fault.error) for fault in faults)
    wanted = _either(", ".join(kinds).replace(" or ", ", "))
    return [source.problem(faults[0].loc, f"expected {wanted}, found {found(faults[0].error['input'])}")]


def _unknown_key(key: str, known: Sequence[str]) -> str:
    listed = f" Known here: {', '.join(known)}." if 0 < len(known) <= _LISTED_KEYS else ""
    return f"unknown key {shown(key)}.{did_you_mean(key, known) or listed}".removesuffix(".")


def _message(error: "ErrorDetails", value: object) -> str:
    """The sentence for one error about a value."""
    if error["type"] in ("too_short", "too_long"):
        return f"expected {_limit(error)}, found {error['ctx']['actual_length']}"
    if expected := _expected(error) or _limit(error):
        return f"expected {expected}, found {found(value)}{_advice(expected, value)}"
    if error["type"] in ("value_error", "assertion_error"):  # one of our own checks, which bring their sentence
        return str(error["ctx"]["error"])
    return error["msg"]


def _expected(error: "ErrorDetails") -> str:
    """The kind of value, or the words, that were expected; nothing if the error is about something else."""
    if error["type"] in KINDS:
        return KINDS[error["type"]]
    words = error.get("ctx", {})
    return _either(words["expected_tags" if "expected_tags" in words else "expected"]) if _CHOICES & set(words) else ""


def _limit(error: "ErrorDetails") -> str:
    words = _LIMITS.get(error["type"], "").format(**error.get("ctx", {}))
    return _SINGULAR.get(words, words)


def _either(listed: str) -> str:
    """`a, b, c` as `a, b or c`."""
    before, comma, last = listed.rpartition(", ")
    return listed if not comma or " or " in last else f"{before} or {last}"


def _advice(expected: str, value: object) -> str:
    if isinstance(value, str):
        if expected in ("a number", "a whole number") and _NUMBER.fullmatch(value):
            return "; write it without quotes"
        if expected == "true or false" and value.lower() in _YES_OR_NO:
            return f"; write {_YES_OR_NO[value.lower()]}, without quotes"
        hint = did_you_mean(value, _WORD.findall(expected))
        return f".{hint}" if hint else ""
    return "; put it in quotes" if expected == "text" and isinstance(value, int | float) else ""


def _located(error: "ErrorDetails", data: Any, root: Schema) -> _Fault:
    """Follow pydantic's place through the data; what is neither key nor position there is a kind that was tried."""
    parts = [part for part in error["loc"] if part != _KEY]
    absent = parts.pop() if error["type"] == "missing" else None
    fault, nodes = _Fault((), error), _kinds(root, root)
    for part in parts:
        if tagged := [_tags(node)[part] for node in nodes if part in _tags(node)]:
            nodes = [kind for ref in tagged for kind in _kinds({"$ref": ref}, root)]
        elif _holds(data, part):
            fault = replace(fault, loc=(*fault.loc, part), keys=_keys(nodes))
            nodes = [kind for node in nodes for kind in _kinds(_schema_of(part, node), root)]
            data = data[part]
        elif fault.choice is None:
            fault = replace(fault, choice=fault.loc, kind=part)
    return fault if absent is None else replace(fault, loc=(*fault.loc, absent))


def _holds(data: Any, part: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(part, int) and part < len(data)
    return isinstance(data, dict) and part in data


def _kinds(schema: Schema, root: Schema) -> list[Schema]:
    """The schemas of which one holds: references followed, choices opened, those with a tag left as they are."""
    if ref := schema.get("$ref"):
        return _kinds(root.get("$defs", {}).get(ref.rsplit("/")[-1], {}), root)
    if _tags(schema):
        return [schema]
    choices = [choice for word in ("anyOf", "oneOf", "allOf") for choice in schema.get(word, ())]
    return [kind for choice in choices for kind in _kinds(choice, root)] or [schema]


def _tags(schema: Schema) -> Mapping[str | int, str]:
    tags: Mapping[str | int, str] = schema.get("discriminator", {}).get("mapping", {})
    return tags


def _keys(nodes: Iterable[Schema]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for node in nodes for key in node.get("properties", {})))


def _schema_of(part: str | int, schema: Schema) -> Schema:
    """The schema of the value of a key, or of an entry of a list."""
    found = schema.get("items") if isinstance(part, int) else schema.get("properties", {}).get(part)
    if found is None and isinstance(part, str):
        found = schema.get("additionalProperties")
    return found if isinstance(found, dict) else {}
