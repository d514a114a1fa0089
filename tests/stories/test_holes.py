"""A message that cannot be written is somebody's task when the instance starts, not a surprise on day 3."""

from io import BytesIO
from typing import Any

import pytest
from msgspec.structs import replace

from coopflow.composing import words
from coopflow.core.case import TEXT_HOLE
from coopflow.core.people import cancel
from coopflow.intake.formats import read_records
from coopflow.intake.importing import import_families
from tests.world import World

MESSAGES = {
    "hello": "---\nsubject: Hello\n---\nDear {{ family_name }}.",
    "tutor": "---\nsubject: Your tutor\n---\nDear {{ family_name }}, {{ tutor }} is looking forward to you.",
}
HELLO = {"id": "hello", "type": "email", "template_id": "hello"}
LATER = {"id": "later", "type": "email", "template_id": "tutor", "delay": "3 days"}
DONE = {"id": "done", "type": "end"}


@pytest.fixture
def school(coop: World) -> World:
    coop.has_workflow("w", [HELLO, LATER, DONE], messages=MESSAGES)
    coop.has_family("42")
    return coop


def warnings(school: World) -> list[str]:
    return [task.description for task in school.tasks("42") if task.task_type == TEXT_HOLE]


def imports(school: World, row: dict[str, Any]) -> None:
    import json

    records = read_records(BytesIO(json.dumps(row).encode()), "families.jsonl")
    import_families(school.store, records, region="US", actor="sarah", now=school.now)
    school.check()


def test_a_hole_is_a_task_at_once_and_the_other_steps_are_carried_out(school: World) -> None:
    instance = school.start("w", family="42")
    assert warnings(school) == [
        "The email 'Later' cannot be written: messages/tutor.md: tutor is not known for family 42. Mend it before its"
        " turn comes, with: coopflow family import; look at it with: coopflow preview w later --family 42"
    ]
    [task] = school.tasks("42")
    assert (task.priority, task.assignee, task.step_id, task.branch) == ("high", "sarah", "later", None)
    school.tick()
    assert (len(school.mails()), school.status(instance)) == (1, "running")
    assert len(warnings(school)) == 1


def test_the_import_that_gives_the_value_takes_the_task_away(school: World) -> None:
    instance = school.start("w", family="42")
    imports(school, {"family_id": "42", "grade": 3})
    assert len(warnings(school)) == 1
    imports(school, {"family_id": "42", "tutor": "Ms Lee"})
    assert school.tasks("42") == []
    school.ticks_until("2026-03-23 10:00")
    assert (len(school.mails()), school.status(instance)) == (2, "completed")


def test_y19_the_step_of_one_family_is_held_when_its_turn_comes_and_the_others_get_theirs(school: World) -> None:
    school.has_family("43", attributes={"tutor": "Ms Lee"})
    school.has_family("44", attributes={"tutor": "  "})
    instances = [school.start("w", family=family) for family in ("42", "43", "44")]
    assert [len(school.tasks(family)) for family in ("42", "43", "44")] == [1, 0, 1]
    school.ticks_until("2026-03-23 10:00")
    assert [school.status(instance) for instance in instances] == ["paused", "completed", "paused"]
    assert [task.task_type for task in school.tasks("42")] == ["person"]  # the warning has become the hold
    assert school.tasks("44")[0].description == "'Later' failed: tutor is empty for family 44"
    assert [mail["To"] for mail in school.mails()].count("family43@example.org") == 2
    assert not any("{{" in mail.as_string() for mail in school.mails())


def test_a_step_with_another_way_goes_there_when_nothing_was_done(coop: World) -> None:
    coop.has_workflow(
        "w", [{**LATER, "on_failure": "text"}, DONE, {"id": "text", "type": "sms", "message": "Hi."}], messages=MESSAGES
    )
    coop.has_family("42")
    instance = coop.start("w", family="42")
    coop.ticks_until("2026-03-23 10:00")
    assert (len(coop.texts()), coop.tasks("42"), coop.status(instance)) == (1, [], "completed")


def test_steps_with_the_same_hole_share_a_task(coop: World) -> None:
    coop.has_workflow("w", [LATER, {**LATER, "id": "again"}, DONE], messages=MESSAGES)
    coop.has_family("42")
    coop.start("w", family="42")
    assert len(warnings(coop)) == 1


def test_an_action_that_is_not_recommended_needs_no_words(coop: World) -> None:
    actions = {name: {"id": name, "type": "sms", "message": "Hi {{ tutor }}"} for name in ("write", "invite")}
    coop.has_workflow(
        "w",
        [{"id": "advice", "type": "recommended", "actions": actions}, DONE],
        trigger={"type": "prediction"},
    )
    coop.has_family("42")
    coop.predicts("42", 0.9, 90, recommendations=[{"action": "invite"}])
    assert [task.step_id for task in coop.tasks("42")] == ["invite"]


def test_the_task_can_be_closed_by_hand(school: World) -> None:
    school.start("w", family="42")
    school.closes(school.tasks("42")[0], note="I shall write myself")
    assert warnings(school) == []


@pytest.mark.parametrize(
    "columns", [{"email": None}, {"consent": {"email": {"allowed": False}}}], ids=["no address", "opted out"]
)
def test_what_does_not_go_to_the_family_anyway_needs_no_words(school: World, columns: dict[str, Any]) -> None:
    school.has_family("42", **columns)
    school.start("w", family="42")
    assert warnings(school) == []


def test_where_no_working_hours_are_known_the_task_is_due_at_once(school: World) -> None:
    person = {"sarah": {"window": "evenings"}}  # taken out of the configuration meanwhile
    school.coop = school.store.coop = school.store.cases._coop = replace(school.coop, coordinators=person)
    school.start("w", family="42")
    [task] = school.tasks("42")
    assert task.due_date == school.now


def test_the_task_goes_with_the_instance(school: World) -> None:
    instance = school.start("w", family="42")
    assert school.does(cancel, instance) is None
    assert school.tasks("42") == []


LANGUAGES = {"": "Hello", "es": "Hola", "es-MX": "¿Qué tal?", "zh-Hant": "你好"}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (None, "Hello"),
        ("en", "Hello"),
        ("es", "Hola"),
        ("es-MX", "¿Qué tal?"),
        ("es-mx", "¿Qué tal?"),
        ("es-AR", "Hola"),
        ("zh-Hant-TW", "你好"),
        ("zh", "Hello"),
    ],
)
def test_a_family_reads_the_nearest_language_that_there_is(coop: World, language: str | None, text: str) -> None:
    coop.has_workflow("w", [HELLO, DONE])
    coop.has_family("42", language=language)
    case = coop.case(coop.start("w", family="42"))
    case.workflow.messages["hello"].clear()  # type: ignore[attr-defined]
    case.workflow.messages["hello"].update(  # type: ignore[attr-defined]
        {name: f"---\nsubject: {words}\n---\n{words}" for name, words in LANGUAGES.items()}
    )
    assert words(case, case.workflow.steps["hello"])[0] == text
