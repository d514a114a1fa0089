"""Why workflows start for a family, or why not: every rule with what it finds at this moment, and the recorded past."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from coopflow.core import rules
from coopflow.core.model import Family, Prediction
from coopflow.core.verdict import Occasion, Rule, Verdict, verdicts
from coopflow.core.workflow import Workflow
from coopflow.reports.ahead import Ahead, ahead
from coopflow.reports.story import words_of
from coopflow.reports.words import Row, When
from coopflow.store.store import Store
from coopflow.triggers import facts_of, occasion_of, require_family
from coopflow.workflows.arrows import by_the_day, comes_round

LATEST = 10  # entries of the past

TYPES = ("prediction", "event", "schedule", "condition", "manual")  # the order in which they are told


class Judged(Struct, frozen=True, kw_only=True):
    """One workflow and whether it would start for the family now."""

    workflow: str
    version: int
    trigger: str  # what it is triggered by, in words
    starts: bool
    reason: str
    rules: tuple[Rule, ...]


class Planned(Struct, frozen=True, kw_only=True):
    """A step of a running instance, when it comes, and the rules that moved it there."""

    instance_id: int
    workflow: str
    step: Ahead


class Why(Struct, frozen=True, kw_only=True):
    """What `why` shows."""

    family: Family
    prediction: Prediction | None  # the latest
    received_at: datetime | None
    verdict: str | None  # what came of it then
    judged: list[Judged]
    planned: list[Planned]
    past: list[Row]  # the latest first


def why(store: Store, family_id: str, *, workflow: str | None, now: datetime) -> Why:
    """Judge every active workflow for a family, or one by name, as if what triggers it came now."""
    family = require_family(store, family_id)
    prediction, received_at, verdict = store.looking.latest_prediction(family_id) or (None, None, None)
    wanted = None if workflow is None else store.templates.newest(workflow).name
    known = store.templates.current()
    judged = list(_judged(store, family, known, prediction, now=now))
    return Why(
        family=family,
        prediction=prediction,
        received_at=received_at,
        verdict=verdict,
        judged=[
            *(found for found in judged if wanted in (None, found.workflow)),
            *(_switched_off(found) for found in known if found.name == wanted and not found.active),
        ],
        planned=[found for found in _planned(store, family_id, now=now) if wanted in (None, found.workflow)],
        past=store.looking.verdicts(family_id, limit=LATEST),
    )


def _planned(store: Store, family_id: str, *, now: datetime) -> Iterator[Planned]:
    for case in store.cases.load(store.active_instances(family_id)):
        for step in ahead(case, now=now):
            if step.at is not None:
                yield Planned(instance_id=case.instance.instance_id, workflow=case.workflow.name, step=step)


def _judged(
    store: Store, family: Family, known: list[Workflow], prediction: Prediction | None, *, now: datetime
) -> Iterator[Judged]:
    """All of one occasion are judged together: of a group only the most urgent one starts."""
    past = store.past_runs([family.family_id]).get(family.family_id, ())
    occasions = dict.fromkeys(_occasion(found) for found in known if found.active)
    for kind, event, name in sorted(occasions, key=lambda occasion: TYPES.index(occasion[0])):
        missing, given = _given(store, family, kind, event, prediction)
        occasion = occasion_of(store, family, kind, given=given, past=past, event=event, workflow=name)
        for verdict in verdicts(occasion, known, now=now, thorough=True):
            yield judgement(verdict, occasion, missing)


def _occasion(workflow: Workflow) -> tuple[str, str | None, str | None]:
    """The kind of occasion, the event, and the name where an order names the workflow."""
    trigger = workflow.trigger
    return trigger.type, trigger.event, workflow.name if trigger.type == "manual" else None


def _given(
    store: Store, family: Family, kind: str, event: str | None, prediction: Prediction | None
) -> tuple[Rule | None, Mapping[str, Any]]:
    """What the occasion brings along, taken from the latest one; with a rule that is not met if there was none."""
    if kind == "prediction":
        rule = Rule("a prediction about the family has come in", False, "none has come in yet")
        return (rule, {}) if prediction is None else (None, facts_of(prediction))
    if kind == "event":
        came = store.looking.outside_events(family.family_id, kind=event)
        rule = Rule(f"{event} has come", False, f"no {event} has come for this family yet")
        return (None, came[-1]["personal"] or {}) if came else (rule, {})
    return None, {}


def judgement(verdict: Verdict, occasion: Occasion, missing: Rule | None) -> Judged:
    """A verdict for the screen: a rule for each part of the condition, not one for all of them."""
    each = tuple(_each_rule(verdict, occasion))
    reasons = [verdict.reason] if missing is None or not verdict.starts else []
    return Judged(
        workflow=verdict.workflow.name,
        version=verdict.workflow.version,
        trigger=trigger_words(verdict.workflow),
        starts=verdict.starts and missing is None,
        reason="; ".join([missing.found, *reasons] if missing else reasons),
        rules=(missing, *each) if missing else each,
    )


def _each_rule(verdict: Verdict, occasion: Occasion) -> Iterator[Rule]:
    condition = verdict.workflow.trigger.conditions
    if condition is None or occasion.workflow is not None:
        yield from verdict.rules
        return
    for part in _parts(condition):
        yield Rule(rules.text_of(part), rules.holds(part, occasion.facts), rules.sentence(part, occasion.facts))
    yield from verdict.rules[1:]


def _parts(condition: rules.Condition) -> Iterator[rules.Condition]:
    if isinstance(condition, rules.AllOf):
        for part in condition.of:
            yield from _parts(part)
    else:
        yield condition


def _switched_off(workflow: Workflow) -> Judged:
    found = f"it is switched off; allow it with: coopflow workflow enable {workflow.name}"
    return Judged(
        workflow=workflow.name,
        version=workflow.version,
        trigger=trigger_words(workflow),
        starts=False,
        reason=found,
        rules=(Rule("it is switched on", False, found),),
    )


def trigger_words(workflow: Workflow) -> str:
    """What triggers a workflow."""
    match workflow.trigger.type:
        case "prediction":
            return "by a prediction"
        case "event":
            return f"by the event {workflow.trigger.event}"
        case "manual":
            return "by hand only"
        case "condition":
            return f"as soon as its condition holds, looked at every day at {by_the_day(workflow.trigger)}"
        case _:
            return comes_round(workflow.trigger)


def past_words(event: Row, *, when: When) -> str:
    """One earlier verdict as a sentence, with the prediction or the event that it was about."""
    data = event["data"]
    origin = {"prediction_id": data.get("prediction"), "event_id": data.get("event")}
    about = next((f"{kind}:{reference}" for kind, reference in origin.items() if reference is not None), None)
    return words_of({**event, "data": {"triggered_by": about, **data}}, {}, when=when)


# -- data ---------------------------------------------------------------------------------------------------------


def as_document(found: Why, *, when: When) -> dict[str, Any]:
    """All of it for programs."""
    family = {key: getattr(found.family, key) for key in ("family_id", "family_name", "status")}
    prediction = facts_of(found.prediction) if found.prediction else None
    return {
        "family": family,
        "prediction": prediction and {**prediction, "received_at": found.received_at, "verdict": found.verdict},
        "workflows": [
            {
                "workflow": judged.workflow,
                "version": judged.version,
                "trigger": judged.trigger,
                "would_start": judged.starts,
                "reason": judged.reason,
                "rules": [{"rule": rule.text, "met": rule.met, "found": rule.found} for rule in judged.rules],
            }
            for judged in found.judged
        ],
        "planned": [
            {
                "instance_id": planned.instance_id,
                "workflow": planned.workflow,
                "step_id": planned.step.step_id,
                "at": planned.step.at,
                "reason": planned.step.reason,
            }
            for planned in found.planned
        ],
        "events": [{**event, "sentence": past_words(event, when=when)} for event in found.past],
    }


def as_rows(found: Why) -> Iterator[dict[str, Any]]:
    """A row for each rule of each workflow."""
    for judged in found.judged:
        own = {"workflow": judged.workflow, "version": judged.version, "would_start": judged.starts}
        yield from ({**own, "rule": rule.text, "met": rule.met, "found": rule.found} for rule in judged.rules)
