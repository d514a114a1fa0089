"""An operation on the disk that fails, whichever it is, ends the tick with a clean sentence or does no harm at all."""

from pathlib import Path

import pytest

from coopflow.errors import ExitCode
from tests.powercut import failing
from tests.powercut.failing import FAULTS, Outcomes
from tests.powercut.recording import OURS, made
from tests.powercut.working import Trial, fail, side_by_side

WORDS = {
    "EIO": ("met a disk error", "cannot be opened"),
    "ENOSPC": ("cannot grow: no space is left", "cannot be opened"),
    "ENOSPC, told as an I/O error": ("met a disk error",),
    "EROFS": ("is read-only for this user", "met a disk error", "cannot be opened"),
}


@pytest.fixture
def due(folder: Path) -> Path:
    """A family with a message before it."""
    return made(folder / "due", failing.FAMILIES, failing.STEPS)


def outcomes(due: Path, kind: str) -> Outcomes:
    given = [Trial(due, mode, kind, for_ever) for mode in OURS for for_ever in (False, True)]
    return sum(side_by_side(fail, given), Outcomes())


@pytest.mark.parametrize("kind", FAULTS)
def test_s04_s03_s01_an_operation_that_fails_once_or_for_ever_leaves_nothing_wrong(due: Path, kind: str) -> None:
    found = outcomes(due, kind)
    assert found.wrong == []
    assert found.runs > 400
    assert sum(found.errors.values()) + found.successes == found.runs
    assert all(any(words in sentence for words in WORDS[kind]) for sentence in found.errors), found.errors


def test_a_tick_that_a_disk_error_ends_has_the_exit_code_of_an_unusable_database() -> None:
    assert failing.CLEAN == (ExitCode.DATABASE_UNUSABLE, ExitCode.TEMPORARY)
