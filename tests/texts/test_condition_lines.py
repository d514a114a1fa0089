import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from coopflow.core.rules import (
    AllOf,
    AnyOf,
    Compare,
    Not,
    Operator,
    condition_data,
    holds,
    read_condition,
    text_of,
)
from coopflow.texts.conditions import EXAMPLE, ConditionError, parse_condition


def compare(field, operator, value):
    return Compare(field, Operator(operator), value)


X = compare("x", "==", True)


@pytest.mark.parametrize(
    ("line", "condition"),
    [
        (
            "predicted_probability > 0.8 and confidence_score > 80",
            AllOf((compare("predicted_probability", ">", 0.8), compare("confidence_score", ">", 80))),
        ),
        ("email_response_received", compare("email_response_received", "==", True)),
        ("not payment_received", Not(compare("payment_received", "==", True))),
        ("not not x", Not(Not(X))),
        ("x == true", X),
        ("x == True", X),
        ("x != false", compare("x", "!=", False)),
        ("status in ['enrolled','trial']", compare("status", "in", ("enrolled", "trial"))),
        ("status in ('enrolled', 1)", compare("status", "in", ("enrolled", 1))),
        ("status not in ['left']", compare("status", "not_in", ("left",))),
        ("'math' in interests", compare("interests", "contains", "math")),
        (
            "'math' not in interests",
            AllOf((compare("interests", "exists", True), Not(compare("interests", "contains", "math")))),
        ),
        ("phone is defined", compare("phone", "exists", True)),
        ("phone is not defined", compare("phone", "exists", False)),
        ("phone is none", compare("phone", "exists", False)),
        ("phone is not none", compare("phone", "exists", True)),
        ("phone == null", compare("phone", "exists", False)),
        ("none != phone", compare("phone", "exists", True)),
        ("0.5 < x <= 0.9", AllOf((compare("x", ">", 0.5), compare("x", "<=", 0.9)))),
        ("5 >= x", compare("x", "<=", 5)),
        ("x == -5", compare("x", "==", -5)),
        ("x == ['a']", compare("x", "==", ("a",))),
        ("x >= '2026-03-02'", compare("x", ">=", "2026-03-02")),
        ("x and (y and z)", AllOf((X, compare("y", "==", True), compare("z", "==", True)))),
        ("x or y and z", AnyOf((X, AllOf((compare("y", "==", True), compare("z", "==", True)))))),
        ("not (x or y)", Not(AnyOf((X, compare("y", "==", True))))),
        ("steps['first-email'].clicks.2 > 1", compare("steps.first-email.clicks.2", ">", 1)),
        ("class == '3b'", compare("class", "==", "3b")),
        ("x\n  > 1", compare("x", ">", 1)),
    ],
)
def test_a_line_is_read_as_a_condition(line, condition):
    assert parse_condition(line) == condition
    assert parse_condition(text_of(condition)) == condition
    assert read_condition(condition_data(condition)) == condition


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ("", None, "the condition is empty"),
        (" \n", None, "the condition is empty"),
        ("x" * 1001, None, "a condition in one line has at most 1,000 characters; this one has 1,001"),
        ("a = 1", 3, "unexpected '='; write == to compare"),
        ("a && b", 3, "unexpected '&&'; write 'and'"),
        ("a || b", 4, "unexpected '|'; write 'or'"),
        ("a AND b", 3, "unexpected 'AND'; write 'and' in small letters"),
        ("!a", 1, "unexpected '!a'; write 'not'"),
        ("a $ b", 3, "unexpected '$'; write the name alone, without $ and braces"),
        ("a b", 3, f"unexpected 'b'; {EXAMPLE}"),
        ("a)", 2, "unexpected ')'; it has no ( before it"),
        ("(a", 3, "the condition ends too early; a ( or [ is not closed"),
        ("a >", 4, f"the condition ends too early; {EXAMPLE}"),
        ("not", 4, f"the condition ends too early; {EXAMPLE}"),
        ("a == 'b", 6, "unexpected ''b'; the quotation mark is not closed"),
        ("{{ a }}", 6, "unexpected '}}'; leave out {{ and }}"),
        ("a" + "$" * 99, 2, f"unexpected '{'$' * 30}'; write the name alone, without $ and braces"),
        ("a.b()", None, "a call cannot be used in a condition"),
        ("a | upper == 'B'", None, "a filter cannot be used in a condition"),
        ("a + 1 > 3", None, "arithmetic (or a - inside a name) cannot be used in a condition"),
        ("9**9**9 > a", None, "arithmetic (or a - inside a name) cannot be used in a condition"),
        ("a == 'a' * 9", None, "arithmetic (or a - inside a name) cannot be used in a condition"),
        ("a == -b", None, "arithmetic cannot be used in a condition"),
        ("a ~ b == 'x'", None, "~ cannot be used in a condition"),
        ("a == {'x': 1}", None, "a mapping cannot be used in a condition"),
        ("a if b else c", None, "if … else cannot be used in a condition"),
        ("a[1:2] == 3", None, "a field is a name, or names joined by dots"),
        ("a[b] == 3", None, "a field is a name, or names joined by dots"),
        ("'a'.b == 3", None, "a field is a name, or names joined by dots"),
        (
            "(a == 1) == true",
            None,
            "the result of a comparison cannot be compared again; join comparisons with and, or",
        ),
        ("a == b", None, "a is compared with b; a field is compared with a fixed value, and text needs quotes"),
        ("a in b", None, "a is looked for in b; one of the two has to be fixed, and text needs quotes"),
        ("a in [b]", None, "b in a list has to be fixed; text needs quotes"),
        ("1 == 1", None, "a condition compares a field; both sides are fixed"),
        ("1 in [1]", None, "a condition compares a field; both sides are fixed"),
        ("true", None, "a condition asks about a field; true is fixed"),
        ("'a'", None, "a condition asks about a field; 'a' is fixed"),
        ("1 is defined", None, "'is defined' asks about a field; 1 is fixed"),
        ("a is odd", None, "'is odd' is not possible; there are 'is defined' and 'is none', with or without not"),
        (
            "a is defined(1)",
            None,
            "'is defined' is not possible; there are 'is defined' and 'is none', with or without not",
        ),
        ("a in 'abc'", None, "a: 'in' needs a list of values; found 'abc'"),
        ("a in []", None, "a: 'in' needs a list of values; found an empty list"),
        ("a in ['b', none]", None, "a: a value is text, a number, true or false; found nothing"),
        ("a > '80'", None, "a: '>' would compare text; write 80 without quotes"),
        ("a > none", None, "a: a value is missing; whether a field is known is asked with exists (is defined)"),
        ("_a > 1", None, "'_a' is not the name of a field"),
        ("a.__class__ == 1", None, "'a.__class__' is not the name of a field"),
        ("NULL == 1", None, "'NULL' is not the name of a field; an imported column is attributes.NAME"),
        ("(" * 400 + "a" + ")" * 400, None, "the condition is nested too deeply"),
        ("not " * 200 + "a", None, "conditions are nested more than 20 deep"),
    ],
)
def test_what_cannot_be_said_is_refused_with_its_place(line, column, words):
    with pytest.raises(ConditionError) as refused:
        parse_condition(line)

    assert str(refused.value) == words
    assert refused.value.column == column


