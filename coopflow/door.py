"""The door in front of everything: it tells a tick that has nothing to do before anything heavy is imported.

A tick runs 525,600 times a year and has mostly nothing to do. A full tick leaves a small file beside the configuration:
where things lie, and what the configuration says, so that it need not be read again. If the configuration and the
workflows are as the database has taken them in, and nothing there is due, the tick is over. In any doubt it is not: the
file can only cost a full tick, never save one that was needed. Standard library only, and little of that.
"""

import os

from coopflow import __version__
from coopflow.workflows.folder_signature import signature as folder_signature

TYPE_CHECKING = False  # type checkers know this name; `typing` costs more than all of an idle tick here
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FORMAT = f"coopflow {__version__} door"  # another version may want other things of the configuration
LINES = 8  # format, checksum, configuration, its signature, database, workflows, inbox, the configuration as JSON
ALWAYS = "*"  # an inbox that only a full tick can look into
BETWEEN_PINGS = 300  # seconds; alerts.ping has the same number, and is not imported before it is needed
LONGEST = 1_000_000  # bytes of the file; a configuration has a quarter of that at most
FILES_TAKEN_IN = "files_taken_in"  # the database's own note of what it has loaded, in the table `meta`

# What a full tick would do: start what the clock owes, advance branches, escalate tasks, warn of deadlines, take up
# messages that a dead tick left under way (those that wait for a person or for their transport have a branch that says
# so), load what has changed.
ANYTHING_TO_DO = """
SELECT EXISTS (SELECT 1 FROM workflow_queue WHERE status = 'queued' AND scheduled_for <= ?1)
    OR EXISTS (SELECT 1 FROM coordinator_tasks WHERE status = 'open' AND escalate_at <= ?1)
    OR EXISTS (SELECT 1 FROM workflow_schedules WHERE next_at <= ?1)
    OR EXISTS (SELECT 1 FROM workflow_instances
               WHERE completed_at IS NULL AND deadline_alert_at IS NOT NULL AND deadline_alert_at <= ?1)
    OR EXISTS (SELECT 1 FROM workflow_step_executions x
               WHERE x.status IN ('pending', 'running') AND x.idempotency_key IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM workflow_queue q WHERE q.instance_id = x.instance_id
                                 AND q.branch = x.branch AND q.visit = x.visit AND q.status <> 'processing'))
    OR NOT EXISTS (SELECT 1 FROM meta WHERE key = ?2 AND value = ?3)
"""


def nothing_to_do(config_path: str, *, database: str | None, now: str) -> bool:
    """True when a tick at `now` (an instant's text) would find nothing to do; the time stamp of a tick is then left."""
    try:
        door = Door(config_path)
        signature = file_signature(config_path)
        if not door.knows(signature) or database not in (None, door.database):
            return False
        if _anything_came(door.inbox) or _anything_to_do(door.database, now, state_of_files(signature, door.workflows)):
            return False
        lock = f"{os.path.realpath(door.database)}.lock"
        os.utime(lock)  # the sign of life that `status` and `doctor` look at
        _tell_the_watcher(door, signature, now=os.stat(lock).st_mtime)  # noqa: PTH116
    except (OSError, ValueError):
        return False
    return True


def _tell_the_watcher(door: "Door", signature: str, *, now: float) -> None:
    """Ping where a full tick has left the file that says so, and it is time again."""
    state = f"{os.path.realpath(door.database)}.ping"
    try:
        if 0 <= now - os.stat(state).st_mtime < BETWEEN_PINGS:  # noqa: PTH116
            return
    except FileNotFoundError:
        return
    from coopflow.alerts.ping import ping, say

    said = door.config(signature)
    if said is not None:
        say(ping(said["alerts"], state, now=now))  # type: ignore[arg-type]


def file_signature(path: "Path | str") -> str:
    """What changes when a file is edited or replaced; the change time tells edits that have an old date."""
    found = os.stat(path)  # noqa: PTH116 - pathlib's imports are most of what an idle tick would cost
    return f"{found.st_mtime_ns}:{found.st_ctime_ns}:{found.st_size}:{found.st_ino}"


