"""A transport that is out of order, as cron and the coordinator hear of it: once, and wherever they look."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import CoOp

MAIL = [{"id": "mail", "type": "email", "template_id": "hello"}, {"id": "done", "type": "end"}]
LATER = "2026-03-20 13:15:00"


@pytest.fixture
def five(co_op: CoOp) -> CoOp:
    """Five families with a mail that is due, and no directory for it."""
    co_op.world.has_workflow("outreach", MAIL)
    for number in range(5):
        co_op.world.has_family(str(number))
        co_op.world.start("outreach", family=str(number))
    co_op.world.db.close()
    shutil.rmtree(co_op.folder / "outbox")
    return co_op


def reason(co_op: CoOp) -> str:
    return f"messages by email wait: the outbox directory {co_op.folder}/outbox is missing"


def test_a_tick_says_it_once_for_all_families_and_ends_with_1(five: CoOp) -> None:
    first, second = five.run("tick"), five.run("tick", at="2026-03-20 13:01:00")
    assert first.code == 1
    assert first.err == f"coopflow: {reason(five)}; they are tried again every 15 minutes; see: coopflow doctor\n"
    assert (second.code, second.out, second.err) == (0, "", "")


def test_it_is_seen_in_status_and_doctor_until_messages_leave_again(five: CoOp) -> None:
    five.run("tick")
    screen, check, doctor = five.run("status", "--format", "table"), five.run("status", "--check"), five.run("doctor")
    assert "Went wrong\n  1 transport out of order\n  - messages by email wait: the outbox directory" in screen.out
    assert check.code == 5
    assert f"{reason(five)}; coopflow doctor" in check.out
    assert doctor.code == 5
    [found] = [one for one in json.loads(five.run("doctor", "--json").out)["checks"] if one["check"] == "transports"]
    assert found["level"] == "bad"
    assert found["words"].startswith("messages by email wait since Fri 20 Mar 09:00 2026: the outbox directory")

    (five.folder / "outbox").mkdir(mode=0o700)
    assert five.run("tick", at=LATER).code == 0
    assert len(list((five.folder / "outbox" / "email").glob("*.eml"))) == 5
    assert "out of order" not in five.run("status", "--format", "table", at=LATER).out
    trail = five.run("audit", "export", "--format", "jsonl", at=LATER).out
    kinds = [json.loads(line)["kind"] for line in trail.splitlines()]
    assert [kind for kind in kinds if kind.startswith("transport.")] == ["transport.held", "transport.restored"]


def test_doctor_says_how_messages_leave_where_all_is_well(co_op: CoOp) -> None:
    [found] = [one for one in json.loads(co_op.run("doctor", "--json").out)["checks"] if one["check"] == "transports"]
    assert (found["level"], found["words"]) == ("good", "email by outbox, sms by outbox")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            "user: a, password_env: NOT_SET_HERE",
            "the environment variable NOT_SET_HERE is not set; it must hold the password or token",
        ),
        ("user: a, password_file: gone", "the file {folder}/gone cannot be read: no such file or directory"),
        (
            "user: a, password_file: open",
            "others can read the file {folder}/open; make it yours alone: chmod 600 {folder}/open",
        ),
        ("ca_file: gone.pem", "the file of certificates {folder}/gone.pem is missing"),
    ],
)
def test_doctor_finds_what_the_mail_servers_settings_lack(co_op: CoOp, settings: str, words: str) -> None:
    (co_op.folder / "open").write_text("hunter2")
    (co_op.folder / "open").chmod(0o644)
    file = Path(co_op.folder / "coopflow.yaml")
    file.write_text(
        f"{file.read_text()}channels: {{email: {{transport: smtp, host: b.org, from: a@b.org, {settings}}}}}\n"
    )
    [found] = [one for one in json.loads(co_op.run("doctor", "--json").out)["checks"] if one["check"] == "transports"]
    assert (found["level"], found["words"]) == ("warning", f"email: {words.format(folder=co_op.folder)}")
