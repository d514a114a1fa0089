"""A tick that is killed while a real mail server is at the other end (reliability, section 7, P03 to P05)."""

import os
import random
import signal
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from coopflow.channels.smtp import Smtp
from coopflow.core.deliveries import Delivery
from coopflow.core.model import Message
from coopflow.sending import MOST_ON_THEIR_WAY
from coopflow.tick import TickReport, tick
from tests.channels.mail_server import Client, MailServer, mail_server
from tests.channels.smtp_scene import channel_to
from tests.faults.children import KILLED, end_of, fork
from tests.faults.scene import assert_sound, engine, fill, ledger, opened
from tests.faults.story import settle_doubts
from tests.faults.test_random_kills import killed_after
from tests.world import at, world

# The mail server is a thread of this process, and does nothing that a child could need while it is forked.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

FIRST, SECOND = "2026-03-20 09:00", "2026-03-20 09:01"
MESSAGES, KILLS = 150, 15


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Dying:
    """The mail channel in a process that dies at one point of its way."""

    inner: Smtp
    point: str
    name: str = "email"
    transport: str = "smtp"
    dedupes: bool = False

    @property
    def row(self) -> int:
        return self.inner.row

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        return self.inner.deliver(message, last_call)

    def deliver_row(
        self,
        messages: Sequence[Message],
        last_call: Callable[[], Collection[str]],
        answered: Callable[[Delivery], bool],
    ) -> None:
        answers = count(1)

        def call() -> Collection[str]:
            self.passes("before the last call")
            granted = last_call()
            self.passes("before the dot")
            return granted

        def hears(fate: Delivery) -> bool:
            self.passes("before the outcome")
            self.passes(f"before outcome {next(answers)}")
            return answered(fate)

        self.inner.deliver_row(messages, call, hears)

    def passes(self, point: str) -> None:
        if point == self.point:
            die()

    def close(self) -> None:
        self.inner.close()


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as made:
        yield made


@pytest.fixture
def one_mail(folder: Path) -> Path:
    with world(folder) as made:
        fill(made, 1)
    return folder


def ticks(folder: Path, server: MailServer, when: str, *, point: str = "") -> TickReport:
    channel = Dying(channel_to(server.port), point)
    with engine(folder, {"email": channel}) as opened_engine:
        return tick(opened_engine, now=at(when))


def killed(folder: Path, server: MailServer, point: str) -> None:
    assert end_of(fork(lambda: ticks(folder, server, FIRST, point=point))) == KILLED


def resolved(folder: Path, server: MailServer) -> set[str]:
    """A person looks at the mail server's log, and says what it shows; answers with the keys that were in doubt."""
    (folder / "truth").write_text("\n".join(keys_at(server)))
    with opened(folder) as store:
        return settle_doubts(folder, store, SECOND)


def keys_at(server: MailServer) -> list[str]:
    """The keys of the mails that the server has taken; they stand in the Message-IDs."""
    return [mail["Message-ID"].strip("<>").partition("@")[0] for mail in server.mails()]


def test_p03_a_kill_before_the_last_call_sends_nothing_and_the_next_tick_sends_once(
    one_mail: Path, server: MailServer
) -> None:
    killed(one_mail, server, "before the last call")
    assert (server.taken, server.commands) == ([], ["EHLO", "MAIL", "RCPT", "DATA"])

    report = ticks(one_mail, server, SECOND)
    assert (report.recovered, report.sent, report.in_doubt) == (1, 1, [])
    assert server.recipients() == ["family1@example.org"]


def test_p03_a_kill_between_last_call_and_dot_is_in_doubt_until_a_person_has_looked(
    one_mail: Path, server: MailServer
) -> None:
    killed(one_mail, server, "before the dot")
    assert ticks(one_mail, server, SECOND).in_doubt == [1]
    assert server.taken == []

    assert len(resolved(one_mail, server)) == 1
    assert ticks(one_mail, server, "2026-03-20 09:02").sent == 1
    assert server.recipients() == ["family1@example.org"]


