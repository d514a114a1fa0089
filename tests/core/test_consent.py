"""What stands after what was said, and what it stops."""

from datetime import datetime
from typing import Any

import pytest

from coopflow.core.consent import (
    EVERYTHING,
    OUTREACH,
    TRANSACTIONAL,
    ConsentRecord,
    address_of,
    addresses_of,
    in_order,
    refusal,
    says_the_same,
    standing,
)
from coopflow.core.instants import parse_instant
from coopflow.core.model import Family

IN = {"allowed": True}
OUT = {"allowed": False}
OUTREACH_OUT = {"allowed": False, "covers": OUTREACH}


@pytest.mark.parametrize(
    ("words", "stands"),
    [
        ([], None),
        ([OUT], OUT),
        ([IN, OUT], OUT),
        ([OUT, IN], IN),
        ([OUTREACH_OUT], OUTREACH_OUT),
        ([OUTREACH_OUT, OUT], OUT),
        ([OUT, OUTREACH_OUT], {"allowed": False, "covers": EVERYTHING}),
        ([OUT, IN, OUTREACH_OUT], OUTREACH_OUT),
    ],
)
def test_the_newest_word_stands_and_less_takes_nothing_back(words: list[Any], stands: Any) -> None:
    assert standing(words) == stands


def test_words_are_ordered_by_when_they_were_said() -> None:
    early, late, undated = {"at": "2026-01-01"}, {"at": "2026-02-01"}, {"at": None}
    assert in_order([late, early, undated]) == [undated, early, late]


def family(own: Any = None, address: Any = None, channel: str = "email") -> Family:
    return Family(
        family_id="42",
        family_name="Martinez",
        email=" Family@Example.org",
        consent={channel: own} if own else {},
        at_address={channel: address} if address else {},
    )


@pytest.mark.parametrize("channel", ["email", "sms"])
@pytest.mark.parametrize("kind", [OUTREACH, TRANSACTIONAL])
@pytest.mark.parametrize(
    ("own", "address", "refused"),
    [
        (None, None, False),
        (IN, None, False),
        (IN, IN, False),
        (OUT, None, True),
        (None, OUT, True),
        (OUT, IN, True),
        (IN, OUT, True),
        ({"at": "2026-01-01T00:00:00Z"}, None, False),
    ],
)
def test_the_family_or_its_address_may_say_no(channel: str, kind: str, own: Any, address: Any, refused: bool) -> None:
    assert (refusal(family(own, address, channel), channel, kind) is not None) is refused


@pytest.mark.parametrize(("own", "address"), [(OUTREACH_OUT, None), (None, OUTREACH_OUT)])
def test_an_opt_out_of_outreach_lets_a_bill_through_by_mail_and_nothing_by_text(own: Any, address: Any) -> None:
    assert refusal(family(own, address), "email", OUTREACH) is not None
    assert refusal(family(own, address), "email", TRANSACTIONAL) is None
    assert refusal(family(own, address, "sms"), "sms", TRANSACTIONAL) is not None


def test_the_reason_says_who_said_it() -> None:
    said = [
        refusal(family(OUT), "email", OUTREACH),
        refusal(family(None, OUT), "email", OUTREACH),
    ]
    assert [no.reason for no in said if no] == [
        "family 42 has opted out of email",
        "the email address of family 42 has been opted out",
    ]


def record(*, allowed: bool, covers: str = EVERYTHING) -> ConsentRecord:
    at: datetime = parse_instant("2026-03-20T13:00:00Z")
    return ConsentRecord(
        channel="email", address=None, allowed=allowed, at=at, how="hand", actor="sarah", covers=covers
    )


@pytest.mark.parametrize(
    ("word", "said", "same"),
    [
        (None, record(allowed=False), False),
        (OUT, record(allowed=True), False),
        (IN, record(allowed=True), True),
        (OUT, record(allowed=False), True),
        (OUT, record(allowed=False, covers=OUTREACH), True),
        (OUTREACH_OUT, record(allowed=False, covers=OUTREACH), True),
        (OUTREACH_OUT, record(allowed=False), False),
    ],
)
def test_what_adds_nothing_is_no_news(word: Any, said: ConsentRecord, same: bool) -> None:
    assert says_the_same(word, said) is same


def test_an_address_has_one_spelling() -> None:
    assert address_of(family(), "email") == "family@example.org"
    assert address_of(family(), "sms") is None
    assert addresses_of(family()) == {"family@example.org"}


def test_a_word_keeps_what_it_covers_only_where_that_is_less_than_everything() -> None:
    usual = {"allowed": False, "at": "2026-03-20T13:00:00Z", "how": "hand", "by": "sarah"}
    assert record(allowed=False).word == usual
    assert record(allowed=False, covers=OUTREACH).word == {**usual, "covers": OUTREACH}
