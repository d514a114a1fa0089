"""Years of a co-op: its families, what happens to them, and a clock that jumps from one due moment to the next.

Everything comes from one seed. Of coopflow it uses what a user has: rows of families, workflows, predictions, events,
the tick. What it notes down for the checker is what a gateway saw, and what was due before each tick.
"""

import random
import sqlite3
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from msgspec import Struct

from coopflow.acting import finish_task
from coopflow.core.deliveries import Accepted, Withdrawn
from coopflow.core.model import Message
from coopflow.events import take_event
from coopflow.sending import Answered, Asked, Outgoing
from coopflow.tick import tick
from coopflow.transports import Transports
from tests.world import World

FIRST = datetime(2026, 1, 5, 6, tzinfo=UTC)
DAY = timedelta(days=1)
YEAR = 365 * DAY
WORKING = timedelta(hours=9)  # from the morning's entries to the coordinator's hour
STEP = timedelta(minutes=10)  # how often cron comes by here; a minute would only cost more
SPREAD = timedelta(minutes=45)  # over which messages to many families are spread
PLACES = {  # zone → how its phone numbers begin; four digits follow
    "America/New_York": "+1212555",
    "America/Chicago": "+1312555",
    "America/Denver": "+1303555",
    "America/Los_Angeles": "+1213555",
    "Pacific/Honolulu": "+1808555",
    "America/Havana": "+537123",
    "Europe/Dublin": "+3531234",
    "Asia/Kathmandu": "+9771412",
    "Australia/Adelaide": "+6188210",
    "Africa/Casablanca": "+21252212",
}


ZONES = (*PLACES, "Australia/Lord_Howe")  # where families live; the last one's clocks change by half an hour


class Sent(Struct, frozen=True):
    """What the gateway saw of a message, and when it had been due at the latest."""

    channel: str
    to: str
    family_id: str
    instance_id: int
    message_id: str
    at: datetime
    due: datetime | None


class AtOnce:
    """The post of these years: what may go arrives, without the threads that would wait for servers."""

    def __init__(self, taken: Callable[[Message], None]) -> None:
        self.transports = Transports()
        self._taken = taken

    def transport_names(self) -> dict[str, str]:
        """What leaves by what."""
        return {"email": "at once", "sms": "at once"}

    def dedupes(self, channel: str) -> bool:  # noqa: ARG002 - none does
        """Whether a channel takes the same message twice without sending it twice."""
        return False

    def close(self) -> None:
        """Nothing is open."""

    def deliver(self, batch: Sequence[Outgoing], book: Callable[[Asked, Answered], Collection[str]]) -> None:
        """Ask for all of them, and hand over what may go."""
        granted = book(tuple(batch), ())
        for outgoing in batch:
            if outgoing.message.key in granted:
                self._taken(outgoing.message)
        fates = [Accepted("250 ok") if outgoing.message.key in granted else Withdrawn() for outgoing in batch]
        book((), tuple(zip(batch, fates, strict=True)))


