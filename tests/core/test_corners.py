"""The corners of deciding and settling that no story walks through: each answers with a person, or refuses loudly."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from coopflow.core.case import Case
from coopflow.core.decide import MOST_VISITS, decide
from coopflow.core.decisions import Fail, Hold, OpenTask, Send
from coopflow.core.deliveries import Refused, Withdrawn
from coopflow.core.durations import Duration
from coopflow.core.invariants import broken_promises
from coopflow.core.model import Execution
from coopflow.core.people import run_now
from coopflow.core.placing import too_late_after
from coopflow.core.protocol import answered_too_late
from coopflow.core.settle import settle
from coopflow.core.states import Awaited, EntryStatus, InstanceStatus, Outcome, StepStatus
from coopflow.core.timing import ALWAYS, NeverOpens, OpenHours, Window, next_open
from coopflow.core.workflow import Step
from coopflow.errors import IllegalMove, NotAllowed
from tests.world import World, at

MAIL = {"id": "mail", "type": "email", "template_id": "hello"}
CALL = {"id": "talk", "type": "call", "reason": "x", "outcomes": {"ok": "done"}, "timeout": "2 days"}
END = {"id": "done", "type": "end"}
NEVER = Window("never", ((),) * 7)


@pytest.fixture
def co(coop: World) -> World:
    coop.has_family("42")
    return coop


def case_at(co: World, *steps: dict[str, object]) -> Case:
    co.has_workflow("w", [*steps, END])
    return co.case(co.start("w", family="42"))


def test_a_branch_that_has_come_to_too_many_steps_is_held(co: World) -> None:
    case = case_at(co, MAIL)
    entry = replace(case.entries["main"], visit=MOST_VISITS + 1)
    assert "circles" in str(decide(case, entry, now=co.now))


def test_a_window_that_never_opens_any_more_comes_before_a_person(co: World) -> None:
    case = case_at(co, MAIL)
    case.coop = replace(case.coop, calendar=replace(case.coop.calendar, windows={"business_hours": NEVER}))
    answer = decide(case, case.entries["main"], now=co.now)
    assert isinstance(answer, Hold)
    assert "never comes" in answer.reason
    with pytest.raises(NeverOpens):
        next_open(co.now, [OpenHours((NEVER, ALWAYS), case.tz, {})])


@pytest.mark.parametrize("awaits", [Awaited.BRANCHES, Awaited.PERSON, Awaited.DOUBT])
def test_what_only_others_can_bring_further_is_a_fault_to_be_looked_at_by_the_clock(co: World, awaits: Awaited) -> None:
    case = case_at(co, MAIL)
    assert "this is a fault" in str(decide(case, replace(case.entries["main"], awaits=awaits), now=co.now))


def test_a_task_that_nobody_closes_in_time_fails_its_step(co: World) -> None:
    case = case_at(co, CALL)
    assert decide(case, replace(case.entries["main"], awaits=Awaited.TASK), now=co.now) == Fail(
        "nobody closed the task within 2 days"
    )


def test_a_task_for_a_fixed_day_is_due_at_five_on_that_day(co: World) -> None:
    case = case_at(co, {"id": "t", "type": "task", "description": "x", "due_date": "2026-05-01"})
    answer = decide(case, case.entries["main"], now=co.now)
    assert isinstance(answer, OpenTask)
    assert answer.due_date == at("2026-05-01 17:00")


def test_a_step_may_say_itself_when_it_is_too_late(co: World) -> None:
    case = case_at(co, {**MAIL, "stale_after": "1 hour"})
    answer = decide(case, case.entries["main"], now=co.now + timedelta(hours=2))
    assert isinstance(answer, Hold)
    assert "more than 1 hour late" in answer.reason


@pytest.mark.parametrize(
    ("step", "hours"),
    [
        (MAIL, 24),
        ({"id": "text", "type": "sms", "message": "Hi"}, 4),
        ({"id": "hook", "type": "http", "url": "https://example.org/hook"}, 24),
        ({**MAIL, "stale_after": "2 hours"}, 2),
        (CALL, None),
    ],
)
def test_what_leaves_the_house_has_a_patience_of_its_own(co: World, step: dict[str, object], hours: int | None) -> None:
    case = case_at(co, step)
    wanted = None if hours is None else Duration(seconds=hours * 3600)
    assert too_late_after(case.step(case.entries["main"])) == wanted


def test_of_several_branches_one_may_have_a_message_on_its_way(co: World) -> None:
    case = case_at(co, {"id": "both", "type": "parallel", "branches": [[MAIL], [CALL]]})
    settle(case, case.entries["main"], decide(case, case.entries["main"], now=co.now), now=co.now)
    mail, talk = (case.entries[f"main/both.{number}"] for number in (0, 1))
    mail.status, talk.scheduled_for = EntryStatus.PROCESSING, None
    with pytest.raises(NotAllowed, match="its message is on its way"):
        run_now(case, reason=None, now=co.now)


def test_a_time_that_a_person_has_chosen_is_that_of_one_step_only(co: World) -> None:
    case = case_at(co, MAIL)
    entry = case.entries["main"]
    entry.chosen_by = "sarah"
    case.arrive(entry, "mail", now=co.now)
    assert entry.chosen_by is None


def test_a_step_that_no_rule_knows_is_refused_loudly(co: World) -> None:
    class Dance(Step, frozen=True, kw_only=True):
        pass

    case = case_at(co, MAIL)
    case.workflow = replace(
        case.workflow, steps={**case.workflow.steps, "mail": Dance(id="mail", name="Dance", number=0, next=None)}
    )
    with pytest.raises(TypeError, match="Dance"):
        decide(case, case.entries["main"], now=co.now)


def test_a_message_cannot_be_settled_without_its_words(co: World) -> None:
    case = case_at(co, MAIL)
    with pytest.raises(TypeError, match="intend"):
        settle(case, case.entries["main"], Send("email", "x@example.org"), now=co.now)


@pytest.mark.parametrize(
    ("fate", "status"), [(Refused("550 no"), StepStatus.FAILED), (Withdrawn(), StepStatus.SKIPPED)]
)
def test_a_message_of_a_branch_that_is_gone_is_closed_with_its_fate(
    co: World, fate: Refused | Withdrawn, status: StepStatus
) -> None:
    case = case_at(co, MAIL)
    attempt: Execution = case.begin(case.entries["main"], now=co.now, key="k", message_id="<k@example.org>")
    answered_too_late(case, attempt, fate, now=co.now)
    assert attempt.status is status
    assert (case.journal.events[-1].kind, case.journal.events[-1].data["late"]) == ("message.withdrawn", True)


def test_only_recommended_actions_that_have_a_step_make_branches(co: World) -> None:
    co.has_workflow("w", [{"id": "advice", "type": "recommended", "actions": {}}, END])
    instance = co.start("w", family="42", recommendations=[{"action": "visit"}])
    co.tick()
    assert (co.status(instance), [task.description for task in co.tasks("42")]) == ("completed", ["visit"])


def test_a_finished_instance_does_not_start_again(co: World) -> None:
    case = case_at(co, MAIL)
    case.finish(Outcome.SUCCESS, "over", now=co.now)
    with pytest.raises(IllegalMove, match="completed cannot become running"):
        case.become(InstanceStatus.RUNNING)


# -- what must never be, is seen ----------------------------------------------------------------------------------


def test_an_active_instance_without_a_place_in_the_queue_is_seen(co: World) -> None:
    case = case_at(co, MAIL)
    case.entries.clear()
    assert broken_promises(case) == ["it is active, and its main path has no place in the queue"]


def test_a_paused_instance_with_a_branch_that_may_run_is_seen(co: World) -> None:
    case = case_at(co, MAIL)
    case.pause("x", now=co.now)
    case.entries["main"].status = EntryStatus.QUEUED
    assert broken_promises(case) == ["it is paused, and its branch main is queued"]


def test_a_finished_instance_with_anything_left_is_seen(co: World) -> None:
    case = case_at(co, CALL)
    co.tick()
    case = co.case(1)
    case.instance.status = InstanceStatus.COMPLETED
    assert broken_promises(case) == [
        "it is completed, and its branch main is still queued",
        f"it is completed, and its branch main still has the open task {case.tasks[0].task_id}",
        "it is completed without a time or an outcome",
    ]


def test_a_branch_that_nothing_will_ever_bring_further_is_seen(co: World) -> None:
    case = case_at(co, MAIL)
    case.entries["main"].scheduled_for = None
    assert broken_promises(case) == ["branch main awaits turn at 'mail', and nothing will ever bring it"]
    case.entries["main"].step_id = "gone"
    assert "which its workflow version does not have" in broken_promises(case)[0]
