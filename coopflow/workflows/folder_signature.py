"""What changes when anything in the workflows' folder does: names, times and sizes, for a tick with nothing to do.

Standard library only, and of that what is loaded anyway (hashing alone would cost 8 ms a tick).
"""

import os

TYPE_CHECKING = False  # type checkers know this name; `typing` costs more than all of an idle tick here
if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGES = "messages"
SUFFIXES = (".yaml", ".yml")


def signature(path: str) -> str:
    """One line that is the same as long as no workflow and no message was added, edited, renamed or removed.

    A folder that is missing or cannot be read has a signature too.
    """
    messages = os.path.join(path, MESSAGES)  # noqa: PTH118 - pathlib's import is most of what this module would cost
    return f"{_files(path, is_workflow)}/{_files(messages, is_message)}"


def is_workflow(name: str) -> bool:
    """True for the name of a file that is read as a workflow; not so for what editors leave lying about."""
    return name.endswith(SUFFIXES) and not name.startswith((".", "#", "~"))


def is_message(name: str) -> bool:
    """The same for a message template."""
    return name.endswith(".md") and not name.startswith((".", "#", "~"))


def _files(path: str, is_ours: "Callable[[str], bool]") -> str:
    try:
        with os.scandir(path) as entries:
            return "|".join(sorted(_file(entry) for entry in entries if is_ours(entry.name)))
    except OSError as problem:
        return f"{type(problem).__name__}"


def _file(entry: "os.DirEntry[str]") -> str:
    """`ascii` keeps it on one line whatever the name holds. The change time tells edits that have an old date."""
    try:
        found = entry.stat()
    except OSError as problem:
        return f"{entry.name!a}:{type(problem).__name__}"
    return f"{entry.name!a}:{found.st_mtime_ns}:{found.st_ctime_ns}:{found.st_size}:{found.st_ino}"
