"""The inbox from the command line, and the whole way: a prediction goes in, an answer comes back."""

import json
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.cli.conftest import CONFIG, CoOp
from tests.inbox.dovecot import Dovecot, dovecot
from tests.inbox.mails import dsn, mail

USER = "answers@coop.example"
MONDAY, TUESDAY = "2026-03-23 13:05:00", "2026-03-24 13:05:00"  # UTC
OUTREACH = """\
name: outreach
trigger: {type: prediction, conditions: "predicted_probability > 0.8"}
completion_criteria:
  any:
    - {field: email_response_received, operator: "==", value: true}
    - {field: sms_response_received, operator: "==", value: true}
    - {field: opted_out, operator: "==", value: true}
steps:
  - {id: hello, type: email, template_id: hello, on_failure: text}
  - {id: pause, type: wait, duration_days: 3}
  - {id: text, type: sms, message: "Can we chat?"}
  - {id: rest, type: wait, duration_days: 2}
  - {id: call, type: call, reason: No answer}
"""
FAMILIES = """\
family_id,family_name,email,phone
41,Adams,adams@example.org,+15128675301
42,Martinez,martinez@example.org,+15128675302
43,Chen,chen@example.org,+15128675303
"""


def co_op_with(co_op: CoOp, inbox: str) -> None:
    """Three families, one workflow, and an inbox."""
    (co_op.folder / "coopflow.yaml").write_text(CONFIG + f"inbox: {inbox}\n")
    messages = co_op.folder / "workflows.d" / "messages"
    messages.mkdir()
    (messages / "hello.md").write_text("---\nsubject: Hello\n---\nDear {{ family_name }}.\n")
    (co_op.folder / "workflows.d" / "outreach.yaml").write_text(OUTREACH)
    assert co_op.run("tick").code == 0
    assert co_op.run("family", "import", "-", input=FAMILIES).code == 0


def predicts(co_op: CoOp, *families: str) -> None:
    lines = [
        {"prediction_id": f"p{family}", "family_id": family, "predicted_probability": 0.9, "confidence_score": 90}
        for family in families
    ]
    ran = co_op.run("trigger", "-", input="\n".join(map(json.dumps, lines)))
    assert ran.code == 0, ran.err


def sent_to(co_op: CoOp, address: str) -> str:
    """The Message-ID of the mail that left for an address, as its server would see it."""
    mails = [message_from_bytes(path.read_bytes()) for path in (co_op.folder / "outbox" / "email").glob("*.eml")]
    [found] = [message for message in mails if message["To"] == address]
    return str(found["Message-ID"])


def statuses(co_op: CoOp) -> dict[str, tuple[str, str | None]]:
    rows = co_op.world.db.execute_sql("SELECT family_id, status, current_step FROM workflow_instances")
    return {family: (status, step) for family, status, step in rows}


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot(USER) as running:
        yield running


def test_a_prediction_goes_in_and_a_reply_a_bounce_and_a_stop_come_back(co_op: CoOp, server: Dovecot) -> None:
    (co_op.folder / "gateway").mkdir()
    settings = server.settings(USER, name="answers")
    co_op_with(co_op, json.dumps([settings, {"type": "folder", "path": "gateway"}]))
    predicts(co_op, "41", "42", "43")
    assert co_op.run("tick").code == 0
    assert {status for status, _ in statuses(co_op).values()} == {"running"}

    server.deliver(
        USER,
        mail("Yes, please call me!", sender="adams@example.org", answers=sent_to(co_op, "adams@example.org")),
        dsn(sent_to(co_op, "martinez@example.org"), recipient="martinez@example.org", number=2),
    )
    (co_op.folder / "gateway" / "text.json").write_text('{"id": "t1", "from": "+15128675303", "text": "STOP"}')
    ran = co_op.run("tick", at="2026-03-20 13:30:00")

    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert statuses(co_op) == {
        "41": ("completed", "pause"),  # answered
        "42": ("running", "rest"),  # the mail came back, so a text left at once
        "43": ("completed", "pause"),  # does not want to be written to
    }
    texts = [json.loads(path.read_text()) for path in (co_op.folder / "outbox" / "sms").glob("*.json")]
    assert [text["to"] for text in texts] == ["+15128675302"]
    show = co_op.run("show", "1", at=MONDAY)
    assert "email_response_received" in show.out
    assert co_op.run("tick", at=MONDAY).code == 0
    assert len(list((co_op.folder / "outbox" / "sms").glob("*.json"))) == 1
    listed = co_op.run("inbox", "list", "--json", at=MONDAY)
    assert sorted(row["kind"] for row in json.loads(listed.out)) == ["bounce", "reply", "stop"]
    assert no_secret_in(co_op)


