"""The one boundary at which an error becomes words and an exit code."""

import errno
import os
import sys
from collections.abc import Callable

from coopflow import __version__
from coopflow.errors import CoopflowError, ExitCode


def guarded(action: Callable[[], object]) -> int:
    """Do what a command does and answer with its exit code; what goes wrong is told, in words or as a fault of ours."""
    try:
        code = action()
        return code if isinstance(code, int) else ExitCode.DONE
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            return _nobody_reads()
        return end.code if isinstance(end.code, int) else ExitCode.DONE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except CoopflowError as problem:
        tell(str(problem))
        return problem.exit_code
    except BrokenPipeError:
        return _nobody_reads()
    except OSError as problem:
        if problem.errno != errno.ENAMETOOLONG:
            return _report(problem)
        tell(f"{str(problem.filename)[:60]}… is too long for the name of a file")
        return ExitCode.USAGE
    except Exception as fault:  # noqa: BLE001 - the boundary: whatever it is, it is reported and gets its exit code
        return _report(fault)


def tell(words: str) -> None:
    """Say why a command did not do what was asked."""
    from coopflow.render import say

    for line in words.splitlines():
        say(line if line.startswith(("coopflow", "workflows")) else f"coopflow: {line}")


def _nobody_reads() -> int:
    """Whoever read our output has stopped, as `head` does: that is no fault, and nobody is left to be told."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - what is buffered must go somewhere
    return ExitCode.DONE


def _report(fault: Exception) -> int:
    """Write what is needed to find a fault of ours into a private file, and name it."""
    import tempfile
    import traceback

    descriptor, path = tempfile.mkstemp(prefix="coopflow-fault-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"coopflow {__version__}, Python {sys.version}\n")
        file.write("".join(traceback.format_exception(fault)))
    tell(f"this is a fault in coopflow ({type(fault).__name__}); what is needed to mend it is in {path}")
    return ExitCode.FAULT
