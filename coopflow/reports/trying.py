"""An instance that is only looked at: no database has it, and nothing comes of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from coopflow.core.case import Case
from coopflow.core.facts import Facts
from coopflow.core.model import Family
from coopflow.core.starting import new_case
from coopflow.core.workflow import Workflow
from coopflow.store.store import Store

NUMBER = 0  # of an instance that there would be: none has it


def case_to_try(
    store: Store, workflow: Workflow, family: Family, given: Mapping[str, Any], *, what_for: str, now: datetime
) -> Case:
    """A case as it would begin for the family at this instant; `what_for` is the command's word, as in `preview`."""
    return new_case(
        instance_id=NUMBER,
        workflow=workflow,
        family=family,
        facts=Facts(family=family, trigger=given, known_events=store.known_events()),
        coop=store.coop,
        triggered_by=f"manual:{what_for}",
        context=given,
        reason="tried out",
        now=now,
    )
