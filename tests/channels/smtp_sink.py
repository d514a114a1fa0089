"""`smtp-sink`, the mail server of Debian's package postfix that takes everything, or refuses what it is told to."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

SMTP_SINK = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
PATIENCE = 200  # times that its start is looked for, a twentieth of a second apart


@contextmanager
def smtp_sink(*options: str) -> Iterator[int]:
    """A sink with these options, until the block ends; answers with its port."""
    assert SMTP_SINK, "smtp-sink is missing; install the packages of .ci/packages.txt"
    port = _free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = [SMTP_SINK, *user, *options, f"127.0.0.1:{port}", "100"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            _wait_for(process, port)
            yield port
        finally:
            process.kill()


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        return int(found.getsockname()[1])


def _wait_for(process: "subprocess.Popen[str]", port: int) -> None:
    for _ in range(PATIENCE):
        assert process.poll() is None, process.stderr and process.stderr.read()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            threading.Event().wait(0.05)
        else:
            return
    raise AssertionError("smtp-sink does not listen")
