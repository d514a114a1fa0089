"""The folder of workflows: every good definition, and every problem of every file at once."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from coopflow.errors import Invalid
from coopflow.problems import Problem, did_you_mean
from coopflow.workflows.definition import Definition, FileReading, read_definition
from coopflow.workflows.files import Unreadable, read_inside
from coopflow.workflows.folder_signature import MESSAGES, is_message, is_workflow, signature
from coopflow.workflows.known import Known
from coopflow.yaml_text import text_of

__all__ = ["Known", "Reading", "read_files", "read_folder", "signature"]

_MESSAGE = re.compile(r"([a-z0-9][a-z0-9_-]{0,63})(?:\.([a-z]{2,3}(?:-[A-Za-z0-9]{2,8})?))?\.md")
_OPEN_TO_ALL = "anybody on this machine can change this file; take that right away with chmod o-w"

Texts = dict[str, dict[str, str]]


class Reading(Struct, frozen=True, kw_only=True):
    """What was found in a folder, or in some of its files."""

    definitions: tuple[Definition, ...]
    problems: tuple[Problem, ...]
    broken: tuple[tuple[str, str | None], ...]  # each refused file, with its workflow's name if that can be told
    files: int  # how many workflow files were looked at

    @property
    def good(self) -> bool:
        """True when nothing is worse than a warning."""
        return all(problem.warning for problem in self.problems)


def read_folder(path: Path, known: Known, *, shown_as: str | None = None) -> Reading:
    """Read every workflow of a folder, which problems call `shown_as`; raise Invalid if there is none."""
    shown = shown_as or str(path)
    if not path.is_dir():
        raise Invalid(f"there is no folder of workflows at {shown}")
    texts, problems = _texts(path, shown)
    return _reading(_files(path, _workflow_paths(path), known, texts, shown), problems)


def read_files(paths: Sequence[Path], known: Known) -> Reading:
    """Read single files, each in the company of its folder; folders among them are read whole."""
    readings = [read_folder(path, known) if path.is_dir() else _read_file(path, known) for path in paths]
    return Reading(
        definitions=tuple(definition for reading in readings for definition in reading.definitions),
        problems=tuple(sorted({problem for reading in readings for problem in reading.problems})),
        broken=tuple(broken for reading in readings for broken in reading.broken),
        files=sum(reading.files for reading in readings),
    )


def _read_file(path: Path, known: Known) -> Reading:
    if not path.exists():
        raise Invalid(f"there is no file {path}")
    folder = path.parent
    texts, _ = _texts(folder, str(folder))
    company = sorted({*_workflow_paths(folder), path})
    files = _files(folder, company, known, texts, str(folder))
    return _reading([file for file in files if Path(file.path).name == path.name], [])


def _reading(files: Sequence[FileReading], more: Iterable[Problem]) -> Reading:
    return Reading(
        definitions=tuple(file.definition for file in files if file.definition),
        problems=tuple(sorted({*more, *(problem for file in files for problem in file.problems)})),
        broken=tuple((file.path, file.name) for file in files if not file.definition),
        files=len(files),
    )


def _files(folder: Path, paths: Sequence[Path], known: Known, texts: Texts, shown: str) -> list[FileReading]:
    """Each file, and then what the files mean to each other."""
    files = [_file(path, folder, known, texts, f"{shown}/{path.name}") for path in paths]
    by_name: dict[str, list[FileReading]] = defaultdict(list)
    for file in files:
        if file.name:
            by_name[file.name.lower()].append(file)
    return [_refused(file, [*_namesakes(file, by_name), *_unknown_starts(file, by_name)]) for file in files]


def _file(path: Path, folder: Path, known: Known, texts: Texts, shown: str) -> FileReading:
    try:
        content, open_to_all = read_inside(path, folder)
    except Unreadable as problem:
        found = Problem(shown, 1, 1, "", f"the file {problem}")
        return FileReading(path=shown, name=None, definition=None, problems=(found,), source=None)
    file = read_definition(content, path=shown, known=known, messages=texts)
    if not open_to_all:
        return file
    return replace(file, problems=(Problem(shown, 1, 1, "", _OPEN_TO_ALL, warning=True), *file.problems))


def _refused(file: FileReading, problems: list[Problem]) -> FileReading:
    if not problems:
        return file
    return replace(file, definition=None, problems=(*file.problems, *problems))


def _namesakes(file: FileReading, by_name: dict[str, list[FileReading]]) -> Iterator[Problem]:
    """Two workflows of one name: neither is loaded, since nobody can say which was meant."""
    if file.name is None or file.source is None:
        return
    for other in by_name[file.name.lower()]:
        if other is not file and other.source is not None:
            line, _ = other.source.mark(("name",))
            differs = "" if other.name == file.name else f", written '{other.name}'"
            yield file.source.problem(
                ("name",), f"the name '{file.name}' is taken by {other.path}:{line}{differs}; neither file is loaded"
            )


def _unknown_starts(file: FileReading, by_name: dict[str, list[FileReading]]) -> Iterator[Problem]:
    for loc, name in file.starts:
        if name not in by_name and file.source is not None:
            hint = did_you_mean(name, by_name)
            yield file.source.problem(loc, f"there is no workflow '{name}'.{hint}".removesuffix("."))


def _workflow_paths(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if is_workflow(path.name)]


def _entries(folder: Path) -> list[Path]:
    """A folder that cannot be read is no empty one: every workflow would seem to be gone."""
    try:
        return sorted(folder.iterdir())
    except OSError as problem:
        raise Invalid(f"the folder {folder} cannot be read: {problem.strerror}") from None


def _texts(folder: Path, shown: str) -> tuple[Texts, list[Problem]]:
    """The message templates beside the workflows, by name and language, and what speaks against the rest."""
    texts: Texts = defaultdict(dict)
    problems: list[Problem] = []
    inner = folder / MESSAGES
    for path in _entries(inner) if inner.is_dir() else []:
        if is_message(path.name):
            _text(path, folder, texts, problems, f"{shown}/{MESSAGES}/{path.name}")
    return dict(texts), problems


def _text(path: Path, folder: Path, texts: Texts, problems: list[Problem], shown: str) -> None:
    named = _MESSAGE.fullmatch(path.name)
    if not named:
        if path.name.lower() != "readme.md":
            hint = "is not the name of a message template: small letters, digits, _ and -, then .md or, say, .es.md"
            problems.append(Problem(shown, 1, 1, "", f"'{path.name}' {hint}", warning=True))
        return
    try:
        content, open_to_all = read_inside(path, folder)
    except Unreadable as problem:
        problems.append(Problem(shown, 1, 1, "", f"the file {problem}"))
        return
    text, complaints = text_of(content)
    problems += [Problem(shown, line, column, "", sentence) for line, column, sentence in complaints]
    problems += [Problem(shown, 1, 1, "", _OPEN_TO_ALL, warning=True)] if open_to_all else []
    if not complaints:
        texts[named[1]][named[2] or ""] = "\n".join(text.splitlines()) + "\n"
