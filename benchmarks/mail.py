"""`python -m benchmarks.mail`: mails per second of a tick beside a bare smtplib loop that sends the same mails.

Both talk to smtp-sink (Debian's package postfix) on this machine. The loop has one connection, and nothing to think of
but the mails. Rounds are interleaved and medians are shown. Carry the ratios away, not the seconds.
"""

import argparse
import smtplib
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.world import TICKS, WITH_MESSAGES, World, make_world
from coopflow.channels.mail import build_mail
from coopflow.channels.smtp import Smtp
from coopflow.channels.smtp_opening import Server
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

    written: list[tuple[str, bytes]] = field(default_factory=list)

    def __call__(self, message: Message) -> bytes:
        mail = write(message)
        self.written.append((message.to, mail))
        return mail


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mail", description=__doc__)
    parser.add_argument("--mails", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 10])
    given = parser.parse_args()
    print(f"{given.mails:,} mails in one tick, {given.rounds} rounds")
    with smtp_sink() as port:
        for workers in given.workers:
            measured = [one_round(port, given.mails, workers) for _ in range(given.rounds)]
            found = Round(*(statistics.median(column) for column in zip(*measured, strict=True)))
            print(f"\n{workers} at a time")
            print(f"  the whole tick       {found.tick:7,.0f} mails/s, {found.commits:.2f} durable commits a mail")
            print(f"  without the database {found.channel:7,.0f} mails/s, the channel and its workers alone")
            print(f"  bare smtplib         {found.bare:7,.0f} mails/s, one connection")
            print(f"  a durable commit     {found.commit_ms:7.1f} ms on this disk")
            print(f"  tick / bare          {found.tick / found.bare:7.3f}")
            print(f"  channel / bare       {found.channel / found.bare:7.2f}")
            waiting = found.tick * found.commits * found.commit_ms / 1000
            print(f"  the disk's share     {waiting:7.0%} of the tick")


class Round(NamedTuple):
    """What one round has measured: mails per second, commits for each mail of the tick, milliseconds for one."""

    tick: float
    channel: float
    bare: float
    commits: float
    commit_ms: float


def one_round(port: int, mails: int, workers: int) -> Round:
    """The same mails three times: by a tick, by the channel alone, by the loop."""
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
    alone = _timed(lambda: _without_a_book(port, writer.written, workers))
    bare = _timed(lambda: _loop(port, writer.written))
    return Round(mails / ours, mails / alone, mails / bare, len(commits) / mails, commit_ms)


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


def _without_a_book(port: int, mails: list[tuple[str, bytes]], workers: int) -> None:
    """Hand the same mails over with nobody who writes anything down."""
    from concurrent.futures import ThreadPoolExecutor

    bodies = {str(number): mail for number, (_, mail) in enumerate(mails)}
    server = Server(host="127.0.0.1", port=port, security="none")
    channel = Smtp(server, sender=SENDER, compose=lambda message: bodies[message.key])
    now = parse_instant(TICKS[0])
    messages = [
        Message(channel="email", to=to, text="", key=str(number), message_id="", at=now)
        for number, (to, _) in enumerate(mails)
    ]
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda message: channel.deliver(message, lambda: True), messages))
    channel.close()


def _loop(port: int, mails: list[tuple[str, bytes]]) -> None:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost") as connection:
        for to, mail in mails:
            connection.sendmail(SENDER, [to], mail)


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
