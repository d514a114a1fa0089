"""Takes in the one thing that a web hook, a CGI program or a mail server hands over."""

from datetime import datetime
from hashlib import blake2b

from coopflow.core.instants import format_instant
from coopflow.errors import Invalid
from coopflow.inbox.callbacks import read_callback
from coopflow.inbox.source import LARGEST, Arrived
from coopflow.inbox.taking import Ours, Taken, take
from coopflow.intake.unfit import Unfit
from coopflow.store.store import Store


def receive_one(
    store: Store, content: bytes, kind: str | None, source: str, ours: Ours, *, name: str, now: datetime
) -> Taken:
    """Take it in; what cannot be read is refused with a sentence, since whoever hands it over can mend it."""
    if not content.strip():
        raise Invalid(f"{name} is empty")
    if kind != "mail":
        try:
            read_callback(content[:LARGEST], kind=kind, region=ours.region, now=now)
        except Unfit as problem:
            raise Invalid(f"{name}: {problem.sentence}") from None
    digest = blake2b(content, digest_size=16).hexdigest()
    # Without an id of its own, the same words a second later may be another text.
    own = digest if kind == "mail" else f"{digest}:{format_instant(now)}"
    arrived = Arrived(provider_id=own, content=content[:LARGEST], kind=kind, cut=len(content) > LARGEST)
    return take(store, source, arrived, ours, now=now)
