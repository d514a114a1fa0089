"""Running instances taken over to another version of their workflow: looked at first, then moved, one by one."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from coopflow.core.case import Case
from coopflow.core.migrating import Moved, migrate
from coopflow.core.states import ACTIVE
from coopflow.core.workflow import Workflow
from coopflow.errors import NotAllowed, NotFound
from coopflow.events import reconsider
from coopflow.store.store import Store


class Adoption(Struct, frozen=True):
    """What becomes of one instance: how it stands in the other version, or why it stays where it is."""

    instance_id: int
    case: Case | None  # None: there is no such instance
    from_version: int | None
    moved: Sequence[Moved] = ()
    problem: str | None = None


def candidates(store: Store, to: Workflow) -> list[int]:
    """The active instances of a workflow that are on another version of it."""
    rows = store.looking.instances(workflow=to.name, statuses=sorted(ACTIVE))
    return [row["instance_id"] for row in rows if row["version"] != to.version]


def foresee(store: Store, instance_ids: Sequence[int], to: Workflow, *, now: datetime) -> list[Adoption]:
    """What `adopt` would come to; nothing is changed."""
    found = {case.instance.instance_id: case for case in store.cases.load(instance_ids)}
    return [_tried(instance_id, found.get(instance_id), to, reason=None, now=now) for instance_id in instance_ids]


def adopt(
    store: Store, instance_ids: Sequence[int], to: Workflow, *, reason: str | None, actor: str, now: datetime
) -> list[Adoption]:
    """Move each instance, in a transaction of its own; one that cannot be moved is left as it is."""
    return [_adopted(store, instance_id, to, reason=reason, actor=actor, now=now) for instance_id in instance_ids]


def _adopted(
    store: Store, instance_id: int, to: Workflow, *, reason: str | None, actor: str, now: datetime
) -> Adoption:
    with store.transaction():
        case = next(iter(store.cases.load([instance_id], actor=actor)), None)
        found = _tried(instance_id, case, to, reason=reason, now=now)
        if found.case is None or found.problem is not None:
            return found
        store.cases.save([found.case], now=now)
        reconsider(store, [found.case.family.family_id], now=now)  # it may be over by the new version's criteria
        return replace(found, case=store.cases.load([instance_id])[0])


def _tried(instance_id: int, case: Case | None, to: Workflow, *, reason: str | None, now: datetime) -> Adoption:
    if case is None:
        return Adoption(instance_id, None, None, problem=f"there is no instance {instance_id}")
    before = case.workflow.version
    try:
        return Adoption(instance_id, case, before, migrate(case, to, reason=reason, now=now))
    except NotAllowed as problem:
        return Adoption(instance_id, case, before, problem=str(problem))


def require_any(found: Sequence[Adoption], to: Workflow) -> None:
    """Refuse when there is nothing to move at all."""
    if not found:
        raise NotFound(f"no active instance of {to.name} is on another version than {to.version}")
