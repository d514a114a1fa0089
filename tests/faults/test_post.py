"""The pool of workers and the one who keeps the book: whatever goes wrong in either, nobody waits for ever."""

import _thread
import sys
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from coopflow import sending, threads
from coopflow.core.deliveries import Accepted, Delivery, Unavailable, Unknown, Withdrawn
from coopflow.core.model import Message
from coopflow.sending import Answered, Asked, Outgoing, Post
from coopflow.threads import Worker
from tests.world import World, at

PATIENCE = 10  # seconds; whoever waits so long waits in vain
MAIL = [{"id": "mail", "type": "email", "template_id": "hello"}, {"id": "done", "type": "end"}]


@dataclass
class Doing:
    """A channel that does what it is told to."""

    what: Callable[[Message, Callable[[], bool]], Delivery]
    dedupes: bool = False
    name: str = "email"
    transport: str = "test"

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        return self.what(message, last_call)

    def close(self) -> None:
        pass


@dataclass
class InARow(Doing):
    """A channel that takes messages in a row, and does with each what it is told to."""

    row: int = 4
    rows: list[int] = field(default_factory=list)

    def deliver_row(
        self,
        messages: Sequence[Message],
        last_call: Callable[[], Collection[str]],
        answered: Callable[[Delivery], bool],
    ) -> None:
        self.rows.append(len(messages))
        granted: list[Collection[str]] = []

        def asked(key: str) -> bool:
            if not granted:
                granted.append(last_call())
            return key in granted[0]

        for message in messages:
            if not answered(self.what(message, partial(asked, message.key))):
                return


@dataclass
class Book:
    """A book that grants everything, until it is told to raise something."""

    raises: BaseException | None = None
    after: int = 0  # entries
    granted: list[str] = field(default_factory=list)
    written: list[tuple[str, Delivery]] = field(default_factory=list)
    entries: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, asked: Asked, answered: Answered) -> list[str]:
        if self.raises is not None and asked and len(self.entries) >= self.after:
            raise self.raises
        self.entries.append((len(asked), len(answered)))
        self.written += [(outgoing.message.key, fate) for outgoing, fate in answered]
        self.granted += [outgoing.message.key for outgoing in asked]
        return [outgoing.message.key for outgoing in asked]


def batch(count: int) -> list[Outgoing]:
    return [
        Outgoing(
            number,
            "main",
            Message(
                channel="email",
                to="a@example.org",
                text="Hi",
                key=f"k{number}",
                message_id=f"<k{number}@example.org>",
                at=at("2026-03-20 09:00"),
            ),
        )
        for number in range(count)
    ]


def polite(_: Message, last_call: Callable[[], bool]) -> Delivery:
    return Accepted() if last_call() else Withdrawn()


def delivered(channel: Doing, book: Book, messages: Sequence[Outgoing], *, at_once: int = 3) -> None:
    workers: list[Worker] = []
    start = Worker.start

    def noted(worker: Worker) -> None:
        start(worker)
        workers.append(worker)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Worker, "start", noted)
        Post({"email": channel}, max_concurrent=at_once).deliver(messages, book)
    assert workers
    for worker in workers:
        worker.join(PATIENCE)
        assert not worker.alive()


def test_every_message_is_asked_about_once_and_has_one_fate() -> None:
    book = Book()
    delivered(Doing(polite), book, batch(40), at_once=7)
    assert sorted(book.granted) == sorted(f"k{n}" for n in range(40))
    assert sorted(key for key, _ in book.written) == sorted(book.granted)
    assert {fate for _, fate in book.written} == {Accepted()}


def test_an_answer_does_not_wait_for_the_end_of_the_batch() -> None:
    book = Book()
    delivered(Doing(polite), book, batch(20), at_once=1)
    assert len(book.entries) > 20  # a kill would leave one message in doubt, and not twenty
    assert max(answered for _, answered in book.entries) == 1


def test_an_answer_is_written_while_another_message_is_still_under_way() -> None:
    under_way, written = threading.Event(), threading.Event()

    class Telling(Book):
        def __call__(self, asked: Asked, answered: Answered) -> list[str]:
            granted = super().__call__(asked, answered)
            if "k0" in dict(self.written):
                written.set()
            return granted

    def slow(message: Message, last_call: Callable[[], bool]) -> Delivery:
        assert last_call()
        if message.key == "k0":
            under_way.wait(PATIENCE)
            return Accepted()
        under_way.set()
        return Accepted() if written.wait(PATIENCE) else Unknown("the book was late")

    book = Telling()
    delivered(Doing(slow), book, batch(2), at_once=2)
    assert dict(book.written) == {"k0": Accepted(), "k1": Accepted()}


