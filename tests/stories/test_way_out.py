"""Messages that really leave: nobody has said so yet, far too many at once, none but those allowed, resting first."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from coopflow.core import people
from coopflow.core.allowed import allowed_by
from coopflow.core.deliveries import Unavailable
from coopflow.core.leaving import BLAST, NOT_LIVE, WayOut
from coopflow.core.resting import recall
from coopflow.leaving import go_live, live_since, look_for_room, release, told
from coopflow.store.cases import Cases
from tests.world import World, at, world

LIVE = WayOut("live", "these transports")
LETTER = [{"id": "hello", "type": "email", "template_id": "hello"}]


@pytest.fixture
def live(tmp_path: Path) -> Iterator[World]:
    """A co-op whose configuration says live, with a mail server and a text gateway at the other end."""
    with world(tmp_path, wires=True) as made:
        made.engine.way_out = LIVE
        made.has_workflow("letter", LETTER)
        yield made


def families(coop: World, number: int, *, first: int = 1, workflow: str = "letter") -> list[int]:
    """So many families, each with an instance that is due."""
    started = []
    with coop.store.transaction():
        for family in range(first, first + number):
            coop.has_family(str(family))
            started.append(coop.start(workflow, family=str(family)))
    return started


def goes_live(coop: World) -> None:
    go_live(coop.store, coop.engine.way_out, due=0, actor="sarah", now=coop.now)


def kinds(coop: World) -> list[str]:
    rows = coop.db.execute_sql("SELECT kind FROM event_log WHERE kind LIKE 'delivery.%' ORDER BY event_id")
    return [row[0] for row in rows]


def arrived(coop: World) -> int:
    return sum(len(wire.taken) for wire in coop.wires.values())


def follows(coop: World, **rules: object) -> None:
    """The co-op's rules as another configuration has them."""
    coop.coop = replace(coop.coop, **rules)  # type: ignore[arg-type]
    coop.store.coop = replace(coop.store.coop, **rules)  # type: ignore[arg-type]
    coop.store.cases = Cases(coop.db, coop.store.coop, coop.store.templates)


# -- going live ---------------------------------------------------------------------------------------------------


def test_o19_live_without_go_live_sends_nothing_and_says_once_what_to_do(live: World) -> None:
    [instance] = families(live, 1)

    first, second = live.tick(), live.tick(f"{live.now:%Y-%m-%d} 09:01")

    assert arrived(live) == 0
    assert first.asks == [
        "deliver is live, and nobody has said yet that messages may really leave: 1 message waits, all else goes on."
        " See what would leave, and say so: coopflow go-live"
    ]
    assert second.asks == []
    assert live.attempts(instance) == []
    assert live.case(instance).entries["main"].reason == NOT_LIVE
    assert kinds(live) == ["delivery.held"]


def test_once_somebody_has_said_so_the_next_tick_sends(live: World) -> None:
    [instance] = families(live, 1)
    live.tick()

    goes_live(live)
    report = live.tick()

    assert (report.sent, report.asks, arrived(live)) == (1, [], 1)
    assert live.status(instance) == "completed"
    assert told(live.store) is None
    assert kinds(live) == ["delivery.held", "delivery.live"]


def test_while_nobody_has_said_so_all_else_goes_on(live: World) -> None:
    live.has_workflow("both", [{"id": "visit", "type": "task", "description": "Visit"}, *LETTER])
    live.has_family("9")
    instance = live.start("both", family="9")

    live.tick()

    assert [task.description for task in live.tasks("9")] == ["Visit"]
    assert live.step(instance) == "hello"
    assert arrived(live) == 0


def test_a_message_held_back_for_days_is_too_late_when_it_may_leave(live: World) -> None:
    [instance] = families(live, 1)
    live.tick()

    live.now = at("2026-03-24 10:00")
    goes_live(live)
    live.tick()

    assert arrived(live) == 0
    [task] = live.tasks()
    assert task.description == "'Hello' was planned for Fri 20 Mar 09:00 and is more than 24 hours late"
    assert live.status(instance) == "paused"


