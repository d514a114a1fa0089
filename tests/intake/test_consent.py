"""Who may be written to: recorded with when, how and by whom, and in force at the next last call."""

from typing import Any

import pytest

from coopflow.core.model import Family
from coopflow.intake.consent import CHANNELS, ConsentChange, change_consent
from tests.world import World, at

STEPS = [{"id": "hello", "type": "email", "template_id": "hello"}, {"id": "text", "type": "sms", "message": "Hello."}]


@pytest.fixture
def school(coop: World) -> World:
    coop.has_workflow("outreach", STEPS)
    coop.has_family("42", family_name="Martinez")
    return coop


def changes(school: World, *channels: str, allowed: bool, reason: str | None = None) -> ConsentChange:
    with school.store.transaction():
        found = change_consent(
            school.store, "42", channels or CHANNELS, allowed=allowed, reason=reason, actor="sarah", now=school.now
        )
    school.check()
    return found


def family(school: World) -> Family:
    return school.store.families(["42"])["42"]


def kinds(school: World) -> list[tuple[str, Any, Any]]:
    rows = school.store.looking.events(family_id="42")
    return [(row["kind"], row["data"].get("channel"), row["personal"]) for row in rows]


def test_an_opt_out_is_recorded_and_is_an_event(school: World) -> None:
    found = changes(school, "sms", allowed=False, reason="asked on the phone")
    assert list(found.channels) == ["sms"]
    assert family(school).consent == {
        "sms": {"allowed": False, "at": "2026-03-20T13:00:00Z", "how": "hand", "by": "sarah"}
    }
    assert kinds(school) == [
        ("family.opted_out", ["sms"], {"reason": "asked on the phone"}),
        ("opted_out", None, {"channels": ["sms"]}),
    ]


def test_it_is_recorded_once(school: World) -> None:
    changes(school, "sms", allowed=False)
    assert list(changes(school, allowed=False).channels) == ["email"]
    assert list(changes(school, allowed=False).channels) == []
    assert len(kinds(school)) == 4


def test_nothing_planned_is_withdrawn_and_nothing_is_sent(school: World) -> None:
    instance = school.start("outreach", family="42")
    changes(school, "email", allowed=False)
    assert school.status(instance) == "pending"
    school.tick("2026-03-20 09:30")
    assert school.mails() == []
    assert [text["text"] for text in school.texts()] == ["Hello."]
    assert school.attempts(instance)[0] == ("hello", "skipped")


def test_an_opt_in_allows_again_and_says_how(school: World) -> None:
    changes(school, allowed=False)
    school.now = at("2026-03-21 09:00")
    assert list(changes(school, "email", allowed=True, reason="signed").channels) == ["email"]
    assert family(school).consent["email"] == {
        "allowed": True,
        "at": "2026-03-21T13:00:00Z",
        "how": "hand",
        "by": "sarah",
    }
    assert family(school).consent["sms"]["allowed"] is False
    assert kinds(school)[-1] == ("family.opted_in", ["email"], {"reason": "signed"})


def test_a_condition_sees_an_opt_out(school: World) -> None:
    school.has_workflow(
        "careful", STEPS, completion_criteria={"any": [{"field": "opted_out", "operator": "==", "value": True}]}
    )
    instance = school.start("careful", family="42")
    found = changes(school, "sms", allowed=False)
    assert list(found.touched) == [instance]
    assert school.status(instance) == "completed"
