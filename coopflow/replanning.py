"""Plans what waits anew: at the first tick after the rules of time have changed, and when a family has moved."""

import json
from collections.abc import Mapping
from datetime import datetime

from coopflow.batches import Engine, TickReport, change_all
from coopflow.core.audit import canonical_json
from coopflow.core.replanning import replan, rules_of_time
from coopflow.store.meta import find_meta, write_meta
from coopflow.store.store import Store
from coopflow.triggers import save_cases

RULES = "rules_of_time"  # by which everything that waits was planned: the zone data's version, and a fingerprint
BATCH = 500  # instances in one transaction
OTHER_RULES = "the calendar or the windows have changed"


def replan_by_new_rules(engine: Engine, report: TickReport, *, now: datetime) -> None:
    """Plan everything that waits anew if the rules are not those by which it was planned."""
    zones, fingerprint = planned_by(engine.store)
    rules = rules_of_time(engine.store.coop)
    newer = engine.zone_data is not None and (zones is None or engine.zone_data > zones)
    if rules == fingerprint and not newer:
        return
    if fingerprint is not None:
        moved = f"time-zone data {zones or 'unknown'} → {engine.zone_data}" if newer else ""
        _replan_all(engine, report, moved if rules == fingerprint else OTHER_RULES, now=now)
    with engine.store.transaction():
        known = engine.zone_data if newer else zones
        write_meta(engine.store.db, RULES, canonical_json([known, rules]))


def planned_by(store: Store) -> tuple[str | None, str | None]:
    """The version of the time-zone data and the fingerprint of the rules by which all that waits was planned.

    The version is the newest that was ever used: an older one, as a machine that was set up anew may have, is no
    reason to move anything; `doctor` tells of it.
    """
    zones, rules = json.loads(find_meta(store.db, RULES) or "[null, null]")
    return zones, rules


def replan_families(
    store: Store, reasons: Mapping[str, str], *, actor: str, now: datetime, catch_up: bool = False
) -> list[int]:
    """Plan anew what waits for these families, each for its reason; answer with the instances that got another time.

    Expects to be called inside `Store.transaction()`.
    """
    ids = [number for family_id in reasons for number in store.active_instances(family_id)]
    moved = [
        case
        for case in store.cases.load(ids, actor=actor)
        if replan(case, reasons[case.family.family_id], now=now, catch_up=catch_up)
    ]
    save_cases(store, moved, now=now)
    return [case.instance.instance_id for case in moved]


def _replan_all(engine: Engine, report: TickReport, reason: str, *, now: datetime) -> None:
    with engine.store.transaction():
        ids = engine.store.cases.waiting_for_their_turn()
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        parts = change_all(
            engine, report, batch, lambda cases: sum(replan(case, reason, now=now) for case in cases), now=now
        )
        report.replanned += sum(parts)
