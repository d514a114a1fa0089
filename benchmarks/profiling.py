"""`python -m benchmarks.profiling`: what a step is made of, in the processor's instructions, and by function of Python.

Instructions are counted by callgrind (Debian's package valgrind), and are the same however busy the machine is; what
comes before the ticks is taken off by running it without them. Functions are timed by cProfile, which makes small ones
look larger than they are: carry away their order.
"""

import argparse
import cProfile
import gc
import os
import pstats
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.table import Table
from benchmarks.world import IN_HOUSE, TICKS, WITH_MESSAGES, World, make_world
from coopflow.__main__ import ALLOCATIONS
from coopflow.core.instants import parse_instant
from coopflow.tick import tick

STEPS = {"house": IN_HOUSE, "messages": WITH_MESSAGES}
PARTS = {  # what is counted, with all that it calls
    "SQLite's statements": r"_pysqlite_query_execute$",
    "SQLite's rows, read": r"pysqlite_cursor_fetchall$",
    "hashes": r"_hashlib_openssl_sha256$",
    "JSON of what is kept": r"encoder_call$",
    "looking for garbage": r"gc_collect_main$",
}
VALGRIND = ("valgrind", "--tool=callgrind")
COST = re.compile(r"^\s*([\d,]+) \([^)]*\)\s+\S*?:(\S+)", re.MULTILINE)
TOTAL = re.compile(r"^\s*([\d,]+) \([^)]*\)\s+PROGRAM TOTALS", re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profiling", description=__doc__)
    parser.add_argument("variant", nargs="?", choices=STEPS, default="house")
    parser.add_argument("--instances", type=int, default=200, metavar="N", help="of six steps each")
    parser.add_argument("--top", type=int, default=20, metavar="N", help="functions that are shown")
    parser.add_argument("--run", choices=("with", "without"), help="what is counted: the work itself, or what it needs")
    given = parser.parse_args()
    if given.run:
        _work(given.variant, given.instances, ticks=given.run == "with")
        return
    steps = given.instances * 6
    with_ticks, without = (_counted(given.variant, given.instances, which) for which in ("with", "without"))
    print(_instructions({name: (with_ticks[name] - without[name]) / steps for name in with_ticks}))
    print(f"\n{_functions(given.variant, given.instances, given.top)}")


def _work(variant: str, instances: int, *, ticks: bool, profile: cProfile.Profile | None = None) -> None:
    gc.set_threshold(ALLOCATIONS)  # as the command does
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder), STEPS[variant], instances)
        if profile is not None:
            profile.runcall(_tick, world)
        elif ticks:
            _tick(world)
        world.close()


def _tick(world: World) -> None:
    for instant in TICKS:
        tick(world.engine, now=parse_instant(instant))


def _counted(variant: str, instances: int, which: str) -> dict[str, int]:
    """Instructions of each part, and of all of it."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "callgrind.out"
        command = ["-m", "benchmarks.profiling", variant, "--instances", str(instances), "--run", which]
        subprocess.run(
            [*VALGRIND, f"--callgrind-out-file={found}", sys.executable, *command],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        asked = ["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(found)]
        text = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    [total] = TOTAL.findall(text)
    costs = [(name.partition("'")[0], _number(cost)) for cost, name in COST.findall(text)]
    parts = {
        part: max((cost for name, cost in costs if re.search(pattern, name)), default=0)
        for part, pattern in PARTS.items()
    }
    return {"all": _number(total), **parts}


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def _instructions(counted: dict[str, float]) -> Table:
    table = Table("of a step", "instructions", "share")
    whole = counted["all"]
    rest = whole - sum(cost for name, cost in counted.items() if name != "all")
    for name, cost in [*((name, cost) for name, cost in counted.items() if name != "all"), ("Python, the rest", rest)]:
        table.add(name, f"{cost:,.0f}", f"{cost / whole:.0%}")
    table.add("all", f"{whole:,.0f}", "100%")
    return table


def _functions(variant: str, instances: int, top: int) -> Table:
    profile = cProfile.Profile()
    _work(variant, instances, ticks=True, profile=profile)
    table = Table("function", "calls / step", "its own share")
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]  # its stubs leave it out
    whole = sum(own for _, _, own, _, _ in stats.values())
    by_own_time = sorted(stats.items(), key=lambda found: -found[1][2])
    for (file, _, name), (_, calls, own, _, _) in by_own_time[:top]:
        where = "" if file == "~" else f"{'/'.join(Path(file).parts[-2:])}: "
        table.add(f"`{where}{name}`", f"{calls / (instances * 6):.2f}", f"{own / whole:.1%}")
    return table


if __name__ == "__main__":
    main()
