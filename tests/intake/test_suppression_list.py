"""A list of addresses that have opted out elsewhere."""

from io import BytesIO

import pytest

from coopflow.core.consent import refusal
from coopflow.errors import Invalid
from coopflow.intake.consent import change_consent
from coopflow.intake.formats import read_records
from coopflow.intake.suppression_list import Listed, import_suppressed
from tests.world import World, at

HEAD = "address,at,channel,reason\n"


def takes(coop: World, text: str, *, dry_run: bool = False) -> Listed:
    records = read_records(BytesIO(text.encode()), "list.csv")
    return import_suppressed(coop.store, records, region="US", actor="sarah", now=coop.now, dry_run=dry_run)


def refused(coop: World, family_id: str, channel: str) -> bool:
    return refusal(coop.store.families([family_id])[family_id], channel, "transactional") is not None


def test_a_list_binds_those_who_have_the_addresses_and_those_who_get_them_later(coop: World) -> None:
    coop.has_family("42")
    found = takes(coop, HEAD + "Family42@Example.org,2026-03-01,,unsubscribed\n(212) 555-0199,2026-03-02,sms,\n")
    assert (found.addresses, found.new, found.known, found.older, found.families) == (2, 2, 0, 0, ["42"])
    assert (refused(coop, "42", "email"), refused(coop, "42", "sms")) == (True, False)
    coop.has_family("43", phone="+12125550199")
    assert refused(coop, "43", "sms")


def test_a_dry_run_counts_and_changes_nothing(coop: World) -> None:
    coop.has_family("42")
    found = takes(coop, HEAD + "family42@example.org,2026-03-01,,\n", dry_run=True)
    assert (found.new, found.dry_run) == (1, True)
    assert not refused(coop, "42", "email")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("nobody,2026-03-01,email,", "field 'address': not an email address"),
        ("911,2026-03-01,sms,", "field 'address': "),
        ("a@example.org,,,", "field 'at': "),
        ("a@example.org,last week,,", "field 'at': it is not an instant with its offset from UTC"),
        ("a@example.org,2026-02-30,,", "field 'at': it is not an instant with its offset from UTC"),
        ("a@example.org,2027-01-01,,", "field 'at': '2027-01-01' lies in the future"),
        ("a@example.org,2026-03-01,fax,", "field 'channel': 'fax' is neither email nor sms"),
    ],
)
def test_one_bad_line_and_nothing_is_taken_in(coop: World, row: str, words: str) -> None:
    coop.has_family("42")
    with pytest.raises(Invalid) as problem:
        takes(coop, HEAD + "family42@example.org,2026-03-01,,\n" + row + "\n")
    assert words in str(problem.value).splitlines()[0]
    assert str(problem.value).startswith("list.csv:3: ")
    assert not refused(coop, "42", "email")


def test_a_header_without_a_date_says_so_once(coop: World) -> None:
    with pytest.raises(Invalid, match="field 'at': it is missing"):
        takes(coop, "address\na@example.org\nb@example.org\n")


def test_d12_an_opt_out_imported_twice_is_one_and_an_older_one_does_not_beat_a_newer_opt_in(coop: World) -> None:
    coop.has_family("42")
    row = HEAD + "family42@example.org,2026-03-01,,\n"
    assert takes(coop, row).new == 1
    assert (takes(coop, row).new, takes(coop, row).known) == (0, 1)
    coop.now = at("2026-03-21 09:00")
    with coop.store.transaction():
        change_consent(coop.store, "42", ["email"], allowed=True, reason="signed", actor="sarah", now=coop.now)
    coop.now = at("2026-03-22 09:00")
    found = takes(coop, row.replace("2026-03-01", "2026-03-02") + "family42@example.org,2026-03-01,,\n")
    assert (found.new, found.known, found.older) == (0, 0, 2)
    assert not refused(coop, "42", "email")
    records = coop.db.execute_sql("SELECT allowed, substr(at, 1, 10) FROM consent_records ORDER BY at").fetchall()
    assert records == [(0, "2026-03-01"), (0, "2026-03-02"), (1, "2026-03-21")]
    takes(coop, HEAD + "family42@example.org,2026-03-22,,\n")  # newer than the opt-in
    assert refused(coop, "42", "email")


def test_d12_what_a_family_said_earlier_is_kept_and_noted_and_changes_nothing(coop: World) -> None:
    coop.has_family("42")
    with coop.store.transaction():
        change_consent(coop.store, "42", ["sms"], allowed=True, reason="signed", actor="sarah", now=coop.now)
        late = change_consent(
            coop.store, "42", ["sms"], allowed=False, reason="STOP", actor="inbox", now=coop.now, how="gateway",
            at=at("2026-03-19 09:00"),
        )  # fmt: skip
    assert list(late.channels) == []
    assert not refused(coop, "42", "sms")
    assert [row["kind"] for row in coop.store.looking.events(family_id="42")] == ["family.opted_in", "consent.noted"]
