"""A co-op that has written to families, and what comes in from them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coopflow.channels.base import Accepted
from coopflow.inbox.receiving import receive_one
from coopflow.inbox.source import Arrived
from coopflow.inbox.taking import Ours, Taken, take
from tests.world import World, world

OURS = Ours(addresses=frozenset({"sarah@example.org"}), region="US")
ANSWERED = {"field": "email_response_received", "operator": "==", "value": True}
REPLIED = {"field": "sms_response_received", "operator": "==", "value": True}
OPTED_OUT = {"field": "opted_out", "operator": "==", "value": True}
HELLO = {"id": "hello", "name": "First mail", "type": "email", "template_id": "hello", "on_failure": "text"}
PAUSE = {"id": "pause", "name": "Three days", "type": "wait", "duration": "3 days"}
TEXT = {"id": "text", "name": "A text", "type": "sms", "message": "Can we chat?"}
REST = {"id": "rest", "type": "wait", "duration": "2 days"}
CALL = {"id": "call", "name": "A call", "type": "call", "reason": "No answer"}
STEPS = [HELLO, PAUSE, TEXT, REST, CALL]


@dataclass
class Desk:
    """A world whose messages go to wires, and an inbox into which anything can be put."""

    world: World

    def has_written(self, family: str = "42", steps: list[Any] | None = None, **workflow: Any) -> int:
        """Friday at 9: the family gets its first message."""
        name = workflow.pop("name", "outreach")
        workflow.setdefault("completion_criteria", {"any": [ANSWERED, REPLIED, OPTED_OUT]})
        self.world.has_workflow(name, steps or STEPS, **workflow)
        if family not in self.world.store.families([family]):
            self.world.has_family(family)
        instance = self.world.start(name, family=family)
        self.world.wires["sms"].answers = [Accepted(f"SM{number}") for number in range(1, 9)]
        self.world.tick()
        return instance

    def sent(self, instance: int, channel: str = "email") -> str:
        """The Message-ID of the last message of an instance."""
        rows = self.world.store.looking.attempts(instance)
        return str([row["message_id"] for row in rows if row["step_type"] == channel and row["message_id"]][-1])

    def mail(self, content: bytes, *, source: str = "test", number: str | None = None) -> Taken:
        arrived = Arrived(provider_id=number or str(hash(content)), content=content, kind="mail", at=self.world.now)
        taken = take(self.world.store, source, arrived, OURS, now=self.world.now)
        self.world.check()
        return taken

    def call(self, kind: str | None, fields: Mapping[str, Any] | str) -> Taken:
        """A web hook calls: a form, or JSON from a mapping."""
        content = fields if isinstance(fields, str) else json.dumps(fields)
        taken = receive_one(self.world.store, content.encode(), kind, "hook", OURS, name="<stdin>", now=self.world.now)
        self.world.check()
        return taken

    def kinds(self, family: str = "42") -> list[str]:
        """What happened to a family, from outside and inside, without what happened to its instances."""
        return [str(row["kind"]) for row in self.world.store.looking.events(family_id=family)]

    def items(self, **wanted: Any) -> list[Any]:
        return list(self.world.store.inbox.items(**wanted))

    def output(self, instance: int, step: str) -> Any:
        rows = self.world.store.looking.attempts(instance)
        return next(row["output_data"] for row in rows if row["step_id"] == step and row["output_data"])

    def planned(self, instance: int) -> str:
        [entry] = self.world.case(instance).entries.values()
        assert entry.scheduled_for is not None
        return entry.scheduled_for.astimezone(self.world.coop.calendar.tz).strftime("%a %H:%M")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with world(tmp_path, wires=True) as made:
        yield Desk(made)
