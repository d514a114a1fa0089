"""A family-month as it is lived: the events of a plan, cron between them, and judges after every commit."""

import json
import sqlite3
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from coopflow import clock
from coopflow.adopting import adopt
from coopflow.channels.addresses import likely_zones
from coopflow.clock import accept_clock, time_for_tick
from coopflow.composing import Composer
from coopflow.core.facts import BUILT_IN_EVENTS
from coopflow.core.leaving import LIVE, WayOut
from coopflow.core.model import Coop, Family, Message, Prediction
from coopflow.core.pressure import Cap, Limits
from coopflow.core.timing import Calendar
from coopflow.core.wall_clock import Boot
from coopflow.errors import ClockHeld, CoopflowError
from coopflow.events import take_event
from coopflow.inbox.source import Arrived
from coopflow.inbox.taking import Ours, take
from coopflow.intake.consent import change_consent
from coopflow.intake.gentleness import treat_gently
from coopflow.intake.keeping_calendars import keep_own
from coopflow.keeping import forgetting
from coopflow.keeping.adoption import adopt_database
from coopflow.keeping.purging import purge
from coopflow.leaving import go_live
from coopflow.loading import disable, switched_off
from coopflow.schedules import keep_schedules
from coopflow.store import log
from coopflow.store.store import Store
from coopflow.tick import Engine, tick
from coopflow.triggers import start_by_hand, take_predictions
from tests.simulation import people
from tests.simulation.baton import Baton
from tests.simulation.dice import Dice
from tests.simulation.grammar import MESSAGES
from tests.simulation.judges import Judges, Violated
from tests.simulation.letters import letter
from tests.simulation.memory import Crash, Disk, new_memory
from tests.simulation.plan import CHANNELS, Happening, Plan
from tests.simulation.wires import Mailbag, Wire

MINUTE = timedelta(minutes=1)
HEALING = timedelta(days=14)
WORDS = ("family_name", "email", "phone")  # columns that name a family
OLDER = """
SELECT i.instance_id, MAX(n.template_id) FROM workflow_instances i JOIN workflow_templates t USING (template_id)
JOIN workflow_templates n ON n.template_name = t.template_name AND n.template_id > t.template_id
WHERE i.completed_at IS NULL GROUP BY 1
"""
PENDING = ("crashes", "overlaps", "intrudes", "doubles", "late", "limited")  # what the next tick meets
OURS = Ours(addresses=frozenset({"office@example.org"}))
MOST_TICKS = 3000  # of one run: more is a loop


