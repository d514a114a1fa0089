"""`backup`, `restore`, `adopt` and `purge`: the life of the database's file."""

from pathlib import Path
from typing import Annotated

import typer

from coopflow.cli.options import JsonOption
from coopflow.cli.root import app
from coopflow.cli.session import session_of
from coopflow.render import Format, show_document

BackupArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A backup, as `coopflow backup` makes it.")]


@app.command(epilog="Examples:  coopflow backup /mnt/usb/coopflow.db · coopflow backup last.db --force")
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it, best on another disk.")],
    force: Annotated[bool, typer.Option("--force", help="Write it in the place of a file that is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a copy of the database, checked, while coopflow goes on. Only you can read it."""
    from coopflow.keeping.backup import back_up, note_backup

    session = session_of(context)
    made = back_up(session.app.database, file, force=force)
    with session.store() as store:
        note_backup(store, made, actor=session.actor, now=session.now)
    if as_json:
        found = {"file": str(made.path), "bytes": made.size, "entries": made.entries, "head": made.head}
        show_document(found, format=Format.json, out=session.out)
        return
    session.say(f"Wrote {file}: {made.size:,} bytes, {made.entries:,} entries in the audit trail, looked through.")
    session.say(f"To put it back: coopflow restore {file}")
