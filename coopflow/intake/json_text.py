"""JSON as it is defined: what Python's reader lets pass beside it is refused, and said in words."""

import re
from collections.abc import Iterator, Sequence
from json import JSONDecodeError, JSONDecoder
from math import isinf
from typing import Any

from coopflow.intake.unfit import Unfit, described

DEPTH_LIMIT = 16  # levels of nesting; no record needs more, and each costs the reader a stack frame
DIGITS_LIMIT = 100  # of a whole number; longer ones are an attack or a slip, and slow to read

_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
_BLANKS = re.compile(r"[ \t\r\n]*")


class NotJson(Unfit):
    """The text is no JSON value; `cut`: it may be the beginning of one."""

    def __init__(self, reason: str, *, cut: bool) -> None:
        super().__init__(reason)
        self.cut = cut


class StrictJson:
    """A reader of JSON values. One at a time: it notes what it meets on the way."""

    def __init__(self) -> None:
        self._noted: list[Unfit] = []
        self._decoder = JSONDecoder(
            object_pairs_hook=self._object,
            parse_float=self._float,
            parse_int=self._int,
            parse_constant=self._constant,
        )

    def read(self, text: str) -> Any:
        """The value that a text is; raise Unfit if it is not exactly one."""
        value, end = self.read_at(text, _BLANKS.match(text).end())  # type: ignore[union-attr]
        if end != len(text) and _BLANKS.match(text, end).end() != len(text):  # type: ignore[union-attr]
            raise Unfit(f"it is not JSON: something follows its end, at column {end + 1}")
        if self._noted:
            raise self._noted[0]
        return value

    def read_at(self, text: str, begin: int) -> tuple[Any, int]:
        """The value that begins here, and where it ends; raise Unfit if its end cannot be told.

        What else is wrong with it is in `problems`, so that a reader of a list can go on behind it.
        """
        self._noted.clear()
        try:
            value, end = self._decoder.raw_decode(text, begin)
        except JSONDecodeError as problem:
            raise _not_json(problem, text) from None
        except RecursionError:
            raise _too_deep() from None
        self._look_inside(value, text, begin, end)
        return value, end

    @property
    def problems(self) -> Sequence[Unfit]:
        """What is wrong with the value that was read last."""
        return tuple(self._noted)

    def _look_inside(self, value: Any, text: str, begin: int, end: int) -> None:
        if self._noted and isinstance(value, dict):
            self._noted[:] = [_placed(note, value) for note in self._noted]
        if text.count("[", begin, end) + text.count("{", begin, end) > DEPTH_LIMIT and _depth(value) > DEPTH_LIMIT:
            self._noted.append(_too_deep())
        escaped = text.find("\\u", begin, end) >= 0
        if (escaped or not text.isascii()) and any(map(_NOT_TEXT.search, _texts(value))):
            self._noted.append(Unfit("its text is not valid Unicode (UTF-8), or holds a NUL"))

    def _note(self, problem: Unfit) -> Unfit:
        self._noted.append(problem)
        return problem

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for place, name in enumerate(names) if name in names[:place])
            self._note(Unfit("a key is there twice", hint=f": {described(twice)}"))
        return fields

    def _float(self, text: str) -> Any:
        value = float(text)
        return self._note(Unfit("is too large a number", found=described(text).strip("'"))) if isinf(value) else value

    def _int(self, text: str) -> Any:
        if len(text) > DIGITS_LIMIT:
            return self._note(Unfit(f"it is a number of {len(text)} digits"))
        return -0.0 if text == "-0" else int(text)

    def _constant(self, name: str) -> Any:
        return self._note(Unfit("is not a number that JSON knows", found=name))


def _placed(note: Unfit, fields: dict[str, Any]) -> Unfit:
    """The note with the name of the field that it stands in for, if it is one of the outermost."""
    return next((note.at(name) for name, value in fields.items() if value is note), note)


def _not_json(problem: JSONDecodeError, text: str) -> NotJson:
    words = f"it is not JSON: {problem.msg.lower().removesuffix(' at')}, at column {problem.colno}"
    cut = problem.pos >= len(text.rstrip()) or problem.msg.startswith("Unterminated string")
    return NotJson(words, cut=cut)


def _too_deep() -> Unfit:
    return Unfit(f"it is nested more than {DEPTH_LIMIT} levels deep")


def _depth(value: Any) -> int:
    """How many levels of objects and lists there are, counted without recursion."""
    depth, level = 0, [value]
    while level := [part for part in level if isinstance(part, dict | list)]:
        depth += 1
        level = [inner for part in level for inner in (part.values() if isinstance(part, dict) else part)]
    return depth


def _texts(value: Any) -> Iterator[str]:
    """Every text inside, keys included."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, list):
            waiting += part
