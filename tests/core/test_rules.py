import contextlib
import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coopflow.core.facts import MISSING
from coopflow.core.rules import (
    AllOf,
    AnyOf,
    Check,
    Compare,
    ConditionError,
    Not,
    Operator,
    condition_data,
    explain,
    fields_of,
    holds,
    is_known,
    met,
    read_condition,
    sentence,
    text_of,
)

NAN = float("nan")


def compare(field, operator, value):
    return Compare(field, Operator(operator), value)


@pytest.mark.parametrize(
    ("value", "operator", "wanted", "answer"),
    [
        (0.80, ">", 0.80, False),
        (0.8000000000000002, ">", 0.80, True),
        (0.80, ">=", 0.80, True),
        (80, ">", 80, False),
        (81, ">", 80.5, True),
        (9007199254740993, ">", 9007199254740992.0, True),
        (10**400, ">", 1.5, True),
        (-1, "<", 0, True),
        (0, "<", 0, False),
        (0, "<=", 0, True),
        (1, "==", 1.0, True),
        (0, "==", 0.0, True),
        ("1", "==", 1, False),
        ("1", "!=", 1, False),
        (1, "!=", 2, True),
        (True, "==", True, True),
        (True, "==", 1, False),
        (1, "==", True, False),
        (0, "==", False, False),
        (True, "!=", False, True),
        (True, ">", False, False),
        (True, ">", 0, False),
        ("a", "==", "a", True),
        ("a", "==", "A", False),
        ("a", "!=", "b", True),
        ("", "==", "", True),
        ("2026-03-02", ">", "2026-02-28", True),
        ("90", ">", 80, False),
        ("trial", "in", ("enrolled", "trial"), True),
        ("left", "in", ("enrolled", "trial"), False),
        (1, "in", (True,), False),
        (1, "in", (1.0,), True),
        ("trial", "in", "trial", False),
        ("left", "not_in", ("enrolled", "trial"), True),
        ("trial", "not_in", ("enrolled", "trial"), False),
        (42, "not_in", ("42",), False),
        (42, "not_in", ("42", 7), True),
        (42, "not_in", (), True),
        (42, "not_in", "43", False),
        ("algebra", "contains", "gebr", True),
        ("algebra", "contains", "x", False),
        ("algebra", "contains", 1, False),
        (["math", "art"], "contains", "art", True),
        (["math", "art"], "contains", "ar", False),
        ([1], "contains", True, False),
        (7, "contains", 7, False),
        (["a", 1], "==", ("a", 1), True),
        (["a", 1], "==", ("a", True), False),
        (["a"], "==", ("a", "b"), False),
        (["a"], "!=", ("b",), True),
        (["a"], ">", ("A",), False),
        ({"a": 1}, "==", {"a": 1}, False),
        ({"a": 1}, "!=", 1, False),
        (datetime(2026, 3, 2, tzinfo=UTC), ">", "2026-01-01", False),
        (math.inf, ">", 5, True),
        (5, "==", None, False),
        (5, "!=", NAN, False),
    ],
)
def test_a_comparison_is_exact_and_never_mixes_kinds(value, operator, wanted, answer):
    assert holds(compare("x", operator, wanted), {"x": value}) is answer


@pytest.mark.parametrize("nothing", [MISSING, None, NAN])
@pytest.mark.parametrize("operator", [operator for operator in Operator if operator != "exists"])
@pytest.mark.parametrize("wanted", [1, "a", True, ("a", 1), (), None, NAN])
def test_a_comparison_with_something_unknown_is_false(nothing, operator, wanted):
    assert holds(Compare("x", operator, wanted), {"x": nothing}) is False


@pytest.mark.parametrize("nothing", [MISSING, None, NAN])
def test_only_exists_false_and_not_are_true_of_something_unknown(nothing):
    facts = {"x": nothing}

    assert not is_known(nothing)
    assert holds(compare("x", "exists", True), facts) is False
    assert holds(compare("x", "exists", False), facts) is True
    assert holds(Not(compare("x", "==", 1)), facts) is True


@pytest.mark.parametrize("value", [0, "", False, [], "x"])
def test_an_empty_value_is_known(value):
    assert holds(compare("x", "exists", True), {"x": value}) is True
    assert holds(compare("x", "exists", False), {"x": value}) is False


