"""Which addresses on the web may be called: over TLS, or on this very machine."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from coopflow.core.wording import shown

LONGEST = 2_000  # characters


def require_url(text: str) -> str:
    """Answer with the address if it may be called; raise ValueError, a sentence that repeats no password."""
    if len(text) > LONGEST:
        raise ValueError(f"an address has at most {LONGEST:,} characters, this one has {len(text):,}")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("an address has no blanks and no other than ASCII characters; write them as %20 and the like")
    parts, port = _split(text)
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address holds no user or password; they have keys of their own")
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(f"{shown(text)} is not an address; write for example https://example.org/hook")
    if parts.fragment:
        raise ValueError("what follows # in an address never reaches the server; leave it out")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("http:// is for this machine only (127.0.0.1, localhost); write https://")
    return text


def is_loopback(host: str) -> bool:
    """True for the names of this machine that no network can be behind."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _split(text: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(text)
        return parts, parts.port
    except ValueError:
        raise ValueError(f"{shown(text)} is not an address; write for example https://example.org/hook") from None
