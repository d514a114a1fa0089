"""`backup`, `restore`, `adopt` and `purge`: the life of the database's file."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coopflow.cli.options import DryRunOption, JsonOption, YesOption
from coopflow.cli.root import app
from coopflow.cli.session import Session, session_of
from coopflow.cli.whens import when
from coopflow.errors import Temporary, Usage
from coopflow.render import Format, show_document

if TYPE_CHECKING:
    from coopflow.keeping.adoption import Foreseen

TRIES, A_MOMENT = 100, 0.1  # how long a tick that is at work is waited for: ten seconds
MOST_LISTED = 20
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


@contextmanager
def alone(session: Session) -> Iterator[None]:
    """No tick works meanwhile; Temporary when one does not end."""
    with session.app.lock as lock:
        for _ in range(TRIES):
            if lock.acquire():
                yield
                return
            time.sleep(A_MOMENT)
        raise Temporary("a tick is at work; try again when it is done")


@app.command(epilog="Examples:  coopflow restore /mnt/usb/coopflow.db · coopflow restore last.db --yes")
def restore(context: typer.Context, file: BackupArgument, yes: YesOption = False) -> None:
    """Put a backup in the database's place, and keep the present one beside it. Nothing is sent before `adopt`."""
    from coopflow.core.instants import parse_instant
    from coopflow.keeping.restoring import looked_through, put_in_place
    from coopflow.render import moment

    session = session_of(context)
    database = session.app.database
    with alone(session), looked_through(file, database) as sound:
        last = "it is empty"
        if sound.last_at is not None:
            at = moment(parse_instant(sound.last_at), session.app.coop.calendar.tz, session.now)
            last = f"the last is of {at}"
        session.say(f"{file} is sound: {sound.entries:,} entries in the audit trail, {last}.")
        session.confirm("Put it in the database's place? What happened since then is not in it.", yes=yes)
        done = put_in_place(
            sound,
            database,
            coop=session.app.coop,
            outbox=session.app.config.outbox,
            actor=session.actor,
            now=session.now,
        )
    session.say("It is in the database's place.")
    if done.kept is not None:
        session.say(f"The one that was there before is kept as {done.kept}")
    if done.forgotten:
        session.say(f"Erased again, as they were after the backup was made: family {', '.join(done.forgotten)}.")
    session.say("Nothing is sent or moved forward until somebody has looked: coopflow adopt")


@app.command(epilog="Examples:  coopflow adopt · coopflow adopt --yes")
def adopt(context: typer.Context, yes: YesOption = False) -> None:
    """Go on with a database that was restored, copied or moved: what is overdue waits for you and is not sent."""
    from coopflow.keeping.adoption import adopt_database, foresee_adoption

    session = session_of(context)
    with alone(session), session.store() as store:
        found = foresee_adoption(store, now=session.now)
        if not found.reasons:
            session.say("This database is where it was last at work; there is nothing to adopt.")
            return
        _tell(session, found)
        session.confirm("Is this the database to go on with, and no other one of this co-op is at work?", yes=yes)
        done = adopt_database(store, actor=session.actor, now=session.now)
    waiting = len(done.overdue) + len(done.under_way)
    session.say("Adopted: the next tick goes on with it.")
    if waiting:
        session.say(f"{_counted(waiting, 'decision')} for you: coopflow task list")


def _tell(session: Session, found: "Foreseen") -> None:
    session.say(f"This database was restored, copied or moved: {'; '.join(found.reasons)}.")
    if found.overdue:
        session.say(f"Overdue, so that a person decides about each ({len(found.overdue):,}):")
    for one in found.overdue[:MOST_LISTED]:
        session.say(
            f"  instance {one.instance_id} ({one.family_name}, {one.workflow}): '{one.step}', due {one.due_text}"
        )
    if len(found.overdue) > MOST_LISTED:
        session.say(f"  and {len(found.overdue) - MOST_LISTED:,} more")
    for number in found.under_way:
        session.say(f"  instance {number}: a message of it was under way; it is in doubt")
    if found.owed:
        session.say(f"Counted as started, whatever came round meanwhile: {', '.join(found.owed)}")
    if not (found.overdue or found.under_way):
        session.say("Nothing in it is overdue.")


BeforeOption = Annotated[str | None, typer.Option("--before", metavar="DAY", help="What ended before this day.")]
OlderOption = Annotated[
    str | None, typer.Option("--older-than", metavar="LENGTH", help="What ended longer ago than this: '2 years'.")
]
ArchiveOption = Annotated[
    Path | None, typer.Option("--archive", metavar="FILE", help="Where to [default: coopflow-archive.db beside it].")
]


@app.command(epilog="Examples:  coopflow purge --older-than '2 years' --dry-run · coopflow purge --before 2025-01-01")
def purge(
    context: typer.Context,
    before: BeforeOption = None,
    older_than: OlderOption = None,
    archive: ArchiveOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Move instances that ended long ago into a second file; the audit trail stays whole."""
    from coopflow.keeping import purging

    session = session_of(context)
    moment = _long_ago(session, before, older_than)
    with alone(session), session.store(read_only=dry_run) as store:
        purging.require_old_enough(store, moment, now=session.now)
        where = (archive or purging.archive_beside(store.path)).absolute()
        found = purging.to_purge(store, where, moment)
        what = f"{_counted(found.instances, 'instance')} that ended before {moment:%Y-%m-%d}"
        if dry_run or not found.instances:
            would = f"Would move {what} into {where}."
            session.say(would if found.instances else "Nothing that may go ended before then.")
            return
        session.confirm(f"Move {what} into {where}?", yes=yes)
        done = purging.purge(store, where, moment, actor=session.actor, now=session.now)
    session.say(f"Moved {_counted(done.instances, 'instance')} into {done.archive}.")
    session.say(f"To look at one: coopflow --database {done.archive} show INSTANCE. Back the archive up, too.")


def _long_ago(session: Session, before: str | None, older_than: str | None) -> datetime:
    from coopflow.core.durations import Duration
    from coopflow.keeping.purging import ago

    if (before is None) == (older_than is None):
        raise Usage("say which: either --before 2025-01-01 or --older-than '2 years'")
    if before is not None:
        return when(session, "--before", before)
    try:
        return ago(Duration.parse(str(older_than)), now=session.now)
    except ValueError as problem:
        raise Usage(f"--older-than: {problem}") from None


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
