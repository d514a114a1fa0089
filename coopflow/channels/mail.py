"""Writes a message as the bytes of a mail (RFC 5322), for a file or for a server.

The bytes are put together here, from parts that were checked one by one, and then read back with the standard library's
parser: a mail leaves only if a reader finds in it exactly the headers, the recipient and the words that were meant.
Serializers have let data become headers more than once, so neither side is trusted alone.

Most mails are plain: each of their headers is what it says, in printable ASCII, and their words are quoted-printable.
Of those it is certain what a reader finds, and the words alone are read back, since the parser takes five times as long
as all the rest. `_is_plain` decides, and a test holds that the parser would have found the same.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256

from msgspec import Struct

from coopflow.channels.addresses import require_mailbox
from coopflow.channels.base import HeaderRefused, Message, SenderRefused, require_words

HEADER_LIMIT = 300  # characters of a subject or a name: more is not meant for people
LINE_LIMIT = 998  # octets of a line, without its end (RFC 5322, 2.1.1)

_PLAIN_WIDTH = 66  # a longer subject goes into encoded words, which may be folded
_MULTI_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ENCODED_WORD = re.compile(r"=\?.*\?=")
_LINK = re.compile(r"(?:https|mailto):[!-;=?-~]{1,900}")  # printable ASCII but < and >
_PRINTABLE = re.compile(r"[!-~](?:[ -~]*[!-~])?(?:\r\n [!-~](?:[ -~]*[!-~])?)*")  # folded: no line is blank
_DATE_LINE = re.compile(rb"\ADate: [^\r\n]*\r\n")


def build_mail(
    message: Message,
    *,
    sender: str,
    sender_name: str,
    domain: str,
    reply_to: str | None = None,
    unsubscribe: Sequence[str] = (),
) -> bytes:
    """Write the mail; the same message gives the same bytes, but for `Date`.

    `domain` completes a Message-ID that has none; each of `unsubscribe` is a https: or mailto: address. Raise
    MessageRefused for a body, HeaderRefused for a header, SenderRefused for one that comes from the configuration.
    """
    headers = [
        *_envelope(message, sender, sender_name),
        *_origin(message, domain),
        *_answers(reply_to, unsubscribe),
        _Header("MIME-Version", "1.0"),
    ]
    bodies = _bodies(message)
    content = _alternative(bodies, _boundary(message.key)) if len(bodies) > 1 else _part(*bodies[0])
    written = _written([*headers, *content.headers], content.body)
    _require_wire_form(written)
    if not _is_plain([*headers, *content.headers], content):
        _require_as_meant(written, [*headers, *content.headers], bodies)
    return written


def undated_mail(written: bytes) -> bytes:
    """Answer with all that must not change between two attempts at one mail."""
    return _DATE_LINE.sub(b"", written)


# -- headers ------------------------------------------------------------------------------------------------------


def _unfolded(wire: str) -> object:
    return re.sub(r"\r\n(?=[ \t])", "", wire)


def _decoded(wire: str) -> object:
    from email.header import decode_header, make_header

    return str(make_header(decode_header(str(_unfolded(wire)))))


def _mailboxes(wire: str) -> object:
    from email.utils import getaddresses

    return [(_decoded(name), address) for name, address in getaddresses([str(_unfolded(wire))])]


class _Header(Struct, frozen=True):
    """A header as it is written, and what a reader must find in it."""

    name: str
    wire: str
    meant: object = None  # None: the very text that is written
    read: Callable[[str], object] = _unfolded
    read_back: bool = False  # it was read back when it was written, once for all mails that have it

    @property
    def is_plain(self) -> bool:
        """True if a reader is certain to find what was meant: the very text, on one line or folded by us."""
        if self.read_back:
            return True
        if "=?" in self.wire or not _PRINTABLE.fullmatch(self.wire):
            return False
        plainly = self.wire if "\r" not in self.wire else _unfolded(self.wire)
        return self.meant in (plainly, [("", plainly)]) or (self.meant is None and plainly is self.wire)

    def reads_back(self, name: str, wire: str) -> bool:
        return name == self.name and self.read(wire) == (self.wire if self.meant is None else self.meant)


def _envelope(message: Message, sender: str, sender_name: str) -> list[_Header]:
    from email.utils import format_datetime

    to = _mailbox(message.to, HeaderRefused, "the recipient")
    subject = _one_line(message.subject or "", HeaderRefused, "the subject")
    if not subject:
        raise HeaderRefused("the subject is empty")
    return [
        _Header("Date", format_datetime(message.at)),  # first, so that two attempts can be compared without it
        _from(sender, sender_name),
        _Header("To", to, [("", to)], _mailboxes),
        _Header("Subject", _words(subject, "Subject"), subject, _decoded),
    ]


@lru_cache(maxsize=16)  # all mails of a co-op have the same
def _from(sender: str, sender_name: str) -> _Header:
    from email.utils import formataddr

    address = _mailbox(sender, SenderRefused, "the sender")
    name = _one_line(sender_name, SenderRefused, "the sender's name")
    wire = formataddr((name, address)) if name.isascii() else f"{_words(name, 'From')} <{address}>"
    header = _Header("From", wire, [(name, address)], _mailboxes, read_back=True)
    if not _PRINTABLE.fullmatch(wire) or not header.reads_back("From", wire):
        raise SenderRefused("the sender's name does not read back as it was meant")
    return header


def _origin(message: Message, domain: str) -> list[_Header]:
    mark = message.message_id.removeprefix("<").removesuffix(">")
    mark = mark if "@" in mark else f"{mark}@{_domain(domain)}"
    headers = [
        _Header("Message-ID", f"<{_mailbox(mark, HeaderRefused, 'the Message-ID')}>"),
        _Header("Auto-Submitted", "auto-generated"),  # so that no vacation notice answers it
    ]
    if message.instance_id is not None:
        headers.append(_Header("X-Coopflow-Instance", f"{message.instance_id:d}"))
    return headers


def _answers(reply_to: str | None, unsubscribe: Sequence[str]) -> list[_Header]:
    headers = []
    if reply_to is not None:
        address = _mailbox(reply_to, SenderRefused, "the address for replies")
        headers.append(_Header("Reply-To", address, [("", address)], _mailboxes))
    if unsubscribe:
        links = ",\r\n ".join(f"<{require_link(link)}>" for link in unsubscribe)
        headers.append(_Header("List-Unsubscribe", links, _unfolded(links)))
    if any(link.startswith("https:") for link in unsubscribe):
        headers.append(_Header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return headers


def require_link(link: str) -> str:
    """Answer with a link to unsubscribe if it is one address that a mail program can open; else raise SenderRefused."""
    if not _LINK.fullmatch(link) or _ENCODED_WORD.search(link):
        raise SenderRefused("the link to unsubscribe is not one https: or mailto: address of at most 900 characters")
    return link


def _one_line(text: str, refused: type[HeaderRefused], what: str) -> str:
    """Answer with a text that is safe in a header, without blanks around it."""
    if len(text) > HEADER_LIMIT:
        raise refused(f"{what} has at most {HEADER_LIMIT} characters, this one has {len(text)}")
    if odd := _MULTI_LINE.search(text):
        raise refused(f"{what} must be one line of text; it contains the character U+{ord(odd.group()):04X}")
    if _ENCODED_WORD.search(text):
        raise refused(f"{what} contains an encoded word (=?…?=), which mail programs would rewrite")
    return text.strip()


def _words(text: str, header: str) -> str:
    """Write a header's text: as it stands if it is short ASCII, else in encoded words."""
    from email.header import Header

    if text.isascii() and len(text) <= _PLAIN_WIDTH:
        return text
    return Header(text, "utf-8", maxlinelen=76, header_name=header).encode(linesep="\r\n")


