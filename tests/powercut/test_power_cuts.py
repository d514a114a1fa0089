"""After a power cut at any moment the database is sound, holds what was acknowledged, and nothing leaves twice."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from coopflow.channels.base import Accepted, Delivery, Message, Withdrawn
from coopflow.store import database
from tests.powercut.cutting import Cutter, Tally
from tests.powercut.disk import Chance, Create, Disk, Sync, SyncDirectory, Truncate, Unlink, Write, damages
from tests.powercut.driver import on_such_a_disk
from tests.powercut.recording import MESSAGES, OURS, ROLLBACK, WAL, WORSE, Mode, Server, made, played, recorded
from tests.powercut.working import DAMAGES, cut, cut_twice, shares, side_by_side

IMAGES = 20_000


@pytest.fixture
def due(folder: Path) -> Path:
    """Families with two messages each before them."""
    return made(folder / "due")


def added(tallies: object) -> Tally:
    return sum(tallies, Tally())  # type: ignore[call-overload, no-any-return]


def test_s05_a_power_cut_at_every_operation_harms_nothing_loses_nothing_and_doubles_nothing(due: Path) -> None:
    tally = added(side_by_side(cut, list(shares(due, damages=DAMAGES))))
    assert tally.findings == []
    assert tally.images >= IMAGES
    assert tally.distinct > IMAGES / 4
    assert tally.recoveries > 100


def test_s05_a_second_power_cut_in_the_middle_of_the_recovery_changes_nothing(due: Path) -> None:
    tally = added(side_by_side(cut_twice, [share for share in shares(due, damages=2) if share.part == 0]))
    assert tally.findings == []
    assert tally.images > 1000


@pytest.mark.parametrize("mode", OURS, ids=lambda mode: mode.name)
def test_the_tick_that_is_cut_short_is_the_real_one_with_the_settings_that_the_store_chooses(
    due: Path, mode: Mode
) -> None:
    recorder, _ = played(due)
    with on_such_a_disk(recorder, version=mode.version):
        db = database.open_database(due / "coopflow.db")
        found = [db.connection().execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        db.close()
    assert found == {"rollback journal": ["delete", 3], "write-ahead log": ["wal", 2]}[mode.name]
    assert database.SqliteFile.__module__ == "coopflow.store.database"
    assert len(recorded(due, mode).sent) == MESSAGES


# -- the harness can see ------------------------------------------------------------------------------------------


def few_cuts(due: Path, mode: Mode) -> Tally:
    """Enough to see what is wrong with a worse way to write."""
    run = recorded(due, mode)
    cuts = range(0, len(run.operations) + 1, 5)
    return Cutter(run, mode).cut_all(5, cuts, recovering=False)


@pytest.mark.parametrize(
    ("mode", "kind"),
    list(zip(WORSE, ("corrupt", "forgotten", "forgotten", "forgotten"), strict=True)),
    ids=lambda value: getattr(value, "name", value),
)
def test_what_is_written_with_less_care_is_seen_to_be_lost(due: Path, mode: Mode, kind: str) -> None:
    assert few_cuts(due, mode).of_kind(kind) > 0


class Hasty(Server):
    """Sends before it asks whether it may, as a protocol would that writes the intent down too late."""

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        self.record(message.key)
        return Accepted("250 ok") if last_call() else Withdrawn()


@pytest.mark.parametrize("mode", OURS, ids=lambda mode: mode.name)
def test_a_message_that_leaves_before_its_last_call_is_seen_to_leave_twice(due: Path, mode: Mode) -> None:
    run = recorded(due, mode, server=Hasty)
    found = Cutter(run, mode).cut_all(2).findings
    assert {finding.kind for finding in found} == {"wrong"}
    assert any("left twice" in finding.words for finding in found)


# -- the disk -----------------------------------------------------------------------------------------------------


def survivors(disk: Disk, name: str = "a") -> set[bytes | None]:
    return {disk.after_a_cut(chance).get(name) for chance in damages(3, 200)}


def test_what_was_synced_survives_every_cut() -> None:
    disk = Disk({"a": b"old"})
    disk.perform(Write(0, 0, b"new"))
    disk.perform(Sync(0))
    assert survivors(disk) == {b"new"}


def test_what_was_not_synced_is_there_or_lost_or_torn() -> None:
    disk = Disk({"a": b"-" * 1024})
    disk.perform(Write(0, 0, b"+" * 1024))
    found = survivors(disk)
    assert {b"-" * 1024, b"+" * 1024, b"+" * 512 + b"-" * 512, b"-" * 512 + b"+" * 512} <= found
    assert any(b"+-" in image[:512] for image in found if image)


def test_a_length_that_was_not_synced_may_be_the_old_one() -> None:
    disk = Disk({"a": b"-" * 512})
    disk.perform(Write(0, 512, b"+" * 512))
    assert {len(image or b"") for image in survivors(disk)} == {512, 1024}
    disk.perform(Truncate(0, 0))
    assert {len(image or b"") for image in survivors(disk)} == {0, 512, 1024}


def test_a_name_that_was_not_synced_may_be_gone_and_one_that_was_removed_may_be_back() -> None:
    disk = Disk({"a": b"x"})
    disk.perform(Unlink("a"))
    assert survivors(disk) == {b"x", None}
    disk.perform(SyncDirectory())
    assert survivors(disk) == {None}
    disk.perform(Create("a", 1))
    assert survivors(disk) == {b"", None}


def test_the_same_seed_damages_the_same_way() -> None:
    def drawn(seed: int) -> list[bytes]:
        return [chance.of_sector([b"-" * 512, b"+" * 512], beyond=True) for chance in damages(seed, 50)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert isinstance(next(damages(1, 1)), Chance)


def test_every_line_of_sqlite_that_is_in_use_is_tried() -> None:
    assert {database.journal_mode(mode.version) for mode in (ROLLBACK, WAL)} == {"delete", "wal"}
    assert database.journal_mode(sqlite3.sqlite_version_info) in ("delete", "wal")
