"""From what happened to what starts: predictions, events and orders are judged, and the instances they call for begin.

Every function here expects to be called inside `Store.transaction()`, so that what came in, the verdict on it and the
instance it started are one durable change.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from coopflow.core.case import ENGINE, Case
from coopflow.core.decide import FORGOTTEN
from coopflow.core.facts import Facts
from coopflow.core.instants import format_instant
from coopflow.core.model import Event, Family, Prediction
from coopflow.core.queueing import wake
from coopflow.core.verdict import Answer, Occasion, Past
from coopflow.core.workflow import Workflow
from coopflow.errors import NotAllowed, NotFound
from coopflow.problems import did_you_mean
from coopflow.starts import Result, Starts, starting
from coopflow.store.store import Store

BY_INSTANCE = "instance_id:"  # what `triggered_by` says of an instance that another one's `start` step has started


# -- predictions --------------------------------------------------------------------------------------------------


def take_predictions(store: Store, predictions: Sequence[Prediction], *, now: datetime) -> list[Result]:
    """Judge predictions in their order; each is stored with its verdict, and starts nothing the second time."""
    families = store.families({prediction.family_id for prediction in predictions})
    seen = set(store.seen_predictions({prediction.prediction_id for prediction in predictions}))
    past = {family_id: list(runs) for family_id, runs in store.past_runs(families, now=now).items()}
    workflows = store.templates.current()
    results: list[Result] = []
    judged: list[tuple[Prediction, str]] = []
    with starting(store, now=now) as starts:
        for prediction in predictions:
            family = families.get(prediction.family_id)
            if prediction.prediction_id in seen:
                results.append(_refusal(prediction, Answer.SKIPPED, "this prediction was taken in before"))
            elif family is None:
                results.append(_refusal(prediction, Answer.REJECTED, f"there is no family '{prediction.family_id}'"))
            elif family.status == FORGOTTEN:
                results.append(_refusal(prediction, Answer.REJECTED, f"family {prediction.family_id} was forgotten"))
            else:
                seen.add(prediction.prediction_id)
                occasion = _occasion(store, prediction, family, past.setdefault(family.family_id, []))
                found = _judge(starts, prediction, occasion, workflows)
                judged.append((prediction, "; ".join([f"{result.answer}: {result.reason}" for result in found])))
                results += found
    store.add_predictions(judged, now=now)
    store.log([told(result, now) for result in results if result.answer is not Answer.STARTED])
    return results


def _occasion(store: Store, prediction: Prediction, family: Family, past: Sequence[Past]) -> Occasion:
    return occasion_of(store, family, "prediction", given=facts_of(prediction), past=past)


def _judge(starts: Starts, prediction: Prediction, occasion: Occasion, workflows: Sequence[Workflow]) -> list[Result]:
    started = starts.all_of(occasion, workflows, f"prediction_id:{prediction.prediction_id}")
    if isinstance(started, str):
        return [_refusal(prediction, Answer.SKIPPED, started)]
    return [replace(result, prediction_id=prediction.prediction_id) for result in started]


def occasion_of(
    store: Store,
    family: Family,
    kind: str,
    *,
    given: Mapping[str, Any],
    past: Sequence[Past],
    event: str | None = None,
    workflow: str | None = None,
) -> Occasion:
    """What happened to a family and may start workflows, with what it brought along: all that a verdict looks at."""
    return Occasion(
        type=kind,
        family=family,
        facts=Facts(family=family, trigger=given, known_events=store.coop.known_events),
        past=past,
        coop=store.coop,
        event=event,
        workflow=workflow,
        context=given,
    )


def facts_of(prediction: Prediction) -> dict[str, Any]:
    """What an instance keeps of the prediction that started it."""
    return {
        **prediction.extra,
        "prediction_id": prediction.prediction_id,
        "predicted_probability": prediction.predicted_probability,
        "confidence_score": prediction.confidence_score,
        "prediction_window_days": prediction.prediction_window_days,
        "prediction_type": prediction.prediction_type,
        "predicted_at": prediction.predicted_at and format_instant(prediction.predicted_at),
        "recommendations": list(prediction.recommendations),
    }


def _refusal(prediction: Prediction, answer: Answer, reason: str) -> Result:
    return Result(answer=answer, family_id=prediction.family_id, reason=reason, prediction_id=prediction.prediction_id)


def told(result: Result, now: datetime) -> Event:
    """The entry of the audit trail about something that started nothing."""
    data = {"reason": result.reason, "prediction": result.prediction_id, "event": result.event_id}
    return Event(
        at=now,
        kind=f"trigger.{result.answer}",
        actor=ENGINE,
        family_id=result.family_id,
        data={key: value for key, value in data.items() if value is not None},
    )


# -- starting -----------------------------------------------------------------------------------------------------


def start_by_hand(
    store: Store, name: str, family_id: str, *, values: Mapping[str, Any], actor: str, now: datetime
) -> Result:
    """Start a workflow because a person says so: its conditions and cooldown do not matter, everything else does."""
    return _start_named(store, name, family_id, values=values, triggered_by=f"manual:{actor}", actor=actor, now=now)


def start_next(store: Store, case: Case, name: str, *, now: datetime) -> Result:
    """Start the workflow that a `start` step of another instance names; one that cannot start is a reason on record."""
    family_id, origin = case.family.family_id, f"{BY_INSTANCE}{case.instance.instance_id}"
    try:
        if _comes_back_at_once(store, case, name, now=now):
            raise NotAllowed(f"'{name}' led to this start without a pause: the workflows go round in circles")
        return _start_named(
            store, name, family_id, values=case.instance.context, triggered_by=origin, actor=ENGINE, now=now
        )
    except (NotFound, NotAllowed) as problem:
        result = Result(answer=Answer.SKIPPED, family_id=family_id, reason=str(problem), workflow=name)
        store.log([told(result, now)])
        return result


def _comes_back_at_once(store: Store, case: Case, name: str, *, now: datetime) -> bool:
    """True when a chain of starts, all of them at this moment, leads from a workflow to itself."""
    while case.instance.trigger_date == now:
        if case.workflow.name == name:
            return True
        starter = case.instance.triggered_by.partition(BY_INSTANCE)[2]
        if not starter:
            return False
        [case] = store.cases.load([int(starter)])
    return False


def save_cases(store: Store, cases: Sequence[Case], *, now: datetime) -> None:
    """Save cases, and start the workflows that their `start` steps asked for."""
    starts = [(case, name) for case in cases for name in case.journal.starts]
    ended = [case for case in cases if not case.instance.active and case.journal.removed]  # now, and not long ago
    store.cases.save(cases, now=now)
    for case, name in starts:
        start_next(store, case, name, now=now)
    wake_those_that_queue(store, ended, now=now)


def wake_those_that_queue(store: Store, ended: Sequence[Case], *, now: datetime) -> None:
    """Let the instances begin that waited for others of their family to end, each not before its own plan."""
    if not ended or not store.templates.any_that_queues():
        return
    ids = [number for case in ended for number in store.active_instances(case.family.family_id)]
    woken = [case for case in store.cases.load(list(dict.fromkeys(ids))) if wake(case, now=now)]
    store.cases.save(woken, now=now)


def _start_named(
    store: Store, name: str, family_id: str, *, values: Mapping[str, Any], triggered_by: str, actor: str, now: datetime
) -> Result:
    family = require_family(store, family_id)
    workflows = store.templates.current()
    names = [workflow.name for workflow in workflows]
    if name not in names:
        hint = did_you_mean(name, names) or " List them with: coopflow workflow list"
        raise NotFound(f"there is no workflow '{name}'.{hint}")
    if not next(workflow for workflow in workflows if workflow.name == name).active:
        raise NotAllowed(f"workflow '{name}' is disabled; allow it with: coopflow workflow enable {name}")
    past = list(store.past_runs([family_id], now=now).get(family_id, ()))
    occasion = occasion_of(store, family, "manual", given=values, past=past, workflow=name)
    with starting(store, now=now) as starts:
        started = starts.all_of(occasion, workflows, triggered_by, actor=actor)
    if isinstance(started, str):
        result = Result(answer=Answer.SKIPPED, family_id=family_id, reason=started, workflow=name)
        store.log([told(result, now)])
        return result
    return started[0]


def require_family(store: Store, family_id: str) -> Family:
    """The family with this id; NotFound names the id."""
    family = store.families([family_id]).get(family_id)
    if family is None:
        raise NotFound(f"there is no family '{family_id}'; list them with: coopflow family list")
    if family.status == FORGOTTEN:
        raise NotAllowed(f"family {family_id} was forgotten: nothing is kept about it, and nothing done for it")
    return family
