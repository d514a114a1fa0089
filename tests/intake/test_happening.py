"""What happens outside, told by files and by people, on a real database."""

import json
from typing import Any

import pytest

from coopflow.events import take_event
from coopflow.intake.events import OutsideEvent
from coopflow.intake.happening import Happened, record_event, take_events
from coopflow.store.store import Store
from tests.intake.reading import records_of
from tests.world import World, at

WAIT: list[dict[str, Any]] = [
    {"id": "wait", "type": "wait", "duration": "3 days", "until": {"event": "sms_response_received"}},
    {"id": "hello", "type": "email", "template_id": "hello"},
]
ANSWERED = {"any": [{"field": "email_response_received", "operator": "==", "value": True}]}


@pytest.fixture
def school(coop: World) -> World:
    coop.has_workflow("outreach", WAIT, completion_criteria=ANSWERED)
    coop.has_family("42", family_name="Martinez")
    coop.has_family("7", family_name="Garcia")
    return coop


def take(school: World, content: str, **options: Any) -> list[Happened]:
    found = list(take_events(school.store, records_of(content), actor="sarah", now=school.now, **options))
    school.check()
    return found


def tell(school: World, kind: str, family: str = "42", **more: Any) -> Happened:
    with school.store.transaction():
        event = OutsideEvent(kind=kind, family_id=family, data=more.pop("data", {}), **more)
        found = record_event(school.store, event, actor="sarah", now=school.now)
    school.check()
    return found


def test_an_event_ends_what_it_completes_and_wakes_what_waits(school: World) -> None:
    ended, woken = school.start("outreach", family="42"), school.start("outreach", family="7")
    school.tick("2026-03-20 09:00")
    school.now = at("2026-03-20 10:00")
    content = (
        '{"kind": "email_response_received", "family_id": 42}\n{"kind": "sms_response_received", "family_id": "7"}\n'
    )
    found = take(school, content)
    assert [(one.line, one.verdict, list(one.touched)) for one in found] == [
        (1, "recorded", [ended]),
        (2, "recorded", [woken]),
    ]
    assert (school.status(ended), school.step(woken)) == ("completed", "hello")


def test_bad_lines_are_refused_by_number_and_the_rest_is_recorded(school: World) -> None:
    content = (
        '{"kind": "payment_received", "family_id": 9}\nx\n{"kind": "nothing", "family_id": 42}\n'
        '{"kind": "payment_received", "family_id": 42}\n'
    )
    found = take(school, content)
    assert [(one.line, one.verdict, one.kind) for one in found] == [
        (1, "rejected", "payment_received"),
        (2, "rejected", None),
        (3, "rejected", None),
        (4, "recorded", "payment_received"),
    ]
    rows = school.db.execute_sql("SELECT data FROM event_log WHERE kind = 'trigger.rejected'").fetchall()
    assert [json.loads(row[0])["line"] for row in rows] == [1, 2, 3]


def test_an_event_told_twice_is_recorded_once(school: World) -> None:
    one = '{"kind": "payment_received", "family_id": 42, "id": "pay_1", "data": {"amount": 5}}\n'
    other = one.replace("5}", "6}")
    found = take(school, one + one + other + one.replace("42", "7"))
    assert [(line.verdict, line.event_id) for line in found[:2]] == [("recorded", 1), ("skipped", 1)]
    assert found[1].reason == "it is on record already (event 1)"
    assert (found[2].verdict, found[2].reason) == (
        "rejected",
        "field 'id': it is the id of event 1, which says something else",
    )
    assert found[3].verdict == "recorded"


def test_a_dry_run_leaves_nothing(school: World) -> None:
    instance = school.start("outreach", family="42")
    found = take(school, '{"kind": "email_response_received", "family_id": 42}\n', dry_run=True)
    assert [(one.verdict, list(one.touched)) for one in found] == [("recorded", [instance])]
    assert school.status(instance) == "pending"
    assert school.trail(instance) == ["instance.started"]


def test_csv_works_too(school: World) -> None:
    [found] = take(school, "kind,family_id,amount\npayment_received,42,12.5\n")
    [row] = school.store.looking.events(family_id="42")
    assert found.verdict == "recorded"
    assert (row["kind"], row["personal"]) == ("payment_received", {"amount": 12.5})


def test_what_happened_before_an_instance_began_is_no_answer_to_it(school: World) -> None:
    school.now = at("2026-03-20 09:00")
    instance = school.start("outreach", family="42")
    school.now = at("2026-03-20 10:00")
    found = tell(school, "email_response_received", at=at("2026-03-20 08:00"))
    assert (found.verdict, list(found.touched)) == ("recorded", [])
    assert found.reason == f"it happened before instance {instance} began, so that goes on"
    school.tick("2026-03-20 11:00")
    assert school.status(instance) == "running"
    found = tell(school, "email_response_received", at=at("2026-03-20 10:30"))
    assert list(found.touched) == [instance]
    assert school.status(instance) == "completed"


def test_an_old_event_still_starts_what_has_nothing_to_do_with_the_younger_instance(school: World) -> None:
    school.has_workflow("thanks", WAIT[1:], trigger={"type": "event", "event": "payment_received"})
    school.start("outreach", family="42")
    found = tell(school, "payment_received", at=at("2026-03-19 08:00"))
    assert len(found.started) == 1


def test_an_old_event_is_noted_once(school: World) -> None:
    school.start("outreach", family="42")
    first = tell(school, "email_response_received", at=at("2026-03-19 08:00"), key="m1")
    again = tell(school, "email_response_received", at=at("2026-03-19 08:00"), key="m1")
    assert (first.verdict, again.verdict, again.event_id) == ("recorded", "skipped", first.event_id)


def test_that_a_family_has_left_counts_whenever_it_happened(school: World) -> None:
    instance = school.start("outreach", family="42")
    tell(school, "family_withdrew", at=at("2026-03-01 08:00"))
    assert school.status(instance) == "cancelled"
    assert school.store.families(["42"])["42"].status == "withdrawn"


def test_an_event_after_the_end_is_recorded_and_starts_nothing_again(school: World) -> None:
    instance = school.start("outreach", family="42")
    tell(school, "email_response_received")
    again = tell(school, "email_response_received")
    assert (school.status(instance), again.verdict, list(again.touched), again.started) == (
        "completed",
        "recorded",
        [],
        [],
    )


def test_a_workflow_that_waits_for_the_event_begins(school: World) -> None:
    school.has_workflow(
        "thanks",
        [{"id": "hello", "type": "email", "template_id": "hello"}],
        trigger={"type": "event", "event": "payment_received"},
    )
    found = tell(school, "payment_received", data={"amount": 80})
    [instance] = found.started
    assert school.case(instance).instance.context == {"amount": 80}


def test_a_line_that_meets_a_fault_is_refused_and_stops_no_other(
    school: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(store: Store, kind: str, family_id: str, **rest: Any) -> Any:
        if family_id == "42":
            raise RuntimeError("nobody has thought of this")
        return take_event(store, kind, family_id, **rest)

    content = "".join(f'{{"kind": "payment_received", "family_id": {family}}}\n' for family in (42, 7))
    with monkeypatch.context() as patched:
        patched.setattr("coopflow.intake.happening.take_event", faulty)
        found = take(school, content)
    assert [(one.line, one.verdict, one.family_id) for one in found] == [(1, "rejected", "42"), (2, "recorded", "7")]
    assert found[0].reason == (
        "this is a fault in coopflow, nothing was taken in (RuntimeError: nobody has thought of this)"
    )