def test_messages_that_may_be_handed_over_again_share_one_entry() -> None:
    book = Book()
    delivered(Doing(lambda *_: Accepted(), dedupes=True), book, batch(20))
    assert book.entries == [(0, 20)]


def test_connections_are_let_go_of_with_the_post() -> None:
    closed = []

    class Connected(Doing):
        def close(self) -> None:
            closed.append(self.name)

    Post({name: Connected(polite, name=name) for name in ("email", "sms")}, max_concurrent=2).close()
    assert closed == ["email", "sms"]


def test_they_share_it_however_slowly_they_are_answered() -> None:
    def slowly(*_: object) -> Delivery:
        time.sleep(3 * sending.SOON)
        return Accepted()

    book = Book()
    delivered(Doing(slowly, dedupes=True), book, batch(3), at_once=1)
    assert book.entries == [(0, 3)]


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), RuntimeError("the book is gone"), SystemExit(3)])
@pytest.mark.parametrize("after", [0, 5])
def test_when_the_book_cannot_be_kept_nothing_new_begins_and_what_was_answered_is_written(
    raised: BaseException, after: int
) -> None:
    book = Book(raises=raised, after=after)
    with pytest.raises(type(raised)):
        delivered(Doing(polite), book, batch(50))
    fates = dict(book.written)
    assert len(fates) == 50
    assert {key for key, fate in fates.items() if isinstance(fate, Accepted)} == set(book.granted)
    assert {type(fate) for fate in fates.values()} <= {Accepted, Withdrawn}


def test_an_interruption_while_nothing_is_to_be_written_frees_everybody_who_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[object] = []
    wait_for = threading.Condition.wait_for

    def interrupted(self: threading.Condition, *args: Any) -> bool:
        if threading.current_thread() is threading.main_thread() and not waited:
            waited.append(self)
            raise KeyboardInterrupt
        return wait_for(self, *args)

    monkeypatch.setattr(threading.Condition, "wait_for", interrupted)
    book = Book()
    with pytest.raises(KeyboardInterrupt):
        delivered(Doing(polite), book, batch(10))
    assert book.granted == []
    assert dict(book.written) == {f"k{n}": Withdrawn() for n in range(10)}


def test_a_channel_that_raises_before_the_last_call_has_sent_nothing() -> None:
    def fails(*_: object) -> Delivery:
        raise ZeroDivisionError("oh")

    book = Book()
    delivered(Doing(fails), book, batch(2))
    fault = Unavailable("fault in the email channel: ZeroDivisionError: oh")
    assert dict(book.written) == {"k0": fault, "k1": fault}


@pytest.mark.parametrize("error", [ZeroDivisionError("oh"), SystemExit("oh"), MemoryError("oh")])
def test_a_channel_that_raises_after_the_last_call_leaves_a_doubt(error: BaseException) -> None:
    def fails(_: Message, last_call: Callable[[], bool]) -> Delivery:
        last_call()
        raise error

    book = Book()
    delivered(Doing(fails), book, batch(1))
    assert book.written == [("k0", Unknown(f"fault in the email channel: {type(error).__name__}: oh"))]


@pytest.mark.parametrize("dedupes", [True, False])
def test_a_channel_that_keeps_back_what_may_go_is_out_of_order(dedupes: bool) -> None:
    book = Book()
    delivered(Doing(lambda *_: Withdrawn(), dedupes=dedupes), book, batch(1))
    assert book.written == [("k0", Unavailable("fault in the email channel: it kept back what may go"))]


def test_fewer_threads_than_wished_for_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []

    def scarce(work: Callable[..., object], arguments: tuple[()]) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(_thread.start_new_thread(work, arguments))

    monkeypatch.setattr(threads, "start_new_thread", scarce)
    book = Book()
    delivered(Doing(polite), book, batch(20), at_once=10)
    assert len(started) == 2
    assert len(book.written) == 20


