from datetime import timedelta

import pytest

from coopflow.core.deliveries import Accepted, Deferred, Delivery, Refused, Unavailable, Unknown, Withdrawn
from coopflow.core.transports import ENOUGH, PAUSE, Trouble, after
from tests.world import at

NINE = at("2026-03-20 09:00")
LATER = at("2026-03-20 09:20")
DOWN = Unavailable("connection refused")


def troubled(*fates: Delivery) -> Trouble | None:
    trouble = None
    for fate in fates:
        trouble = after(trouble, fate, at=NINE, settings="s")
    return trouble


@pytest.mark.parametrize(
    ("fates", "held"),
    [
        ([DOWN], False),
        ([DOWN] * (ENOUGH - 1), False),
        ([DOWN] * ENOUGH, True),
        ([Unknown("no answer")] * ENOUGH, True),
        ([DOWN, Unknown("no answer"), DOWN], True),
        ([DOWN, Refused("no such address"), Withdrawn(), DOWN, DOWN], True),
        ([Unavailable("bad password", until_mended=True)], True),
    ],
)
def test_so_many_failures_in_a_row_hold_a_transport(fates: list[Delivery], held: bool) -> None:
    trouble = troubled(*fates)
    assert trouble is not None
    assert trouble.held == held


@pytest.mark.parametrize("success", [Accepted(), Deferred("come back")])
def test_an_answer_from_the_other_side_ends_the_row(success: Delivery) -> None:
    assert troubled(DOWN, DOWN, DOWN, success) is None


@pytest.mark.parametrize("fate", [Refused("no such address"), Withdrawn()])
def test_what_needed_no_transport_says_nothing_about_it(fate: Delivery) -> None:
    assert troubled(fate) is None
    assert troubled(DOWN, fate) == troubled(DOWN)


def test_the_latest_reason_is_kept_with_the_time_of_the_first_failure() -> None:
    trouble = after(troubled(DOWN), Unavailable("name not found"), at=LATER)
    assert trouble is not None
    assert (trouble.reason, trouble.since, trouble.tried_at) == ("name not found", NINE, LATER)


def test_what_is_held_rests_until_its_time_or_until_its_settings_change() -> None:
    trouble = troubled(DOWN, DOWN, DOWN)
    assert trouble is not None
    assert trouble.rests(NINE, settings="s")
    assert trouble.rests(NINE + PAUSE - timedelta(seconds=1), settings="s")
    assert not trouble.rests(NINE + PAUSE, settings="s")
    assert not trouble.rests(NINE, settings="other")
    assert not trouble.rests(NINE - timedelta(days=1), settings="s")  # the clock was set back
    one = troubled(DOWN)
    assert one is not None
    assert not one.rests(NINE, settings="s")
