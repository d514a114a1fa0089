from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.world import World, world

# How long it takes to make an example says something of the machine, and nothing of what is tested.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture
def coop(tmp_path: Path) -> Iterator[World]:
    """A co-op whose messages are written to an outbox."""
    with world(tmp_path) as made:
        yield made


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[World]:
    """A co-op whose channels cannot dedupe, and answer as the story says."""
    with world(tmp_path, wires=True) as made:
        yield made


@pytest.fixture(autouse=True)
def _as_wide_as_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written does not depend on the window in which the tests were started."""
    monkeypatch.delenv("COLUMNS", raising=False)
