"""`family optout` and `family optin`: who may be written to."""

from enum import StrEnum
from typing import Annotated

import typer

from coopflow.cli.consent_words import consent_words, list_words
from coopflow.cli.family import FamilyArgument, family
from coopflow.cli.lookup import resolve_family
from coopflow.cli.options import DryRunOption, ReasonOption
from coopflow.cli.session import Session, session_of
from coopflow.cli.streams import opened
from coopflow.cli.verdicts import touched_words
from coopflow.errors import Usage


class Channel(StrEnum):
    """What a family may be reached by."""

    email = "email"
    sms = "sms"
    all = "all"


ChannelOption = Annotated[Channel, typer.Option("--channel", help="Which kind of message.")]


@family.command(
    epilog='Examples:  coopflow family optout 42 --channel sms --reason "asked on the phone"'
    " · coopflow family optout --from suppressed.csv"
)
def optout(
    context: typer.Context,
    which: Annotated[
        str | None, typer.Argument(metavar="FAMILY", help="Its id, or its name or the beginning of it.")
    ] = None,
    channel: ChannelOption = Channel.all,
    reason: ReasonOption = None,
    listed: Annotated[
        str | None, typer.Option("--from", metavar="FILE", help="A list of addresses instead; - for standard input.")
    ] = None,
    dry_run: DryRunOption = False,
) -> None:
    """Stop messages to a family, or to a list of addresses: the ones that are planned are skipped too."""
    session = session_of(context)
    if listed is not None and (which is not None or channel is not Channel.all or reason):
        raise Usage("name a family, or a list with --from; the list says of each address what it is about")
    if listed is not None:
        _take_list(session, listed, dry_run=dry_run)
    elif which is None:
        raise Usage("name a family, as in: coopflow family optout 42; or a list of addresses with --from FILE")
    elif dry_run:
        raise Usage("--dry-run goes with --from")
    else:
        _change_consent(session, which, channel, allowed=False, reason=reason)


@family.command(epilog='Example:  coopflow family optin 42 --channel sms --reason "signed the form of 3 March"')
def optin(
    context: typer.Context, which: FamilyArgument, channel: ChannelOption = Channel.all, reason: ReasonOption = None
) -> None:
    """Allow messages to a family again; say with --reason how the family agreed."""
    if not (reason or "").strip():
        raise Usage('say how the family agreed, as in --reason "signed the form of 3 March"')
    _change_consent(session_of(context), which, channel, allowed=True, reason=reason)


def _change_consent(session: Session, which: str, channel: Channel, *, allowed: bool, reason: str | None) -> None:
    from coopflow.intake.consent import CHANNELS, change_consent

    asked = CHANNELS if channel is Channel.all else (str(channel),)
    with session.store() as store, store.transaction():
        family_id = resolve_family(session, store, which)
        change = change_consent(
            store, family_id, asked, allowed=allowed, reason=reason, actor=session.actor, now=session.now
        )
        ended = touched_words(session, store, change.touched)
    for words in [consent_words(change, asked, allowed=allowed), *ended]:
        session.say(words)


def _take_list(session: Session, listed: str, *, dry_run: bool) -> None:
    from coopflow.intake.formats import read_records
    from coopflow.intake.suppression_list import import_suppressed

    example = "coopflow family optout --from suppressed.csv"
    with opened(listed, example=example) as (source, stream), session.store() as store:
        found = import_suppressed(
            store,
            read_records(stream, source),
            region=session.app.config.country,
            actor=session.actor,
            now=session.now,
            dry_run=dry_run,
        )
        ended = [] if dry_run else touched_words(session, store, found.touched)
    for words in [*list_words(found), *ended]:
        session.say(words)
