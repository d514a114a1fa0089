"""Tells a watcher elsewhere that ticks are at work (a dead man's switch, as healthchecks.io is one).

Also the tick with nothing to do comes here, once in five minutes: so nothing is imported before it is needed, and the
state lies in a file beside the lock. Its time of change is when the watcher was told last.
"""

import os
import sys

from coopflow import __version__

EVERY = 300  # seconds between two pings while all is well
PATIENCE = 5  # seconds that a ping may take with everything: names, connection, answer
UNHEARD = "unheard"  # in the file: the watcher could not be told, and a person knows it

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def state_path(database: str) -> str:
    """The file beside the database: `coopflow.db.ping`. It is there where there is somebody to tell, else not."""
    return f"{os.path.realpath(database)}.ping"


def is_due(state: str, *, now: float) -> bool:
    """Whether the watcher should be told again; the time is in seconds since 1970."""
    try:
        return not 0 <= now - os.stat(state).st_mtime < EVERY  # noqa: PTH116 - pathlib costs more than all of this
    except FileNotFoundError:
        return True


def ping(alerts: "Mapping[str, str]", state: str, *, now: float, failed: bool = False) -> str | None:
    """Tell the watcher; answer with one line of trouble, the first time that it cannot be told.

    After a failure the next tick tells at once how it stands, whatever the time.
    """
    trouble = _tell(_address(alerts), failed=failed)
    known = _read(state) == UNHEARD
    _write(state, UNHEARD if trouble else "", at=0.0 if failed else now)
    if trouble is None or known:
        return None
    return f"the watcher under alerts: in coopflow.yaml could not be told that coopflow runs: {trouble}"


def forget(state: str) -> None:
    """Leave no file behind where there is nobody to tell."""
    try:
        os.unlink(state)  # noqa: PTH108
    except OSError:
        return


def say(trouble: str | None) -> None:
    """Write the line, if there is one, as the command line would."""
    if trouble:
        sys.stderr.write(f"coopflow: {trouble}\n")


def _address(alerts: "Mapping[str, str]") -> str:
    """The URL; in its place the name of a variable that is not set."""
    if "ping_url" in alerts:
        return alerts["ping_url"]
    variable = alerts["ping_url_env"]
    return os.environ.get(variable, "").strip() or f"${variable}"


def _tell(address: str, *, failed: bool) -> str | None:
    """Why the watcher could not be told; None: it was. The address is never repeated: whoever knows it can use it."""
    if address.startswith("$"):
        return f"the environment variable {address[1:]} is not set"
    if not address.startswith(("https://", "http://")):
        return "its address does not begin with https:// or http://"
    from coopflow.threads import Worker

    fates: list[str | None] = []
    # It is left alone after a while: a name server that does not answer knows no time-out.
    asking = Worker(lambda: fates.append(_asked(address, failed=failed)))
    asking.start()
    asking.join(PATIENCE)
    return fates[0] if fates else f"no answer within {PATIENCE} seconds"


def _asked(address: str, *, failed: bool) -> str | None:
    from urllib.error import HTTPError, URLError
    from urllib.parse import urlsplit, urlunsplit
    from urllib.request import Request, urlopen

    try:
        parts = urlsplit(address)
        path = f"{parts.path.rstrip('/')}/fail" if failed else parts.path
        request = Request(urlunsplit(parts._replace(path=path)), headers={"User-Agent": f"coopflow/{__version__}"})  # noqa: S310 - its scheme has been looked at
        with urlopen(request, timeout=PATIENCE):  # noqa: S310
            return None
    except HTTPError as problem:
        problem.close()
        return f"it answered with {problem.code}"
    except URLError as problem:
        reason = problem.reason
        return str(reason.strerror or reason) if isinstance(reason, OSError) else str(reason)
    except TimeoutError:
        return f"no answer within {PATIENCE} seconds"
    except Exception as problem:  # noqa: BLE001 - whatever it is, the tick has done its work
        return type(problem).__name__


def _read(state: str) -> str:
    try:
        with open(os.open(state, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
            return file.read(len(UNHEARD)).decode(errors="replace")
    except OSError:
        return ""


def _write(state: str, words: str, *, at: float) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(state, flags, 0o600), "wb") as file:  # noqa: PTH123
            file.write(words.encode())
        os.utime(state, (at, at))
    except OSError:
        return  # then the watcher is told more often than it need be
