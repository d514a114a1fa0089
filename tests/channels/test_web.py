"""One request over the web, with everything that can go wrong on a line, on real sockets on loopback."""

import queue
import socket
import ssl
import struct
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coopflow.channels.answers import excerpt, read_object
from coopflow.channels.web import LONGEST_ANSWER, Answer, Request, Web
from coopflow.core.deliveries import Unavailable, Unknown, Withdrawn
from coopflow.core.web_addresses import is_loopback, require_url
from tests.servers.certificates import Authority
from tests.servers.web import Talk, WebServer, replies, web_server


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server(replies(200, b"taken")) as made:
        yield made


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def ask(url: str, *, last_call: Callable[[], bool] = lambda: True, body: bytes = b"a=1", **options: object):
    web = Web(**{"connect": 1, "read": 0.4, "altogether": 1, **options})  # type: ignore[arg-type]
    return web.ask(Request(method="POST", url=url, headers={"X-Key": "k"}, body=body), last_call)


def test_the_last_call_stands_between_the_connection_and_the_first_byte(server: WebServer) -> None:
    seen: list[int] = []

    def last_call() -> bool:
        seen.append(len(server.log))
        return True

    answer = ask(server.url, last_call=last_call)
    assert answer == Answer(200, {"content-length": "5"}, b"taken")
    assert seen == [0]


def test_after_a_no_not_one_byte_was_written(server: WebServer) -> None:
    got: queue.Queue[bytes] = queue.Queue()
    server.greet.append(lambda line: got.put(line.recv(1)))
    assert ask(server.url, last_call=lambda: False) == Withdrawn()
    assert got.get(timeout=5) == b""


# -- T01 to T05: the line ----------------------------------------------------------------------------------------


def never() -> bool:
    raise AssertionError("nobody may ask for the last call of what was never connected")


def test_t01_a_refused_connection_was_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    fate = ask(f"http://127.0.0.1:{port}", last_call=never)
    assert fate == Unavailable(f"127.0.0.1:{port} cannot be reached: connection refused")


def test_t01_a_name_that_nobody_knows_was_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    fate = ask("https://sms.example.org", last_call=never)
    assert fate == Unavailable("sms.example.org cannot be reached: name or service not known")


def test_t02_a_connection_that_hangs_before_tls_is_given_up(authority: Authority) -> None:
    with web_server(replies(200), authority.context()) as server:
        server.greet.append(lambda line: time_out(line))
        fate = ask(server.url, last_call=never, connect=0.3, ca_file=authority.ca_file)
    assert isinstance(fate, Unavailable)
    assert "timed out" in fate.reason


def time_out(line: socket.socket) -> None:
    """Say nothing until the other side has hung up."""
    line.settimeout(5)
    while line.recv(65_536):
        pass


def test_t02_an_answer_that_does_not_come_is_unknown(server: WebServer) -> None:
    server.next.append(Talk.hang)
    assert isinstance(ask(server.url), Unknown)


@pytest.mark.parametrize("part", ["head", "body"])
def test_t03_one_byte_at_a_time_is_cut_off_at_the_deadline(server: WebServer, part: str) -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" if part == "body" else b""
    server.next.append(lambda talk: (talk.say(start), talk.drip(b"HTTP/1.1 200 OK" + b"x" * 2000, every=0.02)))
    began = time.monotonic()
    fate = ask(server.url, read=5, altogether=0.4)
    assert time.monotonic() - began < 3
    if part == "head":
        assert isinstance(fate, Unknown)
    else:  # the status is a fact; that the rest is missing is said
        assert isinstance(fate, Answer)
        assert (fate.status, fate.whole) == (200, False)


