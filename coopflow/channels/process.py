"""A program run with a text on its standard input: no shell, a clean environment, and an end however it behaves."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from msgspec import Struct

A_LOOK = 0.05  # seconds between two looks at whether it has ended
CHUNK = 64 * 1024


class Ended(Struct, frozen=True):
    """How a program ended, and what it said as far as it was listened to."""

    code: int | None  # None: its time was up, or a signal ended it
    out: bytes
    err: bytes
    late: bool = False  # its time was up, and it was killed with all that it had started


def run_program(
    argv: Sequence[str],
    *,
    given: bytes,
    environ: Mapping[str, str],
    folder: Path,
    seconds: float,
    listen: int = CHUNK,
) -> Ended:
    """Run a program to its end, or to the end of its time; raise OSError if it cannot be started."""
    program = subprocess.Popen(  # noqa: S603 - the argv comes from coopflow.yaml, and no shell reads it
        list(argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environ),
        cwd=folder,
        close_fds=True,
        start_new_session=True,  # a group of its own, which can be killed as a whole
    )
    try:
        late, heard = _talk(program, given, until=time.monotonic() + seconds, listen=listen)
    finally:
        if program.poll() is None:
            _kill(program)
        for pipe in (program.stdin, program.stdout, program.stderr):
            with suppress(OSError):
                pipe.close() if pipe else None
    code = None if late or program.returncode < 0 else program.returncode
    return Ended(code, bytes(heard[0]), bytes(heard[1]), late)


def _talk(
    program: "subprocess.Popen[bytes]", given: bytes, *, until: float, listen: int
) -> tuple[bool, tuple[bytearray, bytearray]]:
    """Write what is given and listen until the program ends; say whether its time was up first."""
    out, err, left = bytearray(), bytearray(), memoryview(given)
    assert program.stdin  # all three are pipes  # noqa: S101
    assert program.stdout  # noqa: S101
    assert program.stderr  # noqa: S101
    with selectors.DefaultSelector() as pipes:
        for pipe, heard in ((program.stdout, out), (program.stderr, err)):
            os.set_blocking(pipe.fileno(), False)
            pipes.register(pipe, selectors.EVENT_READ, heard)
        os.set_blocking(program.stdin.fileno(), False)
        pipes.register(program.stdin, selectors.EVENT_WRITE)
        while True:
            ended = program.poll() is not None
            ready = pipes.select(0 if ended else min(A_LOOK, max(until - time.monotonic(), 0)))
            for found, _ in ready:
                if found.fileobj is program.stdin:
                    left = _write(program.stdin, left, pipes)
                else:
                    _read(found, pipes, listen)
            up = time.monotonic() >= until
            if ended and (up or not any(found.fileobj is not program.stdin for found, _ in ready)):
                return False, (out, err)
            if up:
                return True, (out, err)


def _write(pipe: IO[bytes], left: memoryview, pipes: selectors.BaseSelector) -> memoryview:
    """Write what the pipe takes; the program may have closed it, which is its own affair."""
    try:
        left = left[os.write(pipe.fileno(), left[:CHUNK]) :]
    except BlockingIOError:
        return left
    except OSError:
        left = left[len(left) :]
    if not left:
        pipes.unregister(pipe)
        with suppress(OSError):
            pipe.close()
    return left


def _read(found: selectors.SelectorKey, pipes: selectors.BaseSelector, listen: int) -> None:
    """Take in what there is; beyond the limit it is thrown away, so that the program is not held up."""
    try:
        part = os.read(found.fd, CHUNK)
    except OSError:
        part = b""
    if not part:
        pipes.unregister(found.fileobj)
    found.data.extend(part[: max(listen - len(found.data), 0)])


def _kill(program: "subprocess.Popen[bytes]") -> None:
    """End it with everything that it has started."""
    with suppress(OSError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()
