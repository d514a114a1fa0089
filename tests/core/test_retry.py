from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coopflow.core.durations import Duration
from coopflow.core.retry import GiveUp, Retry, RetryPolicy

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
MANY = RetryPolicy(max_retries=10_000)


def decide(policy, attempts, *, permanent=False, key="17:3"):
    return policy.decide(permanent=permanent, attempts=attempts, reason="mailbox full", now=NOW, key=key)


def wait(policy, attempts, key="17:3"):
    return decide(policy, attempts, key=key).at - NOW


@pytest.mark.parametrize(
    ("attempts", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 40), (9, 1280), (10, 1440), (11, 1440)]
)
def test_waits_double_up_to_a_day_and_grow_by_less_than_a_tenth(attempts, minutes):
    nominal = timedelta(minutes=minutes)
    assert nominal <= wait(MANY, attempts) <= nominal * 1.1


def test_the_answer_says_which_attempt_comes_next():
    answer = decide(RetryPolicy(), 3)
    assert isinstance(answer, Retry)
    assert answer.attempt_number == 4


def test_three_retries_are_four_attempts():
    answers = [decide(RetryPolicy(max_retries=3), attempts) for attempts in (1, 2, 3, 4)]
    assert [type(answer) for answer in answers] == [Retry, Retry, Retry, GiveUp]


def test_no_retries_means_none():
    assert decide(RetryPolicy(max_retries=0), 1) == GiveUp("mailbox full")


def test_a_permanent_failure_is_given_up_at_once():
    assert decide(RetryPolicy(), 1, permanent=True) == GiveUp("mailbox full")


@pytest.mark.parametrize("attempts", [100, 10**12])
@pytest.mark.parametrize("multiplier", [2, 1.5, 1e308])
def test_absurd_counts_stop_at_the_cap(attempts, multiplier):
    policy = RetryPolicy(max_retries=10**12, backoff_multiplier=multiplier)
    assert timedelta(days=1) <= wait(policy, attempts) <= timedelta(days=1.1)


def test_a_multiplier_of_one_waits_equally_long():
    policy = RetryPolicy(max_retries=9, backoff_multiplier=1)
    assert all(timedelta(minutes=5) <= wait(policy, attempts) <= timedelta(minutes=5.5) for attempts in range(1, 10))


def test_a_wait_can_be_computed_again_and_differs_between_visits():
    assert wait(MANY, 4, "17:3") == wait(MANY, 4, "17:3")
    assert len({wait(MANY, 4, f"{instance}:3") for instance in range(50)}) > 25


def test_jitter_reaches_from_nothing_to_a_tenth():
    extra = {wait(RetryPolicy(), 1, str(number)) - timedelta(minutes=5) for number in range(2_000)}
    assert (min(extra), max(extra)) == (timedelta(0), timedelta(seconds=30))


def test_no_delay_at_all_is_retried_at_once():
    assert decide(RetryPolicy(initial_delay=Duration()), 1) == Retry(NOW, 2)


@given(
    attempts=st.integers(1, 3_000),
    multiplier=st.floats(1, 100),
    seconds=st.integers(0, 86_400),
    key=st.text(max_size=20),
)
def test_a_retry_lies_between_its_wait_and_a_tenth_more(attempts, multiplier, seconds, key):
    policy = RetryPolicy(max_retries=3_000, initial_delay=Duration(seconds=seconds), backoff_multiplier=multiplier)
    waited = wait(policy, attempts, key).total_seconds()
    assert waited == int(waited)
    assert seconds <= waited <= 86_400 * 1.1


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"max_retries": -1}, "max_retries is -1; it is 0 (never again) or more"),
        ({"backoff_multiplier": 0.5}, "backoff_multiplier is 0.5; it is 1 (equal waits) or more"),
        ({"backoff_multiplier": float("nan")}, "backoff_multiplier is nan; it is 1 (equal waits) or more"),
        ({"backoff_multiplier": float("inf")}, "backoff_multiplier is inf; it is 1 (equal waits) or more"),
        ({"initial_delay": Duration(months=1)}, "initial_delay is 1 month; a retry waits minutes, hours or days"),
        (
            {"max_delay": Duration(business_days=2)},
            "max_delay is 2 business days; a retry waits minutes, hours or days",
        ),
        ({"initial_delay": Duration(days=2)}, "max_delay (1 day) is shorter than initial_delay (2 days)"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(keys, sentence):
    with pytest.raises(ValueError, match="is") as problem:
        RetryPolicy(**keys)
    assert str(problem.value) == sentence
