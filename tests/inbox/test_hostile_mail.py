"""Mails that somebody has made up to do harm: each is bounded, recorded and told, and the others go through."""

import time
from pathlib import Path

import pytest

from coopflow.inbox.drop_folder import FolderSource
from coopflow.inbox.mail import read_mail
from coopflow.inbox.reading import read_inbox
from tests.inbox.conftest import OURS, Desk
from tests.inbox.mails import MARIA, mail
from tests.inbox.test_local_sources import put

PLAIN = b"From: Maria <family42@example.org>\r\nMessage-ID: <%d@x.example>\r\nSubject: Re: Hello\r\n"


def nested(levels: int) -> bytes:
    parts = (b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels))
    return b"".join(parts) + b"Content-Type: text/plain\r\n\r\n"


def in_charset(charset: bytes) -> bytes:
    return b"Content-Type: text/plain; charset=" + charset + b"\r\n\r\nYes \xff\xfe\r\n"


def html(words: bytes) -> bytes:
    return b"Content-Type: text/html\r\n\r\n" + words


BAD = {
    "huge": b"\r\n" + b"x" * 990_000,
    "one line of blanks": b"\r\n" + b" " * 900_000,
    "empty lines": b"\r\n" * 450_000,
    "quotes": b"\r\n" + b"> " * 400_000,
    "on wrote": b"\r\n" + b"On a\r\n" * 150_000,
    "5,000 levels": nested(5_000),
    "30 levels and many lines": nested(30) + b"Yes\r\n" * 150_000,
    "3,000 mails in mails": b"Content-Type: message/rfc822\r\n\r\n" * 3_000,
    "200,000 headers": b"X-Header: a\r\n" * 70_000 + b"\r\nYes",
    "a header of a megabyte": b"To: " + b"a@b.example, " * 70_000 + b"\r\n\r\nYes",
    "a header in many lines": b"X: " + b"\r\n x" * 200_000 + b"\r\n\r\nYes",
    "encoded words": b"Subject: " + b"=?utf-8?q?=00=1b?= " * 40_000 + b"\r\n\r\nYes",
    "references": b"References: " + b"<a@b> " * 150_000 + b"\r\n\r\nYes",
    "no charset": in_charset(b"x-klingon"),
    "no text": in_charset(b"zlib"),
    "idna": in_charset(b"idna"),
    "undefined": in_charset(b"undefined"),
    "an open quote": in_charset(b'"utf-8'),
    "a charset of a megabyte": in_charset(b"a" * 100_000),
    "punycode": b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a-" * 400_000,
    "base64 of nothing": b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"=" * 100_000,
    "uu": b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\n#" + b"\xff" * 999,
    "open elements": html(b"<div>" * 100_000),
    "open quotes": html(b"<blockquote>" * 100_000),
    "angles": html(b"<" * 100_000),
    "declarations": html(b"<!" * 100_000),
    "marked sections": html(b"<![" * 50_000),
    "entities": html(b"&#x0;&#xd800;&#99999999999;" * 4_000),
    "a daemon": b"Return-Path: <>\r\n\r\n" + b"<a@b.org>: \r\n" * 60_000,
    "qmail": b"Return-Path: <>\r\n\r\nHi. This is the qmail-send program\r\n" + b"<a@b.org>:\r\n" * 60_000,
    "a broken report": b"Content-Type: multipart/report; report-type=delivery-status\r\n\r\nAction: failed",
    "an odd report": b"Content-Type: message/delivery-status\r\nReturn-Path: <>\r\n\r\nAction: failed\r\n\r\n",
    "control characters": b"\r\n\x00\x1b[2J\x9b\xe2\x80\xae Yes",
}


@pytest.mark.parametrize("name", BAD)
def test_a_hostile_mail_is_read_within_bounds(name: str) -> None:
    started = time.monotonic()

    item = read_mail(PLAIN % 1 + BAD[name])

    assert time.monotonic() - started < 5
    assert len(item.text) <= 4_000
    assert len(item.subject or "") <= 2_000
    assert len(item.answers) <= 50
    assert not any(ord(char) < 32 and char not in "\n\t" for char in item.text + (item.subject or ""))


def test_hostile_mails_stop_none_of_the_others(desk: Desk, tmp_path: Path) -> None:
    instance = desk.has_written()
    folder = tmp_path / "inbox"
    folder.mkdir()
    few = ["5,000 levels", "idna", "200,000 headers", "entities", "a broken report", "an odd report", "uu"]
    for number, name in enumerate(few, start=1):
        hostile = (PLAIN % number).replace(b"family42@example.org", b"stranger@x.example") + BAD[name]
        put(folder, f"{number}.eml", hostile, desk, age=100 - number)
    put(folder, "z.eml", mail(answers=desk.sent(instance)), desk, age=10)

    report = read_inbox(
        desk.world.store, [FolderSource({"name": "drop", "path": str(folder)})], OURS, now=desk.world.now
    )

    assert len(report.taken) == len(few) + 1
    assert report.taken[-1].instance_id == instance
    assert desk.world.status(instance) == "completed"
    assert len(list((folder / "done").iterdir())) == len(few) + 1
    desk.world.check()


def test_a_fault_of_ours_in_one_mail_is_recorded_on_it_and_stops_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coopflow.inbox import taking

    desk.has_written()
    monkeypatch.setattr(taking, "find", lambda *_, **__: 1 / 0)
    broken = desk.mail(mail())
    monkeypatch.undo()

    assert (broken.kind, broken.status) == ("unreadable", "unmatched")
    assert "ZeroDivisionError" in broken.reason
    assert desk.mail(mail(number=2)).status == "matched"


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "Maria",
        "a@b, c@d",
        '"x" <a@b.example>, <c@d.example>',
        "<family42@example.org",
        "a@b\x00.example",
        "=?utf-8?q?a=40b?=",
    ],
)
def test_a_sender_that_is_not_one_address_is_nobody(sender: str) -> None:
    item = read_mail(mail(sender=sender))
    assert item.sender in (None, MARIA)


def test_what_is_written_is_shown_and_never_carried_out(desk: Desk) -> None:
    words = "{{ family_name }} [red]x[/red] '; DROP TABLE families; -- =1+1 <script>"
    instance = desk.has_written()
    desk.mail(mail(words, answers=desk.sent(instance)))
    assert desk.items()[0]["personal"]["text"] == words
