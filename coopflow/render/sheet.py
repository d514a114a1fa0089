"""Shows sheets and documents in the format asked for, and loads what that format takes."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, TextIO

from coopflow.render.terminal import forgiving, on_terminal
from coopflow.render.values import Format, Sheet


def default_format(out: TextIO) -> Format:
    """Return what suits the reader: a table for a person, TSV for a program."""
    return Format.table if on_terminal(out) else Format.tsv


def show_sheet(
    sheet: Sheet,
    *,
    format: Format,  # noqa: A002 - the word of the command line
    out: TextIO,
    tz: tzinfo,
    now: datetime,
    width: int | None = None,
    colour: bool | None = None,
) -> None:
    """Write the sheet to `out`. Width and colour matter to the table only; None: what the terminal says."""
    forgiving(out)
    if format is Format.table:
        from coopflow.render.tables import write_table

        write_table(sheet, out=out, tz=tz, now=now, width=width, colour=colour)
        return
    from coopflow.render.formats import write_rows

    write_rows([column.key for column in sheet.columns], sheet.rows, format=format, out=out)


def show_document(data: Mapping[str, Any], *, format: Format, out: TextIO) -> None:  # noqa: A002
    """Write one document of several parts: JSON as it is, every other format as one `path`, `value` row a leaf."""
    from coopflow.render.formats import write_document

    write_document(data, format=format, out=forgiving(out))
