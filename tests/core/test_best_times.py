"""A family's own best hour, as it stands among its attributes."""

import pytest

from coopflow.core.best_times import best_hour


@pytest.mark.parametrize(
    ("value", "hour"),
    [
        *((0, 0), (23, 23), ("0", 0), ("9", 9), ("09", 9)),
        *((value, None) for value in (24, -1, "24", "²", "", True, None, 9.0)),
    ],
)
def test_a_best_hour_is_one_of_the_day(value: object, hour: int | None) -> None:
    assert best_hour(value) == hour