def test_going_back_to_the_outbox_and_live_again_asks_again(live: World) -> None:
    goes_live(live)
    live.engine.way_out = WayOut("outbox", LIVE.transports)
    live.tick()
    live.engine.way_out = LIVE
    families(live, 1)

    report = live.tick()

    assert (arrived(live), len(report.asks)) == (0, 1)
    assert kinds(live) == ["delivery.live", "delivery.ended", "delivery.held"]


def test_another_server_asks_again(live: World) -> None:
    goes_live(live)
    live.engine.way_out = WayOut("live", "another server")
    families(live, 1)

    report = live.tick()

    assert (arrived(live), len(report.asks)) == (0, 1)
    assert live_since(live.store) is None


def test_the_outbox_asks_nobody(coop: World) -> None:
    coop.has_workflow("letter", LETTER)
    families(coop, 60)

    report = coop.tick()

    assert (report.sent, report.asks, len(coop.mails())) == (60, [], 60)


# -- far more than usual ------------------------------------------------------------------------------------------


def test_o20_three_hundred_that_wait_when_it_goes_live_are_asked_about(live: World) -> None:
    families(live, 300)
    live.tick()
    goes_live(live)

    stopped = live.tick()

    assert (stopped.sent, arrived(live)) == (0, 0)
    assert stopped.asks == [
        "more messages than usual would leave at once: 300 messages wait, all else goes on."
        " See them, and let them go: coopflow release"
    ]
    assert live.tick().asks == []
    assert arrived(live) == 0

    release(live.store, 300, actor="sarah", now=live.now)
    let_go = live.tick()

    assert (let_go.sent, arrived(live)) == (300, 300)
    assert kinds(live) == ["delivery.held", "delivery.live", "delivery.held", "delivery.released"]


def test_d34_thousands_that_trigger_at_once_are_stopped_before_the_first(live: World) -> None:
    goes_live(live)
    families(live, 500)

    report = live.tick()

    assert (report.sent, arrived(live)) == (0, 0)
    assert "500 messages wait" in report.asks[0]
    assert {row[0] for row in live.db.execute_sql("SELECT reason FROM workflow_queue")} == {BLAST}


def test_fifty_leave_without_being_asked_for(live: World) -> None:
    goes_live(live)
    families(live, 50)

    assert live.tick().sent == 50


def test_three_times_the_usual_leave_without_being_asked_for(live: World) -> None:
    goes_live(live)
    for day in (23, 24, 25):
        live.now = at(f"2026-03-{day} 09:00")
        release(live.store, 60, actor="sarah", now=live.now)
        families(live, 60, first=day * 1000)
        assert live.tick().sent == 60
    live.now = at("2026-03-26 09:00")
    families(live, 180, first=90_000)
    assert live.tick().sent == 180

    live.now = at("2026-03-26 10:00")
    families(live, 181, first=95_000)
    assert live.tick().sent == 0


def test_what_goes_wrong_does_not_make_itself_usual_within_a_day(live: World) -> None:
    goes_live(live)
    families(live, 50)
    assert live.tick().sent == 50

    families(live, 51, first=1000)
    assert live.tick().sent == 0


def test_a_release_lets_that_many_through_and_the_rest_with_the_next_tick(live: World) -> None:
    goes_live(live)
    families(live, 100)
    live.tick()
    release(live.store, 100, actor="sarah", now=live.now)
    families(live, 30, first=1000)

    assert live.tick().sent == 100
    assert live.tick().sent == 30


def test_a_release_serves_once(live: World) -> None:
    goes_live(live)
    families(live, 100)
    live.tick()
    release(live.store, 100, actor="sarah", now=live.now)
    live.tick()
    families(live, 60, first=1000)

    report = live.tick()

    assert (report.sent, len(report.asks)) == (0, 1)


