"""The root of the command line: the global options, which every command finds in its session."""

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from coopflow import __version__
from coopflow.cli.commands import PLACES
from coopflow.cli.session import Session


class _InTheirOrder(TyperGroup):
    """The commands in one order, whichever was loaded first."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # Typer's own class of it
        """The names of those that are loaded."""
        loaded = super().list_commands(ctx)
        return sorted(loaded, key=list(PLACES).index)


app = typer.Typer(
    name="coopflow",
    cls=_InTheirOrder,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Turns predictions about families into the right steps, at the right time, on record.",
    epilog="Examples:  coopflow status --family 42 · predict | coopflow trigger - · * * * * * coopflow -c FILE tick",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"coopflow {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", help="The configuration file [default: ./coopflow.yaml].", envvar="COOPFLOW_CONFIG"
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(help="The database, instead of the one in the configuration.", envvar="COOPFLOW_DATABASE"),
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback has answered before this runs
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Make the session that every command works with."""
    if context.obj is None:
        context.obj = Session(config=config, database=database)