def _mailbox(text: str, refused: type[HeaderRefused], what: str) -> str:
    try:
        return require_mailbox(text)
    except ValueError as error:
        raise refused(f"{what}: {error}") from None


def _domain(text: str) -> str:
    return _mailbox(f"x@{text}", SenderRefused, "the domain of the Message-ID")[2:]


# -- bodies -------------------------------------------------------------------------------------------------------


class _Content(Struct, frozen=True):
    headers: list[_Header]
    body: bytes
    is_plain: bool  # its words are quoted-printable, and were read back


def _bodies(message: Message) -> list[tuple[str, str]]:
    """Answer with media type and words of each form of the message, the plainest first, line ends as on the wire."""
    forms = [("text/plain", message.text)]
    if message.html is not None:
        forms.append(("text/html", message.html))
    return [(kind, require_words(text).removesuffix("\n").replace("\n", "\r\n") + "\r\n") for kind, text in forms]


def _part(kind: str, text: str) -> _Content:
    raw = text.encode()
    way, body = "quoted-printable", binascii.b2a_qp(raw, istext=True)
    if len(body) > 2 * len(raw):  # hardly a letter in it is ASCII
        way, body = "base64", base64.encodebytes(raw).replace(b"\n", b"\r\n")
    headers = [_Header("Content-Type", f'{kind}; charset="utf-8"'), _Header("Content-Transfer-Encoding", way)]
    return _Content(headers, body, way == "quoted-printable" and binascii.a2b_qp(body) == raw)


