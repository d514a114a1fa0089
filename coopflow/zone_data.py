"""Which time-zone data is used: the newest of the system's and the bundled one, whatever the environment says.

A country changes its clocks at a few months' notice, and a machine that is never updated does not hear of it. So the
choice is made anew at every start, before the first zone is read; `doctor` shows where the two disagree.
"""

import re
import zoneinfo
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from coopflow.core.zones import next_change, wall_offset
from coopflow.errors import CoopflowError

SYSTEM_FOLDERS = ("/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo")
STRIDE = timedelta(hours=48)  # no zone has changed twice within 60 hours since 1970
_VERSION = re.compile(r"[0-9]{4}[a-z]{1,2}")  # 2026a: the years' releases by letter, so they sort as text


class ZoneData(Struct, frozen=True):
    """The time-zone data in use, and the one that was left aside."""

    version: str | None  # 2026a; None: it does not say
    source: str  # system | bundled
    other_version: str | None = None  # of the one left aside; None: there is none, or it does not say


class Disagreement(Struct, frozen=True):
    """From when on the system's and the bundled data tell different times for a zone."""

    zone: str
    at: datetime
    system: timedelta  # ahead of UTC
    bundled: timedelta


@lru_cache(maxsize=1)
def zone_data() -> ZoneData:
    """Choose the newest data and use it from here on; raise CoopflowError where there is none at all."""
    system, bundled = _system_folder(), _bundled_folder()
    found = chosen(_version_in(system), _version_in(bundled), system=system is not None, bundled=bundled is not None)
    # By its path also where it is bundled: zoneinfo's own way to that loads as much as half of a small command.
    paths = (str(system if found.source == "system" else bundled),)
    if tuple(zoneinfo.TZPATH) != paths:
        zoneinfo.reset_tzpath(paths)
    return found


def chosen(system_version: str | None, bundled_version: str | None, *, system: bool, bundled: bool) -> ZoneData:
    """The newest of two, of which either may be missing or not say what it is; what says so is taken first."""
    if not system and not bundled:
        raise CoopflowError("there is no time-zone data on this machine; install it with: pip install tzdata")
    if system and (not bundled or (system_version or "") >= (bundled_version or " ")):
        return ZoneData(system_version, "system", bundled_version)
    return ZoneData(bundled_version, "bundled", system_version)


def disagreements(keys: Iterable[str], *, since: datetime, until: datetime) -> list[Disagreement]:
    """Where the system's and the bundled data first tell different times for these zones; none where one is missing."""
    system, bundled = _system_folder(), _bundled_folder()
    if system is None or bundled is None:
        return []
    found = (_disagreement(key, system, bundled, since, until) for key in sorted(set(keys)))
    return [one for one in found if one is not None]


def _disagreement(key: str, system: Path, bundled: Path, since: datetime, until: datetime) -> Disagreement | None:
    theirs, ours = _read(system, key), _read(bundled, key)
    if theirs is None or ours is None:
        return None
    for at in sorted({since, *_changes(theirs, since, until), *_changes(ours, since, until)}):
        if wall_offset(at, theirs) != wall_offset(at, ours):
            return Disagreement(key, at, wall_offset(at, theirs), wall_offset(at, ours))
    return None


def _changes(tz: zoneinfo.ZoneInfo, since: datetime, until: datetime) -> Iterator[datetime]:
    """When the offset changes; between two of these moments it stays."""
    begin = since
    while begin < until:
        end = min(begin + STRIDE, until)
        at = next_change(tz, begin, end)
        if at < end:
            yield at
        begin = at


def _read(folder: Path, key: str) -> zoneinfo.ZoneInfo | None:
    try:
        with (folder / key).open("rb") as file:
            return zoneinfo.ZoneInfo.from_file(file, key=key)
    except (OSError, ValueError):
        return None


def _system_folder() -> Path | None:
    return next((Path(folder) for folder in SYSTEM_FOLDERS if Path(folder, "UTC").is_file()), None)


def _bundled_folder() -> Path | None:
    spec = find_spec("tzdata")  # looked for, not imported: its files are all that is needed
    folder = None if spec is None or spec.origin is None else Path(spec.origin).parent / "zoneinfo"
    return folder if folder is not None and (folder / "UTC").is_file() else None


def _version_in(folder: Path | None) -> str | None:
    """What the data says of itself: `# version 2026a` on top of its source, or a file with nothing else in it."""
    if folder is None:
        return None
    for name in ("tzdata.zi", "+VERSION"):
        try:
            with (folder / name).open(encoding="ascii", errors="replace") as file:
                words = file.readline(100).split()
        except OSError:
            continue
        if words and _VERSION.fullmatch(words[-1]):
            return words[-1]
    return None