def state_of_files(config_signature: str, workflows: "Path | str") -> str:
    """Everything in files that loading workflows depends on, in one line: the same line, nothing to load."""
    return f"{__version__} {config_signature} {folder_signature(os.fspath(workflows))}"


class Door:
    """What the last full tick left beside a configuration."""

    def __init__(self, config_path: "Path | str") -> None:
        self._config = os.path.abspath(config_path)  # noqa: PTH100
        folder, name = os.path.split(self._config)
        self._path = os.path.join(folder, f".{name}.door")  # noqa: PTH118
        self._lines = self._read()

    def _read(self) -> list[str]:
        """The lines, if they are whole and about the configuration here: a moved folder takes its door along."""
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # whatever lies there, never wait
            with open(os.open(self._path, flags), "rb") as file:  # noqa: PTH123
                content = file.read(LONGEST)
        except OSError:
            return []
        lines = content.decode(errors="surrogateescape").split("\n")
        whole = len(lines) == LINES and lines[:3] == [FORMAT, _checksum(lines[2:]), self._config]
        return lines if whole else []

    @property
    def database(self) -> str:
        """The path of the database."""
        return self._lines[4]

    @property
    def workflows(self) -> str:
        """The path of the folder of workflows."""
        return self._lines[5]

    @property
    def inbox(self) -> list[str]:
        """Folders that are empty but for what is done while nothing has come in, or ALWAYS."""
        return self._lines[6].split("\t") if self._lines[6] else []

    def knows(self, config_signature: str) -> bool:
        """True when what was left is about the configuration as it is now."""
        return bool(self._lines) and self._lines[3] == config_signature

    def config(self, config_signature: str) -> "Mapping[str, object] | None":
        """The configuration's data, when the file it was read from has not changed."""
        if not self.knows(config_signature):
            return None
        import json

        data: dict[str, object] = json.loads(self._lines[7])
        return data

    def keep(self, config_signature: str, config: "Mapping[str, object]", *, inbox: "Sequence[str]" = ()) -> None:
        """Leave word for the next tick; where that is not possible, the next one is a full one."""
        import json

        database, workflows = str(config["database"]), str(config["workflows"])
        said = [self._config, config_signature, database, workflows, "\t".join(inbox), json.dumps(config)]
        lines = [FORMAT, _checksum(said), *said]
        if lines == self._lines:
            return
        try:
            self._write("\n".join(lines).encode(errors="surrogateescape"))
        except OSError:
            return
        self._lines = lines

    def _write(self, content: bytes) -> None:
        """Aside, and then into its place, so that no one reads half of it."""
        aside = f"{self._path}.new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(aside, flags, 0o600), "wb") as file:  # noqa: PTH123
            file.write(content)
        os.replace(aside, self._path)  # noqa: PTH105


def _checksum(lines: list[str]) -> str:
    from zlib import crc32

    return str(crc32("\n".join(lines).encode(errors="surrogateescape")))


def _anything_came(folders: list[str]) -> bool:
    """True where something lies in a folder that is not hidden or done, or where that cannot be told from here."""
    for folder in folders:
        if folder == ALWAYS:
            return True
        with os.scandir(folder) as found:
            if any(entry.name != "done" and not entry.name.startswith(".") for entry in found):
                return True
    return False


def _anything_to_do(path: str, now: str, files: str) -> bool:
    import sqlite3

    if os.path.exists(f"{path}-wal"):  # noqa: PTH110 - what a crash has left, or what is of another database
        return True
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    try:
        connection = sqlite3.connect(f"file:{quoted}?mode=ro", uri=True)
        try:
            return bool(connection.execute(ANYTHING_TO_DO, (now, FILES_TAKEN_IN, files)).fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error:
        return True  # a full tick finds out what is wrong, and says so
