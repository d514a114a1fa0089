"""Passwords and tokens: from the environment, or from a file that only its owner can read; never shown anywhere."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Never

from coopflow.errors import Invalid

LONGEST = 64 * 1024  # bytes; longer than any token, shorter than a file named by mistake


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that shows itself to nobody who does not ask for it by `reveal`."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        """The text itself, for the one place that hands it over."""
        return self._text

    def kept_out_of(self, words: str) -> str:
        """Words from the other side, which may have been told the secret, without it."""
        return words.replace(self._text, "***")

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, _: str) -> str:
        return "***"

    def __reduce__(self) -> Never:
        raise TypeError("a secret is not to be stored")


class NoSecret(Invalid):
    """A password or token is not to be had; the sentence says where it was looked for, and never what it is."""


def read_secret(env: str | None, file: Path | None, environ: Mapping[str, str], *, any_letters: bool = False) -> Secret:
    """The secret from the environment variable `env`, else from `file`; raise NoSecret.

    What goes over HTTP is ASCII; a mailbox may have a password of `any_letters`.
    """
    text = _of_variable(env, environ) if env is not None else _of_file(file)
    if not text:
        raise NoSecret(f"{_place(env, file)} is empty; it must hold the password or token")
    if not text.isprintable() or not (any_letters or text.isascii()):
        raise NoSecret(f"{_place(env, file)} holds more than one line of plain characters, which no password has")
    return Secret(text)


def _place(env: str | None, file: Path | None) -> str:
    return f"the environment variable {env}" if env is not None else f"the file {file}"


def _of_variable(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise NoSecret(f"the environment variable {name} is not set; it must hold the password or token")
    return environ[name].strip()


def _of_file(path: Path | None) -> str:
    if path is None:
        raise NoSecret("neither an environment variable nor a file is named for the password or token")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        raise NoSecret(f"the file {path} cannot be read: {(problem.strerror or '').lower()}") from None
    try:
        _require_private(path, os.fstat(descriptor))
        content = os.read(descriptor, LONGEST + 1)
    finally:
        os.close(descriptor)
    if len(content) > LONGEST:
        raise NoSecret(f"the file {path} is too long for a password or token")
    try:
        return content.decode().strip()
    except UnicodeDecodeError:
        raise NoSecret(f"the file {path} is not text in UTF-8") from None


def _require_private(path: Path, found: os.stat_result) -> None:
    """A secret that others on the machine can read is none."""
    if not stat.S_ISREG(found.st_mode):
        raise NoSecret(f"{path} is not a regular file")
    if found.st_uid not in (os.geteuid(), 0):
        raise NoSecret(f"the file {path} belongs to somebody else; a password's file must be your own")
    if found.st_mode & 0o077:
        raise NoSecret(f"others can read the file {path}; make it yours alone: chmod 600 {path}")