def test_p04_a_kill_between_dot_and_answer_is_in_doubt_and_not_sent_again(one_mail: Path, server: MailServer) -> None:
    children: list[int] = []

    def kills(client: Client) -> bool:
        server.takes(client)
        os.kill(children[0], signal.SIGKILL)
        return False

    server.script["dot"] = kills
    children.append(fork(lambda: ticks(one_mail, server, FIRST)))
    assert end_of(children[0]) == KILLED
    server.script.clear()

    assert ticks(one_mail, server, SECOND).in_doubt == [1]
    assert ticks(one_mail, server, "2026-03-20 10:00").sent == 0
    assert server.recipients() == ["family1@example.org"]


def test_p05_a_kill_between_answer_and_outcome_is_closed_by_a_person(one_mail: Path, server: MailServer) -> None:
    killed(one_mail, server, "before the outcome")
    assert ticks(one_mail, server, SECOND).in_doubt == [1]
    assert len(resolved(one_mail, server)) == 1
    ticks(one_mail, server, "2026-03-20 09:02")

    assert server.recipients() == ["family1@example.org"]
    with opened(one_mail) as store:
        assert_sound(store)
        assert store.db.execute_sql("SELECT status FROM workflow_instances").fetchall() == [("completed",)]
        kinds = [row["kind"] for row in store.looking.events(instance_id=1)]
    assert kinds.index("message.intended") < kinds.index("step.in_doubt") < kinds.index("doubt.resolved")


@pytest.mark.parametrize("place", [1, 2, 7, 12])
def test_a_kill_inside_a_row_leaves_in_doubt_what_had_its_last_call_and_nothing_else(
    folder: Path, server: MailServer, place: int
) -> None:
    with world(folder) as made:
        fill(made, 30)

    def one_tick() -> None:
        inner = channel_to(server.port)
        inner._row = 12  # the server has been quick
        with engine(folder, {"email": Dying(inner, f"before outcome {place}")}, concurrent=1) as dying:
            tick(dying, now=at(FIRST))

    assert end_of(fork(one_tick)) == KILLED
    assert len(server.taken) == place
    with opened(folder) as store:
        under_way, recorded = set(ledger(store, "running")), set(ledger(store, "completed"))
    report = ticks(folder, server, SECOND)

    assert len(under_way | recorded) == 12
    assert len(recorded) < place  # none, unless the machine was so slow that they were not kept waiting for the others
    assert len(report.in_doubt) == len(under_way)
    assert resolved(folder, server) == under_way
    ticks(folder, server, "2026-03-20 09:02")
    assert server.recipients() == sorted(f"family{number}@example.org" for number in range(1, 31))
    with opened(folder) as store:
        assert_sound(store)


def test_ticks_killed_at_random_lose_and_double_no_mail_and_doubt_only_what_was_under_way(
    folder: Path, server: MailServer
) -> None:
    with world(folder) as made:
        fill(made, MESSAGES)
    moments = random.Random(3)  # noqa: S311
    doubted: set[str] = set()
    kills = 0

    def one_tick() -> None:
        ticks(folder, server, FIRST)

    while killed_after(process := fork(one_tick), moments.randint(0, MESSAGES // KILLS), lambda: len(server.taken)):
        assert end_of(process) == KILLED
        kills += 1
        with opened(folder) as store:
            under_way = set(ledger(store, "running")) - doubted
        assert len(under_way) <= MOST_ON_THEIR_WAY
        with engine(folder, {"email": channel_to(server.port)}) as quick:
            assert len(tick(quick, now=at(FIRST), limit=1).in_doubt) == len(under_way)
            doubted |= under_way
            assert_sound(quick.store)
    assert end_of(process) == 0
    assert kills >= KILLS // 2

    with opened(folder) as store:
        accepted = set(ledger(store, "completed"))
    sent = keys_at(server)
    assert len(sent) == len(set(sent))
    assert accepted <= set(sent) <= accepted | doubted
    assert len(accepted | doubted) == MESSAGES
    assert resolved(folder, server) == doubted
    ticks(folder, server, "2026-03-20 09:02")
    assert server.recipients() == sorted(f"family{number}@example.org" for number in range(1, MESSAGES + 1))
    with opened(folder) as store:
        assert_sound(store)
        assert store.db.execute_sql("SELECT DISTINCT status FROM workflow_instances").fetchall() == [("completed",)]
