"""Families as they really are (reliability, section 7, D): each line of the catalogue is a test of its name.

D09, the words for STOP, belongs to what reads answers.
"""

from io import BytesIO
from typing import Any

import pytest
from msgspec.structs import replace

from coopflow.core.deliveries import Unavailable
from coopflow.errors import Invalid, NotAllowed
from coopflow.intake.consent import change_consent
from coopflow.intake.formats import read_records
from coopflow.intake.importing import import_families
from coopflow.outreach_rules import NO_POSTAL_ADDRESS, NO_WAY_OUT, missing_for_outreach, problems_before_live
from tests.texts.test_hostile_texts import MARKUP
from tests.world import World, at

MAIL = {"id": "mail", "type": "email", "template_id": "hello"}
TEXT = {"id": "text", "type": "sms", "message": "Hi {{ family_name }}."}
CALL = {"id": "call", "type": "call", "reason": "Nothing else reaches them"}
DONE = {"id": "done", "type": "end"}


def says(coop: World, family_id: str, *channels: str, allowed: bool, reason: str | None = "said so") -> None:
    with coop.store.transaction():
        change_consent(coop.store, family_id, channels, allowed=allowed, reason=reason, actor="sarah", now=coop.now)


def imports(coop: World, text: str) -> None:
    records = read_records(BytesIO(text.encode()), "families.csv")
    import_families(coop.store, records, region="US", actor="sarah", now=coop.now)


# -- D01: something is missing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "reached"),
    [
        ({"email": None}, ("text", 0, 1)),
        ({"phone": None}, ("mail", 1, 0)),
        ({"email": None, "phone": None}, ("call", 0, 0)),
    ],
)
def test_d01_who_has_no_address_is_reached_by_the_next_way(coop: World, missing: Any, reached: Any) -> None:
    steps = [{**MAIL, "on_failure": "text"}, DONE, {**TEXT, "on_failure": "call"}, {**DONE, "id": "end"}, CALL]
    coop.has_workflow("w", steps)
    coop.has_family("42", **missing)
    coop.start("w", family="42")
    coop.tick()
    assert (len(coop.mails()), len(coop.texts())) == reached[1:]
    assert [task.task_type for task in coop.tasks("42")] == (["phone_call"] if reached[0] == "call" else [])


def test_d01_without_another_way_it_is_a_persons(coop: World) -> None:
    coop.has_workflow("w", [MAIL, DONE])
    coop.has_family("42", email=None)
    instance = coop.start("w", family="42")
    coop.tick()
    assert (coop.mails(), coop.status(instance)) == ([], "paused")
    assert [task.description for task in coop.tasks("42")] == ["'Mail' failed: family 42 has no email address"]


def test_d01_nobody_is_called_none(coop: World) -> None:
    coop.has_workflow("w", [MAIL, DONE])
    with pytest.raises(Invalid, match="family_name"):
        imports(coop, "family_id,family_name,email\n42,,a@example.org\n")
    coop.has_family("42", family_name=" ")
    coop.start("w", family="42")
    coop.tick()
    assert coop.mails() == []
    assert "family_name is empty for family 42" in coop.tasks("42")[0].description


# -- D02: one address, two families ---------------------------------------------------------------------------------


@pytest.mark.parametrize("apart", [False, True], ids=["in one tick", "an hour apart"])
@pytest.mark.parametrize("channel", ["email", "sms"])
def test_d02_two_families_with_one_address_get_one_message(coop: World, channel: str, apart: bool) -> None:
    step = MAIL if channel == "email" else TEXT
    coop.has_workflow("w", [step, DONE])
    coop.has_family("42", email="Both@example.org", phone="+12125550142")
    coop.has_family("43", email="both@example.org", phone="+12125550142")
    first = coop.start("w", family="42")
    if apart:
        coop.tick("2026-03-20 09:00")
        coop.now = at("2026-03-20 10:00")
    second = coop.start("w", family="43")
    coop.tick()
    assert len(coop.mails()) + len(coop.texts()) == 1
    assert coop.attempts(second) == [(step["id"], "skipped"), ("done", "completed")]
    told = [row["data"] for row in coop.store.looking.events(instance_id=second) if row["kind"] == "step.skipped"]
    assert told == [{"step": step["id"], "reason": f"family 42 gets it at the same address (instance {first})"}]


