"""The deadline of an instance: the end of the window that its prediction speaks of (design, section 7)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from coopflow.core.case import Case
from coopflow.core.durations import Duration
from coopflow.core.instants import parse_instant
from coopflow.core.model import Instance, Task
from coopflow.core.timing import add, local_text

LEAD = timedelta(days=3)  # how long before a deadline a person is told; of a short window, its last quarter


def set_deadline(instance: Instance, tz: ZoneInfo) -> None:
    """Give an instance the end of its prediction's window, counted from when the model spoke."""
    deadline = _deadline_of(instance.context, since=instance.trigger_date, tz=tz)
    instance.deadline = deadline
    if deadline is not None and deadline > instance.trigger_date:
        quarter = timedelta(seconds=(deadline - instance.trigger_date) // timedelta(seconds=4))  # whole seconds
        instance.deadline_alert_at = deadline - min(LEAD, quarter)


def _deadline_of(context: Mapping[str, Any], *, since: datetime, tz: ZoneInfo) -> datetime | None:
    days = context.get("prediction_window_days")
    if isinstance(days, bool) or not isinstance(days, int) or not 0 < days < 10_000:
        return None
    spoken = context.get("predicted_at")
    return add(Duration(days=days), to=parse_instant(spoken) if spoken else since, tz=tz)


def warn_of_deadline(case: Case, *, now: datetime) -> bool:
    """Put an instance on the coordinator's desk whose deadline is near; False: it is not, or they know already."""
    instance = case.instance
    if instance.deadline is None or instance.deadline_alert_at is None or instance.deadline_alert_at > now:
        return False
    instance.deadline_alert_at = None
    by = local_text(instance.deadline, case.tz)
    case.note("deadline.near", now=now, deadline=instance.deadline)
    case.open_task(
        Task(
            family_id=instance.family_id,
            instance_id=instance.instance_id,
            task_type="deadline",
            description=f"The prediction's window ends {by}, and {case.workflow.name} has come to no end yet",
            due_date=instance.deadline,
            priority="high",
            assignee=case.coop.coordinator,
            created_date=now,
        ),
        now=now,
    )
    return True
