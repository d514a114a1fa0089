"""The mark in the address for replies that says which instance a reply belongs to: `i17-3f9c2a7be01d`.

Anybody can write a mail to such an address, so the instance's number alone proves nothing. The twelve digits behind it
can only be worked out by whoever knows the database's id, which no message shows. They are about the family too: once a
backup was restored, another family's instance may have the number of one that began after the backup was made.
"""

import hashlib
import re
from collections.abc import Callable
from hmac import compare_digest

_TAG = r"(?<![0-9a-z])i([1-9][0-9]{0,17})-([0-9a-f]{12})(?![0-9a-z])"


def reply_tag(database_id: str, instance_id: int, family_id: str) -> str:
    """Make the mark of an instance, which is a family's."""
    return f"i{instance_id:d}-{_proof(database_id, instance_id, family_id)}"


def read_tag(text: str, database_id: str, family_of: Callable[[int], str | None]) -> tuple[int, str] | None:
    """Find the instance whose mark stands in a text, such as an address, and its family; None: no mark that holds."""
    for digits, proof in re.findall(_TAG, text, re.IGNORECASE):
        number = int(digits)
        family_id = family_of(number)
        if family_id is not None and compare_digest(proof.lower(), _proof(database_id, number, family_id)):
            return number, family_id
    return None


def tagged_address(address: str, tag: str) -> str:
    """Put a mark into an address behind a plus, as in `answers+i17-3f9c2a7be01d@example.org`."""
    mailbox, _, domain = address.rpartition("@")
    return f"{mailbox}+{tag}@{domain}"


def _proof(database_id: str, instance_id: int, family_id: str) -> str:
    key = hashlib.blake2b(database_id.encode()).digest()
    return hashlib.blake2b(f"reply/{instance_id:d}/{family_id}".encode(), key=key, digest_size=6).hexdigest()