def test_d02_after_a_day_in_another_step_or_another_workflow_it_is_another_message(coop: World) -> None:
    coop.has_workflow("w", [MAIL, {**MAIL, "id": "again"}, DONE])
    coop.has_workflow("v", [MAIL, DONE])
    for family_id in ("42", "43"):
        coop.has_family(family_id, email="both@example.org")
    coop.start("w", family="42")
    coop.start("v", family="43")
    coop.tick("2026-03-20 09:00")
    assert len(coop.mails()) == 3
    coop.now = at("2026-03-23 09:00")
    coop.start("w", family="43")
    coop.tick()
    assert len(coop.mails()) == 5


def test_d02_parents_who_live_apart_each_get_their_own(coop: World) -> None:
    coop.has_workflow("w", [MAIL, DONE])
    for family_id in ("martinez", "smith"):
        coop.has_family(family_id, email=f"{family_id}@example.org")
        coop.start("w", family=family_id)
    coop.tick()
    assert sorted(mail["To"] for mail in coop.mails()) == ["martinez@example.org", "smith@example.org"]


def test_d02_a_twin_that_was_not_sent_stands_in_nobodys_way(wired: World) -> None:
    wired.has_workflow("w", [{**MAIL, "on_failure": "continue", "retry": {"max_retries": 0}}, DONE])
    for family_id in ("42", "43"):
        wired.has_family(family_id, email="both@example.org")
    says(wired, "42", "sms", allowed=False)
    wired.start("w", family="42")
    wired.wires["email"].answers.append(Unavailable("connection refused"))
    wired.tick()
    wired.has_family("42", email="other@example.org")  # it was meant for another address all along
    wired.ticks_until("2026-03-20 11:00")
    wired.start("w", family="43")
    wired.tick()
    assert sorted(message.to for message in wired.wires["email"].taken) == ["both@example.org", "other@example.org"]


# -- D03, D04: what is no address -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (" Maria@EXAMPLE.org ", "Maria@example.org"),
        ("maria@bücher.example", "maria@xn--bcher-kva.example"),
        ("maria@example.org.", None),
        ("maria", None),
        ("maria@", None),
        ("maria@example..org", None),
        ("a b@example.org", None),
        (f"{'m' * 308}@example.org", None),
    ],
)
def test_d03_an_email_address_is_brought_into_form_or_refused_with_its_line(
    coop: World, written: str, kept: str | None
) -> None:
    text = f'family_id,family_name,email\n41,Jones,j@example.org\n42,Martinez,"{written}"\n'
    if kept is None:
        with pytest.raises(Invalid, match=r"^families\.csv:3: field 'email': "):
            imports(coop, text)
        assert coop.store.families(["41", "42"]) == {}
    else:
        imports(coop, text)
        assert coop.store.families(["42"])["42"].email == kept


@pytest.mark.parametrize(
    "written", ["5550142", "555-CALL", "212 555 0142 ext. 9", "911", "112", "+1 900 555 0142", "+999 12345678", "+1"]
)
def test_d04_a_phone_number_that_is_none_of_a_persons_is_refused_with_its_line(coop: World, written: str) -> None:
    with pytest.raises(Invalid, match=r"^families\.csv:2: field 'phone': "):
        imports(coop, f"family_id,family_name,phone\n42,Martinez,{written}\n")


