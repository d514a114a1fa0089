"""Pieces of sentences about what somebody wrote: the word as found, and the word that was probably meant."""

from collections.abc import Iterable

LONGEST = 60  # characters of a foreign text that a sentence repeats
MESSAGE_WORDS = {"http": "request"}  # where the channel's name is not the word for what it carries


def shown(found: object) -> str:
    """What was found, quoted, on one line and never long: it comes from outside."""
    text = ascii(found) if not isinstance(found, str) or not found.isprintable() else f"'{found}'"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def printable(sentence: str) -> str:
    r"""A sentence in which what cannot be printed is written out, as \t or \u202e."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in sentence)


def nearest(word: str, known: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """The known word that is most like this one, if any is much like it."""
    from difflib import get_close_matches  # only a mistake needs it

    near = get_close_matches(word, list(known), n=1, cutoff=likeness)
    return near[0] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'X'?)` for the known word that is most like this one, else nothing."""
    near = nearest(word, known)
    return f" (did you mean '{near}'?)" if near else ""
