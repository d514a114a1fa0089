"""The bytes of a YAML file as text, or a plain word on why they are none."""

import re
from itertools import islice

MAX_BYTES = 256 * 1024  # a hundred times the longest workflow; what is larger is no file of ours
_LISTED = 20  # strange characters named one by one

# What YAML does not allow, and what nobody can see: controls, lone surrogates, other line ends, byte order marks.
_STRANGE = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_DIRECTIVE = re.compile(r"^%(?:TAG|YAML)\b", re.MULTILINE)
_NAMES = {"\x85": "next line", "\u2028": "line separator", "\u2029": "paragraph separator", "\ufeff": "byte order mark"}

Complaint = tuple[int, int, str]  # line, column, sentence


def text_of(content: bytes | str) -> tuple[str, list[Complaint]]:
    """The text without its byte order mark, and what speaks against reading it at all."""
    if len(content) > MAX_BYTES:
        size = -(-len(content) // 1024)
        return "", [(1, 1, f"the file is too large: {size:,} KiB, at most {MAX_BYTES // 1024} KiB are read")]
    if isinstance(content, bytes):
        text, complaints = _decoded(content)
    else:
        text, complaints = content, []
    text = text.removeprefix("\ufeff")
    return text, complaints or _strange_characters(text) or _directives(text)


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column, counted from 1, of the character at `offset`."""
    before = text[:offset].replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _decoded(content: bytes) -> tuple[str, list[Complaint]]:
    if _is_utf16(content):
        return "", [(1, 1, "the file is written in UTF-16; save it as UTF-8")]
    try:
        return content.decode("utf-8"), []
    except UnicodeDecodeError as error:
        good = content[: error.start].decode("utf-8-sig")
        return "", [(*position(good, len(good)), _not_utf8(content[error.start]))]


def _is_utf16(content: bytes) -> bool:
    head = content[:256]
    return head.startswith((b"\xff\xfe", b"\xfe\xff")) or (len(head) > 3 and head.count(0) * 3 >= len(head))


def _not_utf8(byte: int) -> str:
    char = bytes([byte]).decode("cp1252", "ignore")
    meant = f", where this is '{char}'" if char.isprintable() and char else ""
    return f"byte 0x{byte:02X} is not UTF-8; the file may be in Latin-1 (Windows-1252){meant}; save it as UTF-8"


def _strange_characters(text: str) -> list[Complaint]:
    return [(*position(text, match.start()), _unwanted(match[0])) for match in islice(_STRANGE.finditer(text), _LISTED)]


def _unwanted(char: str) -> str:
    if char == "\0":
        return "a NUL byte, which no text has; the file is damaged, or not a text file"
    return f"an invisible character, U+{ord(char):04X} ({_NAMES.get(char, 'control character')}); delete it"


def _directives(text: str) -> list[Complaint]:
    return [
        (*position(text, match.start()), f"directives such as {match[0]} are not used here; delete the line")
        for match in islice(_DIRECTIVE.finditer(text), 1)
    ]
