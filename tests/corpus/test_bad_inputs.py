"""A thousand bad inputs by hand: what is said names the place and what to do, and comes at once."""

import re
from collections.abc import Iterator

import pytest

from tests.corpus.commands import co_op, said
from tests.corpus.limits import Work, inputs, taken
from tests.corpus.reading import Case, Corpus, everything, written
from tests.corpus.subjects import SUBJECTS
from tests.workflows.test_bad_files import BAD

FILES = everything()
WORKFLOWS = [case for cases in BAD.values() for case in cases]
RECORDS = [(corpus, case) for corpus in FILES if corpus.subject != "command" for case in corpus.cases]
COMMANDS = [case for corpus in FILES if corpus.subject == "command" for case in corpus.cases]
PLACE = re.compile(  # file:line or file:line:column; or the whole file, where no line is at fault
    r"[\w./-]+:\d+(:\d+)?: |(closed\.(ics|csv)|file): |Nothing was imported"
)


@pytest.fixture(scope="module")
def folder() -> Iterator[str]:
    with co_op() as made:
        yield str(made)


@pytest.mark.parametrize(("corpus", "case"), RECORDS, ids=[f"{c.subject}: {case.title}" for c, case in RECORDS])
def test_what_is_wrong_is_said_word_for_word(corpus: Corpus, case: Case) -> None:
    told = SUBJECTS[corpus.subject](case.content)
    assert told == list(case.said)
    assert all(PLACE.match(line) for line in told)


@pytest.mark.parametrize("case", COMMANDS, ids=[case.title for case in COMMANDS])
def test_what_a_command_answers_is_said_word_for_word(case: Case, folder: str) -> None:
    told = [line.replace(folder, "CO-OP") for line in said(case.content.decode())]
    assert told == list(case.said)
    assert told[0] not in ("exit 0", "exit 70")
    assert len(told) > 1
    assert not any("Traceback" in line or "\x1b" in line for line in told)


def test_no_bad_input_takes_long_or_much_memory() -> None:
    found = taken(inputs(FILES, WORKFLOWS))
    assert [one for one in found if one.too_much] == []
    assert len(found) == len(RECORDS) + len(WORKFLOWS)


def test_what_takes_too_much_is_seen() -> None:
    works: dict[str, Work] = {
        "long": lambda: sum(range(10_000_000)),
        "large": lambda: len(bytes(70 * 2**20)),
        "small": lambda: len(bytes(7)),
    }
    assert [one.title for one in taken(works) if one.too_much] == ["long", "large"]


def test_there_are_more_than_a_thousand_and_none_twice() -> None:
    inputs = [(corpus.subject, case.lines) for corpus in FILES for case in corpus.cases]
    assert len(set(inputs)) == len(inputs)
    assert len(inputs) + len(WORKFLOWS) > 1_000


def test_most_of_them_say_something_that_no_other_says() -> None:
    """The count that is honest: two sentences are one if only what they quote, and where it stands, differs."""
    sentences = {_kind(line) for corpus in FILES for case in corpus.cases for line in case.said}
    assert len(sentences) > 400


def _kind(line: str) -> str:
    return re.sub(r"'[^']*'|\d+|character \d+", "*", line)


@pytest.mark.parametrize("corpus", FILES, ids=[corpus.path.stem for corpus in FILES])
def test_the_files_are_as_the_command_writes_them(corpus: Corpus) -> None:
    text = corpus.path.read_text(encoding="utf-8")
    assert written(corpus, [list(case.said) for case in corpus.cases]) == text
    assert all(case.said for case in corpus.cases)
