"""How many messages a family may get: caps over all workflows, and a slower pace after the server was away.

What counts is every message that left, is on its way, or may have left; what was refused or withdrawn does not. Caps
bind every step, urgent or not, whoever set it going.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from coopflow.core.durations import Duration
from coopflow.core.timing import add, local_text

ONE_MESSAGE = timedelta(days=1)  # so long the same step of the same workflow writes to an address once
CLOCKS = timedelta(days=1)  # more than a change of the clocks, or of the zone, can move a day's end
BEHIND = timedelta(hours=1)  # what is later than this waits its turn: one message for a family and day


class Cap(Struct, frozen=True):
    """At most so many messages within a time: days on the family's calendar, hours elapsed."""

    max: int
    per: Duration


class Limits(Struct, frozen=True, kw_only=True):
    """The caps of a co-op; by default there are none."""

    per_family: Cap | None = None
    per_channel: Mapping[str, Cap] = field(default_factory=dict)  # of one family
    per_address: Cap | None = None  # whichever families share it


class Contact(Struct, frozen=True):
    """A message that a family has got, or may have got."""

    family_id: str
    channel: str
    address: str
    at: datetime  # when it left; as long as it has not, when it was written
    message_id: str  # the same for every attempt at it
    instance_id: int | None = None
    part: str = ""  # which step of which workflow version it was


class Contacts:
    """The contacts that count for a batch of cases; an intent to send is added at once, so the next case sees it."""

    def __init__(self, known: Iterable[Contact] = ()) -> None:
        self._by_family: dict[str, dict[str, Contact]] = defaultdict(dict)
        self._by_address: dict[str, dict[str, Contact]] = defaultdict(dict)
        for contact in known:
            self.count(contact)

    def count(self, contact: Contact) -> None:
        """Count a message: one more, or at another moment than before."""
        self._by_family[contact.family_id][contact.message_id] = contact
        self._by_address[same_address(contact.address)][contact.message_id] = contact

    def of_family(self, family_id: str) -> Collection[Contact]:
        """Those of one family, whatever the channel."""
        return self._by_family[family_id].values()

    def of_address(self, address: str) -> Collection[Contact]:
        """Those to one address, whatever the family."""
        return self._by_address[same_address(address)].values()


class Room(Struct, frozen=True):
    """When there is room for a message again, the cap that says so, and why in words."""

    at: datetime
    cap: Cap
    reason: str


def same_address(address: str) -> str:
    """One spelling for addresses that reach the same person."""
    return address.strip().casefold()


def furthest_back(limits: Limits) -> timedelta:
    """What left longer ago than this counts for nothing here."""
    caps = (limits.per_family, limits.per_address, *limits.per_channel.values())
    return max([ONE_MESSAGE, *(cap.per.at_most for cap in caps if cap)]) + CLOCKS


def no_room_before(limits: Limits, contacts: Contacts, message: Contact, *, tz: ZoneInfo, now: datetime) -> Room | None:
    """When a message fits under every cap again; None: it fits now."""
    full = [
        room for cap, found, whose in _caps(limits, contacts, message) if (room := _room(cap, found, whose, tz, now))
    ]
    return max(full, key=lambda room: room.at, default=None)


def _caps(limits: Limits, contacts: Contacts, message: Contact) -> Iterator[tuple[Cap, list[Contact], str]]:
    """Each cap, what counts towards it beside the message itself, and whose it is."""
    family = [found for found in contacts.of_family(message.family_id) if found.message_id != message.message_id]
    if limits.per_family:
        yield limits.per_family, family, "for a family"
    if cap := limits.per_channel.get(message.channel):
        yield cap, [found for found in family if found.channel == message.channel], f"for a family by {message.channel}"
    if limits.per_address:
        others = contacts.of_address(message.address)
        yield (
            limits.per_address,
            [found for found in others if found.message_id != message.message_id],
            "for an address",
        )


def _room(cap: Cap, contacts: Iterable[Contact], whose: str, tz: ZoneInfo, now: datetime) -> Room | None:
    leaving = sorted(add(cap.per, to=contact.at, tz=tz) for contact in contacts)
    counted = [moment for moment in leaving if moment > now]
    if len(counted) < cap.max:
        return None
    at = counted[-cap.max]
    messages = "1 message" if cap.max == 1 else f"{cap.max} messages"
    words = f"{messages} in {cap.per} is the most {whose}; there is room from {local_text(at, tz)}"
    return Room(at, cap, words)


def twin(contacts: Contacts, message: Contact, *, now: datetime) -> Contact | None:
    """The same message for another family at the same address, lately: who reads that address has it already."""
    alike = (found for found in contacts.of_address(message.address) if found.part == message.part)
    others = (found for found in alike if found.family_id != message.family_id and found.channel == message.channel)
    return next((found for found in others if message.part and now - found.at < ONE_MESSAGE), None)


def must_wait_a_day(
    contacts: Contacts, message: Contact, *, planned: datetime | None, tz: ZoneInfo, now: datetime
) -> bool:
    """True for a late message when the family has had another one today: the server was away, and is catching up."""
    if planned is None or now - planned <= BEHIND:
        return False
    today = now.astimezone(tz).date()
    others = contacts.of_family(message.family_id)
    return any(found.at.astimezone(tz).date() == today for found in others if found.message_id != message.message_id)