def test_a_release_of_yesterday_lets_nothing_go(live: World) -> None:
    goes_live(live)
    families(live, 100)
    live.tick()
    release(live.store, 100, actor="sarah", now=live.now - timedelta(days=1, seconds=1))

    assert live.tick().sent == 0


def test_what_is_cancelled_meanwhile_is_not_asked_about_any_more(live: World) -> None:
    goes_live(live)
    started = families(live, 60)
    live.tick()
    for instance in started[:15]:
        live.does(people.cancel, instance)

    assert live.tick().sent == 45
    assert told(live.store) is None


def test_what_comes_after_a_long_outage_of_the_server_is_a_blast_too(live: World) -> None:
    goes_live(live)
    live.wires["email"].answers = [Unavailable("the server is down")] * 60
    for first in (1, 31):
        families(live, 30, first=first)
        live.tick()
    assert arrived(live) == 0

    live.now += timedelta(minutes=20)
    report = live.tick()

    assert (arrived(live), len(report.asks)) == (0, 1)


def test_one_tick_never_sends_more_than_its_room_whatever_follows_from_what(live: World) -> None:
    goes_live(live)
    letters = [{"id": f"letter{number}", "type": "email", "template_id": "hello"} for number in range(4)]
    live.has_workflow("four", letters)
    families(live, 40, workflow="four")

    report = live.tick()

    assert report.sent == 50  # forty were due; what their letters led to stops at fifty
    assert report.asks == []


def test_looking_for_room_costs_one_question_on_an_ordinary_tick(live: World) -> None:
    goes_live(live)
    families(live, 3)

    assert look_for_room(live.store, LIVE, now=live.now).left == 50


def test_an_instance_that_cannot_be_read_does_not_keep_the_guard_from_counting(live: World) -> None:
    goes_live(live)
    families(live, 60)
    live.db.execute_sql("UPDATE workflow_instances SET trigger_date = '2026-02-30T14:00:00Z' WHERE instance_id = 7")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(World, "check", lambda _: None)  # it cannot read it either
        report = live.tick()

    assert (report.sent, len(report.faults), len(report.asks)) == (0, 1, 1)
    assert "59 messages wait" in report.asks[0]


def test_what_rests_is_counted_when_it_would_leave_and_not_before(live: World) -> None:
    goes_live(live)
    follows(live, rest=timedelta(minutes=5))
    families(live, 60)

    assert live.tick().asks == []
    live.now += timedelta(minutes=5)
    stopped = live.tick()

    assert (stopped.sent, len(stopped.asks)) == (0, 1)
    release(live.store, 60, actor="sarah", now=live.now)
    assert live.tick().sent == 60


# -- the allow-list -----------------------------------------------------------------------------------------------


def test_who_is_not_on_the_allow_list_goes_to_a_person(live: World) -> None:
    goes_live(live)
    follows(live, allowed=allowed_by({"domains": ["example.org"], "numbers": []}))
    live.has_family("1", email="parent@example.org")
    live.has_family("2", email="parent@elsewhere.example")
    inside, outside = live.start("letter", family="1"), live.start("letter", family="2")

    live.tick()

    assert [message.to for message in live.wires["email"].taken] == ["parent@example.org"]
    assert (live.status(inside), live.status(outside)) == ("completed", "paused")
    [task] = live.tasks()
    assert task.description == (
        "'Hello' failed: nothing may go to family 2: elsewhere.example is none of the domains under allow: domains: in"
        " coopflow.yaml"
    )


def test_the_allow_list_is_asked_once_more_at_the_last_call(live: World) -> None:
    goes_live(live)
    [instance] = families(live, 1)
    deliver = live.engine.post.deliver

    def narrowed_meanwhile(batch, book):  # type: ignore[no-untyped-def]
        follows(live, allowed=allowed_by({"domains": ["elsewhere.example"], "numbers": []}))
        deliver(batch, book)

    live.engine.post.deliver = narrowed_meanwhile  # type: ignore[method-assign]
    live.tick()

    assert arrived(live) == 0
    assert "message.accepted" not in live.trail(instance)


