"""Messages on their way out: workers hand them over, and ask for a last word before each one is irrevocable.

Only this thread touches the database. A worker that has come to the irrevocable moment asks and waits; whoever else
asks in the meantime is answered by the same commit, so that ten connections share one write to disk (reliability,
section 2.2, T2).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event

from coopflow.channels.base import Channel
from coopflow.core.deliveries import Delivery, Unavailable, Unknown
from coopflow.core.model import Message


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message whose intent is on record, and the branch that waits for its fate."""

    instance_id: int
    branch: str
    message: Message


LastCalls = Callable[[Sequence[Outgoing]], Collection[str]]  # those asked about → the keys of those that may go


@dataclass(slots=True)
class _Question:
    """One worker at the irrevocable moment."""

    outgoing: Outgoing
    answered: Event = field(default_factory=Event)
    may_go: bool = False

    def answer(self, may_go: bool) -> None:
        self.may_go = may_go
        self.answered.set()


class Post:
    """Hands messages to their channels, several at a time."""

    def __init__(self, channels: Mapping[str, Channel], *, max_concurrent: int) -> None:
        self._channels = channels
        self._max_concurrent = max_concurrent

    def dedupes(self, channel: str) -> bool:
        """True when handing the same key over twice sends once, so that a doubt can be settled by trying again."""
        return self._channels[channel].dedupes

    def close(self) -> None:
        """Let go of connections."""
        for channel in self._channels.values():
            channel.close()

    def deliver(self, batch: Sequence[Outgoing], last_calls: LastCalls) -> list[tuple[Outgoing, Delivery]]:
        """Hand every message over; answer with the fate of each, in the order in which they were given."""
        questions: SimpleQueue[_Question | None] = SimpleQueue()  # None: one message is done
        with ThreadPoolExecutor(self._max_concurrent, thread_name_prefix="coopflow-send") as pool:
            fates = [pool.submit(self._hand_over, outgoing, questions) for outgoing in batch]
            for fate in fates:
                fate.add_done_callback(lambda _: questions.put(None))
            self._preside(questions, len(batch), last_calls)
        return [(outgoing, fate.result()) for outgoing, fate in zip(batch, fates, strict=True)]

    def _preside(self, questions: "SimpleQueue[_Question | None]", left: int, last_calls: LastCalls) -> None:
        failure: BaseException | None = None
        while left:
            heard = _drain(questions)
            left -= heard.count(None)
            asked = [question for question in heard if question is not None]
            granted: Collection[str] = ()
            if asked and failure is None:
                try:
                    granted = last_calls([question.outgoing for question in asked])
                except BaseException as error:  # noqa: BLE001 - the workers must hear "no" before it goes on its way
                    failure = error
            for question in asked:
                question.answer(question.outgoing.message.key in granted)
        if failure is not None:
            raise failure

    def _hand_over(self, outgoing: Outgoing, questions: "SimpleQueue[_Question | None]") -> Delivery:
        asked: list[_Question] = []

        def last_call() -> bool:
            question = _Question(outgoing)
            asked.append(question)
            questions.put(question)
            question.answered.wait()
            return question.may_go

        try:
            return self._channels[outgoing.message.channel].deliver(outgoing.message, last_call)
        except Exception as error:  # noqa: BLE001 - whatever went wrong in a channel, the message has a fate
            fault = f"fault in the {outgoing.message.channel} channel: {type(error).__name__}: {error}"
            return Unknown(fault) if any(question.may_go for question in asked) else Unavailable(fault)


def _drain(questions: "SimpleQueue[_Question | None]") -> list[_Question | None]:
    heard = [questions.get()]
    while True:
        try:
            heard.append(questions.get_nowait())
        except Empty:
            return heard
