"""A process that dies while restoring, adopting or forgetting: what it began can be begun again, or is finished."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from coopflow.errors import ExitCode
from coopflow.keeping import adoption, erased, forgetting, restoring
from coopflow.store import erasing
from tests.cli.conftest import CoOp
from tests.faults.children import end_of, fork
from tests.keeping.conftest import LATER, ask, database, documents
from tests.keeping.test_forget import AFTER, SECRETS, bytes_left
from tests.keeping.test_forget import known as known
from tests.keeping.test_place import mails, tick


def dies_after(place: Any, name: str) -> Callable[[], None]:
    """Let a function do its work, and the process die then."""

    def prepare() -> None:
        real = getattr(place, name)

        def last(*given: Any, **named: Any) -> None:
            real(*given, **named)
            os._exit(9)

        setattr(place, name, last)

    return prepare


def killed(school: CoOp, prepare: Callable[[], None], *command: str, at: str) -> None:
    school.world.db.close()

    def runs() -> None:
        prepare()
        school.run(*command, at=at)

    assert end_of(fork(runs)) == 9
    school.world.db.connect()


@pytest.mark.parametrize("name", ["_take_in", "_look_through", "_prepare", "_keep_the_old"])
def test_restoring_can_be_begun_again_wherever_it_died(school: CoOp, name: str) -> None:
    school.run("backup", "saved.db")
    tick(school, at="2026-03-20 13:01:00")
    whole = ask(database(school), "SELECT count(*) FROM event_log")
    killed(school, dies_after(restoring, name), "restore", "saved.db", "--yes", at=LATER)
    assert ask(database(school), "SELECT count(*) FROM event_log") == whole, "the present one is still there"
    assert school.run("restore", "saved.db", "--yes", at=LATER).code == 0
    assert tick(school)[0] == ExitCode.PERSON_NEEDED
    assert school.run("adopt", "--yes", at=LATER).code == 0
    assert tick(school, at="2026-03-24 15:01:00") == (0, "")
    assert mails(school.folder) == 1
    assert [path.name for path in school.folder.glob("*.restoring*")] == []


def test_adopting_is_finished_by_saying_it_again(school: CoOp) -> None:
    school.run("backup", "saved.db")
    tick(school, at="2026-03-20 13:01:00")
    school.run("restore", "saved.db", "--yes", at=LATER)
    killed(school, dies_after(adoption, "take_place"), "adopt", "--yes", at=LATER)
    assert tick(school)[0] == ExitCode.PERSON_NEEDED, "none of it was done"

    def before_the_head() -> None:
        adoption.replace_head = lambda _: os._exit(9)  # type: ignore[assignment,misc]

    killed(school, before_the_head, "adopt", "--yes", at=LATER)
    assert tick(school)[0] == ExitCode.PERSON_NEEDED, "the old head is still beside it"
    assert school.run("adopt", "--yes", at=LATER).code == 0
    assert tick(school, at="2026-03-24 15:01:00") == (0, "")
    assert mails(school.folder) == 1
    assert len(documents(school, "task", "list")) == 1, "held once"


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (erased, "add_to_list"),
        (erasing, "erase"),
        (forgetting, "_erase"),
        (erasing, "leave_no_trace"),
        (erased, "mark_as_forgotten"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_forgetting_is_finished_by_the_next_command_wherever_it_died(known: CoOp, place: Any, name: str) -> None:
    killed(known, dies_after(place, name), "family", "forget", "7", "--yes", at=AFTER)
    assert known.run("family", "show", "7", at=AFTER).code == ExitCode.PERSON_NEEDED
    assert tick(known, at=AFTER)[0] == ExitCode.PERSON_NEEDED
    known.run("note", "1", "another family", at=AFTER)  # any command that writes
    assert bytes_left(known.folder, *SECRETS) == []
    assert documents(known, "family", "show", "7", at=AFTER)["status"] == "forgotten"
    assert known.run("audit", "verify", at=AFTER).code == 0
    assert tick(known, at=AFTER) == (0, "")
