"""What will be done if nothing else happens: the rules themselves, on working copies, by a clock that jumps ahead.

It is the tick without its surroundings: the same `advance`, `intend` and `answered`, so that what is foreseen is what
comes. Every message is taken to be accepted, and nobody answers, unless a script says otherwise.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from heapq import heappop, heappush

from msgspec import Struct, field
from msgspec.structs import replace

from coopflow.core.case import Case
from coopflow.core.decisions import Send
from coopflow.core.deliveries import Accepted, Delivery, Refused
from coopflow.core.desk import finish_task
from coopflow.core.hearing import hear
from coopflow.core.model import Entry, Event, Message
from coopflow.core.protocol import answered, intend, under_way
from coopflow.core.queueing import wake
from coopflow.core.settle import advance
from coopflow.core.states import EntryStatus

OUTSIDE = "outside"  # the actor of what is only assumed to happen
MOST = 1000  # things that are foreseen of one instance; more is a loop


class Foreseen(Struct, frozen=True):
    """One thing that will happen, as the audit trail would have it, and why it happens then."""

    case: Case
    event: Event
    reason: str | None


class Script(Struct, frozen=True, kw_only=True):
    """What is assumed to happen beside what coopflow does."""

    events: tuple[tuple[datetime, str], ...] = ()  # kinds of event from outside, and when they come
    refused: frozenset[str] = frozenset()  # steps whose message is refused for good
    outcomes: Mapping[str, str] = field(default_factory=dict)  # step → what its task is closed with when it opens


NOTHING_ELSE = Script()


def foresee(
    cases: Iterable[Case], *, since: datetime, until: datetime, script: Script = NOTHING_ELSE
) -> Iterator[Foreseen]:
    """Walk the cases from one instant to another and tell what happens, in the order of time. The cases are used up."""
    walk = _Walk(cases, script, since)
    for at, kind in sorted(script.events):
        yield from walk.to(min(at, until))
        if at <= until:
            yield from walk.hear(kind, at)
    yield from walk.to(until)


class _Walk:
    """The cases, and the row in which they come up."""

    def __init__(self, cases: Iterable[Case], script: Script, since: datetime) -> None:
        self._cases = {case.instance.instance_id: case for case in cases}
        self._script = script
        self._since = since
        self._told = dict.fromkeys(self._cases, 0)
        self._behind: dict[tuple[int, str], list[Case]] = defaultdict(list)  # conversation → who waits for its end
        # When; the round of that tick, in each of which a branch sends one message; the more urgent; the older first.
        self._turns: list[tuple[datetime, int, int, int]] = []
        for case in self._cases.values():
            self._line_up(case)
            for before in case.others:
                self._behind[before].append(case)

    def to(self, until: datetime) -> Iterator[Foreseen]:
        """Everything up to an instant."""
        while self._turns and self._turns[0][0] <= until:
            now, round_, _, number = heappop(self._turns)
            case = self._cases[number]
            if self._turn(case) != now or self._told[number] > MOST:
                continue  # it was moved meanwhile, and stands elsewhere in the row; or it goes round in circles
            for foreseen in _one_turn(case, self._script, now=now):
                self._told[number] += 1
                yield foreseen
            self._after(case, now, round_ + 1)

    def hear(self, kind: str, now: datetime) -> Iterator[Foreseen]:
        """An event from outside, of which every case hears."""
        for case in [found for found in self._cases.values() if found.instance.active]:
            case.journal.events.append(Event(at=now, kind=kind, actor=OUTSIDE, family_id=case.family.family_id))
            happened = {known for known in (*case.coop.known_events, kind) if known in case.facts.events}
            case.facts = replace(case.facts, events=happened | {kind})
            hear(case, kind, now=now)
            yield from _told(case, {})
            self._after(case, now)

    def _after(self, case: Case, now: datetime, next_round: int = 0) -> None:
        self._line_up(case, next_round if self._turn(case) == now else 0)
        if case.instance.active:
            return
        ended = (case.instance.instance_id, case.workflow.name)
        for other in self._behind.pop(ended, ()):
            other.others = tuple(before for before in other.others if before != ended)
            wake(other, now=now)
            self._line_up(other)

    def _line_up(self, case: Case, round_: int = 0) -> None:
        if turn := self._turn(case):
            heappush(self._turns, (turn, round_, -case.workflow.priority, case.instance.instance_id))

    def _turn(self, case: Case) -> datetime | None:
        """When the case is looked at next; None: the clock alone never brings it on."""
        waiting = [entry.scheduled_for for entry in case.entries.values() if entry.status is EntryStatus.QUEUED]
        due = min(filter(None, waiting), default=None)
        return None if due is None else max(due, self._since)


def _one_turn(case: Case, script: Script, *, now: datetime) -> Iterator[Foreseen]:
    """What one round of a tick does to a case, its messages included; what these lead to is sent in the next one."""
    reasons = {entry.step_id: entry.reason for entry in case.entries.values()}
    sends = advance(case, now=now)
    for entry, send in sends:
        if case.entries.get(entry.branch) is entry:
            _hand_over(case, entry, send, script, now=now)
    if sends:
        advance(case, now=now)
    for task in [found for found in case.tasks if found.branch and found.step_id in script.outcomes]:
        finish_task(case, task, outcome=script.outcomes[str(task.step_id)], note=None, now=now)
    yield from _told(case, reasons)


def _hand_over(case: Case, entry: Entry, send: Send, script: Script, *, now: datetime) -> None:
    if case.attempt(entry) is None:
        name = f"{case.instance.instance_id}/{entry.branch}/{entry.visit}"
        key = f"{name}/{entry.attempts}"
        message = Message(channel=send.channel, to=send.to, text="", key=key, message_id=name, at=now)
        intend(case, entry, message, handed_over=True, now=now)
    under_way(entry, send.channel)
    fate: Delivery = Refused("as assumed") if entry.step_id in script.refused else Accepted()
    answered(case, entry, fate, now=now)


def _told(case: Case, reasons: Mapping[str, str | None]) -> Iterator[Foreseen]:
    """What the case has noted down since the last time."""
    noted = list(case.journal.events)
    case.journal.clear()
    for event in noted:
        yield Foreseen(case, event, reasons.get(str(event.data.get("step"))))
