"""Where the workflows that come with coopflow lie: inside an installed package, or at the top of a source tree."""

from importlib.resources import files
from pathlib import Path

from coopflow.errors import CoopflowError

FOLDER = "workflows.d"


def bundled_folder() -> Path:
    """The folder of the bundled workflows and their messages; to copy from, not to write to."""
    package = Path(str(files("coopflow")))
    for folder in (package / "bundled" / FOLDER, package.parent / FOLDER):
        if folder.is_dir():
            return folder
    raise CoopflowError(f"the bundled workflows are missing from {package}; install coopflow again")