# -- D05: what changes between the intent and the last call ---------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "sent_to"),
    [
        ({"email": "new@example.org"}, ["new@example.org"]),
        ({"email": None}, []),
        ({"status": "withdrawn"}, []),
        ({"time_zone": "Pacific/Honolulu"}, []),
        ({"consent": {"email": {"allowed": False}}}, []),
    ],
    ids=["moved", "no address any more", "left", "it is night there", "opted out"],
)
def test_d05_the_last_call_sees_the_family_as_it_is_then(
    wired: World, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], sent_to: list[str]
) -> None:
    wired.has_workflow("w", [MAIL, DONE])
    wired.has_family("42")
    wired.start("w", family="42")
    wire, deliver = wired.wires["email"], wired.wires["email"].deliver

    def meanwhile(message: Any, last_call: Any) -> Any:
        def changed_first() -> bool:
            monkeypatch.setattr(wire, "deliver", deliver)
            _from_another_process(wired, change)
            return bool(last_call())

        return deliver(message, changed_first)

    monkeypatch.setattr(wire, "deliver", meanwhile)
    wired.tick()
    assert wire.taken == []
    wired.tick("2026-03-20 09:05")
    assert [message.to for message in wire.taken] == sent_to


def _from_another_process(wired: World, change: dict[str, Any]) -> None:
    from coopflow.store.database import open_database
    from coopflow.store.store import Store

    db = open_database(wired.folder / "coopflow.db")
    other = Store(db, wired.coop)
    with other.transaction():
        other.save_families([replace(other.families(["42"])["42"], **change)], now=wired.now)
    db.close()


# -- D06, D07: who is not contacted ---------------------------------------------------------------------------------


def test_d06_a_family_that_has_left_has_its_steps_cancelled_with_the_reason(coop: World) -> None:
    coop.has_workflow("w", [{**MAIL, "delay": "3 hours"}, CALL, DONE])
    coop.has_family("42")
    instance = coop.start("w", family="42")
    coop.event("family_withdrew", family="42")
    coop.ticks_until("2026-03-20 14:00")
    assert (coop.mails(), coop.tasks("42")) == ([], [])
    found = coop.case(instance).instance
    assert (found.status, found.outcome_notes) == ("cancelled", "the family's status is withdrawn")


@pytest.mark.parametrize("status", ["deceased", "do_not_contact"])
def test_d07_nothing_ever_reaches_them_not_even_a_retry_or_a_bill(wired: World, status: str) -> None:
    wired.has_workflow("w", [{**MAIL, "kind": "transactional", "urgent": True}, {**TEXT, "urgent": True}, CALL, DONE])
    wired.has_family("42")
    instance = wired.start("w", family="42")
    wired.wires["email"].answers.append(Unavailable("connection refused"))
    wired.tick()
    wired.changes_family("42", status=status)
    wired.ticks_until("2026-03-21 09:00")
    assert [wire.taken for wire in wired.wires.values() if wire.taken] == []
    assert (wired.status(instance), wired.tasks("42")) == ("cancelled", [])
    assert f"the family's status is {status}" in wired.starts("w", family="42").reason


# -- D08: names -----------------------------------------------------------------------------------------------------

NAMES = [*MARKUP, "=1+1", "[/]", "{{7*7}}", "'; DROP TABLE families; --", "O'Brien-Müller", "שלום", "José", "家族 🎈"]


@pytest.mark.parametrize("name", [name for name in NAMES if "\n" not in name and "\ue000" not in name])
def test_d08_a_name_is_sent_as_it_is_written(coop: World, name: str) -> None:
    coop.has_workflow("w", [MAIL, TEXT, DONE])
    coop.has_family("42", family_name=name)
    coop.start("w", family="42")
    coop.tick()
    [mail], [text] = coop.mails(), coop.texts()
    assert f"Dear {name}." in mail.get_body(("plain",)).get_content()
    assert text["text"] == f"Hi {name}."
    assert coop.store.families(["42"])["42"].family_name == name


@pytest.mark.parametrize("name", ["\x1b[2J", "a\x00b", "a\nb", "   ", "n" * 10_240])
def test_d08_what_is_no_name_is_refused_when_it_comes_in(coop: World, name: str) -> None:
    with pytest.raises(Invalid):
        imports(coop, f'family_id,family_name\n42,"{name}"\n')


