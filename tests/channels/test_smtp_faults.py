"""What can go wrong between coopflow and a mail server, each as the fault catalogue names it (T01 to T36).

The server keeps its own record of what it took; the time-outs are those of the tests, much shorter than the real ones.
"""

import errno
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from msgspec.structs import replace

from coopflow.channels.base import Accepted, Deferred, Refused, Unavailable, Unknown
from coopflow.channels.smtp import Times
from coopflow.channels.smtp_talk import LONGEST_ANSWER, Talk
from coopflow.channels.smtp_transaction import Mail, up_to_the_dot
from tests.channels.contract import yes
from tests.channels.mail_server import PASSWORD, Client, authority, mail_server, server_context
from tests.channels.smtp_scene import MESSAGE, QUICK, channel, channel_to, delivered

IN_DOUBT = "the mail server had the whole mail, and did not say whether it takes it: "
BEFORE_THE_DOT = ("connect", "EHLO", "MAIL", "RCPT", "DATA")
SLOW = "it took too long to answer"


def hangs(client: Client) -> bool:
    """Say nothing until the test is over."""
    client.server.over.wait()
    return False


def takes_and_hangs_up(client: Client) -> bool:
    client.server.takes(client)
    return False


# -- no connection ------------------------------------------------------------------------------------------------


def test_t01_a_name_that_is_not_found_sends_nothing() -> None:
    answer = channel_to(587, host="mail.invalid", times=QUICK).deliver(MESSAGE, yes)
    assert isinstance(answer, Unavailable)
    assert answer.reason.startswith("the mail server mail.invalid:587 cannot be reached: its name is not found: ")
    assert not answer.until_mended


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (TimeoutError(), SLOW),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "network is unreachable"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "no route to host"),
    ],
)
def test_t01_an_address_that_cannot_be_reached_sends_nothing(
    monkeypatch: pytest.MonkeyPatch, failure: OSError, words: str
) -> None:
    def fails(*_: object) -> socket.socket:
        raise failure

    monkeypatch.setattr(socket, "create_connection", fails)
    answer = channel_to(587, times=QUICK).deliver(MESSAGE, yes)
    assert answer == Unavailable(f"the mail server localhost:587 cannot be reached: {words}")


def test_t36_a_server_that_has_version_6_only_is_reached() -> None:
    with mail_server(family=socket.AF_INET6) as server, channel(server, host="::1") as made:
        assert isinstance(made.deliver(MESSAGE, yes), Accepted)


def test_t36_where_the_first_address_is_dead_the_next_one_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 1, 0, 0))
    with mail_server() as server, channel(server) as made:
        live = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda host, *_, **__: [dead, live] if host == "localhost" else _real(host, *_, **__)
        )
        assert isinstance(made.deliver(MESSAGE, yes), Accepted)


_real = socket.getaddrinfo


@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "SOCKS_PROXY", "smtp_proxy"])
def test_t35_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert isinstance(delivered()[0], Accepted)


# -- no answer ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", BEFORE_THE_DOT)
def test_t02_a_server_that_does_not_answer_is_given_up(phase: str) -> None:
    answer, server = delivered({phase: hangs}, times=QUICK)
    assert isinstance(answer, Unavailable)
    assert answer.reason.endswith(SLOW)
    assert server.taken == []


def test_t02_no_answer_to_the_dot_is_a_doubt() -> None:
    assert delivered({"dot": hangs}, times=QUICK)[0] == Unknown(f"{IN_DOUBT}{SLOW}")


@pytest.mark.parametrize("phase", [*BEFORE_THE_DOT, "dot"])
def test_t03_a_byte_now_and_then_keeps_nobody_for_ever(phase: str) -> None:
    def drips(client: Client) -> bool:
        while not client.server.over.is_set():
            client.say(b"2")
            client.waits(0.05)
        return False

    started = time.monotonic()
    answer, _ = delivered({phase: drips}, times=QUICK)
    assert isinstance(answer, Unknown if phase == "dot" else Unavailable)
    assert time.monotonic() - started < 3


