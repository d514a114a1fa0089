"""What a tick would do now: the real one, on a copy in memory, with channels that hand nothing over."""

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from coopflow.composing import Composer
from coopflow.core.deliveries import Accepted, Delivery, Withdrawn
from coopflow.core.model import Message
from coopflow.errors import OutOfPlace
from coopflow.keeping.place import advice, why_not_in_place
from coopflow.loading import refresh
from coopflow.sending import Post
from coopflow.store.database import Database, copy_in_memory, open_database
from coopflow.store.log import head_of
from coopflow.store.store import Store
from coopflow.tick import Engine, tick

if TYPE_CHECKING:
    from coopflow.app import App


class Rehearsed(Struct, frozen=True):
    """What a tick would have said and noted down."""

    news: list[str]  # errors in workflow files
    entries: list[Mapping[str, Any]]  # of the audit trail


def rehearse(app: "App", *, now: datetime, limit: int | None = None) -> Rehearsed | None:
    """Go through a tick at `now`; not one byte is written or sent. None while a real one is at work.

    Every message is taken to be accepted, so that what would follow is seen as well.
    """
    copied = _copy(app)
    if copied is None:
        return None
    try:
        store = Store(copied, app.coop)
        if reasons := "; ".join(why_not_in_place(store)):
            raise OutOfPlace(advice(reasons))
        before, _ = head_of(copied)
        news = refresh(app, store, now=now)
        post = Post(_stand_ins(app, store.database_id), max_concurrent=1)
        composer = Composer(database_id=store.database_id, domain=app.domain)
        tick(Engine(store, post, composer, way_out=app.way_out), now=now, limit=limit)
        return Rehearsed(news, store.looking.events_after(before))
    finally:
        copied.close()


def _copy(app: "App") -> Database | None:
    """Under the lock, since a tick at work has messages under way that would look like a dead one's."""
    with app.lock as lock, closing(open_database(app.database, read_only=True)) as db:
        return copy_in_memory(db) if lock.acquire() else None


class StandIn(Struct, frozen=True):
    """A channel that takes every message and hands none over."""

    name: str
    dedupes: bool
    transport: str = "rehearsal"

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        """Accept a message, after its last call if the real channel would have one."""
        del message
        return Accepted() if self.dedupes or last_call() else Withdrawn()

    def close(self) -> None:
        """Nothing was opened."""


def _stand_ins(app: "App", database_id: str) -> dict[str, StandIn]:
    real = app.channels(database_id)
    for channel in real.values():
        channel.close()
    return {name: StandIn(name, channel.dedupes) for name, channel in real.items()}
