"""Command lines in one co-op that lasts as long as the process; nothing outside of its folder can be named."""

import atexit
import contextlib
import io
import os
import shlex
import sys
from functools import cache
from pathlib import Path

from freezegun import freeze_time

from coopflow.cli.main import run
from coopflow.errors import ExitCode
from tests.corpus import commands, reading
from tests.fuzz.guard import NotOurs

MOST_WORDS = 12
CODES = frozenset(ExitCode) - {ExitCode.FAULT}


def lines() -> list[bytes]:
    """The command lines of the corpus, a word on each line, and its standard input after an empty one."""
    cases = (case for corpus in reading.everything() if corpus.subject == "command" for case in corpus.cases)
    return [_as_words(case.content.decode()) for case in cases]


def _as_words(line: str) -> bytes:
    words, _, given = line.strip("\n").partition(" <<< ")
    try:
        return ("\n".join(shlex.split(words)[1:]) + f"\n\n{given}").encode("utf-8", "replace")
    except ValueError:
        return words.encode()


def answer(content: bytes) -> None:
    """Run one; a fault, an unknown exit code, a traceback or an ESC in what is said is a finding."""
    words, _, given = content.partition(b"\n\n")
    arguments = [_harmless(word) for word in words.decode("utf-8", "replace").split("\n")[:MOST_WORDS] if word]
    out, err = io.StringIO(), io.StringIO()
    os.chdir(_co_op())
    with (
        freeze_time(commands.NOON),
        commands._instead({"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}, given.decode("utf-8", "replace")),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = run(arguments)
    said = err.getvalue()
    if code not in CODES:
        raise NotOurs(f"exit {code}: {said[-300:]}\n{_report(said)}")
    if "Traceback" in said or "\x1b" in said or "\x1b" in out.getvalue():
        raise NotOurs(f"exit {code}, and it says: {said[-300:]!r}")


def _harmless(word: str) -> str:
    """No way leads out of the folder: no path that begins elsewhere, and no program is named."""
    return word.replace("\0", "").replace("..", "").replace("~", "").replace("/", "")


def _report(said: str) -> str:
    """What a fault has left for whoever mends it."""
    path = Path(said.strip().rpartition(" ")[2])
    return path.read_text()[-1500:] if path.name.startswith("coopflow-fault-") and path.exists() else ""


@cache
def _co_op() -> Path:
    stack = contextlib.ExitStack()
    folder = stack.enter_context(commands.co_op())
    atexit.register(stack.close)
    sys.argv = ["coopflow"]
    return folder