def _boundary(key: str) -> str:
    """No words can end their part: `=_` occurs neither in quoted-printable nor in base64."""
    return "=_" + sha256(key.encode()).hexdigest()[:32]


def _alternative(bodies: list[tuple[str, str]], boundary: str) -> _Content:
    parts = [_part(*body) for body in bodies]
    lines = [b"--%s\r\n%s\r\n" % (boundary.encode(), _written(part.headers, part.body)) for part in parts]
    header = _Header("Content-Type", f'multipart/alternative; boundary="{boundary}"')
    body = b"".join(lines) + b"--%s--\r\n" % boundary.encode()
    return _Content([header], body, all(part.is_plain for part in parts))


def _written(headers: list[_Header], body: bytes) -> bytes:
    return "".join(f"{header.name}: {header.wire}\r\n" for header in headers).encode("ascii") + b"\r\n" + body


# -- reading back -------------------------------------------------------------------------------------------------


def _is_plain(headers: list[_Header], content: _Content) -> bool:
    """True of a mail that needs no parser to know what a reader finds in it."""
    return content.is_plain and all(header.is_plain for header in headers)


def _require_wire_form(written: bytes) -> None:
    """Refuse what is no mail at all: other line ends, other letters, lines that servers cut."""
    whole_ends = written.count(b"\r\n") == written.count(b"\r") == written.count(b"\n")
    if not (whole_ends and written.isascii()):
        raise HeaderRefused("the finished mail is not plain ASCII with whole line ends")
    if max(map(len, written.split(b"\r\n"))) > LINE_LIMIT:
        raise HeaderRefused(f"the finished mail has a line of more than {LINE_LIMIT} octets")


def _require_as_meant(written: bytes, headers: list[_Header], bodies: list[tuple[str, str]]) -> None:
    """Refuse a mail in which a reader would find anything else than what was meant."""
    from email import message_from_bytes

    mail = message_from_bytes(written)
    found = mail.items()
    as_meant = len(found) == len(headers) and all(
        header.reads_back(*pair) for header, pair in zip(headers, found, strict=True)
    )
    if not as_meant:
        raise HeaderRefused("the finished mail does not read back with the headers that were meant")
    leaves = [leaf for leaf in mail.walk() if not leaf.is_multipart()]
    words = [(leaf.get_content_type(), leaf.get_payload(decode=True)) for leaf in leaves]
    if words != [(kind, text.encode()) for kind, text in bodies]:
        raise HeaderRefused("the finished mail does not read back with the words that were meant")
