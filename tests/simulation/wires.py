"""Servers that do with messages what the seed says, each with a truth log that the engine cannot see.

`Mailbag` stands in for the pool of workers, which would make the order a matter of chance: it lets some messages come
to their last call together, as the workers do, one after the other.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from coopflow.core.deliveries import Accepted, Deferred, Delivery, Refused, Unavailable, Unknown, Withdrawn
from coopflow.core.model import Message
from coopflow.sending import Answered, Asked, Outgoing
from coopflow.transports import Transports
from tests.simulation.dice import Dice
from tests.simulation.memory import Crash

NOT_TAKEN: Mapping[str, Delivery] = {  # answers before the moment that cannot be taken back
    "deferred": Deferred("451 greylisted"),
    "deferred_for_hours": Deferred("429 too many", timedelta(hours=5)),
    "refused": Refused("554 these words are not taken"),
    "refused_address": Refused("550 no such mailbox", bad_address=True),
    "refused_opted_out": Refused("21610 has opted out", opted_out=True),
    "unavailable": Unavailable("connection refused"),
}


@dataclass
class Wire:
    """One channel."""

    name: str
    dedupes: bool
    dice: Dice
    faults: tuple[str, ...]
    share: float
    took: Callable[[Message], None]  # the truth log
    healed: bool = False
    _times: dict[str, int] = field(default_factory=dict)  # how often a key was handed over
    _known: set[str] = field(default_factory=set)  # keys that it has taken

    def fault(self, message: Message) -> str | None:
        """What is wrong this time; it depends on the message, so that a plan cut down meets the same."""
        times = self._times[message.key] = self._times.get(message.key, 0) + 1
        random = self.dice.stream("wire", message.key, times)
        if not self.faults or random.random() >= self.share or self.healed:
            return None
        fault = random.choice(self.faults)
        if not fault.startswith("refused"):
            return fault
        if message.key in self._known:  # what it has, it does not refuse
            return None
        return fault if self.name in ("email", "sms") else "refused"

    def before(self, fault: str | None) -> Delivery | None:
        """Up to the last call; an answer ends it there."""
        if fault == "crash_before":
            raise Crash
        return NOT_TAKEN.get(fault or "")

    def after(self, message: Message, fault: str | None) -> Delivery:
        """What follows once it may go."""
        if fault == "crash_between":
            raise Crash
        if fault == "unknown_not_sent":
            return Unknown("no reply after the dot")
        self.took(message)
        self._known.add(message.key)
        if fault == "crash_after":
            raise Crash
        if fault == "unknown_but_sent":
            return Unknown("the reply was lost")
        if self.name in ("email", "sms"):
            return Accepted(f"250 {message.key}")
        return Accepted(None, {"number": self.dice.stream("answer", message.key).random()})


@dataclass
class Mailbag:
    """The post of one tick."""

    wires: Mapping[str, Wire]
    random: Random
    passes_time: Callable[[], None]
    may_go: Callable[[Collection[str]], None]  # told at once which keys have been allowed to go
    be_quiet: Callable[[bool], None]  # until then
    transports: Transports = field(default_factory=Transports)  # every message is tried: none is out of order for long

    def transport_names(self) -> dict[str, str]:
        return dict.fromkeys(self.wires, "simulated")

    def dedupes(self, channel: str) -> bool:
        return self.wires[channel].dedupes

    def close(self) -> None:
        pass

    def deliver(self, batch: Sequence[Outgoing], book: Callable[[Asked, Answered], Collection[str]]) -> None:
        rest, answered = list(batch), list[tuple[Outgoing, Delivery]]()
        try:
            while rest:
                together = self.random.randrange(1, 4)
                group, rest = rest[:together], rest[together:]
                self._deliver(group, answered, book)
            book((), tuple(answered))
        except Exception:  # what was answered meanwhile is a fact, whatever went wrong
            book((), (*answered, *((outgoing, Withdrawn()) for outgoing in rest)))
            raise

    def _deliver(
        self,
        group: Sequence[Outgoing],
        answered: list[tuple[Outgoing, Delivery]],
        book: Callable[[Asked, Answered], Collection[str]],
    ) -> None:
        faults = {outgoing.message.key: self._wire(outgoing).fault(outgoing.message) for outgoing in group}
        asking = []
        for outgoing in group:
            self.passes_time()
            early = self._wire(outgoing).before(faults[outgoing.message.key])
            if early is not None:
                answered.append((outgoing, early))
            elif self._wire(outgoing).dedupes:
                answered.append((outgoing, self._wire(outgoing).after(outgoing.message, faults[outgoing.message.key])))
            else:
                asking.append(outgoing)
        if not asking:
            return
        self.be_quiet(True)
        granted = book(tuple(asking), tuple(answered))
        answered.clear()
        self.may_go(granted)
        self.be_quiet(False)
        for outgoing in asking:
            self.passes_time()
            if outgoing.message.key in granted:
                fate = self._wire(outgoing).after(outgoing.message, faults[outgoing.message.key])
            else:
                fate = Withdrawn()
            answered.append((outgoing, fate))

    def _wire(self, outgoing: Outgoing) -> Wire:
        return self.wires[outgoing.message.channel]
