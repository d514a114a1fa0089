"""Small workflows, ticks, crashes, events and people in any order: what is promised holds after every single thing."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from zlib import crc32

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coopflow.channels.base import Accepted, Deferred, Delivery, Message, Refused, Unavailable, Unknown, Withdrawn
from coopflow.core import people
from coopflow.core.states import FINAL
from coopflow.sending import Book, Outgoing, Post
from tests.faults.conftest import MEMORY
from tests.world import World, at

Data = dict[str, Any]
IDS = [f"s{number}" for number in range(5)]
AT_ONCE = {"window": "always"}
REPLIED = {"field": "email_response_received", "operator": "==", "value": True}

targets = st.sampled_from(IDS)
failures = st.sampled_from(["hold", "continue", "fail", *IDS])
common = st.fixed_dictionaries(
    {},
    optional={
        "delay": st.sampled_from(["1 minute", "2 hours", "1 day"]),
        "on_failure": failures,
        "approval": st.just(True),
        "only_if": st.just({"not": REPLIED}),
        "window": st.just("always"),
        "stale_after": st.just("2 hours"),
        "timeout": st.just("1 day"),
        "retry": st.just({"max_retries": 1}),
    },
)
mails = st.sampled_from([{"type": "email", "template_id": "hello"}, {"type": "email", "template_id": "holey"}])
texts = st.just({"type": "sms", "message": "Hi {{ family_name }}", "urgent": True})
waits = st.sampled_from(
    [
        {"type": "wait", "duration": "1 hour"},
        {"type": "wait", "duration": "2 days", "until": {"event": "email_response_received"}},
        {"type": "wait", "duration": "1 day", "until": {"event": "payment_received"}, "on_timeout": "s4"},
    ]
)
chores = st.just({"type": "task", "description": "Do it"})
calls = targets.map(
    lambda target: {
        "type": "call",
        "reason": "Talk",
        "outcomes": {"ok": target, "again": {"retry_in": "1 hour", "max": 1, "then": target}, "bad": "escalate"},
    }
)
choices = st.tuples(targets, targets).map(
    lambda ways: {"type": "condition", "condition": REPLIED, "if_true_step": ways[0], "if_false_step": ways[1]}
)
ends = st.just({"type": "end"})
simple = st.tuples(st.one_of(mails, texts, waits, chores), common).map(lambda parts: parts[0] | parts[1])


def _in_branches(branches: Sequence[Sequence[Data]], join: str) -> Data:
    named = [
        [
            {**{key: value for key, value in step.items() if key not in ("on_failure", "on_timeout")}, "id": f"b{i}{j}"}
            for j, step in enumerate(branch)
        ]
        for i, branch in enumerate(branches)
    ]
    return {"type": "parallel", "branches": named, "join": join}


forks = st.builds(
    _in_branches,
    st.lists(st.lists(simple, min_size=1, max_size=2), min_size=2, max_size=3),
    st.sampled_from(["all", "any"]),
)
steps = st.one_of(simple, simple, calls, choices, forks, ends)
messages = st.tuples(st.one_of(mails.filter(lambda mail: mail["template_id"] == "hello"), texts), common).map(
    lambda parts: parts[0] | {key: parts[1][key] for key in parts[1] if key in ("on_failure", "retry")} | AT_ONCE
)
workflows = st.tuples(messages, st.lists(st.one_of(steps, messages), min_size=4, max_size=4)).map(
    lambda found: [{**step, "id": name} for name, step in zip(IDS, (found[0], *found[1]), strict=True)]
)


class Killed(BaseException):
    """Stands for a kill: what was not committed is gone."""


@dataclass
class Dice:
    """A channel whose answers look random and are the same for the same message and try, whichever thread asks."""

    name: str
    dedupes: bool
    seed: int
    arrived: Counter[str] = field(default_factory=Counter)  # by Message-ID: what nobody can take back
    keys: set[str] = field(default_factory=set)
    tries: Counter[str] = field(default_factory=Counter)
    transport: str = "dice"

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        self.tries[message.key] += 1
        face = crc32(f"{self.seed}/{message.key}/{self.tries[message.key]}".encode()) % 12
        if face == 0:
            return Unavailable("out of order")
        if face == 1:
            return Deferred("busy")
        if not self.dedupes and not last_call():
            return Withdrawn()
        if face == 2 and message.key not in self.keys:
            return Refused("unknown")
        if face == 3 and not self.dedupes:
            return Unknown("lost before it arrived")
        self.arrive(message)
        return Unknown("lost after it arrived") if face == 4 and not self.dedupes else Accepted()

    def arrive(self, message: Message) -> None:
        if self.dedupes and message.key in self.keys:
            return
        self.keys.add(message.key)
        self.arrived[message.message_id] += 1

    def close(self) -> None:
        pass


@dataclass
class Run:
    """One co-op with one family and one instance, to which things happen."""

    world: World
    channels: Mapping[str, Dice]
    instance: int
    over_with: int | None = None  # attempts on record when it ended

    def arrived(self) -> Counter[str]:
        return sum((channel.arrived for channel in self.channels.values()), Counter())

    def check(self) -> None:
        self.world.check()
        assert set(self.arrived().values()) <= {1}, "a message arrived twice"
        if self.world.case(self.instance).instance.status in FINAL:
            attempts = len(self.world.attempts(self.instance))
            assert self.over_with in (None, attempts), "a step after the end"
            self.over_with = attempts

    # -- what can happen --------------------------------------------------------------------------------------------

    def ticks(self, later: timedelta) -> None:
        self.world.now += later
        before, case = self.arrived(), self.world.case(self.instance)
        self.world.tick()
        if case.instance.status == "paused" or not case.instance.active:
            assert self.arrived() == before, "a message of an instance that is paused, or over"
        for name, channel in self.channels.items():
            if case.family.consent.get(name, {}).get("allowed") is False:
                assert not channel.arrived - before, "a message to a family that has opted out"

    def crashes(self, later: timedelta, survivors: int, phase: int) -> None:
        """A tick that dies in one of the phases of a message, after so many others."""
        deliver = self.world.engine.post.deliver

        def die(batch: Sequence[Outgoing], book: Book) -> None:
            for number, outgoing in enumerate(batch):
                channel = self.channels[outgoing.message.channel]
                if number == survivors:
                    granted = phase > 0 and (channel.dedupes or outgoing.message.key in book([outgoing], ()))
                    if granted and phase > 1:
                        channel.arrive(outgoing.message)
                    raise Killed
                fate = channel.deliver(outgoing.message, lambda o=outgoing: bool(book([o], ())))  # type: ignore[misc]
                book((), [(outgoing, fate)])

        self.world.engine.post.deliver = die  # type: ignore[method-assign]
        self.world.now += later
        try:
            self.world.tick()
        except Killed:
            pass
        finally:
            self.world.engine.post.deliver = deliver  # type: ignore[method-assign]

    def hears(self, kind: str) -> None:
        self.world.event(kind, family="42")

    def opts(self, channel: str, allowed: bool) -> None:
        self.world.changes_family("42", consent={channel: {"allowed": allowed}})

    def does(self, verb: Callable[..., None]) -> None:
        self.world.does(verb, self.instance)

    def sends_to(self, step_id: str) -> None:
        self.world.does(people.goto, self.instance, step_id=step_id)

    def snoozes(self, later: timedelta) -> None:
        self.world.does(people.snooze, self.instance, until=self.world.now + later)

    def closes(self, number: int) -> None:
        """A coordinator closes a task; one about a doubt as the other side's records have it."""
        tasks = [task for task in self.world.tasks() if task.branch is not None]
        if not tasks:
            return
        task = tasks[number % len(tasks)]
        case = self.world.case(self.instance)
        entry = case.entries[str(task.branch)]
        if task.task_type == "doubt":
            attempt = case.attempt(entry)
            assert attempt is not None
            outcome = "sent" if attempt.message_id in self.arrived() else "not_sent"
        elif task.task_type == "approval":
            outcome = ("approved", "declined")[number % 2]
        elif task.task_type == "person":
            outcome = ("retry", "skip", "cancel")[number % 3]
        else:
            outcome = ("ok", "again", "bad")[number % 3]
        self.world.closes(task, outcome)


