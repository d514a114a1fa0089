"""Runs the command line: what Typer makes of the arguments, behind the boundary that turns errors into words."""

import sys

import typer

from coopflow.cli import commands
from coopflow.cli.boundary import guarded, tell
from coopflow.cli.root import app
from coopflow.cli.usage import say_what_is_wrong
from coopflow.errors import ExitCode


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and answer with the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    return guarded(lambda: _typed(given))


def _typed(arguments: list[str]) -> object:
    commands.load(arguments)
    try:
        return app(arguments, standalone_mode=False)
    except typer.TyperException as problem:
        say_what_is_wrong(problem)
        return problem.exit_code
    except typer.Abort:
        tell("nothing was answered, so nothing was done")
        return ExitCode.IN_PART