HIGH = AllOf((compare("predicted_probability", ">", 0.80), compare("confidence_score", ">", 80)))
ANSWERED = AnyOf((compare("email_response_received", "==", True), compare("family_withdrew", "==", True)))


@pytest.mark.parametrize(
    ("condition", "facts", "answer", "words"),
    [
        (
            HIGH,
            {"predicted_probability": 0.9, "confidence_score": 75.0},
            False,
            "confidence_score 75 ≤ 80",
        ),
        (
            HIGH,
            {"predicted_probability": 0.8, "confidence_score": 75},
            False,
            "predicted_probability 0.8 ≤ 0.8; confidence_score 75 ≤ 80",
        ),
        (HIGH, {"predicted_probability": 0.87}, False, "confidence_score is not known"),
        (
            HIGH,
            {"predicted_probability": 0.87, "confidence_score": 82},
            True,
            "predicted_probability 0.87 > 0.8 and confidence_score 82 > 80",
        ),
        (
            ANSWERED,
            {"email_response_received": False},
            False,
            "email_response_received is false and family_withdrew is not known",
        ),
        (ANSWERED, {"email_response_received": True}, True, "email_response_received is true"),
        (
            ANSWERED,
            {"email_response_received": True, "family_withdrew": True},
            True,
            "email_response_received is true; family_withdrew is true",
        ),
        (Not(compare("paid", "==", True)), {"paid": True}, False, "paid is true"),
        (Not(ANSWERED), {"family_withdrew": True}, False, "family_withdrew is true"),
        (
            AnyOf((HIGH, compare("status", "==", "trial"))),
            {"predicted_probability": 0.1, "confidence_score": 5, "status": "enrolled"},
            False,
            "(predicted_probability 0.1 ≤ 0.8; confidence_score 5 ≤ 80) and status 'enrolled' ≠ 'trial'",
        ),
        (
            AllOf((ANSWERED, compare("x", "<", 1))),
            {"x": 2},
            False,
            "(email_response_received is not known and family_withdrew is not known); x 2 ≥ 1",
        ),
        (AllOf(()), {}, True, ""),
        (AnyOf(()), {}, False, ""),
    ],
)
def test_the_reason_names_what_decided(condition, facts, answer, words):
    assert holds(condition, facts) is answer
    assert sentence(condition, facts) == words
    assert met(condition, facts) == words


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "words"),
    [
        (">=", 5, 4, "x 4 < 5"),
        (">=", 5, 5, "x 5 ≥ 5"),
        ("<", 5, 5, "x 5 ≥ 5"),
        ("<=", 5, 6, "x 6 > 5"),
        ("==", 5, 6, "x 6 ≠ 5"),
        ("!=", "a", "a", "x 'a' = 'a'"),
        ("==", 40, "40", "x is text ('40'), not a number"),
        (">", 40, True, "x is true or false (true), not a number"),
        ("==", 40, {"a": 1}, "x is something else ({'a': 1}), not a number"),
        ("in", ("a", "b"), "c", "x 'c' is not one of ['a', 'b']"),
        ("in", ("a", "b"), "a", "x 'a' is one of ['a', 'b']"),
        ("not_in", ("a", "b"), "a", "x 'a' is one of ['a', 'b']"),
        ("in", (1, 2), True, "x true is not one of [1, 2]"),
        ("contains", "art", ["math"], "x ['math'] does not contain 'art'"),
        ("contains", True, ["math"], "x ['math'] does not contain true"),
        ("exists", False, "a", "x is known"),
        ("exists", True, None, "x is not known"),
        ("==", "b", "two\nlines", "x 'two\\nlines' ≠ 'b'"),
        ("==", "b", "a" * 58, f"x '{'a' * 58}' ≠ 'b'"),
        ("==", "b", "a" * 500, f"x '{'a' * 58}… ≠ 'b'"),
        (">", 1e300, 1e16, "x 1e+16 ≤ 1e+300"),
        ("==", None, 5, "x is a number (5), not None"),
    ],
)
def test_the_reason_of_one_comparison(operator, wanted, value, words):
    assert sentence(compare("x", operator, wanted), {"x": value}) == words


