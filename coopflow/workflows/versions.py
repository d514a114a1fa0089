"""What a folder's definitions change in the store: which workflow is new, edited, as before, gone, or refused."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from coopflow.workflows.definition import Definition
    from coopflow.workflows.folder import Reading


class Kind(StrEnum):
    """What became of one workflow."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    RETIRED = "retired"  # its file is gone: nothing starts from it any more; what runs goes on
    BROKEN = "broken"  # its file is refused: the last good version stays in force


class Current(Protocol):
    """The newest stored version of a workflow."""

    @property
    def version(self) -> int:
        """Its number."""

    @property
    def source_hash(self) -> str:
        """The fingerprint of what it means."""

    @property
    def source_path(self) -> str:
        """The file it came from."""

    @property
    def active(self) -> bool:
        """False: nothing starts from it."""


class Change(Struct, frozen=True):
    """What is to be done about one workflow."""

    name: str
    kind: Kind
    version: int | None  # the one that is in force afterwards; None: there is none
    definition: "Definition | None" = None  # the one to store, for what is added or updated

    def __str__(self) -> str:
        match self.kind:
            case Kind.UPDATED:
                return f"{self.name}: updated to v{self.version}"
            case Kind.BROKEN:
                in_force = f"v{self.version} stays in force" if self.version else "nothing is in force"
                return f"{self.name}: not loaded, {in_force}"
            case _:
                return f"{self.name}: {self.kind} (v{self.version})"


def compare(reading: "Reading", current: Mapping[str, Current]) -> list[Change]:
    """One change for each workflow that is in the folder or in force, by name."""
    changes = [_change(definition, current.get(definition.name)) for definition in reading.definitions]
    names = {change.name for change in changes}
    changes += _broken(reading, current, names)
    names |= {change.name for change in changes}
    gone = [(name, found) for name, found in current.items() if name not in names and found.active]
    changes += [Change(name, Kind.RETIRED, found.version) for name, found in gone]
    return sorted(changes, key=lambda change: change.name)


def _change(definition: "Definition", found: Current | None) -> Change:
    if found is None:
        return Change(definition.name, Kind.ADDED, 1, definition)
    if found.source_hash == definition.source_hash:
        return Change(definition.name, Kind.UNCHANGED, found.version)
    return Change(definition.name, Kind.UPDATED, found.version + 1, definition)


def _broken(reading: "Reading", current: Mapping[str, Current], good: set[str]) -> Iterator[Change]:
    """A refused file stands for the workflow it names; if it names none that is known, for the one it was read as."""
    by_file = {PurePath(found.source_path).name: name for name, found in current.items()}
    told: set[str] = set()
    for path, named in reading.broken:
        file = PurePath(path).name
        name = named if named is not None and named in current else by_file.get(file, named or file)
        if name not in good and name not in told:
            told.add(name)
            yield Change(name, Kind.BROKEN, current[name].version if name in current else None)
