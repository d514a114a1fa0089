"""A co-op on disk that several processes work on, and what must be true of it in the end."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from coopflow.channels.base import Channel
from coopflow.channels.outbox import Outbox
from coopflow.composing import Composer
from coopflow.core.facts import BUILT_IN_EVENTS
from coopflow.core.invariants import broken_promises
from coopflow.core.model import Coop, Family
from coopflow.core.timing import Calendar
from coopflow.sending import Post
from coopflow.store.database import open_database
from coopflow.store.log import Verified, verify
from coopflow.store.store import Store
from coopflow.tick import Engine
from coopflow.triggers import start_by_hand
from tests.world import NEW_YORK, World

COOP = Coop(
    organisation="Willow Creek",
    calendar=Calendar.default(NEW_YORK),
    coordinators={"sarah": {"email": "sarah@example.org"}, "director": {}},
    known_events=frozenset(BUILT_IN_EVENTS),
)
MAIL = [{"id": "mail", "type": "email", "template_id": "hello"}, {"id": "done", "type": "end"}]


def fill(world: World, count: int, steps: object = MAIL, **columns: object) -> None:
    """So many families with an instance that is due, in one transaction."""
    world.has_workflow("outreach", steps)  # type: ignore[arg-type]
    families = [
        Family(
            family_id=str(n),
            family_name=f"Family {n}",
            email=f"family{n}@example.org",
            phone=f"+1212555{142 + n:04}",
            **columns,
        )  # type: ignore[arg-type]
        for n in range(1, count + 1)
    ]
    with world.store.transaction():
        world.store.save_families(families, now=world.now)
        for family in families:
            start_by_hand(world.store, "outreach", family.family_id, values={}, actor="sarah", now=world.now)


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    """The co-op's store, by a connection of its own."""
    db = open_database(folder / "coopflow.db")
    try:
        yield Store(db, COOP)
    finally:
        db.close()


@contextmanager
def engine(folder: Path, channels: Mapping[str, Channel] | None = None, *, concurrent: int = 4) -> Iterator[Engine]:
    """A tick's engine in this process."""
    given = channels or {name: Outbox(name, folder / "outbox") for name in ("email", "sms")}
    with opened(folder) as store:
        post = Post(given, max_concurrent=concurrent)
        try:
            yield Engine(store, post, Composer(database_id=store.database_id, domain="example.org"))
        finally:
            post.close()


def files(folder: Path) -> dict[str, list[str]]:
    """The keys of the messages in the outbox by family, as the messages themselves say it."""
    found: dict[str, list[str]] = {}
    for path in sorted((folder / "outbox").glob("email/*.eml")):
        words = path.read_text()
        family = words.split("To: family")[1].split("@")[0]
        found.setdefault(family, []).append(path.stem)
    for path in sorted((folder / "outbox").glob("sms/*.json")):
        found.setdefault(json.loads(path.read_text())["family_id"], []).append(path.stem)
    return found


def ledger(store: Store, *statuses: str) -> Counter[str]:
    """The keys of the attempts at messages that have one of these states."""
    rows = store.db.execute_sql(
        "SELECT idempotency_key, status FROM workflow_step_executions WHERE message_id IS NOT NULL"
    )
    return Counter(key for key, status in rows if status in statuses)


def assert_sound(store: Store) -> None:
    """Nothing is stuck, nothing is half done, and the trail is whole."""
    ids = [row[0] for row in store.db.execute_sql("SELECT instance_id FROM workflow_instances")]
    with store.transaction():
        broken = {case.instance.instance_id: broken_promises(case) for case in store.cases.load(ids)}
    assert {instance: problems for instance, problems in broken.items() if problems} == {}
    assert isinstance(verify(store.db), Verified)
