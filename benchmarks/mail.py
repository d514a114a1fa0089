"""`python -m benchmarks.mail`: mails per second of a tick beside smtplib, which sends the same words.

All talk to smtp-sink (Debian's package postfix) on this machine. smtplib has one connection and nothing to think of but
the mails: once it is given messages, as most programs do it (`send_message`), and once ready bytes (`sendmail`). Rounds
are interleaved and medians are shown. Carry the ratios away, not the seconds.
"""

import argparse
import smtplib
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.world import TICKS, WITH_MESSAGES, World, make_world
from coopflow.channels.mail import build_mail
from coopflow.channels.smtp import Smtp
from coopflow.channels.smtp_opening import Server
from coopflow.core.deliveries import Accepted, Delivery
from coopflow.core.instants import parse_instant
from coopflow.core.model import Message
from coopflow.sending import Post
from coopflow.store.meta import write_meta
from coopflow.tick import tick
from tests.channels.smtp_sink import smtp_sink

SENDER = "office@example.org"
DURABLE = ("BEGIN",)
write = partial(build_mail, sender=SENDER, sender_name="Bench", domain="example.org")


@dataclass
class Writer:
    """Writes mails, and keeps them for the loop."""

    written: list[tuple[Message, bytes]] = field(default_factory=list)

    def __call__(self, message: Message) -> bytes:
        mail = write(message)
        self.written.append((message, mail))
        return mail


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mail", description=__doc__)
    parser.add_argument("--mails", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 10])
    given = parser.parse_args()
    print(f"{given.mails:,} mails in one tick, {given.rounds} rounds")
    for workers in given.workers:
        found = measure(given.mails, rounds=given.rounds, workers=workers)
        print(f"\n{workers} at a time")
        print(f"  the whole tick       {found.tick:7,.0f} mails/s, {found.commits:.2f} durable commits a mail")
        print(f"  without the database {found.channel:7,.0f} mails/s, the channel alone, over one connection")
        print(f"  smtplib send_message {found.messages:7,.0f} mails/s, over one connection")
        print(f"  smtplib sendmail     {found.bare:7,.0f} mails/s, the same with ready bytes")
        print(f"  a durable commit     {found.commit_ms:7.1f} ms on this disk")
        print(f"  tick / send_message  {found.tick / found.messages:7.2f}")
        print(f"  tick / sendmail      {found.tick / found.bare:7.2f}")
        waiting = found.tick * found.commits * found.commit_ms / 1000
        print(f"  the disk's share     {waiting:7.0%} of the tick")


class Round(NamedTuple):
    """What one round has measured: mails per second, commits for each mail of the tick, milliseconds for one."""

    tick: float
    channel: float
    messages: float
    bare: float
    commits: float
    commit_ms: float


def measure(mails: int, *, rounds: int, workers: int) -> Round:
    """The medians of some rounds, in each of which all of it is measured."""
    with smtp_sink() as port:
        measured = [one_round(port, mails, workers) for _ in range(rounds)]
    return Round(*(statistics.median(column) for column in zip(*measured, strict=True)))


def one_round(port: int, mails: int, workers: int) -> Round:
    """The same mails four times: by a tick, by the channel alone, by smtplib as messages and as bytes."""
    writer = Writer()
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder), WITH_MESSAGES, mails)
        world.engine.post = _post(port, writer, workers)
        commits: list[str] = []
        world.store.db.connection().set_trace_callback(
            lambda statement: commits.append(statement) if statement.startswith(DURABLE) else None
        )
        ours = _timed(lambda: _tick(world))
        world.store.db.connection().set_trace_callback(None)
        commit_ms = _timed(lambda: _commit(world, 50)) * 1000 / 50
        world.close()
    assert len(writer.written) == mails
    alone = _timed(lambda: _without_a_book(port, writer.written))
    messages = _timed(lambda: _loop_of_messages(port, writer.written))
    bare = _timed(lambda: _loop(port, writer.written))
    return Round(mails / ours, mails / alone, mails / messages, mails / bare, len(commits) / mails, commit_ms)


def _post(port: int, writer: Callable[[Message], bytes], workers: int) -> Post:
    server = Server(host="127.0.0.1", port=port, security="none")
    return Post({"email": Smtp(server, sender=SENDER, compose=writer)}, max_concurrent=workers)


def _tick(world: World) -> None:
    report = tick(world.engine, now=parse_instant(TICKS[0]))
    assert report.not_sent == 0, report.held


def _commit(world: World, times: int) -> None:
    """Commit something small, as durably as a tick does."""
    for number in range(times):
        with world.store.transaction():
            write_meta(world.store.db, "benchmark", str(number))


def _without_a_book(port: int, mails: list[tuple[Message, bytes]]) -> None:
    """Write the same mails and hand them over, with nobody who keeps the book."""
    server = Server(host="127.0.0.1", port=port, security="none")
    channel = Smtp(server, sender=SENDER, compose=write)
    messages = [message for message, _ in mails]
    while messages:
        row, messages = messages[: channel.row], messages[channel.row :]
        channel.deliver_row(row, lambda row=row: [message.key for message in row], _accepted)  # type: ignore[misc]
    channel.close()


def _accepted(fate: Delivery) -> bool:
    assert isinstance(fate, Accepted), fate
    return True


def _loop_of_messages(port: int, mails: list[tuple[Message, bytes]]) -> None:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost") as connection:
        for message, _ in mails:
            connection.send_message(_as_most_write_it(message))


def _as_most_write_it(message: Message) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = SENDER, message.to, message.subject or ""
    mail["Message-ID"] = message.message_id
    mail.set_content(message.text)
    if message.html is not None:
        mail.add_alternative(message.html, subtype="html")
    return mail


def _loop(port: int, mails: list[tuple[Message, bytes]]) -> None:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost") as connection:
        for message, mail in mails:
            connection.sendmail(SENDER, [message.to], mail)


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
