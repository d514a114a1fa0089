"""Whether the clock can be believed: by what the last tick saw, and by how long the machine has been running."""

from datetime import UTC, datetime, timedelta

import pytest

from coopflow.core.wall_clock import Boot, Seen, judge_clock

LAST = datetime(2026, 3, 20, 13, 0, tzinfo=UTC)
HOUR, DAY, YEAR = timedelta(hours=1), timedelta(days=1), timedelta(days=365)


def judged(moved: timedelta, *, running: timedelta | None = None, rebooted: bool = False) -> tuple[timedelta, bool]:
    """How far `now` is from the last tick, and whether nothing is done; `running`: how long the machine has been."""
    started = Boot("one", 1000)
    boot = None if running is None else Boot("two" if rebooted else "one", 1000 + int(running.total_seconds()))
    clock = judge_clock(LAST + moved, last=Seen(LAST, started), boot=boot)
    return clock.now - LAST, clock.held is not None


def test_the_first_tick_of_all_goes_by_what_the_clock_shows() -> None:
    assert judge_clock(LAST, last=None, boot=None).now == LAST


@pytest.mark.parametrize(
    ("moved", "running", "now", "held"),
    [
        (HOUR, HOUR, HOUR, False),
        (timedelta(seconds=-1), timedelta(seconds=59), timedelta(0), False),  # as a time server corrects
        (timedelta(minutes=-5), HOUR, timedelta(0), False),
        (timedelta(minutes=-5, seconds=-1), HOUR, timedelta(0), True),
        (-HOUR, HOUR, timedelta(0), True),
        (-DAY, HOUR, timedelta(0), True),
        (-10 * YEAR, HOUR, timedelta(0), True),
        (LAST.replace(year=1970) - LAST, HOUR, timedelta(0), True),
        (HOUR, timedelta(0), HOUR, False),
        (DAY, timedelta(0), DAY, False),
        (DAY + timedelta(seconds=1), timedelta(0), DAY + timedelta(seconds=1), True),
        (20 * YEAR, HOUR, 20 * YEAR, True),
        (30 * DAY, 30 * DAY, 30 * DAY, False),  # nobody looked for a month, and the machine ran all the time
    ],
)
def test_within_one_start_of_the_machine_every_step_of_the_clock_is_seen(
    moved: timedelta, running: timedelta, now: timedelta, held: bool
) -> None:
    assert judged(moved, running=running) == (now, held)


@pytest.mark.parametrize(
    ("moved", "held"), [(HOUR, False), (30 * DAY, False), (366 * DAY, False), (367 * DAY, True), (-HOUR, True)]
)
def test_a_machine_that_was_off_may_have_been_off_for_a_year_and_no_longer(moved: timedelta, held: bool) -> None:
    assert judged(moved, running=HOUR, rebooted=True)[1] is held


def test_where_the_system_does_not_tell_a_year_is_the_measure() -> None:
    assert judged(30 * DAY)[1] is False
    assert judged(367 * DAY)[1] is True


@pytest.mark.parametrize(
    ("moved", "words"),
    [
        (
            -2 * DAY,
            "the clock has gone back by 2 days: it shows 2026-03-18T13:00:00Z, and the last tick was at"
            " 2026-03-20T13:00:00Z",
        ),
        (
            12 * YEAR,
            "the clock has jumped ahead by 11 years: it shows 2038-03-17T13:00:00Z, 1 hour after the last tick at"
            " 2026-03-20T13:00:00Z",
        ),
        (
            1461 * DAY + HOUR,
            "the clock has jumped ahead by 4 years: it shows 2030-03-20T14:00:00Z, 1 hour after the last tick at"
            " 2026-03-20T13:00:00Z",
        ),
    ],
)
def test_what_is_wrong_is_said_with_both_times(moved: timedelta, words: str) -> None:
    assert judge_clock(LAST + moved, last=Seen(LAST, Boot("one", 0)), boot=Boot("one", 3600)).held == words


@pytest.mark.parametrize(
    ("back", "words"),
    [
        (timedelta(seconds=301), "5 minutes"),
        (timedelta(minutes=60), "1 hour"),
        (timedelta(minutes=59, seconds=59), "59 minutes"),
        (timedelta(hours=12), "12 hours"),
        (DAY, "1 day"),
        (30 * DAY, "30 days"),
    ],
)
def test_how_far_the_clock_went_back_is_told_in_the_largest_unit(back: timedelta, words: str) -> None:
    held = judge_clock(LAST - back, last=Seen(LAST), boot=None).held
    assert str(held).startswith(f"the clock has gone back by {words}: it shows")
