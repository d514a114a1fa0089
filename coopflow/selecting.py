"""Which instances a person means: by number, family, workflow and state, all of which must fit."""

from collections.abc import Sequence

from msgspec import Struct

from coopflow.core.states import ACTIVE, InstanceStatus
from coopflow.errors import NotFound, Usage
from coopflow.store.store import Store


class Selection(Struct, frozen=True, kw_only=True):
    """What a person said. Finished instances are meant only when they are named, or their state is."""

    ids: Sequence[int] = ()
    family_id: str | None = None
    workflow: str | None = None
    state: InstanceStatus | None = None
    all: bool = False


class Selected(Struct, frozen=True):
    """The instances that were found, and a sentence for each one that was named and was not."""

    ids: Sequence[int]
    problems: Sequence[str]


def select(store: Store, wanted: Selection) -> Selected:
    """The instances that fit; NotFound when there are none, Usage when nothing was said."""
    if not (wanted.ids or wanted.all or any((wanted.family_id, wanted.workflow, wanted.state))):
        raise Usage("say which instances: their numbers, --family, --workflow, --state or --all")
    workflow = None if wanted.workflow is None else store.templates.newest(wanted.workflow).name
    named = list(dict.fromkeys(wanted.ids))
    statuses = [wanted.state] if wanted.state else None if named else sorted(ACTIVE)
    rows = store.looking.instances(ids=named or None, family_id=wanted.family_id, workflow=workflow, statuses=statuses)
    found = {row["instance_id"] for row in rows}
    ids = [number for number in named if number in found] if named else sorted(found)
    problems = [_missing(store, number) for number in named if number not in found]
    if not ids and not problems:
        raise NotFound(_nothing(wanted))
    return Selected(ids, problems)


def _missing(store: Store, number: int) -> str:
    if store.looking.instances(ids=[number]):
        return f"instance {number} is none of those that --family, --workflow and --state leave"
    meant = [*_of_a_family(store, number), *_of_a_task(store, number)]
    return f"there is no instance {number}; {' and '.join(meant) or 'list them with: coopflow status'}"


def _of_a_family(store: Store, number: int) -> list[str]:
    family = store.families([str(number)], scores=False).get(str(number))
    if family is None:
        return []
    active = store.active_instances(family.family_id)
    has = f"instance {', '.join(map(str, active))}" if active else "no active instance"
    return [f"family {number} ({family.family_name}) has {has}"]


def _of_a_task(store: Store, number: int) -> list[str]:
    try:
        task = store.desk.get(number)
    except NotFound:
        return []
    return [f"task {number} is of instance {task.instance_id}"] if task.instance_id is not None else []


def _nothing(wanted: Selection) -> str:
    family = f" of family {wanted.family_id}" if wanted.family_id is not None else ""
    workflow = f" of {wanted.workflow}" if wanted.workflow else ""
    return f"there is no {wanted.state or 'active'} instance{family}{workflow}; see them with: coopflow status"
