"""Families, what is measured about them, and what the models say."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from peewee import Database

from coopflow.core.audit import canonical_json
from coopflow.core.consent import Word
from coopflow.core.instants import format_instant, parse_instant
from coopflow.core.model import Family, Prediction
from coopflow.core.pressure import same_address
from coopflow.core.states import ACTIVE
from coopflow.core.verdict import Past
from coopflow.core.workflow import converses
from coopflow.store.consent import standing_at
from coopflow.store.templates import Templates

_FAMILIES = """
SELECT family_id, family_name, email, phone, time_zone, status, language, attributes, consent, phone_zones,
       gentle_until
FROM families WHERE family_id IN (SELECT value FROM json_each(?))
"""
# The latest of each family by one step into an index: there may be one for each day of many years.
_ENGAGEMENT = """
SELECT value, (SELECT engagement_score FROM family_engagement_metrics WHERE family_id = value
               ORDER BY measured_at DESC LIMIT 1) FROM json_each(?)
"""
_RISK = """
SELECT value, (SELECT withdrawal_risk FROM risk_assessments WHERE family_id = value
               ORDER BY assessed_at DESC LIMIT 1) FROM json_each(?)
"""
_PAST = """
SELECT family_id, instance_id, template_id, status, trigger_date FROM workflow_instances
WHERE family_id IN (SELECT value FROM json_each(?1)) AND completed_at IS NULL
UNION ALL SELECT family_id, instance_id, template_id, status, trigger_date FROM workflow_instances
WHERE family_id IN (SELECT value FROM json_each(?1)) AND completed_at >= ?2
"""
_SAVE = """
INSERT INTO families (family_id, family_name, email, phone, time_zone, status, language, attributes, consent,
                      phone_zones, gentle_until, created_date, updated_date)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (family_id) DO UPDATE SET family_name = excluded.family_name, email = excluded.email,
       phone = excluded.phone, time_zone = excluded.time_zone, status = excluded.status, language = excluded.language,
       attributes = excluded.attributes, consent = excluded.consent, phone_zones = excluded.phone_zones,
       gentle_until = excluded.gentle_until, updated_date = excluded.updated_date
"""
_ADD_PREDICTION = """
INSERT INTO ml_predictions (prediction_id, family_id, predicted_probability, confidence_score, prediction_window_days,
                            prediction_type, predicted_at, received_at, recommendations, extra, verdict)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def families_by_id(db: Database, family_ids: Collection[str], *, scores: bool = True) -> dict[str, Family]:
    """The families with these ids that exist; `scores` loads the latest engagement and risk with them."""
    ids = json.dumps(sorted(family_ids))
    connection = db.connection()
    rows = connection.execute(_FAMILIES, (ids,)).fetchall()
    said = standing_at(db, {same_address(text) for row in rows for text in row[2:4] if text})
    engagement: Mapping[str, float] = {}
    risk: Mapping[str, float] = {}
    if scores:
        engagement = {row[0]: row[1] for row in connection.execute(_ENGAGEMENT, (ids,))}
        risk = {row[0]: row[1] for row in connection.execute(_RISK, (ids,))}
    return {
        row[0]: Family(
            family_id=row[0],
            family_name=row[1],
            email=row[2],
            phone=row[3],
            time_zone=row[4],
            status=row[5],
            language=row[6],
            attributes=_mapping(row[7]),
            consent=_mapping(row[8]),
            at_address=_at_address(row[2], row[3], said) if said else {},
            phone_zones=_zones_of(row[9]) if row[9] else (),
            gentle_until=row[10] and parse_instant(row[10]),
            engagement_score=engagement.get(row[0]),
            withdrawal_risk=risk.get(row[0]),
        )
        for row in rows
    }


def _mapping(text: str) -> dict[str, Any]:
    """What a column of JSON says; most families have nothing in it."""
    return json.loads(text) if text != "{}" else {}


