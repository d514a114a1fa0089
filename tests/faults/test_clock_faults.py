"""The faults of clocks, one by one: sent at the right moment, once, or a person decides (reliability, section 7 C)."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from coopflow.clock import accept_clock, time_for_tick
from coopflow.core.deliveries import Deferred, Delivery
from coopflow.core.durations import Duration
from coopflow.core.instants import parse_moment
from coopflow.core.model import Message
from coopflow.core.timing import (
    BUSINESS_HOURS,
    NeverOpens,
    OpenHours,
    Window,
    add,
    instant_of,
    next_open,
    zone,
)
from coopflow.core.wall_clock import Boot
from coopflow.errors import ClockHeld
from tests.oracle.comparing import compare
from tests.oracle.test_oracle import all_clocks
from tests.world import NEW_YORK, World, at, world

DONE = {"id": "done", "type": "end"}


def mail(**more: Any) -> dict[str, Any]:
    return {"id": "mail", "type": "email", "template_id": "hello", **more}


def text(**more: Any) -> dict[str, Any]:
    return {"id": "text", "type": "sms", "message": "Hi {{ family_name }}", **more}


def begin(world: World, *steps: dict[str, Any], **family: Any) -> int:
    world.has_workflow("w", [*steps, DONE])
    world.has_family("42", **family)
    return world.start("w", family="42")


def instant(utc: str) -> datetime:
    return datetime.fromisoformat(utc).replace(tzinfo=UTC)


def sent_at(world: World, *moments: datetime) -> list[datetime]:
    """Tick at these moments, each twice as two cron lines would; the moments at which a message left."""
    found = []
    for moment in moments:
        before = len(world.mails())
        for _ in range(2):
            world.tick(f"{moment:%Y-%m-%dT%H:%M:%SZ}")
        found += [moment] * (len(world.mails()) - before)
    return found


# -- both changes of the clocks -----------------------------------------------------------------------------------

SKIPPED = [  # a zone, a time that its clocks never show, the first instant after it
    ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00"),
    ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30"),  # half an hour
    ("Antarctica/Troll", "2026-03-29T02:30", "2026-03-29T01:00"),  # two hours
    ("America/Havana", "2026-03-08T00:30", "2026-03-08T05:00"),  # midnight itself
]
TWICE = [  # a zone, a time that its clocks show twice, the first of the two
    ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30"),
    ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45"),
    ("Antarctica/Troll", "2026-10-25T02:30", "2026-10-25T00:30"),
    ("America/Havana", "2026-11-01T00:30", "2026-11-01T04:30"),
]


@pytest.mark.parametrize(("key", "wall", "first"), SKIPPED)
def test_c01_due_inside_the_spring_gap_goes_once_at_the_first_instant_after(
    coop: World, key: str, wall: str, first: str
) -> None:
    coop.now = instant(first) - timedelta(hours=6)
    begin(coop, mail(scheduled_time=wall, window="always"), time_zone=key)
    due = instant(first)
    moments = [due + timedelta(minutes=number) for number in (-120, -60, -1, 0, 1, 60, 120)]
    assert sent_at(coop, *moments) == [due]


@pytest.mark.parametrize(("key", "wall", "first"), TWICE)
def test_c02_due_inside_the_fold_goes_once_at_the_first_of_the_two(
    coop: World, key: str, wall: str, first: str
) -> None:
    coop.now = instant(first) - timedelta(hours=6)
    begin(coop, mail(scheduled_time=wall, window="always"), time_zone=key)
    due = instant(first)
    moments = [due + timedelta(minutes=number) for number in (-60, -1, 0, 1, 30, 60, 120, 180)]
    assert sent_at(coop, *moments) == [due]


@pytest.mark.parametrize(
    ("start", "wait", "over"),
    [
        ("2026-03-07T14:00", "1 day", "2026-03-08T13:00"),  # 09:00 to 09:00: 23 hours
        ("2026-03-07T14:00", "24 hours", "2026-03-08T14:00"),  # 09:00 to 10:00
        ("2026-10-31T13:00", "1 day", "2026-11-01T14:00"),  # 09:00 to 09:00: 25 hours
        ("2026-10-31T13:00", "24 hours", "2026-11-01T13:00"),  # 09:00 to 08:00
    ],
)
def test_c03_a_day_keeps_the_wall_clock_and_24_hours_elapse(coop: World, start: str, wait: str, over: str) -> None:
    coop.now = instant(start)
    begin(coop, {"id": "pause", "type": "wait", "duration": wait}, mail(window="always"))
    coop.tick()
    assert sent_at(coop, instant(over) - timedelta(minutes=1), instant(over)) == [instant(over)]


@pytest.mark.parametrize(
    ("key", "wall", "first"),
    [
        ("America/Havana", "2026-03-08T00:00", "2026-03-08T05:00"),
        ("Asia/Beirut", "2026-03-29T00:00", "2026-03-28T22:00"),
        ("Africa/Cairo", "2026-04-24T00:00", "2026-04-23T22:00"),
        ("Pacific/Apia", "2011-12-30T00:00", "2011-12-30T10:00"),  # a day that never was
        ("Pacific/Apia", "2011-12-30T15:30", "2011-12-30T10:00"),
    ],
)
def test_c04_a_midnight_or_a_day_that_does_not_exist_is_the_first_instant_after(
    key: str, wall: str, first: str
) -> None:
    assert instant_of(datetime.fromisoformat(wall), zone(key)) == instant(first)


def test_c04_over_the_day_that_apia_never_had_three_days_are_three_days() -> None:
    apia = zone("Pacific/Apia")
    start = instant("2011-12-28T19:00")  # 09:00 there
    assert add(Duration(days=3), to=start, tz=apia).astimezone(apia).strftime("%d %H:%M") == "31 09:00"
    assert add(Duration(days=2), to=start, tz=apia).astimezone(apia).strftime("%d %H:%M") == "31 00:00"


@pytest.mark.parametrize(
    "key",
    [
        "Australia/Lord_Howe",
        "Antarctica/Troll",
        "Europe/Dublin",
        "Africa/Casablanca",
        "America/St_Johns",
        "Asia/Kathmandu",
    ],
)
def test_c05_the_oracle_agrees_about_odd_clocks(key: str) -> None:
    [number] = [number for number, clock in enumerate(all_clocks()) if key in clock.names]
    result = compare(all_clocks(), slice(number, number + 1), seed=5, rules_each=4, starts=1)
    assert [str(found) for found in result.disagreements] == []
    assert result.cases >= 4


# -- the data of the zones ----------------------------------------------------------------------------------------


def test_c06_time_zone_data_that_changes_while_a_step_waits_is_gone_by_and_both_times_are_on_record(
    coop: World,
) -> None:
    coop.engine.zone_data = "2026a"
    instance = begin(coop, mail(delay="4 days"))
    coop.tick()
    for table, column in (("workflow_queue", "scheduled_for"), ("workflow_instances", "next_execution_at")):
        coop.db.execute_sql(f"UPDATE {table} SET {column} = '2026-03-24T14:00:00Z'")  # noqa: S608 - as the old data had it
    coop.engine.zone_data = "2026b"
    coop.tick("2026-03-20 10:00")
    [changed] = [row for row in coop.store.looking.events(instance_id=instance) if row["kind"] == "step.replanned"]
    assert (changed["data"]["from"], changed["data"]["to"]) == ("2026-03-24T14:00:00Z", "2026-03-24T13:00:00Z")
    assert changed["data"]["reason"] == "time-zone data 2026a → 2026b"


def test_c07_a_family_in_a_zone_that_is_gone_is_held_and_named(coop: World) -> None:
    instance = begin(coop, mail(), time_zone="America/Atlantis")
    coop.tick()
    assert coop.mails() == []
    assert coop.status(instance) == "paused"
    [task] = coop.tasks()
    assert (
        "family 42 is in the time zone 'America/Atlantis', which the time-zone data does not have" in task.description
    )


# -- the clock of the machine -------------------------------------------------------------------------------------


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """How long the machine has been running, as far as coopflow can see."""
    seconds = [1_000_000]
    monkeypatch.setattr("coopflow.clock.boot", lambda: Boot("one", seconds[0]))
    return lambda passed: seconds.__setitem__(0, seconds[0] + int(passed.total_seconds()))


def clock_tick(coop: World, wall: datetime) -> bool:
    """One pass as the command makes it; False: the clock is not believed."""
    try:
        coop.now = time_for_tick(coop.store, wall=wall)
    except ClockHeld:
        return False
    coop.tick()
    return True


@pytest.mark.parametrize(
    ("back", "works"),
    [
        (timedelta(seconds=1), True),
        (timedelta(hours=1), False),
        (timedelta(days=1), False),
        (timedelta(days=3650), False),
        (at("2026-03-20 10:00") - datetime(1970, 1, 1, tzinfo=UTC), False),
    ],
)
def test_c08_a_clock_set_back_sends_nothing_again_and_keeps_no_lease_for_ever(
    coop: World, running: Callable[[timedelta], None], back: timedelta, works: bool
) -> None:
    begin(coop, mail(), mail(id="second", delay="2 hours"))
    assert clock_tick(coop, at("2026-03-20 10:00"))
    running(timedelta(minutes=1))
    assert clock_tick(coop, at("2026-03-20 10:00") - back) is works
    assert len(coop.mails()) == 1
    running(timedelta(hours=3))
    assert clock_tick(coop, at("2026-03-20 12:30"))
    assert len(coop.mails()) == 2


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=2), timedelta(days=400), timedelta(days=7300)])
def test_c09_a_clock_set_far_ahead_sends_no_burst(
    coop: World, running: Callable[[timedelta], None], ahead: timedelta
) -> None:
    weekly = [mail(id=f"m{number}", delay=f"{7 * number} days", **{"from": "start"}) for number in range(1, 40)]
    instance = begin(coop, *weekly)
    assert clock_tick(coop, at("2026-03-20 09:00"))
    running(timedelta(minutes=1))
    assert clock_tick(coop, at("2026-03-20 09:00") + ahead) is (ahead <= timedelta(days=1))
    assert coop.mails() == []
    assert coop.status(instance) == "pending"


def test_c09_if_a_person_says_that_it_is_right_what_is_too_late_goes_to_a_person(
    coop: World, running: Callable[[timedelta], None]
) -> None:
    instance = begin(coop, mail(delay="7 days"))
    clock_tick(coop, at("2026-03-20 09:00"))
    running(timedelta(minutes=1))
    later = at("2026-03-20 09:00") + timedelta(days=400)
    assert not clock_tick(coop, later)
    accept_clock(coop.store, wall=later, actor="sarah")
    assert clock_tick(coop, later)
    assert (coop.mails(), coop.status(instance)) == ([], "paused")


def test_c10_a_step_of_the_clock_between_two_ticks_leaves_the_audit_trail_in_order(
    coop: World, running: Callable[[timedelta], None]
) -> None:
    begin(coop, mail(), mail(id="second", delay="1 minute"))
    for wall in ("10:00:30", "10:00:29", "10:01:31", "10:01:30"):
        running(timedelta(minutes=1))
        assert clock_tick(coop, at(f"2026-03-20 {wall}"))
    rows = coop.db.execute_sql("SELECT event_id, at FROM event_log ORDER BY event_id").fetchall()
    assert all(one[0] + 1 == other[0] and one[1] <= other[1] for one, other in pairwise(rows))
    assert len(coop.mails()) == 2


@pytest.mark.parametrize("asleep", [timedelta(hours=8), timedelta(hours=12)])
def test_c11_a_machine_that_slept_between_body_and_last_call_asks_what_time_it_is(
    wired: World, asleep: timedelta
) -> None:
    wired.now = at("2026-03-20 14:00")
    instance = begin(wired, text())
    wired.engine.elapsed = lambda: asleep
    wired.tick()
    assert wired.wires["sms"].taken == []
    assert wired.status(instance) == "running"
    wired.engine.elapsed = timedelta
    wired.tick("2026-03-23 09:00")
    assert len(wired.wires["sms"].taken) == 1


# -- calendars ----------------------------------------------------------------------------------------------------


def test_c12_monthly_from_the_31st_and_yearly_from_29_february_do_not_drift() -> None:
    start = at("2026-01-31 09:00")
    days = [add(Duration(months=number), to=start, tz=NEW_YORK).astimezone(NEW_YORK) for number in range(1, 121)]
    lengths = {1: 31, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}
    assert all(day.day == lengths.get(day.month, 29 if day.year % 4 == 0 else 28) for day in days)
    assert all(day.hour == 9 for day in days)
    leap = at("2024-02-29 09:00")
    years = [add(Duration(months=12 * number), to=leap, tz=NEW_YORK).astimezone(NEW_YORK) for number in range(1, 101)]
    assert all(day.day == (29 if day.year % 4 == 0 and day.year != 2100 else 28) for day in years)
    assert all(day.month == 2 for day in years)


@pytest.mark.parametrize("minutes", range(0, 360, 15))
def test_c13_friday_evening_goes_to_monday_and_never_to_saturday(minutes: int) -> None:
    moment = at("2026-03-20 18:00") + timedelta(minutes=minutes)
    assert next_open(moment, [OpenHours((BUSINESS_HOURS,), NEW_YORK, {})]).at == at("2026-03-23 09:00")


@pytest.mark.parametrize("moment", ["2026-03-21 20:00", "2026-03-22 20:00", "2026-03-22 23:59", "2026-03-21 09:00"])
def test_c13_a_weekend_evening_goes_to_monday_and_not_to_tuesday(moment: str) -> None:
    assert next_open(at(moment), [OpenHours((BUSINESS_HOURS,), NEW_YORK, {})]).at == at("2026-03-23 09:00")


def test_c14_a_holiday_on_that_monday_and_a_closure_of_two_weeks_are_passed_over() -> None:
    monday = {date(2026, 3, 23): "Founders' day"}
    assert next_open(at("2026-03-20 19:00"), [OpenHours((BUSINESS_HOURS,), NEW_YORK, monday)]).at == at(
        "2026-03-24 09:00"
    )
    closure = {date(2026, 12, 21) + timedelta(number): "Winter break" for number in range(14)}
    assert next_open(at("2026-12-18 19:00"), [OpenHours((BUSINESS_HOURS,), NEW_YORK, closure)]).at == at(
        "2027-01-04 09:00"
    )


def test_c14_a_window_that_is_open_on_closed_days_only_never_opens() -> None:
    mondays = Window("mondays", (((480, 720),), (), (), (), (), (), ()))
    closed = {date(2026, 3, 16) + timedelta(weeks=number): "" for number in range(60)}
    with pytest.raises(NeverOpens, match="no opening of mondays within 366 days of Mon 23 Mar 2026"):
        next_open(at("2026-03-20 09:00"), [OpenHours((mondays,), NEW_YORK, closed)])


@pytest.mark.parametrize("server", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
@pytest.mark.parametrize(
    ("family", "sent"),
    [
        ("Pacific/Honolulu", "2026-03-20T19:00"),  # 09:00 there, 15:00 in New York
        ("America/New_York", "2026-03-20T13:00"),
        (None, "2026-03-20T13:00"),  # not known: the co-op's
    ],
)
def test_c15_the_familys_clock_counts_and_neither_the_servers_nor_the_co_ops(
    coop: World, monkeypatch: pytest.MonkeyPatch, server: str, family: str | None, sent: str
) -> None:
    monkeypatch.setenv("TZ", server)
    coop.now = at("2026-03-20 06:00")
    begin(coop, mail(), time_zone=family)
    hours = [instant("2026-03-20T10:00") + timedelta(minutes=30 * number) for number in range(24)]
    assert sent_at(coop, *hours) == [instant(sent)]


def test_c16_a_family_that_moves_zone_while_its_text_is_on_its_way_is_asked_about_at_the_last_call(
    wired: World,
) -> None:
    instance = begin(wired, text())
    deliver = wired.wires["sms"].deliver

    def moves_meanwhile(message: Message, last_call: Callable[[], bool]) -> Delivery:
        with closing(sqlite3.connect(wired.folder / "coopflow.db")) as other, other:
            other.execute("UPDATE families SET time_zone = 'Pacific/Auckland'")
        return deliver(message, last_call)

    wired.wires["sms"].deliver = moves_meanwhile  # type: ignore[method-assign]
    wired.tick("2026-03-20 10:00")  # 03:00 in Auckland
    assert wired.wires["sms"].taken == []
    assert wired.status(instance) == "running"
    assert "message.intended" in wired.trail(instance)


def test_c17_quiet_hours_that_begin_during_a_retry_are_kept(wired: World) -> None:
    wired.now = at("2026-03-20 20:57")
    begin(wired, text(window="always"))
    wired.wires["sms"].answers.append(Deferred("busy"))
    wired.tick()
    wired.ticks_until("2026-03-21 07:59", every=timedelta(minutes=1))
    assert wired.wires["sms"].taken == []
    wired.tick("2026-03-21 08:00")
    assert len(wired.wires["sms"].taken) == 1


def test_c17_quiet_hours_that_begin_inside_a_slow_exchange_are_seen_at_the_last_call(wired: World) -> None:
    wired.now = at("2026-03-20 20:55")
    instance = begin(wired, text(window="always"))
    wired.engine.elapsed = lambda: timedelta(minutes=9)
    wired.tick()
    assert wired.wires["sms"].taken == []
    assert "message.intended" in wired.trail(instance)
    wired.engine.elapsed = timedelta
    wired.tick("2026-03-21 08:00")
    assert len(wired.wires["sms"].taken) == 1


# -- lateness, and many at once -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("off", "mails", "paused"),
    [
        (timedelta(hours=1), 1, False),
        (timedelta(days=1), 1, False),
        (timedelta(days=10), 0, True),
        (timedelta(days=365), 0, True),
    ],
)
def test_c18_after_the_server_was_off_what_is_too_late_goes_to_a_person(
    coop: World, off: timedelta, mails: int, paused: bool
) -> None:
    coop.now = at("2026-03-17 09:00")  # a Tuesday
    instance = begin(coop, mail(delay="1 day"))
    coop.now = at("2026-03-18 09:00") + off
    coop.tick()
    assert (len(coop.mails()), coop.status(instance) == "paused") == (mails, paused)


def test_c19_many_that_are_due_in_one_minute_go_in_a_fair_order_and_none_is_starved(coop: World) -> None:
    coop.has_workflow("low", [mail(), DONE], priority=1)
    coop.has_workflow("high", [mail(), DONE], priority=9)
    for number in range(60):
        coop.has_family(str(number))
        coop.start("high" if number % 3 == 0 else "low", family=str(number))
    left = []
    for minute in range(6):  # 60 in tens: the sixth tick must have had the last
        coop.tick(f"2026-03-20 09:{minute:02}", limit=10)
        left.append(60 - len(coop.mails()))
        if minute == 1:
            done = coop.db.execute_sql("SELECT COUNT(*) FROM workflow_instances WHERE status = 'completed'").fetchone()
            urgent = coop.db.execute_sql(
                "SELECT COUNT(*) FROM workflow_instances i JOIN workflow_templates t USING (template_id)"
                " WHERE t.priority = 9 AND i.status = 'completed'"
            ).fetchone()
            assert (done[0], urgent[0]) == (20, 20)
    assert left == [50, 40, 30, 20, 10, 0]


def test_c20_of_the_same_moment_and_priority_the_older_goes_first(coop: World) -> None:
    coop.has_workflow("w", [mail(), DONE])
    for family in ("c", "a", "b"):
        coop.has_family(family)
        coop.start("w", family=family)
    order = []
    for _ in range(3):
        coop.tick(limit=1)
        rows = coop.db.execute_sql("SELECT family_id FROM workflow_instances WHERE status = 'completed'").fetchall()
        order.append({row[0] for row in rows} - {found for one in order for found in one})
    assert order == [{"c"}, {"a"}, {"b"}]


def test_c21_minutes_that_cron_skips_and_ticks_that_come_together_lead_to_the_same_end(tmp_path: Path) -> None:
    def lived(folder: Path, minutes: list[int]) -> tuple[Any, ...]:
        folder.mkdir()
        with world(folder) as coop:
            begin(coop, mail(), {"id": "pause", "type": "wait", "duration": "90 minutes"}, text())
            for minute in minutes:
                coop.tick(f"{at('2026-03-20 09:00') + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}")
            return coop.status(1), coop.attempts(1), len(coop.mails()), len(coop.texts())

    regular = lived(tmp_path / "regular", list(range(121)))
    assert lived(tmp_path / "skipping", [0, 0, 0, 7, 45, 45, 100, 100, 120]) == regular
    assert regular[0] == "completed"


@pytest.mark.parametrize(
    "edge",
    [
        datetime(2026, 3, 20, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 3, 21, 0, 0, 0, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC),
        datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
        datetime(2100, 2, 28, 23, 59, 59, tzinfo=UTC),
    ],
)
def test_c22_the_edges_of_days_and_of_other_clocks_are_nothing_special(coop: World, edge: datetime) -> None:
    coop.now = edge
    begin(
        coop,
        mail(window="always"),
        {"id": "pause", "type": "wait", "duration": "1 day"},
        mail(id="next", window="always"),
    )
    coop.tick()
    coop.tick(f"{edge + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}")
    assert len(coop.mails()) == 2


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z"])
def test_c22_a_year_that_is_a_stand_in_for_never_is_refused(moment: str) -> None:
    with pytest.raises(ValueError, match="is not between the years 1970 and 2999"):
        parse_moment(moment)


def test_c23_the_time_zone_of_the_host_has_no_effect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def planned(name: str, host: str) -> Any:
        monkeypatch.setenv("TZ", host)
        (tmp_path / name).mkdir()
        with world(tmp_path / name) as coop:
            instance = begin(coop, text(delay="3 days"))
            [entry] = coop.case(instance).entries.values()
            return entry.scheduled_for, entry.reason

    found = [planned(f"h{number}", host) for number, host in enumerate(["UTC", "Asia/Tokyo", "nonsense", ""])]
    assert len(set(found)) == 1


def test_c24_a_leap_second_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="is a leap second, which no clock here can show; write ':59'"):
        parse_moment("2016-12-31T23:59:60Z")
