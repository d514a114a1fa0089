"""Everything to one address: what arrives, for whom it was, and that nobody else gets a byte."""

from email import message_from_bytes, policy
from pathlib import Path

import pytest
from msgspec.structs import replace

from coopflow.channels.base import Accepted, Message, Refused
from coopflow.channels.outbox import Outbox
from coopflow.channels.redirect import Redirected
from coopflow.texts.messages import render_email
from tests.world import Wire

from .contract import HOSTILE_ADDRESSES, yes
from .test_outbox import EMAIL, SMS

ME = "me@example.org"


def sent(message: Message, to: str = ME) -> Message:
    wire = Wire(message.channel)
    assert isinstance(Redirected(wire, to=to).deliver(message, yes), Accepted)
    [arrived] = wire.taken
    return arrived


def test_a_mail_goes_to_the_one_address_and_says_for_whom_it_was() -> None:
    arrived = sent(EMAIL)

    assert arrived.to == ME
    assert arrived.subject == "[for family42@example.org] Are you well, García family?"
    assert arrived.text == "[for family42@example.org]\n\nHello,\n\nwe have not heard from you.\n"
    assert arrived.html == "\n<p>[for family42@example.org]</p><p>Hello,</p>\n<p>we have not heard from you.</p>\n"


def test_the_first_line_stands_inside_the_page_of_a_real_mail() -> None:
    rendered = render_email("---\nsubject: Hi > there\n---\nDear all.\n", {}, footer=None)

    page = sent(replace(EMAIL, html=rendered.html)).html or ""

    assert page.index("<body") < page.index("<p>[for family42@example.org]</p>") < page.index("Dear all.")
    assert page.startswith("<!DOCTYPE html>")


def test_a_text_goes_to_the_one_number_and_says_for_whom_it_was() -> None:
    arrived = sent(SMS, to="+12125550199")

    assert (arrived.to, arrived.text) == ("+12125550199", "[for +15128675309]\nHi! Can we chat?")


def test_a_long_subject_is_cut_and_not_refused() -> None:
    arrived = sent(replace(EMAIL, subject="x" * 300))

    assert len(arrived.subject or "") == 300
    assert (arrived.subject or "").endswith("…")


def test_it_is_the_channel_behind_it_in_everything_else() -> None:
    wire = Wire("email", dedupes=True)
    channel = Redirected(wire, to=ME)

    assert (channel.name, channel.transport, channel.dedupes) == ("email", "wire", True)
    channel.close()


def test_a_last_call_is_passed_on() -> None:
    wire = Wire("email")

    Redirected(wire, to=ME).deliver(EMAIL, lambda: False)

    assert wire.taken == []


@pytest.mark.parametrize("address", HOSTILE_ADDRESSES)
def test_o18_whatever_the_true_address_holds_nobody_else_is_written_to(tmp_path: Path, address: str) -> None:
    fate = Redirected(Outbox("email", tmp_path), to=ME).deliver(replace(EMAIL, to=address, html=None), yes)

    for file in (tmp_path / "email").glob("*"):
        mail = message_from_bytes(file.read_bytes(), policy=policy.default)
        assert mail.get_all("To") == [ME]
        assert mail.get_all("Cc") is mail.get_all("Bcc") is None
    assert isinstance(fate, Accepted | Refused)


def test_what_a_refusal_says_of_the_other_address_is_not_said_of_the_true_one() -> None:
    wire = Wire("email", answers=[Refused("nobody is there", opted_out=True, bad_address=True)])

    assert Redirected(wire, to=ME).deliver(EMAIL, yes) == Refused("nobody is there")
