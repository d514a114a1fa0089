"""A list that was read, laid aside until all of it is known to be good: in memory, or on disk where it is long.

The file has no name, so nothing of it outlives the process, and it lies beside the database, which has the same in it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

from coopflow.intake.families import FamilyRecord

IN_MEMORY = 4 * 1024 * 1024  # bytes


class Spool:
    """Records of families, written once and then read once, in their order."""

    def __init__(self, folder: Path) -> None:
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY, mode="w+", encoding="ascii", dir=str(folder))  # noqa: SIM115
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, record: FamilyRecord) -> None:
        """Lay one more record aside."""
        parts = (record.line, record.family_id, record.columns, record.attributes)
        self._file.write(f"{json.dumps(parts)}\n")
        self.count += 1

    def batches(self, size: int) -> Iterator[list[FamilyRecord]]:
        """All of them, so many at a time."""
        self._file.seek(0)
        batch: list[FamilyRecord] = []
        for text in self._file:
            line, family_id, columns, attributes = json.loads(text)
            batch.append(FamilyRecord(line=line, family_id=family_id, columns=columns, attributes=attributes))
            if len(batch) == size:
                yield batch
                batch = []
        if batch:
            yield batch