# -- D10, D11, D13: consent -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("on_failure", "tasks"), [(None, []), ("call", ["phone_call"])])
def test_d10_an_opt_out_stops_the_step_that_is_due_and_the_next_one_or_a_person_follows(
    coop: World, on_failure: str | None, tasks: list[str]
) -> None:
    failing = {"on_failure": on_failure} if on_failure else {}
    coop.has_workflow("w", [{**TEXT, "delay": "2 hours", **failing}, MAIL, DONE, CALL])
    coop.has_family("42")
    coop.start("w", family="42")
    coop.tick()
    says(coop, "42", "sms", allowed=False)
    coop.tick("2026-03-20 11:00")
    assert coop.texts() == []
    assert len(coop.mails()) == (0 if on_failure else 1)
    assert [task.task_type for task in coop.tasks("42")] == tasks


def test_d11_start_after_stop_needs_recorded_consent(coop: World) -> None:
    coop.has_workflow("w", [TEXT, DONE])
    coop.has_family("42")
    says(coop, "42", "sms", allowed=False, reason="STOP")
    for nothing in (None, "", "  "):
        with pytest.raises(NotAllowed, match="has opted out of sms: say how they agreed"):
            says(coop, "42", "sms", allowed=True, reason=nothing)
    coop.start("w", family="42")
    coop.tick()
    assert coop.texts() == []
    coop.now = at("2026-03-20 12:00")
    says(coop, "42", "sms", allowed=True, reason="signed the form")
    coop.start("w", family="42")
    coop.tick()
    assert len(coop.texts()) == 1
    said = coop.db.execute_sql("SELECT allowed, actor, how, text FROM consent_records ORDER BY record_id").fetchall()
    assert said == [(0, "sarah", "hand", "STOP"), (1, "sarah", "hand", "signed the form")]


def test_d13_a_number_that_another_family_gets_stays_opted_out(coop: World) -> None:
    coop.has_workflow("w", [TEXT, DONE])
    coop.has_family("42", phone="+12125550142")
    says(coop, "42", "sms", allowed=False, reason="STOP")
    coop.changes_family("42", phone="+12125550177")
    coop.has_family("43", phone="+12125550142")
    instance = coop.start("w", family="43")
    coop.tick()
    assert coop.texts() == []
    assert coop.attempts(instance)[0] == ("text", "skipped")
    told = [row["data"]["reason"] for row in coop.store.looking.events(instance_id=instance) if "reason" in row["data"]]
    assert "the phone number of family 43 has been opted out" in told


# -- D14: what the law wants in the configuration -------------------------------------------------------------------

SARAH = {"sarah": {"email": "sarah@example.org"}}


@pytest.mark.parametrize(
    ("postal_address", "email", "coordinators", "missing"),
    [
        ("1 Main St\nSpringfield, IL", {}, SARAH, []),
        ("1 Main St", {"from": "school@example.org"}, {}, []),
        ("1 Main St", {"unsubscribe": "https://example.org/out"}, {}, []),
        ("1 Main St", {}, {"sarah": {}}, [NO_WAY_OUT]),
        ("  ", {}, SARAH, [NO_POSTAL_ADDRESS]),
        ("", {}, {}, [NO_POSTAL_ADDRESS, NO_WAY_OUT]),
    ],
)
def test_d14_outreach_by_mail_needs_a_postal_address_and_a_way_out(
    postal_address: str, email: dict[str, Any], coordinators: dict[str, Any], missing: list[str]
) -> None:
    assert missing_for_outreach(postal_address, email, coordinators) == missing


def test_d14_a_new_co_op_is_told_what_its_configuration_lacks(tmp_path: Any) -> None:
    from coopflow.config import load_config

    (tmp_path / "coopflow.yaml").write_text("organisation: Willow Creek\ntime_zone: America/New_York\n")
    assert problems_before_live(load_config(tmp_path / "coopflow.yaml")) == [NO_POSTAL_ADDRESS, NO_WAY_OUT]
