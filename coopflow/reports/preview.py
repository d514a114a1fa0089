"""One message as a family would get it: nothing is written and nothing is sent."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from coopflow.composing import words
from coopflow.core.consent import refusal
from coopflow.core.decide import NOT_CONTACTED
from coopflow.core.model import Family
from coopflow.core.segments import sms_segments
from coopflow.core.wording import did_you_mean, shown
from coopflow.core.workflow import EmailStep, SmsStep, Workflow
from coopflow.errors import Invalid, NotFound, Usage
from coopflow.reports.trying import case_to_try
from coopflow.store.store import Store
from coopflow.texts.errors import RenderError


class Preview(Struct, frozen=True, kw_only=True):
    """A message with what stands around it."""

    workflow: Workflow
    step: EmailStep | SmsStep
    family: Family
    to: str | None
    subject: str | None
    text: str
    html: str | None
    not_sent: list[str]  # why it would not go to the family now

    @property
    def channel(self) -> str:
        """By what it would go."""
        return self.step.type

    @property
    def messages(self) -> int | None:
        """How many texts a phone company would make of it; None for a mail."""
        return sms_segments(self.text) if self.channel == "sms" else None


def preview(
    store: Store, workflow: Workflow, step_id: str, family: Family, given: Mapping[str, Any], *, now: datetime
) -> Preview:
    """Write a step's message for a family; Invalid names the value that is missing."""
    step = _message_step(workflow, step_id)
    case = case_to_try(store, workflow, family, given, what_for="preview", now=now)
    try:
        subject, text, html = words(case, step)
    except RenderError as problem:
        raise Invalid(f"'{step.name}' of {workflow.name} cannot be written: {problem}") from None
    to = family.email if isinstance(step, EmailStep) else family.phone
    return Preview(
        workflow=workflow,
        step=step,
        family=family,
        to=to,
        subject=subject,
        text=text,
        html=html,
        not_sent=list(_obstacles(family, step, to)),
    )


def as_document(found: Preview, *, sender: str) -> dict[str, Any]:
    """The message for programs."""
    return {
        "workflow": found.workflow.name,
        "version": found.workflow.version,
        "step_id": found.step.id,
        "family_id": found.family.family_id,
        "language": found.family.language,
        "channel": found.channel,
        "kind": found.step.kind,
        "from": sender if found.channel == "email" else None,
        "to": found.to,
        "subject": found.subject,
        "text": found.text,
        "html": found.html,
        "messages": found.messages,
        "not_sent": found.not_sent,
    }


def _message_step(workflow: Workflow, step_id: str) -> EmailStep | SmsStep:
    step = workflow.steps.get(step_id)
    if step is None:
        hint = did_you_mean(step_id, workflow.steps) or f"; it has {', '.join(workflow.steps)}"
        raise NotFound(f"workflow '{workflow.name}' has no step {shown(step_id)}{hint}")
    if not isinstance(step, EmailStep | SmsStep):
        ids = [found.id for found in workflow.steps.values() if isinstance(found, EmailStep | SmsStep)]
        raise Usage(f"'{step_id}' sends no message; these do: {', '.join(ids) or 'none'}")
    return step


def _obstacles(family: Family, step: EmailStep | SmsStep, to: str | None) -> Iterator[str]:
    if family.status in NOT_CONTACTED:
        yield f"the family's status is {family.status}"
    if not to:
        yield f"family {family.family_id} has no {'phone number' if step.type == 'sms' else 'email address'}"
    elif no := refusal(family, step.type, step.kind):
        yield no.reason
