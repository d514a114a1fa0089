"""Steps that ask a program elsewhere: that the program is allowed, and that what is sent can be filled in."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from coopflow.core.durations import Duration
from coopflow.core.facts import PREDICTION_FIELDS
from coopflow.core.wording import shown
from coopflow.problems import Loc, Problem, did_you_mean
from coopflow.strict_yaml import Source
from coopflow.workflows.known import Known
from coopflow.workflows.outline import Outline, Spot

LONGEST_TIMEOUT = 600  # seconds; a tick waits for it
DEEPEST = 6  # groups and lists inside one another
MOST_VALUES = 200
ONLY_INSIDE = frozenset({"status", "engagement_score", "withdrawal_risk"})  # no family reads what is sent here

_SECRET = re.compile(r"(?i)authorization|cookie|(.*-)?(api-?key|token|secret|password)")


def check_calls(file: Outline, source: Source, known: Known) -> Iterator[Problem]:
    """Every `http` and `command` step of a file."""
    names = _names(file, source, known)
    for spot in file.spots:
        if spot.type in ("http", "command"):
            yield from _timeout(spot, source)
            yield from _body(spot, source, names)
        if spot.type == "http":
            yield from _http(spot, source)
            yield from _secrets(spot, source, known)
        if spot.type == "command":
            yield from _command(spot, source, known)


def _names(file: Outline, source: Source, known: Known) -> frozenset[str]:
    """What a body may name: what a message may, what the trigger brings, and what earlier steps gave."""
    trigger = source.data.get("trigger")
    kind = trigger.get("type") if isinstance(trigger, Mapping) else None
    brought = PREDICTION_FIELDS if kind == "prediction" else frozenset()
    steps = {f"steps.{spot.id}" for spot in file.spots}
    return known.names_for_texts() | frozenset(known.attributes) | ONLY_INSIDE | brought | {"trigger"} | steps


def _timeout(spot: Spot, source: Source) -> Iterator[Problem]:
    said = spot.data.get("timeout")
    try:
        length = Duration.parse(said) if isinstance(said, str) else None
    except ValueError:
        return  # told by the schema
    if length is not None and not (
        length == Duration(seconds=length.seconds) and 0 < length.seconds <= LONGEST_TIMEOUT
    ):
        yield source.problem(
            (*spot.loc, "timeout"), "a tick waits for the answer; give seconds or minutes, up to 10 minutes"
        )


def _body(spot: Spot, source: Source, names: frozenset[str]) -> Iterator[Problem]:
    body = spot.data.get("body")
    if not isinstance(body, Mapping):
        return
    found = list(_values(body, (*spot.loc, "body"), 1))
    if len(found) > MOST_VALUES:
        yield source.problem((*spot.loc, "body"), f"there are {len(found)} values; at most {MOST_VALUES} are possible")
        return
    for loc, value in found:
        if isinstance(value, Mapping | list):
            yield source.problem(
                loc, f"this is nested too deeply; at most {DEEPEST} groups or lists inside one another"
            )
        elif isinstance(value, str):
            yield from _text(value, loc, source, names)


def _values(value: Any, loc: Loc, depth: int) -> Iterator[tuple[Loc, Any]]:
    """Every single value with its place; a group or list that lies too deep as a whole."""
    parts = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else None
    if parts is None or depth > DEEPEST:
        yield loc, value
        return
    for key, part in parts:
        yield from _values(part, (*loc, key), depth + 1)


def _text(text: str, loc: Loc, source: Source, names: frozenset[str]) -> Iterator[Problem]:
    if "{" not in text:
        return
    from coopflow.texts.messages import check_value

    for _, sentence in check_value(text, names):
        yield source.problem(loc, sentence)


def _http(spot: Spot, source: Source) -> Iterator[Problem]:
    if spot.data.get("method") == "GET" and "body" in spot.data:
        yield source.problem((*spot.loc, "body"), "a GET carries nothing; write POST, or leave body out", on_key=True)
    headers, secret = spot.data.get("headers"), spot.data.get("headers_env")
    for name in headers if isinstance(headers, Mapping) else ():
        loc = (*spot.loc, "headers", name)
        if _SECRET.fullmatch(str(name)):
            yield source.problem(
                loc,
                f"secrets have no place in this file; write 'headers_env: {{{name}: NAME}}' and keep it in that "
                "environment variable",
                on_key=True,
            )
        elif isinstance(secret, Mapping) and name in secret:
            yield source.problem(loc, f"the header {name} stands in headers_env too", on_key=True)


def _secrets(spot: Spot, source: Source, known: Known) -> Iterator[Problem]:
    """Else one line in a workflow could carry any password of the co-op's to anybody."""
    url, headers = spot.data.get("url"), spot.data.get("headers_env")
    try:
        host = str(urlsplit(url).hostname) if isinstance(url, str) else None
    except ValueError:
        return  # told by the schema
    for name, variable in headers.items() if isinstance(headers, Mapping) and host else ():
        if isinstance(variable, str) and variable not in known.web_secrets.get(host or "", ()):
            sentence = f"coopflow.yaml does not let {shown(variable)} go to {host}; list it there under `web_secrets:`"
            yield source.problem((*spot.loc, "headers_env", name), sentence)


def _command(spot: Spot, source: Source, known: Known) -> Iterator[Problem]:
    name = spot.data.get("command")
    if isinstance(name, str) and name not in known.commands:
        hint = did_you_mean(name, known.commands)
        sentence = f"coopflow.yaml has no command '{name}'.{hint} Only programs listed under `commands:` there may run"
        yield source.problem((*spot.loc, "command"), sentence)
