"""Makes a new co-op's folder: configuration, workflows, outbox, database."""

import shlex
import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from coopflow.config import FILE_NAME, default_config_text
from coopflow.core.closed_days import IMPORT
from coopflow.errors import CoopflowError, NotAllowed

if TYPE_CHECKING:
    from coopflow.app import App
    from coopflow.loading import LoadReport

DATABASE = "coopflow.db"  # as the configuration that is written here says


class SetUp(Struct, frozen=True):
    """What was made, in words, and the line for cron."""

    lines: tuple[str, ...]
    crontab_line: str


def set_up(directory: Path, *, database: str | None = None, now: datetime, actor: str) -> SetUp:
    """Make what is missing in a directory; an existing database is refused, any other existing file left as it is."""
    try:
        return _set_up(directory.absolute(), database, now=now, actor=actor)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise CoopflowError(f"{problem.filename or directory} cannot be made: {reason}") from None


def _set_up(directory: Path, database: str | None, *, now: datetime, actor: str) -> SetUp:
    from coopflow.app import open_app
    from coopflow.store.database import create, path_of

    config_path = directory / FILE_NAME
    if not config_path.exists():
        _refuse(path_of(database or directory / DATABASE))
    made = [*_folder(directory), _config(config_path)]
    app = open_app(config_path, database=database)
    where = path_of(app.database)
    _refuse(where)
    made += [_workflows(app.config.workflows), *_folder(app.config.outbox)]
    create(where).close()
    report = _load(app, actor=actor, now=now)
    made += [f"made {where}", *report.lines, *map(str, report.problems)]
    if app.config.country is not None:
        made += [f"Public holidays of {app.config.country}: {IMPORT}"]
    made += ["Next: coopflow family import FILE, then: predictions | coopflow trigger -"]
    made += ["This line in your crontab keeps it going:"]
    return SetUp(tuple(made), crontab_line(config_path, database=where if database else None))


def _refuse(database: Path) -> None:
    if database.exists():
        raise NotAllowed(f"there is a database already: {database}; nothing was changed")


def _load(app: "App", *, actor: str, now: datetime) -> "LoadReport":
    from coopflow.keeping.place import settle_in
    from coopflow.loading import load_workflows

    with app.store() as store:
        report = load_workflows(app, store, actor=actor, now=now)
        settle_in(store)
    app.leave_word()
    return report


def _folder(path: Path) -> list[str]:
    if path.is_dir():
        return []
    path.mkdir(mode=0o700, parents=True)
    return [f"made {path}"]


def _config(path: Path) -> str:
    if path.exists():
        return f"kept {path}"
    path.touch(mode=0o600)
    path.write_text(default_config_text(), encoding="utf-8")
    return f"made {path}"


def _workflows(folder: Path) -> str:
    """A copy of the bundled workflows; of their contents only, since what an installation owns may be read-only."""
    from coopflow.workflows.bundled import bundled_folder

    if folder.exists():
        return f"kept {folder}"
    for source in sorted(bundled_folder().rglob("*")):
        target = folder / source.relative_to(bundled_folder())
        if source.is_file():
            target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return f"made {folder}"


def crontab_line(config_path: Path, *, database: Path | None = None) -> str:
    """The line with nothing but absolute paths, since cron has another PATH; a bare `%` would end the command there."""
    script = Path(sys.executable).with_name("coopflow")
    command = [str(script)] if script.exists() else [sys.executable, "-m", "coopflow"]
    other = ["--database", str(database)] if database else []
    line = shlex.join([*command, "-c", str(config_path), *other, "tick"])
    return f"* * * * * {line}".replace("%", "\\%")
