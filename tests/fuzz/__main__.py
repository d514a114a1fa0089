"""`python -m tests.fuzz --minutes 30`: every target by chance, and guided where atheris is installed.

python -m tests.fuzz --minutes 5 --only mail      one target
python -m tests.fuzz --minutes 30 --page          all of them, and writes docs/evidence/fuzzing.md
python -m tests.fuzz --only mail --case FILE      one case again
"""

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.fuzz.chance import by_chance
from tests.fuzz.guard import Finding, judge, smaller
from tests.fuzz.guided import guided, there_is_atheris
from tests.fuzz.page import PAGE, Tried, page
from tests.fuzz.targets import TARGETS, Target

SHOWN = 600  # characters of a problem


def main() -> int:
    """Try them; 1 if anything was found."""
    asked = _asked()
    chosen = [TARGETS[name] for name in asked.only or TARGETS]
    if asked.case is not None:
        return _again(chosen, asked.case.read_bytes())
    if not there_is_atheris():
        print("atheris is not installed, so cases come by chance only: pip install -e '.[test,fuzz]'")
    tried = []
    for target in chosen:
        one = _try(target, 60 * asked.minutes / len(chosen), asked.seed)
        print("  ".join(one.row), flush=True)
        for finding in one.findings:
            small = smaller(finding, target.work, longest=target.longest)
            print(f"  {small.problem[:SHOWN]} {small.place}\n  {small.content!r}", flush=True)
        tried.append(one)
    if asked.page:
        PAGE.write_text(page(tried, f"{datetime.now(UTC):%Y-%m-%d}"), encoding="utf-8")
    return 1 if any(one.findings for one in tried) else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="for all targets together")
    parser.add_argument("--only", action="append", choices=sorted(TARGETS), help="this target; may be repeated")
    parser.add_argument("--seed", type=int, default=1, help="of the cases by chance")
    parser.add_argument("--case", type=Path, help="judge the content of this file only")
    parser.add_argument("--page", action="store_true", help="write docs/evidence/fuzzing.md")
    return parser.parse_args()


def _try(target: Target, seconds: float, seed: int) -> Tried:
    began, tried = time.monotonic(), Tried(target.name)
    share = seconds / 2 if there_is_atheris() else seconds
    tried.by_chance, tried.findings = by_chance(target, until=began + share, first=seed)
    if there_is_atheris():
        tried.guided, found = guided(target.name, share)
        known = {finding.kind for finding in tried.findings}
        for content in found:
            finding = judge(target.name, target.work, content, longest=target.longest)
            if finding is not None and finding.kind not in known:
                known.add(finding.kind)
                tried.findings.append(finding)
    tried.minutes = (time.monotonic() - began) / 60
    return tried


def _again(chosen: list[Target], content: bytes) -> int:
    found: list[Finding] = []
    for target in chosen:
        finding = judge(target.name, target.work, content, longest=target.longest)
        print(f"{target.name}: {finding.problem if finding else 'nothing'}")
        found += [finding] if finding else []
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
