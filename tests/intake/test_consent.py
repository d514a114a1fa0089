"""Who may be written to: recorded with when, how and by whom, and in force at the next last call."""

from typing import Any

import pytest

from coopflow.core.consent import refusal
from coopflow.core.model import Family
from coopflow.intake.consent import CHANNELS, ConsentChange, Suppressed, change_consent, suppress_address
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


# -- per address ----------------------------------------------------------------------------------------------------


def says(school: World, family_id: str, channel: str, *, allowed: bool, **more: Any) -> ConsentChange:
    more.setdefault("reason", "so they said")
    with school.store.transaction():
        found = change_consent(
            school.store, family_id, [channel], allowed=allowed, actor="sarah", now=school.now, **more
        )
    school.check()
    return found


def suppresses(school: World, channel: str, address: str, **more: Any) -> Suppressed:
    with school.store.transaction():
        found = suppress_address(school.store, channel, address, actor="gateway", now=school.now, **more)
    school.check()
    return found


def refused(school: World, family_id: str, channel: str, kind: str = "outreach") -> bool:
    return refusal(school.store.families([family_id])[family_id], channel, kind) is not None


def test_an_opt_out_follows_the_family_to_its_next_address_and_stays_with_the_old_one(school: World) -> None:
    says(school, "42", "email", allowed=False)
    school.has_family("43", email="family42@example.org")
    school.changes_family("42", email="new@example.org")
    assert (refused(school, "42", "email"), refused(school, "43", "email")) == (True, True)


def test_who_agrees_at_a_new_address_has_not_agreed_for_the_old_one(school: World) -> None:
    says(school, "42", "email", allowed=False)
    school.changes_family("42", email="new@example.org")
    school.now = at("2026-03-21 09:00")
    says(school, "42", "email", allowed=True)
    assert not refused(school, "42", "email")
    school.changes_family("42", email="family42@example.org")
    assert refused(school, "42", "email")


def test_a_family_without_an_address_can_say_no_before_it_has_one(school: World) -> None:
    school.changes_family("42", phone=None)
    says(school, "42", "sms", allowed=False)
    school.changes_family("42", phone="+12125550177")
    assert refused(school, "42", "sms")
    school.has_family("43", phone="+12125550177")
    assert not refused(school, "43", "sms")


def test_what_another_family_said_at_the_address_binds_and_what_it_unsays_frees(school: World) -> None:
    school.has_family("43", email="family42@example.org")
    says(school, "43", "email", allowed=False)
    assert refused(school, "42", "email")
    school.now = at("2026-03-21 09:00")
    says(school, "43", "email", allowed=True)
    assert not refused(school, "42", "email")


def test_an_opt_out_said_from_another_address_is_kept_for_that_one_too(school: World) -> None:
    school.has_family("43", email="work@example.org")
    says(school, "42", "email", allowed=False, how="reply", address="Work@example.org")
    assert (refused(school, "42", "email"), refused(school, "43", "email")) == (True, True)


def test_an_address_counts_for_its_own_channel_only(school: World) -> None:
    with school.store.transaction():
        change_consent(
            school.store, "42", CHANNELS, allowed=False, reason="STOP", actor="inbox", now=school.now,
            how="reply", address="work@example.org",
        )  # fmt: skip
    kept = school.db.execute_sql("SELECT channel, address, how FROM consent_records ORDER BY record_id").fetchall()
    assert kept == [("email", "work@example.org", "reply"), ("sms", "+12125550142", "reply")]


def test_an_opt_out_of_mail_alone_is_of_outreach_and_one_of_all_is_of_everything(school: World) -> None:
    assert says(school, "42", "email", allowed=False).covers == "outreach"
    assert (refused(school, "42", "email"), refused(school, "42", "email", "transactional")) == (True, False)
    assert list(changes(school, allowed=False).channels) == ["email", "sms"]
    assert refused(school, "42", "email", "transactional")
    assert refused(school, "42", "sms", "transactional")


def test_a_word_from_before_there_were_records_counts_until_a_newer_one(school: World) -> None:
    school.has_family("44", consent={"sms": {"allowed": False, "at": "2026-03-01T09:00:00Z", "how": "hand"}})
    assert refused(school, "44", "sms")
    late = says(school, "44", "sms", allowed=True, at=at("2026-02-01 09:00"))
    assert (list(late.channels), refused(school, "44", "sms")) == ([], True)
    assert list(says(school, "44", "sms", allowed=True).channels) == ["sms"]
    assert not refused(school, "44", "sms")


def test_saying_no_yes_and_no_within_one_second_ends_in_no(school: World) -> None:
    for allowed in (False, True, False):
        assert list(says(school, "42", "sms", allowed=allowed).channels) == ["sms"]
    assert refused(school, "42", "sms")


def test_an_address_opted_out_at_the_gateway_is_heard_of_by_all_who_have_it(school: World) -> None:
    school.has_family("43", phone="+12125550142")
    found = suppresses(school, "sms", "+12125550142", reason="21610", how="gateway")
    assert list(found.families) == ["42", "43"]
    assert [refused(school, family_id, "sms") for family_id in ("42", "43")] == [True, True]
    events = school.store.looking.events(family_id="43")
    assert [row["kind"] for row in events] == ["opted_out"]


def test_what_was_suppressed_before_an_opt_in_is_noted_and_changes_nothing(school: World) -> None:
    says(school, "42", "sms", allowed=True)
    found = suppresses(school, "sms", "+12125550142", reason="STOP", how="gateway", at=at("2026-03-01 09:00"))
    assert (found.new, list(found.touched)) == (False, [])
    assert not refused(school, "42", "sms")
    assert [row["kind"] for row in school.store.looking.events(family_id="42")][-1] == "consent.noted"


def test_the_words_can_be_erased_and_nothing_else_of_a_record(school: World) -> None:
    says(school, "42", "sms", allowed=False, reason="call me never again")
    with school.store.transaction():
        school.db.execute_sql("UPDATE consent_records SET text = NULL")
    for change in (
        "UPDATE consent_records SET allowed = 1",
        "UPDATE consent_records SET text = 'kind words'",
        "UPDATE consent_records SET address = 'other@example.org'",
        "UPDATE consent_records SET address = NULL, family_id = NULL",
        "UPDATE consent_records SET at = '2020-01-01T00:00:00Z'",
        "DELETE FROM consent_records",
    ):
        with pytest.raises(Exception, match=r"only the text and the address can be erased|stays on record"):
            school.db.execute_sql(change)
    assert refused(school, "42", "sms")