def test_t03_answers_that_are_each_in_time_but_all_together_not_end_the_exchange() -> None:
    slow = {
        phase: slowly(0.2, b"354 go\r\n" if phase == "DATA" else b"250 ok\r\n") for phase in ("MAIL", "RCPT", "DATA")
    }
    answer, server = delivered(slow, times=Times(answer=0.4, exchange=0.5, verdict=1))
    assert isinstance(answer, Unavailable)
    assert answer.reason.endswith(SLOW)
    assert server.taken == []


def slowly(seconds: float, words: bytes) -> Callable[[Client], None]:
    def step(client: Client) -> None:
        client.waits(seconds)
        client.say(words)

    return step


def test_t16_a_server_that_thinks_longer_about_the_mail_than_about_anything_else_is_waited_for() -> None:
    def thinks(client: Client) -> None:
        client.server.takes(client)
        client.waits(0.5)
        client.say(b"250 ok\r\n")

    assert (Times().answer, Times().verdict) == (30, 600)
    answer, server = delivered({"dot": thinks}, times=Times(answer=0.2, exchange=2, verdict=5))
    assert answer == Accepted("250 ok")
    assert len(server.taken) == 1


# -- nonsense -----------------------------------------------------------------------------------------------------


def floods(unit: bytes) -> Callable[[Client], bool]:
    """Say the same for ever: up to a GiB, if anybody listened."""

    def step(client: Client) -> bool:
        for number in range(1024 * 1024 * 1024 // len(unit)):
            client.server.flood = number * len(unit)  # type: ignore[attr-defined]
            client.say(unit)
        return False

    return step


NONSENSE: dict[str, Any] = {
    "a GiB without a line end": floods(b"250 " + b"x" * 65_532),
    "lines without end": floods(b"250-more\r\n" * 1000),
    "binary": bytes(range(256)) + b"\r\n",
    "no line end": lambda client: client.say(b"250 ok") or hangs(client),
    "half a line, then gone": lambda client: client.say(b"250 ok") or False,
    "999": b"999 what\r\n",
    "2x0": b"2x0 ok\r\n",
    "25": b"25\r\n",
    "a sign": b"+25 ok\r\n",
    "wide digits": "２５０ ok\r\n".encode(),
    "nothing": b"\r\n",
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "two minds": b"250-ok\r\n550 no\r\n",
}


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("phase", ["connect", "EHLO", "MAIL", "RCPT", "DATA", "dot"])
def test_t04_t19_nonsense_is_bounded_and_never_taken_for_a_yes(phase: str, nonsense: Any) -> None:
    answer, server = delivered({phase: nonsense}, times=QUICK)
    assert isinstance(answer, Unknown if phase == "dot" else Unavailable)
    assert len(answer.reason) < 300
    assert answer.reason.isprintable()
    assert getattr(server, "flood", 0) < 100 * LONGEST_ANSWER  # what the system's own buffers swallow comes on top


# -- the connection breaks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kibibytes", range(0, 24, 2))
def test_t05_a_connection_that_breaks_inside_the_mail_has_sent_nothing(kibibytes: int) -> None:
    gone = threading.Event()

    def breaks(client: Client) -> bool:
        while len(client.heard) < kibibytes * 1024:
            client.heard += client.socket.recv(1024)
        client.hang_up()
        gone.set()
        return False

    with mail_server({"body": breaks}) as server, channel(server) as made:
        answer = made.deliver(replace(MESSAGE, text="word " * 5000), lambda: gone.wait(10))
    assert isinstance(answer, Unavailable)
    assert answer.reason.startswith("the mail server broke off during the mail: ")
    assert server.taken == []


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        (b"421 4.4.2 timeout\r\n", Deferred),
        (b"552 too big\r\n", Refused),
        (b"250 ok\r\n", Unavailable),
        (b"what\r\n", Unavailable),
        (b"", Unavailable),
    ],
)
def test_a_server_that_gives_up_before_the_dot_is_heard_and_not_sent_the_dot(words: bytes, meaning: type) -> None:
    """P14: between the mail and its end a machine may have slept for a night."""
    asked, said = threading.Event(), threading.Event()

    def gives_up(client: Client) -> bool:
        asked.wait(10)
        client.say(words)
        client.hang_up()
        said.set()
        return False

    def last_call() -> bool:
        asked.set()
        return said.wait(10)

    with mail_server({"body": gives_up}) as server, channel(server) as made:
        answer = made.deliver(MESSAGE, last_call)
    assert isinstance(answer, meaning)
    assert server.taken == []


