"""Judges what a gateway saw in a year, by the rules as a person would read them. It shares no code with coopflow."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.year.life import PLACES, Life, Sent

CAP, PERIOD = 3, 7  # messages for a family, in days by its own calendar
PATIENCE = {"email": timedelta(hours=24), "sms": timedelta(hours=4)}
DAYTIME = range(8, 21)
OFFICE = range(8, 18)


def faults(life: Life, closed: Mapping[date, str]) -> Iterator[str]:
    """Every rule that a message broke, in a sentence each."""
    for sent in life.sent:
        zone = zone_of(life, sent)
        yield from _at_the_wrong_time(sent, zone, closed)
        yield from _where_the_phone_is(sent)
        yield from _gently(life, sent)
        yield from _late(sent)
        quit_at = life.opted_out.get(sent.family_id)
        if quit_at is not None and quit_at <= sent.at:
            yield f"{_name(sent)} went to a family that had opted out"
    yield from _too_many(life)
    keys = [sent.message_id for sent in life.sent]
    if len(set(keys)) < len(keys):
        yield "a message was sent twice"


def zone_of(life: Life, sent: Sent) -> ZoneInfo:
    """Where the family lived at that moment."""
    moves = life.zones[sent.family_id]
    return ZoneInfo([zone for since, zone in moves if since <= sent.at][-1])


def _at_the_wrong_time(sent: Sent, zone: ZoneInfo, closed: Mapping[date, str]) -> Iterator[str]:
    local = sent.at.astimezone(zone)
    if local.weekday() > 4 or local.hour not in OFFICE:
        yield f"{_name(sent)} came at {local:%a %d %b %H:%M} in {zone.key}"
    if local.date() in closed:
        yield f"{_name(sent)} came on {closed[local.date()] or 'a closed day'} ({local:%a %d %b})"


def _where_the_phone_is(sent: Sent) -> Iterator[str]:
    if sent.channel != "sms":
        return
    for key, beginning in PLACES.items():
        if sent.to.startswith(beginning) and sent.at.astimezone(ZoneInfo(key)).hour not in DAYTIME:
            yield f"{_name(sent)} rang a phone of {key} at {sent.at.astimezone(ZoneInfo(key)):%H:%M}"


def _gently(life: Life, sent: Sent) -> Iterator[str]:
    marks = [mark for mark in life.gentle.get(sent.family_id, []) if mark[0] <= sent.at]
    if marks and sent.at < marks[-1][1]:
        yield f"{_name(sent)} reached a family that was to be treated gently until {marks[-1][1]}"


def _late(sent: Sent) -> Iterator[str]:
    if sent.due is None:
        yield f"{_name(sent)} was not due"
    elif sent.at - sent.due > PATIENCE[sent.channel]:
        yield f"{_name(sent)} had been due at {sent.due}"


def _too_many(life: Life) -> Iterator[str]:
    by_family: dict[str, list[Sent]] = defaultdict(list)
    for sent in life.sent:
        by_family[sent.family_id].append(sent)
    for family, messages in by_family.items():
        yield from _above_the_cap(family, messages, life)


def _above_the_cap(family: str, messages: Iterable[Sent], life: Life) -> Iterator[str]:
    ordered = sorted(messages, key=lambda sent: sent.at)
    for first, last in zip(ordered, ordered[CAP:], strict=False):
        zone = zone_of(life, last)
        wall = first.at.astimezone(zone).replace(tzinfo=None) + timedelta(days=PERIOD)
        if last.at < min(wall.replace(tzinfo=zone, fold=fold).astimezone(last.at.tzinfo) for fold in (0, 1)):
            yield f"{CAP + 1} messages went to family {family} between {first.at} and {last.at}"


def _name(sent: Sent) -> str:
    at: datetime = sent.at
    return f"the {sent.channel} of instance {sent.instance_id} to family {sent.family_id} ({at})"
