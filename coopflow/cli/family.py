"""`family`: the member list, and who may be written to."""

from typing import Annotated

import typer

from coopflow.cli.family_words import (
    CHANGE_COLUMNS,
    LIST_COLUMNS,
    change_rows,
    family_document,
    family_rows,
    import_words,
    show_family,
)
from coopflow.cli.lookup import every_family, resolve_family
from coopflow.cli.options import DryRunOption, FormatOption, JsonOption, chosen_format
from coopflow.cli.root import app
from coopflow.cli.session import session_of
from coopflow.cli.streams import opened, read_watched, watched
from coopflow.cli.verdicts import touched_words
from coopflow.core.consent import addresses_of
from coopflow.core.states import ACTIVE
from coopflow.render import Format, Sheet, default_format, show_document

family = typer.Typer(
    name="family",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The families: who they are, and who may be written to.",
    epilog="Examples:  coopflow family import families.csv · coopflow family show 42",
)
app.add_typer(family)

FamilyArgument = Annotated[str, typer.Argument(metavar="FAMILY", help="Its id, or its name or the beginning of it.")]


@family.command(
    "import", epilog="Examples:  coopflow family import families.csv · coopflow family import new.jsonl --dry-run"
)
def import_(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="Families as CSV, JSONL or a JSON list; - for standard input.")],
    again: Annotated[
        bool, typer.Option("--again", help="Also families that were forgotten: they have come back by their own wish.")
    ] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """Add and update families from a list: all of it, or nothing if a line is wrong. Nobody is ever removed."""
    from coopflow.intake.importing import import_families

    session, shown = session_of(context), chosen_format(chosen, as_json)
    with opened(file, example="coopflow family import families.csv") as (source, stream), session.store() as store:
        imported = import_families(
            store,
            read_watched(session, stream, source, "Families are read"),
            region=session.app.config.country,
            actor=session.actor,
            now=session.now,
            dry_run=dry_run,
            again=again,
            watched=watched,
        )
        ended = [] if dry_run else touched_words(session, store, imported.finished)
    if dry_run or shown is not None:
        rows = change_rows(imported, dry_run=dry_run)
        session.show(Sheet(CHANGE_COLUMNS, rows, empty="No family would be new or changed."), shown)
    for words in [*import_words(imported, dry_run=dry_run), *ended]:
        session.say(words)


@family.command("list", epilog="Examples:  coopflow family list · coopflow family list --status withdrawn --json")
def list_(
    context: typer.Context,
    status: Annotated[str | None, typer.Option(help="Only families with this status, as in enrolled.")] = None,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """List the families by name."""
    session, shown = session_of(context), chosen_format(chosen, as_json)
    with session.store(read_only=True) as store:
        rows = family_rows(store, [one for one in every_family(store).values() if status in (None, one.status)])
    empty = "No family has this status." if status else "No families yet. Add them: coopflow family import families.csv"
    session.show(Sheet(LIST_COLUMNS, rows, empty=empty), shown)


@family.command(epilog="Examples:  coopflow family show 42 · coopflow family show Martinez --json")
def show(
    context: typer.Context, which: FamilyArgument, as_json: JsonOption = False, chosen: FormatOption = None
) -> None:
    """Show all that is known of one family, and what is under way for it."""
    session = session_of(context)
    shown = chosen_format(chosen, as_json) or default_format(session.out)
    with session.store(read_only=True) as store:
        family_id = resolve_family(session, store, which)
        one = store.families([family_id])[family_id]
        active = store.looking.instances(family_id=family_id, statuses=sorted(ACTIVE))
        said = store.consents.of_family(family_id, addresses_of(one))
        failing = {row["address"]: row["reason"] for row in store.inbox.bad_addresses()}
    if shown is Format.table:
        show_family(session, one, active, said, failing)
    else:
        show_document(family_document(one, active, said), format=shown, out=session.out)
