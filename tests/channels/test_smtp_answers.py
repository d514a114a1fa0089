"""What each answer of a mail server means: table 2.4 of the reliability notes, row by row, over the wire."""

import re
import time
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coopflow.channels.base import Accepted, Deferred, Refused, Unavailable, Unknown, Withdrawn
from coopflow.channels.smtp_answers import LONGEST_WORDS, said
from coopflow.channels.smtp_talk import LONGEST_ANSWER
from coopflow.core.deliveries import Delivery
from tests.channels.mail_server import Step
from tests.channels.smtp_scene import MESSAGE, QUICK, channel, channel_to, delivered, mail_server, yes

FIVE_MINUTES = timedelta(minutes=5)
LATER = "the mail server wants it later: "
PHASES = ("MAIL", "RCPT", "DATA", "dot")


def later(answer: str) -> Deferred:
    return Deferred(f"{LATER}{answer}", FIVE_MINUTES)


def not_now(reason: str) -> Unavailable:
    return Unavailable(reason)


def mend(reason: str) -> Unavailable:
    return Unavailable(reason, until_mended=True)


TABLE: list[tuple[str, Step, Delivery]] = [
    ("connect", b"421 busy\r\n", not_now("the mail server localhost lets nobody in: 421 busy")),
    ("connect", b"554 no\r\n", mend("the mail server localhost lets nobody in: 554 no")),
    (
        "EHLO",
        b"502 what\r\n",
        mend("the mail server localhost does not speak today's language of mail servers (EHLO): 502 what"),
    ),
    (
        "EHLO",
        b"421 busy\r\n",
        not_now("the mail server localhost does not speak today's language of mail servers (EHLO): 421 busy"),
    ),
    ("MAIL", b"553 no\r\n", mend("the mail server does not take mails from this sender: 553 no")),
    ("RCPT", b"550 no\r\n", Refused("the mail server refuses the address: 550 no")),
    ("RCPT", b"251 forwarded\r\n", Accepted("250 2.0.0 queued as 4F2A1")),
    (
        "RCPT",
        b"354 what\r\n",
        not_now("the mail server gave an answer at the recipient's address that makes no sense: 354 what"),
    ),
    (
        "RCPT",
        b"554 5.7.1 <family42@example.org>: Relay access denied\r\n",
        mend("the mail server does not pass mails on for coopflow: 554 5.7.1 <(address)>: Relay access denied"),
    ),
    (
        "RCPT",
        b"530 5.7.0 Must issue a STARTTLS command first\r\n",
        mend("the mail server does not pass mails on for coopflow: 530 5.7.0 Must issue a STARTTLS command first"),
    ),
    ("DATA", b"554 no\r\n", Refused("the mail server refuses the mail: 554 no")),
    ("DATA", b"250 ok\r\n", not_now("the mail server gave an answer before the mail that makes no sense: 250 ok")),
    ("dot", b"250 2.0.0 queued as 4F2A1\r\n", Accepted("250 2.0.0 queued as 4F2A1")),
    ("dot", b"250\r\n", Accepted("250")),
    ("dot", b"250-queued\r\n250 as 7\r\n", Accepted("250 queued as 7")),
    ("dot", b"252 perhaps\r\n", Accepted("252 perhaps")),
    ("dot", b"554 spam\r\n", Refused("the mail server refuses the mail: 554 spam")),
    (
        "dot",
        b"354 what\r\n",
        Unknown("the mail server had the whole mail, and did not say whether it takes it: it answered: 354 what"),
    ),
]


@pytest.mark.parametrize("pipelining", [False, True], ids=["word by word", "in one breath"])
@pytest.mark.parametrize(("phase", "answer", "meaning"), TABLE)
def test_each_answer_has_its_meaning(phase: str, answer: Step, meaning: Delivery, pipelining: bool) -> None:
    found, server = delivered({phase: answer}, pipelining=pipelining)
    assert found == meaning
    assert len(server.taken) <= isinstance(meaning, Accepted)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("code", ["450", "451", "452", "421"])
def test_t11_a_4xx_at_each_step_is_deferred_for_at_least_five_minutes(phase: str, code: str) -> None:
    found, server = delivered({phase: f"{code} 4.7.1 come back\r\n".encode()})
    assert found == later(f"{code} 4.7.1 come back")
    assert server.taken == []


@pytest.mark.parametrize("code", ["550", "551", "552", "553", "554"])
def test_t12_a_5xx_is_refused_at_the_level_that_it_is_about(code: str) -> None:
    answer = f"{code} no\r\n".encode()
    by_sender = mend(f"the mail server does not take mails from this sender: {code} no")
    too_big = Refused(f"the mail server does not take a mail of this size: {code} no")
    assert delivered({"MAIL": answer})[0] == (too_big if code == "552" else by_sender)
    assert delivered({"RCPT": answer})[0] == Refused(f"the mail server refuses the address: {code} no")
    assert delivered({"DATA": answer})[0] == Refused(f"the mail server refuses the mail: {code} no")
    assert delivered({"dot": answer})[0] == Refused(f"the mail server refuses the mail: {code} no")


