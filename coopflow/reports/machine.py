"""What `doctor` looks at around the database: its backups, its file, its disk, and versions with known faults."""

import sqlite3
import sys
from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from coopflow.keeping.backup import last_backup
from coopflow.keeping.place import ADOPT, why_not_in_place
from coopflow.reports.findings import Finding, Level, Premises, length
from coopflow.store import files
from coopflow.store.database import journal_mode
from coopflow.store.migrations import MIGRATIONS, version_of

BACKUP_WARNING = timedelta(days=7)
LARGEST_WAL = 64 * 2**20  # bytes; a log that is longer is not being copied back: somebody has been reading for long
LEAST_SPACE = 100 * 2**20
LITTLE_SPACE = 2**30
# Line of Python → its first release without a way to put a second header into a mail.
HEADER_INJECTION = {(3, 11): 15, (3, 12): 13, (3, 13): 12, (3, 14): 3}
PYTHON_CVES = "CVE-2024-6923, CVE-2026-1299"
GOOD_JINJA = (3, 1, 6)  # before it, CVE-2025-27516: a template could leave its sandbox


def backup_age(premises: Premises) -> Iterator[Finding]:
    """Is there a backup, and how old is it?"""
    made = last_backup(premises.store)
    remedy = "coopflow backup FILE, every night from cron, best to another disk"
    if made is None:
        yield Finding("backup", Level.WARNING, "no backup was ever made", remedy)
    elif premises.now - made > BACKUP_WARNING:
        yield Finding("backup", Level.WARNING, f"the last one was made {length(premises.now - made)} ago", remedy)
    else:
        yield Finding("backup", Level.GOOD, f"the last one was made {length(premises.now - made)} ago")


def place(premises: Premises) -> Iterator[Finding]:
    """Is this the database that was last at work here?"""
    reasons = "; ".join(why_not_in_place(premises.store))
    if reasons:
        words = f"the database was restored, copied or moved: {reasons}; nothing is sent or moved forward"
        yield Finding("place", Level.BAD, words, ADOPT)
    else:
        yield Finding("place", Level.GOOD, "the database is where it was last at work")


def schema(premises: Premises) -> Iterator[Finding]:
    """Are the tables those of this coopflow? One that is older or newer would not have been opened."""
    found = version_of(premises.store.db.connection())
    yield Finding("schema", Level.GOOD, f"version {found} of {len(MIGRATIONS)}")


def known_faults(premises: Premises) -> Iterator[Finding]:
    """Is anything that coopflow runs on known to be faulty?"""
    del premises
    python, sqlite = tuple(sys.version_info[:3]), sqlite3.sqlite_version_info
    found = [*_python(python), *_jinja(_installed("jinja2")), *_sqlite(sqlite)]
    yield from found
    if all(finding.level is Level.GOOD for finding in found):
        name = ".".join(map(str, python))
        yield Finding("versions", Level.GOOD, f"Python {name}, SQLite {sqlite3.sqlite_version}: no fault is open")


def _python(found: tuple[int, ...]) -> Iterator[Finding]:
    line, patch = found[:2], found[2]
    good = HEADER_INJECTION.get((line[0], line[1]))
    if line > max(HEADER_INJECTION) or (good is not None and patch >= good):
        return
    name = ".".join(map(str, found))
    newer = f"{line[0]}.{line[1]}.{good}" if good is not None else "3.13.12"
    words = f"Python {name} lets a header be smuggled into a mail ({PYTHON_CVES}); coopflow checks each mail itself"
    yield Finding("versions", Level.WARNING, words, f"Python {newer} or newer")


def _jinja(found: tuple[int, ...]) -> Iterator[Finding]:
    if found and found < GOOD_JINJA:
        words = f"Jinja2 {'.'.join(map(str, found))} lets a template out of its sandbox (CVE-2025-27516)"
        yield Finding("versions", Level.BAD, words, "pip install --upgrade jinja2")


def _sqlite(found: tuple[int, ...]) -> Iterator[Finding]:
    """Where the write-ahead log has its bug, the other journal is used: slower, and sound."""
    if journal_mode(found) == "wal":
        return
    name = ".".join(map(str, found))
    words = (
        f"SQLite {name} can damage a database in its write-ahead log (corrected in 3.51.3, 3.50.7 and 3.44.6), so"
        " coopflow uses the slower journal, which is safe"
    )
    yield Finding("versions", Level.GOOD, words, "a Python with a newer SQLite makes ticks with much to do faster")


def _installed(name: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in version(name).split(".")[:3] if part.isdigit())
    except PackageNotFoundError:
        return ()


def database_file(premises: Premises) -> Iterator[Finding]:
    """Does it lie on a disk of this machine, under one name, and with a log that is not growing?"""
    path, found = premises.database, []
    kind = files.file_system(path, files.mounts())
    if kind in files.NETWORK_FILE_SYSTEMS or kind.startswith("fuse."):
        words = f"it lies on a network file system ({kind}), where SQLite's locks do not hold"
        found.append(Finding("file", Level.BAD, words, "move it to a disk of this machine, then: coopflow adopt"))
    names = path.stat().st_nlink
    if names > 1:
        words = f"it has {names} names (hard links); used under two of them it would be damaged"
        found.append(Finding("file", Level.BAD, words, f"find {path.parent} -samefile {path}, and delete all but one"))
    log = Path(f"{path}-wal")
    size = log.stat().st_size if log.exists() else 0
    if size > LARGEST_WAL:
        words = f"its write-ahead log has grown to {size // 2**20:,} MiB: some program has been reading for long"
        found.append(Finding("file", Level.WARNING, words, f"find the program with: fuser {path}"))
    yield from found or [Finding("file", Level.GOOD, f"{path.stat().st_size / 2**20:,.1f} MiB on {kind or 'a disk'}")]


def disk_space(premises: Premises) -> Iterator[Finding]:
    """Is there room for what comes, and for the file to be written anew?"""
    import shutil

    free = shutil.disk_usage(premises.database.parent).free
    needed = 2 * premises.database.stat().st_size
    words = f"{free / 2**30:,.1f} GiB are free"
    if free < LEAST_SPACE:
        yield Finding("disk", Level.BAD, f"only {free // 2**20:,} MiB are free", "make room: a full disk stops all")
    elif free < max(LITTLE_SPACE, needed):
        yield Finding("disk", Level.WARNING, f"only {words}", "make room, or coopflow purge what is old")
    else:
        yield Finding("disk", Level.GOOD, words)


CHECKS = (backup_age, place, schema, known_faults, database_file, disk_space)