@lru_cache(maxsize=1024)
def _zones_of(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def _at_address(email: str | None, phone: str | None, said: Mapping[tuple[str, str], Word]) -> dict[str, Word]:
    """What stands for the addresses of one family."""
    asked = {"email": email, "sms": phone}
    found = {channel: said.get((channel, same_address(text))) for channel, text in asked.items() if text}
    return {channel: word for channel, word in found.items() if word is not None}


def save_families(
    db: Database,
    families: Iterable[Family],
    *,
    zones_of_phone: Callable[[str], tuple[str, ...]] | None = None,
    now: datetime,
) -> None:
    """Insert or update families; scores are measurements and are added with `add_scores`.

    `zones_of_phone` finds out the zones of every number that is written; without it they are the family's own.
    """
    stamp = format_instant(now)
    db.connection().executemany(
        _SAVE,
        [
            (
                family.family_id,
                family.family_name,
                family.email,
                family.phone,
                family.time_zone,
                family.status,
                family.language,
                canonical_json(family.attributes),
                canonical_json(family.consent),
                _zones(family, zones_of_phone),
                family.gentle_until and format_instant(family.gentle_until),
                stamp,
                stamp,
            )
            for family in families
        ],
    )


def _zones(family: Family, zones_of_phone: Callable[[str], tuple[str, ...]] | None) -> str | None:
    zones = family.phone_zones
    if zones_of_phone is not None:
        zones = zones_of_phone(family.phone) if family.phone else ()
    return canonical_json(list(zones)) if zones else None


def add_scores(db: Database, families: Iterable[Family], *, now: datetime) -> None:
    """Add the families' engagement and risk as measured now."""
    stamp = format_instant(now)
    batch = list(families)
    connection = db.connection()
    connection.executemany(
        "INSERT INTO family_engagement_metrics (family_id, measured_at, engagement_score) VALUES (?, ?, ?)",
        [(f.family_id, stamp, f.engagement_score) for f in batch if f.engagement_score is not None],
    )
    connection.executemany(
        "INSERT INTO risk_assessments (family_id, assessed_at, withdrawal_risk) VALUES (?, ?, ?)",
        [(f.family_id, stamp, f.withdrawal_risk) for f in batch if f.withdrawal_risk is not None],
    )


def past_runs(
    db: Database, templates: Templates, family_ids: Collection[str], *, since: datetime | None = None
) -> Mapping[str, Sequence[Past]]:
    """The runs of workflows for these families, oldest first: those under way, and those that ended since then."""
    found: dict[str, list[Past]] = defaultdict(list)
    given = (json.dumps(sorted(family_ids)), "" if since is None else format_instant(since))
    rows = db.connection().execute(_PAST, given).fetchall()
    for family_id, instance_id, template_id, status, started in sorted(rows, key=itemgetter(1)):
        workflow = templates.get(template_id)
        found[family_id].append(
            Past(
                instance_id=instance_id,
                workflow=workflow.name,
                group=workflow.trigger.group,
                priority=workflow.priority,
                active=status in ACTIVE,
                started=parse_instant(started),
                converses=converses(workflow),
            )
        )
    return found


def seen_predictions(db: Database, prediction_ids: Collection[str]) -> frozenset[str]:
    """Those of the predictions that have been taken in before."""
    rows = db.connection().execute(
        "SELECT prediction_id FROM ml_predictions WHERE prediction_id IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(prediction_ids)),),
    )
    return frozenset(row[0] for row in rows)


def add_predictions(db: Database, judged: Iterable[tuple[Prediction, str]], *, now: datetime) -> None:
    """Store predictions, each with the verdict it was given."""
    stamp = format_instant(now)
    db.connection().executemany(
        _ADD_PREDICTION,
        [(*_prediction_row(prediction), stamp, *_carried(prediction), verdict) for prediction, verdict in judged],
    )


def _prediction_row(prediction: Prediction) -> tuple[Any, ...]:
    return (
        prediction.prediction_id,
        prediction.family_id,
        prediction.predicted_probability,
        prediction.confidence_score,
        prediction.prediction_window_days,
        prediction.prediction_type,
        prediction.predicted_at and format_instant(prediction.predicted_at),
    )


def _carried(prediction: Prediction) -> tuple[str, str]:
    return canonical_json(list(prediction.recommendations)), canonical_json(prediction.extra)