def test_what_a_server_says_while_it_breaks_off_is_heard() -> None:
    """It has seen enough of a long mail, says so, and hangs up while the rest is being sent."""
    ours, theirs = socket.socketpair()
    theirs.sendall(b"552 5.3.4 too big\r\n")
    theirs.close()
    talk = Talk(patience=1)
    talk.sock = ours
    answer = up_to_the_dot(talk, Mail("a@example.org", "b@example.org", b"word\r\n" * 100_000), yes)
    talk.drop()
    assert answer == Refused("the mail server refuses the mail: 552 5.3.4 too big")


@pytest.mark.parametrize("reset", [None, b"500 what\r\n"])
def test_a_refusal_stands_whatever_comes_after_it(reset: Any) -> None:
    script = {"RCPT": [b"550 no\r\n", b"usual"], "RSET": reset}
    with mail_server(script) as server, channel(server) as made:
        assert isinstance(made.deliver(MESSAGE, yes), Refused)
        assert isinstance(made.deliver(MESSAGE, yes), Accepted)
    assert (server.connections, len(server.taken)) == (2, 1)


def test_a_fault_of_ours_before_the_dot_leaves_no_half_mail_on_a_connection() -> None:
    def breaks() -> bool:
        raise ZeroDivisionError

    with mail_server() as server, channel(server) as made:
        with pytest.raises(ZeroDivisionError):
            made.deliver(MESSAGE, breaks)
        assert isinstance(made.deliver(MESSAGE, yes), Accepted)
    assert (server.connections, len(server.taken)) == (2, 1)


def test_t17_the_answer_to_a_mail_that_was_taken_is_lost() -> None:
    answer, server = delivered({"dot": takes_and_hangs_up})
    assert answer == Unknown(f"{IN_DOUBT}it closed the connection")
    assert len(server.taken) == 1


def test_t18_the_answer_to_a_mail_that_was_not_taken_is_lost() -> None:
    answer, server = delivered({"dot": None})
    assert answer == Unknown(f"{IN_DOUBT}it closed the connection")
    assert server.taken == []


def test_t15_what_becomes_of_the_goodbye_changes_nothing() -> None:
    for goodbye in (b"421 busy\r\n", b"500 what\r\n", None, hangs):
        started = time.monotonic()
        answer, server = delivered({"QUIT": goodbye})
        assert isinstance(answer, Accepted)
        assert (len(server.taken), server.commands[-1]) == (1, "QUIT")
        assert time.monotonic() - started < 5


def test_a_connection_that_the_server_has_closed_meanwhile_is_opened_again() -> None:
    with mail_server() as server, channel(server) as made:
        made.deliver(MESSAGE, yes)
        server.forgets_connections()
        assert isinstance(made.deliver(MESSAGE, yes), Accepted)
    assert (server.connections, len(server.taken)) == (2, 2)


def test_when_one_connection_turns_out_to_be_dead_the_others_are_not_tried() -> None:
    together = threading.Barrier(3)

    def last_call() -> bool:
        together.wait(10)
        return True

    with mail_server() as server, channel(server) as made:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: made.deliver(MESSAGE, last_call), range(3)))
        server.forgets_connections()
        assert isinstance(made.deliver(MESSAGE, yes), Accepted)
        assert isinstance(made.deliver(MESSAGE, yes), Accepted)
    assert (server.connections, len(server.taken)) == (4, 5)


@pytest.mark.parametrize("words", [b"421 idle for too long\r\n", b"250 ok\r\n", b"what\r\n"])
def test_a_connection_on_which_something_was_said_meanwhile_is_not_trusted_any_more(words: bytes) -> None:
    """An answer too many would be taken for the answer to the next command."""
    with mail_server() as server, channel(server) as made:
        made.deliver(MESSAGE, yes)
        server.says_to_all(words)
        assert isinstance(made.deliver(replace(MESSAGE, to="family43@example.org"), yes), Accepted)
    assert server.recipients() == ["family42@example.org", "family43@example.org"]
    assert server.connections == 2