def endless(talk: Talk) -> None:
    talk.say(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n")
    try:
        while True:
            talk.line.sendall(b"x" * 65_536)
    except OSError:
        pass


def test_t04_an_endless_answer_is_read_to_a_limit(server: WebServer) -> None:
    server.next.append(endless)
    answer = ask(server.url, read=5, altogether=5)
    assert isinstance(answer, Answer)
    assert (len(answer.body), answer.whole) == (LONGEST_ANSWER, False)


GARBAGE = {
    "binary": b"\x00\xff\xfe" * 50,
    "no line end": b"HTTP/1.1 200 OK",
    "code 2x0": b"HTTP/1.1 2x0 OK\r\n\r\n",
    "code 99": b"HTTP/1.1 99 OK\r\n\r\n",
    "a line without end": b"HTTP/1.1 200 " + b"O" * 70_000 + b"\r\n\r\n",
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 5_000,
    "a header without end": b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "only to continue": b"HTTP/1.1 100 Continue\r\n\r\n" * 100,
}


@pytest.mark.parametrize("said", GARBAGE.values(), ids=list(GARBAGE))
def test_t04_garbage_after_the_request_is_unknown_and_bounded(server: WebServer, said: bytes) -> None:
    server.next.append(lambda talk: talk.say(said))
    fate = ask(server.url)
    assert isinstance(fate, Unknown)
    assert len(fate.reason) < 200


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nshort",
    ],
)
def test_t04_an_answer_that_ends_early_is_known_to_be_cut(server: WebServer, said: bytes) -> None:
    server.next.append(lambda talk: talk.say(said))
    answer = ask(server.url)
    assert isinstance(answer, Answer)
    assert not answer.whole


def hang_up_in_the_middle(line: socket.socket) -> None:
    line.recv(65_536)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_t05_a_line_that_breaks_before_the_last_byte_is_out_was_not_sent(server: WebServer) -> None:
    server.greet.append(hang_up_in_the_middle)
    fate = ask(server.url, body=b"x" * 30_000_000, read=5, altogether=5)
    assert isinstance(fate, Unavailable)
    assert "broke before the request was out" in fate.reason
    assert server.log == []


# -- T06 to T10: TLS ----------------------------------------------------------------------------------------------

BAD_CERTIFICATES = {
    "expired": (Authority.expired, "certificate has expired"),
    "wrong host": (lambda authority: authority.context("elsewhere.example"), "Hostname mismatch"),
    "not yet valid": (Authority.not_yet_valid, "is not yet valid; is this machine's clock right?"),
}


@pytest.mark.parametrize(("made", "words"), BAD_CERTIFICATES.values(), ids=list(BAD_CERTIFICATES))
def test_t06_a_bad_certificate_holds_the_transport_and_nothing_is_said(authority: Authority, made, words: str) -> None:
    with web_server(replies(200), made(authority)) as server:
        fate = ask(server.url, last_call=never, ca_file=authority.ca_file)
    assert isinstance(fate, Unavailable)
    assert fate.until_mended
    assert words in fate.reason
    assert server.log == []


def test_t06_a_certificate_of_an_unknown_authority_is_not_good(authority: Authority) -> None:
    with web_server(replies(200), authority.context()) as server:
        fate = ask(server.url, last_call=never)
    assert isinstance(fate, Unavailable)
    assert fate.until_mended
    assert server.log == []


def test_a_good_certificate_of_an_authority_of_ones_own_is_good(authority: Authority) -> None:
    with web_server(replies(200, b"taken"), authority.context()) as server:
        answer = ask(server.url, ca_file=authority.ca_file)
    assert isinstance(answer, Answer)
    assert answer.body == b"taken"


def test_t07_a_server_that_speaks_only_old_tls_gets_nothing(authority: Authority) -> None:
    old = authority.context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with web_server(replies(200), old) as server:
        fate = ask(server.url, last_call=never, ca_file=authority.ca_file)
    assert isinstance(fate, Unavailable)
    assert server.log == []


@pytest.mark.parametrize("after", [0, 1, 5, 50, 1000])
def test_t08_a_handshake_that_is_cut_off_was_not_sent(authority: Authority, after: int) -> None:
    def cut(line: socket.socket) -> None:
        if after:
            line.recv(after)
        hang_up_in_the_middle(line)

    with web_server(replies(200), authority.context()) as server:
        server.greet.append(cut)
        fate = ask(server.url, last_call=never, ca_file=authority.ca_file)
    assert isinstance(fate, Unavailable)