times = st.sampled_from(
    [timedelta(0), timedelta(0), timedelta(minutes=16), timedelta(hours=3), timedelta(days=1), timedelta(days=4)]
)
happenings = st.one_of(
    st.tuples(st.just("ticks"), times),
    st.tuples(st.just("ticks"), times),
    st.tuples(st.just("crashes"), times, st.integers(0, 1), st.integers(0, 2)),
    st.tuples(st.just("crashes"), times, st.just(0), st.integers(1, 2)),
    st.tuples(st.just("closes"), st.integers(0, 5)),
    st.tuples(st.just("closes"), st.integers(0, 5)),
    st.tuples(st.just("hears"), st.sampled_from(["email_response_received", "payment_received"])),
    st.tuples(st.just("opts"), st.sampled_from(["email", "sms"]), st.booleans()),
    st.tuples(
        st.just("does"), st.sampled_from([people.pause, people.resume, people.retry, people.skip, people.run_now])
    ),
    st.tuples(st.just("does"), st.just(people.cancel)),
    st.tuples(st.just("sends_to"), targets),
    st.tuples(st.just("snoozes"), times),
)


begins = st.one_of(
    st.tuples(st.just("ticks"), st.just(timedelta(0))),
    st.tuples(st.just("crashes"), st.just(timedelta(0)), st.just(0), st.integers(0, 2)),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    found=workflows,
    criteria=st.sampled_from([None, REPLIED]),
    on_failure=st.sampled_from(["hold", "continue", "fail"]),
    dedupes=st.booleans(),
    seed=st.integers(0, 1000),
    begin=begins,
    happens=st.lists(happenings, min_size=5, max_size=25),
)
def test_whatever_happens_nothing_is_stuck_sent_twice_or_done_after_the_end(
    found: list[Data],
    criteria: Data | None,
    on_failure: str,
    dedupes: bool,
    seed: int,
    begin: tuple[Any, ...],
    happens: list[tuple[Any, ...]],
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="coopflow-", dir=MEMORY if MEMORY.is_dir() else None))
    world = World(folder)
    try:
        channels = {name: Dice(name, dedupes, seed) for name in ("email", "sms")}
        world.engine.post = Post(channels, max_concurrent=2)
        written = {
            "hello": "---\nsubject: Hello\n---\nDear {{ family_name }}.",
            "holey": "---\nsubject: Hello\n---\nDear {{ tutor }}.",
        }
        rest: Data = {"completion_criteria": criteria} if criteria else {}
        levels = [{"after": "1 day", "assign": "director"}]
        world.has_workflow(
            "w", found, messages=written, escalation={"on_failure": on_failure, "levels": levels}, **rest
        )
        world.has_family("42")
        world.now = at("2026-03-20 09:00")
        run = Run(world, channels, world.start("w", family="42"))
        for name, *arguments in (begin, *happens):
            getattr(run, name)(*arguments)
            run.check()
    finally:
        world.close()
        shutil.rmtree(folder)
