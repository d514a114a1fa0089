"""Mails and callbacks as they come in from outside, written by hand so that they share no code with what reads them."""

from textwrap import dedent

MARIA = "family42@example.org"


def mail(
    text: str = "Yes please, call me.",
    *,
    sender: str = f"Maria Martinez <{MARIA}>",
    subject: str = "Re: Hello",
    number: int = 1,
    answers: str | None = None,
    to: str = "answers@coop.example",
    kind: str = "text/plain; charset=utf-8",
    more: str = "",
) -> bytes:
    """One mail; `number` makes its Message-ID."""
    head = [
        f"From: {sender}",
        f"To: {to}",
        f"Subject: {subject}",
        f"Message-ID: <mail-{number}@phone.example>",
        "Date: Fri, 20 Mar 2026 15:00:00 +0000",
        *([f"In-Reply-To: {answers}", f"References: <older@x.example> {answers}"] if answers else []),
        *more.splitlines(),
        "MIME-Version: 1.0",
        f"Content-Type: {kind}",
        "Content-Transfer-Encoding: 8bit",
    ]
    return "\r\n".join([*head, "", *text.splitlines(), ""]).encode()


def vacation(*, answers: str | None = None, number: int = 1, sender: str = MARIA) -> bytes:
    """What a mail server answers for somebody who is away."""
    return mail(
        "I am away until Monday. To stop these notices, write STOP.",
        sender=sender,
        subject="Automatic reply: Hello",
        number=number,
        answers=answers,
        more="Auto-Submitted: auto-replied (vacation)\nPrecedence: bulk",
    )


def dsn(
    message_id: str | None,
    *,
    recipient: str = MARIA,
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 <family42@example.org>: Recipient address rejected: User unknown",
    number: int = 1,
    whole: bool = False,
) -> bytes:
    """A notice that a mail was not delivered, as Postfix writes it (RFC 3464)."""
    headers = f"From: Willow Creek <sarah@example.org>\nTo: {recipient}\nSubject: Hello\n"
    headers += f"Message-ID: {message_id}\n" if message_id else ""
    returned = f"{headers}\nDear Family 42.\n" if whole else headers
    kind = "message/rfc822" if whole else "text/rfc822-headers"
    body = dedent("""\
        Return-Path: <>
        From: MAILER-DAEMON@mx.example (Mail Delivery System)
        To: answers@coop.example
        Subject: Undelivered Mail Returned to Sender
        Message-ID: <bounce-{number}@mx.example>
        Auto-Submitted: auto-replied
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type=delivery-status; boundary="B.{number}"

        --B.{number}
        Content-Type: text/plain; charset=us-ascii

        I'm sorry to have to inform you that your message could not be delivered.

        --B.{number}
        Content-Description: Delivery report
        Content-Type: message/delivery-status

        Reporting-MTA: dns; mx.example
        Arrival-Date: Fri, 20 Mar 2026 15:00:00 +0000

        Final-Recipient: rfc822; {recipient}
        Original-Recipient: rfc822;{recipient}
        Action: {action}
        Status: {status}
        Diagnostic-Code: {diagnostic}

        --B.{number}
        Content-Description: Undelivered Message
        Content-Type: {kind}

        """).format(number=number, recipient=recipient, action=action, status=status, diagnostic=diagnostic, kind=kind)
    return (body + returned + f"\n--B.{number}--\n").replace("\n", "\r\n").encode()