def no_secret_in(co_op: CoOp) -> bool:
    """The password is in no file of the co-op, and in nothing that is shown of it."""
    files = [path.read_bytes() for path in co_op.folder.rglob("*") if path.is_file()]
    shown = co_op.run("config", "show", "--json")
    return len(files) > 5 and not [text for text in (*files, shown.out.encode()) if b"canary" in text]


def test_d29_the_reply_wins_over_the_follow_up_in_the_same_tick(co_op: CoOp) -> None:
    (co_op.folder / "drop").mkdir()
    co_op_with(co_op, "[{type: folder, path: drop}]")
    predicts(co_op, "41")
    co_op.run("tick")
    (co_op.folder / "drop" / "t.json").write_text('{"id": "t1", "from": "+15128675301", "text": "Yes"}')

    co_op.run("tick", at=MONDAY)  # the text is due since five minutes

    assert statuses(co_op)["41"][0] == "completed"
    assert not (co_op.folder / "outbox" / "sms").exists()


def test_a_tick_tells_once_of_an_inbox_that_it_cannot_read_and_does_the_rest(co_op: CoOp) -> None:
    co_op_with(co_op, "[]")
    (co_op.folder / "coopflow.yaml").write_text(CONFIG + "inbox: [{type: folder, path: nowhere, name: hook}]\n")
    predicts(co_op, "41")

    first, second = co_op.run("tick"), co_op.run("tick")

    assert (first.code, second.code) == (1, 0)
    assert "the inbox hook cannot be read" in first.err
    assert second.err == ""
    assert len(list((co_op.folder / "outbox" / "email").glob("*.eml"))) == 1
    (co_op.folder / "nowhere").mkdir()
    assert co_op.run("inbox").code == 0


def test_the_inbox_is_read_by_hand_too(co_op: CoOp) -> None:
    (co_op.folder / "drop").mkdir()
    co_op_with(co_op, "[{type: folder, path: drop}]")
    (co_op.folder / "drop" / "1.json").write_text('{"id": "t1", "from": "+15128675301", "text": "Yes"}')
    (co_op.folder / "drop" / "2.json").write_text('{"id": "t2", "from": "+15128675399", "text": "Who is this?"}')

    ran = co_op.run("inbox")

    assert ran.code == 0
    assert "Item 1: a reply of family 41: by the sender's number." in ran.err
    assert "1 matched, 1 unmatched." in ran.err
    assert co_op.run("inbox", "read").err == "Nothing new has come in.\n"


def test_without_an_inbox_there_is_nothing_to_read(co_op: CoOp) -> None:
    ran = co_op.run("inbox")
    assert ran.code == 3
    assert "names no inbox" in ran.err


@pytest.fixture
def with_stranger(co_op: CoOp) -> CoOp:
    """An unmatched text, while an instance waits for an answer."""
    co_op_with(co_op, "[]")
    predicts(co_op, "41")
    co_op.run("tick")
    form = "MessageSid=SM7&From=%2B15128675399&Body=Yes+from+my+new+phone"
    ran = co_op.run("inbox", "receive", "--kind", "sms", "-", input=form, at=MONDAY)
    assert ran.code == 0
    assert ran.err == "Item 1: a reply, unmatched: no family has this number.\n"
    return co_op


def test_a_person_says_whose_a_text_is(with_stranger: CoOp) -> None:
    listed = with_stranger.run("inbox", "list", "--unmatched", at=MONDAY)
    assert "Yes from my new phone" in listed.out
    assert "coopflow inbox assign 1 --family" in listed.err

    ran = with_stranger.run("inbox", "assign", "1", "--family", "Adams", at=TUESDAY)

    assert (ran.code, ran.err) == (0, "Item 1: a reply of family 41: by sarah. It concerned instance 1.\n")
    assert statuses(with_stranger)["41"][0] == "completed"
    assert with_stranger.run("inbox", "list", "--unmatched").out.splitlines()[1:] == []
    shown = json.loads(with_stranger.run("inbox", "show", "1", "--json").out)
    assert (shown["text"], shown["status"], shown["family_id"]) == ("Yes from my new phone", "matched", "41")
    assert with_stranger.run("inbox", "assign", "1", "--family", "42").code == 3
    assert with_stranger.run("audit", "verify").code == 0


def test_status_says_that_an_answer_waits_for_its_family(with_stranger: CoOp) -> None:
    words = "1 answer has come in, and it is not known whose it is: coopflow inbox list --unmatched"
    assert words in with_stranger.run("status", "--format", "table", at=MONDAY).out
    with_stranger.run("inbox", "ignore", "1", at=MONDAY)
    assert words not in with_stranger.run("status", "--format", "table", at=MONDAY).out