def test_every_comparison_is_listed_with_what_it_met():
    condition = AllOf((HIGH, Not(compare("paid", "==", True)), AnyOf((compare("x", "in", ("a",)),))))
    facts = {"predicted_probability": 0.9, "confidence_score": 75, "paid": False, "x": NAN}

    assert explain(condition, facts) == (
        Check("predicted_probability > 0.8", 0.9, True),
        Check("confidence_score > 80", 75, False),
        Check("paid", False, False),
        Check("x in ['a']", MISSING, False),
    )
    assert fields_of(condition) == {"predicted_probability", "confidence_score", "paid", "x"}


def test_conditions_are_read_from_plain_data():
    data = {
        "all": [
            {"field": "predicted_probability", "operator": ">", "value": 0.80},
            {"any": [{"field": "steps.call.outcome", "operator": "in", "value": ["reached", "voicemail"]}]},
            {"not": {"field": "phone", "operator": "exists", "value": False}},
        ]
    }
    condition = read_condition(data)

    assert condition == AllOf(
        (
            compare("predicted_probability", ">", 0.80),
            AnyOf((compare("steps.call.outcome", "in", ("reached", "voicemail")),)),
            Not(compare("phone", "exists", False)),
        )
    )
    assert condition_data(condition) == data
    assert hash(condition) == hash(read_condition(data))


def test_exists_alone_asks_whether_it_is_known():
    assert read_condition({"field": "phone", "operator": "exists"}) == compare("phone", "exists", True)


def test_lines_of_text_among_plain_data_are_handed_to_who_can_read_them():
    line = compare("x", ">", 1)

    assert read_condition({"all": ["x > 1", {"not": "x > 1"}]}, text=lambda _: line) == AllOf((line, Not(line)))
    assert read_condition("x > 1", text=lambda _: line) == line


def nested(levels):
    data = {"field": "x", "operator": "exists"}
    for _ in range(levels):
        data = {"not": data}
    return data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "a condition has all, any, not, or field and operator; found nothing"),
        ("x > 1", "a condition has all, any, not, or field and operator; found 'x > 1'"),
        ([], "a condition has all, any, not, or field and operator; found an empty list"),
        ([{"field": "x"}], "a condition has all, any, not, or field and operator; found a list"),
        ({}, "a comparison needs the name of a field; found nothing"),
        ({"all": []}, "'all' needs a list of at least one condition; found an empty list"),
        ({"any": {"field": "x"}}, "'any' needs a list of at least one condition; found a mapping"),
        ({"all": "x > 1"}, "'all' needs a list of at least one condition; found 'x > 1'"),
        ({"all": [1], "any": [2]}, "'all' cannot stand beside 'any'"),
        ({"not": {}, "field": "x"}, "'not' cannot stand beside 'field'"),
        ({"fields": "x"}, "unknown key 'fields' in a condition (did you mean 'field'?)"),
        ({"zzz": "x"}, "unknown key 'zzz' in a condition"),
        ({"field": 7, "operator": "=="}, "a comparison needs the name of a field; found 7"),
        ({"field": "Monthly Fee"}, "'Monthly Fee' is not the name of a field; an imported column is attributes.NAME"),
        ({"field": "True"}, "'True' is not the name of a field; an imported column is attributes.NAME"),
        ({"field": "steps..x"}, "'steps..x' is not the name of a field"),
        ({"field": "steps. x"}, "'steps. x' is not the name of a field"),
        ({"field": "x", "operator": "=>", "value": 1}, "x: '=>' is not an operator (did you mean '>='?)"),
        (
            {"field": "x", "operator": "about"},
            "x: 'about' is not an operator; there are == != > >= < <= in not_in contains exists",
        ),
        (
            {"field": "x"},
            "x: nothing is not an operator; there are == != > >= < <= in not_in contains exists",
        ),
        ({"field": "x", "operator": "not in", "value": []}, "x: 'not in' is not an operator (did you mean 'not_in'?)"),
        (
            {"field": "x", "operator": "exists", "value": "yes"},
            "x: 'exists' needs the value true or false; found 'yes'",
        ),
        (
            {"field": "x", "operator": "==", "value": None},
            "x: a value is missing; whether a field is known is asked with exists (is defined)",
        ),
        ({"field": "x", "operator": "in", "value": "a"}, "x: 'in' needs a list of values; found 'a'"),
        ({"field": "x", "operator": "not_in", "value": []}, "x: 'not_in' needs a list of values; found an empty list"),
        (
            {"field": "x", "operator": "in", "value": [None]},
            "x: a value is text, a number, true or false; found nothing",
        ),
        ({"field": "x", "operator": ">", "value": [1]}, "x: '>' needs one value, not a list"),
        ({"field": "x", "operator": ">", "value": True}, "x: '>' needs a number; found true"),
        ({"field": "x", "operator": ">", "value": "80"}, "x: '>' would compare text; write 80 without quotes"),
        ({"field": "x", "operator": "==", "value": NAN}, "x: a value is text, a number, true or false; found nan"),
        ({"field": "x", "operator": "==", "value": {}}, "x: a value is text, a number, true or false; found a mapping"),
        ({"field": "x", "operator": "a" * 99}, f"x: '{'a' * 59}… is not an operator; there are"),
        (nested(20), "conditions are nested more than 20 deep"),
    ],
)
def test_what_is_no_condition_is_refused_with_a_sentence(data, words):
    with pytest.raises(ConditionError) as refused:
        read_condition(data)

    assert str(refused.value).startswith(words)
    assert refused.value.column is None


