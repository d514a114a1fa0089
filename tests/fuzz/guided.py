"""Cases that are guided by what they reach (atheris): each that comes to a new branch is kept and changed further.

`python -m tests.fuzz.guided NAME SECONDS FOLDER` is a process of its own, since libFuzzer ends the process that it ran
in. It leaves every kind of finding once as a file in the folder; whoever started it judges them anew, since code that
is watched is slower than it is.
"""

import contextlib
import hashlib
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

LARGEST = 4096
SLOWER = 10  # times that watched code may take longer
GRACE = 180  # seconds beyond its time, until it counts as hanging
_COUNT = re.compile(r"stat::number_of_executed_units:\s*(\d+)")


def there_is_atheris() -> bool:
    """It is an extra: `pip install -e '.[test,fuzz]'`."""
    return find_spec("atheris") is not None


def guided(name: str, seconds: float) -> tuple[int, list[bytes]]:
    """Run one target in a process of its own; answer with the number of cases, and those that want to be judged."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.fuzz.guided", name, str(int(seconds)), folder]
        try:
            ended = subprocess.run(command, capture_output=True, timeout=seconds + GRACE, check=False)
            told = ended.stderr.decode("utf-8", "replace")
        except subprocess.TimeoutExpired as hanging:
            told = (hanging.stderr or b"").decode("utf-8", "replace")
            print(f"the guided run of {name} was ended after {seconds + GRACE:.0f} seconds", flush=True)
            return _counted(told) or 0, _found(Path(folder))
        count, found = _counted(told), _found(Path(folder))
        if count is None and not found:
            raise RuntimeError(f"the guided run of {name} came to nothing:\n{told[-2000:]}")
        return count or 0, found


def _counted(told: str) -> int | None:
    count = _COUNT.search(told)
    return int(count[1]) if count else None


def _found(folder: Path) -> list[bytes]:
    """What was set aside, and what libFuzzer itself has left of a run that it ended."""
    paths = (path for kind in ("found-*", "crash-*", "timeout-*", "oom-*") for path in folder.glob(kind))
    return [path.read_bytes() for path in sorted(paths)]


def main() -> None:
    """One target, watched."""
    name, seconds, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    import atheris

    with atheris.instrument_imports(include=["coopflow", "tests.corpus.subjects"]):
        from tests.fuzz.guard import judge
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    known: set[tuple[str, str, str]] = set()

    def one(content: bytes) -> None:
        finding = judge(name, target.work, content, longest=target.longest * SLOWER)
        if finding is not None and finding.kind not in known:
            known.add(finding.kind)
            (folder / f"found-{hashlib.sha256(content).hexdigest()[:16]}").write_bytes(content)

    begin = folder / "begin"
    begin.mkdir()
    for number, seed in enumerate(target.seeds()):
        (begin / str(number)).write_bytes(seed[:LARGEST])
    words = folder / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.dictionary if len(word) < 60))
    silent = os.open(os.devnull, os.O_WRONLY)
    with contextlib.suppress(SystemExit):
        os.dup2(silent, 1)
        options = (f"-max_total_time={seconds}", f"-max_len={LARGEST}", f"-dict={words}", f"-artifact_prefix={folder}/")
        limits = ("-timeout=30", "-rss_limit_mb=0", "-print_final_stats=1", "-verbosity=0", "-seed=1")
        atheris.Setup([sys.argv[0], *options, *limits, str(begin)], one, enable_python_coverage=True)
        atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main()
