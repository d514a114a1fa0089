"""From coopflow.yaml to the headers of a mail, and to the channel that takes it to a server."""

from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from coopflow.app import App, open_app
from coopflow.channels.outbox import Outbox
from coopflow.channels.smtp import Smtp
from coopflow.core.deliveries import Unavailable
from coopflow.core.reply_tag import read_tag, reply_tag
from coopflow.mailing import mail_writer
from tests.channels.contract import yes
from tests.channels.mail_server import mail_server
from tests.channels.smtp_scene import MESSAGE

HEAD = "organisation: Willow Creek\ntime_zone: America/New_York\ncoordinators: {sarah: {email: sarah@example.org}}\n"
SMTP = "transport: smtp, host: mail.invalid, from: office@example.org"
TAG = reply_tag("ours", 17, "42")


def app(folder: Path, email: str = SMTP, *, deliver: str = "outbox") -> App:
    file = folder / "coopflow.yaml"
    file.write_text(f"{HEAD}channels: {{email: {{{email}}}}}\n")
    found = open_app(file)
    return replace(found, config=replace(found.config, deliver=deliver))


def mail(found: App, **changes: Any) -> Any:
    write = mail_writer(found.config, sender=found.sender, domain=found.domain, database_id="ours")
    return message_from_bytes(write(replace(MESSAGE, **changes)), policy=policy.default)


def test_mails_come_from_the_servers_own_sender(tmp_path: Path) -> None:
    found = mail(app(tmp_path), message_id="5f1c")
    assert (found["From"], found["Message-ID"]) == ("Willow Creek <office@example.org>", "<5f1c@example.org>")
    assert app(tmp_path, "transport: outbox").sender == "sarah@example.org"


def test_without_settings_for_answers_there_are_no_headers_for_them(tmp_path: Path) -> None:
    found = mail(app(tmp_path))
    assert [key for key in found if key in ("Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post")] == []


def test_answers_go_to_an_address_that_says_which_instance_they_are_about(tmp_path: Path) -> None:
    found = mail(app(tmp_path, f"{SMTP}, reply_to: answers@example.org"))
    assert found["Reply-To"] == f"answers+{TAG}@example.org"
    assert read_tag(found["Reply-To"], "ours", lambda _: "42") == (17, "42")
    assert found["List-Unsubscribe"] == f"<mailto:answers+{TAG}@example.org?subject=STOP>"
    assert found["List-Unsubscribe-Post"] is None


def test_the_links_to_unsubscribe_can_say_it_too(tmp_path: Path) -> None:
    links = "['mailto:leave@example.org', 'https://example.org/leave?i={tag}']"
    found = mail(app(tmp_path, f"{SMTP}, unsubscribe: {links}"))
    assert found["List-Unsubscribe"] == f"<mailto:leave@example.org>, <https://example.org/leave?i={TAG}>"
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_the_longest_settings_still_make_a_mail(tmp_path: Path) -> None:
    link = "https://example.org/" + "{tag}" * 10 + "a" * 320
    found = mail(
        app(tmp_path, f"{SMTP}, reply_to: {'a' * 40}@example.org, unsubscribe: ['{link}', '{link}b']"),
        instance_id=10**9 - 1,
    )
    assert found["List-Unsubscribe"].count("https:") == 2


def test_a_mail_that_belongs_to_no_instance_is_answered_without_a_mark(tmp_path: Path) -> None:
    found = mail(app(tmp_path, f"{SMTP}, reply_to: answers@example.org"), instance_id=None)
    assert found["Reply-To"] == "answers@example.org"
    assert found["List-Unsubscribe"] is None


def test_while_delivery_is_to_the_outbox_no_server_is_asked(tmp_path: Path) -> None:
    assert isinstance(app(tmp_path).channels("ours")["email"], Outbox)
    assert isinstance(app(tmp_path, "transport: outbox", deliver="live").channels("ours")["email"], Outbox)


def test_when_it_goes_live_the_server_of_the_settings_is_asked(tmp_path: Path) -> None:
    channel = app(tmp_path, deliver="live").channels("ours")["email"]
    assert isinstance(channel, Smtp)
    answer = channel.deliver(MESSAGE, yes)
    assert isinstance(answer, Unavailable)
    assert answer.reason.startswith("the mail server mail.invalid:587 cannot be reached: its name is not found: ")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("user: a, password_env: NOT_SET_HERE", "the environment variable NOT_SET_HERE"),
        ("user: a, password_file: gone", "the file {folder}/gone cannot be read"),
    ],
)
def test_a_password_that_cannot_be_had_holds_the_transport(tmp_path: Path, settings: str, reason: str) -> None:
    with mail_server(login=True) as server:
        email = (
            f"transport: smtp, host: localhost, port: {server.port}, security: none, from: a@example.org, {settings}"
        )
        channel = app(tmp_path, email, deliver="live").channels("ours")["email"]
        answer = channel.deliver(MESSAGE, yes)
    assert isinstance(answer, Unavailable)
    assert answer.until_mended
    assert answer.reason.startswith(reason.format(folder=tmp_path))


def test_a_sender_that_is_no_plain_address_holds_the_transport(tmp_path: Path) -> None:
    channel = app(tmp_path, SMTP.replace("office", "büro"), deliver="live").channels("ours")["email"]
    answer = channel.deliver(MESSAGE, yes)
    assert answer == Unavailable(
        "the sender: the email address is not one plain address (name@domain, ASCII, no quotes or comments)",
        until_mended=True,
    )
