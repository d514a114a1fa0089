"""Makes the files of a new workflow, from a commented starter or from a bundled one; never over what is there."""

from pathlib import Path
from typing import TYPE_CHECKING

from coopflow.core.wording import shown
from coopflow.errors import CoopflowError, Invalid, NotAllowed
from coopflow.loading import as_seen_from_here

if TYPE_CHECKING:
    from coopflow.app import App

A_NAME = "small letters, digits, _ and -, with a letter or digit first, at most 64 of them"
NOT_YET = "enabled: false                   # nothing starts from it until you delete this line"


def draft(app: "App", name: str, *, like: str | None) -> list[str]:
    """Write the files; a line for each, and for each message that is there already and stays as it is."""
    from coopflow.workflows.fields import is_short_name
    from coopflow.workflows.schema import SCHEMA_FILE
    from coopflow.workflows.starters import starter_files

    if not is_short_name(name):
        raise Invalid(f"{shown(name)} is not a name for a workflow: {A_NAME}")
    folder = app.config.workflows
    _refuse_taken(app, name)
    files = starter_files(name, like=like)
    if like is not None:  # what is copied would start at once, beside what it was copied from
        files[f"{name}.yaml"] = files[f"{name}.yaml"].replace(f"name: {name}\n", f"name: {name}\n{NOT_YET}\n", 1)
    if not (folder / SCHEMA_FILE).exists():
        files[SCHEMA_FILE] = schema_text()
    try:
        return [_written(folder / path, text) for path, text in files.items()]
    except OSError as problem:
        raise CoopflowError(f"{problem.filename} cannot be made: {(problem.strerror or '').lower()}") from None


def schema_text() -> str:
    """The JSON Schema of a workflow file, as editors read it."""
    import json

    from coopflow.workflows.schema import workflow_json_schema

    return json.dumps(workflow_json_schema(), indent=1) + "\n"


def _refuse_taken(app: "App", name: str) -> None:
    from coopflow.workflows.folder import read_folder

    folder = app.config.workflows
    if not folder.is_dir():
        raise NotAllowed(f"there is no folder of workflows at {as_seen_from_here(folder)}")
    for taken in (folder / f"{name}.yaml", folder / f"{name}.yml"):
        if taken.exists():
            raise NotAllowed(f"{as_seen_from_here(taken)} is there already; choose another name")
    names = {definition.name for definition in read_folder(folder, app.known()).definitions}
    if name in names:
        raise NotAllowed(f"a workflow '{name}' is there already, in another file; choose another name")


def _written(path: Path, text: str) -> str:
    path.parent.mkdir(exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return f"kept {as_seen_from_here(path)}"
    return f"made {as_seen_from_here(path)}"
