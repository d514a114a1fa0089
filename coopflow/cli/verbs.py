"""The verbs for instances: `pause`, `resume`, `cancel`, `retry`, `skip`, `goto`, `snooze`, `run-now`, `note`."""

from typing import Annotated

import typer

from coopflow.cli.choosing import Deed, chosen_instances
from coopflow.cli.options import ReasonOption
from coopflow.cli.session import Session
from coopflow.cli.whens import ForOption, UntilOption, until_when
from coopflow.errors import Usage

FromOption = Annotated[
    str | None, typer.Option("--from", metavar="STEP", help="Go back to this step and do everything from there.")
]
StepArgument = Annotated[str, typer.Argument(metavar="STEP", help="The id of a step, as `show` names it.")]
TextArgument = Annotated[
    str,
    typer.Argument(metavar="TEXT", help="The remark; it is erased with the family's data, should that be asked for."),
]


@chosen_instances(
    "pause",
    "Examples:  coopflow pause 17 --reason 'on holiday' · coopflow pause --family 42 · coopflow pause --all --dry-run",
)
def pause(session: Session, reason: ReasonOption = None) -> Deed:
    """Stop instances until they are resumed; a message that is on its way is not called back."""
    from coopflow.core import people

    return Deed("pause", lambda case: people.pause(case, reason=reason, now=session.now))


@chosen_instances(
    "resume", "Examples:  coopflow resume 17 · coopflow resume --family 42 · coopflow resume --state paused"
)
def resume(session: Session, reason: ReasonOption = None) -> Deed:
    """Let paused instances go on; a step that is on hold is tried again."""
    from coopflow.core import people

    return Deed("resume", lambda case: people.resume(case, reason=reason, now=session.now))


@chosen_instances(
    "cancel",
    "Examples:  coopflow cancel 17 --reason 'moved away' · coopflow cancel --workflow onboarding --dry-run",
)
def cancel(session: Session, reason: ReasonOption = None) -> Deed:
    """End instances for good; their open tasks and planned messages are withdrawn."""
    from coopflow.core import people

    return Deed("cancel", lambda case: people.cancel(case, reason=reason, now=session.now), final=True)


@chosen_instances(
    "retry",
    "Examples:  coopflow retry 17 · coopflow retry 17 --from first_email · coopflow retry --state paused",
)
def retry(session: Session, from_step: FromOption = None, reason: ReasonOption = None) -> Deed:
    """Do the step that is on hold again, or go back to an earlier one."""
    from coopflow.core import people

    return Deed(
        "retry" if from_step is None else "goto",
        lambda case: people.retry(case, reason=reason, now=session.now, step_id=from_step),
        back_to=from_step,
        values={"to": f"'{from_step}'"},
    )


@chosen_instances("skip", "Examples:  coopflow skip 17 --reason 'spoke to them in person' · coopflow skip 17 --dry-run")
def skip(session: Session, reason: ReasonOption = None) -> Deed:
    """Leave the current step out and go on with the next."""
    from coopflow.core import people

    return Deed("skip", lambda case: people.skip(case, reason=reason, now=session.now))


@chosen_instances(
    "goto", "Examples:  coopflow goto 17 phone_call · coopflow goto --workflow onboarding welcome_call --dry-run"
)
def goto(session: Session, step: StepArgument, reason: ReasonOption = None) -> Deed:
    """Leave everything that is under way and go to a step of the workflow, back or ahead."""
    from coopflow.core import people

    return Deed(
        "goto",
        lambda case: people.goto(case, step_id=step, reason=reason, now=session.now),
        back_to=step,
        values={"to": f"'{step}'"},
    )


@chosen_instances(
    "snooze", "Examples:  coopflow snooze 17 --for '2 days' · coopflow snooze 17 --until '2026-12-01 09:00'"
)
def snooze(session: Session, until: UntilOption = None, length: ForOption = None, reason: ReasonOption = None) -> Deed:
    """Let nothing of an instance happen before a moment; an event that it waits for still wakes it."""
    from coopflow.core import people

    moment = until_when(session, until, length)
    return Deed("snooze", lambda case: people.snooze(case, until=moment, reason=reason, now=session.now))


@chosen_instances("run-now", "Examples:  coopflow run-now 17 · coopflow run-now --family 42 --dry-run")
def run_now(session: Session, reason: ReasonOption = None) -> Deed:
    """Do what is planned for later as soon as its windows allow; a wait is over."""
    from coopflow.core import people

    return Deed("run-now", lambda case: people.run_now(case, reason=reason, now=session.now))


@chosen_instances(
    "note", "Examples:  coopflow note 17 'The father called back.' · coopflow note --family 42 'On holiday until May.'"
)
def note(session: Session, text: TextArgument) -> Deed:
    """Write a remark into the audit trail of an instance."""
    from coopflow.core import people

    remark = text.strip()
    if not remark:
        raise Usage("the remark is empty; write it after the instance, as in: coopflow note 17 'Called back.'")
    return Deed("note", lambda case: people.note(case, text=remark, now=session.now))