names = st.sampled_from(["x", "y_2", "class", "steps.first-email.clicks", "attributes.Monthly Fee", "é.2"])
scalars = (
    st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
)
orders = st.sampled_from([Operator.GREATER, Operator.AT_LEAST, Operator.LESS, Operator.AT_MOST])
leaves = (
    st.builds(Compare, names, st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL, Operator.CONTAINS]), scalars)
    | st.builds(Compare, names, orders, st.integers() | st.floats(allow_nan=False, allow_infinity=False))
    | st.builds(
        Compare,
        names,
        st.sampled_from([Operator.IN, Operator.NOT_IN]),
        st.lists(scalars, min_size=1, max_size=3).map(tuple),
    )
    | st.builds(Compare, names, st.just(Operator.EXISTS), st.booleans())
)
conditions = st.recursive(
    leaves,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(AllOf, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=5,
)


@settings(deadline=None)
@given(conditions, st.dictionaries(names, scalars | st.lists(scalars, max_size=2)))
def test_a_condition_written_as_a_line_says_the_same_when_read(condition, facts):
    line = text_of(condition)
    assume(len(line) <= 1000)
    again = parse_condition(line)

    assert holds(again, facts) is holds(condition, facts)
    assert parse_condition(text_of(again)) == again
    assert read_condition(condition_data(condition)) == condition


@settings(deadline=None)
@given(
    st.text(max_size=40)
    | st.lists(
        st.sampled_from(
            ["x", "'a'", "1", " and ", " or ", "not ", "(", ")", "[", "]", ",", "==", ">", " in ", ".", "|", "}}"]
        ),
        max_size=12,
    ).map("".join)
)
def test_any_text_is_a_condition_or_refused(line):
    try:
        condition = parse_condition(line)
    except ConditionError:
        return
    assert parse_condition(text_of(condition)) == condition
