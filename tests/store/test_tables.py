from datetime import UTC, datetime, timedelta, timezone

import pytest

from coopflow.core.states import InstanceStatus
from coopflow.store.database import Database, transaction
from coopflow.store.tables.every import ROWS
from coopflow.store.tables.families import FamilyRow
from coopflow.store.tables.fields import Row
from coopflow.store.tables.instances import InstanceRow
from coopflow.store.tables.surroundings import MetaRow

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def a_family(**changes: object) -> dict[str, object]:
    return {
        "family_id": "0042",
        "family_name": "Smith",
        "status": "enrolled",
        "attributes": {"grüße": [1, 2.5, None], "a": True},
        "consent": {},
        "created_date": NOW,
        "updated_date": NOW,
        **changes,
    }


def test_values_come_back_as_they_went_in(db: Database) -> None:
    with transaction(db):
        FamilyRow.insert(a_family()).execute(db)
    row = FamilyRow.select().where(FamilyRow.created_date <= NOW).get(db)
    assert (row.family_id, row.created_date, row.email) == ("0042", NOW, None)
    assert row.created_date.tzinfo is UTC
    assert row.attributes == {"grüße": [1, 2.5, None], "a": True}


def test_they_are_stored_in_their_one_text_form(db: Database) -> None:
    FamilyRow.insert(a_family()).execute(db)
    found = db.connection().execute("SELECT created_date, attributes FROM families").fetchone()
    assert found == ("2026-03-02T06:00:00Z", '{"a":true,"grüße":[1,2.5,null]}')


@pytest.mark.parametrize(
    "instant",
    [
        datetime(2026, 3, 2, 6, 0),  # noqa: DTZ001 - nobody knows which moment that is
        NOW + timedelta(microseconds=1),
        NOW.astimezone(timezone(timedelta(hours=1))),
    ],
)
def test_an_instant_that_would_sort_wrongly_is_refused(db: Database, instant: datetime) -> None:
    with pytest.raises(ValueError, match="is not"):
        FamilyRow.insert(a_family(created_date=instant)).execute(db)


def test_a_word_that_is_no_state_is_refused(db: Database) -> None:
    with pytest.raises(ValueError, match="'asleep' is not a valid InstanceStatus"):
        InstanceRow.select().where(InstanceRow.status == "asleep").count(db)
    assert InstanceRow.select().where(InstanceRow.status == InstanceStatus.RUNNING).count(db) == 0
    assert InstanceRow.status.python_value("paused") is InstanceStatus.PAUSED
    assert InstanceRow.outcome.python_value(None) is None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.TABLE)
def test_a_model_belongs_to_no_database_and_can_be_asked_on_any(db: Database, row: type[Row]) -> None:
    assert row._meta.database is None
    assert list(row.select().execute(db)) == [] or row is MetaRow
