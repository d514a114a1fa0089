"""Many ticks in the same moment: one works, the others say nothing."""

import os
from collections import Counter
from pathlib import Path

from tests.faults import command
from tests.faults.children import end_of, fork
from tests.faults.scene import assert_sound, files, ledger

TICKS = 50
FAMILIES = 15


def crowd(folder: Path, rounds: int) -> int:
    """So many rounds of fifty ticks at once; answers with how many messages left."""
    app = command.made(folder, families=FAMILIES)
    for number in range(1, rounds + 1):
        command.starts(app, FAMILIES)
        start, gate = os.pipe()

        def one_of_them() -> None:
            os.close(gate)  # noqa: B023 - used in this round only
            os.read(start, 1)  # noqa: B023 - ends for all of them when the last one that could write has closed it
            assert command.said_by_tick(folder) == (0, "")

        children = [fork(one_of_them) for _ in range(TICKS)]
        os.close(gate)
        assert [end_of(child) for child in children] == [0] * TICKS
        os.close(start)
        assert {family: len(keys) for family, keys in files(folder).items()} == {
            str(family): number for family in range(1, FAMILIES + 1)
        }
    with app.store() as store:
        assert_sound(store)
        sent = Counter(key for keys in files(folder).values() for key in keys)
        assert ledger(store, "completed") == sent
        statuses = store.db.execute_sql("SELECT status, COUNT(*) FROM workflow_instances GROUP BY 1").fetchall()
        assert statuses == [("completed", FAMILIES * rounds)]
    return len(sent)
