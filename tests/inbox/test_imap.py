"""A real mailbox: read over TLS, each mail once, nothing deleted, and never for longer than it may take."""

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta
from itertools import count

import pytest

from coopflow.inbox import imap
from coopflow.inbox.imap import ImapSource
from coopflow.inbox.reading import InboxReport, read_inbox
from tests.inbox.conftest import OURS, Desk
from tests.inbox.dovecot import PASSWORD, Dovecot, dovecot
from tests.inbox.mails import dsn, mail, vacation

USERS = [f"answers{number}@coop.example" for number in range(40)]
NUMBERS = count()


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot(*USERS) as running:
        yield running


@pytest.fixture
def user() -> str:
    """A mailbox that no other test has."""
    return USERS[next(NUMBERS)]


def read(desk: Desk, *sources: ImapSource, patient: bool = False, limit: int = 200) -> InboxReport:
    report = read_inbox(desk.world.store, sources, OURS, now=desk.world.now, patient=patient, limit=limit)
    desk.world.check()
    return report


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_reply_is_read_once_and_marked_as_seen(desk: Desk, server: Dovecot, user: str, security: str) -> None:
    instance = desk.has_written()
    server.deliver(user, mail(answers=desk.sent(instance)))
    port = server.imaps if security == "tls" else server.imap
    source = ImapSource(server.settings(user, security=security, port=port))

    first, second = read(desk, source), read(desk, source)

    assert [taken.kind for taken in first.taken] == ["reply"]
    assert (second.taken, first.news, second.news) == ([], [], [])
    assert desk.world.status(instance) == "completed"
    assert server.flags(user) == ["S"]


def test_it_may_leave_mails_unseen(desk: Desk, server: Dovecot, user: str) -> None:
    server.deliver(user, mail())
    source = ImapSource(server.settings(user, mark_seen=False))

    assert [len(read(desk, source).taken) for _ in range(2)] == [1, 0]
    assert server.flags(user) == [""]


def test_replies_vacations_and_bounces_are_told_apart(desk: Desk, server: Dovecot, user: str) -> None:
    instance = desk.has_written()
    message = desk.sent(instance)
    server.deliver(user, vacation(answers=message), dsn(message, number=2), mail(answers=message, number=3))

    report = read(desk, ImapSource(server.settings(user)))

    assert [taken.kind for taken in report.taken] == ["automatic", "bounce", "reply"]
    assert desk.world.status(instance) == "completed"


def test_only_so_many_are_read_at_once_and_the_rest_next_time(desk: Desk, server: Dovecot, user: str) -> None:
    server.deliver(user, *(mail(number=number, sender=f"s{number}@x.example") for number in range(7)))
    source = ImapSource(server.settings(user))

    assert [len(read(desk, source, limit=3).taken) for _ in range(4)] == [3, 3, 1, 0]
    assert len({item["provider_id"] for item in desk.items()}) == 7


def test_a_mailbox_that_was_made_anew_gives_no_mail_twice(desk: Desk, server: Dovecot, user: str) -> None:
    """Its numbers mean other mails then (UIDVALIDITY): the mail's own Message-ID tells."""
    desk.has_written(completion_criteria=None)
    source = ImapSource(server.settings(user))
    server.deliver(user, mail())
    read(desk, source)
    for file in (server.folder / "mail" / user).glob("dovecot*"):
        file.unlink()
    uid_list = server.folder / "mail" / user / "dovecot-uidlist"
    uid_list.write_text("3 V99 N50 G0000\n")
    server.deliver(user, mail("Another", number=2))

    report = read(desk, source)
    again = read(desk, source)

    assert sorted(taken.again for taken in report.taken) == [False, True]
    assert again.taken == []
    assert desk.kinds().count("email_response_received") == 2


def test_what_lay_there_long_before_is_not_taken_in(desk: Desk, server: Dovecot, user: str) -> None:
    server.deliver(user, mail())
    desk.world.now += timedelta(days=365 * 2)
    assert read(desk, ImapSource(server.settings(user))).taken == []


