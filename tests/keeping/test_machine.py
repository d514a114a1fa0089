"""What `doctor` says of the machine: faults that are known, the file, the disk."""

from collections import namedtuple
from pathlib import Path

import pytest
from msgspec.structs import replace

from coopflow.config import Config
from coopflow.reports import machine
from coopflow.reports.findings import Finding, Level, Premises
from coopflow.zone_data import zone_data
from tests.cli.conftest import CoOp
from tests.keeping.conftest import database

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def premises(school: CoOp) -> Premises:
    from coopflow.app import open_app

    config: Config = open_app(school.folder / "coopflow.yaml").config
    world = school.world
    return Premises(store=world.store, config=config, database=database(school), zone_data=zone_data(), now=world.now)


def one(found: object) -> Finding:
    [finding] = list(found)  # type: ignore[call-overload]
    return finding  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("version", "faulty"),
    [
        ((3, 11, 7), "Python 3.11.15 or newer"),
        ((3, 11, 14), "Python 3.11.15 or newer"),
        ((3, 11, 15), None),
        ((3, 12, 12), "Python 3.12.13 or newer"),
        ((3, 12, 13), None),
        ((3, 13, 11), "Python 3.13.12 or newer"),
        ((3, 13, 12), None),
        ((3, 14, 2), "Python 3.14.3 or newer"),
        ((3, 14, 3), None),
        ((3, 15, 0), None),
        ((3, 10, 20), "Python 3.13.12 or newer"),
    ],
)
def test_o33_a_python_that_lets_headers_in_is_named_with_its_remedy(
    version: tuple[int, ...], faulty: str | None
) -> None:
    found = list(machine._python(version))
    assert [finding.remedy for finding in found] == ([faulty] if faulty else [])
    assert all("CVE-2024-6923, CVE-2026-1299" in finding.words for finding in found)


@pytest.mark.parametrize(
    ("version", "level"),
    [((3, 1, 5), Level.BAD), ((3, 1, 6), None), ((3, 2), None), ((), None)],
)
def test_o33_a_jinja_with_a_hole_in_its_sandbox_needs_a_person(version: tuple[int, ...], level: Level | None) -> None:
    found = list(machine._jinja(version))
    assert [finding.level for finding in found] == ([level] if level else [])
    assert all("CVE-2025-27516" in finding.words for finding in found)


@pytest.mark.parametrize(
    ("version", "told"),
    [((3, 40, 1), True), ((3, 44, 6), False), ((3, 50, 6), True), ((3, 50, 7), False), ((3, 51, 3), False)],
)
def test_o33_an_sqlite_with_the_fault_in_its_log_is_told_and_worked_around(
    version: tuple[int, ...], told: bool
) -> None:
    found = list(machine._sqlite(version))
    assert bool(found) is told
    assert all(finding.level is Level.GOOD and "slower journal" in finding.words for finding in found)


def test_s20_a_log_that_grows_is_named(premises: Premises, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LARGEST_WAL", 10)
    log = Path(f"{premises.database}-wal")
    assert one(machine.database_file(premises)).level is Level.GOOD
    log.write_bytes(b"x" * 11)
    found = one(machine.database_file(premises))
    log.unlink()
    assert (found.level, "some program has been reading for long" in found.words) == (Level.WARNING, True)


def test_s16_a_second_name_is_named(premises: Premises) -> None:
    premises.database.with_name("second.db").hardlink_to(premises.database)
    found = one(machine.database_file(premises))
    assert (found.level, "it has 2 names" in found.words) == (Level.BAD, True)
    assert "-samefile" in str(found.remedy)


def test_s19_a_network_file_system_is_named(premises: Premises, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.files, "mounts", lambda: "server:/export / nfs4 rw 0 0\n")
    found = one(machine.database_file(premises))
    assert (found.level, "network file system (nfs4)" in found.words) == (Level.BAD, True)


@pytest.mark.parametrize(
    ("free", "level"), [(50 * 2**20, Level.BAD), (500 * 2**20, Level.WARNING), (50 * 2**30, Level.GOOD)]
)
def test_little_room_is_told_in_time(
    premises: Premises, free: int, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(0, 0, free))
    assert one(machine.disk_space(premises)).level is level


def test_the_version_of_the_tables_is_told(premises: Premises) -> None:
    found = one(machine.schema(premises))
    assert (found.level, found.words) == (Level.GOOD, "version 4 of 4")


def test_a_database_that_is_at_work_elsewhere_is_bad(premises: Premises) -> None:
    premises.store.db.execute_sql("INSERT OR REPLACE INTO meta VALUES ('place', 'restored')")
    found = one(machine.place(replace(premises)))
    assert (found.level, found.remedy) == (Level.BAD, "coopflow adopt")
