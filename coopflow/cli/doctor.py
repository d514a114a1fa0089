"""`doctor`: is all well with the machine, the database and the rules?"""

from typing import Annotated

import typer

from coopflow.cli.options import FormatOption, JsonOption, chosen_format
from coopflow.cli.root import app
from coopflow.cli.session import session_of
from coopflow.errors import ExitCode
from coopflow.render import Format, default_format, show_document


@app.command(epilog="Examples:  coopflow doctor · coopflow doctor --thorough · coopflow doctor --json")
def doctor(
    context: typer.Context,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Compare each index with its table too; a large database takes minutes.")
    ] = False,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """Look at everything that coopflow depends on; it ends with 5 if a person is needed."""
    from coopflow.cli.screens.health import health_lines, health_sheet
    from coopflow.cli.screens.text import write
    from coopflow.reports.health import Premises, as_document, examine, person_needed
    from coopflow.store.database import path_of
    from coopflow.zone_data import zone_data

    session = session_of(context)
    shown = chosen_format(chosen, as_json) or default_format(session.out)
    with session.store(read_only=True) as store:
        found = examine(
            Premises(
                store=store,
                config=session.app.config,
                database=path_of(session.app.database),
                zone_data=zone_data(),
                now=session.now,
                thorough=thorough,
            )
        )
    if shown is Format.json:
        show_document(as_document(found), format=shown, out=session.out)
    elif shown is Format.table:
        write(health_lines(found), session.out)
    else:
        session.show(health_sheet(found), shown)
    if person_needed(found):
        raise typer.Exit(ExitCode.PERSON_NEEDED)
