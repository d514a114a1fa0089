"""`digest`: a coordinator's day in one letter, on the screen or by mail."""

from typing import TYPE_CHECKING, Annotated

import typer

from coopflow.cli.options import JsonOption
from coopflow.cli.root import app
from coopflow.cli.session import Session, session_of
from coopflow.errors import Invalid, NotAllowed, NotFound
from coopflow.render import Format, show_document

if TYPE_CHECKING:
    from coopflow.reports.digest import Digest
    from coopflow.store.store import Store


@app.command(epilog="Examples:  coopflow digest · coopflow digest --to sarah · coopflow digest --send")
def digest(
    context: typer.Context,
    to: Annotated[str | None, typer.Option("--to", help="A coordinator by name. Default: the first one.")] = None,
    send: Annotated[bool, typer.Option("--send", help="Mail it, once a day however often it is said.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Tell a coordinator what the day brings: tasks, doubts, what went wrong, and that coopflow is at work."""
    from coopflow.cli.screens.digest import digest_lines
    from coopflow.cli.screens.text import Clock, write
    from coopflow.reports.digest import as_document
    from coopflow.reports.digest import digest as put_together

    session = session_of(context)
    coordinator = _coordinator(session, to)
    config, tz = session.app.config, session.app.coop.calendar.tz
    with session.store(read_only=not send) as store:
        place = (config.country, config.subdivision)
        found = put_together(store, coordinator, place=place, tz=tz, now=session.now)
        if send:
            _send(session, store, found)
        elif as_json:
            show_document(as_document(found), format=Format.json, out=session.out)
        else:
            write(digest_lines(found, Clock(tz, session.now)), session.out)


def _coordinator(session: Session, name: str | None) -> str:
    from coopflow.core.wording import did_you_mean, shown

    coop = session.app.coop
    if name is None or name in coop.coordinators:
        return name or coop.coordinator
    raise NotFound(f"there is no coordinator {shown(name)} in coopflow.yaml{did_you_mean(name, coop.coordinators)}")


def _send(session: Session, store: "Store", found: "Digest") -> None:
    from coopflow.alerts.digest_mail import Letter, send_digest
    from coopflow.cli.screens.digest import digest_lines, subject_of
    from coopflow.cli.screens.text import Clock
    from coopflow.render import visible

    lines = digest_lines(found, Clock(session.app.coop.calendar.tz, session.now))
    letter = Letter(
        day=found.day,
        coordinator=found.coordinator,
        to=_address(session, found.coordinator),
        subject=subject_of(found),
        text="".join(f"{visible(line)}\n" for line in lines),
    )
    channel = session.app.channels(store.database_id)["email"]
    try:
        reference = send_digest(store, channel, letter, domain=session.app.domain, now=session.now)
    finally:
        channel.close()
    if reference is None:
        typer.echo(f"The digest of {found.day:%-d %b} for {found.coordinator} has left already.")
    else:
        typer.echo(f"The digest of {found.day:%-d %b} for {found.coordinator} was handed over ({visible(reference)}).")


def _address(session: Session, coordinator: str) -> str:
    address = session.app.coop.coordinators.get(coordinator, {}).get("email")
    if not address:
        raise Invalid(f"{coordinator} has no email under coordinators: in coopflow.yaml, so nothing can be mailed")
    allowed = session.app.coop.allowed
    if allowed is not None and (refusal := allowed.refusal("email", address)):
        raise NotAllowed(f"nothing may be mailed to {coordinator}: {refusal}")
    return str(address)
