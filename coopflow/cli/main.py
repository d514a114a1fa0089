"""The command line's root: global options, commands, and the one boundary that turns errors into words and codes."""

import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from coopflow import __version__
from coopflow.cli.session import Session
from coopflow.errors import CoopflowError, ExitCode

app = typer.Typer(
    name="coopflow",
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


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and answer with the exit code: the only place where an error becomes words."""
    from coopflow.cli import commands  # noqa: F401 - registers every command on `app`

    try:
        app(arguments, standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.DONE
    except CoopflowError as problem:
        _tell(str(problem))
        return problem.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has stopped; that is no fault
        return ExitCode.DONE
    except Exception as fault:  # noqa: BLE001 - the boundary: whatever it is, it is reported and gets its exit code
        return _report(fault)
    return ExitCode.DONE


def _tell(words: str) -> None:
    from coopflow.render import say

    for line in words.splitlines():
        say(line if line.startswith(("coopflow", "workflows")) else f"coopflow: {line}")


def _report(fault: Exception) -> int:
    """Write what is needed to find a fault of ours into a private file, and name it."""
    import os
    import tempfile

    descriptor, path = tempfile.mkstemp(prefix="coopflow-fault-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"coopflow {__version__}, Python {sys.version}\n")
        file.write("".join(traceback.format_exception(fault)))
    _tell(f"this is a fault in coopflow ({type(fault).__name__}); what is needed to mend it is in {path}")
    return ExitCode.FAULT
