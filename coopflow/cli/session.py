"""What every command works with: global options, one reading of the clock, the app, and where words and data go."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from msgspec import Struct, field

from coopflow.errors import OutOfPlace, Usage

if TYPE_CHECKING:
    import typer

    from coopflow.app import App
    from coopflow.render import Format, Sheet
    from coopflow.store.store import Store


class Session(Struct, dict=True):
    """One run of the command line."""

    config: Path | None = None
    database: str | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @cached_property
    def now(self) -> datetime:
        """The instant of this command: read once, in whole seconds, and handed down."""
        return datetime.now(UTC).replace(microsecond=0)

    @cached_property
    def app(self) -> "App":
        """The app of the configuration that was named, or found."""
        from coopflow.app import open_app
        from coopflow.config import find_config

        path = find_config(self.config, self.environ, Path.cwd())
        return open_app(path, database=self.database or self.environ.get("COOPFLOW_DATABASE"))

    @contextmanager
    def store(self, *, read_only: bool = False) -> Iterator["Store"]:
        """The open store."""
        with self.app.store(read_only=read_only) as store:
            if store.path.with_name(f"{store.path.name}.erased").exists():
                self._forget_again(store, read_only=read_only)
            yield store

    def _forget_again(self, store: "Store", *, read_only: bool) -> None:
        """A copy of the database from before a family was erased is not looked at, nor changed, while it has it."""
        from coopflow.keeping.erased import may_remember_too_much

        if not may_remember_too_much(store, store.path):
            return
        if read_only:
            raise OutOfPlace("families were erased after this copy of the database was made; run: coopflow adopt")
        from coopflow.keeping.forgetting import forget_again

        forget_again(store, outbox=self.app.config.outbox, actor=self.actor, now=self.now)

    @property
    def actor(self) -> str:
        """Who is at work, for the audit trail: $COOPFLOW_ACTOR, else the name the system knows."""
        if name := self.environ.get("COOPFLOW_ACTOR"):
            return name
        from getpass import getuser  # for people's commands alone: a tick has no actor

        return getuser()

    @property
    def out(self) -> TextIO:
        """Where data goes."""
        return sys.stdout

    def show(self, sheet: "Sheet", chosen: "Format | None") -> None:
        """Show a sheet in the chosen format: if none is, a table on a terminal and TSV elsewhere."""
        from coopflow.render import default_format, show_sheet

        tz = self.app.coop.calendar.tz
        show_sheet(sheet, format=chosen or default_format(self.out), out=self.out, tz=tz, now=self.now)

    def say(self, words: str) -> None:
        """Tell the person something that is not data."""
        from coopflow.render import say

        say(words)

    def confirm(self, question: str, *, yes: bool, typed: str | None = None) -> None:
        """Ask before something that touches much; without a terminal `--yes` must have said it already.

        What is to be `typed` takes the place of a mere yes, where a habit of saying yes would cost too much.
        """
        if yes:
            return
        if not sys.stdin.isatty():
            raise Usage(f"{question} Say --yes to do it without being asked.")
        import typer

        if typed is not None:
            agreed = (
                typer.prompt(f"{question} Type {typed} to do it", err=True, default="", show_default=False) == typed
            )
        else:
            agreed = typer.confirm(question, err=True)
        if not agreed:
            raise typer.Abort


def session_of(context: "typer.Context") -> Session:
    """The session that the root command made."""
    session = context.find_root().obj
    assert isinstance(session, Session)  # the root callback has run before any command  # noqa: S101
    return session
