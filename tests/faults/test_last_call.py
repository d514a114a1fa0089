"""Between the intent and the irrevocable moment much can happen; every reason not to send is looked at once more."""

from collections.abc import Callable, Sequence

import pytest

from coopflow.core.people import pause, resume
from coopflow.sending import Book, Outgoing
from tests.world import World

MAIL = {"id": "mail", "type": "email", "template_id": "hello"}
END = {"id": "done", "type": "end"}
REPLY = {"field": "email_response_received", "operator": "==", "value": True}


def meanwhile(world: World, happens: Callable[[], object]) -> None:
    """Let something happen between the next tick's intent and its last call."""
    deliver = world.engine.post.deliver

    def after_that(batch: Sequence[Outgoing], book: Book) -> None:
        world.engine.post.deliver = deliver  # type: ignore[method-assign]
        happens()
        deliver(batch, book)

    world.engine.post.deliver = after_that  # type: ignore[method-assign]


@pytest.fixture
def mailing(wired: World) -> World:
    wired.has_workflow(
        "outreach",
        [{**MAIL, "only_if": {"field": "status", "operator": "!=", "value": "on_leave"}}, END],
        completion_criteria=REPLY,
    )
    wired.has_family("42")
    wired.start("outreach", family="42")
    return wired


def test_a_message_that_was_granted_its_last_call_is_not_granted_another(mailing: World) -> None:
    granted: list[int] = []

    def ask_twice(batch: Sequence[Outgoing], book: Book) -> None:
        granted.extend((len(book(batch, ())), len(book(batch, ()))))

    mailing.engine.post.deliver = ask_twice  # type: ignore[method-assign]
    mailing.tick()
    assert granted == [1, 0]


@pytest.mark.parametrize(
    ("changed", "attempts"),
    [
        ({"status": "deceased"}, [("mail", "skipped")]),
        ({"status": "withdrawn"}, [("mail", "skipped")]),
        ({"status": "on_leave"}, [("mail", "skipped"), ("done", "completed")]),
        ({"consent": {"email": {"allowed": False}}}, [("mail", "skipped"), ("done", "completed")]),
        ({"email": None}, [("mail", "failed")]),
    ],
)
def test_a_family_that_changed_in_the_last_moment_gets_nothing(
    mailing: World, changed: dict[str, object], attempts: list[tuple[str, str]]
) -> None:
    meanwhile(mailing, lambda: mailing.changes_family("42", **changed))
    mailing.tick()
    assert mailing.wires["email"].taken == []
    assert mailing.attempts(1) == attempts


def test_an_answer_in_the_last_moment_ends_it_without_the_message(mailing: World) -> None:
    meanwhile(mailing, lambda: mailing.event("email_response_received", family="42"))
    mailing.tick()
    assert mailing.wires["email"].taken == []
    assert mailing.status(1) == "completed"


def test_an_address_that_was_corrected_in_the_last_moment_is_the_one_that_is_used(mailing: World) -> None:
    meanwhile(mailing, lambda: mailing.changes_family("42", email="new@example.org"))
    mailing.tick()
    mailing.tick("2026-03-20 09:01")
    assert [message.to for message in mailing.wires["email"].taken] == ["new@example.org"]
    assert mailing.attempts(1) == [("mail", "skipped"), ("mail", "completed"), ("done", "completed")]


def test_a_pause_in_the_last_moment_holds_the_message_until_it_is_resumed(mailing: World) -> None:
    meanwhile(mailing, lambda: mailing.does(pause, 1))
    mailing.tick()
    assert mailing.wires["email"].taken == []

    mailing.does(resume, 1)
    mailing.tick()
    assert len(mailing.wires["email"].taken) == 1
    assert mailing.status(1) == "completed"


def test_a_family_that_moved_to_where_it_is_night_is_written_to_in_its_morning(mailing: World) -> None:
    meanwhile(mailing, lambda: mailing.changes_family("42", time_zone="Pacific/Honolulu"))
    mailing.tick()
    assert mailing.wires["email"].taken == []
    [entry] = mailing.case(1).entries.values()
    assert entry.scheduled_for is not None
    mailing.now = entry.scheduled_for
    mailing.tick()
    assert len(mailing.wires["email"].taken) == 1
