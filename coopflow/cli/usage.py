"""What is wrong with a command line: Typer finds it, and it is said in our words, with nothing that acts or hides."""

import re
import sys

import typer

from coopflow.render import say

_OUR_WORDS = (
    (r"is not a valid int(eger)?( range)?\.$", "is not a whole number."),
    (r"is not a valid float( range)?\.$", "is not a number."),
    (r"is not in the range (\S+)<=x<=(\S+)\.$", r"is not from \1 to \2."),
    (r"is not in the range x>=(\S+)\.$", r"is less than \1."),
)


def say_what_is_wrong(problem: typer.TyperException) -> None:
    """Write how the command is used, and what is wrong with how it was."""
    context: typer.Context | None = getattr(problem, "ctx", None)
    words = problem.format_message()
    if context is None:
        say(f"Error: {words}")
        return
    if words == context.get_help():  # nothing was asked for, so it is all that there is to say
        sys.stderr.write(f"{words}\n")
        return
    say(*context.get_usage().splitlines(), f"Try '{context.command_path} -h' for help.", "")
    for theirs, ours in _OUR_WORDS:
        words = re.sub(theirs, ours, words)
    say(f"Error: {words}")
