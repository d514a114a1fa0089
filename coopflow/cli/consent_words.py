"""Who may be written to, in words: what stands for a family and why, and what a change of it came to."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from coopflow.cli.lookup import named
from coopflow.core.consent import CHANNELS, OUTREACH, TRANSACTIONAL, refusal
from coopflow.render import Column

if TYPE_CHECKING:
    from coopflow.cli.screens.text import Clock
    from coopflow.core.consent import ConsentRecord, Word
    from coopflow.core.model import Family
    from coopflow.intake.consent import ConsentChange
    from coopflow.intake.suppression_list import Listed

KINDS = (OUTREACH, TRANSACTIONAL)
MOST_NAMED = 20  # families of a list of addresses
CHANNEL_WORDS = {"email": "emails", "sms": "texts"}
RECORD_COLUMNS = (
    Column("at", "When"),
    Column("channel", "Channel"),
    Column("word", "What"),
    Column("covers", "Of"),
    Column("address", "Address"),
    Column("how", "How"),
    Column("actor", "By"),
    Column("text", "In the words"),
)


def opted_out_of(family: "Family") -> list[str]:
    """The channels by which outreach does not reach a family."""
    return [channel for channel in CHANNELS if refusal(family, channel, OUTREACH)]


def may_get(family: "Family") -> dict[str, Any]:
    """For each channel and kind of message whether it may go to the family, and why not."""
    return {
        channel: {kind: no.reason if (no := refusal(family, channel, kind)) else None for kind in KINDS}
        for channel in CHANNELS
    }


def standing_words(family: "Family", channel: str, clock: "Clock") -> str:
    """`no, since Fri 20 Mar 09:00 (just now), by hand (sarah)`."""
    no = refusal(family, channel, OUTREACH)
    if no is None:
        word = family.consent.get(channel) or family.at_address.get(channel)
        return f"yes{_source(word, clock)}" if word else "yes (nothing else is on record)"
    first = "no" if refusal(family, channel, TRANSACTIONAL) else "only transactional ones"
    if no.word is not family.consent.get(channel):
        first += ": said by somebody at this address"
    return f"{first}{_source(no.word, clock)}"


def _source(word: "Word", clock: "Clock") -> str:
    from coopflow.core.instants import parse_instant

    at = word.get("at")
    since = f", since {clock(parse_instant(at))}" if at else ""
    return f"{since}, by {word.get('how', 'an unknown way')} ({word.get('by', 'nobody knows who')})"


def refusals(family: "Family", clock: "Clock") -> Iterator[str]:
    """A line for each channel by which the family is not written to."""
    for channel in opted_out_of(family):
        yield f"May get {CHANNEL_WORDS[channel]}: {standing_words(family, channel, clock)}"


def record_rows(records: "Sequence[ConsentRecord]") -> list[dict[str, Any]]:
    """Everything that was said, for a sheet."""
    return [
        {
            "at": record.at,
            "channel": record.channel,
            "word": "opted in" if record.allowed else "opted out",
            "covers": record.covers,
            "address": record.address,
            "how": record.how,
            "actor": record.actor,
            "text": record.text,
        }
        for record in records
    ]


def consent_words(change: "ConsentChange", asked: Sequence[str], *, allowed: bool) -> str:
    """What a change of consent came to, and what undoes it."""
    whom = named(change.family)
    if not change.channels:
        return f"{whom} {_may(asked, allowed)} already. No change."
    channel = change.channels[0] if len(change.channels) == 1 else "all"
    verb, reason = ("optout", "") if allowed else ("optin", ' --reason "…"')
    undo = f"coopflow family {verb} {shlex.quote(change.family.family_id)} --channel {channel}{reason}"
    but = "" if allowed or change.covers != OUTREACH else " but those that a workflow calls transactional"
    return f"{whom} {_may(change.channels, allowed)} from now on{but}. Undo: {undo}"


def _may(channels: Sequence[str], allowed: bool) -> str:
    words = [CHANNEL_WORDS[channel] for channel in channels]
    return f"may get {' and '.join(words)}" if allowed else f"gets {' and '.join(f'no {word}' for word in words)}"


def list_words(found: "Listed") -> Iterator[str]:
    """`3 addresses: 2 new, 1 known already. 1 family has one of them.`."""
    noun = "address" if found.addresses == 1 else "addresses"
    older = f", {found.older} older than an opt-in" if found.older else ""
    would = "would be " if found.dry_run else ""
    tail = " Nothing was changed." if found.dry_run else ""
    yield f"{found.addresses} {noun}: {found.new} {would}new, {found.known} known already{older}.{tail}"
    if found.families:
        whose = "1 family has" if len(found.families) == 1 else f"{len(found.families)} families have"
        more = " …" if len(found.families) > MOST_NAMED else ""
        yield f"{whose} one of the new ones: {', '.join(found.families[:MOST_NAMED])}{more}."


def consent_document(family: "Family", records: "Sequence[ConsentRecord]") -> Mapping[str, Any]:
    """What stands for a family and why, as data."""
    return {
        "consent": {channel: dict(word) for channel, word in family.consent.items()},
        "at_address": {channel: dict(word) for channel, word in family.at_address.items()},
        "not_written_to": may_get(family),
        "consent_records": record_rows(records),
    }
