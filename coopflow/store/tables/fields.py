"""The kinds of column that hold more than SQLite's own types, and what all models have in common."""

from datetime import datetime
from enum import StrEnum
from json import loads
from typing import TYPE_CHECKING, Any, ClassVar

from peewee import Field, Model

from coopflow.core.audit import canonical_json
from coopflow.core.instants import format_instant, parse_instant

if TYPE_CHECKING:
    _Field = Field[Any]
else:
    _Field = Field  # its type parameter is known to type checkers only


class InstantField(_Field):
    """An instant: an aware datetime with whole seconds outside, its one text form inside."""

    field_type = "TEXT"

    def db_value(self, value: datetime | None) -> str | None:
        """Refuse a naive datetime, whose moment nobody knows."""
        return None if value is None else format_instant(value)

    def python_value(self, value: str | None) -> datetime | None:
        """Read the text form."""
        return None if value is None else parse_instant(value)


class JsonField(_Field):
    """A JSON value, kept as canonical text."""

    field_type = "TEXT"

    def db_value(self, value: Any) -> str | None:
        """Write canonical JSON; None is NULL, not JSON's null."""
        return None if value is None else canonical_json(value)

    def python_value(self, value: str | None) -> Any:
        """Read the text."""
        return None if value is None else loads(value)


class WordField(_Field):
    """One word of a list of states."""

    field_type = "TEXT"

    def __init__(self, words: type[StrEnum], **options: Any) -> None:
        super().__init__(**options)
        self.words = words

    def db_value(self, value: str | None) -> str | None:
        """Refuse a word that is not on the list."""
        return None if value is None else self.words(value).value

    def python_value(self, value: str | None) -> StrEnum | None:
        """Give the word as a member of its list."""
        return None if value is None else self.words(value)


def _table_of(model: "type[Row]") -> str:
    return model.TABLE


class Row(Model):
    """A row of the table that its class names."""

    TABLE: ClassVar = ""

    class Meta:
        """What peewee wants to know."""

        table_function = _table_of