def test_conditions_may_be_nested_as_deep_as_is_said():
    assert text_of(read_condition(nested(19))) == "not " * 19 + "x is defined"


@pytest.mark.parametrize("date", ["2026-03-02", "b"])
def test_text_that_is_no_number_has_an_order(date):
    assert read_condition({"field": "x", "operator": ">=", "value": date}) == compare("x", ">=", date)


@pytest.mark.parametrize(
    ("condition", "line"),
    [
        (HIGH, "predicted_probability > 0.8 and confidence_score > 80"),
        (ANSWERED, "email_response_received or family_withdrew"),
        (Not(compare("paid", "==", True)), "not paid"),
        (Not(ANSWERED), "not (email_response_received or family_withdrew)"),
        (AllOf((ANSWERED, compare("x", "==", False))), "(email_response_received or family_withdrew) and x == false"),
        (AnyOf((HIGH, compare("x", "!=", "it's"))), f'{text_of(HIGH)} or x != "it\'s"'),
        (compare("status", "not_in", ("a", 1)), "status not in ['a', 1]"),
        (compare("interests", "contains", "math"), "'math' in interests"),
        (compare("phone", "exists", True), "phone is defined"),
        (compare("phone", "exists", False), "phone is not defined"),
        (compare("steps.first-email.2.ok", "==", True), "steps['first-email']['2'].ok"),
    ],
)
def test_a_condition_reads_as_one_line(condition, line):
    assert text_of(condition) == line


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(
    plain | st.binary(max_size=3) | st.datetimes() | st.decimals() | st.just(MISSING) | st.just(10**400),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.sets(st.integers(), max_size=2)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=6,
)
fields = st.sampled_from(["x", "y", "steps.a.b", "z"])
conditions = st.recursive(
    st.builds(Compare, fields, st.sampled_from(Operator), anything),
    lambda inner: st.builds(Not, inner) | st.builds(AllOf, st.lists(inner, max_size=3).map(tuple))
    | st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)),
    max_leaves=6,
)  # fmt: skip


@pytest.mark.parametrize("operator", Operator)
def test_a_number_that_refuses_to_be_compared_is_of_no_kind(operator):
    signals = Decimal("sNaN")
    for value, wanted in [(signals, 1), (1, signals), (signals, signals), ([signals], signals), (signals, [signals])]:
        condition = Compare("x", operator, wanted)
        assert holds(condition, {"x": value}) is (operator is Operator.EXISTS)
        assert "x" in sentence(condition, {"x": value})


@settings(deadline=None)
@given(conditions, st.dictionaries(fields, anything))
def test_every_condition_has_an_answer_for_any_data(condition, facts):
    answer = holds(condition, facts)

    assert answer is not holds(Not(condition), facts)
    assert isinstance(sentence(condition, facts), str)
    assert {check.holds for check in explain(condition, facts)} <= {True, False}


@settings(deadline=None)
@given(anything)
def test_any_data_is_a_condition_or_refused(data):
    with contextlib.suppress(ConditionError):
        condition = read_condition(data)
        assert read_condition(condition_data(condition)) == condition
