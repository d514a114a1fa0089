"""How mail programs quote, how machines answer, how mail servers send back: what people really get."""

import threading
from pathlib import Path

import pytest

from coopflow.core.automatic import written_by_a_machine
from coopflow.core.incoming import Fate
from coopflow.inbox.mail import read_mail
from coopflow.inbox.receiving import receive_one
from coopflow.store.database import open_database
from coopflow.store.store import Store
from tests.inbox.conftest import OURS, Desk
from tests.inbox.mails import mail

ANSWER = "Yes, Tuesday works.\nCall after 5."
QUOTED = "> Dear Martinez family,\n>\n> Reply STOP to end.\n"
WILLOW = "Willow Creek <a@coop.example>"
OUTLOOK = (
    f"From: {WILLOW}\nSent: Friday, March 20, 2026 9:00 AM\nTo: Maria\nSubject: Hello\n\nDear Martinez,\nSTOP ends it."
)
LEADS = {  # what stands between an answer and the mail that it answers
    "gmail": f"On Fri, Mar 20, 2026 at 9:00 AM {WILLOW} wrote:\n\n{QUOTED}",
    "gmail on two lines": f"On Fri, Mar 20, 2026 at 9:00 AM Willow Creek Co-op <\na@coop.example> wrote:\n\n{QUOTED}",
    "gmail in Spanish": f"El vie, 20 mar 2026 a las 9:00, Willow Creek (<a@coop.example>)\nescribió:\n\n{QUOTED}",
    "gmail in French": f"Le ven. 20 mars 2026 à 09:00, {WILLOW} a écrit :\n\n{QUOTED}",
    "thunderbird in German": f"Am 20.03.2026 um 09:00 schrieb Willow Creek:\n{QUOTED}",
    "apple": f"Sent from my iPhone\n\n> On Mar 20, 2026, at 9:00 AM, {WILLOW} wrote:\n> \n{QUOTED}",
    "outlook": f"________________________________\n{OUTLOOK}",
    "in a language that nobody knows": f"20. maaliskuuta 2026 klo 9.00 Willow Creek kirjoitti:\n\n{QUOTED}",
}
QUOTES = {**{name: f"{ANSWER}\n\n{lead}" for name, lead in LEADS.items()}, "below": f"{QUOTED}\n{ANSWER}"}


@pytest.mark.parametrize("program", QUOTES)
def test_the_answer_is_found_above_what_it_quotes(program: str) -> None:
    found = read_mail(mail(QUOTES[program]))
    assert found.kind == "reply"
    assert found.text.startswith(ANSWER)
    assert "STOP" not in found.text
    assert "Dear Martinez" not in found.text


@pytest.mark.parametrize(
    "page",
    [
        '<div dir="ltr">Yes, Tuesday works.<br>Call after 5.</div><br><div class="gmail_quote"><div>On Fri wrote:</div>'
        "<blockquote>Reply STOP</blockquote></div>",
        "<html><head><style>p {color: red}</style><title>x</title></head><body><p>Yes, Tuesday works.</p>"
        "<p>Call after 5.</p><div id='appendonsend'></div><hr><div id='divRplyFwdMsg'>From: Willow</div></body></html>",
        "<p>Yes,&nbsp;Tuesday works.<p>Call after 5.<blockquote type=cite><p>Reply STOP</blockquote>",
    ],
)
def test_the_answer_is_found_in_html(page: str) -> None:
    found = read_mail(mail(page, kind="text/html; charset=utf-8"))
    assert [line for line in found.text.splitlines() if line] == ANSWER.splitlines()


def test_the_plain_part_comes_first_and_attachments_do_not_count() -> None:
    parts = (
        "--B\nContent-Type: text/plain\nContent-Disposition: attachment\n\nSTOP\n"
        "--B\nContent-Type: multipart/alternative; boundary=C\n\n"
        "--C\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\nS=C3=AD\n"
        "--C\nContent-Type: text/html\n\n<p>No\n--C--\n--B--\n"
    )
    assert read_mail(mail(parts, kind="multipart/mixed; boundary=B")).text == "Sí"


def test_a_mail_inside_the_mail_is_nobodys_answer() -> None:
    forwarded = (
        "--B\nContent-Type: text/plain\n\nSee below\n--B\nContent-Type: message/rfc822\n\nSubject: x\n\nSTOP\n--B--\n"
    )
    found = read_mail(mail(forwarded, kind="multipart/mixed; boundary=B"))
    assert (found.kind, found.text) == ("reply", "See below")


SUBJECTS = [
    *["Automatic reply: Hello", "Out of Office: back Monday", "Out of the office", "Auto: Hello", "Autoreply"],
    *["Abwesenheitsnotiz: Hello", "Automatische Antwort: Hello", "Respuesta automática: Hola", "Vacation reply"],
    *["Fuera de la oficina", "Réponse automatique : Bonjour", "Risposta automatica", "Automatisch antwoord: Hallo"],
]


