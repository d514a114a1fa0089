"""The only door to YAML: one document of plain values, each with its place; everything that surprises is refused.

Only `true`, `false`, `null`, whole numbers and decimals are typed; `9:00`, `on`, `NO`, `02134` and dates stay text.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import yaml
from msgspec import Struct

from coopflow import yaml_sentences
from coopflow.core.wording import shown
from coopflow.problems import Loc, Problem, ProblemsFound, describe
from coopflow.yaml_text import text_of

try:
    from yaml import CSafeLoader as _Loader  # libyaml is nine times faster
except ImportError:  # pragma: no cover - PyYAML built without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

MAX_NODES = 10_000
MAX_DEPTH = 20
_STARTS = frozenset({yaml.SequenceStartEvent, yaml.MappingStartEvent})
_ENDS = frozenset({yaml.SequenceEndEvent, yaml.MappingEndEvent})
_NODES = _STARTS | {yaml.ScalarEvent, yaml.AliasEvent}
MAX_PROBLEMS = 100  # nobody mends more at a time

Mark = tuple[int, int]  # line and column, counted from 1

_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")  # longer ones are somebody's ids: text, so that no digit is lost
_BEGINS_A_NUMBER = frozenset("-0123456789")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}")


class Source(Struct, frozen=True):
    """What a YAML file says, and where it says it."""

    path: str
    data: Any  # dict, list, str, int, float, bool or None
    values: Mapping[Loc, Mark]
    keys: Mapping[Loc, Mark]
    ids: Mapping[Loc, str]  # the `id` of each group of keys that has one

    def mark(self, loc: Loc) -> Mark:
        """Line and column of a value; for one that is not there, of what should hold it."""
        while loc not in self.values:
            if not loc:
                return 1, 1
            loc = loc[:-1]
        return self.values[loc]

    def key_mark(self, loc: Loc) -> Mark:
        """Line and column of the key of a value; of the value itself, if it has none."""
        return self.keys.get(loc) or self.mark(loc)

    def problem(self, loc: Loc, message: str, *, on_key: bool = False, warning: bool = False) -> Problem:
        """A problem with a value, or, `on_key`, with a key of the group that holds it."""
        line, column = self.key_mark(loc) if on_key else self.mark(loc)
        where = describe(loc[:-1] if on_key else loc, self.ids)
        return Problem(self.path, line, column, where, message, warning)


def read_yaml(content: bytes | str, *, path: str) -> Source:
    """Read one document; raise ProblemsFound with every problem of its form. `path` is the name that problems bear."""
    text, complaints = text_of(content)
    if complaints:
        raise ProblemsFound(Problem(path, line, column, "", message) for line, column, message in complaints)
    return _Reader(text, path).read()


class _Stop(Exception):
    """Reading on would tell nobody anything."""


class _Reader:
    """Turns the parser's events into values."""

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self.loader: Any = None
        self.nodes = self.depth = 0
        self.values: dict[Loc, Mark] = {}
        self.keys: dict[Loc, Mark] = {}
        self.ids: dict[Loc, str] = {}
        self.found: list[tuple[Mark, Loc, str]] = []
        self.templates: set[int] = set()  # lines with a {{ that is not in quotes

    def read(self) -> Source:
        """Read it all, or raise ProblemsFound."""
        data = None
        try:
            self.loader = _Loader(self.text)
            data = self.document()
        except _Stop:
            pass
        except yaml.YAMLError as error:
            self.not_yaml(error)
        if self.found:
            raise ProblemsFound(
                Problem(self.path, *mark, describe(loc, self.ids), message) for mark, loc, message in self.found
            )
        return Source(self.path, data, self.values, self.keys, self.ids)

    def next(self) -> Any:  # an event; each kind has attributes of its own
        """The next event, up to the limits: so nothing that is read can grow without bounds."""
        event = self.loader.get_event()
        kind = type(event)
        if kind in _NODES:
            self.nodes += 1
            self.depth += kind in _STARTS
        elif kind in _ENDS:
            self.depth -= 1
        if self.nodes > MAX_NODES:
            self.give_up(event, f"the file is too large: more than {MAX_NODES:,} keys and values")
        if self.depth > MAX_DEPTH:
            self.give_up(event, f"too deep: more than {MAX_DEPTH} groups within each other")
        return event

    def document(self) -> Any:
        """The one document of the file."""
        self.next()
        begin = self.next()
        data = None if isinstance(begin, yaml.StreamEndEvent) else self.value(self.next(), ())
        if data is None and not self.found:
            nothing = "the file holds nothing but comments" if self.text.strip() else "the file is empty"
            self.found.append(((1, 1), (), nothing))
            raise _Stop
        self.next()
        end = self.next()
        if not isinstance(end, yaml.StreamEndEvent):
            self.give_up(end, "a second document begins here (---); a file holds one")
        return data

    def value(self, event: Any, loc: Loc) -> Any:
        """The value that begins with this event."""
        self.values[loc] = self.mark(event)
        kind = type(event)
        if kind is yaml.AliasEvent or event.anchor or event.tag:
            self.refuse_extras(event, loc)
        if kind is yaml.ScalarEvent:
            return event.value if event.style else _typed(event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            items = self.until(yaml.SequenceEndEvent)
            return [self.value(item, (*loc, position)) for position, item in enumerate(items)]
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(event, loc)
        return None  # an alias, refused above

    def mapping(self, start: yaml.Event, loc: Loc) -> dict[str, Any]:
        """The keys and values that follow."""
        result: dict[str, Any] = {}
        for event in self.until(yaml.MappingEndEvent):
            key = self.key(event, start, loc)
            if key is None:
                self.skip(event)
                self.skip(self.next())
                continue
            here = (*loc, key)
            if key in result:
                self.problem(event, loc, _repeated(key, self.keys[here][0], self.mark(event)[0]))
            self.keys.setdefault(here, self.mark(event))
            result[key] = value = self.value(self.next(), here)
            if key == "id" and isinstance(value, str):
                self.ids.setdefault(loc, value)
        return result

    def key(self, event: Any, start: yaml.Event, loc: Loc) -> str | None:
        """The text of a key; None for one that is refused."""
        if isinstance(event, yaml.MappingStartEvent) and self.mark(event) == _next_to(self.mark(start)):
            self.templates.add(self.mark(start)[0])
            self.problem(start, loc, yaml_sentences.QUOTE_TEMPLATE)  # YAML takes {{ for a group of keys as a key
            return None
        if type(event) is yaml.AliasEvent or event.anchor or event.tag:
            self.refuse_extras(event, loc)
        if not isinstance(event, yaml.ScalarEvent):
            if not isinstance(event, yaml.AliasEvent):
                self.problem(event, loc, "a key must be text, not a list or a group of keys")
            return None
        if event.style or (isinstance(_typed(event.value), str) and event.value != "<<"):
            return event.value
        self.problem(event, loc, _refused_key(event.value))
        return None

    def refuse_extras(self, event: yaml.Event, loc: Loc) -> None:
        """Aliases, anchors and tags: each makes a file mean what it does not say."""
        if isinstance(event, yaml.AliasEvent):
            self.problem(event, loc, yaml_sentences.NO_ALIAS)
        elif getattr(event, "anchor", None):
            self.problem(event, loc, yaml_sentences.NO_ANCHOR)
        if getattr(event, "tag", None):
            self.problem(event, loc, yaml_sentences.NO_TAG)

    def until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        """The events with which the parts of a list or a group of keys begin."""
        while not isinstance(event := self.next(), end):
            yield event

    def skip(self, event: yaml.Event) -> None:
        """Pass over all that belongs to the node that begins here."""
        depth = int(isinstance(event, yaml.CollectionStartEvent))
        while depth:
            event = self.next()
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)

    def mark(self, event: yaml.Event) -> Mark:
        """Where an event begins."""
        mark = event.start_mark
        return (mark.line + 1, mark.column + 1) if mark else (1, 1)

    def problem(self, event: yaml.Event, loc: Loc, message: str) -> None:
        """Take note of a problem, as long as the list is of a length that somebody reads."""
        if len(self.found) == MAX_PROBLEMS:
            self.give_up(event, "there are more problems; mend those above first")
        self.found.append((self.mark(event), loc, message))

    def give_up(self, event: yaml.Event, message: str) -> NoReturn:
        """Take note of a last problem and read no further."""
        self.found.append((self.mark(event), (), message))
        raise _Stop

    def not_yaml(self, error: yaml.YAMLError) -> None:
        """Take note of what the parser could not read, unless a {{ in that line is the reason, which is noted."""
        at = _place(getattr(error, "problem_mark", None)) or (1, 1)
        began = _place(getattr(error, "context_mark", None)) or at
        if at[0] in self.templates:
            return
        problem = getattr(error, "problem", None) or str(error)
        context = getattr(error, "context", None) or ""
        place, words = yaml_sentences.sentence(problem, context, at=at, began=began, text=self.text)
        self.found.append((place, (), words))


def _typed(text: str) -> str | int | float | bool | None:
    """What a text without quotes stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _BEGINS_A_NUMBER:
        return text
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def _next_to(mark: Mark) -> Mark:
    return mark[0], mark[1] + 1


def _refused_key(text: str) -> str:
    if text == "<<":
        return yaml_sentences.NO_MERGE
    return f'the key {text} must be text; write "{text}"' if text else "a key is missing before the colon"


def _repeated(key: str, first: int, second: int) -> str:
    lines = f"in lines {first} and {second}" if first != second else f"in line {first}"
    return f"the key {shown(key)} is given twice, {lines}"


def _place(mark: Any) -> Mark | None:
    return (mark.line + 1, mark.column + 1) if mark else None
