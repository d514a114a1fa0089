"""Puts the page together: for each promise what holds it, what the last long run saw, and how to see it again."""

import re

from tests.evidence.pages import PAGES, ROOT, page
from tests.evidence.promises import PROMISES, Promise, Run

PAGE = ROOT / "docs" / "evidence.md"
BY_HAND = frozenset({"fault-lines.md"})  # a table of tests, which another test holds
HEAD = """\
# Evidence

For each promise of the [README](../README.md) the tests that hold it, which are part of every run and can be run alone
(`pytest tests/FILE`), and what its long runs saw last; their commands stand [below](#the-long-runs). Their figures are
read from the pages that they have written. A test fails when this page is not what they say, when a sentence is not in
the README, when something that one can rely on by the README is not here, or when a test that is named does not exist.
Which test holds which known fault stands in [a table of its own](evidence/fault-lines.md). This page is written by

    python -m tests.evidence
"""


def composed() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_section(promise) for promise in PROMISES), _runs()])


def _section(promise: Promise) -> str:
    bold = re.match(r"\*\*(.+?)\*\* (.+)", promise.words)
    title, rest = bold.groups() if bold else (promise.words.replace("*", ""), None)
    return "\n".join(
        [
            f"## {_linked(title).rstrip('.')}",
            "",
            *([f"> {_linked(rest)}", ""] if rest else []),
            *(f"- `tests/{name}`" for name in promise.tests),
            *map(_seen, promise.runs),
            "",
        ]
    )


def _seen(run: Run) -> str:
    found = page(run.page)
    figures = "; ".join(f"{name}: {found.figure(name)}" for name in run.figures)
    return f"- [{found.title}](evidence/{run.page}), {found.date}: {figures}"


def _runs() -> str:
    """Every long run once, with its command."""
    pages = [page(path.name) for path in sorted(PAGES.glob("*.md")) if path.name not in BY_HAND]
    rows = [f"| [{one.title}](evidence/{one.name}) | {one.date} | `{one.command}` |" for one in pages]
    return "\n".join(["## The long runs", "", "| | last run | again |", "|---|---|---|", *rows, ""])


def _linked(words: str) -> str:
    return words.replace("](docs/", "](")
