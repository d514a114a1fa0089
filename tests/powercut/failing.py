"""Lets one operation on the disk fail after the other, and looks at what the tick makes of it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from coopflow.errors import CoopflowError, ExitCode
from tests.powercut.cutting import recovery
from tests.powercut.driver import on_such_a_disk
from tests.powercut.recording import Mode, held_by, laid_out, one_tick, played, sound
from tests.powercut.vfs import Fault, Recorder

FAMILIES = 1
STEPS = [{"id": "mail", "type": "email", "template_id": "hello"}, {"id": "done", "type": "end"}]
CLEAN = (ExitCode.DATABASE_UNUSABLE, ExitCode.TEMPORARY)
EIO = {
    "open": apsw.SQLITE_CANTOPEN,
    "read": apsw.SQLITE_IOERR_READ,
    "write": apsw.SQLITE_IOERR_WRITE,
    "truncate": apsw.SQLITE_IOERR_TRUNCATE,
    "sync": apsw.SQLITE_IOERR_FSYNC,
    "sync directory": apsw.SQLITE_IOERR_DIR_FSYNC,
    "size": apsw.SQLITE_IOERR_FSTAT,
    "delete": apsw.SQLITE_IOERR_DELETE,
    "access": apsw.SQLITE_IOERR_ACCESS,
}
ENOSPC = {"write": apsw.SQLITE_FULL, "open": apsw.SQLITE_CANTOPEN}
ENOSPC_AS_AN_ERROR = {"write": apsw.SQLITE_IOERR_WRITE, "truncate": apsw.SQLITE_IOERR_TRUNCATE}
EROFS = {
    "write": apsw.SQLITE_READONLY,
    "truncate": apsw.SQLITE_READONLY,
    "delete": apsw.SQLITE_IOERR_DELETE,
    "open": apsw.SQLITE_CANTOPEN,
}
FAULTS = {
    "EIO": EIO,
    "ENOSPC": ENOSPC,
    "ENOSPC, told as an I/O error": ENOSPC_AS_AN_ERROR,
    "EROFS": EROFS,
}


@dataclass(slots=True)
class Outcomes:
    """What came of a tick for each operation that failed."""

    runs: int = 0
    successes: int = 0
    errors: Counter[str] = field(default_factory=Counter)  # by their sentences
    wrong: list[str] = field(default_factory=list)

    def __add__(self, other: "Outcomes") -> "Outcomes":
        return Outcomes(
            self.runs + other.runs,
            self.successes + other.successes,
            self.errors + other.errors,
            self.wrong + other.wrong,
        )


def failing(codes: Mapping[str, int], at: int, *, for_ever: bool) -> Fault:
    """The n-th operation fails, if it is one that can fail in this way; or all from then on."""

    def fault(number: int, kind: str) -> int | None:
        return codes.get(kind) if number == at or (for_ever and number > at) else None

    return fault


def operations(folder: Path, mode: Mode) -> list[str]:
    """The kinds of all operations of a tick on which nothing fails."""
    recorder, _ = played(folder)
    with on_such_a_disk(recorder, version=mode.version):
        one_tick(folder, lambda _: None)
    return recorder.met


def fail_at_each(
    folder: Path, mode: Mode, codes: Mapping[str, int], *, for_ever: bool, points: Iterable[int]
) -> Outcomes:
    """A tick for each of these operations, from the same beginning."""
    outcomes, seen = Outcomes(), dict[object, str]()
    for point in points:
        words = _one(folder, mode, failing(codes, point, for_ever=for_ever), outcomes, seen)
        if words:
            outcomes.wrong.append(f"{mode.name}, operation {point}, {'for ever' if for_ever else 'once'}: {words}")
    return outcomes


@dataclass(slots=True)
class _Commits:
    """What the database held when a commit was acknowledged last, and whether one was refused since."""

    held: dict[str, bytes]
    refused: bool = False

    def meet(self, acknowledged: bool, recorder: Recorder) -> None:
        if acknowledged:
            self.held = recorder.disk.contents()
        self.refused = not acknowledged


def _one(folder: Path, mode: Mode, fault: Fault, outcomes: Outcomes, seen: dict[object, str]) -> str:
    """One tick on a disk that fails; answers with what is wrong."""
    recorder, _ = played(folder, fault=fault)
    commits, taken = _Commits(recorder.disk.contents()), list[str]()
    outcomes.runs += 1
    complaint = ""
    try:
        with on_such_a_disk(recorder, version=mode.version, committed=lambda done: commits.meet(done, recorder)):
            one_tick(folder, taken.append)
        outcomes.successes += 1
        complaint = "" if len(taken) == FAMILIES else f"it said that all is well, with {len(taken)} messages"
    except CoopflowError as problem:
        outcomes.errors[str(problem).replace(str(folder), "")] += 1
        complaint = "" if problem.exit_code in CLEAN else f"it ended with {problem.exit_code}: {problem}"
    except Exception as problem:  # noqa: BLE001 - whatever it is, it is no clean end
        complaint = f"it ended with {type(problem).__name__}: {problem}"
    return complaint or _repaired(recorder.disk.contents(), commits, taken, seen)


def _repaired(left: Mapping[str, bytes], commits: _Commits, taken: list[str], seen: dict[object, str]) -> str:
    """The disk works again: what was acknowledged must be there, and the next tick goes on."""
    with laid_out(left) as again:
        problem, held = sound(again)
        if problem:
            return f"the database is damaged: {problem}"
        if not commits.refused and held != held_by(commits.held):
            return "an acknowledged commit is not there"
        about = (held, tuple(taken))
        if about not in seen:
            seen[about] = recovery(again, taken, messages=FAMILIES)
        return seen[about]
