import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import co_op as co_op

MEMORY = Path("/dev/shm")  # noqa: S108 - a kill does not care where the file lies, and a thousand of them cost less here


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place for many copies of a co-op, in memory where the system has such a place."""
    made = Path(tempfile.mkdtemp(prefix="coopflow-", dir=MEMORY if MEMORY.is_dir() else None))
    yield made
    shutil.rmtree(made)