def test_a_server_that_takes_only_so_many_mails_on_a_connection_gets_the_next_on_another() -> None:
    with mail_server({"MAIL": [b"usual", b"421 enough\r\n", b"usual"]}) as server, channel(server) as made:
        assert isinstance(made.deliver(MESSAGE, yes), Accepted)
        assert isinstance(made.deliver(MESSAGE, yes), Accepted)
    assert (server.connections, len(server.taken)) == (2, 2)


# -- encryption ---------------------------------------------------------------------------------------------------


def certificates() -> dict[str, tuple[trustme.LeafCert, str]]:
    other = trustme.CA()
    ours = authority()
    return {
        "expired": (
            ours.issue_cert("localhost", not_after=datetime(2020, 1, 1, tzinfo=UTC)),
            "certificate has expired; is the clock of this machine right?",
        ),
        "not yet valid": (
            ours.issue_cert("localhost", not_before=datetime(2037, 1, 1, tzinfo=UTC)),
            "certificate is not yet valid; is the clock of this machine right?",
        ),
        "of another host": (
            ours.issue_cert("mail.example.org"),
            "hostname mismatch, certificate is not valid for 'localhost'",
        ),
        "of an unknown authority": (other.issue_cert("localhost"), "unable to get local issuer certificate"),
    }


CERTIFICATES = certificates()


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("which", CERTIFICATES)
def test_t06_t10_a_certificate_that_is_not_to_be_trusted_gets_neither_mail_nor_password(
    security: str, which: str
) -> None:
    certificate, words = CERTIFICATES[which]
    with (
        mail_server(login=True, **{security: server_context(certificate)}) as server,
        channel(server, security=security, login=True) as made,
    ):
        answer = made.deliver(MESSAGE, yes)
    assert isinstance(answer, Unavailable)
    assert answer.until_mended
    assert words in answer.reason.lower()
    assert set(server.commands) <= {"EHLO", "STARTTLS"}


