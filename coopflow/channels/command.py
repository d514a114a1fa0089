"""Texts by a program of one's own: the number as an argument, the words on its standard input (gammu, smstools)."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coopflow.channels.answers import excerpt
from coopflow.channels.base import Message, MessageRefused
from coopflow.channels.process import Ended, run_program
from coopflow.channels.sms import require_text
from coopflow.core.deliveries import Accepted, Deferred, Delivery, Refused, Unavailable, Unknown, Withdrawn

NUMBER = "{to}"  # the argument that the number takes the place of
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
USUAL = ("PATH", "LANG", "HOME")
TRY_LATER, OUT_OF_ORDER = 75, (69, 78)  # of sysexits.h: temporary failure; service unavailable, configuration
FIRST_LINE = 100  # characters of what it says that are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is run, and within what."""

    argv: Sequence[str]
    folder: Path  # where it runs
    environ: Mapping[str, str] = field(repr=False)  # all that it gets of the environment
    seconds: float = 60

    @property
    def secrets(self) -> list[str]:
        """What it was given by name: it may say it again, and nobody must read it."""
        return [value for name, value in self.environ.items() if name not in USUAL]


def clean_environment(environ: Mapping[str, str], passed: Sequence[str] = ()) -> dict[str, str]:
    """What a program gets of the environment: what everybody needs, and what it is given by name."""
    usual = dict(zip(USUAL, (PATH, "C.UTF-8", environ.get("HOME", "/")), strict=True))
    return usual | {name: environ[name] for name in passed if name in environ}


def run(program: Program, argv: Sequence[str], given: bytes, last_call: Callable[[], bool]) -> Ended | Delivery:
    """Run it after its last call; what never began is unavailable."""
    if fault := _cannot_run(argv[0]):
        return Unavailable(fault, True)
    if not last_call():
        return Withdrawn()
    try:
        return run_program(argv, given=given, environ=program.environ, folder=program.folder, seconds=program.seconds)
    except (OSError, ValueError) as problem:
        words = problem.strerror if isinstance(problem, OSError) else str(problem)
        return Unavailable(f"{argv[0]} cannot be started: {(words or 'no reason given').lower()}", True)


def fate_of(ended: Ended, name: str, program: Program) -> Delivery | None:
    """What the exit code says; None: it is done."""
    if ended.late:
        return Unknown(f"{name} was not done after {program.seconds:g} seconds and was ended")
    if ended.code is None:
        return Unknown(f"{name} was ended by a signal")
    words = excerpt(ended.err, program.secrets) or excerpt(ended.out, program.secrets)
    said = f"{name} ended with {ended.code}" + (f": {words}" if words else "")
    if ended.code == TRY_LATER:
        return Deferred(said)
    if ended.code in OUT_OF_ORDER:
        return Unavailable(said)
    return Refused(said) if ended.code else None


class CommandTexts:
    """The channel."""

    name = "sms"
    transport = "command"
    dedupes = False

    def __init__(self, program: Program) -> None:
        self._program = program

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        """Hand one text over."""
        try:
            to, text = require_text(message)
        except MessageRefused as problem:
            return Refused(str(problem))
        argv = [to if part == NUMBER else part for part in self._program.argv]
        ended = run(self._program, argv, text.encode(), last_call)
        if not isinstance(ended, Ended):
            return ended
        fate = fate_of(ended, Path(argv[0]).name, self._program)
        return fate or Accepted(_first_line(ended.out))

    def close(self) -> None:
        """Do nothing: no program outlives its text."""


def _first_line(out: bytes) -> str | None:
    """What it says first, such as the number of the text in its own books."""
    lines = out.decode("utf-8", errors="replace").strip().splitlines()
    words = "".join(char for char in lines[0] if char.isprintable())[:FIRST_LINE].strip() if lines else ""
    return words or None


def _cannot_run(path: str) -> str | None:
    if not Path(path).is_absolute():
        return f"{path} is not an absolute path"
    if not Path(path).is_file():
        return f"there is no program {path}"
    return None if os.access(path, os.X_OK) else f"{path} cannot be run: it is not executable"
