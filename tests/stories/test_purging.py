"""What `purge` must leave, since rules still look at it: else a family would hear of the same thing once more."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from coopflow.core.durations import Duration
from coopflow.core.pressure import Cap, Limits
from coopflow.errors import NotAllowed
from coopflow.keeping.purging import purge, require_old_enough
from coopflow.store.store import Store
from tests.world import World, at

END = [{"id": "end", "type": "end"}]


def look_soon(world: World) -> None:
    with world.store.transaction():
        world.store.schedules.look_soon(now=world.now)


def began(world: World) -> list[str]:
    rows = world.db.execute_sql("SELECT triggered_by FROM workflow_instances WHERE triggered_by GLOB 'schedule:*'")
    return [row[0] for row in rows]


@pytest.mark.parametrize(
    ("rule", "date", "later", "refused", "fine"),
    [
        ("6 months before renewal_date", "2026-09-16", "2026-09-15 09:00", 186, 187),
        ("1 year before renewal_date", "2027-03-16", "2027-03-15 09:00", 367, 369),
        ("100 days before renewal_date", "2026-06-24", "2026-06-23 09:00", 102, 104),
    ],
)
def test_what_a_date_has_started_stays_while_the_date_is_ahead(
    coop: World, rule: str, date: str, later: str, refused: int, fine: int
) -> None:
    """Once it were purged, nothing would say that it was had, and it would begin again."""
    coop.now = at("2026-03-15 12:00")
    coop.has_family("42", attributes={"renewal_date": date})
    coop.has_workflow("news", END, trigger={"type": "schedule", "on": rule})
    look_soon(coop)
    coop.tick("2026-03-16 09:00")
    assert began(coop) == [f"schedule:{rule} = {date}"]

    now = coop.now = at(later)
    with pytest.raises(NotAllowed, match=f"'news' starts {rule}, and what it has started for a date that is still"):
        require_old_enough(coop.store, now - timedelta(days=refused), now=now)

    before = now - timedelta(days=fine)
    require_old_enough(coop.store, before, now=now)
    coop.starts("news", family="42")  # the youngest row stays whatever its age
    purge(coop.store, coop.folder / "archive.db", before, actor="sarah", now=now)
    look_soon(coop)
    coop.tick(later)
    assert began(coop) == [f"schedule:{rule} = {date}"]


def test_what_comes_after_a_date_may_go_as_soon_as_anything(coop: World) -> None:
    coop.has_workflow("news", END, trigger={"type": "schedule", "on": "2 years after renewal_date"})
    now = at("2026-09-15 09:00")
    require_old_enough(coop.store, now - timedelta(days=91), now=now)


@pytest.mark.parametrize(
    "limits",
    [
        {"per_family": Cap(12, Duration(months=12))},
        {"per_address": Cap(12, Duration(months=12))},
        {"per_channel": {"sms": Cap(1, Duration(days=370))}},
    ],
)
def test_messages_that_the_limits_count_stay(coop: World, limits: dict[str, Any]) -> None:
    now = at("2026-09-15 09:00")
    store = Store(coop.db, replace(coop.coop, limits=Limits(**limits)))
    with pytest.raises(NotAllowed, match=r"the limits of coopflow.yaml count the messages of up to 37\d days"):
        require_old_enough(store, now - timedelta(days=365), now=now)
    require_old_enough(store, now - timedelta(days=375), now=now)
