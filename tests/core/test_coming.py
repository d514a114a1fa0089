"""What comes next of an instance, in the words of those who look at it."""

from coopflow.core.coming import Coming, OnceMore, coming, once_more
from tests.world import World, at

CALL = {
    "id": "call",
    "type": "call",
    "name": "Say hello",
    "reason": "hello",
    "outcomes": {"reached": "done", "voicemail": {"retry_in": "1 day", "max": 3}},
}
END = {"id": "done", "type": "end"}


def test_what_is_planned_comes_next_then_what_is_waited_for_then_nothing(coop: World) -> None:
    coop.has_family("42")
    coop.has_workflow("w", [{"id": "rest", "type": "wait", "name": "Rest", "duration": "3 days"}, CALL, END])
    instance = coop.start("w", family="42")
    coop.tick()
    assert coming(coop.case(instance)) == Coming("the end of the wait 'Rest'", at("2026-03-23 09:00"))
    coop.tick("2026-03-23 09:00")
    assert coming(coop.case(instance)) == Coming("task 1 (phone call)", None)
    coop.closes(coop.tasks()[0], "reached")
    assert coming(coop.case(instance)) is None


def test_a_task_comes_back_by_the_outcome_that_says_so(coop: World) -> None:
    coop.has_family("42")
    coop.has_workflow("w", [CALL, END])
    instance = coop.start("w", family="42")
    coop.tick()
    [task] = coop.tasks()
    assert once_more(coop.case(instance), task) is None
    coop.closes(task, "voicemail")
    closed = coop.store.desk.get(int(task.task_id or 0))
    assert once_more(coop.case(instance), closed) == OnceMore(at("2026-03-23 09:00"), 1, 3)
    coop.tick("2026-03-23 09:00")
    coop.closes(coop.tasks()[0], "reached")
    assert once_more(coop.case(instance), closed) is None