def test_a_server_without_tls_where_tls_is_expected_gets_nothing(server: WebServer) -> None:
    fate = ask(server.url.replace("http://", "https://"), last_call=never)
    assert isinstance(fate, Unavailable)


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_file_of_certificates_that_is_none_holds_the_transport(
    server: WebServer, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)
    fate = ask(server.url.replace("http:", "https:"), last_call=never, ca_file=tmp_path / "ca.pem")
    assert isinstance(fate, Unavailable)
    assert fate.until_mended
    assert f"the certificates in {tmp_path}/ca.pem cannot be read" in fate.reason


def test_t36_a_host_whose_first_address_is_dead_is_reached_by_its_second(
    server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 9, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    assert isinstance(ask(server.url), Answer)


# -- T29, T35: no way round ---------------------------------------------------------------------------------------


def test_t29_a_redirect_is_an_answer_and_nothing_more(server: WebServer) -> None:
    server.next.append(replies(307, Location=f"{server.url}/other"))
    answer = ask(server.url)
    assert isinstance(answer, Answer)
    assert answer.status == 307
    assert server.connections == 1


def test_t35_proxies_of_the_environment_are_ignored(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert isinstance(ask(server.url), Answer)
    assert len(server.log) == 1


def test_every_request_has_a_connection_of_its_own(server: WebServer) -> None:
    for _ in range(5):
        assert isinstance(ask(server.url), Answer)
    assert server.connections == 5


@pytest.mark.parametrize("header", ["a\r\nBcc: x", "a\nb", "a\0b", "ä€"])
def test_a_header_that_cannot_be_is_refused_before_the_last_call(server: WebServer, header: str) -> None:
    web = Web(connect=1, read=1, altogether=1)
    fate = web.ask(Request(method="POST", url=server.url, headers={"X-A": header}, body=b""), never)
    assert isinstance(fate, Unavailable)
    assert fate.until_mended
    assert header not in fate.reason


# -- addresses, and what is read of answers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org",
        "https://example.org:8443/hook?x=1&y=%20",
        "http://127.0.0.1:13013/cgi-bin/sendsms",
        "http://localhost/",
        "http://[::1]:80/",
        "https://example.org/" + "a" * 1980,
    ],
)
def test_addresses_that_may_be_called(text: str) -> None:
    assert require_url(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.org",
        "ftp://example.org",
        "file:///etc/passwd",
        "http://example.org",
        "http://127.0.0.1.example.org",
        "http://10.0.0.1/",
        "https://",
        "https://user:secret@example.org",
        "https://user@example.org",
        "https://example.org:99999",
        "https://example.org:0",
        "https://example.org/#x",
        "https://example.org/a b",
        "https://example.org/\r\nX: y",
        "https://exämple.org/",
        "https://[::1",
        "https://example.org/" + "a" * 1981,
    ],
)
def test_addresses_that_may_not_be_called(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        require_url(text)
    assert "secret" not in str(caught.value)


def test_this_machine_is_known_by_its_names() -> None:
    assert [host for host in ("localhost", "127.9.9.9", "::1", "0.0.0.0", "localhost.evil") if is_loopback(host)] == [  # noqa: S104
        "localhost",
        "127.9.9.9",
        "::1",
    ]


def test_what_is_kept_of_an_answer_names_nobody_and_no_secret() -> None:
    said = b"<p>Sorry, +1 (512) 867-5309 and anna@example.org\n are\x1b[31m not known; key s3cret; error 4001</p>"
    assert excerpt(said, ["s3cret"]) == "Sorry, … and … are[31m not known; key ***; error 4001"
    assert len(excerpt(b"x" * 10_000)) == 120


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{", b'{"a": Infinity}', b'{"a": "\\ud800"}', b"\xff", b"1e999"])
def test_what_is_no_object_is_not_read(body: bytes) -> None:
    assert read_object(body) is None


@pytest.mark.parametrize("said", [b"x" * 4096, b'"prediction_id' * 300, b"a.b-" * 1000, b"1 " * 2000, b"<" * 4096])
def test_an_answer_is_cleaned_at_once_whatever_it_is(said: bytes) -> None:
    began = time.process_time()
    for _ in range(10):
        excerpt(said)
    assert time.process_time() - began < 0.2


def test_every_address_is_taken_out_of_an_answer() -> None:
    assert excerpt(b"no a.b@example.org, <c@d.example or 'e@f'; +1 212-555-0142 @ noon") == "no … … or … … @ noon"