def test_t06_a_certificate_that_vouches_for_itself_is_not_to_be_trusted(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own = trustme.CA()
    own.cert_pem.write_to_path(str(tmp_path / "own.pem"))
    own.private_key_pem.write_to_path(str(tmp_path / "own.key"))
    context.load_cert_chain(tmp_path / "own.pem", tmp_path / "own.key")
    with mail_server(tls=context, login=True) as server, channel(server, security="tls", login=True) as made:
        answer = made.deliver(MESSAGE, yes)
    assert isinstance(answer, Unavailable)
    assert answer.until_mended
    assert "self-signed certificate" in answer.reason
    assert server.commands == []


@pytest.mark.parametrize(
    ("answer", "mended"),
    [(None, False), (b"454 not now\r\n", False), (b"502 what\r\n", True), (b"what\r\n", False)],
)
def test_t07_starttls_that_does_not_begin_is_refused(answer: Any, mended: bool) -> None:
    script = {"STARTTLS": answer, "EHLO": b"250-mail.test\r\n250 STARTTLS\r\n"}
    with mail_server(script) as server, channel(server, security="starttls") as made:
        found = made.deliver(MESSAGE, yes)
    assert isinstance(found, Unavailable)
    assert found.until_mended == mended
    assert set(server.commands) == {"EHLO", "STARTTLS"}


def test_t07_starttls_stripped_is_refused() -> None:
    with mail_server(login=True) as server, channel(server, security="starttls", login=True) as made:
        found = made.deliver(MESSAGE, yes)
    assert found == Unavailable(
        "the mail server localhost offers no encryption (STARTTLS), or somebody on the way hides the offer; "
        "nothing was sent to it",
        until_mended=True,
    )
    assert server.commands == ["EHLO"]


def test_t07_an_answer_that_was_put_in_before_the_encryption_is_refused() -> None:
    script = {"STARTTLS": b"220 go ahead\r\n250-injected\r\n250 AUTH PLAIN\r\n"}
    with mail_server(script, starttls=server_context()) as server, channel(server, security="starttls") as made:
        found = made.deliver(MESSAGE, yes)
    assert isinstance(found, Unavailable)
    assert "more was said before the encryption began than was asked for" in found.reason
    assert server.commands == ["EHLO", "STARTTLS"]


@pytest.mark.parametrize("records", range(8))
def test_t08_a_handshake_that_is_cut_at_any_record_sends_nothing(records: int) -> None:
    with (
        mail_server({"STARTTLS": handshakes_until(records), "EHLO": b"250-mail.test\r\n250 STARTTLS\r\n"}) as server,
        channel(server, security="starttls") as made,
    ):
        found = made.deliver(MESSAGE, yes)
    assert isinstance(found, Unavailable)
    assert not found.until_mended
    assert server.taken == []


def handshakes_until(most: int) -> Callable[[Client], bool]:
    """Hang up after so many records of a handshake."""

    def step(client: Client) -> bool:
        client.say(b"220 go ahead\r\n")
        heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
        encryption = server_context().wrap_bio(heard, said, server_side=True)
        left = most
        while True:
            heard.write(client.socket.recv(65_536))
            try:
                encryption.do_handshake()
                return False
            except ssl.SSLWantReadError:
                pass
            waiting = said.read()
            while waiting:
                length = 5 + int.from_bytes(waiting[3:5], "big")
                if left == 0:
                    return False
                client.say(waiting[:length])
                waiting, left = waiting[length:], left - 1

    return step


def test_encryption_where_none_is_expected_says_what_may_be_wrong() -> None:
    with mail_server() as server, channel(server, security="tls") as made:
        found = made.deliver(MESSAGE, yes)
    assert found == Unavailable(
        f"the encryption with localhost:{server.port} did not begin: wrong version number; "
        "is `security:` right for this port (usually starttls for 587, tls for 465)?",
        until_mended=True,
    )


def test_encryption_older_than_version_1_2_is_refused() -> None:
    old = server_context()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with mail_server(tls=old) as server, channel(server, security="tls") as made:
        found = made.deliver(MESSAGE, yes)
    assert isinstance(found, Unavailable)
    assert server.commands == []


def test_no_encryption_is_for_this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server() as server, channel(server) as made:
        monkeypatch.setattr(Talk, "wire", property(lambda _: Elsewhere()))
        found = made.deliver(MESSAGE, yes)
    assert isinstance(found, Unavailable)
    assert found.until_mended
    assert "would let everybody on the way read the mails" in found.reason
    assert server.commands == []


class Elsewhere:
    def getpeername(self) -> tuple[str, int]:
        return ("192.0.2.7", 25)

    getsockname = getpeername

    def setsockopt(self, *_: int) -> None:
        pass


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_certificates_that_is_of_no_use_holds_the_transport(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    with mail_server(tls=server_context()) as server, channel(server, security="tls", ca_file=path) as made:
        found = made.deliver(MESSAGE, yes)
    assert isinstance(found, Unavailable)
    assert found.until_mended
    assert found.reason.startswith(f"the file of certificates {path} is of no use: ")


# -- the login ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "mended", "words"),
    [
        ({"AUTH": b"535 5.7.8 bad credentials\r\n"}, True, "does not accept user and password: 535 5.7.8 bad cred"),
        ({"AUTH": b"534 5.7.9 needs an app password\r\n"}, True, "does not accept user and password: 534"),
        ({"AUTH": b"454 4.7.0 try later\r\n"}, False, "does not accept user and password: 454 4.7.0 try later"),
        ({"AUTH": None}, False, "broke off the login: it closed the connection"),
        ({"login": b"504 5.5.4 not that way\r\n"}, True, "does not accept user and password: 504 5.5.4 not that way"),
        (
            {"login": b"535 no\r\n", "EHLO": b"250-mail.test\r\n250 AUTH LOGIN\r\n"},
            True,
            "does not accept user and password: 535 no",
        ),
        ({"EHLO": b"250-mail.test\r\n250 AUTH CRAM-MD5\r\n"}, True, "offers no way to log in that coopflow knows"),
        ({"EHLO": b"250 mail.test\r\n"}, True, "offers no way to log in that coopflow knows"),
    ],
)
def test_t09_a_login_that_fails_holds_the_transport(script: Any, mended: bool, words: str) -> None:
    with mail_server(script, login=True) as server, channel(server, login=True) as made:
        found = made.deliver(MESSAGE, yes)
    assert isinstance(found, Unavailable)
    assert words in found.reason
    assert found.until_mended == mended
    assert "MAIL" not in server.commands


def test_t09_a_password_that_the_server_repeats_is_not_repeated() -> None:
    def repeats(client: Client) -> None:
        client.say(b"535 not " + client.server.lines[-1].split()[2] + f" nor {PASSWORD}\r\n".encode())

    with mail_server({"AUTH": repeats}, login=True) as server, channel(server, login=True) as made:
        found = made.deliver(MESSAGE, yes)
    assert found == Unavailable(
        "the mail server localhost does not accept user and password: 535 not *** nor ***", until_mended=True
    )


def test_the_older_way_to_log_in_is_known() -> None:
    script = {"EHLO": b"250-mail.test\r\n250 AUTH LOGIN\r\n"}
    with mail_server(script, login=True) as server, channel(server, login=True) as made:
        assert isinstance(made.deliver(MESSAGE, yes), Accepted)
    assert server.logins == ["office"]


# -- sizes and characters -----------------------------------------------------------------------------------------


def test_t14_a_mail_that_is_too_big_is_refused_after_the_dot_or_before_anything_is_said() -> None:
    assert isinstance(delivered({"dot": b"552 too big\r\n"})[0], Refused)
    found, server = delivered({"EHLO": b"250-mail.test\r\n250 SIZE 100\r\n"})
    assert isinstance(found, Refused)
    assert found.reason.endswith("bytes, and the mail server takes 100 at most")
    assert "MAIL" not in server.commands


@pytest.mark.parametrize("size", [b"SIZE", b"SIZE 0", b"SIZE many", b"SIZE 99999999999999999999999999", b"SIZE -1"])
def test_t14_a_size_that_says_nothing_refuses_nothing(size: bytes) -> None:
    assert isinstance(delivered({"EHLO": b"250-mail.test\r\n250 " + size + b"\r\n"})[0], Accepted)


def test_t20_every_mail_is_seven_bit_and_an_address_that_is_not_is_refused() -> None:
    with mail_server({"EHLO": b"250 mail.test\r\n"}) as server, channel(server) as made:
        assert isinstance(made.deliver(replace(MESSAGE, subject="¿Qué tal?", text="Señora 日本語"), yes), Accepted)
        refused = made.deliver(replace(MESSAGE, to="señora@example.org"), yes)
    assert isinstance(refused, Refused)
    assert server.taken[0][1].isascii()
    assert [mail["Subject"] for mail in server.mails()] == ["¿Qué tal?"]


# -- many at once -------------------------------------------------------------------------------------------------


def test_t22_a_server_that_allows_few_connections_is_not_asked_for_more() -> None:
    places = threading.Semaphore(2)

    def lets_two_in(client: Client) -> bool:
        if not places.acquire(blocking=False):
            client.say(b"421 4.7.0 too many connections\r\n")
            return False
        client.say(b"220 mail.test\r\n")
        return True

    with mail_server({"connect": lets_two_in}) as server, channel(server) as made, ThreadPoolExecutor(10) as pool:
        messages = [replace(MESSAGE, to=f"family{number}@example.org") for number in range(60)]
        answers = list(pool.map(lambda message: made.deliver(message, yes), messages))
    assert [answer for answer in answers if not isinstance(answer, Accepted)] == []
    assert len(set(server.recipients())) == 60
    assert server.connections <= 3


def test_workers_that_wait_for_a_server_that_is_down_ask_it_once() -> None:
    together = threading.Barrier(8)

    def all_are_there(client: Client) -> bool:
        client.waits(0.3)
        return False

    def deliver(_: int) -> object:
        together.wait(10)
        return made.deliver(MESSAGE, yes)

    with mail_server({"connect": all_are_there}) as server, channel(server) as made, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(deliver, range(8)))
    assert {type(answer) for answer in answers} == {Unavailable}
    assert server.connections == 1
