"""From an integration step to what it asks: the frozen words of a request to a program elsewhere."""

from collections.abc import Mapping
from typing import Any

from coopflow.composing import context
from coopflow.core.audit import canonical_json
from coopflow.core.case import Case
from coopflow.core.facts import PREDICTION_FIELDS
from coopflow.core.workflow import CallingStep, CommandStep, HttpStep

LONGEST_REQUEST = 256 * 1024  # characters


def request_text(case: Case, step: CallingStep) -> str:
    """The request as canonical JSON; raises texts.messages.RenderError when a value is missing."""
    from coopflow.texts.messages import RenderError

    text = canonical_json({**_how(step), "json": _content(case, step)})
    if len(text) > LONGEST_REQUEST:
        raise RenderError(f"the request has {len(text):,} characters; {LONGEST_REQUEST:,} are possible")
    return text


def _how(step: CallingStep) -> dict[str, Any]:
    """How it is asked. Secrets are named here and never held."""
    how: dict[str, Any] = {"idempotent": step.idempotent}
    if step.timeout is not None:
        how["seconds"] = step.timeout.seconds
    match step:
        case HttpStep():
            how |= {"method": step.method, "headers": step.headers, "headers_env": step.headers_env}
        case CommandStep():
            pass
    return how


def _content(case: Case, step: CallingStep) -> dict[str, Any]:
    """What the other side reads."""
    return {
        "family": {"family_id": case.family.family_id, "family_name": case.family.family_name},
        "instance": {
            "instance_id": case.instance.instance_id,
            "workflow": case.workflow.name,
            "version": case.workflow.version,
            "triggered_by": case.instance.triggered_by,
        },
        "step": {"step_id": step.id, "step_name": step.name},
        "data": _filled(step.body, calling_context(case)),
    }


def calling_context(case: Case) -> dict[str, Any]:
    """What a body may name: as for a message, and what only the co-op may see, since no family reads it."""
    trigger = {name: value for name, value in case.facts.trigger.items() if name in PREDICTION_FIELDS}
    scores = {
        "status": case.family.status,
        "engagement_score": case.family.engagement_score,
        "withdrawal_risk": case.family.withdrawal_risk,
    }
    return {**context(case, {}), **trigger, **scores, "trigger": case.facts.trigger, "steps": case.facts.outputs}


def _filled(value: Any, names: Mapping[str, Any]) -> Any:
    """The same with every text filled in; numbers and the like stay what they are."""
    from coopflow.texts.messages import render_value

    match value:
        case str():
            return render_value(value, names)
        case Mapping():
            return {key: _filled(part, names) for key, part in value.items()}
        case list() | tuple():
            return [_filled(part, names) for part in value]
        case _:
            return value
