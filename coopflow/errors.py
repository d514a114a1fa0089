"""Every named problem: its own sentence, and the exit code that it ends a command with (design, section 8)."""

from enum import IntEnum

LONGEST_FAULT = 500  # characters of it that are kept


class ExitCode(IntEnum):
    """What a command's exit status means to cron and to shell scripts (design, section 8)."""

    DONE = 0
    IN_PART = 1
    USAGE = 2
    NOT_FOUND = 3
    INVALID = 4
    PERSON_NEEDED = 5
    FAULT = 70
    DATABASE_UNUSABLE = 74
    TEMPORARY = 75
    INTERRUPTED = 130


class CoopflowError(Exception):
    """A problem that a person can understand and mend; its text is the sentence they read."""

    exit_code = ExitCode.IN_PART


class Usage(CoopflowError):
    """The command line asks for something that makes no sense."""

    exit_code = ExitCode.USAGE


class NotFound(CoopflowError):
    """Nothing matches what was named."""

    exit_code = ExitCode.NOT_FOUND


class NotAllowed(CoopflowError):
    """What was asked is not possible in the state things are in."""

    exit_code = ExitCode.NOT_FOUND


class IllegalMove(NotAllowed):
    """An instance cannot go from one status to the other."""

    def __init__(self, before: str, after: str) -> None:
        super().__init__(f"an instance that is {before} cannot become {after}")
        self.before = before
        self.after = after


class ClockHeld(CoopflowError):
    """The clock cannot be believed, so nothing is done; without words when they have been said before."""

    exit_code = ExitCode.PERSON_NEEDED


class OutOfPlace(CoopflowError):
    """The database was restored, copied or moved, so nothing is done; without words when they have been said before."""

    exit_code = ExitCode.PERSON_NEEDED


class Invalid(CoopflowError):
    """A workflow, the configuration or an input is not valid."""

    exit_code = ExitCode.INVALID


class DatabaseUnusable(CoopflowError):
    """The database is missing, corrupt, read-only, full, newer than this coopflow, or not ours."""

    exit_code = ExitCode.DATABASE_UNUSABLE


class Temporary(CoopflowError):
    """It may work in a moment: the database is locked or out of reach."""

    exit_code = ExitCode.TEMPORARY


def in_one_line(error: Exception) -> str:
    """A fault in words that can be stored and told, whatever it is about."""
    words = " ".join(f"{type(error).__name__}: {error}".split())
    return words.encode("ascii", "backslashreplace").decode()[:LONGEST_FAULT]