def test_an_on_failure_leads_around_the_allow_list(live: World) -> None:
    goes_live(live)
    follows(live, allowed=allowed_by({"domains": ["example.org"], "numbers": []}))
    live.has_workflow(
        "text_first",
        [{"id": "text", "type": "sms", "message": "Hello", "on_failure": "hello"}, *LETTER],
    )
    live.has_family("1")
    instance = live.start("text_first", family="1")

    live.tick()

    assert [len(live.wires[name].taken) for name in ("sms", "email")] == [0, 1]
    assert live.status(instance) == "completed"


# -- rest and recall ----------------------------------------------------------------------------------------------


@pytest.fixture
def rested(wired: World) -> World:
    """A co-op in which messages rest for five minutes."""
    follows(wired, rest=timedelta(minutes=5))
    wired.has_workflow("letter", LETTER)
    wired.has_family("1")
    return wired


def test_a_message_rests_and_leaves_after_that_with_the_words_it_had(rested: World) -> None:
    instance = rested.start("letter", family="1")

    assert rested.tick().sent == 0
    assert rested.attempts(instance) == [("hello", "pending")]
    rested.changes_family("1", family_name="Other")
    assert rested.tick("2026-03-20 09:04").sent == 0
    assert rested.tick("2026-03-20 09:05").sent == 1

    assert rested.wires["email"].taken[0].text.startswith("Dear Family 1.")
    assert rested.trail(instance) == [
        "instance.started",
        "message.intended",
        "message.resting",
        "message.accepted",
        "instance.completed",
    ]


def test_a_message_whose_turn_never_comes_after_its_rest_goes_to_a_person(rested: World) -> None:
    follows(rested, rest=timedelta(hours=2))
    rested.now = at("2026-03-20 17:00")
    instance = rested.start("letter", family="1")
    closed = {(rested.now + timedelta(days=day)).date(): "closed" for day in range(1, 400)}
    follows(rested, rest=timedelta(hours=2), calendar=replace(rested.coop.calendar, closed_days=closed))
    rested.tick()
    assert rested.status(instance) == "paused"
    assert "'Hello' rests, and its turn never comes" in rested.tasks()[0].description


def test_a_message_rests_before_the_outbox_too(coop: World) -> None:
    follows(coop, rest=timedelta(minutes=5))
    coop.has_workflow("letter", LETTER)
    coop.has_family("1")
    coop.start("letter", family="1")

    coop.tick()
    assert coop.mails() == []
    coop.tick("2026-03-20 09:05")
    assert len(coop.mails()) == 1


def test_a_recalled_message_never_leaves_and_its_instance_is_paused(rested: World) -> None:
    instance = rested.start("letter", family="1")
    rested.tick()

    assert rested.does(recall, instance, go_on=False) is None
    rested.tick("2026-03-20 10:00")

    assert arrived(rested) == 0
    assert rested.status(instance) == "paused"
    assert rested.trail(instance)[-2:] == ["message.recalled", "instance.paused"]
    assert rested.attempts(instance) == [("hello", "skipped")]


def test_after_a_recall_and_a_resume_the_message_rests_anew(rested: World) -> None:
    instance = rested.start("letter", family="1")
    rested.tick()
    rested.does(recall, instance, go_on=False)

    rested.now = at("2026-03-20 11:00")
    rested.does(people.resume, instance)
    assert rested.tick().sent == 0
    assert rested.tick("2026-03-20 11:05").sent == 1


def test_a_recall_may_go_on_with_the_next_step(rested: World) -> None:
    rested.has_workflow("two", [*LETTER, {"id": "visit", "type": "task", "description": "Visit"}])
    instance = rested.start("two", family="1")
    rested.tick()

    rested.does(recall, instance, go_on=True)
    rested.tick("2026-03-20 10:00")

    assert arrived(rested) == 0
    assert [task.description for task in rested.tasks()] == ["Visit"]
    assert rested.status(instance) == "completed"


