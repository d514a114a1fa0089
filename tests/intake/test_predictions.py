"""Predictions: what is taken, what is refused, and how that is said."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coopflow.core.model import Prediction
from coopflow.errors import Invalid
from coopflow.intake.fields import require_columns
from coopflow.intake.formats import BadRecord, Record
from coopflow.intake.predictions import REQUIRED, read_prediction
from coopflow.intake.unfit import for_log, sentences
from tests.intake.reading import records_of

GOOD = {"prediction_id": 1, "family_id": 42, "predicted_probability": 0.87, "confidence_score": 82}


def prediction(**changed: Any) -> Prediction | BadRecord:
    fields = {name: value for name, value in (GOOD | changed).items() if value is not ...}
    return read_prediction(Record(1, fields))


def refusal(**changed: Any) -> str:
    read = prediction(**changed)
    assert isinstance(read, BadRecord)
    return sentences(read.problems)


def from_csv(content: str) -> list[Prediction | BadRecord]:
    records = records_of(content)
    return [read_prediction(found, records.kind) for found in records.found]


def test_what_is_required_is_enough() -> None:
    assert prediction() == Prediction(
        prediction_id="1", family_id="42", predicted_probability=0.87, confidence_score=82.0
    )


def test_everything_has_its_place() -> None:
    read = prediction(
        prediction_window_days=30.0,
        prediction_type="withdrawal",
        predicted_at="2026-03-02T00:00:00-06:00",
        recommendations=["call", {"action": "visit", "reason": "lives near", "who": "sarah"}],
        model="v7",
        shap={"tenure": -0.2},
    )
    assert read == Prediction(
        prediction_id="1",
        family_id="42",
        predicted_probability=0.87,
        confidence_score=82.0,
        prediction_window_days=30,
        prediction_type="withdrawal",
        predicted_at=datetime(2026, 3, 2, 6, tzinfo=UTC),
        recommendations=[
            {"action": "call", "reason": None},
            {"action": "visit", "reason": "lives near", "who": "sarah"},
        ],
        extra={"model": "v7", "shap": {"tenure": -0.2}},
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (42, "42"),
        ("42", "42"),
        ("0042", "0042"),
        ("7590-VHVEG", "7590-VHVEG"),
        ("a/../b c", "a/../b c"),
        (10**30, "1" + "0" * 30),
        (-7, "-7"),
        (0, "0"),
        ("ü'; DROP TABLE families", "ü'; DROP TABLE families"),
    ],
)
def test_ids_are_kept_exactly_as_given(given: Any, kept: str) -> None:
    read = prediction(prediction_id=given, family_id=given)
    assert isinstance(read, Prediction)
    assert (read.prediction_id, read.family_id) == (kept, kept)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (42.0, "42.0 has a decimal point; an id is text or a whole number; write 42"),
        (42.5, "42.5 has a decimal point; an id is text or a whole number"),
        (True, "true is not an id: text or a whole number"),
        (None, "it is empty"),
        ("", "it is empty"),
        ("  ", "it is empty"),
        (" 42", "' 42' has blanks around it"),
        ("4\n2", r"'4\n2' holds a line end or another control character"),
        (["42"], "a list is not an id: text or a whole number"),
        ("x" * 201, "it has 201 characters, and at most 200 are possible"),
        (..., "it is missing"),
    ],
)
def test_what_is_no_id_is_refused(given: Any, sentence: str) -> None:
    assert refusal(family_id=given) == f"field 'family_id': {sentence}"


@pytest.mark.parametrize(("given", "kept"), [(0, 0.0), (1, 1.0), (-0.0, 0.0), (0.8, 0.8), (1e-300, 1e-300)])
def test_a_probability_is_between_0_and_1(given: float, kept: float) -> None:
    read = prediction(predicted_probability=given)
    assert isinstance(read, Prediction)
    assert str(read.predicted_probability) == str(kept)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (87, "87 is not between 0 and 1; is it a percentage? write 0.87"),
        (66.4, "66.4 is not between 0 and 1; is it a percentage? write 0.664"),
        (-0.1, "-0.1 is not between 0 and 1"),
        (1.0000001, "1.0000001 is not between 0 and 1"),
        (870, "870 is not between 0 and 1"),
        ("high", "'high' is not a number"),
        ("0.87", "'0.87' is not a number; write it without quotation marks"),
        (True, "true is not a number"),
        (None, "null is not a number"),
        ([0.87], "a list is not a number"),
        ({}, "an object is not a number"),
        (10**90, "1" + "0" * 58 + "… is not between 0 and 1"),
        (..., "it is missing"),
    ],
)
def test_what_is_no_probability_is_refused(given: Any, sentence: str) -> None:
    assert refusal(predicted_probability=given) == f"field 'predicted_probability': {sentence}"


@pytest.mark.parametrize("given", [101, -1, 100.1, 1e10])
def test_a_confidence_is_between_0_and_100(given: float) -> None:
    assert refusal(confidence_score=given) == f"field 'confidence_score': {given} is not between 0 and 100"


@pytest.mark.parametrize("given", [0, 1.5, -3, 40_000, 10**20])
def test_a_window_is_a_number_of_days(given: float) -> None:
    assert refusal(prediction_window_days=given).endswith(f"{given} is not a whole number of days from 1 to 36500")


@pytest.mark.parametrize("given", ["2026-03-02", "2026-03-02T06:00:00", "yesterday", "2026-13-01T00:00Z"])
def test_an_instant_says_its_offset(given: str) -> None:
    assert refusal(predicted_at=given).startswith(
        "field 'predicted_at': it is not an instant with its offset from UTC: "
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("call", "'call' is not a list of names or of {action, reason}"),
        ([1], "1 is not a name or an object with the text 'action'"),
        ([{}], "an object is not a name or an object with the text 'action'"),
        ([" "], "' ' is not a name or an object with the text 'action'"),
        ([{"action": "call", "reason": 5}], "5 is not text, as the reason of an action must be"),
        (["call"] * 51, "it is a list of 51, and at most 50 are possible"),
    ],
)
def test_what_is_no_recommendation_is_refused(given: Any, sentence: str) -> None:
    assert refusal(recommendations=given) == f"field 'recommendations': {sentence}"


def test_null_is_as_good_as_absent_where_nothing_is_required() -> None:
    assert prediction(prediction_window_days=None, predicted_at=None, recommendations=None) == prediction()


def test_a_name_in_other_letters_is_refused_with_the_right_one() -> None:
    assert refusal(family_id=..., Family_ID=42) == (
        "field 'Family_ID': this is not quite its name; write 'family_id'; field 'family_id': it is missing"
    )
    assert refusal(Recommendations=[]) == (
        "field 'Recommendations': this is not quite its name; write 'recommendations'"
    )
    assert refusal(confidence_score=..., confidence=80) == (
        "field 'confidence_score': it is missing (is it 'confidence'?)"
    )


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert refusal(predicted_probability=87, confidence_score="low") == (
        "field 'predicted_probability': 87 is not between 0 and 1; is it a percentage? write 0.87; "
        "field 'confidence_score': 'low' is not a number"
    )


def test_the_log_hears_nothing_of_what_was_found() -> None:
    read = prediction(family_id=" Martinez", predicted_probability="Martinez", predicted_at="Martinez")
    assert isinstance(read, BadRecord)
    assert "Martinez" in sentences(read.problems)
    assert for_log(read.problems) == (
        "field 'family_id': it has blanks around it; field 'predicted_probability': it is not a number; "
        "field 'predicted_at': it is not an instant with its offset from UTC"
    )


# -- CSV ----------------------------------------------------------------------------------------------------------


def test_csv_says_the_same_as_json() -> None:
    rows = from_csv(
        "prediction_id,family_id,predicted_probability,confidence_score,prediction_window_days,recommendations,score,zip\n"
        "1,0042,0.87,82,30,call; visit,12.50,00501\n"
        '2,42,8.7e-1,82,,"[{""action"": ""call"", ""reason"": ""now""}]",,\n'
    )
    assert rows == [
        prediction(
            family_id="0042", prediction_window_days=30, recommendations=["call", "visit"], score=12.5, zip="00501"
        ),
        prediction(prediction_id="2", recommendations=[{"action": "call", "reason": "now"}]),
    ]


def test_one_bad_row_of_csv_does_not_stop_the_others() -> None:
    rows = from_csv(
        "prediction_id,family_id,predicted_probability,confidence_score\n1,42,87%,82\n1,42,0.87,82\n3,,x,\n"
    )
    assert [sentences(row.problems) if isinstance(row, BadRecord) else row for row in rows] == [
        "field 'predicted_probability': '87%' is not a number",
        prediction(),
        "field 'predicted_probability': 'x' is not a number; field 'family_id': it is missing; "
        "field 'confidence_score': it is missing",
    ]


def test_a_header_that_lacks_a_column_is_refused_once() -> None:
    records = records_of("prediction_id,family,probability,confidence_score\n1,2,3,4\n")
    with pytest.raises(Invalid) as problem:
        require_columns(records, REQUIRED)
    assert str(problem.value) == (
        "<stdin>:1: the header lacks what is needed: field 'family_id': it is missing (is it 'family'?); "
        "field 'predicted_probability': it is missing (is it 'probability'?)"
    )


# -- promises -------------------------------------------------------------------------------------------------


NAMES = st.sampled_from([*GOOD, "predicted_at", "recommendations", "extra"])
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.lists(st.text(max_size=3), max_size=2),
)


@given(st.dictionaries(NAMES, VALUES))
def test_whatever_comes_it_is_a_prediction_or_a_refusal(fields: dict[str, Any]) -> None:
    read = read_prediction(Record(1, fields))
    if isinstance(read, Prediction):
        assert 0 <= read.predicted_probability <= 1
        assert 0 <= read.confidence_score <= 100
        assert read.prediction_id == str(fields["prediction_id"])
        assert read.family_id == str(fields["family_id"])
        json.dumps(read.extra)
    else:
        assert sentences(read.problems)
        assert for_log(read.problems)


def test_a_list_in_a_cell_that_is_no_json_is_named() -> None:
    [row] = from_csv(
        'prediction_id,family_id,predicted_probability,confidence_score,recommendations\n1,2,0.5,50,"[call"\n'
    )
    assert isinstance(row, BadRecord)
    assert sentences(row.problems) == "field 'recommendations': it is not JSON: expecting value, at column 2"
