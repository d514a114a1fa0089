"""What comes in after a message that a server has taken: answers, what machines answer, mails that come back.

They are bytes as a mail server or a gateway would hand them over.
"""

import json
from textwrap import dedent

from coopflow.core.model import Message
from coopflow.inbox.source import Arrived

ANSWERS = ("answers", "writes")  # with the mail that it answers named, and without
STATUS = {"comes_back": "5.1.1", "is_full": "4.2.2", "is_delayed": "4.4.1"}
BY_MAIL = (*ANSWERS, "answers", "is_away", "stops", "starts", *STATUS, "comes_back", "reads")
BY_TEXT = (*ANSWERS, "answers", "stops", "starts", "delivered", "undelivered", "gone")
WORDS = {"stops": "STOP", "starts": "START"}
REPORTS = {
    "delivered": {"status": "delivered"},
    "undelivered": {"status": "failed", "reason": "30003"},
    "gone": {"status": "failed", "reason": "30005"},
}


def letter(kind: str, message: Message, number: int) -> Arrived:
    """One thing that comes in, and speaks of a message or comes from who got it."""
    if message.channel == "sms":
        return _from_a_gateway(kind, message, number)
    text = _bounce(kind, message, number) if kind in STATUS else _mail(kind, message, number)
    return Arrived(provider_id=f"m{number}", content=text.encode(), kind="mail")


def _from_a_gateway(kind: str, message: Message, number: int) -> Arrived:
    if kind in REPORTS:
        said = {"id": f"250 {message.key}", **REPORTS[kind]}
    else:
        said = {"id": f"t{number}", "from": message.to, "text": WORDS.get(kind, "We talked about it.")}
    return Arrived(provider_id=f"t{number}", content=json.dumps(said).encode())


def _mail(kind: str, message: Message, number: int) -> str:
    named = "" if kind == "writes" else f"In-Reply-To: {message.message_id}\n"
    machine = "Auto-Submitted: auto-replied\n" if kind == "is_away" else ""
    receipt = "multipart/report; report-type=disposition-notification; boundary=x"
    form = receipt if kind == "reads" else "text/plain; charset=utf-8"
    return (
        f"From: {message.to}\nTo: office@example.org\nSubject: Re: Hello\nMessage-ID: <{number}@of.a.family>\n"
        f"{named}{machine}Content-Type: {form}\n\n{WORDS.get(kind, 'We talked about it.')}\n"
    )


def _bounce(kind: str, message: Message, number: int) -> str:
    text = dedent("""\
        Return-Path: <>
        From: MAILER-DAEMON@mx.example.org
        To: office@example.org
        Subject: Undelivered Mail Returned to Sender
        Message-ID: <{number}@mx.example.org>
        Content-Type: multipart/report; report-type=delivery-status; boundary="B"

        --B
        Content-Type: text/plain

        Your message could not be delivered.

        --B
        Content-Type: message/delivery-status

        Reporting-MTA: dns; mx.example.org

        Final-Recipient: rfc822; {to}
        Action: {action}
        Status: {status}

        --B
        Content-Type: text/rfc822-headers

        Message-ID: {message_id}
        Subject: Hello

        --B--
        """)
    action = "delayed" if kind == "is_delayed" else "failed"
    return text.format(number=number, to=message.to, action=action, status=STATUS[kind], message_id=message.message_id)