@dataclass
class Life:
    """One co-op for some years."""

    world: World
    families: int
    seed: int
    years: int = 1
    sent: list[Sent] = field(default_factory=list)
    zones: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)  # family → since when in which zone
    gentle: dict[str, list[tuple[datetime, datetime]]] = field(default_factory=dict)
    opted_out: dict[str, datetime] = field(default_factory=dict)
    ticks: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - a test's dice
        self.offline_until = self.now = FIRST
        self.last = FIRST + self.years * YEAR
        self.happenings = deque(sorted(self._happenings(), key=lambda found: found[0]))
        self.taken: list[Message] = []  # by this tick
        self.world.engine.post = AtOnce(self.taken.append)  # type: ignore[assignment] - all that a tick asks of it

    # -- the people ---------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Move the families in."""
        self.world.now = FIRST
        for number in range(self.families):
            zone = self.random.choice(ZONES)
            place = self.random.choice(
                [*[zone] * 3 * (zone in PLACES), *PLACES]
            )  # some keep the number of another place
            phone = f"{PLACES[place]}{number:04}"
            attributes: dict[str, Any] = {"renewal_date": self._renewal(2026)}
            if self.random.random() < 0.2:
                attributes["best_contact_hour"] = self.random.randrange(24)
            family = str(number)
            self.zones[family] = [(FIRST, zone)]
            self.world.has_family(family, time_zone=zone, phone=phone, attributes=attributes)

    def _renewal(self, year: int) -> str:
        """Memberships end on the first of a month."""
        return str(date(year, self.random.randrange(2, 13), 1))

    def goes_on(self, until: datetime | None = None) -> None:
        """The years, from one moment at which something is due or happens to the next."""
        happenings = self.happenings
        while self.now < (until or self.last):
            now = self.now
            while happenings and happenings[0][0] <= now:
                _, what, family = happenings.popleft()
                self.world.now = now
                getattr(self, what)(family)
            self._tick(now)
            upcoming = [moment for moment in (self._next_due(), happenings[0][0] if happenings else None) if moment]
            self.now = max(_on_the_grid(min(upcoming, default=self.last)), now + STEP, self.offline_until)

    def _happenings(self) -> Iterator[tuple[datetime, str, str]]:
        chances = {"predicted": 4, "replied": 2, "overdue": 1, "paid": 1, "moved": 0.15, "gently": 0.2, "quit": 0.05}
        of_the_office = {"moved", "gently", "quit"}
        for year in range(self.years):
            begin = FIRST + year * YEAR
            for family in map(str, range(self.families)):
                for what, often in chances.items():
                    for _ in range(int(often) + (self.random.random() < often % 1)):
                        moment = begin + YEAR * self.random.random()
                        yield _next_morning(moment) if what in of_the_office else moment, what, family
                if year:
                    yield begin, "renewed", family
            for number in range(365):
                if (at_work := _next_morning(begin + number * DAY) + WORKING).weekday() < 5:
                    yield at_work, "at_the_desk", ""
            for _ in range(12):
                yield begin + YEAR * self.random.random(), "offline", ""

    # -- what happens -------------------------------------------------------------------------------------------------

    def predicted(self, family: str) -> None:
        number = f"{family}@{self.world.now.isoformat()}"
        days = self.random.choice([7, 14, 32, None])
        self.world.predicts(
            family, self.random.random(), 100 * self.random.random(), number=number, prediction_window_days=days
        )

    def replied(self, family: str) -> None:
        self._event("email_response_received", family)

    def overdue(self, family: str) -> None:
        self._event("payment_overdue", family)

    def paid(self, family: str) -> None:
        self._event("payment_received", family)

    def moved(self, family: str) -> None:
        zone = self.random.choice(ZONES)
        self.zones[family].append((self.world.now, zone))
        self.world.changes_family(family, time_zone=zone)

    def renewed(self, family: str) -> None:
        """The office has entered the date of the new year."""
        attributes = dict(self.world.store.families([family])[family].attributes)
        self.world.changes_family(family, attributes={**attributes, "renewal_date": self._renewal(self.world.now.year)})

    def gently(self, family: str) -> None:
        until = self.world.now.replace(minute=0, second=0, microsecond=0) + timedelta(days=self.random.randrange(3, 30))
        self.gentle.setdefault(family, []).append((self.world.now, until))
        self.world.changes_family(family, gentle_until=until)

    def quit(self, family: str) -> None:
        self.opted_out.setdefault(family, self.world.now)
        self.world.changes_family(family, consent={name: {"allowed": False} for name in ("email", "sms")})

    def at_the_desk(self, _: str) -> None:
        """A coordinator works off what has been left to people; of what was too late, half is sent after all."""
        for number, kind in self._rows("SELECT task_id, task_type FROM coordinator_tasks WHERE status = 'open'"):
            outcome = self.random.choice(["retry", "skip"]) if kind == "person" else None
            finish_task(self.world.store, number, outcome=outcome, note=None, actor="sarah", now=self.world.now)

    def offline(self, _: str) -> None:
        self.offline_until = _on_the_grid(self.world.now + timedelta(hours=self.random.choice([1, 5, 30, 80])))

    def _event(self, kind: str, family: str) -> None:
        with self.world.store.transaction():
            take_event(self.world.store, kind, family, data={}, actor="test", now=self.world.now)

    # -- the tick -----------------------------------------------------------------------------------------------------

    def _tick(self, now: datetime) -> None:
        if now < self.offline_until:
            return
        due, known = self._due(now), self._newest_instance()
        report = tick(self.world.engine, now=now)
        assert report.faults == []
        self.ticks += 1
        for message in self.taken:
            since = now if (message.instance_id or 0) > known else self._due_since(message, due)
            self.sent.append(sent_of(message, now, since))
        self.taken.clear()

    def _due(self, now: datetime) -> dict[int, tuple[datetime, str]]:
        """Since when each instance has been due, and at which step, read behind coopflow's back."""
        rows = self._rows(
            "SELECT instance_id, MIN(scheduled_for), step_id FROM workflow_queue"
            " WHERE status = 'queued' AND scheduled_for <= ? GROUP BY instance_id",
            f"{now.isoformat()[:19]}Z",
        )
        return {number: (_read(planned), step) for number, planned, step in rows}

    def _due_since(self, message: Message, due: Mapping[int, tuple[datetime, str]]) -> datetime | None:
        """When a message was due at the latest; what a wait led to in the same tick is later.

        It is spread over some time; and a wait that ends while cron is away leads on when cron is back.
        """
        planned, waiting = due.get(message.instance_id or 0, (None, None))
        [(step,)] = self._rows(
            "SELECT step_id FROM workflow_step_executions WHERE message_id = ? LIMIT 1", message.message_id
        )
        return planned if planned is None or step == waiting else max(planned + SPREAD, self.offline_until)

    def _newest_instance(self) -> int:
        """What has a higher number after a tick was begun by it, and is due since then."""
        [(number,)] = self._rows("SELECT COALESCE(MAX(instance_id), 0) FROM workflow_instances")
        return int(number)

    def _next_due(self) -> datetime | None:
        """The earliest moment at which the next tick has anything to do."""
        [(text,)] = self._rows(
            "SELECT MIN(at) FROM (SELECT MIN(scheduled_for) AS at FROM workflow_queue WHERE status = 'queued'"
            " UNION ALL SELECT MIN(escalate_at) FROM coordinator_tasks WHERE status = 'open'"
            " UNION ALL SELECT MIN(deadline_alert_at) FROM workflow_instances WHERE completed_at IS NULL"
            " UNION ALL SELECT MIN(next_at) FROM workflow_schedules)"
        )
        return _read(text) if text else None

    # -- to be gone on with -------------------------------------------------------------------------------------------

    def remembered(self) -> dict[str, Any]:
        """All that is not in the database."""
        return {name: value for name, value in vars(self).items() if name not in ("world", "taken")}

    def goes_back_to(self, remembered: Mapping[str, Any]) -> None:
        """Where another life of the same kind was."""
        vars(self).update(remembered)

    def entries(self) -> int:
        """How long the audit trail has become."""
        [(count,)] = self._rows("SELECT COUNT(*) FROM event_log")
        return int(count)

    def _rows(self, question: str, *values: Any) -> list[Any]:
        connection: sqlite3.Connection = self.world.db.connection()
        return connection.execute(question, values).fetchall()


def sent_of(message: Message, at: datetime, due: datetime | None) -> Sent:
    """What is kept of a message; years of them must fit into memory."""
    return Sent(
        channel=message.channel,
        to=message.to,
        family_id=message.family_id or "",
        instance_id=message.instance_id or 0,
        message_id=message.message_id,
        at=at,
        due=due,
    )


def _read(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _next_morning(moment: datetime) -> datetime:
    """When the office enters what it has heard."""
    return moment.replace(hour=6, minute=0, second=0, microsecond=0) + DAY


def _on_the_grid(moment: datetime) -> datetime:
    """The first time that cron comes by, from a moment on."""
    late = (moment - FIRST) % STEP
    return moment if not late else moment + (STEP - late)
