"""Why a workflow starts for a family, or why not: each rule with what it found, and the verdict.

Every prediction, event and order ends in verdicts, and every verdict has a reason; there is no silent "no" (design,
section 8).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from coopflow.core import rules
from coopflow.core.decide import NOT_CONTACTED
from coopflow.core.facts import Facts
from coopflow.core.model import Coop, Family
from coopflow.core.pressure import CLOCKS
from coopflow.core.timing import add, local_text
from coopflow.core.workflow import Workflow
from coopflow.core.zones import zone_or


class Answer(StrEnum):
    """What became of one line of input, or of one workflow for one family."""

    STARTED = "started"
    SKIPPED = "skipped"
    REJECTED = "rejected"

    __hash__ = str.__hash__  # Enum's own is written in Python, and each line of input is counted


class Past(Struct, frozen=True, kw_only=True):
    """One earlier run of a workflow for the family, active or finished."""

    instance_id: int
    workflow: str
    group: str | None
    priority: int
    active: bool
    started: datetime
    converses: bool = True  # the family notices it: it writes, or has somebody call


class Rule(Struct, frozen=True):
    """One rule that was looked at: what it says, whether it is met, and what was found."""

    text: str
    met: bool
    found: str = ""


class Verdict(Struct, frozen=True):
    """Whether one workflow starts for one family, and why (not)."""

    workflow: Workflow
    starts: bool
    reason: str
    rules: tuple[Rule, ...]
    replaces: tuple[int, ...] = ()  # active instances of a lower priority in the same group, cancelled by the start
    matched: bool = True  # its conditions hold, whatever else stood in the way


class Occasion(Struct, kw_only=True):
    """What happened to a family that may start workflows: a prediction, an event, an order."""

    type: str  # prediction | event | manual
    family: Family
    facts: Facts
    past: Sequence[Past]
    coop: Coop
    event: str | None = None
    workflow: str | None = None  # an order names one
    context: Mapping[str, Any] = field(default_factory=dict)


def verdicts(
    occasion: Occasion, workflows: Iterable[Workflow], *, now: datetime, thorough: bool = False
) -> Iterator[Verdict]:
    """One verdict for each active workflow that this kind of occasion concerns; of one group at most one starts.

    Each is judged when it is asked for: whoever starts what the one before it lets start puts it into the occasion's
    past, so that two workflows do not both begin a conversation, or end the same one.
    """
    concerned = [workflow for workflow in workflows if workflow.active and _concerns(workflow, occasion)]
    taken: dict[str, str] = {}
    for workflow in sorted(concerned, key=lambda workflow: (-workflow.priority, workflow.name)):
        verdict = judge(occasion, workflow, taken, now=now, thorough=thorough)
        group = workflow.trigger.group
        if group is not None and verdict.matched:
            taken.setdefault(group, workflow.name)
        yield verdict


def _concerns(workflow: Workflow, occasion: Occasion) -> bool:
    if occasion.workflow is not None:
        return workflow.name == occasion.workflow
    return workflow.trigger.type == occasion.type and workflow.trigger.event == occasion.event


def judge(
    occasion: Occasion, workflow: Workflow, taken: Mapping[str, str], *, now: datetime, thorough: bool
) -> Verdict:
    """Look at the rules of one workflow; where its conditions do not hold, at the others only to be thorough."""
    matched, why = _conditions(workflow, occasion)
    if not matched and not thorough:
        return Verdict(workflow=workflow, starts=False, reason=why, rules=(), matched=False)
    checks = [_contactable(occasion), _group(workflow, taken), *_running(workflow, occasion)]
    checks += _conflict(workflow, occasion)
    checks += _cooldown(workflow, occasion, now=now)
    if why:
        checks.insert(0, Rule(_text_of_conditions(workflow), matched, why))
    failed = [check for check in checks if not check.met]
    return Verdict(
        workflow=workflow,
        starts=not failed,
        reason="; ".join(check.found or check.text for check in failed) or _why(workflow, occasion, why),
        rules=tuple(checks),
        replaces=_replaced(workflow, occasion) if not failed else (),
        matched=matched,
    )


def _why(workflow: Workflow, occasion: Occasion, met: str) -> str:
    if workflow.trigger.type == "schedule" and (occurrence := occasion.context.get("occurrence")):
        return f"its time has come: {occurrence}"
    if met:
        return met
    return f"every {occasion.type} starts it" if occasion.workflow is None else "started by hand"


def _conditions(workflow: Workflow, occasion: Occasion) -> tuple[bool, str]:
    """Whether its conditions hold, and why; nothing is said of one that has none to be looked at."""
    condition = workflow.trigger.conditions
    if condition is None or occasion.workflow is not None:  # a person who starts one by hand has decided
        return True, ""
    return rules.judged(condition, occasion.facts)


def _text_of_conditions(workflow: Workflow) -> str:
    condition = workflow.trigger.conditions
    return "" if condition is None else rules.text_of(condition)


def _contactable(occasion: Occasion) -> Rule:
    status = occasion.family.status
    return Rule("the family may be contacted", status not in NOT_CONTACTED, f"the family's status is {status}")


def _group(workflow: Workflow, taken: Mapping[str, str]) -> Rule:
    group = workflow.trigger.group
    winner = taken.get(group) if group is not None else None
    text = f"nothing more urgent of the group {group} matches" if group else "it is in no group"
    return Rule(text, winner is None, f"{winner} is more urgent" if winner else "")


def _running(workflow: Workflow, occasion: Occasion) -> list[Rule]:
    own = [past for past in occasion.past if past.active and past.workflow == workflow.name]
    room = Rule(
        f"at most {workflow.max_concurrent_instances} at a time",
        len(own) < workflow.max_concurrent_instances,
        f"already active: instance {', '.join(str(past.instance_id) for past in own)}" if own else "none is active",
    )
    others = [
        past
        for past in occasion.past
        if past.active
        and past.group is not None
        and past.group == workflow.trigger.group
        and past.workflow != workflow.name
        and past.priority >= workflow.priority
    ]
    if not others:
        return [room]
    found = ", ".join(f"{past.workflow} is active already (instance {past.instance_id})" for past in others)
    return [room, Rule("nothing of its group is active that matters as much", False, found)]


def _conflict(workflow: Workflow, occasion: Occasion) -> list[Rule]:
    """Whether another conversation with the family stands in the way; one that queues or runs beside it never does."""
    others = _conversations(workflow, occasion)
    if workflow.conflict == "replace":
        others = [past for past in others if past.priority > workflow.priority]
    elif workflow.conflict != "skip":
        return []
    text = "no other conversation with the family is under way"
    if workflow.conflict == "replace":
        text = "no more urgent conversation with the family is under way"
    found = ", ".join(f"{past.workflow} is (instance {past.instance_id})" for past in others)
    return [Rule(text, not others, f"{text.removeprefix('no ')}: {found}" if others else "")]


def _conversations(workflow: Workflow, occasion: Occasion) -> list[Past]:
    return [past for past in occasion.past if past.active and past.converses and past.workflow != workflow.name]


def _replaced(workflow: Workflow, occasion: Occasion) -> tuple[int, ...]:
    group = workflow.trigger.group
    in_group = [past for past in occasion.past if past.active and group is not None and past.group == group]
    replaced = [past for past in in_group if past.priority < workflow.priority]
    if workflow.conflict == "replace":
        replaced += _conversations(workflow, occasion)
    return tuple(dict.fromkeys(past.instance_id for past in replaced))


def longest_cooldown(workflows: Iterable[Workflow]) -> timedelta:
    """No run that ended longer ago than this keeps any of the workflows from starting."""
    cooldowns = [workflow.trigger.cooldown for workflow in workflows]
    return max((cooldown.at_most for cooldown in cooldowns if cooldown), default=timedelta()) + CLOCKS


def _cooldown(workflow: Workflow, occasion: Occasion, *, now: datetime) -> list[Rule]:
    cooldown = workflow.trigger.cooldown
    if cooldown is None or occasion.workflow is not None:
        return []
    calendar = occasion.coop.calendar
    tz = zone_or(occasion.family.time_zone, calendar.tz)
    several = workflow.max_concurrent_instances > 1  # else one that is active is reason enough
    ends = [
        add(cooldown, to=past.started, tz=tz, calendar=calendar)
        for past in occasion.past
        if past.workflow == workflow.name and (several or not past.active)
    ]
    until = max(ends, default=None)
    if until is None or until <= now:
        found = "none in that time" if until is None else f"over since {local_text(until, tz)}"
        return [Rule(f"not again within {cooldown}", True, found)]
    return [
        Rule(
            f"not again within {cooldown}",
            False,
            f"started less than {cooldown} ago; not before {local_text(until, tz)}",
        )
    ]
