"""What a value must be to be printed, and the few filters that a text may put it through."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from jinja2 import pass_context
from jinja2.filters import do_capitalize, do_title
from jinja2.runtime import Context, Undefined
from msgspec import Struct, field

from coopflow.texts.errors import RenderError

LONGEST_LIST = 200  # items that a text may run over
OPEN, CLOSE = "\ue000", "\ue001"  # around a value's number, in an outline
NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
VALUES = "_values"  # where the context keeps what is being filled in; no template can use a name like it


class Filling(Struct):
    """One text being filled in."""

    family_id: Any
    room: int  # characters left
    values: list[tuple[str, str]] = field(default_factory=list)  # the name as the template has it, and the text

    def use(self, characters: int) -> None:
        """Count what is put out."""
        self.room -= characters
        if self.room < 0:
            raise RenderError(f"the text becomes too long{self.whose}")

    def refuse(self, name: str, what: str) -> RenderError:
        """Name the value at fault, and the family."""
        return RenderError(f"{name} {what}{self.whose}", field=name)

    @property
    def whose(self) -> str:
        """The end of a sentence about a family's text."""
        return "" if self.family_id is None else f" for family {self.family_id}"


@pass_context
def _known(context: Context, value: Any, name: str) -> Any:
    """Let a value through unless there is nothing in it."""
    filling: Filling = context[VALUES]
    if isinstance(value, Undefined):
        raise filling.refuse(name, "is not known")
    if value is None or (isinstance(value, str) and not value.strip()) or value in ([], (), {}):
        raise filling.refuse(name, "is empty")
    return value


@pass_context
def _print(context: Context, value: Any, name: str) -> str:
    """Keep a value for later and leave its number."""
    filling: Filling = context[VALUES]
    text = _text(_known(context, value, name), name, filling)
    if NOT_TEXT.search(text):
        raise filling.refuse(name, "holds a control character")
    filling.use(len(text))
    filling.values.append((name, text))
    return f"{OPEN}{len(filling.values) - 1}{CLOSE}"


def _text(value: Any, name: str, filling: Filling) -> str:
    match value:
        case str():
            return str(value).replace("\r\n", "\n").replace("\r", "\n")
        case bool():
            raise filling.refuse(name, "is true or false, which is no text")
        case int() | date() | time():
            return str(value)
        case float() | Decimal() if value == value and abs(value) != float("inf"):
            return str(int(value)) if value == int(value) else str(value)
        case _:
            raise filling.refuse(name, "is neither text nor a number")


@pass_context
def _items(context: Context, value: Any, name: str) -> Iterable[Any]:
    """Let a loop run over a list that is short enough to be read; over nothing, where there is none."""
    filling: Filling = context[VALUES]
    if value is None or isinstance(value, Undefined):
        return ()
    if not isinstance(value, list | tuple):
        raise filling.refuse(name, "is not a list")
    if len(value) > LONGEST_LIST:
        raise filling.refuse(name, f"has more than {LONGEST_LIST} items")
    return value


def _default(value: Any, instead: Any) -> Any:
    """Stand in for what is not known or empty, as an empty value must not be printed either."""
    empty = value is None or isinstance(value, Undefined) or (isinstance(value, str) and not value.strip())
    return instead if empty else value


def _join(values: Any, between: str = ", ") -> str:
    if not isinstance(values, list | tuple) or not all(isinstance(value, str | int | float) for value in values):
        raise TypeError("'join' needs a list of texts or numbers")
    return str(between).join(map(str, values[:LONGEST_LIST]))


def _one_of(values: Any, position: int) -> Any:
    if not isinstance(values, list | tuple):
        raise TypeError("'first' and 'last' need a list")
    return values[position] if values else None


def _round(value: Any, digits: int = 0) -> float | int:
    if not isinstance(digits, int) or not 0 <= digits <= 6:
        raise ValueError("'round' leaves 0 to 6 digits")
    rounded = round(float(value), digits)
    return rounded if digits else int(rounded)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "capitalize": do_capitalize,
    "default": _default,
    "first": lambda values: _one_of(values, 0),
    "join": _join,
    "last": lambda values: _one_of(values, -1),
    "length": len,
    "lower": lambda value: str(value).lower(),
    "money": lambda value: f"{float(value):.2f}",
    "round": _round,
    "title": do_title,
    "trim": lambda value: str(value).strip(),
    "upper": lambda value: str(value).upper(),
    "_items": _items,
    "_known": _known,
    "_printed": _print,
}
