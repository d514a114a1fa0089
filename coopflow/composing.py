"""From a step and a family to the final words of a message."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from coopflow.core.case import Case
from coopflow.core.decisions import Send
from coopflow.core.model import Entry, Execution, Message
from coopflow.core.protocol import message_key
from coopflow.core.segments import MOST_SEGMENTS, sms_segments
from coopflow.core.workflow import CallingStep, EmailStep, SmsStep, Step


class Composer:
    """Writes the messages of one co-op."""

    def __init__(self, *, database_id: str, domain: str) -> None:
        self._database_id = database_id
        self._domain = domain

    def compose(self, case: Case, entry: Entry, send: Send, *, now: datetime) -> Message:
        """The message of a branch's step; raises texts.messages.RenderError when a value is missing."""
        logical = message_key(self._database_id, case, entry)
        again = f"-{entry.attempts + 1}" if entry.attempts else ""
        subject, text, html = words(case, case.step(entry))
        return self._message(case, send, f"{logical}{again}", f"<{logical}@{self._domain}>", (subject, text, html), now)

    def again(self, case: Case, attempt: Execution, send: Send, *, now: datetime) -> Message:
        """The message of an attempt that is on record already, word for word."""
        given = attempt.input_data or {}
        kept = (given["subject"], given["text"], given["html"])
        return self._message(case, send, str(attempt.idempotency_key), str(attempt.message_id), kept, now)

    @staticmethod
    def _message(
        case: Case, send: Send, key: str, message_id: str, kept: tuple[str | None, str, str | None], now: datetime
    ) -> Message:
        subject, text, html = kept
        return Message(
            channel=send.channel,
            to=send.to,
            subject=subject,
            text=text,
            html=html,
            key=key,
            message_id=message_id,
            family_id=case.family.family_id,
            instance_id=case.instance.instance_id,
            at=now,
        )


def words(case: Case, step: Step) -> tuple[str | None, str, str | None]:
    """Subject, text and HTML of a step's message for the case's family; a text has only the second."""
    from coopflow.texts.messages import render_email, render_text

    match step:
        case EmailStep():
            source = source_of(case, step.template_id)
            rendered = render_email(source, context(case, step.template_vars), footer=case.coop.footer)
            return rendered.subject, rendered.text, rendered.html
        case SmsStep():
            source = step.message if step.message is not None else source_of(case, str(step.template_id))
            return None, _short_enough(render_text(source, context(case, step.template_vars))), None
        case CallingStep():
            from coopflow.calling import request_text

            return None, request_text(case, step), None
        case _:
            raise TypeError(f"a step of the type {step.type} has no message")


def _short_enough(text: str) -> str:
    """A text that would be cut up into many is not sent; a long name can make one of a text that was not."""
    from coopflow.texts.messages import RenderError

    count = sms_segments(text)
    if count > MOST_SEGMENTS:
        raise RenderError(f"the text takes {count} messages; at most {MOST_SEGMENTS} are possible")
    return text


def source_of(case: Case, template_id: str) -> str:
    """The message template in the family's language: for es-MX that one, else es, else the default one."""
    languages = {name.lower(): source for name, source in case.workflow.messages[template_id].items()}
    parts = (case.family.language or "").lower().split("-")
    narrower = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((languages[name] for name in narrower if name in languages), languages[""])


def context(case: Case, template_vars: Mapping[str, Any]) -> dict[str, Any]:
    """What a message template may name: plain values, and nothing that only the co-op may see."""
    coordinator = case.coop.coordinator
    details = case.coop.coordinators.get(coordinator, {})
    return {
        **case.family.attributes,
        "family_id": case.family.family_id,
        "family_name": case.family.family_name,
        "email": case.family.email,
        "phone": case.family.phone,
        "organisation": case.coop.organisation,
        "coordinator_name": details.get("name") or coordinator,
        "coordinator_email": details.get("email"),
        "coordinator_phone": details.get("phone"),
        **template_vars,
    }
