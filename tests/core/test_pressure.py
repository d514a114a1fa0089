"""How far back messages count: what is loaded for a decision, and nothing else, can bear on it."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from coopflow.core.durations import Duration
from coopflow.core.instants import parse_instant
from coopflow.core.pressure import Cap, Contact, Contacts, Limits, furthest_back, must_wait_a_day, no_room_before, twin
from coopflow.core.timing import zone

FIRST = parse_instant("2026-01-01T00:00:00Z")
HOUR = timedelta(hours=1)
periods = st.builds(
    Duration,
    months=st.integers(0, 14),
    days=st.integers(0, 40),
    business_days=st.integers(0, 12),
    seconds=st.integers(0, 200_000),
    business_minutes=st.integers(0, 4_000),
).filter(bool)
caps = st.builds(Cap, max=st.just(1), per=periods)
limits = st.builds(
    Limits,
    per_family=st.none() | caps,
    per_channel=st.dictionaries(st.sampled_from(["email", "sms"]), caps),
    per_address=st.none() | caps,
)
zones = st.sampled_from(["America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Australia/Lord_Howe"]).map(
    zone
)
moments = st.integers(0, 24 * 900).map(lambda hours: FIRST + hours * HOUR)


@given(limits, zones, moments, st.integers(1, 1_000_000))
def test_what_left_longer_ago_than_that_changes_no_decision(limits, tz, now, seconds) -> None:
    long_ago = now - furthest_back(limits) - timedelta(seconds=seconds)
    others = Contacts(
        Contact(family, channel, "a@example.org", long_ago, f"<{family}{channel}>", 1, "1/first")
        for family in ("42", "7")
        for channel in ("email", "sms")
    )
    message = Contact("42", "email", "a@example.org", now, "<new>", 2, "1/first")
    assert no_room_before(limits, others, message, tz=tz, now=now) is None
    assert twin(others, message, now=now) is None
    assert not must_wait_a_day(others, message, planned=now - 2 * HOUR, tz=tz, now=now)


def test_a_week_counts_for_a_week_and_a_day() -> None:
    week = Cap(1, Duration.parse("7 days"))
    assert furthest_back(Limits(per_address=week)) == timedelta(days=8)
    assert furthest_back(Limits()) == timedelta(days=2)
