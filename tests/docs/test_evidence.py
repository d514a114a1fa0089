"""The page of evidence says what was seen, of what is promised, by tests that are there."""

import re
from pathlib import Path

import pytest

from tests.evidence.composing import BY_HAND, PAGE, composed
from tests.evidence.pages import PAGES, ROOT, Missing, Page, page
from tests.evidence.promises import PROMISES, Promise

README = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
RELIED_ON = "What you can rely on"
POINTER = "What holds each of these, and what its long runs saw last: [evidence](docs/evidence.md)."

each = pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.words[:40])


def test_the_page_is_what_the_long_runs_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == composed(), "write it anew: python -m tests.evidence"


@each
def test_a_promise_stands_in_the_readme(promise: Promise) -> None:
    assert promise.words in README


def test_every_sentence_that_one_can_rely_on_is_among_them() -> None:
    section = README.split(f"## {RELIED_ON} ")[1].split(" ## ")[0]
    for words in (*(promise.words for promise in PROMISES), POINTER):
        section = section.replace(words, "")
    left = [part for part in re.split(r" - | → (?:(?! - ).)*", section) if part.strip(" -")]
    assert left == []


@each
def test_a_promise_is_held_by_tests_that_are_there(promise: Promise) -> None:
    assert promise.tests
    for named in promise.tests:
        file, _, test = named.partition("::")
        path = ROOT / "tests" / file
        assert path.is_file(), named
        assert re.search(rf"^def {test or 'test_'}", path.read_text(encoding="utf-8"), re.MULTILINE), named


@pytest.mark.parametrize("path", sorted(PAGES.glob("*.md")), ids=lambda path: path.name)
def test_a_page_of_a_long_run_says_when_it_was_and_how_to_run_it_again(path: Path) -> None:
    if path.name in BY_HAND:
        return
    found = page(path.name)
    module = re.fullmatch(r"python -m tests\.(\w+).*", found.command)
    assert module
    assert (ROOT / "tests" / module[1] / "__main__.py").is_file()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", found.date)


TABLES = """# X

`python -m tests.x`

| | |
|---|---|
| date | 2026-01-02 |

| a | lost |
|---|---|
| p | 1,000 |
| q | 2 |
"""


def test_figures_come_from_tables_with_and_without_titles() -> None:
    made = Page("x", TABLES)
    assert (made.date, made.command, made.figure("lost")) == ("2026-01-02", "python -m tests.x", "1,002")
    with pytest.raises(Missing, match="'won'"):
        made.figure("won")
