"""Passwords: where they may come from, and a wrapping that no log, traceback or table shows the inside of."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

LONGEST = 4096  # bytes; a longer file is no password


class NoSecret(Exception):
    """A secret cannot be had; the text says why, and what to do."""


class Secret:
    """A word that is shown as `***`, wherever it turns up by mistake."""

    __slots__ = ("_word",)

    def __init__(self, word: str) -> None:
        self._word = word

    def reveal(self) -> str:
        """Answer with the word itself, for the one place that needs it."""
        return self._word

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, _: str) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not to be stored")


def secret_from_environment(name: str, environ: Mapping[str, str]) -> Secret:
    """Read a secret from an environment variable; raise NoSecret if it is not there."""
    word = environ.get(name, "")
    if not word:
        raise NoSecret(f"the environment variable {name}, which should hold the password, is not set")
    return _checked(word, f"the environment variable {name}")


def secret_from_file(path: Path) -> Secret:
    """Read a secret from a file that only its owner can read; raise NoSecret for any other."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        raise NoSecret(f"the password file {path} cannot be read: {_why(problem)}") from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise NoSecret(f"the password file {path} is not a regular file")
        if found.st_mode & 0o077:
            raise NoSecret(f"others on this machine can open the password file {path}; run: chmod 600 {path}")
        content = os.read(descriptor, LONGEST + 1)
    finally:
        os.close(descriptor)
    if len(content) > LONGEST:
        raise NoSecret(f"the password file {path} is longer than any password")
    try:
        word = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise NoSecret(f"the password file {path} is not text (UTF-8)") from None
    return _checked(word, f"the password file {path}")


def _checked(word: str, where: str) -> Secret:
    if not word:
        raise NoSecret(f"{where} is empty")
    if not word.isprintable():
        raise NoSecret(f"{where} must hold the password and nothing else, on one line")
    return Secret(word)


def _why(problem: OSError) -> str:
    return (problem.strerror or str(problem)).lower()
