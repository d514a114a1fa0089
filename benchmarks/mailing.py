"""Rendered mails of a whole tick on one connection, its commits included, beside smtplib's own way to send them."""

import smtplib
import tempfile
import time
from email import message_from_bytes, policy
from pathlib import Path

from benchmarks.mail import Writer, _post
from benchmarks.world import TICKS, WITH_MESSAGES, make_world
from coopflow.core.instants import parse_instant
from coopflow.tick import tick
from tests.channels.smtp_sink import smtp_sink


def mails(number: int) -> tuple[float, float]:
    """Mails a second: by a tick, and by `smtplib.send_message` with mails that are ready."""
    writer = Writer()
    with smtp_sink() as port, tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder), WITH_MESSAGES, number)
        world.engine.post = _post(port, writer, 1)
        started = time.perf_counter()
        report = tick(world.engine, now=parse_instant(TICKS[0]))
        ours = number / (time.perf_counter() - started)
        world.close()
        assert report.sent == number, report
        ready = [(to, message_from_bytes(mail, policy=policy.SMTP)) for to, mail in writer.written]
        with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost") as connection:
            started = time.perf_counter()
            for to, mail in ready:
                connection.send_message(mail, to_addrs=[to])
            theirs = number / (time.perf_counter() - started)
    return ours, theirs
