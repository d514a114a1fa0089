"""A co-op with many families on the same six-step workflow, all due at once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.filling import Copy, Original, fill
from benchmarks.peers.job import DATABASE
from coopflow.channels.outbox import Outbox
from coopflow.composing import Composer
from coopflow.core.facts import BUILT_IN_EVENTS
from coopflow.core.instants import parse_instant
from coopflow.core.model import Coop, Family
from coopflow.core.timing import Calendar, zone
from coopflow.sending import Post
from coopflow.store.database import create, open_database
from coopflow.store.store import Store
from coopflow.tick import Engine
from coopflow.triggers import start_by_hand

REPLY = {"field": "email_response_received", "operator": "==", "value": True}
MESSAGES = {"hello": {"": "---\nsubject: Hello\n---\nDear {{ family_name }} family, how are you?"}}

# The pattern's sample with its messages turned into tasks: every step stays in the database.
IN_HOUSE: list[dict[str, Any]] = [
    {"id": "first", "type": "task", "description": "Write to the family"},
    {"id": "wait", "type": "wait", "duration": "3 days", "until": {"event": "email_response_received"}},
    {"id": "check", "type": "condition", "condition": REPLY, "if_true_step": "done", "if_false_step": "second"},
    {"id": "second", "type": "task", "description": "Text the family"},
    {"id": "call", "type": "call", "delay": "2 days", "reason": "No answer"},
    {"id": "done", "type": "end"},
]
# The sample itself, with an email and a text written to the outbox.
WITH_MESSAGES: list[dict[str, Any]] = [
    {"id": "first", "type": "email", "template_id": "hello"},
    *IN_HOUSE[1:3],
    {"id": "second", "type": "sms", "message": "Hi {{ family_name }}, can we chat?"},
    *IN_HOUSE[4:],
]
ORIGINAL = 9_000_000  # the family whose instance the others are copies of
TICKS = ("2026-03-20T13:00:00Z", "2026-03-23T13:00:00Z", "2026-03-25T13:00:00Z")  # 09:00 on three days in New York


@dataclass
class World:
    """An open co-op and its engine."""

    engine: Engine
    folder: Path

    @property
    def store(self) -> Store:
        return self.engine.store

    def close(self) -> None:
        self.engine.post.close()
        self.store.db.close()


def make_world(folder: Path, steps: list[dict[str, Any]], instances: int, *, families: int = 0) -> World:
    """A fresh database with so many instances at their first step, due at the first of TICKS, a family for each."""
    now = parse_instant(TICKS[0])
    (folder / "outbox").mkdir()
    create(folder / DATABASE).close()
    world = open_world(folder)
    store = world.store
    with store.transaction():
        store.templates.add(
            data={"name": "sample", "trigger": {"type": "manual"}, "steps": steps, "completion_criteria": REPLY},
            messages=MESSAGES,
            version=1,
            source_path="sample.yaml",
            source_hash="1",
            active=True,
            now=now,
        )
        store.save_families([family(number) for number in (ORIGINAL, *range(families))], now=now)
        if instances:
            start_by_hand(store, "sample", str(ORIGINAL), values={}, actor="bench", now=now)
    if instances:
        started = Original(store.db.connection(), 1)
        fill(folder / DATABASE, ((started, Copy(family=number)) for number in range(instances - 1)))
    return world


def family(number: int) -> Family:
    return Family(
        family_id=str(number),
        family_name=f"Family {number}",
        email=f"family{number}@example.org",
        phone=f"+1212{number:07}",
        time_zone="America/New_York",
    )


def open_world(folder: Path) -> World:
    """The co-op that is in a folder."""
    coop = Coop(
        organisation="Bench",
        calendar=Calendar.default(zone("America/New_York")),
        coordinators={"sarah": {}},
        known_events=frozenset(BUILT_IN_EVENTS),
    )
    store = Store(open_database(folder / DATABASE), coop)
    post = Post({name: Outbox(name, folder / "outbox") for name in ("email", "sms")}, max_concurrent=10)
    return World(Engine(store, post, Composer(database_id=store.database_id, domain="example.org")), folder)
