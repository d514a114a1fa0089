"""Judges of a run: they read the tables by plain SQL and the truth log, and know none of coopflow's own rules.

The numbers are those of the list of invariants in docs/evidence/simulation.md.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from coopflow.core.leaving import NOT_LIVE
from coopflow.core.model import Message
from tests.simulation import questions
from tests.simulation.grammar import all_steps
from tests.simulation.letters import REPORTS
from tests.simulation.memory import Writes, tables_read
from tests.simulation.plan import PLACES
from tests.simulation.rules import AFTER_COMMIT, AT_THE_END, BY_DAY, TODAY, joined
from tests.simulation.wall import Past, Whereabouts, hour_of, turn_of

GRACE = timedelta(hours=2)  # what a slow tick may add to lateness
TO_FAMILIES = ("email", "sms")
PATIENCE = {"sms": timedelta(hours=4)}
A_DAY = timedelta(hours=24)  # for all others
STALE = {"2 days": timedelta(days=2, hours=1), "6 hours": timedelta(hours=6)}  # an hour: the change of the clocks
OF_THE_DATABASE = (  # what is known of it, and goes back with it
    *(
        "truth",
        "live",
        "_last_at",
        "_said",
        "_settled",
        "_planned",
        "_epoch",
        "_seen",
        "_hash",
        "_status",
        "_disabled",
        "_day",
    ),
    *("_came_back", "_reported", "_said_stop"),
)
ENDS = {"instance.completed": "completed", "instance.failed": "failed", "instance.cancelled": "cancelled"}


class Violated(BaseException):
    """An invariant does not hold. No `except Exception` of what is judged may take it for a fault and go on."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One message on the truth log."""

    message: Message
    place: tuple[int, str, str]  # instance, branch and step
    log_at: int  # the last entry of the audit trail then
    at: datetime


