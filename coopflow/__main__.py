"""The `coopflow` command: a bare tick as cron runs it, through the door if nothing is due; all else is for Typer."""

import gc
import os
import sys
import time

TICK_WORDS = {"-c": "config", "--config": "config", "--database": "database"}
ALLOCATIONS = 50_000  # between two looks for garbage; the usual 700 means a hundred looks while modules are loaded


def main() -> None:
    """Run the command line; the exit status is one of the documented codes."""
    given = _plain_tick(sys.argv[1:])
    config, database = _places(given or {})
    if given is not None and _is_idle(config or "coopflow.yaml", database):
        return
    gc.set_threshold(ALLOCATIONS)
    if given is None:
        from coopflow.cli.main import run

        code = run()
    else:
        from coopflow.cli.ticking import tick_as_cron_does

        code = tick_as_cron_does(config=config, database=database)
    gc.freeze()  # the process ends: to take its classes apart one by one would be a seventh of a short command
    sys.exit(code)


def _places(given: dict[str, str]) -> tuple[str | None, str | None]:
    """The configuration and the database that are named in front of a tick, or else in the environment."""
    return (
        given.get("config") or os.environ.get("COOPFLOW_CONFIG"),
        given.get("database") or os.environ.get("COOPFLOW_DATABASE"),
    )


def _is_idle(config: str, database: str | None) -> bool:
    from coopflow.door import nothing_to_do

    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return nothing_to_do(config, database=database, now=now)


def _plain_tick(arguments: list[str]) -> dict[str, str] | None:
    """The global options in front of a bare `tick`; None for anything else, which is the command line's to read."""
    given: dict[str, str] = {}
    words = iter(arguments)
    for word in words:
        if word == "tick":
            return given if next(words, None) is None else None
        name, equals, value = word.partition("=")
        if name not in TICK_WORDS:
            return None
        given[TICK_WORDS[name]] = value if equals else next(words, "")
        if not given[TICK_WORDS[name]]:
            return None
    return None


if __name__ == "__main__":
    main()