class Month:
    """One run of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.dice = Dice(plan.seed)
        self.now = plan.start  # the true time
        self.clock_off = timedelta()  # how wrong the wall clock is
        self.latency = self.dice.stream("latencies")
        self.tick_took = timedelta()
        self.memory = new_memory()
        self.folder = TemporaryDirectory()  # for what lies beside a database
        self.judges = Judges(
            self.memory,
            spread=plan.spread or timedelta(),
            caps=_caps(plan.limits),
            per_address=_cap(plan.limits.per_address),
            live=not plan.guarded,
        )
        self.offline_until = plan.start
        self.words = {
            number: {text for name in WORDS if (text := columns[name])} for number, columns in plan.families.items()
        }  # by which a family was ever named
        self.forgotten = set[str]()
        self.last_tick = plan.start
        self.way_out = WayOut(LIVE, "smtp, twilio") if plan.guarded else WayOut()
        self.letters: list[Arrived] = []  # what has come in
        self.backup: tuple[bytes, list[Arrived], WayOut, dict[str, Any]] | None = None
        self.pending: dict[str, dict[str, Any]] = {}  # what the next tick will meet
        self.commits = 0  # of the tick under way
        self.crash_at: int | None = None
        self.intruder: Callable[[], None] | None = None
        self.baton: Baton | None = None
        self.hush = False  # nobody comes between a last call and those who judge it
        self.ticks = self.crashes = self.times = 0
        self.wires = {
            name: Wire(name, name in plan.dedupes, self.dice, plan.faults, plan.fault_share, self._took)
            for name in CHANNELS
        }
        self.disk = self._disk()
        self.store = self._store(self.disk)

    # -- the process ------------------------------------------------------------------------------------------------

    @property
    def wall(self) -> datetime:
        """What the machine's clock shows."""
        return (self.now + self.clock_off).replace(microsecond=0)

    def live(self, happenings: list[Happening]) -> str:
        """Live through the month, heal, and live two weeks more; answer with the head of the audit trail."""
        salts = self.dice.stream("salts")
        with (
            patch.object(log, "os", SimpleNamespace(urandom=salts.randbytes)),
            patch.object(clock, "boot", lambda: Boot("simulated", int((self.now - self.plan.start).total_seconds()))),
        ):
            self._settle()
            for happening in happenings:
                self._ticks_until(happening.at)
                self.now = max(self.now, happening.at)
                self._meet(happening)
            self._ticks_until(self.plan.end)
            self._heal()
            self._ticks_until(self.now + HEALING)
            self._tick()
            self.judges.at_the_end(self.last_tick)
        return self.judges.head()

    def close(self) -> None:
        """Let the memory go."""
        self.memory.close()
        self.folder.cleanup()

    def _disk(self) -> Disk:
        return Disk(self.memory, Path(self.folder.name), self._committed)

    def _store(self, disk: Disk) -> Store:
        plan = self.plan
        coop = Coop(
            organisation="Willow Creek",
            calendar=Calendar.default(ZoneInfo("America/New_York")),
            coordinators={"sarah": {"email": "sarah@example.org"}, "mike": {}, "director": {}},
            known_events=frozenset(BUILT_IN_EVENTS),
            limits=plan.limits,
            spread=plan.spread or timedelta(),
            rest=plan.rest or timedelta(),
        )
        return Store(disk, coop, zones_of_phone=likely_zones)

    def _restarts(self) -> None:
        """Whatever was in the process is gone; what was not committed never was."""
        if self.memory.in_transaction:
            self.memory.execute("ROLLBACK")
        self.crash_at = self.intruder = self.baton = None
        self.hush = False
        self.disk = self._disk()
        self.store = self._store(self.disk)

    def _committed(self, done: bool) -> None:
        self.commits += 1
        if self.crash_at is not None and self.commits > self.crash_at:
            self.crash_at = None
            raise Crash
        if not done:
            return
        self.judges.after_commit()
        if self.hush:
            return
        if self.intruder is not None and self.commits > 2 * self.pending.get("intrudes", {}).get("at", 0):
            intruder, self.intruder = self.intruder, None
            intruder()
        if self.baton is not None:
            self.baton.pass_on()

    # -- the tick -----------------------------------------------------------------------------------------------------

    def _ticks_until(self, when: datetime) -> None:
        """Cron: every minute, but for those in which nothing is due."""
        while (due := self._next_due()) < when:
            self.now = max(self.now + MINUTE, due).replace(second=0, microsecond=0)
            if late := self.pending.pop("late", None):
                self.now += timedelta(minutes=late["minutes"])
            self._tick()

    def _next_due(self) -> datetime:
        text = self.judges.next_due()
        due = datetime.fromisoformat(text) - self.clock_off if text else datetime.max.replace(tzinfo=UTC)
        return max(due, self.offline_until)

    def _tick(self) -> None:
        self.times += 1
        if self.times > MOST_TICKS:
            raise Violated(f"more than {MOST_TICKS} ticks: something is due again and again")
        if self.now < self.offline_until:
            return
        crash = self.pending.pop("crashes", None)
        try:
            self.crash_at = crash["at"] if crash else None
            self.commits = 0
            self._one_tick()
        except Crash:
            self.crashes += 1
            self._restarts()
            if crash and crash.get("adopted"):
                self._adopts()
            if crash and crash["again"] is not None:
                self.pending["crashes"] = {"at": crash["again"], "again": None}
        finally:
            self.crash_at = None
            self.now += self.tick_took
            self.tick_took = timedelta()

    def _one_tick(self) -> None:
        try:
            now = time_for_tick(self.store, wall=self.wall)
        except ClockHeld:
            self.now += timedelta(hours=3)  # until somebody looks at it
            accept_clock(self.store, wall=self.wall, actor="sarah")
            return
        keep_busy = self.pending.pop("doubles", None) is not None
        if self.pending.pop("overlaps", None) is not None:
            self._overlapping(now)
            return
        intrusion = self.pending.get("intrudes")
        if intrusion:
            self.intruder = lambda: self._does(intrusion["verb"], intrusion["draw"])
        self.judges.before_tick(now)
        self.last_tick = now
        limited = self.pending.pop("limited", None)
        left_some = self._carry_out(self.store, now, **(limited or {}))
        self.ticks += 1
        undisturbed = (intrusion is None or self.intruder is not None) and not left_some
        self.intruder = None
        self.pending.pop("intrudes", None)
        if undisturbed:
            self.judges.after_tick(now)
        if keep_busy and undisturbed and not self._something_due(now):
            before = self.memory.total_changes
            self._carry_out(self.store, now)
            self.judges.idle(self.memory.total_changes - before, now)

    def _something_due(self, now: datetime) -> bool:
        """A message whose instance ended while it was in doubt is the next tick's."""
        text = self.judges.next_due()
        return text is not None and datetime.fromisoformat(text) <= now

    def _carry_out(self, store: Store, now: datetime, limit: int | None = None) -> bool:
        """One tick; True if it was not to do all that was due."""
        self.tick_took = timedelta()
        engine = Engine(
            store,
            Mailbag(  # type: ignore[arg-type]
                self.wires,
                self.dice.stream("together", self.times),
                self._passes_time,
                lambda keys: self._may_go(keys, now),
                self._be_quiet,
            ),
            Composer(database_id=store.database_id, domain="example.org"),
            elapsed=lambda: self.tick_took,
            way_out=self.way_out,
        )
        report = tick(engine, now=now, limit=limit)
        if report.faults:
            raise Violated(f"a fault in coopflow: {report.faults[0]}")
        return report.limit_reached

    def _overlapping(self, now: datetime) -> None:
        """Two ticks at once, as when the lock file was deleted: only one may go on, and nothing leaves twice."""
        self.baton = Baton(self.dice.stream("overlap", self.times))
        stores = [self._store(self._disk()) for _ in range(2)]
        ended = self.baton.run([lambda store=store: self._carry_out(store, now) for store in stores])
        self.baton = None
        self.ticks += 2
        self._restarts()
        for error in ended:
            if error is not None and not isinstance(error, CoopflowError | Crash):
                raise error

    def _passes_time(self) -> None:
        self.tick_took += timedelta(seconds=self.latency.choice((0, 0, 0, 1, 5, 70, 600)))

    def _be_quiet(self, quiet: bool) -> None:
        self.hush = quiet

    def _may_go(self, keys: Collection[str], now: datetime) -> None:
        self.judges.last_call(keys, now + self.tick_took)

    def _took(self, message: Message) -> None:
        self.judges.took(message, dedupes=self.wires[message.channel].dedupes, now=self.wall + self.tick_took)

    # -- what happens -------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Families and workflows, as they are in the beginning."""
        families = [Family(family_id=number, **columns) for number, columns in self.plan.families.items()]
        with self.store.transaction():
            self.store.save_families(families, now=self.wall)
            self.store.add_scores(families, now=self.wall)
        for data in self.plan.workflows:
            self._load(data)

    def _load(self, data: dict[str, Any]) -> None:
        messages = {name: {"": text} for name, text in MESSAGES.items()}
        with self.store.transaction():
            version = len(self.store.templates.versions(data["name"])) + 1
            self.store.templates.add(
                data=data,
                messages=messages,
                version=version,
                source_path=f"{data['name']}.yaml",
                source_hash=f"{data['name']}-{version}",
                active=data["name"] not in switched_off(self.store),
                now=self.wall,
            )
            keep_schedules(self.store, now=self.wall)

    def _meet(self, happening: Happening) -> None:
        given = dict(happening.given)
        if happening.kind in PENDING:
            self.pending[happening.kind] = given
            return
        try:
            getattr(self, f"_{happening.kind}")(**given)
        except CoopflowError:
            if given.get("family") not in self.forgotten:
                raise

    def _offline(self, hours: int) -> None:
        self.offline_until = self.now + timedelta(hours=hours)

    def _clock(self, hours: float) -> None:
        self.clock_off = timedelta(hours=hours)

    def _predicts(self, family: str, data: dict[str, Any]) -> None:
        number = f"{family}-{data['predicted_probability']}"
        prediction = Prediction(prediction_id=number, family_id=family, predicted_at=self.wall, **data)
        with self.store.transaction():
            take_predictions(self.store, [prediction, prediction], now=self.wall)  # twice: it must not matter

    def _happens(self, family: str, kind: str) -> None:
        with self.store.transaction():
            take_event(self.store, kind, family, data={}, actor="outside", now=self.wall)

    def _orders(self, family: str, workflow: str) -> None:
        try:
            with self.store.transaction():
                start_by_hand(self.store, workflow, family, values={}, actor="sarah", now=self.wall)
        except CoopflowError:
            pass

    def _edits(self, name: str, data: dict[str, Any]) -> None:  # noqa: ARG002 - named for the one who reads a plan
        self._load(data)

    def _moves(self, family: str, zone: str) -> None:
        self._changes(family, time_zone=zone)

    def _changes_address(self, family: str, phone: str, number: int) -> None:
        self._changes(family, phone=phone, email=f"new{number}-of-{family}@example.org")

    def _renews(self, family: str, renewal_date: Any) -> None:
        [(kept,)] = self.memory.execute("SELECT attributes FROM families WHERE family_id = ?", (family,))
        self._changes(family, attributes={**json.loads(kept), "renewal_date": renewal_date})

    def _scores(self, family: str, withdrawal_risk: float) -> None:
        self._changes(family, withdrawal_risk=withdrawal_risk)

    def _changes(self, family: str, **columns: Any) -> None:
        if family in self.forgotten:
            return  # a list that still has it would bring in a new family
        words = {str(text) for name, text in columns.items() if name in WORDS}
        self.words[family] |= words
        self.judges.named(words)
        people.changes(self.store, family, now=self.wall, **columns)

    def _forgets(self, family: str) -> None:
        """A family asks to be forgotten; while a message of it is under way or in doubt it has to wait."""
        folder = Path(self.folder.name)
        of_others = {word for other, words in self.words.items() if other != family for word in words}
        try:
            found = forgetting.footprint(self.store, family, outbox=folder / "outbox", folder=folder)
        except CoopflowError:
            return
        with self.judges.forgetting(family, self.words[family] - of_others):
            forgetting.forget(self.store, found, folder=folder, reason=None, actor="sarah", now=self.wall)
        self.forgotten.add(family)

    def _opts_out(self, family: str, channels: list[str]) -> None:
        self._consents(family, channels, allowed=False)

    def _opts_in(self, family: str, channels: list[str]) -> None:
        self._consents(family, channels, allowed=True)

    def _consents(self, family: str, channels: list[str], *, allowed: bool) -> None:
        try:
            with self.store.transaction():
                change_consent(self.store, family, channels, allowed=allowed, reason=None, actor="sarah", now=self.wall)
            if allowed:
                self.judges.agreed(family, channels)
        except CoopflowError:
            pass  # the number is another family's too, and that one has opted out

    def _gently(self, family: str, days: int) -> None:
        with self.store.transaction():
            until = self.wall.replace(minute=0, second=0) + timedelta(days=days)
            treat_gently(self.store, family, until=until, reason=None, actor="sarah", now=self.wall)

    def _not_gently(self, family: str) -> None:
        with self.store.transaction():
            treat_gently(self.store, family, until=None, reason=None, actor="sarah", now=self.wall)

    def _closes(self, family: str, days: int) -> None:  # noqa: ARG002 - it concerns all of them
        closed = {self.wall.date() + timedelta(days=number): "closed" for number in range(1, days, 2)}
        keep_own(self.store, "own", closed, "own.txt", actor="sarah", now=self.wall)

    def _does(self, verb: str, draw: float) -> None:
        if verb == "rehearse":
            before = self.judges.everything()
            people.rehearses(self.store, draw, now=self.wall)
            self.judges.unchanged(before)
            return
        people.does(self.store, verb, draw, now=self.wall)

    def _desk(self, verb: str, draw: float) -> None:
        people.at_the_desk(
            self.store, verb, draw, arrived=self.judges.arrived, ordered=self.judges.ordered, now=self.wall
        )

    def _comes_in(self, by_mail: str, by_text: str, draw: float, again: bool) -> None:
        """An answer, or what a server says of a message that it had taken; once more the same, at times."""
        if again:
            arrived = self.letters[int(draw * len(self.letters))] if self.letters else None
            if arrived is not None:
                self._takes_in(arrived, again=True)
            return
        known = [taken.message for taken in self.judges.truth.values() if taken.message.channel in ("email", "sms")]
        known = [message for message in known if message.family_id not in self.forgotten]
        if known:
            message = known[-1 - int(draw * min(3, len(known)))]  # people answer what came last
            kind = by_mail if message.channel == "email" else by_text
            self.letters.append(letter(kind, message, len(self.letters)))
            with self.judges.hears(kind, message, self.wall):
                self._takes_in(self.letters[-1], again=False)

    def _takes_in(self, arrived: Arrived, *, again: bool) -> None:
        before = self.judges.answers()
        taken = take(self.store, "inbox", arrived, OURS, now=self.wall)
        if taken.kind == "unreadable":
            raise Violated(f"32: it cannot be read: {taken.reason}")
        if again and self.judges.answers() != before:
            raise Violated(f"32: what came in twice counts twice: {arrived.content!r}")

    def _migrates(self, draw: float) -> None:
        """A running instance is taken over to the newest version, where nothing speaks against it."""
        row = people.picked(self.store, OLDER, draw)
        if row is not None:
            to = self.store.templates.get(row[1])
            adopt(self.store, [row[0]], to, reason=None, actor="sarah", now=self.wall)

    def _disables(self, name: str) -> None:
        if name not in switched_off(self.store):
            disable(self.store, name, actor="sarah", now=self.wall)

    def _purges(self, days: int) -> None:
        folder = Path(self.folder.name)
        before = self.wall - timedelta(days=days)
        with self.judges.purging(before):
            purge(self.store, folder / "archive.db", before, actor="sarah", now=self.wall)

    def _backs_up(self) -> None:
        self.backup = (self.memory.serialize(), list(self.letters), self.way_out, self.judges.remembered())

    def _restores(self) -> None:
        """The backup comes in the place of the database; what left meanwhile is not on record any more."""
        if self.backup is None:
            return
        self.clock_off = timedelta()
        content, self.letters, way_out, remembered = self.backup
        # What a clock that was ahead has let leave may be ahead of the right one, and comes once more.
        self.judges.forgets(remembered, by_a_right_clock=all(one.kind != "clock" for one in self.plan.happenings))
        kept = sqlite3.connect(":memory:")
        kept.deserialize(content)
        kept.backup(self.memory)
        kept.close()
        self._restarts()
        self.judges.goes_back_to(remembered)
        self.judges.live &= way_out == self.way_out  # what was agreed to is another way
        folder = Path(self.folder.name)
        with self.judges.forgetting_again(self.forgotten):
            forgetting.forget_again(self.store, outbox=folder / "outbox", actor="sarah", now=self.wall)
        self._adopts()

    def _adopts(self) -> None:
        (Path(self.folder.name) / "coopflow.db").touch()  # the place of a database is that of its file
        adopt_database(self.store, actor="sarah", now=self.wall)
        self.judges.adopted()

    def _goes_live(self) -> None:
        go_live(self.store, self.way_out, due=0, actor="sarah", now=self.wall)
        self.judges.live = True

    def _other_channels(self) -> None:
        self.way_out = WayOut(LIVE, "sendmail, twilio")
        self.judges.live = False

    def _heal(self) -> None:
        """The servers answer, the machine is on, the clock is right; people have gone home."""
        self.offline_until = self.now
        self.pending.clear()
        if self.clock_off:
            self.clock_off = timedelta()
            accept_clock(self.store, wall=self.wall, actor="sarah")
        if not self.judges.live:
            self._goes_live()
        for wire in self.wires.values():
            wire.healed = True


def _caps(limits: Limits) -> list[tuple[int, int, tuple[str, ...]]]:
    """The caps for a family: how many messages, in how many days, by which channels."""
    named = [(limits.per_family, ("email", "sms")), *((cap, (name,)) for name, cap in limits.per_channel.items())]
    return [(cap.max, cap.per.days, channels) for cap, channels in named if cap is not None]


def _cap(cap: Cap | None) -> tuple[int, int] | None:
    return cap and (cap.max, cap.per.days)


def lived(plan: Plan, numbers: list[int] | None = None) -> Month:
    """A plan, or what is left of it, from its first event to the end of its liveness."""
    month = Month(plan)
    try:
        month.live(plan.only(numbers))
    finally:
        month.close()
    return month


__all__ = ["Month", "Random", "lived"]
