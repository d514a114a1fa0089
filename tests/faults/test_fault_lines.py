"""Every test that the page of faults names is there."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "evidence" / "fault-lines.md"
LAST = {"P": 27, "S": 35, "T": 40, "C": 24, "Y": 30, "D": 34, "H": 39, "O": 35}
NAMED = sorted(set(re.findall(r"`([a-z_/]+\.py)::(test_\w+)`", PAGE.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_fault_is_held_by_a_test_that_is_there(file: str, name: str) -> None:
    assert re.search(rf"^def {name}\(", (TESTS / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_line_is_answered() -> None:
    text = PAGE.read_text(encoding="utf-8")
    lines = [f"{letter}{number:02}" for letter, last in LAST.items() for number in range(1, last + 1)]
    assert [line for line in lines if line not in text] == []
    assert len(NAMED) > 300
