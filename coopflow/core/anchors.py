"""From when a step's delay counts: the step before it, or what its `from:` names (design, section 7)."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from coopflow.core.date_rules import DateRule
from coopflow.core.durations import Duration
from coopflow.core.openings import NeverOpens

START, TRIGGER, ATTRIBUTES = "start", "trigger", "attributes."  # what `from:` may name beside a step
MORNING = time(0)  # of a date that a delay counts from: its first instant


class Anchors(Struct, frozen=True, kw_only=True):
    """The moments of one run that a delay may be counted from."""

    arrived: datetime  # when the step before was over
    started: datetime
    triggered: datetime  # when what started it happened: a prediction may have been on its way for a while
    ended: Mapping[str, datetime] = field(default_factory=dict)  # step id → when it was over last
    attributes: Mapping[str, Any] = field(default_factory=dict)  # the family's


class Anchor(Struct, frozen=True):
    """One of them."""

    at: datetime
    fixed: bool  # a date of the calendar: what is counted from it may be over, and then it is late
    words: str  # as in `from the start`; empty for the step before


class NoAnchor(NeverOpens):
    """What a step's time counts from is not known."""


def anchor(name: str | None, anchors: Anchors, tz: ZoneInfo) -> Anchor:
    """The moment that a step's `from:` names; raise NoAnchor with a sentence where the family has no such date."""
    match name:
        case None:
            return Anchor(anchors.arrived, False, "")
        case "start":
            return Anchor(anchors.started, False, "the start")
        case "trigger":
            return Anchor(anchors.triggered, False, "what triggered it")
    if name.startswith(ATTRIBUTES):
        return _attribute(name.removeprefix(ATTRIBUTES), anchors, tz)
    if name in anchors.ended:
        return Anchor(anchors.ended[name], False, f"the end of {name}")
    return Anchor(anchors.arrived, False, f"the step before, since {name} was not done")


def _attribute(field_name: str, anchors: Anchors, tz: ZoneInfo) -> Anchor:
    return Anchor(moment_of(DateRule(field_name, Duration(), "on", None), anchors, tz), True, field_name)


def moment_of(rule: DateRule, anchors: Anchors, tz: ZoneInfo, *, default_time: time = MORNING) -> datetime:
    """When a rule such as `7 days before payment_due_on` comes to for the family; raise NoAnchor with a sentence."""
    value = anchors.attributes.get(rule.field)
    if value is None:
        raise NoAnchor(f"the family has no {rule.field}")
    try:
        return rule.moment(value, tz=tz, default_time=default_time)
    except ValueError as problem:
        raise NoAnchor(f"{rule.field}: {problem}") from None
