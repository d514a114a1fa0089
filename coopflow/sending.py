"""Messages on their way out: a pool of workers hands them over, and one keeps the book.

Only the thread that keeps the book touches the database. A worker that has come to the irrevocable moment asks and
waits; what has been answered meanwhile, and whoever else asks, is written by the same commit, so that ten connections
share one write to disk, and no answer waits for the end of the batch (reliability, section 2.2, T2 and T3). Where the
other side is quick, a worker asks for a few messages in a row: as few as can be looked up by hand after a crash.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from threading import Condition

from msgspec import Struct

from coopflow.channels.base import Channel, TakesInARow, TakesMany
from coopflow.core.deliveries import Delivery, Unavailable, Unknown, Withdrawn
from coopflow.core.model import Message
from coopflow.threads import Worker
from coopflow.transports import Transports

LOOK_AFTER = 1  # seconds; how long nothing may happen until the workers are looked after
MOST_ON_THEIR_WAY = 20  # messages of all workers between last call and outcome, where there are not more workers
SOON = 0.05  # seconds that an answer of a row waits at most for others, or for the next last call, to share its write


class Outgoing(Struct, frozen=True):
    """A message whose intent is on record, and the branch that waits for its fate."""

    instance_id: int
    branch: str
    message: Message
    perhaps_out: bool = False  # a tick that died had handed it over: only the transport knows whether it arrived


Asked = Sequence[Outgoing]  # those that have come to the irrevocable moment
Answered = Sequence[tuple[Outgoing, Delivery]]  # those that have met their fate
Book = Callable[[Asked, Answered], Collection[str]]  # writes both down; answers with the keys of those that may go


class Post:
    """Hands messages to their channels, several at a time."""

    def __init__(self, channels: Mapping[str, Channel], *, max_concurrent: int, settings: str = "") -> None:
        """`settings` stands for the transports' settings: what was held with others is tried at once."""
        self._channels = channels
        self._max_concurrent = max_concurrent
        self.transports = Transports(settings=settings)

    def dedupes(self, channel: str) -> bool:
        """True when handing the same key over twice sends once, so that a doubt can be settled by trying again."""
        return self._channels[channel].dedupes

    def transport_names(self) -> dict[str, str]:
        """How each channel carries what it carries."""
        return {name: channel.transport for name, channel in self._channels.items()}

    def close(self) -> None:
        """Let go of connections."""
        for channel in self._channels.values():
            channel.close()

    def deliver(self, batch: Sequence[Outgoing], book: Book) -> None:
        """Hand every message over; if the book cannot be kept, or on Ctrl-C, only what is under way is ended."""
        exchange = _Exchange(batch, self._handful(batch))
        workers: list[Worker] = []
        try:
            self._start(workers, exchange, len(batch))
            while exchange.goes_on():
                exchange.wait(lambda: any(worker.alive() for worker in workers))
                exchange.write(book)
        except BaseException:
            exchange.stop()
            for worker in workers:
                worker.join()
            exchange.write(book)  # what was answered meanwhile is a fact, whatever went wrong
            raise

    def _handful(self, batch: Sequence[Outgoing]) -> Callable[[str], int]:
        """How many messages of a channel a worker takes up at once."""
        share = -(-len(batch) // self._max_concurrent)
        row = max(1, MOST_ON_THEIR_WAY // self._max_concurrent)

        def handful(name: str) -> int:
            channel = self._channels[name]
            if isinstance(channel, TakesMany):
                return share
            return min(channel.row, row, share) if isinstance(channel, TakesInARow) else 1

        return handful

    def _start(self, workers: list[Worker], exchange: "_Exchange", messages: int) -> None:
        """Start the workers; fewer will do where the system gives no more."""
        for _ in range(min(self._max_concurrent, messages)):
            worker = Worker(lambda: self._work(exchange))
            try:
                worker.start()
            except RuntimeError:
                if not workers:
                    raise
                return
            workers.append(worker)

    def _work(self, exchange: "_Exchange") -> None:
        while taken := exchange.take():
            name = taken[0].message.channel
            channel, held = self._channels[name], self.transports.held(name)
            if held:
                exchange.answer([(outgoing, held) for outgoing in taken], urgent=False)
            elif isinstance(channel, TakesInARow):
                self._in_a_row(taken, channel, exchange)
            else:
                fates = self._tried(taken, exchange)
                exchange.answer(list(zip(taken, fates, strict=True)), urgent=not channel.dedupes)

    def _in_a_row(self, taken: Asked, channel: TakesInARow, exchange: "_Exchange") -> None:
        """Hand messages over one after the other; each answer is told when it comes."""
        name, left = taken[0].message.channel, deque(taken)
        granted: list[Collection[str]] = []

        def last_call() -> Collection[str]:
            granted.append(exchange.last_call(taken))
            return granted[-1]

        def answered(fate: Delivery) -> bool:
            if isinstance(fate, Withdrawn) and not granted:
                fate = Unavailable(_kept_back(name))
            outgoing = left.popleft()
            self.transports.heard(name, fate, at=outgoing.message.at)
            exchange.answer([(outgoing, fate)], urgent=len(taken) == 1, soon=True)
            return self.transports.held(name) is None

        try:
            channel.deliver_row([outgoing.message for outgoing in taken], last_call, answered)
            fault: Delivery | None = self.transports.held(name)
        except BaseException as error:  # noqa: BLE001 - whatever went wrong in a channel, its messages have a fate
            fault = Unavailable(_fault(name, error))
            if left and granted and left[0].message.key in granted[-1]:
                answered(Unknown(_fault(name, error)))
        rest = fault or Unavailable(f"fault in the {name} channel: it did not say what became of the message")
        exchange.answer([(outgoing, rest) for outgoing in left], urgent=bool(left))  # their turn had not come

    def _tried(self, taken: Asked, exchange: "_Exchange") -> Sequence[Delivery]:
        """Hand messages of one channel over, and remember what that says of its transport."""
        channel = self._channels[taken[0].message.channel]
        if isinstance(channel, TakesMany):
            fates = self._hand_over_all(taken, channel)
        else:
            fates = [self._hand_over(outgoing, exchange) for outgoing in taken]
        for outgoing, fate in zip(taken, fates, strict=True):
            self.transports.heard(outgoing.message.channel, fate, at=outgoing.message.at)
        return fates

    def _hand_over_all(self, taken: Asked, channel: TakesMany) -> Sequence[Delivery]:
        try:
            return channel.deliver_all([outgoing.message for outgoing in taken])
        except BaseException as error:  # noqa: BLE001 - whatever went wrong in a channel, its messages have a fate
            return [Unavailable(_fault(taken[0].message.channel, error))] * len(taken)

    def _hand_over(self, outgoing: Outgoing, exchange: "_Exchange") -> Delivery:
        said: list[bool] = []
        channel = self._channels[outgoing.message.channel]

        def last_call() -> bool:  # one that dedupes has no need to ask
            said.append(channel.dedupes or bool(exchange.last_call([outgoing])))
            return said[-1]

        try:
            fate = channel.deliver(outgoing.message, last_call)
        except BaseException as error:  # noqa: BLE001 - whatever went wrong in a channel, the message has a fate
            fault = _fault(outgoing.message.channel, error)
            return Unknown(fault) if any(said) else Unavailable(fault)
        if isinstance(fate, Withdrawn) and False not in said:
            return Unavailable(_kept_back(outgoing.message.channel))
        return fate


def _fault(channel: str, error: BaseException) -> str:
    return f"fault in the {channel} channel: {type(error).__name__}: {error}"


def _kept_back(channel: str) -> str:
    return f"fault in the {channel} channel: it kept back what may go"


class _Exchange:
    """What the workers and the one who keeps the book tell each other about one batch."""

    def __init__(self, batch: Sequence[Outgoing], handful: Callable[[str], int]) -> None:
        self._handful = handful
        self._changed = Condition()
        self._waiting = deque(batch)  # not taken up yet
        self._left = len(batch)  # not on the book yet
        self._asked: list[Outgoing] = []
        self._said: dict[str, bool] = {}  # by key: what was said to those that asked
        self._answered: list[tuple[Outgoing, Delivery]] = []
        self._urgent = False  # among the answers is one that a crash would turn into a doubt
        self._soon = False  # the same, and others are expected at once
        self._stopped = False

    # -- for the workers ------------------------------------------------------------------------------------------

    def take(self) -> list[Outgoing]:
        """The next messages to hand over, all of one channel; none when there are no others."""
        taken: list[Outgoing] = []
        with self._changed:
            while self._waiting and len(taken) < self._handful(self._waiting[0].message.channel):
                if taken and taken[0].message.channel != self._waiting[0].message.channel:
                    break
                taken.append(self._waiting.popleft())
        return taken

    def last_call(self, row: Asked) -> Collection[str]:
        """Ask whether messages may still go, and wait for the answer: the keys of those that may."""
        keys = {outgoing.message.key for outgoing in row}
        with self._changed:
            self._asked += row
            self._changed.notify_all()
            self._changed.wait_for(lambda: keys <= self._said.keys() or self._stopped)
            return {key for key in keys if self._said.pop(key, False)}

    def answer(self, fates: Answered, *, urgent: bool, soon: bool = False) -> None:
        """Tell what became of messages."""
        with self._changed:
            self._answered += fates
            self._urgent = self._urgent or urgent
            self._soon = self._soon or soon
            self._changed.notify_all()

    # -- for the one who keeps the book ---------------------------------------------------------------------------

    def goes_on(self) -> bool:
        """True until the fate of every message is on the book."""
        return self._left > 0

    def wait(self, anybody: Callable[[], bool]) -> None:
        """Wait until there is something to write: at once what is urgent, the rest when all of it has come in."""
        with self._changed:
            while not self._changed.wait_for(lambda: self._soon or self._something_to_write(), LOOK_AFTER):
                if not anybody():
                    raise RuntimeError("whoever was to hand messages over has ended without an answer")
            self._changed.wait_for(self._something_to_write, SOON)

    def write(self, book: Book) -> None:
        """Write down what there is to write."""
        with self._changed:
            asked, answered = tuple(self._asked), tuple(self._answered)
            self._urgent = self._soon = False
        if not asked and not answered:
            return
        granted = book(asked, answered)
        with self._changed:
            del self._asked[: len(asked)], self._answered[: len(answered)]
            self._left -= len(answered)
            self._said.update({outgoing.message.key: outgoing.message.key in granted for outgoing in asked})
            self._changed.notify_all()

    def stop(self) -> None:
        """Begin nothing new, and let nobody pass who has not passed yet."""
        with self._changed:
            self._stopped = True
            self._asked.clear()
            self._answered += [(outgoing, Withdrawn()) for outgoing in self._waiting]
            self._waiting.clear()
            self._changed.notify_all()

    def _something_to_write(self) -> bool:
        return self._urgent or bool(self._asked) or len(self._answered) == self._left
