"""What is foreseen is what comes: the same steps at the same instants, for any workflow of the kind people write."""

from datetime import datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from coopflow.core.durations import Duration
from coopflow.core.foresight import Script, foresee
from coopflow.core.pressure import Cap, Limits
from coopflow.tick import tick
from tests.world import World, at

KINDS = ("message.accepted", "task.opened", "instance.completed", "step.skipped", "step.waiting", "instance.paused")
SENT = "message.accepted"
REPLIED = {"field": "email_response_received", "operator": "==", "value": True}
MAIL = {"type": "email", "template_id": "hello"}
TEXT = {"type": "sms", "message": "Hi {{ family_name }}"}
CALL = {"type": "call", "reason": "No answer", "outcomes": {"reached": "s4"}}

delays = st.sampled_from(
    [
        {},
        {"delay": "2 days"},
        {"delay": "3 hours"},
        {"delay": "2 business days"},
        {"from": "start", "delay": "7 days"},
        {"delay": "1 month"},
    ]
)
steps = st.one_of(
    st.builds(lambda delay: {**MAIL, **delay}, delays),
    st.builds(lambda delay: {**TEXT, **delay}, delays),
    st.builds(lambda days: {"type": "wait", "duration": f"{days} days"}, st.integers(1, 9)),
    st.builds(lambda delay: {"type": "task", "description": "Look", **delay}, delays),
    st.just({"type": "condition", "condition": REPLIED, "if_true_step": "s4", "if_false_step": "s3"}),
    st.just({**MAIL, "only_if": REPLIED}),
    st.just(CALL),
)
workflows = st.lists(steps, min_size=4, max_size=4).map(
    lambda found: [*({**step, "id": f"s{number}"} for number, step in enumerate(found)), {"id": "s4", "type": "end"}]
)
ZONES = ("America/New_York", "Pacific/Honolulu", "Asia/Kathmandu")


def in_time(row: tuple[datetime, str, Any]) -> tuple[datetime, str]:
    return row[0], str(row[1:])


def trail(world: World) -> list[tuple[datetime, str, Any]]:
    rows = world.store.looking.events_after(0)
    return [(row["at"], row["kind"], row["data"].get("step")) for row in rows if row["kind"] in KINDS]


def test_two_instances_of_a_family_share_what_a_cap_leaves_as_ticks_let_them(tmp_path: Path) -> None:
    """In each round of a tick every instance sends one message; none takes all the room before its turn is over."""
    world = World(tmp_path)
    cap = Cap(2, Duration(days=7))
    world.coop = world.store.coop = world.store.cases._coop = replace(world.coop, limits=Limits(per_family=cap))
    world.now = since = at("2026-03-02 00:00")
    world.has_family("42")
    two = [{**MAIL, "id": "s0"}, {**MAIL, "id": "s1"}]
    for name in ("one", "other"):
        world.has_workflow(name, two, conflict="parallel")
        world.start(name, family="42")
    ids = [row["instance_id"] for row in world.store.looking.instances()]
    until = since + timedelta(days=5)

    foreseen = foresee(world.store.cases.load(ids), since=since, until=until)

    told = [(one.case.instance.instance_id, one.event.data["step"]) for one in foreseen if one.event.kind == SENT]
    assert told == [(1, "s0"), (2, "s0")]
    tick(world.engine, now=at("2026-03-02 09:00"))
    rows = [row for row in world.store.looking.events_after(0) if row["kind"] == SENT]
    assert [(row["instance_id"], row["data"]["step"]) for row in rows] == told
    world.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    found=st.lists(workflows, min_size=1, max_size=3),
    begin=st.integers(0, 24 * 14),
    cap=st.sampled_from([None, Cap(1, Duration(days=1)), Cap(2, Duration(days=7))]),
    conflict=st.sampled_from(["parallel", "queue"]),
)
def test_what_is_foreseen_is_what_ticks_then_do(
    found: list[list[dict[str, Any]]], begin: int, cap: Cap | None, conflict: str
) -> None:
    world = World(Path(mkdtemp(prefix="coopflow-")))
    world.coop = world.store.coop = world.store.cases._coop = replace(world.coop, limits=Limits(per_family=cap))
    world.now = since = at("2026-03-02 00:00") + timedelta(hours=begin)
    until = since + timedelta(days=50)
    for number, listed in enumerate(found):
        world.has_workflow(f"w{number}", listed, conflict=conflict)
        world.has_family(str(number % 2), time_zone=ZONES[number])
        world.start(f"w{number}", family=str(number % 2))
    ids = [row["instance_id"] for row in world.store.looking.instances()]
    before = len(trail(world))
    foreseen = list(foresee(world.store.cases.load(ids), since=since, until=until))
    told = [(one.event.at, one.event.kind, one.event.data.get("step")) for one in foreseen if one.event.kind in KINDS]
    for moment in sorted({one.event.at for one in foreseen}):
        tick(world.engine, now=moment)
    tick(world.engine, now=until)
    assert sorted(told, key=in_time) == sorted(trail(world)[before:], key=in_time)
    world.close()


