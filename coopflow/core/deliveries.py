"""What can become of a message that was handed to a channel (reliability, section 2.4)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeAlias

from msgspec import Struct


class Accepted(Struct, frozen=True):
    """The server took it. It never means that it was read."""

    reference: str | None = None
    output: Mapping[str, Any] | None = None  # what the other side answered, for later conditions


class Deferred(Struct, frozen=True):
    """Not sent; trying again may help."""

    reason: str
    retry_after: timedelta | None = None


class Unavailable(Struct, frozen=True):
    """Not sent; the transport itself is out of order, so this message's tries are not used up."""

    reason: str
    until_mended: bool = False  # only a person can mend it: a certificate, a password, a sender that is not taken


class Refused(Struct, frozen=True):
    """Not sent, and it never will be: a bad address, or words that are not taken."""

    reason: str
    opted_out: bool = False  # the other side knows that the family does not want to be written to
    bad_address: bool = False  # nobody is there: what else goes to this address would be refused too


class Unknown(Struct, frozen=True):
    """Handed over, and the answer did not come: it may have been sent."""

    reason: str


class Withdrawn(Struct, frozen=True):
    """Not sent: at the last call its reason had gone."""


Delivery: TypeAlias = Accepted | Deferred | Unavailable | Refused | Unknown | Withdrawn