def test_a_recall_that_goes_on_may_take_back_the_other_branch_at_once(rested: World) -> None:
    """Any of the two is enough: to go on without the first is to end the second."""
    branches = [[{**LETTER[0], "id": name}] for name in ("one", "other")]
    split = {"id": "both", "type": "parallel", "branches": branches, "join": "any"}
    rested.has_workflow("two", [split, {"id": "visit", "type": "task", "description": "Visit"}])
    instance = rested.start("two", family="1")
    rested.tick()

    assert rested.does(recall, instance, go_on=True) is None
    rested.tick("2026-03-20 10:00")

    assert arrived(rested) == 0
    assert rested.attempts(instance)[-3:] == [("one", "skipped"), ("other", "skipped"), ("visit", "completed")]
    assert rested.trail(instance).count("message.recalled") == 1
    assert rested.trail(instance).count("message.withdrawn") == 1


def test_what_has_left_cannot_be_recalled(rested: World) -> None:
    rested.has_workflow("two", [*LETTER, {"id": "wait", "type": "wait", "duration": "3 days"}])
    instance = rested.start("two", family="1")
    rested.tick()
    rested.tick("2026-03-20 09:05")

    problem = rested.does(recall, instance, go_on=False)

    assert problem == (
        f"no message of instance {instance} rests; see what has left with: coopflow show {instance} --messages"
    )


def test_at_the_end_of_the_rest_everything_is_asked_again(rested: World) -> None:
    instance = rested.start("letter", family="1")
    rested.tick()
    rested.changes_family("1", consent={"email": {"allowed": False}})

    rested.tick("2026-03-20 09:05")

    assert arrived(rested) == 0
    assert rested.attempts(instance) == [("hello", "skipped")]


def test_a_rest_that_ends_when_the_window_is_closed_lasts_until_it_opens(rested: World) -> None:
    rested.now = at("2026-03-20 17:58")
    rested.start("letter", family="1")
    rested.tick()

    assert rested.tick("2026-03-20 18:04").sent == 0
    assert rested.tick("2026-03-23 08:59").sent == 0
    assert rested.tick("2026-03-23 09:00").sent == 1


def test_a_family_that_ends_its_instance_while_the_message_rests_gets_nothing(rested: World) -> None:
    rested.has_workflow(
        "until_answer",
        LETTER,
        completion_criteria={"field": "email_response_received", "operator": "==", "value": True},
    )
    instance = rested.start("until_answer", family="1")
    rested.tick()

    rested.event("email_response_received", family="1")
    rested.tick("2026-03-20 09:05")

    assert arrived(rested) == 0
    assert rested.status(instance) == "completed"


def test_a_message_that_comes_again_does_not_rest_again(rested: World) -> None:
    from coopflow.core.deliveries import Deferred

    rested.wires["email"].answers = [Deferred("grey-listed")]
    rested.start("letter", family="1")
    rested.tick()
    rested.tick("2026-03-20 09:05")

    assert rested.tick("2026-03-20 09:30").sent == 1


def test_a_crash_while_messages_rest_loses_nothing_and_doubles_nothing(rested: World) -> None:
    rested.start("letter", family="1")
    rested.tick()

    report = rested.tick("2026-03-20 09:01")  # as after a crash: a new tick finds what is on record
    assert (report.recovered, report.sent) == (0, 0)
    assert rested.tick("2026-03-20 09:05").sent == 1
    assert rested.tick("2026-03-20 09:06").sent == 0


def test_resting_messages_that_nobody_may_send_yet_stay(rested: World) -> None:
    rested.start("letter", family="1")
    rested.tick()
    rested.engine.way_out = LIVE

    assert rested.tick("2026-03-20 09:05").sent == 0
    goes_live(rested)
    assert rested.tick("2026-03-20 09:06").sent == 1
