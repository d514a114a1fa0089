"""The page of simulated months tells of seeds that were run in several goes, each of them once."""

import pytest

from tests.simulation.page import Figures, before, page, together

GOES = [
    Figures(1, 2000, 1, 64_046, 233_897, 8_016, 2_274, 12.5, "2026-11-28", "0.1.0 0123456789"),
    Figures(2001, 3000, 0, 96_069, 350_845, 12_024, 3_411, 1_018.7, "2026-11-29", "0.1.0"),
]


def test_a_page_goes_on_where_it_ends_and_tells_of_all_goes_together() -> None:
    text = page(GOES)
    assert before(5001, text) == GOES
    assert "| seeds | 5,000 (from 1) |\n| broken invariants | 1 |" in text
    assert together(GOES).commits == 584_742
    assert before(1, text) == []


@pytest.mark.parametrize("first", [2, 5000, 5002])
def test_a_page_has_neither_a_gap_nor_an_overlap(first: int) -> None:
    with pytest.raises(SystemExit, match=f"ends with seed 5000: go on with 5001, not with {first}, or start anew"):
        before(first, page(GOES))


def test_a_page_without_goes_begins_with_the_first_seed() -> None:
    with pytest.raises(SystemExit, match="no goes yet: begin with seed 1"):
        before(5001, "# A page of old\n")
