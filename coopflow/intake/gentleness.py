"""The mark on a family that is to be left in peace for a while: nothing that reaches them happens before a date."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from coopflow.core.model import Event, Family
from coopflow.replanning import replan_families
from coopflow.store.store import Store
from coopflow.triggers import require_family

MARKED = "the family is to be treated gently"
LIFTED = "the family is not treated gently any more"


class Gentleness(Struct, frozen=True, kw_only=True):
    """What became of one mark."""

    family: Family
    before: datetime | None  # until when it held before
    moved: Sequence[int]  # the instances that got another time


def treat_gently(
    store: Store, family_id: str, *, until: datetime | None, reason: str | None, actor: str, now: datetime
) -> Gentleness:
    """Set the mark, or lift it with None, inside the caller's transaction; what waits is planned anew at once."""
    family = require_family(store, family_id)
    before = family.gentle_until if family.gentle_until and family.gentle_until > now else None
    if before == until:
        return Gentleness(family=family, before=before, moved=())
    family = replace(family, gentle_until=until)
    store.save_families([family], now=now)
    store.log(
        [
            Event(
                at=now,
                kind="family.gentle_until" if until else "family.gentle_ended",
                actor=actor,
                family_id=family_id,
                data={"until": until} if until else {},
                personal={"reason": reason} if reason else None,
            )
        ]
    )
    why = MARKED if until else LIFTED
    moved = replan_families(store, {family_id: why}, actor=actor, now=now, catch_up=until is None)
    return Gentleness(family=family, before=before, moved=moved)
