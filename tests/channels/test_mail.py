import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from coopflow.channels import mail as module
from coopflow.channels.base import HeaderRefused, Message, MessageRefused, SenderRefused
from coopflow.channels.mail import build_mail, undated_mail

from .contract import HOSTILE_ADDRESSES, HOSTILE_WORDS, same_lines

MESSAGE = Message(
    channel="email",
    to="family42@example.org",
    subject="How are you?",
    text="Hello,\n\nCan we talk?\n",
    key="5f1c",
    message_id="<5f1c@coop.example>",
    at=datetime(2026, 3, 2, 6, 0, tzinfo=UTC),
    instance_id=42,
)
OF_EVERY_MAIL = ["Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted", "X-Coopflow-Instance", "MIME-Version"]
OF_ONE_BODY = [*OF_EVERY_MAIL, "Content-Type", "Content-Transfer-Encoding"]

printable = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
encoded_words = st.sampled_from(
    ["=?utf-8?q?a=0aBcc=3a_e?=", "=?utf-8?b?YQ==?=", "=?", "?=", "=0a", "\r\nBcc: e@c.example"]
)
lines = st.text(printable, min_size=1, max_size=80).filter(str.strip)
hostile_lines = st.lists(st.one_of(encoded_words, st.text(max_size=20)), max_size=8).map("".join)
bodies = st.one_of(
    st.text(max_size=400),
    st.text(st.sampled_from("\r\n. =-_?ä日\t"), max_size=200),
    st.lists(st.sampled_from(HOSTILE_WORDS), max_size=3).map("\r".join),
)


def build(message: Message = MESSAGE, **changes) -> bytes:
    head = {"sender": "hello@coop.example", "sender_name": "Maple Co-op", "domain": "coop.example"}
    return build_mail(message, **(head | changes))


def read(raw: bytes) -> EmailMessage:
    """Read with the newer parser, which the code under test does not use."""
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    return mail


def mailboxes(raw: bytes) -> list[tuple[str, str]]:
    """Read the sender with the older parser: the newer one leaves blanks between the encoded words of a long name."""
    header = str(message_from_bytes(raw)["From"]).replace("\r\n", "")
    return [(str(make_header(decode_header(name))), address) for name, address in getaddresses([header])]


def assert_fit_for_the_wire(raw: bytes) -> None:
    assert raw.isascii()
    assert b"\0" not in raw
    assert raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n")
    assert raw.endswith(b"\r\n")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\r\n.\r\n" not in raw  # not even the end of the mail, should someone forget to stuff the dots


# -- a mail as it should be ---------------------------------------------------------------------------------------


def test_a_mail_byte_for_byte():
    assert build().decode("ascii").split("\r\n") == [
        "Date: Mon, 02 Mar 2026 06:00:00 +0000",
        "From: Maple Co-op <hello@coop.example>",
        "To: family42@example.org",
        "Subject: How are you?",
        "Message-ID: <5f1c@coop.example>",
        "Auto-Submitted: auto-generated",
        "X-Coopflow-Instance: 42",
        "MIME-Version: 1.0",
        'Content-Type: text/plain; charset="utf-8"',
        "Content-Transfer-Encoding: quoted-printable",
        "",
        "Hello,",
        "",
        "Can we talk?",
        "",
    ]


def test_words_in_html_make_it_a_choice_between_two_bodies_the_plainer_first():
    mail = read(build(replace(MESSAGE, html="<p>Hello,<br>Grüße</p>")))
    assert list(mail.keys()) == [*OF_EVERY_MAIL, "Content-Type"]
    assert mail.get_content_type() == "multipart/alternative"
    plain, html = mail.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert same_lines(plain.get_content()) == same_lines(MESSAGE.text)
    assert same_lines(html.get_content()) == "<p>Hello,<br>Grüße</p>"


def test_two_attempts_differ_in_their_date_only():
    message = replace(MESSAGE, html="<p>Hello</p>", subject="Ä" * 100)
    first, second = build(message), build(replace(message, at=MESSAGE.at + timedelta(days=3, seconds=1)))
    assert first != second
    assert undated_mail(first) == undated_mail(second)
    assert undated_mail(first) != undated_mail(build(replace(message, text="Hello")))


@pytest.mark.parametrize(
    ("given_id", "written"),
    [("5f1c", "<5f1c@coop.example>"), ("5f1c@x.example", "<5f1c@x.example>"), ("<5f1c@x.example>", "<5f1c@x.example>")],
)
def test_the_message_id_is_completed_where_it_must_be(given_id, written):
    assert read(build(replace(MESSAGE, message_id=given_id)))["Message-ID"] == written


