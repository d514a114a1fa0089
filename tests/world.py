"""A co-op for the tests: a real database and a real outbox in a temporary folder, and a clock that is moved by hand.

Stories read as a coordinator would tell them: what was set up, what happened, what was then the case.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from coopflow.acting import act, finish_task
from coopflow.channels.addresses import likely_zones
from coopflow.channels.outbox import Outbox
from coopflow.composing import Composer
from coopflow.core.case import Case
from coopflow.core.deliveries import Accepted, Delivery, Withdrawn
from coopflow.core.facts import BUILT_IN_EVENTS
from coopflow.core.instants import parse_instant
from coopflow.core.invariants import broken_promises
from coopflow.core.model import Coop, Family, Message, Prediction, Task
from coopflow.core.timing import Calendar, zone
from coopflow.events import take_event
from coopflow.schedules import keep_schedules
from coopflow.sending import Post
from coopflow.starts import Result
from coopflow.store.database import create, open_database
from coopflow.store.log import Verified, verify
from coopflow.store.store import Store
from coopflow.tick import Engine, TickReport, tick
from coopflow.triggers import start_by_hand, take_predictions

NEW_YORK = zone("America/New_York")
CHANNELS = ("email", "sms", "http", "command")
FRIDAY = "2026-03-20"  # after the March clock change, no holiday near


def at(text: str) -> datetime:
    """'2026-03-20 09:00' on New York's wall clock, or an instant ending in Z."""
    if text.endswith("Z"):
        return parse_instant(text)
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


@dataclass
class Wire:
    """A channel that does not dedupe, as a mail server does not: it answers as the story tells it to."""

    name: str
    transport: str = "wire"
    dedupes: bool = False
    taken: list[Message] = field(default_factory=list)  # what really arrived, whatever coopflow believes
    answers: list[Delivery | Callable[[Message], Delivery]] = field(default_factory=list)

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        answer = self.answers.pop(0) if self.answers else Accepted("250 ok")
        if not isinstance(answer, Accepted) and not callable(answer):
            return answer
        if not last_call():
            return Withdrawn()
        if callable(answer):
            return answer(message)
        self.taken.append(message)
        return answer

    def close(self) -> None:
        pass