class Judges:
    """What they remember of one run."""

    def __init__(
        self,
        memory: sqlite3.Connection,
        *,
        spread: timedelta,
        caps: Collection[tuple[int, int, tuple[str, ...]]] = (),
        per_address: tuple[int, int] | None = None,
        live: bool = True,
    ) -> None:
        self._memory = memory
        self._caps = caps  # so many messages, in so many days, by these channels
        self._per_address = per_address  # so many messages, in so many days
        self.live = live  # somebody has said that messages may leave
        self._came_back: dict[str, datetime] = {}  # addresses from which mails have come back for good, or texts
        self._reported: set[str] = set()  # keys of texts of which a gateway has told
        self._started_before: set[tuple[str, str, str]] = set()  # by the clock, before a backup was restored
        self._left_before: set[str] = set()  # before a backup was restored that knows nothing of it: message ids
        self._adopted_at = 0  # the last entry of the audit trail when a person adopted the database
        self._said_stop: dict[tuple[str, str], datetime] = {}  # channels and addresses that asked for it
        self._writes = Writes(memory, RULED | REPLAYED | PLANNED | {"meta"})
        self._spread = spread
        self.truth: dict[str, Taken] = {}
        self.commits = 0
        self._ids: set[str] = set()
        self._last_at: dict[tuple[int, str, str], Taken] = {}
        self._said: dict[str, bool] = {}  # what people said of messages in doubt
        self._erased: set[bytes] = set()  # words of families that were forgotten
        self._settled: set[str] = set()  # keys of their messages, of which the record no more says what was known
        self._planned: dict[tuple[int, str, int], str] = {}
        self._epoch = 0
        self._seen, self._hash = 0, "0" * 64
        self._status: dict[int, str] = {}  # of instances, replayed from the audit trail
        self._disabled: set[str] = set()  # workflows that a person has switched off
        self._day = ""
        self._changes = -1  # rows written up to the last commit that was judged

    def _rows(self, question: str, *values: Any) -> list[Any]:
        return self._memory.execute(question, values).fetchall()

    def _require(self, holds: bool, sentence: str) -> None:
        if not holds:
            raise Violated(sentence)

    # -- after each commit --------------------------------------------------------------------------------------------

    def after_commit(self) -> None:
        """The cheap ones; what reads only tables that were not written to holds as it did after the commit before."""
        if self._memory.total_changes == self._changes:
            return
        self.commits += 1
        self._changes = self._memory.total_changes
        written = self._writes.since()
        if written & RULED:
            self._ask()
        if "meta" in written:
            [(epoch,)] = self._rows("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'epoch'")
            self._require(epoch >= self._epoch, "15: the epoch has fallen")
            self._epoch = epoch
        if written & REPLAYED:
            self._replay()
        if written & PLANNED:
            self._look_at_turns()

    def _ask(self) -> None:
        [(broken,)] = self._rows(RULES)
        if broken is not None:
            number, sentence, question = AFTER_COMMIT[broken]
            raise Violated(f"{number}: {sentence}: {self._rows(question)[0]}")

    def _replay(self) -> None:
        """14 and 27: the log has no holes, its chain holds, and what it says of instances is how they stand."""
        for entry in self._rows(questions.ENTRIES, self._seen):
            number, at, kind, family, instance, actor, data, previous, own = entry
            self._require(number == self._seen + 1, f"14: entry {number} follows entry {self._seen}")
            self._require(previous == self._hash, f"14: entry {number} does not follow from the one before it")
            text = _as_hashed([previous, number, at, kind, family, instance, actor, data])
            self._require(sha256(text.encode()).hexdigest() == own, f"14: the hash of entry {number} is wrong")
            self._seen, self._hash = number, own
            self._follow(kind, instance)
            if kind == "workflow.disabled":
                self._disabled.add(json.loads(data)["workflow"])
            elif kind == "instance.started" and actor == "coopflow":
                name = json.loads(data)["workflow"]
                self._require(name not in self._disabled, f"37: '{name}' is disabled, and instance {instance} began")
                again = (name, family, json.loads(data)["triggered_by"])
                self._require(
                    again not in self._started_before,
                    f"38: {again} began before the backup was restored, and once more",
                )
        stands = dict(self._rows(questions.STANDS))
        self._require(stands.keys() == self._status.keys(), "27: an instance without a beginning in the audit trail")
        for instance, status in stands.items():
            told = self._status[instance]
            same = told == ("active" if status in ("pending", "running") else status)
            self._require(same, f"27: instance {instance} is {status}; by the audit trail it is {told}")

    def _look_at_turns(self) -> None:
        for queue_id, instance, branch, visit, planned, by_rule in self._rows(questions.PLANNED):
            before = self._planned.get((instance, branch, visit))
            if (
                by_rule
                and before != planned
                and (before is None or self._rows(questions.REPLANNED, instance, before, planned))
            ):
                self._by_the_wall_clock(queue_id, _read(planned))
            self._planned[instance, branch, visit] = planned

    def _follow(self, kind: str, instance: int | None) -> None:
        if instance is None:
            return
        before = self._status.get(instance)
        match kind:
            case "instance.started":
                self._require(before is None, f"14: instance {instance} began twice")
                self._status[instance] = "active"
            case "instance.paused":
                self._require(before == "active", f"14: instance {instance} was paused while it was {before}")
                self._status[instance] = "paused"
            case "instance.resumed":
                self._require(before == "paused", f"14: instance {instance} was resumed while it was {before}")
                self._status[instance] = "active"
            case "instance.archived":
                del self._status[instance]
            case _ if kind in ENDS:
                self._require(before in ("active", "paused"), f"14: instance {instance} ended while it was {before}")
                self._status[instance] = ENDS[kind]

    def _by_the_wall_clock(self, queue_id: int, planned: datetime) -> None:
        """16: a turn that the rules alone have set is that of the wall clock."""
        [row] = self._rows(questions.TURN, queue_id)
        instance, step_id, arrived, reason, zone, phone, gentle, steps, started, triggered, attributes = row
        if self._rows(questions.DEFERRED, instance, _text(planned)) or (reason or "").startswith("resumed"):
            return  # looked at in its turn and put off, or counted from when a person let it go on
        closed = {date.fromisoformat(day) for (day,) in self._rows("SELECT day FROM calendar_days")}
        phones = tuple(ZoneInfo(place) for place, number in PLACES.items() if number == phone)
        renewal, best = json.loads(attributes)
        family = Whereabouts(ZoneInfo(zone), phones, _read(gentle) if gentle else None, closed, hour_of(best))
        step = _step(json.loads(steps), step_id)
        at_once = (reason or "").startswith("without its delay")  # a person has brought it there
        ended = {name: _read(at) for name, at in self._rows(questions.ENDED, instance)}
        past = Past(_read(arrived), _read(started), _read(triggered), ended, renewal)
        expected = turn_of(step, past, family, counted=not at_once)
        apart = self._spread if step["type"] in ("email", "sms") and not step.get("urgent") else timedelta()
        late = planned - expected
        name = f"the {step['type']} '{step_id}' of instance {instance}, come to at {arrived},"
        self._require(
            not late or timedelta() < late < apart,
            f"16: {name} has its turn at {planned}; by the clock in {zone} it is {expected}",
        )

    # -- messages -----------------------------------------------------------------------------------------------------

    def last_call(self, keys: Collection[str], at: datetime) -> None:
        """6, 7, 8, 18: each message that was allowed to go, at the moment at which it was."""
        for key in sorted(keys):
            row = self._message(key)
            name = f"the {row['step_type']} of '{row['step_id']}' of instance {row['instance_id']}"
            self._require(row["status"] == "running", f"2: {name} may go, and is on record as {row['status']}")
            self._require(row["stands"] in ("pending", "running"), f"6: {name} may go; its instance is {row['stands']}")
            self._require(row["family_status"] != "withdrawn", f"6: {name} may go for a family that has left")
            step = _step(json.loads(row["steps"]), row["step_id"])
            self._in_time(row, step, name, at)
            if step["type"] in TO_FAMILIES:
                self._to_the_family(row, step, name, at)
            else:
                called = step.get("url") or step.get("command")
                self._require(json.loads(row["input_data"])["to"] == called, f"18: {name} may go to another program")
                if step.get("window"):
                    self._at_a_good_time(row, step, name, at)

    def _to_the_family(self, row: Mapping[str, Any], step: Mapping[str, Any], name: str, at: datetime) -> None:
        consent = json.loads(row["consent"]).get(row["step_type"], {})
        just_now = consent.get("how") == "gateway" and _read(consent["at"]) >= at  # learned in the same moment
        of_outreach_only = step.get("kind") == "transactional" and consent.get("covers") == "outreach"
        agrees = consent.get("allowed") is not False or just_now or (of_outreach_only and step["type"] == "email")
        self._require(agrees, f"6: {name} may go to a family that has opted out")
        gentle = row["gentle_until"]
        self._require(gentle is None or _read(gentle) <= at, f"6: {name} may go to a family that is in grief")
        now_at = row["phone"] if row["step_type"] == "sms" else row["email"]
        self._require(json.loads(row["input_data"])["to"] == now_at, f"18: {name} may go to an old address")
        for allowed, covers, said_at, how in self._rows(questions.SAID, row["step_type"], now_at):
            of_other_kinds = covers == "outreach" and step.get("kind") == "transactional"
            just_now = how == "gateway" and _read(said_at) >= at
            may = allowed or just_now or (of_other_kinds and step["type"] == "email")
            self._require(may, f"6: {name} may go to an address that was opted out")
        stopped = self._said_stop.get((row["step_type"], now_at), at) >= at or step.get("kind") == "transactional"
        self._require(stopped, f"33: {name} may go to an address that has asked for no more")
        self._require(self._came_back.get(now_at, at) >= at, f"33: {name} may go to where messages have come back")
        for (since,) in self._rows(questions.BAD, row["step_type"], now_at):
            self._require(_read(since) >= at, f"18: {name} may go to an address that does not work")
        self._at_a_good_time(row, step, name, at)

    def _message(self, key: str) -> Mapping[str, Any]:
        cursor = self._memory.execute(questions.MESSAGE, (key,))
        names = [column[0] for column in cursor.description]
        found = cursor.fetchall()
        self._require(len(found) == 1, f"2: a message without its intent on record: {key}")
        return dict(zip(names, found[0], strict=True))

    def _at_a_good_time(self, row: Mapping[str, Any], step: Mapping[str, Any], name: str, at: datetime) -> None:
        local = at.astimezone(ZoneInfo(row["time_zone"]))
        if not step.get("urgent") and step.get("window") != "always":
            office = local.weekday() < 5 and 8 <= local.hour < 18
            self._require(office, f"7: {name} may go at {local:%a %H:%M}")
            closed = self._rows("SELECT name FROM calendar_days WHERE day = ?", local.date().isoformat())
            self._require(not closed, f"7: {name} may go on a closed day")
        if row["step_type"] == "sms":
            zones = [zone for zone, number in PLACES.items() if number == row["phone"]]
            for clock in (local, *(at.astimezone(ZoneInfo(zone)) for zone in zones)):
                self._require(8 <= clock.hour < 21, f"7: {name} may ring at {clock:%H:%M} in {clock.tzinfo}")

    def _in_time(self, row: Mapping[str, Any], step: Mapping[str, Any], name: str, at: datetime) -> None:
        planned = self._planned.get((row["instance_id"], row["branch"], row["visit"]))
        patience = STALE.get(step.get("stale_after", ""), PATIENCE.get(row["step_type"], A_DAY))
        late = at - _read(planned) if planned else timedelta()
        self._require(late <= patience + GRACE, f"8: {name} may go {late} late")

    def took(self, message: Message, *, dedupes: bool, now: datetime) -> None:
        """1, 2, 17: a server has taken a message."""
        row = self._message(message.key)
        name = f"'{row['step_id']}' of instance {row['instance_id']}"
        self._require(row["status"] == "running", f"2: {name} left while on record as {row['status']}")
        kept = json.loads(row["input_data"])
        words = {"to": message.to, "subject": message.subject, "text": message.text, "html": message.html}
        self._require(kept == words, f"17: what left of {name} is not what was put on record")
        if message.message_id in self._left_before:
            hands = self._rows(questions.HANDS, row["instance_id"], self._adopted_at)
            self._require(bool(hands), f"35: {name} left before the backup was restored, and once more unasked")
            self._left_before.discard(message.message_id)
            self._ids.discard(message.message_id)
        before = self.truth.get(message.key)
        repeats = _step(json.loads(row["steps"]), row["step_id"]).get("idempotent", False)
        if before is not None and (dedupes or repeats):
            same = (before.message.to, before.message.text) == (message.to, message.text)
            self._require(same, f"17: {name} was handed over again with other words")
            return
        self._require(self.live or message.channel not in TO_FAMILIES, f"34: {name} left, and nobody had said it may")
        self._require(before is None and message.message_id not in self._ids, f"1: {name} left twice")
        place = (row["instance_id"], row["branch"], row["step_id"])
        [(log_at,)] = self._rows("SELECT COALESCE(MAX(event_id), 0) FROM event_log")
        self._ordered_again(place, name)
        self._ids.add(message.message_id)
        self.truth[message.key] = self._last_at[place] = Taken(message, place, log_at, now)
        self._under_the_caps(message, ZoneInfo(row["time_zone"]), name, now)

    def _under_the_caps(self, message: Message, zone: ZoneInfo, name: str, now: datetime) -> None:
        """29: by the servers' own record no family, and no address, gets more than the caps allow."""
        if message.channel not in TO_FAMILIES:
            return
        theirs = [taken.message for taken in self.truth.values() if taken.message.family_id == message.family_id]
        for most, days, channels in self._caps:
            counted = [one for one in theirs if one.channel in channels and message.channel in channels]
            self._at_most(most, days, counted, f"{name} is one of", zone, now)
        if self._per_address is not None:
            there = [
                taken.message
                for key, taken in self.truth.items()
                if taken.message.to == message.to and key not in self._settled
            ]
            self._at_most(*self._per_address, there, f"{name}, to {message.to}, is one of", zone, now)

    def _at_most(
        self, most: int, days: int, messages: Collection[Message], words: str, zone: ZoneInfo, now: datetime
    ) -> None:
        """So many lately; what people deny is unknown, and of what is in doubt it is known when it was to leave."""
        doubted = {key for (key,) in self._rows(questions.UNHEARD)}
        begin = (now.astimezone(zone).replace(tzinfo=None) - timedelta(days=days)).replace(tzinfo=zone)
        lately = [
            self.truth[one.key].at
            for one in messages
            if self._said.get(one.key) is not False
            and self.truth[one.key].at > begin + (GRACE if one.key in doubted else timedelta())
        ]
        found = f"29: {words} {len(lately)} in {days} days: {sorted(map(_text, lately))}"
        self._require(len(lately) <= most, found)

    def _ordered_again(self, place: tuple[int, str, str], name: str) -> None:
        """1: the same step writes once more only if a person had a hand in it since."""
        last = self._last_at.get(place)
        if last is None:
            return
        hands = self._rows(questions.HANDS, place[0], last.log_at)
        self._require(bool(hands), f"1: {name} left a second time, and nobody had asked for it")

    def arrived(self, key: str) -> bool:
        """What a person finds who looks into the server's log."""
        return key in self.truth

    def ordered(self, key: str, sent: bool) -> None:
        """What a person says of a message in doubt."""
        self._said[key] = sent

    # -- what comes in -------------------------------------------------------------------------------------------------

    def answers(self) -> int:
        """How many answers are on record."""
        [(count,)] = self._rows(
            "SELECT COUNT(*) FROM event_log WHERE kind IN ('email_response_received', 'sms_response_received')"
        )
        return int(count)

    @contextmanager
    def hears(self, kind: str, message: Message, now: datetime) -> Iterator[None]:
        """32: what people write counts once, what machines write counts as no answer; 33: what it says is heeded."""
        before, channel = self.answers(), message.channel
        column = "email" if channel == "email" else "phone"
        [(there,)] = self._rows(f"SELECT COUNT(*) FROM families WHERE {column} = ?", message.to)
        yield
        counted = self.answers() - before
        known = channel == "email" and (kind == "answers" or there == 1)
        if kind in ("answers", "writes"):
            self._require(counted == 1 if known else counted <= 1, f"32: of an answer to {message.to} came {counted}")
        elif kind != "starts":  # a word like any other where they may be written to
            self._require(counted == 0, f"32: '{kind}' counts as an answer")
        if channel == "email" and (counted or kind == "starts"):
            self._came_back.pop(message.to, None)
        unnamed = kind == "gone" and not self._rows(
            questions.NAMED, f"250 {message.key}"
        )  # whose it is was lost with the reply
        if kind in ("comes_back", "gone") and message.key not in self._reported and not unnamed:
            self._came_back[message.to] = now
        if kind in REPORTS:  # a gateway's last word was its first one here
            self._reported.add(message.key)
        if kind == "stops" and there:
            self._said_stop[channel, message.to] = now
        if kind == "starts":
            self._said_stop.pop((channel, message.to), None)

    def agreed(self, family: str, channels: Collection[str]) -> None:
        """A family has said to a person that it may be written to."""
        for channel in channels:
            column = "email" if channel == "email" else "phone"
            for (address,) in self._rows(f"SELECT {column} FROM families WHERE family_id = ?", family):
                self._said_stop.pop((channel, address), None)

    # -- the database as a whole ---------------------------------------------------------------------------------------

    def remembered(self) -> dict[str, Any]:
        """What is known of the state that a backup has."""
        return {name: copy(getattr(self, name)) for name in OF_THE_DATABASE}

    def forgets(self, remembered: Mapping[str, Any], *, by_a_right_clock: bool) -> None:
        """A backup is about to be restored: 35 and 38 know what it knows nothing of."""
        known, begun = remembered["truth"], remembered["_status"]
        left = {taken.message.message_id for key, taken in self.truth.items() if key not in known}
        if not by_a_right_clock:
            self._ids -= left
            return
        self._left_before |= left
        rows = self._rows(questions.STARTED_BY_THE_CLOCK)
        self._started_before |= {(name, family, cause) for number, name, family, cause in rows if number not in begun}

    def goes_back_to(self, remembered: Mapping[str, Any]) -> None:
        """The backup was restored."""
        for name, value in remembered.items():
            setattr(self, name, copy(value))
        self._changes = -1
        self._writes.since()

    def adopted(self) -> None:
        """A person has said that the database is the one to go on with."""
        [(self._adopted_at,)] = self._rows("SELECT MAX(event_id) FROM event_log")

    @contextmanager
    def purging(self, before: datetime) -> Iterator[None]:
        """What ended before then goes into the archive, with all that is known of it."""
        self._thoroughly()
        ended = self._rows(questions.ENDED_BEFORE, _text(before))
        keys = {number: [key for (key,) in self._rows(questions.KEYS_OF, number)] for (number,) in ended}
        known = set(self._status)
        yield
        gone = known - {number for (number,) in self._rows("SELECT instance_id FROM workflow_instances")}
        for number in gone & keys.keys():
            self._settled.update(keys[number])
        self._require(gone <= keys.keys(), f"36: instances went into the archive too early: {gone - keys.keys()}")

    # -- a family that is forgotten ------------------------------------------------------------------------------------

    @contextmanager
    def forgetting(self, family: str, words: Collection[str]) -> Iterator[None]:
        """21: from then on none of its words is anywhere, not even where the file has a gap."""
        self._thoroughly()
        yield
        self._settled |= {key for (key,) in self._rows(questions.KEYS, family)}
        self._erased |= {word.encode() for word in words}
        self._nothing_of_the_erased()

    @contextmanager
    def forgetting_again(self, families: Collection[str]) -> Iterator[None]:
        """21: a backup that was made before forgets them as well."""
        yield
        self._settled |= {key for family in families for (key,) in self._rows(questions.KEYS, family)}
        self._nothing_of_the_erased()

    def named(self, words: Collection[str]) -> None:
        """Words by which a family is named from now on, perhaps as one was that is forgotten."""
        self._erased -= {word.encode() for word in words}

    def _nothing_of_the_erased(self) -> None:
        content = self._memory.serialize() if self._erased else b""
        for word in sorted(self._erased):
            self._require(word not in content, f"21: '{word.decode()}' was forgotten, and is still in the database")

    # -- around ticks -------------------------------------------------------------------------------------------------

    def before_tick(self, now: datetime) -> None:
        """The dear ones once a day."""
        day = f"{now:%Y-%m-%d}"
        if day != self._day:
            self._day = day
            self._thoroughly()

    def after_tick(self, now: datetime) -> None:
        """5: what was due has been tried."""
        due = self._rows(
            "SELECT instance_id, step_id, scheduled_for FROM workflow_queue"
            " WHERE status = 'queued' AND scheduled_for <= ? AND reason IS NOT ?",
            _text(now),
            self._kept_back,
        )
        self._require(not due, f"5: due, and not tried by a tick at {now}: {due}")
        for what, question in questions.OVERDUE.items():
            left = self._rows(question, _text(now))
            self._require(not left, f"5: {what}, and not by a tick at {now}: {left}")
        for number, sentence, question in TODAY:
            found = self._memory.execute(question).fetchone()
            self._require(found is None, f"{number}: {sentence}: {found}")

    def idle(self, changes: int, now: datetime) -> None:
        """23: a second tick at the same moment finds nothing to do."""
        self._require(changes <= 1, f"23: a tick with nothing due wrote {changes} rows at {now}")

    def at_the_end(self, now: datetime) -> None:
        """Liveness: all is healed, two weeks have passed."""
        self.after_tick(now)
        for number, sentence, question in AT_THE_END:
            found = self._memory.execute(question).fetchone()
            self._require(found is None, f"{number}: {sentence}: {found}")
        self._thoroughly()
        [(whole,)] = self._rows("PRAGMA quick_check(1)")
        self._require(whole == "ok", f"28: {whole}")

    def _thoroughly(self) -> None:
        self._nothing_of_the_erased()
        for number, sentence, question in BY_DAY:
            found = self._memory.execute(question).fetchone()
            self._require(found is None, f"{number}: {sentence}: {found}")
        status = dict(
            self._rows("SELECT idempotency_key, status FROM workflow_step_executions WHERE idempotency_key IS NOT NULL")
        )
        for key, found in status.items():
            if found == "completed":
                known = key in self.truth or self._said.get(key) is True
                self._require(known, f"3: {key} is on record as accepted, and no server has it")
        for key in self.truth:
            if key in self._settled:
                continue
            doubted = key in self._said or status[key] in ("running", "completed") or self._was_in_doubt(key)
            self._require(doubted, f"2: a server has {key}, and it is on record as {status[key]}")
        steps = self._rows(
            "SELECT x.instance_id, x.step_id, t.steps FROM workflow_step_executions x JOIN workflow_instances"
            " USING (instance_id) JOIN workflow_templates t USING (template_id) WHERE x.instance_id NOT IN"
            " (SELECT instance_id FROM event_log WHERE kind = 'instance.migrated')"
        )
        for instance, step, definition in steps:
            self._require(
                f'"id":"{step}"' in definition,
                f"10: instance {instance} came to '{step}', which its version does not have",
            )

    def _was_in_doubt(self, key: str) -> bool:
        """An instance that was cancelled, or went on, while nobody knew: its record says that it is not known."""
        [(error,)] = self._rows("SELECT error_message FROM workflow_step_executions WHERE idempotency_key = ?", key)
        return error is not None and ("not known whether it left" in error or "never found out" in error)

    def everything(self) -> str:
        """Every byte of the database, for what must not change it."""
        return sha256(self._memory.serialize()).hexdigest()

    def unchanged(self, before: str) -> None:
        """22: a dry run has written nothing."""
        self._require(self.everything() == before, "22: a dry run has changed the database")

    @property
    def _kept_back(self) -> str:
        """The reason of what stays for want of a person's word."""
        return "" if self.live else NOT_LIVE

    # -- what the run asks --------------------------------------------------------------------------------------------

    def next_due(self) -> str | None:
        """The earliest moment at which a tick has anything to do."""
        [(text,)] = self._rows(questions.NEXT_DUE, self._kept_back)
        return text if text is None else str(text)

    def head(self) -> str:
        """The hash of the last entry of the audit trail."""
        return self._hash


def _step(steps: Any, wanted: str) -> Mapping[str, Any]:
    """A step of a definition, wherever in it."""
    return next(one for one in all_steps(steps) if one["id"] == wanted)


def _read(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


_as_hashed = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
RULES = joined(AFTER_COMMIT)
RULED, PLANNED = tables_read(RULES), tables_read(questions.PLANNED)
REPLAYED = tables_read(questions.ENTRIES) | tables_read(questions.STANDS)
