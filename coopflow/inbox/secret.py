"""A password from the environment or from a file that only its owner can read; it is never shown."""

import os
import stat
from collections.abc import Mapping

from coopflow.inbox.source import Unreachable

LONGEST = 4_096  # bytes of a file with a password


class Secret:
    """A text that no message, log or traceback repeats."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret(***)"

    def reveal(self) -> str:
        """The text itself, for the one who hands it over."""
        return self._value

    def kept_out_of(self, words: str) -> str:
        """Words from the other side, which may have been told the secret, without it."""
        return words.replace(self._value, "***") if self._value else words


def read_secret(settings: Mapping[str, object], environ: Mapping[str, str]) -> Secret:
    """The password that `password_env` or `password_file` leads to; raise Unreachable."""
    variable, path = settings.get("password_env"), settings.get("password_file")
    if isinstance(variable, str):
        value = environ.get(variable, "")
        if not value:
            raise Unreachable(f"the environment variable {variable} with its password is not set")
    else:
        value = _from_file(str(path))
    if not value.isprintable():
        raise Unreachable("its password holds a line break or another control character")
    return Secret(value)


def _from_file(path: str) -> str:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077:
                raise Unreachable(f"others can read {path}, the file with its password; close it: chmod 600 {path}")
            return file.read(LONGEST).decode().removesuffix("\n").removesuffix("\r")
    except OSError as problem:
        reason = (problem.strerror or "no reason given").lower()
        raise Unreachable(f"{path}, the file with its password, cannot be read: {reason}") from None
    except UnicodeDecodeError:
        raise Unreachable(f"{path}, the file with its password, is not text in UTF-8") from None
