"""Where each command lives, so that only what it takes to run the one that was named is loaded.

To load all of them takes longer than most of them take. The order is that of `coopflow --help`: daily use first.
"""

from collections.abc import Sequence
from importlib import import_module

PLACES: dict[str, tuple[str, ...]] = {
    "status": ("look",),
    "show": ("look",),
    "why": ("look",),
    "agenda": ("ahead",),
    "digest": ("digest",),
    "task": ("task",),
    "doubt": ("doubt",),
    "inbox": ("inbox",),
    "stats": ("look",),
    "pause": ("verbs",),
    "resume": ("verbs",),
    "snooze": ("verbs",),
    "run-now": ("verbs",),
    "skip": ("verbs",),
    "goto": ("verbs",),
    "retry": ("verbs",),
    "cancel": ("verbs",),
    "note": ("verbs",),
    "recall": ("way_out",),
    "release": ("way_out",),
    "tick": ("run",),
    "trigger": ("intake",),
    "event": ("intake",),
    "family": ("family", "family_consent", "family_gently", "family_forget"),
    "workflow": ("workflow", "workflow_files"),
    "calendar": ("calendar",),
    "simulate": ("ahead",),
    "preview": ("messages",),
    "send-test": ("messages",),
    "go-live": ("way_out",),
    "audit": ("audit",),
    "doctor": ("doctor",),
    "backup": ("keeping",),
    "restore": ("keeping",),
    "adopt": ("keeping",),
    "purge": ("keeping",),
    "config": ("config",),
    "init": ("run",),
}
VALUES_FOLLOW = ("-c", "--config", "--database")  # the options in front of a command that take the next word


def load(arguments: Sequence[str]) -> None:
    """Register the command that is named in these arguments; all of them where none is, or none that is known."""
    every = {module for modules in PLACES.values() for module in modules}
    for module in PLACES.get(_named(arguments) or "", sorted(every)):
        import_module(f"coopflow.cli.{module}")


def _named(arguments: Sequence[str]) -> str | None:
    """The first word that is neither an option nor its value; None too where an option asks about all commands."""
    words = iter(arguments)
    for word in words:
        if word in VALUES_FOLLOW:
            next(words, None)
        elif word.partition("=")[0] not in VALUES_FOLLOW:
            return None if word.startswith("-") else word
    return None
