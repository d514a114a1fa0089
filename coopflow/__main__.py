"""The `coopflow` command: through the door if there is nothing to do, else on to the command line."""

import os
import sys
import time

TICK_WORDS = {"-c": "config", "--config": "config", "--database": "database"}


def main() -> None:
    """Run the command line; the exit status is one of the documented codes."""
    if _is_idle_tick(sys.argv[1:]):
        return
    from coopflow.cli.main import run

    sys.exit(run())


def _is_idle_tick(arguments: list[str]) -> bool:
    given = _plain_tick(arguments)
    if given is None:
        return False
    from coopflow.door import nothing_to_do

    config = given.get("config") or os.environ.get("COOPFLOW_CONFIG") or "coopflow.yaml"
    database = given.get("database") or os.environ.get("COOPFLOW_DATABASE")
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
