"""A table in Markdown, which is also read well as it is."""

from collections.abc import Sequence


class Table:
    """Rows of text, all as long as the head."""

    def __init__(self, *head: str) -> None:
        self.rows: list[Sequence[str]] = [head]

    def add(self, *cells: str) -> None:
        """One more row."""
        self.rows.append(cells)

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        head, *rows = self.rows
        return "\n".join(
            [
                _line(head, widths),
                f"|{'|'.join('-' * (width + 2) for width in widths)}|",
                *(_line(row, widths) for row in rows),
            ]
        )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |"
