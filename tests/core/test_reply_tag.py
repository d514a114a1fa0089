import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coopflow.core.reply_tag import read_tag, reply_tag, tagged_address

OURS = "0f3c9c5e-one-database"


def families(number: int) -> str | None:
    """Whose the instances of these tests are; there is none above a hundred."""
    return f"family {number}" if number <= 100 else None


@given(number=st.integers(1, 10**15), database=st.text(min_size=1, max_size=200), family=st.text())
def test_a_mark_is_read_back(number: int, database: str, family: str) -> None:
    address = tagged_address("answers@example.org", reply_tag(database, number, family))
    assert read_tag(address, database, lambda _: family) == (number, family)


def test_a_mark_is_good_for_its_own_family_only() -> None:
    tag = reply_tag(OURS, 17, "family 17")
    assert read_tag(tag, OURS, lambda _: "family 18") is None
    assert read_tag(tag, OURS, lambda _: None) is None


def test_a_mark_is_short_and_fit_for_an_address() -> None:
    tag = reply_tag(OURS, 17, "family 17")
    assert re.fullmatch("i17-[0-9a-f]{12}", tag)
    assert tagged_address("answers@example.org", tag) == f"answers+{tag}@example.org"


@pytest.mark.parametrize(
    "text",
    [
        "answers+{tag}@example.org",
        "Answers <ANSWERS+{TAG}@EXAMPLE.ORG>",
        "a@example.org, answers+i18-000000000000@example.org, answers+{tag}@example.org",
        "<mailto:answers+{tag}@example.org?subject=STOP>",
        "https://example.org/leave?i={tag}",
    ],
)
def test_it_is_found_wherever_it_stands(text: str) -> None:
    tag = reply_tag(OURS, 17, "family 17")
    assert read_tag(text.replace("{tag}", tag).replace("{TAG}", tag.upper()), OURS, families) == (17, "family 17")


def test_a_mark_that_nobody_here_has_made_is_none() -> None:
    tag = reply_tag(OURS, 17, "family 17")
    assert read_tag(reply_tag("another", 17, "family 17"), OURS, families) is None
    assert read_tag(tag.replace("i17", "i18"), OURS, families) is None
    assert read_tag(tag[:-1], OURS, families) is None
    assert read_tag(f"{tag}0", OURS, families) is None
    assert read_tag(f"x{tag}", OURS, families) is None
    assert read_tag("", OURS, families) is None
    assert read_tag("i" + "1" * 100_000 + "-000000000000", OURS, families) is None


def test_other_letters_that_look_like_digits_are_none() -> None:
    assert read_tag("i１７-" + reply_tag(OURS, 17, "family 17")[4:], OURS, families) is None
