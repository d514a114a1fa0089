"""Checks workflow files without loading them: for people at work on one, for editors and for CI."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from coopflow.errors import CoopflowError, NotFound, Usage
from coopflow.loading import as_seen_from_here
from coopflow.problems import Problem, did_you_mean
from coopflow.workflows.folder_signature import SUFFIXES

if TYPE_CHECKING:
    from coopflow.app import App
    from coopflow.workflows.definition import Definition
    from coopflow.workflows.folder import Reading
    from coopflow.workflows.known import Known

USUAL_FOLDER = Path("workflows.d")


def check(app: "App | None", paths: Sequence[Path]) -> "tuple[Reading, str | None]":
    """Read files and folders, by default the configured folder; with it, why the database could not be asked."""
    from coopflow.workflows.folder import read_files

    for path in paths:
        if path.is_file() and path.suffix not in SUFFIXES:
            raise Usage(f"{path} is not a workflow file (.yaml); message templates are checked with their folder")
    known, doubt = known_to(app)
    return read_files(list(paths) or [usual_folder(app)], known), doubt


def usual_folder(app: "App | None") -> Path:
    """The configured folder; where nothing is configured, `workflows.d`."""
    if app is not None:
        return Path(as_seen_from_here(app.config.workflows))
    if not USUAL_FOLDER.is_dir():
        raise Usage(
            "there is neither a coopflow.yaml nor a folder workflows.d here; name what to check: a file, a folder"
        )
    return USUAL_FOLDER


def known_to(app: "App | None") -> "tuple[Known, str | None]":
    """What workflows may refer to; imported attributes too, if there is a database and it can be asked."""
    from coopflow.workflows.known import Known

    if app is None:
        return Known(), None
    if not Path(app.database).exists():
        return app.known(), None
    try:
        with app.store(read_only=True) as store:
            return app.known(store), None
    except CoopflowError as problem:
        return app.known(), f"{problem}; so attributes that were imported are not known"


def file_of(app: "App", name: str) -> "Definition":
    """The workflow of this name as its file has it now; NotFound, or all the problems of its file."""
    from coopflow.problems import ProblemsFound
    from coopflow.workflows.folder import read_folder

    folder = app.config.workflows
    reading = read_folder(folder, known_to(app)[0], shown_as=as_seen_from_here(folder))
    found = {definition.name: definition for definition in reading.definitions}
    if name in found:
        return found[name]
    broken = [path for path, named in reading.broken if name in (named, Path(path).stem)]
    if broken:
        raise ProblemsFound(problem for problem in reading.problems if problem.path in broken)
    raise NotFound(f"there is no file of workflow '{name}' in {as_seen_from_here(folder)}.{did_you_mean(name, found)}")


def as_json(reading: "Reading") -> str:
    """All that was found as one JSON document."""
    problems = [
        {
            "path": problem.path,
            "line": problem.line,
            "column": problem.column,
            "where": problem.where,
            "message": problem.message,
            "severity": "warning" if problem.warning else "error",
        }
        for problem in reading.problems
    ]
    errors = sum(not problem.warning for problem in reading.problems)
    counts = {"files": reading.files, "errors": errors, "warnings": len(problems) - errors}
    return json.dumps({**counts, "problems": problems}, indent=2)


def as_annotations(problems: Sequence[Problem]) -> Iterator[str]:
    """Workflow commands that GitHub Actions turns into remarks beside the lines."""
    for problem in problems:
        kind = "warning" if problem.warning else "error"
        message = ": ".join(filter(None, (problem.where, problem.message)))
        place = f"file={_property(problem.path)},line={problem.line},col={problem.column}"
        yield f"::{kind} {place}::{_escaped(message)}"


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