def test_a_mail_without_an_instance_does_not_claim_one():
    assert "X-Coopflow-Instance" not in read(build(replace(MESSAGE, instance_id=None)))


def test_answers_go_where_the_co_op_wants_them():
    mail = read(build(reply_to="reply+42@coop.example"))
    assert mail["Reply-To"] == "reply+42@coop.example"
    assert list(mail.keys()) == [*OF_EVERY_MAIL[:-1], "Reply-To", *OF_ONE_BODY[-3:]]


@pytest.mark.parametrize("link", ["https://coop.example/out?t=" + "x" * 700, "mailto:out+42@coop.example?subject=out"])
def test_a_link_to_unsubscribe_stays_in_one_piece(link):
    raw = build(unsubscribe=[link])
    assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in raw
    one_click = b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    assert (one_click in raw) == link.startswith("https:")


@pytest.mark.parametrize(
    ("text", "way"),
    [("Hello", "quoted-printable"), ("Señora García, ¿qué tal?", "quoted-printable"), ("日本語", "base64")],
)
def test_words_are_encoded_in_the_shorter_way(text, way):
    assert read(build(replace(MESSAGE, text=text)))["Content-Transfer-Encoding"] == way


# -- headers (H13 to H16) -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "char", ["\r", "\n", "\r\n", "\0", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"], ids=ascii
)
def test_h13_more_than_one_line_is_refused_in_every_header(char):
    smuggled = f"Hi{char}Bcc: evil@c.example"
    with pytest.raises(HeaderRefused, match=r"the subject must be one line of text; it contains the character U\+"):
        build(replace(MESSAGE, subject=smuggled))
    with pytest.raises(SenderRefused, match="the sender's name must be one line"):
        build(sender_name=smuggled)
    heads = {
        "sender": "a@b.example",
        "reply_to": "a@b.example",
        "domain": "b.example",
        "unsubscribe": ["mailto:a@b.example"],
    }
    for header, good in heads.items():
        build(replace(MESSAGE, message_id="5f1c"), **{header: good})
        with pytest.raises(SenderRefused):
            build(replace(MESSAGE, message_id="5f1c"), **{header: _followed_by(good, char)})
    with pytest.raises(HeaderRefused, match="the Message-ID"):
        build(replace(MESSAGE, message_id=f"5f1c{char}@b.example"))


def _followed_by(good, char):
    return good + char if isinstance(good, str) else [link + char for link in good]


@pytest.mark.parametrize(
    "probe", ["=?utf-8?q?hi=0aBcc=3a_evil=40x=2eorg?=", "=?utf-8?q?hi=0d=0aBcc=3a_e?= there", "a =?x?b?CkJjYzogZQ==?="]
)
def test_h14_an_encoded_word_with_a_line_end_in_it_is_refused(probe):
    with pytest.raises(HeaderRefused, match="encoded word"):
        build(replace(MESSAGE, subject=probe))
    with pytest.raises(SenderRefused, match="encoded word"):
        build(sender_name=probe)


def test_h15_a_header_has_a_limit():
    assert read(build(replace(MESSAGE, subject="x" * 300)))["Subject"] == "x" * 300
    with pytest.raises(HeaderRefused, match="the subject has at most 300 characters, this one has 2000"):
        build(replace(MESSAGE, subject="x" * 2000))
    with pytest.raises(SenderRefused, match="the sender's name has at most 300 characters"):
        build(sender_name="x" * 301)


@pytest.mark.parametrize("subject", [None, "", "  ", "\u00a0"])
def test_a_mail_without_a_subject_is_refused(subject):
    with pytest.raises(HeaderRefused, match="the subject is empty"):
        build(replace(MESSAGE, subject=subject))


@pytest.mark.parametrize(
    "name",
    [
        '"x" <evil@x.example>',
        "Smith, John",
        "a@b.example",
        "back\\slash",
        "Zoë (office)",
        "x" * 300,
        '"' * 300,
        "é" * 300,
    ],
)
def test_h16_a_sender_name_that_looks_like_addresses_is_one_name_of_one_mailbox(name):
    raw = build(sender_name=name)
    assert mailboxes(raw) == [(name, "hello@coop.example")]
    assert [found.addr_spec for found in read(raw)["From"].addresses] == ["hello@coop.example"]


