"""What a person wrote in a mail: its words, in whatever form they come, without what they quote. All of it bounded."""

import re
from collections.abc import Iterator
from contextlib import suppress
from email.message import Message
from html.parser import HTMLParser

MOST_PARTS = 60  # of a mail; a deeper one is not taken apart
LONGEST_PART = 100_000  # bytes of a part that are decoded
LONGEST_TEXT = 10_000  # characters in which the end of the answer is looked for
LONGEST_ANSWER = 4_000  # characters of the answer that are kept
LANGUAGES = ("en", "de", "es", "fr", "it", "nl", "pl", "sv")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NO_CHARSETS = _set("idna punycode unicode_escape unicode-escape raw_unicode_escape utf-7 utf7")  # slow, or tricks
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SILENT = _set("script style head title blockquote")  # what stands in these, the person did not write
_BREAKS = _set("br p div tr li h1 h2 h3 h4 h5 h6 table")
_VOID = _set("br hr img input meta link area base col embed source track wbr")
_QUOTE = re.compile(r"\b(gmail_quote|yahoo_quoted|moz-cite-prefix|protonmail_quote|divRplyFwdMsg|appendonsend)\b")


def clean(text: str, limit: int) -> str:
    """A text without what cannot be seen or stored, no longer than it may be."""
    return _CONTROLS.sub("", text[: 2 * limit])[:limit]


def words_of(message: Message) -> str:
    """The words of the first part that has any, plain before HTML, without what they quote."""
    parts = [part for part in leaves(message) if part.get_content_disposition() != "attachment"]
    plain = next((part for part in parts if part.get_content_type() == "text/plain"), None)
    if plain is not None and (text := decoded(plain).strip()):
        return without_quotes(text)
    rich = next((part for part in parts if part.get_content_type() == "text/html"), None)
    return without_quotes(_text_of_html(decoded(rich))) if rich is not None else ""


def without_quotes(text: str) -> str:
    """An answer without the mail that it answers, as mail programs quote it."""
    from mailparser_reply import EmailReplyParser  # type: ignore[import-untyped]

    lines = clean(text.replace("\r\n", "\n").replace("\r", "\n"), LONGEST_TEXT).splitlines()
    shortened = "\n".join(line[:1_000].rstrip() for line in lines)
    found = EmailReplyParser(languages=list(LANGUAGES)).parse_reply(re.sub(r"\n{3,}", "\n\n", shortened))
    return _before_the_quote(str(found or "")).strip()[:LONGEST_ANSWER]


def _before_the_quote(text: str) -> str:
    """In languages that the library does not know: all before the lines that end in a colon and lead to a quote."""
    lines = text.splitlines()
    first = next((place for place, line in enumerate(lines) if line.startswith(">")), None)
    if first is None:
        return text
    end = first
    while end > 0 and not lines[end - 1].strip():
        end -= 1
    if end > 0 and lines[end - 1].rstrip().endswith(":"):
        start = max(0, end - 3)
        end = next((place + 1 for place in range(end - 1, start - 1, -1) if not lines[place].strip()), start)
        return "\n".join(lines[:end])
    return "\n".join(line for line in lines if not line.startswith(">"))


def leaves(message: Message) -> Iterator[Message]:
    """The parts that hold something, but for those of mails inside the mail."""
    waiting, seen = [message], 0
    while waiting and seen < MOST_PARTS:
        part, seen = waiting.pop(0), seen + 1
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            waiting = [*inner_parts(part), *waiting]
        else:
            yield part


def inner_parts(part: Message) -> list[Message]:
    """The mails, parts or groups of fields that a part consists of; asked of no other, since that would decode it."""
    payload = part.get_payload() if part.is_multipart() else []
    return [inner for inner in payload if isinstance(inner, Message)]


def decoded(part: Message) -> str:
    """A part's text; what its character set does not explain becomes a mark."""
    raw = part.get_payload(decode=True)
    content = raw[:LONGEST_PART] if isinstance(raw, bytes) else b""
    charset = str(part.get_content_charset("utf-8")).lower()
    try:
        return content.decode("utf-8" if charset in _NO_CHARSETS else charset, "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


class _Words(HTMLParser):
    """Collects what is to be read in HTML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silent: list[str] = []  # open elements whose words do not count, the outermost first

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BREAKS:
            self.words.append("\n")
        told = " ".join(value or "" for name, value in attrs if name in ("class", "id"))
        quotes = tag in _SILENT or _QUOTE.search(told) is not None
        if tag not in _VOID and (self._silent or quotes) and len(self._silent) < MOST_PARTS:
            self._silent.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            del self._silent[len(self._silent) - 1 - self._silent[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


def _text_of_html(html: str) -> str:
    parser = _Words()
    with suppress(AssertionError, ValueError, RecursionError):  # what was read so far counts
        parser.feed(html)
        parser.close()
    lines = ("".join(parser.words)).replace("\xa0", " ").splitlines()
    return "\n".join(" ".join(line.split()) for line in lines).strip()