def test_without_a_single_thread_the_tick_ends_and_the_next_one_sends(
    wired: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    wired.has_workflow("outreach", MAIL)
    wired.has_family("42")
    wired.start("outreach", family="42")

    def none_left(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "start_new_thread", none_left)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        wired.tick()
    monkeypatch.undo()
    assert wired.tick("2026-03-20 09:01").recovered == 0  # it was kept back, and so nothing had to be found out
    assert len(wired.wires["email"].taken) == 1


def dies_at_birth(_: object, arguments: tuple[()]) -> int:
    """As a thread for whose first frame there is no memory."""
    return _thread.start_new_thread(lambda: None, arguments)


def test_a_thread_that_dies_at_birth_is_not_waited_for(wired: World, monkeypatch: pytest.MonkeyPatch) -> None:
    wired.has_workflow("outreach", MAIL)
    wired.has_family("42")
    wired.start("outreach", family="42")
    with monkeypatch.context() as patched:
        patched.setattr(threads, "start_new_thread", dies_at_birth)
        patched.setattr(threads, "BIRTH", 0.01)
        with pytest.raises(RuntimeError, match="it did not begin"):
            wired.tick()
    assert wired.tick("2026-03-20 09:01").recovered == 0
    assert len(wired.wires["email"].taken) == 1


def test_workers_that_die_with_a_message_in_their_hands_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []

    def speechless(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(sending, "LOOK_AFTER", 0.01)
    monkeypatch.setattr(sending._Exchange, "answer", speechless)
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    book = Book()
    with pytest.raises(RuntimeError, match="has ended without an answer"):
        delivered(Doing(polite), book, batch(10), at_once=2)
    assert len(told) == 2
    assert len(book.granted) == 2
    assert {key for key, _ in book.written} == {f"k{n}" for n in range(10)} - set(book.granted)


def test_ctrl_c_in_the_middle_leaves_nothing_in_doubt(wired: World) -> None:
    wired.has_workflow("outreach", MAIL)
    for number in range(20):
        wired.has_family(str(number))
        wired.start("outreach", family=str(number))
    deliver = wired.engine.post.deliver

    def interrupted(messages: Sequence[Outgoing], book: Callable[[Asked, Answered], Any]) -> None:
        entries: list[int] = []

        def write(asked: Asked, answered: Answered) -> Any:
            entries.append(len(asked))
            if len(entries) == 3:
                raise KeyboardInterrupt
            return book(asked, answered)

        deliver(messages, write)

    wired.engine.post.deliver = interrupted  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        wired.tick()
    sent = len(wired.wires["email"].taken)
    assert 0 < sent < 20
    wired.check()

    wired.engine.post.deliver = deliver  # type: ignore[method-assign]
    assert wired.tick("2026-03-20 09:01").in_doubt == []
    assert sorted(message.family_id or "" for message in wired.wires["email"].taken) == sorted(map(str, range(20)))


def test_after_three_failures_in_a_row_the_rest_is_answered_without_being_tried() -> None:
    tried: list[str] = []

    def fails(message: Message, _: object) -> Delivery:
        tried.append(message.key)
        return Unavailable("connection refused")

    book = Book()
    delivered(Doing(fails), book, batch(200), at_once=1)
    assert tried == ["k0", "k1", "k2"]
    assert {fate for _, fate in book.written} == {Unavailable("connection refused")}
    assert len(book.entries) <= 5  # what was not tried needs no entry of its own


def test_what_only_a_person_can_mend_is_not_tried_again() -> None:
    tried: list[str] = []

    def fails(message: Message, _: object) -> Delivery:
        tried.append(message.key)
        return Unavailable("bad password", until_mended=True)

    delivered(Doing(fails), Book(), batch(50), at_once=1)
    assert tried == ["k0"]


def test_failures_with_a_success_between_them_hold_nothing() -> None:
    answers = [Unavailable("connection refused"), Unavailable("connection refused"), Accepted()] * 10
    book = Book()
    delivered(Doing(lambda *_: answers.pop(0)), book, batch(30), at_once=1)
    assert answers == []


@dataclass
class Shelf(Doing):
    """A channel that takes several at once, and notes how many came together."""

    dedupes: bool = True
    handfuls: list[int] = field(default_factory=list)

    def deliver_all(self, messages: Sequence[Message]) -> list[Delivery]:
        self.handfuls.append(len(messages))
        return [self.what(message, lambda: True) for message in messages]


def test_a_channel_that_takes_many_gets_them_in_handfuls_and_each_has_its_own_fate() -> None:
    shelf = Shelf(lambda message, _: Unavailable("full") if message.key == "k4" else Accepted(message.key))
    book = Book()
    delivered(shelf, book, batch(10), at_once=3)
    assert max(shelf.handfuls) == 4
    assert sum(shelf.handfuls) == 10
    assert dict(book.written) == {
        f"k{number}": Unavailable("full") if number == 4 else Accepted(f"k{number}") for number in range(10)
    }


def test_a_fault_in_a_channel_that_takes_many_leaves_all_it_was_given_for_another_try() -> None:
    def broken(message: Message, _: Callable[[], bool]) -> Delivery:
        raise RuntimeError(f"lost at {message.key}")

    book = Book()
    delivered(Shelf(broken), book, batch(2), at_once=1)
    fault = Unavailable("fault in the email channel: RuntimeError: lost at k0")
    assert book.written == [("k0", fault), ("k1", fault)]


# -- in a row -----------------------------------------------------------------------------------------------------


def test_a_row_has_one_last_call_and_each_of_its_messages_a_fate() -> None:
    channel, book = InARow(polite), Book()
    delivered(channel, book, batch(12), at_once=1)
    assert channel.rows == [4, 4, 4]
    assert book.granted == [f"k{number}" for number in range(12)]
    assert book.written == [(f"k{number}", Accepted()) for number in range(12)]
    assert len(book.entries) <= 6


@pytest.mark.parametrize(("workers", "most"), [(1, 20), (3, 6), (10, 2), (50, 1)])
def test_no_more_are_on_their_way_than_somebody_can_look_up(workers: int, most: int) -> None:
    channel, book = InARow(polite, row=100), Book()
    delivered(channel, book, batch(200), at_once=workers)
    assert max(channel.rows) == most
    assert len(book.written) == 200


def test_an_answer_does_not_wait_for_a_row_that_has_become_slow() -> None:
    written = threading.Event()

    class Watched(Book):
        def __call__(self, asked: Asked, answered: Answered) -> list[str]:
            found = super().__call__(asked, answered)
            if answered:
                written.set()
            return found

    def slow_at_last(message: Message, last_call: Callable[[], bool]) -> Delivery:
        fate = polite(message, last_call)
        assert message.key != "k3" or written.wait(PATIENCE)
        return fate

    book = Watched()
    delivered(InARow(slow_at_last), book, batch(4), at_once=1)
    assert book.written == [(f"k{number}", Accepted()) for number in range(4)]


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("asked", [True, False])
def test_of_a_row_that_raises_only_the_message_it_was_at_may_be_in_doubt(place: int, asked: bool) -> None:
    def what(message: Message, last_call: Callable[[], bool]) -> Delivery:
        if message.key != f"k{place}":
            return polite(message, last_call)
        if asked:
            last_call()
        raise RuntimeError("broken")

    book = Book()
    delivered(InARow(what), book, batch(4), at_once=1)
    kinds = [type(fate) for _, fate in book.written]
    doubtful = Unknown if asked or place else Unavailable
    assert kinds == [*[Accepted] * place, doubtful, *[Unavailable] * (3 - place)]


def test_a_row_that_falls_silent_has_left_the_rest_in_the_house() -> None:
    class Silent(InARow):
        def deliver_row(self, messages: Sequence[Message], *asked: Any) -> None:
            super().deliver_row(messages[:2], *asked)

    book = Book()
    delivered(Silent(polite), book, batch(4), at_once=1)
    assert [type(fate) for _, fate in book.written] == [Accepted, Accepted, Unavailable, Unavailable]


def test_after_three_failures_the_rest_of_a_row_is_not_tried() -> None:
    tried: list[str] = []

    def fails(message: Message, _: Callable[[], bool]) -> Delivery:
        tried.append(message.key)
        return Unavailable("down")

    book = Book()
    delivered(InARow(fails, row=10), book, batch(10), at_once=1)
    assert tried == ["k0", "k1", "k2"]
    assert {fate for _, fate in book.written} == {Unavailable("down")}


def test_a_row_that_is_kept_back_without_being_asked_about_is_a_fault() -> None:
    book = Book()
    delivered(InARow(lambda *_: Withdrawn()), book, batch(2), at_once=1)
    assert {type(fate) for _, fate in book.written} == {Unavailable}


def test_a_book_that_cannot_be_kept_lets_nothing_of_a_row_leave() -> None:
    book = Book(raises=RuntimeError("the disk is full"))
    with pytest.raises(RuntimeError):
        delivered(InARow(polite), book, batch(8), at_once=1)
    assert {type(fate) for _, fate in book.written} == {Withdrawn}
    assert len(book.written) == 8
