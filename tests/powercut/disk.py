"""A disk as it is, not as one would like it: what was not synced may be there after a power cut, or not, or in part.

Each file has the bytes that are durable and, sector by sector, what was written since; a name that was made or removed
is durable when its directory is synced. Which of it survives a cut is drawn from a random number.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

T = TypeVar("T")
SECTOR = 512
KEPT, LOST = 0.45, 0.45  # the rest is torn: the beginning is new, the end is old


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes written into a file."""

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """A file cut to a length."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """A file made durable."""

    file: int


@dataclass(frozen=True, slots=True)
class Create:
    """A name for a new file."""

    name: str
    file: int


@dataclass(frozen=True, slots=True)
class Unlink:
    """A name taken away."""

    name: str


@dataclass(frozen=True, slots=True)
class SyncDirectory:
    """Which names there are, made durable."""


Operation: TypeAlias = Write | Truncate | Sync | Create | Unlink | SyncDirectory


@dataclass(slots=True)
class File:
    """What a file holds, and what it may turn out to hold."""

    content: bytearray
    versions: dict[int, list[bytes]] = field(default_factory=dict)  # of each sector since the last sync, oldest first
    sizes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sync()

    def sync(self) -> None:
        self.versions = {}
        self.sizes = [len(self.content)]

    def write(self, offset: int, data: bytes) -> None:
        end = offset + len(data)
        sectors = range(offset // SECTOR, -(-end // SECTOR))
        self._remember(sectors)
        if end > len(self.content):
            self.content.extend(bytes(end - len(self.content)))
            self.sizes.append(end)
        self.content[offset:end] = data
        self._changed(sectors)

    def truncate(self, size: int) -> None:
        sectors = range(size // SECTOR, -(-max(len(self.content), size) // SECTOR))
        self._remember(sectors)
        del self.content[size:]
        self.content.extend(bytes(size - len(self.content)))
        self.sizes.append(size)
        self._changed(sectors)

    def _remember(self, sectors: range) -> None:
        for number in sectors:
            self.versions.setdefault(number, [self._sector(number)])

    def _changed(self, sectors: range) -> None:
        for number in sectors:
            self.versions[number].append(self._sector(number))

    def _sector(self, number: int) -> bytes:
        return bytes(self.content[number * SECTOR : (number + 1) * SECTOR]).ljust(SECTOR, b"\0")

    def after_a_cut(self, chance: "Chance") -> bytes:
        """What is on the disk when the power comes back."""
        if not self.versions and len(self.sizes) == 1:
            return bytes(self.content)
        left = bytearray(self.content)
        durable = self.sizes[0]
        for number, versions in self.versions.items():
            place = slice(number * SECTOR, (number + 1) * SECTOR)
            if len(left) < place.stop:
                left.extend(bytes(place.stop - len(left)))
            left[place] = chance.of_sector(versions, beyond=place.start >= durable)
        size = chance.of(self.sizes)
        return bytes(left[:size]).ljust(size, b"\0")


class Disk:
    """Files by their names, and the history of each name since its directory was last synced."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = {number: File(bytearray(data)) for number, data in enumerate(files.values())}
        self.names: dict[str, int | None] = {name: number for number, name in enumerate(files)}
        self.meant: dict[str, list[int | None]] = {name: [number] for name, number in self.names.items()}

    def perform(self, operation: Operation) -> None:
        """Carry an operation out."""
        match operation:
            case Write(file, offset, data):
                self.files[file].write(offset, data)
            case Truncate(file, size):
                self.files[file].truncate(size)
            case Sync(file):
                self.files[file].sync()
            case Create(name, file):
                self.files[file] = File(bytearray())
                self._names(name, file)
            case Unlink(name):
                self._names(name, None)
            case SyncDirectory():
                self.meant = {name: [file] for name, file in self.names.items()}

    def _names(self, name: str, file: int | None) -> None:
        self.meant.setdefault(name, [None]).append(file)
        self.names[name] = file

    def contents(self) -> dict[str, bytes]:
        """What a program that is running sees."""
        return {name: bytes(self.files[file].content) for name, file in self.names.items() if file is not None}

    def after_a_cut(self, chance: "Chance") -> dict[str, bytes]:
        """What the next start of the machine finds."""
        found = {name: chance.of(meant) for name, meant in self.meant.items()}
        return {name: self.files[file].after_a_cut(chance) for name, file in found.items() if file is not None}


@dataclass(slots=True)
class Chance:
    """What a power cut does to all that is not durable."""

    random: random.Random
    kept: float = KEPT
    lost: float = LOST

    def of(self, history: list[T]) -> T:
        """Which state of a name or of a length is the one that survives."""
        if len(history) == 1:
            return history[0]
        drawn = self.random.random()
        if drawn < self.kept:
            return history[-1]
        return history[0] if drawn < self.kept + self.lost else self.random.choice(history)

    def of_sector(self, versions: list[bytes], *, beyond: bool) -> bytes:
        """Which bytes of a sector survive; what was never durable may be anything."""
        drawn = self.random.random()
        if drawn < self.kept:
            return versions[-1]
        older = versions[0] if self.random.random() < 0.7 else self.random.choice(versions[:-1])
        if beyond and self.random.random() < 0.25:
            older = self.random.randbytes(SECTOR)
        if drawn < self.kept + self.lost:
            return older
        torn = self.random.randrange(1, SECTOR)
        return versions[-1][:torn] + older[torn:]


def damages(seed: int, count: int) -> Iterator[Chance]:
    """So many ways in which one cut may go: all is lost, all is there, most are in between."""
    for number in range(count):
        drawn = random.Random(f"{seed} {number}")  # noqa: S311
        extremes = {0: (0.0, 1.0), 1: (1.0, 0.0), 2: (0.1, 0.85), 3: (0.9, 0.05)}
        yield Chance(drawn, *extremes.get(number, (KEPT, LOST)))
