"""One conversation at a time: an instance that waits until the others of its family have ended."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from coopflow.core.case import Case
from coopflow.core.model import MAIN
from coopflow.core.states import Awaited, EntryStatus, InstanceStatus
from coopflow.core.timing import NeverOpens
from coopflow.core.workflow import Workflow, converses

QUEUES = "queue"  # the value of `conflict:`


class Place(Struct, frozen=True):
    """An unfinished instance of a family, in the row of those that talk to it."""

    instance_id: int
    workflow: Workflow
    status: InstanceStatus

    @property
    def turn(self) -> tuple[bool, int, int]:
        """Those that have begun come first, then the more urgent, then the older."""
        waits = queues(self.workflow) and self.status is InstanceStatus.PENDING
        return waits, -self.workflow.priority, self.instance_id


def queues(workflow: Workflow) -> bool:
    """True if it begins only when nobody else is in conversation with the family."""
    return workflow.conflict == QUEUES


def before(instance_id: int, places: Sequence[Place]) -> tuple[tuple[int, str], ...]:
    """The conversations that come before an instance: their numbers and workflows."""
    own = next(place for place in places if place.instance_id == instance_id)
    earlier = [place for place in places if place.turn < own.turn and converses(place.workflow)]
    return tuple((place.instance_id, place.workflow.name) for place in earlier)


def wake(case: Case, *, now: datetime) -> bool:
    """Bring forward the first step of an instance that has nobody to wait for any more; False: nothing is changed."""
    entry = case.entries.get(MAIN)
    if not queues(case.workflow) or case.instance.status is not InstanceStatus.PENDING or case.others:
        return False
    if entry is None or entry.status is not EntryStatus.QUEUED or entry.awaits is not Awaited.TURN or entry.chosen_by:
        return False
    try:
        planned = case.plan(case.step(entry), arrived=entry.arrived_at or now)
    except NeverOpens:
        return False  # its own turn will tell
    at = max(planned.at, now)
    if entry.scheduled_for is None or at >= entry.scheduled_for:
        return False
    entry.scheduled_for, entry.reason = at, "; ".join(planned.reasons) or None
    return True