def test_a_person_puts_what_is_nobodys_aside_and_may_take_it_back(with_stranger: CoOp) -> None:
    assert with_stranger.run("inbox", "ignore", "1", at=TUESDAY).code == 0
    assert "Nothing waits to be matched" in with_stranger.run("inbox", "list", "--unmatched", "--format", "table").out
    assert with_stranger.run("inbox", "assign", "1", "--family", "41", at=TUESDAY).code == 0


@pytest.mark.parametrize(
    ("arguments", "given", "code", "words"),
    [
        (["receive", "--kind", "sms", "-"], "", 4, "<stdin> is empty"),
        (["receive", "--kind", "report", "-"], "id=1&status=flying", 4, "it says 'flying'"),
        (["receive", "nowhere.json"], "", 3, "there is no file nowhere.json"),
        (["receive", "--kind", "fax", "-"], "x", 2, "fax"),
        (["show", "9"], "", 3, "there is no item 9"),
        (["assign", "9", "--family", "41"], "", 3, "there is no item 9"),
        (["assign", "1", "--family", "nobody"], "", 3, "there is no family 'nobody'"),
        (["ignore", "9"], "", 3, "there is no item 9"),
        (["addresses", "--trust", "x@example.org"], "", 3, "nothing came back from there"),
    ],
)
def test_what_is_not_possible_is_said(
    with_stranger: CoOp, arguments: list[str], given: str, code: int, words: str
) -> None:
    ran = with_stranger.run("inbox", *arguments, input=given)
    assert ran.code == code
    assert words in ran.err


def test_a_hook_that_calls_twice_changes_nothing_and_one_that_contradicts_itself_is_told(with_stranger: CoOp) -> None:
    again = with_stranger.run("inbox", "receive", "-", input="id=SM7&from=%2B15128675399&text=Yes+from+my+new+phone")
    other = with_stranger.run("inbox", "receive", "-", input="id=SM7&from=%2B15128675399&text=No")
    assert (again.code, "Nothing was changed" in again.err) == (0, True)
    assert (other.code, "says something else" in other.err) == (4, True)


def test_a_mail_server_may_pipe_a_mail_in(with_stranger: CoOp, tmp_path: Path) -> None:
    content = mail("Yes", sender="adams@example.org", answers=sent_to(with_stranger, "adams@example.org"))
    ran = with_stranger.run("inbox", "receive", "--kind", "mail", "--source", "exim", input=content, at=TUESDAY)
    assert ran.err == "Item 2: a reply of family 41: it answers a message of ours. It concerned instance 1.\n"


def test_addresses_that_do_not_work_are_listed_and_can_be_trusted_again(with_stranger: CoOp) -> None:
    bounce = dsn(sent_to(with_stranger, "adams@example.org"), recipient="adams@example.org")
    with_stranger.run("inbox", "receive", "--kind", "mail", "-", input=bounce)

    listed = with_stranger.run("inbox", "addresses")
    assert "adams@example.org" in listed.out
    assert "User unknown" in listed.out
    trusted = with_stranger.run("inbox", "addresses", "--trust", "Adams@example.org")
    assert trusted.err == "Messages may go to Adams@example.org again.\n"
    assert with_stranger.run("inbox", "addresses").out.splitlines()[1:] == []


def test_an_idle_tick_looks_into_the_folder_and_a_mailbox_needs_a_full_one(co_op: CoOp) -> None:
    from coopflow.door import nothing_to_do

    (co_op.folder / "drop").mkdir()
    co_op_with(co_op, "[{type: folder, path: drop}]")
    co_op.run("tick")
    config, later = str(co_op.folder / "coopflow.yaml"), "2026-03-20T13:01:00Z"

    assert nothing_to_do(config, database=None, now=later)
    (co_op.folder / "drop" / "done").mkdir()
    assert nothing_to_do(config, database=None, now=later)
    (co_op.folder / "drop" / "1.json").write_text("{")
    assert not nothing_to_do(config, database=None, now=later)
    (co_op.folder / "drop" / "1.json").unlink()
    (co_op.folder / "coopflow.yaml").write_text(CONFIG + "inbox: [{type: maildir, path: Maildir}]\n")
    co_op.run("tick")
    assert not nothing_to_do(config, database=None, now=later)


def test_doctor_tells_of_an_inbox_that_cannot_be_read_and_of_what_waits(with_stranger: CoOp) -> None:
    (with_stranger.folder / "coopflow.yaml").write_text(CONFIG + "inbox: [{type: folder, path: nowhere, name: hook}]\n")
    with_stranger.run("tick", at=MONDAY)

    found = {row["check"]: row for row in json.loads(with_stranger.run("doctor", "--json", at=MONDAY).out)["checks"]}

    assert found["inbox"]["level"] == "warning"  # the last of two
    told = with_stranger.run("doctor", "--format", "tsv", at=MONDAY).out
    assert "hook cannot be read since Mon 23 Mar" in told
    assert "1 item of which nobody has said whose they are" in told