def test_a_sender_needs_no_name():
    assert read(build(sender_name=""))["From"] == "hello@coop.example"


@pytest.mark.parametrize("to", HOSTILE_ADDRESSES, ids=lambda to: ascii(to)[:30])
def test_h17_what_is_not_one_plain_address_is_refused_as_recipient_and_as_sender(to):
    with pytest.raises(HeaderRefused, match="the recipient: "):
        build(replace(MESSAGE, to=to))
    with pytest.raises(SenderRefused, match="the sender: "):
        build(sender=to)


@pytest.mark.parametrize(
    "link",
    [
        "",
        "http://coop.example",
        "javascript:alert(1)",
        "https://a b",
        "https://a>, <mailto:e@c.example",
        "https:" + "x" * 901,
    ],
)
def test_a_link_that_is_not_one_safe_address_is_refused(link):
    with pytest.raises(SenderRefused, match="the link to unsubscribe"):
        build(unsubscribe=[link])


@given(subject=lines, name=lines)
@example(subject="two  blanks, then a very long word " + "x" * 40, name="a" * 66 + " b")
@example(subject="=?", name="?=")
def test_every_line_of_text_reads_back_as_subject_and_as_name(subject, name):
    raw = build(replace(MESSAGE, subject=subject), sender_name=name)
    assert read(raw)["Subject"] == subject.strip()
    assert mailboxes(raw) == [(name.strip(), "hello@coop.example")]


@given(subject=hostile_lines, name=hostile_lines, message_id=hostile_lines, link=hostile_lines)
def test_h15_no_data_adds_a_header_or_a_recipient(subject, name, message_id, link):
    message = replace(MESSAGE, subject=subject, message_id=message_id or "5f1c")
    for changes in ({}, {"sender_name": name}, {"unsubscribe": [link]}):
        try:
            raw = build(message, **changes)
        except HeaderRefused:
            message = replace(message, subject="Hello", message_id="5f1c")  # the next round looks at the rest
            continue
        assert_fit_for_the_wire(raw)
        mail = read(raw)
        assert [key for key in mail if not key.startswith("List-Unsubscribe")] == OF_ONE_BODY
        assert [found.addr_spec for found in mail["To"].addresses] == ["family42@example.org"]


# -- what is plain ------------------------------------------------------------------------------------------------

some_addresses = st.sampled_from(
    [*HOSTILE_ADDRESSES, "a@b.example", "o'brien+x=y_z-1.2@sub.example", "!#$%&*/?^`{|}~@b.example"]
)
some_subjects = st.one_of(
    lines, hostile_lines, st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=90)
)
some_links = st.lists(
    st.sampled_from(["https://coop.example/out?t=1", "mailto:out+42@coop.example", "https://x/" + "y" * 200]),
    max_size=2,
)


@given(
    subject=some_subjects,
    to=some_addresses,
    name=some_subjects,
    reply_to=st.none() | some_addresses,
    links=some_links,
    text=bodies,
    html=st.none() | bodies,
)
@example("Re: a@b.example, c", "a@b.example", "Co-op, Inc. <x@y>", "r+1@b.example", [], "Hello\n", "<p>Hello</p>\n")
@example(
    "two  blanks: and, colons", "a@b.example", "M", None, ["https://a", "mailto:b@c.example"], "From me\n.\n", None
)
def test_what_is_plain_reads_back_as_it_was_meant_and_is_what_the_standard_library_writes(
    subject, to, name, reply_to, links, text, html
):
    message = replace(MESSAGE, subject=subject, to=to, text=text, html=html)
    decided = []
    is_plain = module._is_plain

    def noted(headers, content):
        decided.append(is_plain(headers, content))
        return False  # so that each mail is read back, and refused if it is not as meant

    with patch.object(module, "_is_plain", noted):
        try:
            raw = build(message, sender_name=name, reply_to=reply_to, unsubscribe=links)
        except MessageRefused:
            assert decided in ([], [False])
            return
    mail = message_from_bytes(raw)
    assert mail.as_bytes(policy=policy.compat32.clone(linesep="\r\n", max_line_length=0, mangle_from_=False)) == raw
    assert build(message, sender_name=name, reply_to=reply_to, unsubscribe=links) == raw