@pytest.mark.parametrize(
    ("answer", "gone"),
    [
        ("550 5.1.1 <martinez@example.org>: Recipient address rejected: User unknown in local table", True),
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found", True),
        ("554 5.1.2 bad destination system", True),
        ("550 5.2.1 The email account that you tried to reach is disabled", True),
        ("550 No such user here", True),
        ("553 sorry, that mailbox does not exist", True),
        ("550 5.7.1 user unknown to our policy", False),
        ("550 5.1.8 Sender address rejected: domain not found", False),
        ("550 5.1.15 what no standard knows", False),
        ("550 sender address does not exist", False),
        ("550 your host is on our list", False),
        ("552 5.2.2 mailbox full", False),
        ("554 no such user", False),
    ],
)
def test_a_refusal_says_whether_anybody_is_at_the_address(answer: str, gone: bool) -> None:
    found, _ = delivered({"RCPT": f"{answer}\r\n".encode()})
    assert isinstance(found, Refused)
    assert found.bad_address is gone
    of_the_mail, _ = delivered({"dot": f"{answer}\r\n".encode()})
    assert isinstance(of_the_mail, Refused)
    assert not of_the_mail.bad_address


@pytest.mark.parametrize("phase", ["connect", "EHLO", "MAIL", "RCPT", "DATA"])
def test_t05_a_server_that_hangs_up_before_the_mail_has_not_got_it(phase: str) -> None:
    found, server = delivered({phase: None})
    assert isinstance(found, Unavailable)
    assert found.reason.endswith("it closed the connection")
    assert not found.until_mended
    assert server.taken == []


def test_t05_a_server_that_hangs_up_after_the_dot_leaves_a_doubt() -> None:
    found, _ = delivered({"dot": None})
    assert found == Unknown(
        "the mail server had the whole mail, and did not say whether it takes it: it closed the connection"
    )


def test_a_no_at_the_last_call_ends_the_connection_without_the_dot() -> None:
    with mail_server() as server, channel(server) as made:
        assert made.deliver(MESSAGE, lambda: False) == Withdrawn()
        assert isinstance(made.deliver(MESSAGE, yes), Accepted)
    assert (server.connections, len(server.taken)) == (2, 1)


@pytest.mark.parametrize("phase", ["MAIL", "RCPT", "DATA"])
def test_after_a_refusal_the_connection_is_used_for_the_next_mail(phase: str) -> None:
    with mail_server({phase: [b"554 no\r\n", b"usual"]}) as server, channel(server) as made:
        made.deliver(MESSAGE, yes)
        assert isinstance(made.deliver(MESSAGE, yes), Accepted)
    assert (server.connections, server.commands.count("RSET")) == (1, 1)


def test_an_answer_is_kept_on_one_short_line_without_anybodys_address() -> None:
    words = b"5.1.1 <Family42@Example.org>: \x1b[31munknown\r\nuser\x00 \xff in mail.test " + b"word " * 100
    answer = said(550, words)
    assert answer.startswith("550 5.1.1 <(address)>: [31munknown user")
    assert answer.isprintable()
    assert len(answer) == LONGEST_WORDS + 1


@given(words=st.binary(max_size=5000))
@example(words=b"a@" * 3000)
@example(words=b"x " * 990 + b"family42@example.org")
@example(words=b"<family42@example.org>," * 200)
@example(words="\u2028\x85\ud7ff\x1b]0;title\x07".encode())
def test_whatever_a_server_says_is_one_printable_line_without_an_address(words: bytes) -> None:
    answer = said(550, words)
    assert answer.isprintable()
    assert answer.startswith("550")
    assert len(answer) <= LONGEST_WORDS + 1
    assert re.search(r"[a-z0-9]@[a-z0-9]", answer, re.IGNORECASE) is None
    assert "family42" not in answer


def test_the_longest_answer_is_written_down_in_no_time() -> None:
    started = time.monotonic()
    said(550, b"x" * LONGEST_ANSWER)
    assert time.monotonic() - started < 1


def test_the_reference_of_an_accepted_mail_keeps_the_servers_own_number() -> None:
    found, _ = delivered({"dot": b"250 2.6.0 <4F2A1@mail.test> queued for FAMILY42@example.org\r\n"})
    assert found == Accepted("250 2.6.0 <4F2A1@mail.test> queued for (address)")


def test_nobody_listens() -> None:
    with mail_server() as server:
        port = server.port
    made = channel_to(port, times=QUICK)
    assert made.deliver(MESSAGE, yes) == not_now(
        f"the mail server localhost:{port} cannot be reached: connection refused"
    )