@pytest.fixture
def running(coop: World) -> World:
    coop.has_workflow(
        "w",
        [
            {"id": "mail", **MAIL, "on_failure": "text"},
            {"id": "pause", "type": "wait", "duration": "3 days", "until": {"event": "email_response_received"}},
            {"id": "text", **TEXT},
            {"id": "call", **CALL, "outcomes": {"reached": "end", "voicemail": {"retry_in": "1 day", "max": 2}}},
            {"id": "end", "type": "end"},
        ],
        completion_criteria=REPLIED,
    )
    coop.has_family("42")
    coop.start("w", family="42")
    return coop


def kinds(world: World, script: Script) -> list[tuple[str, Any]]:
    since = world.now
    found = foresee(world.store.cases.load([1]), since=since, until=since + timedelta(days=30), script=script)
    return [(one.event.kind, one.event.data.get("step")) for one in found]


def test_an_answer_that_is_assumed_ends_it(running: World) -> None:
    script = Script(events=((at("2026-03-21 10:00"), "email_response_received"),))
    assert kinds(running, script)[-2:] == [("email_response_received", None), ("instance.completed", None)]
    assert ("message.accepted", "text") not in kinds(running, script)


def test_what_comes_after_a_wait_that_an_answer_cuts_short_is_told_too(coop: World) -> None:
    answer = "email_response_received"
    steps: list[dict[str, Any]] = [
        {"id": "listen", "type": "wait", "duration": "9 days", "until": {"event": answer}},
        {"id": "rest", "type": "wait", "duration": "20 days"},
        {"id": "end", "type": "end"},
    ]
    coop.has_workflow("w", steps)
    coop.has_family("42")
    coop.start("w", family="42")
    found = kinds(coop, Script(events=((at("2026-03-21 10:00"), answer),)))
    assert found[-1] == ("instance.completed", None)


def test_of_a_workflow_that_goes_round_in_circles_no_more_is_told_than_enough(coop: World) -> None:
    steps: list[dict[str, Any]] = [
        {"id": "rest", "type": "wait", "duration": "10 minutes", "on_timeout": "rest"},
        {"id": "end", "type": "end"},
    ]
    coop.has_workflow("w", steps)
    coop.has_family("42")
    coop.start("w", family="42")
    assert len(kinds(coop, Script())) == 1001


def test_who_queues_behind_another_is_foreseen_to_come_when_that_has_ended(coop: World) -> None:
    rest = {"id": "rest", "type": "wait", "duration": "50 hours"}
    coop.has_family("42")
    coop.has_workflow("first", [{"id": "mail", **MAIL}, rest, {"id": "end", "type": "end"}])
    coop.has_workflow("second", [{"id": "text", **TEXT}, {"id": "end", "type": "end"}], conflict="queue")
    coop.now = at("2026-03-16 09:00")
    numbers = [coop.start(name, family="42") for name in ("first", "second")]
    cases = coop.store.cases.load(numbers)
    found = [
        (one.event.at, one.event.data["step"])
        for one in foresee(cases, since=coop.now, until=coop.now + timedelta(days=9))
        if one.event.kind == "message.accepted"
    ]
    assert found == [(at("2026-03-16 09:00"), "mail"), (at("2026-03-18 11:00"), "text")]


def test_a_refusal_that_is_assumed_goes_the_other_way(running: World) -> None:
    found = kinds(running, Script(refused=frozenset({"mail"})))
    assert ("message.refused", "mail") in found
    assert ("message.accepted", "text") in found
    assert ("step.waiting", "pause") not in found


def test_the_outcome_of_a_task_that_is_assumed_leads_on(running: World) -> None:
    found = kinds(running, Script(outcomes={"call": "voicemail"}))
    assert found.count(("task.opened", "call")) == 4  # the call, twice more, and the decision that a person must take
    assert found.count(("instance.paused", None)) == 1
    assert kinds(running, Script(outcomes={"call": "reached"}))[-1] == ("instance.completed", None)


def test_nothing_is_written(running: World) -> None:
    before = trail(running), running.case(1).entries
    kinds(running, Script())
    assert (trail(running), running.case(1).entries) == before