@pytest.mark.parametrize(
    ("changes", "head", "plain"),
    [
        ({}, {}, True),
        (
            {"html": "<p>Hello</p>"},
            {"reply_to": "r@coop.example", "unsubscribe": ["https://a", "mailto:b@c.org"]},
            True,
        ),
        ({"text": "Señora, ça va?"}, {"sender_name": "Mäple"}, True),
        ({"subject": "Señora"}, {}, False),
        ({"subject": "a" * 67}, {}, False),
        ({"text": "日本語です"}, {}, False),
    ],
)
def test_most_mails_are_plain(monkeypatch, changes, head, plain):
    read_back = []
    monkeypatch.setattr(module, "_require_as_meant", lambda *mail: read_back.append(mail))
    build(replace(MESSAGE, **changes), **head)
    assert (read_back == []) is plain


# -- bodies (H20) -------------------------------------------------------------------------------------------------


@given(text=bodies, html=st.none() | bodies)
@example(text=".\r\n.\n.\r.", html=".")
@example(text="--=_" + "0" * 32 + "--", html="--=_")
def test_h20_every_text_is_one_mail_that_reads_back_line_by_line(text, html):
    message = replace(MESSAGE, text=text, html=html)
    words = [part for part in (text, html) if part is not None]
    if any(not part.strip() or "\0" in part for part in words):
        with pytest.raises(MessageRefused):
            build(message)
        return
    raw = build(message)
    assert_fit_for_the_wire(raw)
    leaves = [leaf for leaf in read(raw).walk() if not leaf.is_multipart()]
    assert [same_lines(leaf.get_payload(decode=True).decode()) for leaf in leaves] == [
        same_lines(part) for part in words
    ]


def test_words_cannot_end_their_part_of_the_mail():
    boundary = re.search(rb'boundary="(.+)"', build(replace(MESSAGE, html="x")))[1].decode()
    text = f"Hello\n--{boundary}--\nContent-Type: text/html\n\n--{boundary}\n"
    plain, html = read(build(replace(MESSAGE, text=text, html=text))).iter_parts()
    assert same_lines(plain.get_content()) == same_lines(html.get_content()) == same_lines(text)


# -- the last check, in case the ones before it have a hole --------------------------------------------------------


@pytest.mark.parametrize(
    ("hole", "sentence"),
    [
        ("Hi\r\nBcc: evil@c.example", "does not read back with the headers that were meant"),
        ("Hi\r\n\r\nEvil", "does not read back with the headers that were meant"),
        ("Hi\r\n more", "does not read back with the headers that were meant"),
        ("=?utf-8?q?hi=0aBcc=3a_evil=40x=2eorg?=", "does not read back with the headers that were meant"),
        ("Hi\nBcc: evil@c.example", "is not plain ASCII with whole line ends"),
        ("Hi\rthere", "is not plain ASCII with whole line ends"),
        ("x" * 999, "has a line of more than 998 octets"),
    ],
)
def test_a_header_that_slipped_through_is_caught_when_the_mail_is_read_back(monkeypatch, hole, sentence):
    monkeypatch.setattr(module, "_one_line", lambda text, *_: text)
    monkeypatch.setattr(module, "_words", lambda text, *_: text)
    with pytest.raises(HeaderRefused, match=sentence):
        build(replace(MESSAGE, subject=hole))


def test_a_body_that_slipped_through_is_caught_when_the_mail_is_read_back(monkeypatch):
    monkeypatch.setattr(module.binascii, "b2a_qp", lambda *_, **__: b"--=_\r\n")
    with pytest.raises(HeaderRefused, match="does not read back with the words that were meant"):
        build()


def test_h18_no_value_of_a_message_makes_a_second_recipient():
    for hostile in ("evil@c.example", "Bcc: evil@c.example", "\r\nBcc: evil@c.example", "x\nCc: evil@c.example"):
        raw = build(replace(MESSAGE, text=hostile, html=f"<p>{hostile}</p>", family_id=hostile))
        mail = read(raw)
        assert [found.addr_spec for found in mail["To"].addresses] == ["family42@example.org"]
        assert (mail["Cc"], mail["Bcc"]) == (None, None)
        assert_fit_for_the_wire(raw)


def test_h19_ten_thousand_recipients_are_refused_at_once_and_none_of_them_is_named():
    many = ", ".join(f"a{number}@b.example" for number in range(10_000))
    for to in (many, many.replace(", ", "; "), f"Friends: {many};"):
        with pytest.raises(HeaderRefused, match="the recipient: ") as refused:
            build(replace(MESSAGE, to=to))
        assert "@b.example" not in str(refused.value)
