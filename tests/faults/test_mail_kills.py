"""A tick that is killed while a real mail server is at the other end (reliability, section 7, P03 to P05)."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from coopflow.channels.smtp import Smtp
from coopflow.core.deliveries import Delivery
from coopflow.core.model import Message
from coopflow.tick import TickReport, tick
from tests.channels.mail_server import Client, MailServer, mail_server
from tests.channels.smtp_scene import channel_to
from tests.faults.children import KILLED, end_of, fork
from tests.faults.scene import assert_sound, engine, fill, opened
from tests.faults.story import settle_doubts
from tests.world import at, world

FIRST, SECOND = "2026-03-20 09:00", "2026-03-20 09:01"


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

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        def call() -> bool:
            self.passes("before the last call")
            granted = last_call()
            self.passes("before the dot")
            return granted

        answer = self.inner.deliver(message, call)
        self.passes("before the outcome")
        return answer

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


def resolved(folder: Path, *, sent: bool) -> None:
    """A person looks at the mail server's log, and says what it shows."""
    if sent:
        with opened(folder) as store:
            keys = store.db.execute_sql(
                "SELECT idempotency_key FROM workflow_step_executions WHERE message_id IS NOT NULL"
            ).fetchall()
        (folder / "truth").write_text("\n".join(key for (key,) in keys))
    with opened(folder) as store:
        assert len(settle_doubts(folder, store, SECOND)) == 1


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

    resolved(one_mail, sent=False)
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
    resolved(one_mail, sent=True)
    ticks(one_mail, server, "2026-03-20 09:02")

    assert server.recipients() == ["family1@example.org"]
    with opened(one_mail) as store:
        assert_sound(store)
        assert store.db.execute_sql("SELECT status FROM workflow_instances").fetchall() == [("completed",)]
        kinds = [row["kind"] for row in store.looking.events(instance_id=1)]
    assert kinds.index("message.intended") < kinds.index("step.in_doubt") < kinds.index("doubt.resolved")
