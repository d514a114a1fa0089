"""What can be decided about a live branch. A decision is a value; carrying it out is `settle`'s and the tick's work."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from msgspec import Struct, field

from coopflow.core.states import Awaited, Outcome


class Send(Struct, frozen=True):
    """Hand a message to a channel."""

    channel: str
    to: str


class OpenTask(Struct, frozen=True, kw_only=True):
    """Put a task on the coordinator's desk; the branch waits for it, or goes on at once when `awaits` is None."""

    task_type: str
    description: str
    due_date: datetime | None
    priority: str
    assignee: str | None
    awaits: Awaited | None
    until: datetime | None = None  # when the branch stops waiting for it


class Wait(Struct, frozen=True):
    """Let time pass until an instant, or until an event if one is named."""

    until: datetime | None
    reason: str


class Jump(Struct, frozen=True):
    """The step is done; go to a step, or to the end of the branch when `to` is None."""

    to: str | None
    output: Mapping[str, Any] = field(default_factory=dict)
    since: datetime | None = None  # when it was over by plan, so that a late tick puts off nothing after it; None: now


class Skip(Struct, frozen=True):
    """Leave the step out, for a reason, and go on with the next."""

    reason: str


class Fork(Struct, frozen=True):
    """Go several ways at once: the first step of each branch."""

    branches: tuple[str, ...]
    tasks: tuple[OpenTask, ...] = ()  # recommended actions that the workflow has no step for


class Start(Struct, frozen=True):
    """Start another workflow for the same family, then go on."""

    workflow: str


class Finish(Struct, frozen=True):
    """End the instance. Work that is on the desk for its own sake stays there, unless its reason has gone."""

    outcome: Outcome
    reason: str
    withdraw_work: bool = False


class Fail(Struct, frozen=True):
    """The step cannot be done, and trying again would not help."""

    reason: str


class Hold(Struct, frozen=True):
    """Stop the instance until a person has decided."""

    reason: str


class Defer(Struct, frozen=True):
    """Not now: look again later, for a reason."""

    until: datetime
    reason: str


Decision: TypeAlias = Send | OpenTask | Wait | Jump | Skip | Fork | Start | Finish | Fail | Hold | Defer
