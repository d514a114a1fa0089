"""Reads what the long commands have written: their tables, their dates, and how to run them again."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "evidence"
DATES = ("date", "run on")


class Missing(LookupError):
    """A page lacks what it was asked for."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of `docs/evidence`."""

    name: str
    text: str

    @property
    def title(self) -> str:
        return self.text.splitlines()[0].removeprefix("# ")

    @property
    def command(self) -> str:
        """The command that writes it."""
        found = re.search(r"^ +(python -m tests\.\w+.*)$|`(python -m tests\.\w+[^`]*)`", self.text, re.MULTILINE)
        if found is None:
            raise Missing(f"{self.name} does not say which command writes it")
        return " ".join((found[1] or found[2]).split())

    @property
    def date(self) -> str:
        facts = self._facts()
        return next((facts[name] for name in DATES if name in facts), "an unknown day")

    def figure(self, name: str) -> str:
        """What stands beside a name, or below it: the sum of a column."""
        facts = self._facts()
        if name in facts:
            return facts[name]
        columns = [column for table in _tables(self.text) for column in _columns(table) if column[0] == name]
        if not columns:
            raise Missing(f"{self.name} has no figure '{name}'")
        return f"{sum(int(cell.replace(',', '')) for cell in columns[0][1:]):,}"

    def _facts(self) -> dict[str, str]:
        """The tables without titles: names and values."""
        rows = [row for table in _tables(self.text) if table[0] == ["", ""] for row in table[1:]]
        return dict(rows)


def page(name: str) -> Page:
    """A page by the name of its file."""
    return Page(name, (PAGES / name).read_text(encoding="utf-8"))


def _tables(text: str) -> Iterator[list[list[str]]]:
    """Every table as its rows of cells, without the line below its titles."""
    for block in re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in block.splitlines()]
        yield [rows[0], *rows[2:]]


def _columns(table: list[list[str]]) -> Iterator[list[str]]:
    yield from (list(column) for column in zip(*table, strict=True))
