from collections.abc import Iterator

import pytest

from tests.alerts.watcher import Watcher, watching
from tests.cli.conftest import co_op as co_op


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    with watching() as made:
        yield made
