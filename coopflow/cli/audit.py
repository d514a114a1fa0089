"""`audit`: the record of everything that happened, to hand on and to check."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from coopflow.cli.lookup import resolve_family
from coopflow.cli.options import FamilyOption, FormatOption, JsonOption, chosen_format
from coopflow.cli.root import app
from coopflow.cli.session import Session, session_of
from coopflow.cli.whens import until_the_end_of, when
from coopflow.errors import Usage
from coopflow.render import Column, Format, Sheet, show_document, show_sheet

audit = typer.Typer(
    name="audit",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The audit trail: every step and every decision, chained so that no entry can be changed unseen.",
)
app.add_typer(audit)

TO_STDOUT = Path("-")


@audit.command(
    epilog="Examples:  coopflow audit export -o audit.csv · coopflow audit export --family 42 --since 2026-03-01"
)
def export(
    context: typer.Context,
    family: FamilyOption = None,
    since: Annotated[str | None, typer.Option(metavar="WHEN", help="From this day, or moment, on.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="To the end of this day, or before this moment.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="A file, which only you can then read.")
    ] = TO_STDOUT,
    as_json: JsonOption = False,
    chosen: Annotated[
        Format | None, typer.Option("--format", help="csv, jsonl, tsv or json [default: as FILE ends, else csv].")
    ] = None,
) -> None:
    """Write out the audit trail, entry by entry. JSONL loses nothing; CSV is safe to open in a spreadsheet."""
    from coopflow.audit_export import COLUMNS, export_rows

    session = session_of(context)
    shown = _format(chosen_format(chosen, as_json), output)
    start = None if since is None else when(session, "--since", since)
    end = None if until is None else until_the_end_of(session, "--until", until)
    if start is not None and end is not None and start >= end:
        raise Usage(f"--since {since} is not before --until {until}, so nothing lies between them")
    with session.store(read_only=True) as store:
        family_id = None if family is None else resolve_family(session, store, family)
        rows = export_rows(store, family_id=family_id, since=start, until=end)
        columns = [Column(name, name) for name in COLUMNS]
        if output == TO_STDOUT:
            session.show(Sheet(columns, rows), shown)
        else:
            session.say(f"Wrote {_write(session, columns, rows, shown, output):,} entries to {output}.")


def _format(chosen: Format | None, output: Path) -> Format:
    if chosen is Format.table:
        raise Usage("the audit trail is exported as csv, jsonl, tsv or json; look at one instance with: coopflow show")
    by_name = next((known for known in Format if output.suffix.lower() == f".{known}"), None)
    return chosen or by_name or Format.csv


def _write(session: Session, columns: list[Column], rows: Iterator[dict[str, Any]], shown: Format, output: Path) -> int:
    from coopflow.audit_export import private_file

    count = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    with private_file(output) as file:
        tz = session.app.coop.calendar.tz
        show_sheet(Sheet(columns, counted()), format=shown, out=file, tz=tz, now=session.now)
    return count


@audit.command(
    epilog="Examples:  coopflow audit verify · coopflow audit verify --head 3f9a… · coopflow audit verify --json"
)
def verify(
    context: typer.Context,
    head: Annotated[str | None, typer.Option(help="The head that an earlier check gave, kept somewhere else.")] = None,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """Check that no entry of the trail was changed, added or removed, and name the first that was."""
    from coopflow.audit_export import check

    session, shown = session_of(context), chosen_format(chosen, as_json)
    with session.store(read_only=True) as store:
        verdict = check(store, head)
    if shown not in (None, Format.table):
        found = {"entries": verdict.rows, "unbroken": True, "head": verdict.head, "head_checked": head is not None}
        show_document(found, format=shown, out=session.out)
        return
    typer.echo(f"{verdict.rows:,} entries, unbroken, head {verdict.head}")
    session.say(
        "The head that you gave is in it."
        if head is not None
        else "Keep this head somewhere else: without one, nobody can see whether the end was cut off. Next time:"
        f" coopflow audit verify --head {verdict.head}"
    )
