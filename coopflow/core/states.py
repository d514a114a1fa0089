"""What an instance, a step, a queue entry and a task can be, and the legal moves of an instance.

The table of moves is the only list of states written by hand; every other list is computed from it (design, section 4).
"""

from enum import StrEnum

from coopflow.errors import IllegalMove


class InstanceStatus(StrEnum):
    """Where one run of a workflow for one family stands."""

    PENDING = "pending"  # created; its first step has not begun
    RUNNING = "running"
    PAUSED = "paused"  # a person paused it, or is needed (a hold)
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StepStatus(StrEnum):
    """How one attempt at one step went."""

    PENDING = "pending"  # a send whose intent is committed and which has not been handed over
    RUNNING = "running"  # begun: a wait, an open task, or a send at its last call
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"


class EntryStatus(StrEnum):
    """What the tick may do with a live branch."""

    QUEUED = "queued"  # taken up once `scheduled_for` has come; never, while that is empty
    PROCESSING = "processing"  # a send of this branch is under way
    PAUSED = "paused"  # its instance is paused


class Awaited(StrEnum):
    """What a live branch is waiting for. Its own turn is the ordinary case."""

    TURN = "turn"  # the step begins when `scheduled_for` has come
    TIME = "time"  # a `wait` step: until `scheduled_for`, or sooner if its event comes
    TASK = "task"  # an open task must be closed
    APPROVAL = "approval"  # a person must say yes before the step begins
    APPROVED = "approved"  # they did: the step begins when `scheduled_for` has come
    BRANCHES = "branches"  # a `parallel` step: until enough of its branches have ended
    SEND = "send"  # a message is on its way out
    PERSON = "person"  # on hold: someone must decide how it goes on
    DOUBT = "doubt"  # a message was handed over and the answer never came


class Outcome(StrEnum):
    """What a finished instance came to."""

    SUCCESS = "success"
    PARTIAL_SUCCESS = "partial_success"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TaskStatus(StrEnum):
    """Where a coordinator's task stands."""

    OPEN = "open"
    DONE = "done"
    DISMISSED = "dismissed"  # closed by a person without an outcome
    WITHDRAWN = "withdrawn"  # closed by coopflow: its reason has gone


MOVES: dict[InstanceStatus, frozenset[InstanceStatus]] = {
    InstanceStatus.PENDING: frozenset(
        {
            InstanceStatus.RUNNING,
            InstanceStatus.PAUSED,
            InstanceStatus.COMPLETED,
            InstanceStatus.FAILED,
            InstanceStatus.CANCELLED,
        }
    ),
    InstanceStatus.RUNNING: frozenset(
        {InstanceStatus.PAUSED, InstanceStatus.COMPLETED, InstanceStatus.FAILED, InstanceStatus.CANCELLED}
    ),
    InstanceStatus.PAUSED: frozenset(
        {InstanceStatus.RUNNING, InstanceStatus.COMPLETED, InstanceStatus.FAILED, InstanceStatus.CANCELLED}
    ),
    InstanceStatus.COMPLETED: frozenset(),
    InstanceStatus.FAILED: frozenset(),
    InstanceStatus.CANCELLED: frozenset(),
}

ACTIVE = frozenset(status for status, after in MOVES.items() if after)
FINAL = frozenset(MOVES) - ACTIVE


def require_move(before: InstanceStatus, after: InstanceStatus) -> None:
    """Refuse a move that the table does not know; raise IllegalMove, which names both states."""
    if after not in MOVES[before]:
        raise IllegalMove(before, after)