class World:
    """One co-op."""

    def __init__(self, folder: Path, *, wires: bool = False, again: bool = False) -> None:
        """`again`: the one that was made in this folder before."""
        self.folder = folder
        self.outbox = folder / "outbox"
        self.outbox.mkdir(exist_ok=again)
        self.coop = Coop(
            organisation="Willow Creek",
            calendar=Calendar.default(NEW_YORK),
            coordinators={"sarah": {"email": "sarah@example.org", "phone": None}, "mike": {}, "director": {}},
            known_events=frozenset(BUILT_IN_EVENTS),
        )
        if not again:
            create(folder / "coopflow.db", new_id=lambda: "test").close()
        self.db = open_database(folder / "coopflow.db")
        self.store = Store(self.db, self.coop, zones_of_phone=likely_zones)
        self.wires = {name: Wire(name) for name in CHANNELS}
        channels = self.wires if wires else {name: Outbox(name, self.outbox) for name in CHANNELS}
        self.engine = Engine(
            self.store,
            Post(channels, max_concurrent=4),
            Composer(database_id=self.store.database_id, domain="example.org"),
        )
        self.now = at(f"{FRIDAY} 09:00")
        self._phones: dict[str, int] = {}

    def close(self) -> None:
        self.engine.post.close()
        self.db.close()

    # -- setting up -----------------------------------------------------------------------------------------------

    def has_workflow(
        self, name: str, steps: Sequence[Mapping[str, Any]], *, messages: Mapping[str, str] | None = None, **rest: Any
    ) -> None:
        """A workflow from plain data, as the loader would store it; an existing one gets a new version."""
        texts = {
            key: {"": text}
            for key, text in (messages or {"hello": "---\nsubject: Hello\n---\nDear {{ family_name }}."}).items()
        }
        trigger = rest.pop("trigger", {"type": "manual"})
        data = {"name": name, "trigger": trigger, "steps": list(steps), **rest}
        with self.store.transaction():
            version = len(self.store.templates.versions(name)) + 1
            self.store.templates.add(
                data=data,
                messages=texts,
                version=version,
                source_path=f"{name}.yaml",
                source_hash=json.dumps(data, sort_keys=True, default=str),
                active=True,
                now=self.now,
            )
            keep_schedules(self.store, now=self.now)

    def has_family(self, family_id: str, **columns: Any) -> None:
        given = {
            "family_name": f"Family {family_id}",
            "email": f"family{family_id}@example.org",
            "phone": self._a_phone(family_id),
            "time_zone": "America/New_York",
            **columns,
        }
        family = Family(family_id=family_id, **given)
        with self.store.transaction():
            self.store.save_families([family], now=self.now)
            self.store.add_scores([family], now=self.now)

    def _a_phone(self, family_id: str) -> str:
        """A number of its own for each family; the first one's is +12125550142."""
        return f"+1212555{142 + self._phones.setdefault(family_id, len(self._phones)):04}"

    def changes_family(self, family_id: str, **columns: Any) -> None:
        with self.store.transaction():
            family = replace(self.store.families([family_id])[family_id], **columns)
            self.store.save_families([family], now=self.now)

    # -- what happens -----------------------------------------------------------------------------------------------

    def start(self, workflow: str, *, family: str, **values: Any) -> int:
        result = self.starts(workflow, family=family, **values)
        assert result.instance_id is not None, result.reason
        return result.instance_id

    def starts(self, workflow: str, *, family: str, **values: Any) -> Result:
        with self.store.transaction():
            return start_by_hand(self.store, workflow, family, values=values, actor="sarah", now=self.now)

    def predicts(
        self, family: str, probability: float, confidence: float, *, number: str | None = None, **rest: Any
    ) -> list[Result]:
        prediction = Prediction(
            prediction_id=number or f"p{family}-{probability}-{confidence}",
            family_id=family,
            predicted_probability=probability,
            confidence_score=confidence,
            **rest,
        )
        with self.store.transaction():
            return take_predictions(self.store, [prediction], now=self.now)

    def event(self, kind: str, *, family: str, **data: Any) -> list[Result]:
        with self.store.transaction():
            _, _, results = take_event(self.store, kind, family, data=data, actor="test", now=self.now)
        self.check()
        return results

    def tick(self, when: str | None = None, **limits: Any) -> TickReport:
        if when is not None:
            self.now = at(when)
        report = tick(self.engine, now=self.now, **limits)
        self.check()
        return report

    def ticks_until(self, when: str, *, every: timedelta = timedelta(hours=1)) -> None:
        end = at(when)
        while self.now < end:
            self.now += every
            self.tick()

    def does(self, verb: Callable[..., None], instance: int, **arguments: Any) -> str | None:
        """A person's verb; answers with the refusal, if it was refused."""
        arguments.setdefault("reason", None) if verb.__name__ != "note" else None
        [result] = act(
            self.store, [instance], lambda case: verb(case, now=self.now, **arguments), actor="sarah", now=self.now
        )
        self.check()
        return result.problem

    def closes(self, task: Task, outcome: str | None = None, note: str | None = None) -> None:
        assert task.task_id is not None
        finish_task(self.store, task.task_id, outcome=outcome, note=note, actor="sarah", now=self.now)
        self.check()

    # -- what is then the case --------------------------------------------------------------------------------------

    def case(self, instance: int) -> Case:
        return self.store.cases.load([instance])[0]

    def status(self, instance: int) -> str:
        return str(self.case(instance).instance.status)

    def step(self, instance: int) -> str | None:
        return self.case(instance).instance.current_step

    def tasks(self, family: str | None = None) -> list[Task]:
        return self.store.desk.tasks(family_id=family)

    def mails(self) -> list[Any]:
        """Every mail in the outbox, parsed."""
        files = sorted((self.outbox / "email").glob("*.eml")) if (self.outbox / "email").exists() else []
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]

    def texts(self) -> list[dict[str, Any]]:
        files = sorted((self.outbox / "sms").glob("*.json")) if (self.outbox / "sms").exists() else []
        return [json.loads(file.read_text()) for file in files]

    def trail(self, instance: int) -> list[str]:
        """The kinds of the instance's entries in the audit trail."""
        return [str(row["kind"]) for row in self.store.looking.events(instance_id=instance)]

    def attempts(self, instance: int) -> list[tuple[str, str]]:
        return [(row["step_id"], row["status"]) for row in self.store.looking.attempts(instance)]

    def check(self) -> None:
        """Nothing is stuck, nothing is half done, and the trail is whole."""
        ids = [row[0] for row in self.db.execute_sql("SELECT instance_id FROM workflow_instances")]
        for start in range(0, len(ids), 500):  # years of a large co-op do not fit into memory at once
            for case in self.store.cases.load(ids[start : start + 500]):
                assert broken_promises(case) == [], f"instance {case.instance.instance_id}"
        assert isinstance(verify(self.db), Verified)


@contextmanager
def world(folder: Path, **options: Any):  # type: ignore[no-untyped-def]
    """A world that is closed in the end."""
    made = World(folder, **options)
    try:
        yield made
    finally:
        made.close()