def test_the_first_megabyte_of_a_huge_mail_is_read(desk: Desk, server: Dovecot, user: str) -> None:
    instance = desk.has_written()
    huge = mail("Yes\n" + "x" * 70 + "\n" + ("y" * 70 + "\n") * 40_000, answers=desk.sent(instance))
    server.deliver(user, huge, mail("No", number=2, sender="s@x.example"))
    source = ImapSource(server.settings(user))

    arrived = source.fetch(desk.world.store.inbox, since=desk.world.now, limit=9, now=desk.world.now)

    assert [(len(one.content) <= 1_000_000, one.cut) for one in arrived] == [(True, True), (True, False)]
    assert [taken.kind for taken in read(desk, source).taken] == ["reply", "reply"]
    assert desk.world.status(instance) == "completed"


# -- what goes wrong ----------------------------------------------------------------------------------------------


def test_a_wrong_password_is_told_once_and_never_shown(desk: Desk, server: Dovecot, user: str) -> None:
    wrong = server.folder / f"wrong-{user}"
    wrong.touch(mode=0o600)
    wrong.write_text("canary-7431")
    source = ImapSource(server.settings(user, password_file=str(wrong)))

    first, second = read(desk, source), read(desk, source)

    [words] = first.news
    assert "the server does not accept the user and the password ([AUTHENTICATIONFAILED] Auth" in words
    assert (second.news, len(second.troubled)) == ([], 1)
    assert "canary" not in f"{words}{second.troubled}{source.__dict__}{desk.world.store.inbox.trouble(source.name)}"


def test_a_folder_that_is_not_there_is_named(desk: Desk, server: Dovecot, user: str) -> None:
    [words] = read(desk, ImapSource(server.settings(user, folder="Antworten ü"))).news
    assert "the server has no folder 'Antworten ü' for this user" in words


@pytest.mark.parametrize("greeting", [b"", b"* BYE closed for today\r\n", b"SSH-2.0-x\r\n", b"\xff\xfe\x00\r\n" * 20])
def test_a_server_that_is_none_is_told_and_stops_nothing(
    desk: Desk, server: Dovecot, user: str, greeting: bytes
) -> None:
    with listening(lambda connection: connection.sendall(greeting)) as port:
        report = read(desk, ImapSource(server.settings(user, security="starttls", port=port)))
    assert len(report.news) == 1


