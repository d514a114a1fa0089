"""A tick on such a disk, on record: each operation, each commit that was acknowledged, each message that left."""

import hashlib
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import apsw

from coopflow.channels.base import Accepted, Delivery, Message, Withdrawn
from coopflow.store.failures import translating
from coopflow.tick import tick
from tests.faults.scene import engine, fill
from tests.powercut.disk import Disk, Operation
from tests.powercut.driver import on_such_a_disk
from tests.powercut.vfs import Fault, Recorder, no_fault
from tests.world import at, world

MORNING = "2026-03-20 09:00"
NOW = at(MORNING)
LATER = NOW + timedelta(minutes=5)  # what was withdrawn at its last call has waited for a minute
STEPS = [
    {"id": "mail", "type": "email", "template_id": "hello"},
    {"id": "text", "type": "sms", "message": "Good morning"},
    {"id": "done", "type": "end"},
]
FAMILIES = 5
MESSAGES = 2 * FAMILIES
DATABASE = "coopflow.db"


@dataclass(frozen=True, slots=True)
class Mode:
    """How a database is written: as the store would for an SQLite of this version, or worse."""

    name: str
    version: tuple[int, int, int]
    synchronous: int | None = None  # None: what the store chooses


ROLLBACK = Mode("rollback journal", (3, 40, 1))
WAL = Mode("write-ahead log", tuple(map(int, apsw.sqlite_lib_version().split("."))))  # type: ignore[arg-type]
OURS = (ROLLBACK, WAL)
WORSE = (
    Mode("rollback journal, synchronous = OFF", ROLLBACK.version, 0),
    Mode("rollback journal, synchronous = FULL", ROLLBACK.version, 2),
    Mode("write-ahead log, synchronous = NORMAL", WAL.version, 1),
    Mode("write-ahead log, synchronous = OFF", WAL.version, 0),
)


@dataclass
class Run:
    """What happened, in the order of the operations on the disk."""

    before: Mapping[str, bytes]
    sent_before: tuple[str, ...] = ()
    operations: list[Operation] = field(default_factory=list)
    commits: list[tuple[int, str]] = field(default_factory=list)  # (operations so far, what the database then held)
    sent: list[tuple[int, str]] = field(default_factory=list)  # (operations so far, key)

    def acknowledged(self, cut: int) -> tuple[str, ...]:
        """What the database may hold after a cut: the last commit that was acknowledged, or the one under way."""
        done = sum(1 for number, _ in self.commits if number <= cut)
        return tuple(held for _, held in self.commits[max(done - 1, 0) : done + 1])

    def taken(self, cut: int) -> tuple[str, ...]:
        """What the server has taken by then, on its own record."""
        return (*self.sent_before, *(key for number, key in self.sent if number <= cut))


@dataclass(frozen=True)
class Server:
    """Takes every message that is handed over, and cannot dedupe; its record is no part of the disk."""

    name: str
    record: Callable[[str], None]
    transport: str = "server"
    dedupes: bool = False

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        if not last_call():
            return Withdrawn()
        self.record(message.key)
        return Accepted("250 ok")

    def close(self) -> None:
        pass


def made(folder: Path, families: int = FAMILIES, steps: Sequence[Mapping[str, str]] = STEPS) -> Path:
    """A co-op whose every family has messages before it."""
    folder.mkdir()
    with world(folder) as co_op:
        fill(co_op, families, steps)
    return folder


def one_tick(
    folder: Path, record: Callable[[str], None], *, server: type[Server] = Server, now: datetime = NOW
) -> None:
    """The real tick."""
    channels = {name: server(name, record) for name in ("email", "sms")}
    with translating(), engine(folder, channels, concurrent=1) as opened:  # as the command does it
        assert tick(opened, now=now).faults == []


def recorded(folder: Path, mode: Mode, *, sent: Iterable[str] = (), server: type[Server] = Server) -> Run:
    """A tick over the files of this folder, which stay as they are."""
    recorder, run = played(folder, sent=sent)

    def committed(_: bool) -> None:
        run.commits.append((len(recorder.operations), held_by(recorder.disk.contents())))

    committed(True)
    with on_such_a_disk(recorder, version=mode.version, synchronous=mode.synchronous, committed=committed):
        one_tick(folder, lambda key: run.sent.append((len(recorder.operations), key)), server=server)
    run.operations = recorder.operations
    return run


def played(folder: Path, *, fault: Fault = no_fault, sent: Iterable[str] = ()) -> tuple[Recorder, Run]:
    """A disk with the files of a folder, and the beginning of a record."""
    files = {path.name: path.read_bytes() for path in folder.glob(f"{DATABASE}*") if path.suffix != ".lock"}
    return Recorder(Disk(files), fault), Run(before=files, sent_before=tuple(sent))


@contextmanager
def laid_out(image: Mapping[str, bytes]) -> Iterator[Path]:
    """Files as the next start finds them, in memory."""
    memory = Path("/dev/shm")  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="coopflow-cut-", dir=memory if memory.is_dir() else None))
    try:
        for name, content in image.items():
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o600)
        yield folder
    finally:
        shutil.rmtree(folder)


def sound(folder: Path) -> tuple[str, str]:
    """What an ordinary SQLite says against these files, and a fingerprint of every row of every table."""
    connection = sqlite3.connect(folder / DATABASE)
    try:
        words = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
        dangling = connection.execute("PRAGMA foreign_key_check").fetchall()
        if words != ["ok"] or dangling:
            return f"{words} {dangling[:3]}", ""
        names = [
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        ]
        found = hashlib.blake2b(digest_size=12)
        for name in names:
            rows = connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()  # noqa: S608
            found.update(repr((name, rows)).encode())
        return "", found.hexdigest()
    except sqlite3.Error as error:
        return f"{type(error).__name__}: {error}", ""
    finally:
        connection.close()


def held_by(image: Mapping[str, bytes]) -> str:
    """What the database in files that are known to be good holds."""
    with laid_out(image) as folder:
        problem, held = sound(folder)
    assert problem == ""
    return held
