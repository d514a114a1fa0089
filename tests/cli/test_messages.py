"""`preview` and `send-test`: a message as it would be, and one to see that a channel works."""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from coopflow.app import App
from coopflow.core.deliveries import Accepted, Deferred, Refused, Unavailable, Unknown
from tests.cli.conftest import CoOp
from tests.world import Wire

MESSAGES = {"hello": "---\nsubject: Hello {{ family_name }}\n---\nDear **{{ family_name }}**,\n\n{{ x }}\n"}
STEPS = [
    {"id": "hello", "type": "email", "template_id": "hello", "template_vars": {"x": "See you."}},
    {"id": "tutor", "type": "sms", "message": "Hi, {{ tutor }} says hello."},
    {"id": "text", "type": "sms", "message": "Hi {{ family_name }}."},
    {"id": "call", "type": "call", "reason": "To talk"},
]


@pytest.fixture
def school(co_op: CoOp) -> CoOp:
    co_op.world.has_workflow("welcome", STEPS, messages=MESSAGES)
    co_op.world.has_family("42", family_name="Martinez")
    return co_op


def outbox(school: CoOp, kind: str) -> list[Path]:
    return sorted((school.folder / "outbox" / kind).glob("*"))


def test_a_mail_is_shown_with_what_stands_around_it(school: CoOp) -> None:
    ran = school.run("preview", "welcome", "hello", "--family", "Martinez", "--format", "table")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "'Hello' of welcome for 42 (Martinez): nothing is sent\n"
        "\n"
        "From: Willow Creek <sarah@example.org>\n"
        "To: family42@example.org\n"
        "Subject: Hello Martinez\n"
        "Kind: outreach\n"
        "\n"
        "Dear **Martinez**,\n"
        "\n"
        "See you.\n"
    )
    assert outbox(school, "email") == []
    assert school.world.store.looking.events_after(0) == []


def test_a_text_says_how_many_messages_it_takes(school: CoOp) -> None:
    ran = school.run("preview", "welcome", "text", "-f", "42", "--format", "table")
    assert ran.out.endswith("To: +12125550142\nKind: outreach\nTakes: 1 message\n\nHi Martinez.\n")


def test_the_html_part_stands_alone(school: CoOp) -> None:
    ran = school.run("preview", "welcome", "hello", "--family", "42", "--html")
    assert ran.out.startswith("<!DOCTYPE html>")
    assert "Dear <strong>Martinez</strong>" in ran.out
    assert school.run("preview", "welcome", "text", "--family", "42", "--html") == (
        2,
        "",
        "coopflow: 'text' is a text: it has no HTML part\n",
    )


def test_it_is_one_document_and_one_row(school: CoOp) -> None:
    found = json.loads(school.run("preview", "welcome", "text", "--family", "42", "--json").out)
    assert found == {
        "workflow": "welcome",
        "version": 1,
        "step_id": "text",
        "family_id": "42",
        "language": None,
        "channel": "sms",
        "kind": "outreach",
        "from": None,
        "to": "+12125550142",
        "subject": None,
        "text": "Hi Martinez.",
        "html": None,
        "messages": 1,
        "not_sent": [],
    }
    header, row = school.run("preview", "welcome", "text", "--family", "42").out.splitlines()
    assert dict(zip(header.split("\t"), row.split("\t"), strict=True))["text"] == "Hi Martinez."


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"email": None}, "family 42 has no email address"),
        ({"status": "withdrawn"}, "the family's status is withdrawn"),
        ({"consent": {"email": {"allowed": False}}}, "family 42 has opted out of email"),
    ],
)
def test_why_it_would_not_go_now_is_told(school: CoOp, columns: dict[str, Any], reason: str) -> None:
    school.world.changes_family("42", **columns)
    ran = school.run("preview", "welcome", "hello", "--family", "42", "--json")
    assert (ran.code, ran.err) == (0, f"It would not go to the family now: {reason}.\n")
    assert json.loads(ran.out)["not_sent"] == [reason]


def test_an_edited_file_counts_before_it_is_loaded(school: CoOp) -> None:
    (school.folder / "workflows.d" / "welcome.yaml").write_text(
        "name: welcome\ntrigger: {type: manual}\n"
        'steps:\n- {id: text, type: sms, kind: transactional, message: "Good day, {{ family_name }}."}\n'
    )
    found = json.loads(school.run("preview", "welcome", "text", "--family", "42", "--json").out)
    assert (found["text"], found["kind"]) == ("Good day, Martinez.", "transactional")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("welcome", "tutor"), 4, "'Tutor' of welcome cannot be written: tutor is not known for family 42"),
        (("welcome", "call"), 2, "'call' sends no message; these do: hello, tutor, text"),
        (("welcome", "helo"), 3, "workflow 'welcome' has no step 'helo' (did you mean 'hello'?)"),
        (("welcom", "hello"), 3, "there is no workflow 'welcom' (did you mean 'welcome'?)"),
    ],
)
def test_what_cannot_be_shown_is_said(school: CoOp, arguments: tuple[str, ...], code: int, words: str) -> None:
    assert school.run("preview", *arguments, "--family", "42") == (code, "", f"coopflow: {words}\n")


