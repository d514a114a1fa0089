"""`family forget`: everything that says who a family is goes, for good."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from coopflow.cli.family import FamilyArgument, family
from coopflow.cli.keeping import alone
from coopflow.cli.lookup import named, resolve_family
from coopflow.cli.options import ReasonOption, YesOption
from coopflow.cli.session import Session, session_of

if TYPE_CHECKING:
    from coopflow.keeping.forgetting import Footprint, Forgotten
    from coopflow.store.store import Store


@family.command(epilog='Example:  coopflow family forget 42 --reason "asked by letter of 3 March"')
def forget(context: typer.Context, which: FamilyArgument, reason: ReasonOption = None, yes: YesOption = False) -> None:
    """Erase a family for good: name, addresses, notes, messages. What was done, and when, stays on record."""
    from coopflow.keeping.forgetting import footprint
    from coopflow.keeping.forgetting import forget as erase

    session = session_of(context)
    config = session.app.config
    folder = config.path.parent
    with alone(session), session.store() as store:
        family_id = resolve_family(session, store, which)
        found = footprint(store, family_id, outbox=config.outbox, folder=folder)
        for line in _what_goes(found):
            session.say(line)
        session.confirm(f"Erase family {named(found.family)} for good? This cannot be undone.", yes=yes)
        done = erase(store, found, folder=folder, reason=reason, actor=session.actor, now=session.now)
        _tell(session, store, done)


def _what_goes(found: "Footprint") -> list[str]:
    """What else than the family's own data is touched."""
    active = ", ".join(map(str, found.active))
    return [
        *([f"Cancels what is under way for it: instance {active}."] if active else []),
        *([f"Deletes files of messages: {len(found.messages):,}."] if found.messages else []),
        *(f"Deletes {path}, an old copy of the whole database." for path in found.copies),
        *(f"Erases it in the archive {path} too." for path in found.archives),
    ]


def _tell(session: Session, store: "Store", done: "Forgotten") -> None:
    from coopflow.keeping.backup import last_backup
    from coopflow.render import moment

    session.say(f"Family {done.family_id} is forgotten. What was done for it is still proven: coopflow audit verify")
    made = last_backup(store)
    if made is not None:
        at = moment(made, session.app.coop.calendar.tz, session.now)
        session.say(
            f"Backups up to the one of {at} still hold it: delete them in time. A restored one forgets it again."
        )
    for path in done.mentions:
        named_in = _shown(path, session.app.config.path.parent)
        session.say(f"It is still named in {named_in}, which is not coopflow's own: look at it, and delete it in time.")


def _shown(path: Path, folder: Path) -> Path:
    return path.relative_to(folder) if path.is_relative_to(folder) else path
