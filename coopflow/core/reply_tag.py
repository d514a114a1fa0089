"""The mark in the address for replies that says which instance a reply belongs to: `i17-3f9c2a7be01d`.

Anybody can write a mail to such an address, so the instance's number alone proves nothing. The twelve digits behind it
can only be worked out by whoever knows the database's id, which no message shows.
"""

import hashlib
import re
from hmac import compare_digest

_TAG = r"(?<![0-9a-z])i([1-9][0-9]{0,17})-([0-9a-f]{12})(?![0-9a-z])"


def reply_tag(database_id: str, instance_id: int) -> str:
    """Make the mark of an instance."""
    return f"i{instance_id:d}-{_proof(database_id, instance_id)}"


def read_tag(text: str, database_id: str) -> int | None:
    """Find the instance whose mark stands in a text, such as an address; None where there is none, or a forged one."""
    for number, proof in re.findall(_TAG, text, re.IGNORECASE):
        if compare_digest(proof.lower(), _proof(database_id, int(number))):
            return int(number)
    return None


def tagged_address(address: str, tag: str) -> str:
    """Put a mark into an address behind a plus, as in `answers+i17-3f9c2a7be01d@example.org`."""
    mailbox, _, domain = address.rpartition("@")
    return f"{mailbox}+{tag}@{domain}"


def _proof(database_id: str, instance_id: int) -> str:
    key = hashlib.blake2b(database_id.encode()).digest()
    return hashlib.blake2b(f"reply/{instance_id:d}".encode(), key=key, digest_size=6).hexdigest()
