"""CSV with a header, as spreadsheets and databases write it, record by record with the line where each begins."""

import csv
import re
from collections.abc import Iterator, Sequence

from coopflow.core.wording import shown
from coopflow.errors import Invalid
from coopflow.intake.lines import LINE_LIMIT, Lines
from coopflow.intake.unfit import Unfit

_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


class CsvText:
    """The rows of a CSV file below its header."""

    def __init__(self, lines: Lines, *, name: str) -> None:
        self._feed = _Feed(lines)
        self._rows = csv.reader(self._feed, strict=True)
        self._name = name
        self.columns = self._header()

    def records(self) -> Iterator[tuple[int, dict[str, str] | Unfit]]:
        """Each row as the line where it begins and its cells by column, or what is wrong with it."""
        while True:
            try:
                cells = self._next_row()
            except StopIteration:
                return
            except (csv.Error, Unfit) as problem:
                yield self._feed.began, _in_words(problem)
                continue
            if any(map(str.strip, cells)):
                yield self._feed.began, self._record(cells)

    def _next_row(self) -> list[str]:
        self._feed.begin()
        row = next(self._rows)
        self._feed.check()
        return row

    def _record(self, cells: list[str]) -> dict[str, str] | Unfit:
        while len(cells) > len(self.columns) and not cells[-1]:
            cells.pop()  # columns without a name that hold nothing
        if len(cells) != len(self.columns):
            return Unfit(f"the row has another number of cells than the header: {len(cells)}, not {len(self.columns)}")
        return dict(zip(self.columns, cells, strict=True))

    def _header(self) -> Sequence[str]:
        cells: list[str] = []
        try:
            while not any(map(str.strip, cells)):
                cells = self._next_row()
        except StopIteration:
            return ()
        except (csv.Error, Unfit) as problem:
            raise self._invalid(_in_words(problem).sentence) from None
        names = [cell.strip() for cell in cells]
        while names and not names[-1]:
            names.pop()
        self._require_names(names)
        return names

    def _require_names(self, names: Sequence[str]) -> None:
        for sign, word in _OTHER_DELIMITERS.items():
            if len(names) == 1 and sign in names[0]:
                raise self._invalid(f"the columns are separated by {word}; save the file with commas between them")
        if "" in names:
            raise self._invalid(f"column {names.index('') + 1} of the header has no name")
        repeated = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if repeated is not None:
            raise self._invalid(f"the header has the column {shown(repeated)} twice")

    def _invalid(self, words: str) -> Invalid:
        return Invalid(f"{self._name}:{self._feed.began}: {words}")


class _Feed:
    """Hands the reader its lines as text, and stops a record that does not end."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._size = 0
        self._text_is_bad = False
        self.began = 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._size += len(line)
        if self._size > LINE_LIMIT:
            raise Unfit(f"the row is longer than {LINE_LIMIT // 1024} KiB: a quotation mark is not closed")
        if line.isascii() and b"\0" not in line:
            return line.decode("ascii")
        text = line.decode("utf-8", "surrogateescape")
        self._text_is_bad = self._text_is_bad or _NOT_TEXT.search(text) is not None
        return text

    def begin(self) -> None:
        """A record begins at the next line."""
        self.began = self._lines.number + 1
        self._size = 0
        self._text_is_bad = False

    def check(self) -> None:
        """Raise Unfit if the record that was read holds what is no text."""
        if self._text_is_bad:
            raise Unfit("its text is not valid UTF-8, or holds a NUL")


def _in_words(problem: Exception) -> Unfit:
    if isinstance(problem, Unfit):
        return problem
    words = str(problem)
    if words.startswith("unexpected end"):
        return Unfit("the row is cut off: a quotation mark is not closed")
    if words.startswith("new-line character"):
        return Unfit("the row has a line end (carriage return) in its middle")
    return Unfit(f"the row's quotation marks are wrong: {words}")
