"""Events as somebody tells of them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from coopflow.core.facts import BUILT_IN_EVENTS
from coopflow.errors import Usage
from coopflow.intake.by_hand import set_values, told_event
from coopflow.intake.events import EventReader, OutsideEvent
from coopflow.intake.formats import BadRecord, Kind, Record
from coopflow.intake.unfit import sentences

NOW = datetime(2026, 3, 20, 13, tzinfo=UTC)
READER = EventReader({*BUILT_IN_EVENTS, "field_trip_booked"}, now=NOW)


def event(form: Kind = Kind.JSONL, **fields: Any) -> OutsideEvent | BadRecord:
    return READER.read(Record(1, {"kind": "payment_received", "family_id": 42, **fields}), form)


def refusal(**fields: Any) -> str:
    read = event(**fields)
    assert isinstance(read, BadRecord)
    return sentences(read.problems)


def test_a_kind_and_a_family_are_enough() -> None:
    assert event() == OutsideEvent(kind="payment_received", family_id="42", data={})


def test_all_other_fields_are_its_data() -> None:
    read = event(id="pay_1", at="2026-03-19T08:00:00-05:00", data={"amount": 12.5}, currency="USD")
    assert read == OutsideEvent(
        kind="payment_received",
        family_id="42",
        data={"currency": "USD", "amount": 12.5},
        at=datetime(2026, 3, 19, 13, tzinfo=UTC),
        key="pay_1",
    )
    assert read.told() == {
        "currency": "USD",
        "amount": 12.5,
        "event_key": "pay_1",
        "happened_at": "2026-03-19T13:00:00Z",
    }


def test_csv_has_its_data_in_a_cell_or_in_columns() -> None:
    read = event(Kind.CSV, family_id="0042", data='{"amount": 12.5}', currency="", days_late="3", at="", id="")
    assert read == OutsideEvent(kind="payment_received", family_id="0042", data={"amount": 12.5, "days_late": 3})


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": None}, "field 'kind': null is not text"),
        (
            {"kind": "payment_recieved"},
            "field 'kind': 'payment_recieved' is not an event that coopflow knows (did you mean 'payment_received'?);"
            " one of your own is declared in coopflow.yaml, under events:",
        ),
        ({"data": [1]}, "field 'data': a list is not an object, as in {\"amount\": 12.5}"),
        ({"data": "amount=5"}, "field 'data': it is not JSON: expecting value, at column 1"),
        ({"data": '{"amount": NaN}'}, "field 'data': NaN is not a number that JSON knows"),
        ({"data": {"a": 1}, "a": 2}, "field 'a': it is there beside 'data' and inside it"),
        ({"data": {"event_key": 1}}, "field 'data': the name 'event_key' is kept for coopflow's own use"),
        ({"at": "2026-03-20T13:06:00Z"}, "field 'at': '2026-03-20T13:06:00Z' lies in the future"),
        (
            {"at": "2026-03-20T13:00:00"},
            "field 'at': it is not an instant with its offset from UTC: '2026-03-20T13:00:00' does not say its offset"
            " from UTC; write '2026-03-20T13:00:00Z' or '2026-03-20T13:00:00-06:00'",
        ),
    ],
)
def test_what_is_wrong_is_said_of_the_field(fields: dict[str, Any], sentence: str) -> None:
    assert refusal(**fields) == sentence


def test_a_clock_that_is_a_little_ahead_is_forgiven() -> None:
    read = event(at="2026-03-20T13:04:00Z")
    assert isinstance(read, OutsideEvent)
    assert read.at == NOW


def test_an_event_of_the_coops_own_is_known() -> None:
    assert isinstance(event(kind="field_trip_booked"), OutsideEvent)


# -- by hand ------------------------------------------------------------------------------------------------------


def test_values_are_numbers_truths_or_text() -> None:
    texts = ["a=1", "b=1.5", "c=true", "d=null", "e=warm", "f=0042", "g=[1]", 'h="1"', "i=", "j=a=b", "k=NaN"]
    assert set_values(texts) == {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": None,
        "e": "warm",
        "f": "0042",
        "g": "[1]",
        "h": "1",
        "i": "",
        "j": "a=b",
        "k": "NaN",
    }


@pytest.mark.parametrize("text", ["tone", "=warm", "two words=1", "a.b=1"])
def test_what_is_no_value_to_set_is_a_usage_error(text: str) -> None:
    with pytest.raises(Usage) as problem:
        set_values([text])
    assert str(problem.value) == f"--set takes a name and a value, as in --set tone=warm; found '{text}'"


def test_a_value_is_set_once() -> None:
    with pytest.raises(Usage, match="--set gives 'a' twice"):
        set_values(["a=1", "a=2"])


def test_what_was_typed_is_named_as_it_was_typed() -> None:
    with pytest.raises(Usage) as problem:
        told_event("paymnt_received", "42", data="{", at="now", reader=READER)
    assert [line.partition(":")[0] for line in str(problem.value).splitlines()] == ["KIND", "--data", "--at"]
