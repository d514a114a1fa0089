"""Cases by chance (hypothesis): inputs of the corpus, changed here and there; what fails is made small."""

import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.guard import Finding, judge
from tests.fuzz.targets import Target

LARGEST = 4096  # bytes of a case
AT_ONCE = 100  # cases of one seed
MOST_FINDINGS = 20  # of one target, then it is left alone


class _Found(Exception):
    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.problem)
        self.finding = finding


def by_chance(
    target: Target, *, until: float, first: int = 1, most: int | None = None, memory: bool = True
) -> tuple[int, list[Finding]]:
    """Run cases until a moment of the monotonic clock, or so many; answer with their number and the findings."""
    count, findings, known, number = 0, list[Finding](), set[tuple[str, str, str]](), first
    while time.monotonic() < until and (most is None or count < most) and len(findings) < MOST_FINDINGS:
        at_most = AT_ONCE if most is None else min(AT_ONCE, most - count)
        done, finding = _some(target, number, known, at_most=at_most, memory=memory)
        count, number = count + done, number + 1
        if finding is not None:
            known.add(finding.kind)
            findings.append(finding)
    return count, findings


def _some(
    target: Target, number: int, known: set[tuple[str, str, str]], *, at_most: int, memory: bool
) -> tuple[int, Finding | None]:
    count = 0

    @seed(number)
    @settings(
        max_examples=at_most,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(cases(target))
    def hold(content: bytes) -> None:
        nonlocal count
        count += 1
        finding = judge(target.name, target.work, content, longest=target.longest, memory=memory)
        if finding is not None and finding.kind not in known:
            raise _Found(finding)

    try:
        hold()
    except _Found as found:
        return count, found.finding
    except ExceptionGroup as several:
        return count, next(error.finding for error in several.exceptions if isinstance(error, _Found))
    return count, None


def cases(target: Target) -> st.SearchStrategy[bytes]:
    """Inputs to begin from, and changes to them; now and then anything at all."""
    words = st.sampled_from(target.dictionary or [b" "])
    pieces = st.one_of(words, words, st.text(max_size=6).map(lambda text: text.encode()), st.binary(max_size=4))
    change = st.tuples(st.sampled_from(tuple(CHANGES)), st.floats(0, 1), st.floats(0, 1), pieces)
    begun = st.tuples(st.sampled_from(target.seeds()), st.lists(change, max_size=6)).map(_changed)
    return st.one_of(begun, begun, begun, st.lists(pieces, max_size=30).map(b"".join)).map(
        lambda found: found[:LARGEST]
    )


def _changed(drawn: Any) -> bytes:
    content, changes = drawn
    for name, where, length, piece in changes:
        start = int(where * len(content))
        end = min(len(content), start + int(length * 40))
        content = CHANGES[name](content, start, end, piece)
    return bytes(content)


CHANGES: dict[str, Callable[[bytes, int, int, bytes], bytes]] = {
    "insert": lambda content, start, _, piece: content[:start] + piece + content[start:],
    "replace": lambda content, start, end, piece: content[:start] + piece + content[end:],
    "remove": lambda content, start, end, _: content[:start] + content[end:],
    "repeat": lambda content, start, end, _: content[:end] + content[start:end] * 20 + content[end:],
    "nest": lambda content, start, _, piece: content[:start] + piece * 200 + content[start:],
    "cut": lambda content, start, _end, _piece: content[:start],
    "twice": lambda content, _start, _end, piece: content + piece + content,
}