def test_a_fault_of_ours_in_one_source_stops_no_other(
    desk: Desk, server: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.deliver(user, mail())
    broken = ImapSource(server.settings(user, name="broken"))
    monkeypatch.setattr(broken, "_fetch", lambda *_: 1 / 0)

    report = read(desk, broken, ImapSource(server.settings(user)))

    assert [len(report.taken), len(report.news)] == [1, 1]
    assert "fault in coopflow: ZeroDivisionError" in report.news[0]


def test_a_certificate_that_nobody_trusts_is_refused(desk: Desk, server: Dovecot, user: str) -> None:
    [words] = read(desk, ImapSource(server.settings(user, ca_file=None))).news
    assert "certificate verify failed" in words


def test_a_certificate_for_another_name_is_refused(desk: Desk, server: Dovecot, user: str) -> None:
    [words] = read(desk, ImapSource(server.settings(user, host="127.0.0.2"))).news
    assert "certificate verify failed" in words or "refused" in words


def test_a_server_without_starttls_gets_no_password(desk: Desk, server: Dovecot, user: str) -> None:
    said: list[bytes] = []
    with listening(lambda connection: plain_imap(connection, said)) as port:
        [words] = read(desk, ImapSource(server.settings(user, security="starttls", port=port))).news
    assert "TLS" in words.upper()
    assert not [line for line in said if b"LOGIN" in line or PASSWORD.encode() in line]


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_server_that_says_nothing_holds_the_tick_for_a_moment_only(
    desk: Desk, server: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    monkeypatch.setattr(imap, "ANSWER_WITHIN", 0.3)
    with listening(listen_only) as port:
        [words] = read(desk, ImapSource(server.settings(user, security=security, port=port))).news
    assert "timed out" in words or "not answered" in words


def test_a_server_that_drips_does_not_hold_it_either(
    desk: Desk, server: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "DONE_WITHIN", 0.5)
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        while not stop.wait(0.05):
            connection.sendall(b"*")

    with listening(drip) as port:
        [words] = read(desk, ImapSource(server.settings(user, security="starttls", port=port))).news
        stop.set()
    assert "longer than 0.5 seconds" in words


def test_an_unreachable_server_stops_no_other_source_and_is_tried_again_after_a_while(
    desk: Desk, server: Dovecot, user: str
) -> None:
    with socket.socket() as taken_port:
        taken_port.bind(("127.0.0.1", 0))
        port = taken_port.getsockname()[1]
    dead = ImapSource(server.settings(user, name="dead", port=port))
    server.deliver(user, mail())
    alive = ImapSource(server.settings(user))

    first = read(desk, dead, alive, patient=True)
    second = read(desk, dead, alive, patient=True)

    assert (len(first.news), len(first.taken)) == (1, 1)
    assert "refused" in first.news[0]
    assert (second.news, second.troubled) == ([], [])
    desk.world.now += timedelta(minutes=5)
    dead_again = ImapSource(server.settings(user, name="dead"))  # it answers now
    assert read(desk, dead_again, patient=True).troubled == []
    assert desk.world.store.inbox.trouble("dead") == {}


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda _: None, "cannot be read: no such file"),
        (lambda path: (path.touch(), path.chmod(0o644)), "others can read"),
        (lambda path: (path.touch(mode=0o600), path.write_bytes(b"\xff\xfe")), "not text in UTF-8"),
        (lambda path: (path.touch(mode=0o600), path.write_text("a\r\nb")), "more than one line"),
    ],
)
def test_a_password_file_that_is_no_good_is_said_so(desk: Desk, tmp_path, prepare, words: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "secret"
    prepare(path)
    settings = {
        "type": "imap",
        "name": "m",
        "host": "localhost",
        "user": "u",
        "folder": "INBOX",
        "password_file": str(path),
    }
    [told] = read(desk, ImapSource({**settings, "security": "tls", "mark_seen": True})).news
    assert words in told


def test_a_variable_that_is_not_set_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COOP_IMAP", raising=False)
    settings = {
        "type": "imap",
        "name": "m",
        "host": "localhost",
        "user": "u",
        "folder": "INBOX",
        "password_env": "COOP_IMAP",
    }
    [told] = read(desk, ImapSource({**settings, "security": "tls", "mark_seen": True})).news
    assert "COOP_IMAP" in told


class listening:  # noqa: N801 - read as words
    """A server of the test's own on loopback, for one connection."""

    def __init__(self, serve) -> None:  # type: ignore[no-untyped-def]
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> int:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return int(self._socket.getsockname()[1])

    def _run(self) -> None:
        try:
            connection, _ = self._socket.accept()
            with connection:
                connection.settimeout(5)
                self._serve(connection)
        except OSError:
            pass

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._thread.join(5)


def listen_only(connection: socket.socket) -> None:
    while connection.recv(10_000):
        pass


def plain_imap(connection: socket.socket, said: list[bytes]) -> None:
    """Enough of a server to be asked, and no TLS."""
    connection.sendall(b"* OK ready\r\n")
    while data := connection.recv(10_000):
        said.append(data)
        tag, _, command = data.partition(b" ")
        if command.upper().startswith(b"CAPABILITY"):
            connection.sendall(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n")
        else:
            connection.sendall(tag + b" BAD no\r\n")


def test_the_tests_server_is_a_real_one(server: Dovecot) -> None:
    context = ssl.create_default_context(cafile=str(server.ca_file))
    with (
        socket.create_connection(("127.0.0.1", server.imaps)) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as connection,
    ):
        assert b"Dovecot" in connection.recv(1000)
