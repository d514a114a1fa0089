"""Which time-zone data is used, and where the machine's and the bundled one tell different times."""

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import pytest

from coopflow import zone_data
from coopflow.errors import CoopflowError
from coopflow.zone_data import ZoneData, chosen, disagreements

NOW, LATER = datetime(2026, 3, 20, tzinfo=UTC), datetime(2028, 3, 20, tzinfo=UTC)
BOTH = {"system": True, "bundled": True}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Whatever a test chooses, the next one begins as the process did."""
    path = zoneinfo.TZPATH
    zone_data.zone_data.cache_clear()
    yield
    zoneinfo.reset_tzpath(path)
    zone_data.zone_data.cache_clear()


@pytest.mark.parametrize(
    ("system", "bundled", "found"),
    [
        ("2025b", "2026f", ZoneData("2026f", "bundled", "2025b")),
        ("2026f", "2025b", ZoneData("2026f", "system", "2025b")),
        ("2026f", "2026f", ZoneData("2026f", "system", "2026f")),
        ("2026b", "2026a", ZoneData("2026b", "system", "2026a")),
        (None, "2026a", ZoneData("2026a", "bundled", None)),
        ("2026a", None, ZoneData("2026a", "system", None)),
    ],
)
def test_the_newest_data_is_used_whoever_brought_it(system: str | None, bundled: str | None, found: ZoneData) -> None:
    assert chosen(system, bundled, **BOTH) == found


def test_what_is_missing_is_not_chosen() -> None:
    assert chosen(None, "2020a", system=False, bundled=True).source == "bundled"
    assert chosen("2020a", None, system=True, bundled=False).source == "system"


def test_without_any_there_is_a_sentence_with_the_remedy() -> None:
    with pytest.raises(CoopflowError, match="no time-zone data on this machine; install it with: pip install tzdata"):
        chosen(None, None, system=False, bundled=False)


# -- two sources that disagree ------------------------------------------------------------------------------------


def zone_files(folder: Path, version: str, **zones: str) -> Path:
    """A folder of zone data in which a zone may be another's under its name."""
    for key in ("UTC", "America/Chicago", "America/Havana"):
        file = folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        source = zones.get(key.rpartition("/")[2], key)
        file.write_bytes(resources.files("tzdata.zoneinfo").joinpath(*source.split("/")).read_bytes())
    (folder / "tzdata.zi").write_text(f"# version {version}\n")
    return folder


def test_the_systems_data_is_used_when_it_is_newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = zone_files(tmp_path, "2099a", Havana="Asia/Tokyo")
    monkeypatch.setattr(zone_data, "SYSTEM_FOLDERS", (str(newer),))
    assert zone_data.zone_data().version == "2099a"
    zoneinfo.ZoneInfo.clear_cache()
    assert NOW.astimezone(zoneinfo.ZoneInfo("America/Havana")).utcoffset() == timedelta(hours=9)
    zoneinfo.ZoneInfo.clear_cache()


def test_where_the_two_disagree_it_is_said_from_when_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Regina has Chicago's winter time all the year round: they differ from the second Sunday of March on.
    system = zone_files(tmp_path, "2020a", Chicago="America/Regina")
    monkeypatch.setattr(zone_data, "SYSTEM_FOLDERS", (str(system),))
    [found] = disagreements(["America/Chicago", "America/Havana"], since=datetime(2026, 1, 1, tzinfo=UTC), until=LATER)
    assert (found.zone, found.at) == ("America/Chicago", datetime(2026, 3, 8, 8, tzinfo=UTC))
    assert (found.system, found.bundled) == (timedelta(hours=-6), timedelta(hours=-5))
    assert disagreements(["America/Chicago"], since=NOW, until=LATER)[0].at == NOW  # already


def test_where_they_agree_or_one_is_missing_there_is_nothing_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zone_data, "SYSTEM_FOLDERS", (str(zone_files(tmp_path, "2020a")),))
    assert disagreements(["America/Chicago", "Mars/Olympus"], since=NOW, until=LATER) == []
    monkeypatch.setattr(zone_data, "SYSTEM_FOLDERS", ())
    assert disagreements(["America/Chicago"], since=NOW, until=LATER) == []


@pytest.mark.parametrize("written", ["", "# version\n", "nonsense", "# version ../../etc\n"])
def test_a_version_that_cannot_be_read_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    folder = zone_files(tmp_path, "2020a")
    (folder / "tzdata.zi").write_text(written)
    monkeypatch.setattr(zone_data, "SYSTEM_FOLDERS", (str(folder),))
    assert zone_data.zone_data().source == "bundled"
