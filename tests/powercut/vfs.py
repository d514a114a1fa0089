"""SQLite's view of such a disk: every operation is on record, and one of them can be made to fail."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from tests.powercut.disk import Create, Disk, Operation, Sync, SyncDirectory, Truncate, Unlink, Write

_JOURNALS = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL
Fault = Callable[[int, str], int | None]  # (number of the operation, its kind) → SQLite's error code, if it is to fail


def no_fault(number: int, kind: str) -> int | None:
    """A disk without faults."""


@dataclass
class Recorder:
    """A disk, what was done to it, and which operation fails."""

    disk: Disk
    fault: Fault = no_fault
    operations: list[Operation] = field(default_factory=list)
    met: list[str] = field(default_factory=list)  # every operation that could have failed, by its kind

    def may_fail(self, kind: str) -> None:
        self.met.append(kind)
        code = self.fault(len(self.met), kind)
        if code is not None:
            raise apsw.exception_for(code)

    def perform(self, operation: Operation) -> None:
        self.disk.perform(operation)
        self.operations.append(operation)

    def number(self) -> int:
        return len(self.disk.files)


class CrashingDisk(apsw.VFS):
    """The file system that SQLite is given; names are those of one folder."""

    def __init__(self, name: str, recorder: Recorder) -> None:
        self._recorder = recorder
        super().__init__(name, base="unix")

    def xOpen(self, name: apsw.URIFilename | str | None, flags: list[int]) -> "Handle":  # noqa: N802
        if name is None:
            return Handle(Recorder(Disk({"temporary": b""})), 0)
        recorder, path = self._recorder, _name(name)
        recorder.may_fail("open")
        number = recorder.disk.names.get(path)
        if number is not None:
            return Handle(recorder, number)
        if not flags[0] & apsw.SQLITE_OPEN_CREATE:
            raise apsw.CantOpenError
        number = recorder.number()
        recorder.perform(Create(path, number))
        return Handle(recorder, number, directory_too=bool(flags[0] & _JOURNALS))

    def xDelete(self, name: str, sync_directory: bool) -> None:  # noqa: N802
        self._recorder.may_fail("delete")
        if self._recorder.disk.names.get(_name(name)) is None:
            raise apsw.exception_for(apsw.SQLITE_IOERR_DELETE_NOENT)
        self._recorder.perform(Unlink(_name(name)))
        if sync_directory:
            self._recorder.may_fail("sync directory")
            self._recorder.perform(SyncDirectory())

    def xAccess(self, name: str, flags: int) -> bool:  # noqa: ARG002, N802
        self._recorder.may_fail("access")
        return self._recorder.disk.names.get(_name(name)) is not None


class Handle:
    """An open file. There is one process, so locks are always free."""

    def __init__(self, recorder: Recorder, file: int, *, directory_too: bool = False) -> None:
        self._recorder = recorder
        self._file = file
        self._directory_too = directory_too  # a new journal's first sync makes its name durable, as in SQLite's own VFS

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._recorder.may_fail("read")
        return bytes(self._recorder.disk.files[self._file].content[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._recorder.may_fail("write")
        self._recorder.perform(Write(self._file, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._recorder.may_fail("truncate")
        self._recorder.perform(Truncate(self._file, size))

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802
        self._recorder.may_fail("sync")
        self._recorder.perform(Sync(self._file))
        if self._directory_too:
            self._recorder.perform(SyncDirectory())
            self._directory_too = False

    def xFileSize(self) -> int:  # noqa: N802
        self._recorder.may_fail("size")
        return len(self._recorder.disk.files[self._file].content)

    def xSectorSize(self) -> int:  # noqa: N802
        return 4096  # what SQLite's own VFS says on Linux

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE  # so does it

    def xFileControl(self, operation: int, pointer: int) -> bool:  # noqa: ARG002, N802
        return False

    def xLock(self, level: int) -> None:  # noqa: N802
        """Have it."""

    def xUnlock(self, level: int) -> None:  # noqa: N802
        """Let it go."""

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xClose(self) -> None:  # noqa: N802
        """Nothing is written by closing."""


def _name(path: apsw.URIFilename | str) -> str:
    return Path(path if isinstance(path, str) else path.filename()).name
