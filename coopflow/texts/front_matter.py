"""Message templates parted into front matter and body. The front matter is lines of `key: words`, not YAML."""

from msgspec import Struct

from coopflow.core.wording import did_you_mean, shown
from coopflow.texts.errors import MessageError

LONGEST_SOURCE = 32 * 1024  # characters
KEYS = ("subject", "kind")
KINDS = ("outreach", "transactional")


class MessageTemplate(Struct, frozen=True, kw_only=True):
    """A message template as written."""

    name: str
    subject: str | None  # None: only fit for a text message
    kind: str  # outreach, which an opted-out family never gets, or transactional
    body: str
    subject_line: int  # where the two begin in the file
    body_line: int


def split(source: str, name: str = "") -> MessageTemplate:
    """Part the front matter from the body; raise MessageError."""
    if len(source) > LONGEST_SOURCE:
        raise MessageError(f"a message template has at most {LONGEST_SOURCE:,} characters", line=1)
    lines = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    end = _end_of_front_matter(lines)
    matter = _front_matter(lines[1:end])
    body = "\n".join(lines[end + 1 if end else 0 :])
    if not body.strip():
        raise MessageError("the message has no text", line=len(lines))
    subject, subject_line = matter.get("subject", (None, 1))
    kind, kind_line = matter.get("kind", (KINDS[0], 1))
    if kind not in KINDS:
        raise MessageError(f"kind is {' or '.join(KINDS)}; found {shown(kind)}", line=kind_line)
    return MessageTemplate(
        name=name,
        subject=subject,
        kind=kind,
        body=body,
        subject_line=subject_line,
        body_line=end + 2 if end else 1,
    )


def _end_of_front_matter(lines: list[str]) -> int:
    """Count the lines before the closing `---`; 0 where there is no front matter."""
    if lines[0].rstrip() != "---":
        return 0
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == "---":
            return number
    raise MessageError("the front matter is not closed; a line with --- is missing", line=1)


def _front_matter(lines: list[str]) -> dict[str, tuple[str, int]]:
    """Read `key: words` lines; each value comes with its line."""
    matter: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(lines, start=2):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, words = _key_and_words(line, number)
        if key in matter:
            raise MessageError(f"'{key}' is here a second time, after line {matter[key][1]}", line=number)
        matter[key] = words, number
    return matter


def _key_and_words(line: str, number: int) -> tuple[str, str]:
    key, colon, words = (part.strip() for part in line.partition(":"))
    if not colon:
        raise MessageError(f"the front matter has lines like `subject: words`; found {shown(line)}", line=number)
    if key not in KEYS:
        hint = did_you_mean(key, KEYS) or f"; there are {' and '.join(KEYS)}"
        raise MessageError(f"unknown key {shown(key)} in the front matter{hint}", line=number)
    if not _unquoted(words):
        raise MessageError(f"'{key}' is empty", line=number)
    return key, _unquoted(words)


def _unquoted(words: str) -> str:
    """Take off the quotes that those who know YAML write."""
    quote = words[:1]
    whole = len(words) >= 2 and quote in ("'", '"') and words.endswith(quote) and quote not in words[1:-1]
    return words[1:-1].strip() if whole else words