@pytest.mark.parametrize(
    "headers",
    [
        {"auto-submitted": "auto-replied"},
        {"auto-submitted": "auto-generated (rejected)"},
        {"precedence": "bulk"},
        {"precedence": "Auto_Reply"},
        {"x-autoreply": "yes"},
        {"x-autorespond": ""},
        {"list-id": "<news.example>"},
        {"x-post-messageclass": "9; Autoresponder"},
        *({"subject": subject} for subject in SUBJECTS),
    ],
)
def test_machines_are_told_by_their_headers(headers: dict[str, str]) -> None:
    assert written_by_a_machine(headers)


@pytest.mark.parametrize(
    "headers",
    [{}, {"auto-submitted": "no"}, {"precedence": "normal"}, {"subject": "Re: Hello"}, {"subject": "Automobile trip"},
     {"subject": "Re: Are you out of the office on Friday?"}, {"importance": "high"}],
)  # fmt: skip
def test_people_are_not_taken_for_machines(headers: dict[str, str]) -> None:
    assert not written_by_a_machine(headers)


GMAIL = """\
--B
Content-Type: multipart/related; boundary=C

--C
Content-Type: text/html; charset="UTF-8"

<h2>Address not found</h2>
--C--
--B
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com
Arrival-Date: Fri, 20 Mar 2026 07:00:00 -0700 (PDT)
X-Original-Message-ID: <k@example.org>

Final-Recipient: rfc822; family42@example.org
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.org. (192.0.2.1, the server for the domain.)
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please
 550-5.1.1 try double-checking the recipient's email address for typos.
Last-Attempt-Date: Fri, 20 Mar 2026 07:00:01 -0700 (PDT)

--B
Content-Type: message/rfc822

From: sarah@example.org
Message-ID: <k@example.org>
Subject: Hello

Dear all.
--B--
"""
EXCHANGE = """\
--B
Content-Type: text/plain

Delivery has failed to these recipients or groups:
--B
Content-Type: message/delivery-status

Reporting-MTA: dns;mail.school.example

Final-recipient: RFC822;Family42@Example.org
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp;554 5.2.2 mailbox full

--B
Content-Type: text/rfc822-headers

Message-ID:
 <k@example.org>
Subject: Hello
--B--
"""


@pytest.mark.parametrize(
    ("body", "words"), [(GMAIL, "550-5.1.1 The email account"), (EXCHANGE, "554 5.2.2 mailbox full")]
)
def test_reports_of_large_providers_are_read(body: str, words: str) -> None:
    kind = "multipart/report; boundary=B; report-type=delivery-status"
    found = read_mail(mail(body, sender="Mail Delivery Subsystem <mailer-daemon@googlemail.com>", kind=kind))

    assert (found.kind, found.answers) == ("bounce", ("<k@example.org>",))
    [failure] = found.failures
    assert (failure.recipient, failure.fate) == ("family42@example.org", Fate.PERMANENT)
    assert words in failure.reason


def test_the_same_thing_from_eight_hooks_at_once_is_taken_in_once(desk: Desk, tmp_path: Path) -> None:
    desk.has_written(completion_criteria=None)
    again: list[bool] = []

    def hook() -> None:
        db = open_database(desk.world.folder / "coopflow.db")
        try:
            store = Store(db, desk.world.coop)
            call = b'{"id": "t1", "from": "+12125550142", "text": "Yes"}'
            again.append(receive_one(store, call, "sms", "hook", OURS, name="x", now=desk.world.now).again)
        finally:
            db.close()

    hooks = [threading.Thread(target=hook) for _ in range(8)]
    for one in hooks:
        one.start()
    for one in hooks:
        one.join()

    assert sorted(again) == [False] + [True] * 7
    assert desk.kinds().count("sms_response_received") == 1
    desk.world.check()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"=?utf-8?b?ding=?utf-8?q?a?=", "=?utf-8?b?ding=?utf-8?q?a?="),
        (b"=?x-klingon?q?a?=", "=?x-klingon?q?a?="),
        (b"=?\xff\xffutf-8?q?a?= Yes", "=?��utf-8?q?a?= Yes"),
        ("Größe".encode(), "Größe"),
    ],
)
def test_a_subject_that_is_not_what_it_says_is_shown_as_it_stands(written: bytes, read: str) -> None:
    found = read_mail(b"From: maria@example.org\r\nSubject: " + written + b"\r\n\r\nYes, call me.\r\n")

    assert (found.kind, found.sender, found.text) == ("reply", "maria@example.org", "Yes, call me.")
    assert found.subject == read
