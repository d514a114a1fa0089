"""Runs the command line, and is the one boundary that turns errors into words and exit codes."""

import errno
import os
import sys
import traceback

import typer

from coopflow import __version__
from coopflow.cli import commands as commands  # registers every command on the root
from coopflow.cli.root import app
from coopflow.cli.usage import say_what_is_wrong
from coopflow.errors import CoopflowError, ExitCode


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and answer with the exit code: the only place where an error becomes words."""
    try:
        code = app(arguments, standalone_mode=False)
        return code if isinstance(code, int) else ExitCode.DONE
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            return _nobody_reads()
        return end.code if isinstance(end.code, int) else ExitCode.DONE
    except typer.TyperException as problem:
        say_what_is_wrong(problem)
        return problem.exit_code
    except typer.Abort:
        _tell("nothing was answered, so nothing was done")
        return ExitCode.IN_PART
    except CoopflowError as problem:
        _tell(str(problem))
        return problem.exit_code
    except BrokenPipeError:
        return _nobody_reads()
    except OSError as problem:
        if problem.errno != errno.ENAMETOOLONG:
            return _report(problem)
        _tell(f"{str(problem.filename)[:60]}… is too long for the name of a file")
        return ExitCode.USAGE
    except Exception as fault:  # noqa: BLE001 - the boundary: whatever it is, it is reported and gets its exit code
        return _report(fault)


def _nobody_reads() -> int:
    """Whoever read our output has stopped, as `head` does: that is no fault, and nobody is left to be told."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - what is buffered must go somewhere
    return ExitCode.DONE


def _tell(words: str) -> None:
    from coopflow.render import say

    for line in words.splitlines():
        say(line if line.startswith(("coopflow", "workflows")) else f"coopflow: {line}")


def _report(fault: Exception) -> int:
    """Write what is needed to find a fault of ours into a private file, and name it."""
    import tempfile

    descriptor, path = tempfile.mkstemp(prefix="coopflow-fault-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"coopflow {__version__}, Python {sys.version}\n")
        file.write("".join(traceback.format_exception(fault)))
    _tell(f"this is a fault in coopflow ({type(fault).__name__}); what is needed to mend it is in {path}")
    return ExitCode.FAULT
