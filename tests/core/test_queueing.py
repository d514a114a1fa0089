"""Who has nobody to wait for any more is brought forward, and nobody else is touched."""

import pytest
from msgspec.structs import replace

from coopflow.core.case import Case
from coopflow.core.model import Entry
from coopflow.core.queueing import wake
from coopflow.core.states import EntryStatus, InstanceStatus
from tests.world import World, at

MAIL = {"id": "mail", "type": "email", "template_id": "hello"}
WOKEN = at("2026-03-20 10:00")


@pytest.fixture
def case(coop: World) -> Case:
    """An instance that has queued behind another one, which has ended."""
    coop.has_family("42")
    coop.has_workflow("w", [MAIL, {"id": "done", "type": "end"}], conflict="queue")
    found = coop.case(coop.start("w", family="42"))
    main(found).scheduled_for = at("2026-03-21 10:00")
    return found


def main(case: Case) -> Entry:
    return case.entries["main"]


def test_what_has_waited_comes_at_once(case: Case) -> None:
    assert wake(case, now=WOKEN)
    assert main(case).scheduled_for == WOKEN


def test_what_comes_sooner_anyway_stays(case: Case) -> None:
    main(case).scheduled_for = WOKEN
    assert not wake(case, now=WOKEN)


def test_what_a_person_has_put_at_a_time_stays_there(case: Case) -> None:
    main(case).chosen_by = "sarah"
    assert not wake(case, now=WOKEN)


def test_what_is_under_way_stays(case: Case) -> None:
    main(case).status = EntryStatus.PROCESSING
    assert not wake(case, now=WOKEN)


def test_what_has_begun_or_still_has_others_before_it_or_never_queues_stays(case: Case) -> None:
    case.others = ((7, "one"),)
    assert not wake(case, now=WOKEN)
    case.others = ()
    case.workflow = replace(case.workflow, conflict="parallel")
    assert not wake(case, now=WOKEN)
    case.workflow = replace(case.workflow, conflict="queue")
    case.instance.status = InstanceStatus.RUNNING
    assert not wake(case, now=WOKEN)
    assert main(case).scheduled_for == at("2026-03-21 10:00")
