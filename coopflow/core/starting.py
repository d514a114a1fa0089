"""How an instance begins."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from coopflow.core.case import ENGINE, Case
from coopflow.core.deadlines import set_deadline
from coopflow.core.facts import Facts
from coopflow.core.model import MAIN, Coop, Entry, Family, Instance
from coopflow.core.states import InstanceStatus
from coopflow.core.workflow import Workflow


def new_case(
    *,
    instance_id: int,
    workflow: Workflow,
    family: Family,
    facts: Facts,
    coop: Coop,
    triggered_by: str,
    context: Mapping[str, Any],
    reason: str,
    now: datetime,
    actor: str = ENGINE,
) -> Case:
    """An instance at its first step, whose turn comes when the step's own delay and windows say."""
    instance = Instance(
        instance_id=instance_id,
        template_id=workflow.template_id,
        family_id=family.family_id,
        triggered_by=triggered_by,
        trigger_date=now,
        status=InstanceStatus.PENDING,
        current_step=workflow.first,
        context=context,
    )
    case = Case(
        coop=coop,
        workflow=workflow,
        instance=instance,
        family=family,
        facts=facts,
        entries={},
        tasks=[],
        actor=actor,
    )
    case.note(
        "instance.started",
        now=now,
        workflow=workflow.name,
        version=workflow.version,
        triggered_by=triggered_by,
        reason=reason,
    )
    set_deadline(instance, case.tz)
    main = Entry(queue_id=None, branch=MAIN, step_id=workflow.first, visit=0)
    case.entries[MAIN] = main
    case.arrive(main, workflow.first, now=now)
    return case