# -- send-test ------------------------------------------------------------------------------------------------------


def test_a_test_is_marked_and_is_on_record(school: CoOp) -> None:
    ran = school.run("send-test", "email", "--to", "me@example.org", "--yes")
    [file] = outbox(school, "email")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith(f"Test to me@example.org by outbox: accepted (email/{file.name}); Message-ID <test-")
    mail: Any = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (mail["To"], mail["Subject"]) == ("me@example.org", "[test] A message from Willow Creek")
    assert mail.get_content().startswith("[test] This is a test, sent by sarah of Willow Creek. Nothing needs")
    [event] = school.world.store.looking.events_after(0)
    assert (event["kind"], event["actor"]) == ("message.tested", "sarah")
    assert {key: event["data"][key] for key in ("channel", "transport", "fate")} == {
        "channel": "email",
        "transport": "outbox",
        "fate": "accepted",
    }
    assert event["personal"]["to"] == "me@example.org"


def test_it_may_have_the_words_of_a_step_and_still_goes_to_the_address_that_was_named(school: CoOp) -> None:
    about = ("--workflow", "welcome", "--step", "hello", "--family", "42")
    assert school.run("send-test", "email", "--to", "me@example.org", *about, "--yes").code == 0
    [file] = outbox(school, "email")
    mail: Any = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (mail["To"], mail["Subject"]) == ("me@example.org", "[test] Hello Martinez")
    for part in ("plain", "html"):
        content = mail.get_body((part,)).get_content()
        assert "[test] This is a test, sent by sarah of Willow Creek." in content
        assert "See you." in content
    about = ("--workflow", "welcome", "--step", "text", "--family", "42")
    assert school.run("send-test", "sms", "--to", "(212) 555-0177", *about, "--yes").code == 0
    [text] = outbox(school, "sms")
    assert (json.loads(text.read_text())["to"], json.loads(text.read_text())["text"]) == (
        "+12125550177",
        "[test] Hi Martinez.",
    )
    assert school.world.store.looking.instances() == []


def test_it_asks_first(school: CoOp) -> None:
    assert school.run("send-test", "email", "--to", "me@example.org") == (
        2,
        "",
        "coopflow: Send a test to me@example.org by outbox? Say --yes to do it without being asked.\n",
    )
    assert outbox(school, "email") == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("fax", "--to", "1"), 3, "there is no channel 'fax'; there are email and sms"),
        (("emial", "--to", "1"), 3, "there is no channel 'emial' (did you mean 'email'?)"),
        (("email", "--to", "me"), 2, "--to: not an email address: An email address must have an @-sign."),
        (("sms", "--to", "911"), 2, "--to: "),
        (
            ("email", "--to", "me@example.org", "--workflow", "welcome"),
            2,
            "a test with the words of a step needs all three: --workflow, --step and --family",
        ),
        (
            ("sms", "--to", "+12125550142", "--workflow", "welcome", "--step", "hello", "--family", "42"),
            2,
            "'hello' goes by email, not by sms",
        ),
    ],
)
def test_what_makes_no_test_is_said_and_nothing_leaves(
    school: CoOp, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ran = school.run("send-test", *arguments, "--yes")
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith(f"coopflow: {words}")
    assert school.world.store.looking.events_after(0) == []


@pytest.mark.parametrize(
    ("fate", "code", "words", "kept"),
    [
        (Accepted("250 ok"), 0, "Test to me@example.org by wire: accepted (250 ok); Message-ID <test-", "accepted"),
        (Refused("550 no"), 1, "coopflow: the test message was refused: 550 no", "refused"),
        (Deferred("451 later"), 75, "coopflow: the test message was not taken now: 451 later", "deferred"),
        (Unavailable("no route"), 75, "coopflow: the test message was not taken now: no route", "unavailable"),
        (Unknown("cut off"), 1, "coopflow: it is not known whether the test message left: cut off", "in doubt"),
    ],
)
def test_what_became_of_it_is_told_and_kept(
    school: CoOp, monkeypatch: pytest.MonkeyPatch, fate: Any, code: int, words: str, kept: str
) -> None:
    wire = Wire("email", answers=[lambda _: fate])
    monkeypatch.setattr(App, "channels", lambda *_: {"email": wire})
    ran = school.run("send-test", "email", "--to", "me@example.org", "--yes")
    assert (ran.code, ran.err.startswith(words)) == (code, True), ran.err
    assert [event["data"]["fate"] for event in school.world.store.looking.events_after(0)] == [kept]
