"""A thousand bad inputs by hand: what is said names the place and what to do, and comes at once."""

import re
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from tests.corpus.commands import co_op, said
from tests.corpus.reading import Case, Corpus, everything, written
from tests.corpus.subjects import SUBJECTS
from tests.workflows.test_bad_files import CASES as WORKFLOWS

LONGEST = 0.1  # seconds of the processor for one
MOST_MEMORY = 64 * 1024 * 1024
FILES = everything()
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
    begun = time.process_time()
    told = SUBJECTS[corpus.subject](case.content)
    took = time.process_time() - begun
    if took > LONGEST:  # the first one loads what reads it: once more
        begun = time.process_time()
        SUBJECTS[corpus.subject](case.content)
        took = time.process_time() - begun
    assert told == list(case.said)
    assert all(PLACE.match(line) for line in told)
    assert took < LONGEST


@pytest.mark.parametrize("case", COMMANDS, ids=[case.title for case in COMMANDS])
def test_what_a_command_answers_is_said_word_for_word(case: Case, folder: str) -> None:
    told = [line.replace(folder, "CO-OP") for line in said(case.content.decode())]
    assert told == list(case.said)
    assert told[0] not in ("exit 0", "exit 70")
    assert len(told) > 1
    assert not any("Traceback" in line or "\x1b" in line for line in told)


def test_no_bad_input_takes_much_memory() -> None:
    for corpus, case in RECORDS[::7]:
        SUBJECTS[corpus.subject](case.content)
    tracemalloc.start()
    try:
        for corpus, case in RECORDS[::7]:
            tracemalloc.reset_peak()
            SUBJECTS[corpus.subject](case.content)
            assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY, case.title
    finally:
        tracemalloc.stop()


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
