"""Kannel, a real gateway (Debian packages `kannel` and `kannel-extras`), with its pretended phone company behind it.

Texts go `sendsms` → smsbox → bearerbox → fakesmsc; what fakesmsc writes down is what a phone would have got. Whoever
tests reports and replies gives `reports_to` (a dlr-url) or `replies_to` (a get-url), and what the phones say in `says`.
"""

import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_plus

FAKESMSC = "/usr/lib/kannel/test/fakesmsc"
USER, PASSWORD = "coop", "canary-kannel-7"
PATIENCE = 15  # seconds for any part of it to be up

CONFIG = """\
group = core
admin-port = {admin}
admin-password = {password}
smsbox-port = {boxes}
box-allow-ip = "127.0.0.1"
dlr-storage = internal
log-level = 1

group = smsc
smsc = fake
smsc-id = fake
host = 127.0.0.1
port = {company}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
sendsms-chars = "0123456789 +-"
mo-recode = true
global-sender = "+15005550006"

group = sendsms-user
username = {user}
password = {password}
max-messages = 10
concatenation = true
{reports}
group = sms-service
keyword = default
max-messages = 0
catch-all = true
accepted-smsc = fake
{replies}
"""


@dataclass
class Kannel:
    """A running gateway."""

    url: str  # of sendsms
    _heard: list[str] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def texts(self, count: int) -> list[tuple[str, str]]:
        """To whom, and the words of each part; waits until the phones have got so many."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._heard) >= count, PATIENCE)
            return [_read(line) for line in self._heard]

    def listen(self, lines: Iterator[str]) -> None:
        for line in lines:
            if found := re.search(r"Got message \d+: <(.*)>$", line.rstrip("\n")):
                with self._changed:
                    self._heard.append(found[1])
                    self._changed.notify_all()


def _read(line: str) -> tuple[str, str]:
    """One text as fakesmsc tells of it: `sender receiver type [udh] words`."""
    _, receiver, kind, words = line.split(" ", 3)
    if kind == "udh":  # a part of a long one: its header, and once more what kind it is
        _, kind, words = words.split(" ", 2)
    encoding = {"ucs-2": "utf-16-be", "data": "latin-1"}.get(kind)
    return receiver, unquote_plus(words, encoding=encoding) if encoding else words


@contextmanager
def kannel(
    folder: Path, *, reports_to: str | None = None, replies_to: str | None = None, says: Sequence[str] = ()
) -> Iterator[Kannel]:
    """The gateway, until the block ends. `says`: what phones send in, as `+15550001 1234 text YES please`."""
    ports = free_ports(4)
    admin, boxes, company, sendsms = ports
    replies = f'get-url = "{replies_to}"' if replies_to else 'text = ""\nomit-empty = true'
    config = folder / "kannel.conf"
    config.write_text(
        CONFIG.format(
            admin=admin,
            boxes=boxes,
            company=company,
            sendsms=sendsms,
            user=USER,
            password=PASSWORD,
            reports=f'dlr-url = "{reports_to}"\n' if reports_to else "",
            replies=replies,
        )
    )
    gateway = Kannel(f"http://127.0.0.1:{sendsms}/cgi-bin/sendsms")
    with ExitStack() as stack:

        def start(*command: str, until: Callable[[], bool]) -> subprocess.Popen[str]:
            log = stack.enter_context((folder / f"{Path(command[0]).name}.log").open("w"))
            heard = subprocess.PIPE if command[0] == FAKESMSC else log
            process = subprocess.Popen(command, stdout=log, stderr=heard, cwd=folder, text=True, errors="replace")
            stack.callback(_end, process)
            _wait_for(until, process)
            return process

        start("/usr/sbin/bearerbox", str(config), until=lambda: _listens(boxes) and _listens(company))
        start("/usr/sbin/smsbox", str(config), until=lambda: _listens(sendsms))
        calls = list(says) or ["0 0 text nothing"]
        often = str(len(says))
        phones = start(
            FAKESMSC, "-H", "127.0.0.1", "-r", str(company), "-i", "0.1", "-m", often, *calls, until=lambda: True
        )
        assert phones.stderr is not None
        listener = threading.Thread(target=gateway.listen, args=(iter(phones.stderr.readline, ""),), daemon=True)
        listener.start()
        yield gateway
        _end(phones)
        listener.join(PATIENCE)
        phones.stderr.close()


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on; Kannel cannot be told to take whichever the system gives."""
    with ExitStack() as stack:
        doors = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [door.getsockname()[1] for door in doors]


def _listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def _wait_for(up: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    tick = threading.Event()
    for _ in range(PATIENCE * 20):
        if up():
            return
        assert process.poll() is None, f"{process.args} ended by itself"
        tick.wait(0.05)
    raise AssertionError(f"{process.args} did not come up")


def _end(process: subprocess.Popen[str]) -> None:
    """Kannel takes its time to say goodbye, and has nothing to save here."""
    process.kill()
    process.wait(5)
