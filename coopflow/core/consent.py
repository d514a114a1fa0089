"""Who may be written to: the newest word about an address, and a family's own newest word about a channel.

Either may say no. An opt-out stays with the address it was said for, whichever family has it by now; and it follows the
family to its next address, until the family agrees again.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from coopflow.core.instants import format_instant
from coopflow.core.model import Family
from coopflow.core.pressure import same_address

CHANNELS = ("email", "sms")
OUTREACH, TRANSACTIONAL = "outreach", "transactional"  # kinds of message
EVERYTHING = "everything"  # what an opt-out covers, if it is not outreach only

Word = Mapping[str, Any]  # what stands: allowed, at, how, by; and covers, where an opt-out is of outreach only


class ConsentRecord(Struct, frozen=True, kw_only=True):
    """One thing that was said about writing to an address: evidence, never changed."""

    channel: str
    address: str | None  # in its one spelling; None: the family had no address then
    allowed: bool
    at: datetime  # when it was said, which may be long before it was recorded
    how: str  # hand, reply, gateway, import
    actor: str
    covers: str = EVERYTHING
    text: str | None = None  # the words it was said in; a person may ask to have them erased
    family_id: str | None = None  # the family that said it

    @property
    def word(self) -> dict[str, Any]:
        """The same as what stands is kept."""
        said = {"allowed": self.allowed, "at": format_instant(self.at), "how": self.how, "by": self.actor}
        return said if self.covers == EVERYTHING else {**said, "covers": self.covers}


class Refusal(Struct, frozen=True):
    """Why a message may not go to a family."""

    reason: str
    word: Word


def address_of(family: Family, channel: str) -> str | None:
    """The family's address on a channel, in its one spelling."""
    address = family.email if channel == "email" else family.phone
    return same_address(address) if address else None


def addresses_of(family: Family) -> frozenset[str]:
    """All of a family's addresses, in their one spelling."""
    return frozenset(found for channel in CHANNELS if (found := address_of(family, channel)))


def standing(words: Iterable[Word]) -> Word | None:
    """What stands after words in the order in which they were said: the newest.

    An opt-out of outreach takes nothing back from an earlier one of everything.
    """
    found: Word | None = None
    for word in words:
        wider = found is not None and not found.get("allowed") and _covers(found) == EVERYTHING
        found = word if word.get("allowed") or not wider else {**word, "covers": EVERYTHING}
    return found


def in_order(words: Iterable[Word]) -> Sequence[Word]:
    """Words by when they were said; those of one moment as they come."""
    return sorted(words, key=lambda word: str(word.get("at") or ""))


def says_the_same(word: Word | None, record: ConsentRecord) -> bool:
    """True when nothing would be new in a record."""
    if word is None or word.get("allowed") is not record.allowed:
        return False
    return record.allowed or _covers(word) == EVERYTHING or record.covers != EVERYTHING


def refusal(family: Family, channel: str, kind: str) -> Refusal | None:
    """Why a message of this kind may not go to the family; None: it may. STOP by text is about every kind."""
    own, address = family.consent.get(channel), family.at_address.get(channel)
    if _refuses(own, channel, kind):
        return Refusal(f"family {family.family_id} has opted out of {channel}", own or {})
    if not _refuses(address, channel, kind):
        return None
    what = "phone number" if channel == "sms" else "email address"
    return Refusal(f"the {what} of family {family.family_id} has been opted out", address or {})


def _refuses(word: Word | None, channel: str, kind: str) -> bool:
    if not word or word.get("allowed") is not False:
        return False
    return channel == "sms" or kind != TRANSACTIONAL or _covers(word) == EVERYTHING


def _covers(word: Word) -> str:
    return str(word.get("covers", EVERYTHING))
