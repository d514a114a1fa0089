"""`config`: what is in force."""

import typer

from coopflow.cli.options import FormatOption, JsonOption, chosen_format
from coopflow.cli.root import app
from coopflow.cli.session import session_of
from coopflow.render import default_format, show_document

config = typer.Typer(
    name="config",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The configuration.",
    epilog="Example:  coopflow config show",
)
app.add_typer(config)


@config.command(epilog="Examples:  coopflow config show · coopflow config show --json")
def show(context: typer.Context, as_json: JsonOption = False, chosen: FormatOption = None) -> None:
    """Show what is in force, every default filled in, or every problem of coopflow.yaml. Secrets are never shown."""
    session = session_of(context)
    data = session.app.config.to_data() | {"database": session.app.database}
    show_document(data, format=chosen_format(chosen, as_json) or default_format(session.out), out=session.out)
