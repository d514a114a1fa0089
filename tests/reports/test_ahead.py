"""What is ahead if nothing happens, told before it happens."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from coopflow.core.facts import BUILT_IN_EVENTS, Facts
from coopflow.core.model import Coop, Family
from coopflow.core.people import pause
from coopflow.core.protocol import under_way
from coopflow.core.reading import read_workflow
from coopflow.core.starting import new_case
from coopflow.core.timing import Calendar
from coopflow.reports.ahead import ahead
from tests.reports.samples import MAIL, NOW, PARALLEL
from tests.stories.test_sample import CRITERIA, SAMPLE
from tests.world import NEW_YORK, World, at


def walk(coop: World, instance: int) -> list[tuple[str, str | None, str]]:
    """Each step ahead: its state, its time in UTC, its name."""
    found = ahead(coop.case(instance), now=coop.now)
    return [(step.state, step.at and f"{step.at:%a %d %H:%M}", step.step_name) for step in found]


def test_the_steps_ahead_of_the_sample_are_told_with_their_times_as_if_nothing_happened(coop: World) -> None:
    coop.has_workflow("sample", SAMPLE, completion_criteria=CRITERIA)
    coop.has_family("42")
    instance = coop.start("sample", family="42")
    assert walk(coop, instance) == [
        ("planned", "Fri 20 13:00", "Send Initial Email"),
        ("planned", "Fri 20 13:00", "Wait for response"),
        ("planned", "Mon 23 13:00", "Check response"),
        ("planned", "Mon 23 13:00", "Sms followup"),
        ("planned", "Wed 25 13:00", "Phone call"),
        ("planned", None, "Done"),
    ]


def test_a_condition_ahead_says_both_ways_and_which_one_it_would_take(coop: World) -> None:
    coop.has_workflow("sample", SAMPLE)
    coop.has_family("42")
    instance = coop.start("sample", family="42")
    remarks = {step.step_id: step.remarks for step in ahead(coop.case(instance), now=coop.now)}
    assert remarks["check_response"] == (
        "if email_response_received: 'Done', else: 'Sms followup'; as things stand: no",
    )
    assert remarks["wait_for_response"] == (
        "until word that the family answered by mail (email_response_received), for 3 days at most",
    )
    assert remarks["phone_call"] == (
        "Mon 23 Mar 09:00 + 2 days → Wed 25 Mar 09:00",
        "reached → 'Done'; voicemail → again after 1 day, at most 3 times, then a person takes over;"
        " wrong_number → a person takes over",
    )


def test_where_a_person_decides_nobody_can_know_the_time(coop: World) -> None:
    coop.has_workflow("asked", [{**MAIL, "approval": True}, {"id": "rest", "type": "wait", "duration": "1 day"}])
    coop.has_family("42")
    instance = coop.start("asked", family="42")
    coop.tick()
    task = coop.tasks()[0].task_id
    [mail, rest] = ahead(coop.case(instance), now=coop.now)
    assert (mail.state, mail.remarks) == (
        "waiting",
        (
            f"waits for a yes or no in task {task}",
            f"coopflow task done {task} --outcome approved (or declined)",
            "a person must say yes first",
        ),
    )
    assert (rest.at, rest.state) == (None, "planned")


def test_a_deadline_on_the_desk_is_told(coop: World) -> None:
    coop.has_workflow(
        "call",
        [{"id": "ring", "type": "call", "reason": "ask", "timeout": "2 days", "outcomes": {"reached": "mail"}}, MAIL],
    )
    coop.has_family("42")
    instance = coop.start("call", family="42")
    coop.tick()
    ring = ahead(coop.case(instance), now=coop.now)[0]
    assert ring.at == at("2026-03-22 09:00")
    assert "if nobody has closed it by then, the step fails" in ring.remarks


def test_a_step_that_would_be_skipped_is_marked_and_takes_no_time(coop: World) -> None:
    only_if = {"field": "engagement_score", "operator": ">", "value": 50}
    coop.has_workflow("maybe", [{"id": "rest", "type": "wait", "duration": "9 days", "only_if": only_if}, MAIL])
    coop.has_family("42", engagement_score=10)
    instance = coop.start("maybe", family="42")
    [rest, mail] = ahead(coop.case(instance), now=coop.now)
    assert "only if engagement_score > 50; as things stand it would be skipped" in rest.remarks
    assert mail.at == coop.now


def test_branches_are_told_before_the_path_that_waits_for_them(coop: World) -> None:
    coop.has_workflow("both", [PARALLEL, MAIL])
    coop.has_family("42")
    instance = coop.start("both", family="42")
    assert ahead(coop.case(instance), now=coop.now)[0].remarks == (
        "waits for the next tick",
        "at once: 'Rest' and 'Ring'; the next step comes after all",
    )
    coop.tick()
    assert walk(coop, instance) == [
        ("waiting", "Sun 22 13:00", "Rest"),
        ("waiting", None, "Ring"),
        ("planned", None, "Thanks"),
        ("waiting", None, "At once"),
        ("planned", None, "Mail"),
    ]


def test_a_circle_is_walked_once(coop: World) -> None:
    rest = {"id": "rest", "type": "wait", "duration": "1 day"}
    ask = {
        "id": "ask",
        "type": "condition",
        "condition": {"field": "payment_received", "operator": "==", "value": True},
    }
    coop.has_workflow("round", [rest, {**ask, "if_true_step": "mail", "if_false_step": "rest"}, MAIL])
    coop.has_family("42")
    instance = coop.start("round", family="42")
    found = ahead(coop.case(instance), now=coop.now)
    assert [step.step_id for step in found] == ["rest", "ask", "rest"]
    assert found[-1].remarks == ("and so on: it goes round from here",)


def test_why_a_time_was_moved_is_told_where_the_step_stands(coop: World) -> None:
    coop.has_workflow("short", [MAIL])
    coop.has_family("42")
    coop.now = at("2026-03-20 19:00")
    instance = coop.start("short", family="42")
    [mail] = ahead(coop.case(instance), now=coop.now)
    assert mail.at == at("2026-03-23 09:00")
    assert mail.remarks == (
        "waits for its time",
        "Fri 20 Mar 19:00 is outside business_hours → Mon 23 Mar 09:00",
    )


def test_a_paused_instance_stands_paused_and_a_doubt_stands_in_doubt(coop: World) -> None:
    coop.has_workflow("short", [MAIL])
    coop.has_family("42")
    instance = coop.start("short", family="42")
    coop.does(pause, instance, reason="holiday")
    [mail] = ahead(coop.case(instance), now=coop.now)
    assert (mail.state, mail.remarks) == ("paused", ("waits for someone to resume it: holiday (sarah)",))
    coop.db.execute_sql("UPDATE workflow_queue SET awaits = 'doubt', reason = 'cut off'")
    assert ahead(coop.case(instance), now=coop.now)[0].state == "in doubt"


def test_a_finished_instance_has_nothing_ahead(coop: World) -> None:
    coop.has_workflow("short", [MAIL])
    coop.has_family("42")
    instance = coop.start("short", family="42")
    coop.tick()
    assert ahead(coop.case(instance), now=coop.now) == []


IDS = [f"s{number}" for number in range(6)]
TARGETS = st.sampled_from(IDS)


@st.composite
def a_step(draw: st.DrawFn, step_id: str) -> dict[str, Any]:
    kind = draw(st.sampled_from(["wait", "condition", "call", "email", "end"]))
    own: dict[str, Any] = {"id": step_id, "type": kind}
    match kind:
        case "wait":
            return {**own, "duration": "1 day", "until": {"event": "payment_received"}, "on_timeout": draw(TARGETS)}
        case "condition":
            condition = {"field": "payment_received", "operator": "==", "value": draw(st.booleans())}
            return {**own, "condition": condition, "if_true_step": draw(TARGETS), "if_false_step": draw(TARGETS)}
        case "call":
            return {**own, "reason": "ask", "outcomes": {"reached": draw(TARGETS), "refused": "escalate"}}
        case "email":
            return {**own, "template_id": "hello", "approval": draw(st.booleans())}
        case _:
            return own


@given(st.tuples(*(a_step(step_id) for step_id in IDS)))
def test_the_walk_ahead_ends_whatever_the_workflow_and_comes_to_no_step_a_third_time(data):
    coop = Coop(
        organisation="Willow Creek",
        calendar=Calendar.default(NEW_YORK),
        coordinators={},
        known_events=frozenset(BUILT_IN_EVENTS),
    )
    spec = {"name": "any", "trigger": {"type": "manual"}, "steps": list(data)}
    workflow = read_workflow(spec, {"hello": {"": ""}}, template_id=1, version=1, active=True)
    family = Family(family_id="42", family_name="Martinez")
    facts = Facts(family=family, known_events=coop.known_events)
    case = new_case(
        instance_id=1,
        workflow=workflow,
        family=family,
        facts=facts,
        coop=coop,
        triggered_by="manual:sarah",
        context={},
        reason="",
        now=NOW,
    )
    found = [step.step_id for step in ahead(case, now=NOW)]
    assert len(found) <= len(IDS) + 1
    assert all(found.count(step_id) == 1 for step_id in found[:-1] if step_id != found[-1])
    times = [step.at for step in ahead(case, now=NOW) if step.at is not None]
    assert times == sorted(times)


def test_a_step_whose_window_never_opens_has_no_time(coop: World) -> None:
    coop.has_workflow("later", [{"id": "rest", "type": "wait", "duration": "1 day"}, MAIL])
    coop.has_family("42")
    case = coop.case(coop.start("later", family="42"))
    closed = {coop.now.date() + timedelta(days=number): "" for number in range(800)}
    case.coop = replace(case.coop, calendar=replace(case.coop.calendar, closed_days=closed))
    assert [step.at for step in ahead(case, now=coop.now)] == [coop.now, None]


def test_a_long_workflow_is_told_for_fifty_steps(coop: World) -> None:
    coop.has_workflow("long", [{"id": f"s{number}", "type": "wait", "duration": "1 day"} for number in range(60)])
    coop.has_family("42")
    assert len(ahead(coop.case(coop.start("long", family="42")), now=coop.now)) == 51


def test_a_message_on_its_way_is_told_as_running(coop: World) -> None:
    coop.has_workflow("short", [MAIL])
    coop.has_family("42")
    case = coop.case(coop.start("short", family="42"))
    under_way(case.entries["main"], "email")
    [mail] = ahead(case, now=coop.now)
    assert (mail.at, mail.state, mail.remarks) == (None, "running", ("waits for the email is on its way",))


def test_steps_that_start_others_say_so(coop: World) -> None:
    ring = {"id": "ring", "type": "call", "reason": "ask"}
    advise = {"id": "advise", "type": "recommended", "actions": {"call_family": ring}}
    coop.has_workflow("other", [MAIL])
    coop.has_workflow("both", [{"id": "begin", "type": "start", "workflow": "other"}, advise, MAIL])
    coop.has_family("42")
    begin, advise_, mail = ahead(coop.case(coop.start("both", family="42")), now=coop.now)
    assert "starts other" in begin.remarks
    assert advise_.remarks == ("one step for each action that the prediction recommends: call_family",)
    assert mail.at is None
