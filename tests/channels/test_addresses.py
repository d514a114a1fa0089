import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType, example_number_for_type, format_number

from coopflow.channels.addresses import check_email, check_phone, likely_zones, require_mailbox, require_number

from .contract import HOSTILE_ADDRESSES


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("family42@example.org", "family42@example.org"),
        (" family42@example.org\t", "family42@example.org"),
        ("Anna.O'Neil+coop@EXAMPLE.Org", "Anna.O'Neil+coop@example.org"),
        ("info@münchen.de", "info@xn--mnchen-3ya.de"),
        (f"{'a' * 64}@example.org", f"{'a' * 64}@example.org"),
    ],
)
def test_an_address_is_kept_as_it_goes_over_the_wire(written, kept):
    assert check_email(written) == kept
    assert check_email(kept) == kept


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("", "not an email address: "),
        ("martinez", "not an email address: An email address must have an @-sign"),
        ("a@example", "not an email address: .*should have a period"),
        ("a@example.org.", "not an email address: .*cannot end with a period"),
        ("a@@example.org", "not an email address: "),
        ("ü@example.org", "not an email address: Internationalized characters before the @-sign are not supported"),
        ("Ana <a@example.org>", "not an email address: A display name"),
        ("a@" + "b" * 300 + ".org", "an email address has at most 254 characters, this one has 306"),
        ("=?utf-8?q?a?=@example.org", "the email address is not one plain address"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(written, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_email(written)


@pytest.mark.parametrize("written", HOSTILE_ADDRESSES, ids=lambda text: ascii(text)[:30])
def test_no_trick_passes_as_an_address(written):
    with pytest.raises(ValueError):  # noqa: PT011 - any sentence
        check_email(written)
    with pytest.raises(ValueError, match="the email address is not one plain address"):
        require_mailbox(written)


@pytest.mark.parametrize("text", ["a@localhost", "a.b@c-d.example", "!#$%&'*+/=^_`{|}~-@x.example", f"a@{'b' * 63}.c"])
def test_the_gate_lets_plain_addresses_through(text):
    assert require_mailbox(text) == text


@pytest.mark.parametrize(
    "text", ["a@b_c.example", "a@-b.example", "a@b-.example", f"a@{'b' * 64}.c", ".a@b.c", "a..b@c.d", "a@b."]
)
def test_the_gate_stops_addresses_that_are_not_quite_right(text):
    with pytest.raises(ValueError, match="not one plain address"):
        require_mailbox(text)


@given(st.text(max_size=60) | st.from_regex(r"[^@]{1,30}@[^@]{1,30}", fullmatch=True))
def test_what_passes_as_an_address_is_plain_and_passes_again(text):
    try:
        kept = check_email(text)
    except ValueError:
        return
    assert kept.isascii()
    assert kept.count("@") == 1
    assert not set(kept) & set(' \r\n\t<>(),;:"[]\\')
    assert check_email(kept) == require_mailbox(kept) == kept


@pytest.mark.parametrize(
    ("written", "region", "kept"),
    [
        ("+12125550018", None, "+12125550018"),
        ("(512) 867-5309", "US", "+15128675309"),
        (" 512.867.5309 ", "US", "+15128675309"),
        ("+1 (512) 867\u20115309", None, "+15128675309"),
        ("\u202a+15128675309\u202c", None, "+15128675309"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("+44 20 7946 0958", "US", "+442079460958"),
        ("030/901820", "DE", "+4930901820"),
    ],
)
def test_a_number_is_kept_in_its_international_form(written, region, kept):
    assert check_phone(written, region) == kept
    assert check_phone(kept) == require_number(kept) == kept


@pytest.mark.parametrize(
    ("written", "region", "sentence"),
    [
        ("", "US", "not a phone number: The string supplied did not seem to be a phone number"),
        ("5128675309", None, r"without its country: write it with \+ and the country code"),
        ("911", None, "without its country"),
        ("+1 512 TOYSRUS", None, "no extension, not 'T'"),
        ("+15128675309 ext. 5", None, "no extension, not 'e'"),
        ("+15128675309;ext=5", None, "no extension, not ';'"),
        ("5128675309#5", "US", "no extension, not '#'"),
        ("+15128675309\n+15128675310", None, r"no extension, not '\\n'"),
        ("+1512867\x005309", None, r"not '\\x00'"),
        ("911", "US", "an emergency number"),
        ("112", "DE", "an emergency number"),
        ("999", "GB", "an emergency number"),
        ("116117", "DE", "a short number of a service"),
        ("+1911", None, "it is too short"),
        ("5551234", "US", "the area code is missing"),
        ("+1512867530912", None, "it is too long"),
        ("+999123456789", None, "not a phone number: Could not interpret numbers after plus-sign"),
        ("+441632960018", None, "its country has no such number"),
        ("0" * 300, "US", "too long"),
        ("+19005551234", None, "charges whoever calls it"),
        ("1-900-555-1234", "US", "charges whoever calls it"),
        ("0900 1 123456", "DE", "charges whoever calls it"),
        ("+15128675309 / +15128675310", None, "not a phone number"),
        ("5128675309", "XX", "'XX' is no country with phone numbers"),
        ("5128675309", "us", "'us' is no country with phone numbers"),
    ],
)
def test_what_is_no_phone_of_a_person_is_refused_with_the_reason(written, region, sentence):
    with pytest.raises(ValueError, match=sentence) as refused:
        check_phone(written, region)
    assert len(str(refused.value)) < 200


@given(st.text(st.sampled_from("+0123456789 ()-./#x,;"), max_size=24), st.sampled_from([None, "US", "DE", "GB"]))
def test_what_passes_as_a_number_is_international_and_passes_again(text, region):
    try:
        kept = check_phone(text, region)
    except ValueError:
        return
    assert check_phone(kept) == require_number(kept) == kept


def test_the_shared_example_families_pass():
    assert check_phone("+12125550018") == "+12125550018"
    assert check_email("family18@example.org") == "family18@example.org"


def test_the_heavy_libraries_are_loaded_only_where_somebody_reads_an_address():
    script = (
        "import sys, coopflow.channels.outbox\n"
        "print([name for name in ('email', 'email_validator', 'phonenumbers', 'dns') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


# -- the zones of a number ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phone", "zones"),
    [
        ("+12125550142", ("America/New_York",)),
        ("+13125550142", ("America/Chicago",)),
        ("+16025550142", ("America/Phoenix",)),
        ("+18085550142", ("Pacific/Honolulu",)),
        ("+61298765432", ("Australia/Sydney",)),
        ("+447911123456", ("Europe/Guernsey", "Europe/Isle_of_Man", "Europe/Jersey", "Europe/London")),
        ("+18005550142", ()),  # toll-free: anywhere in North America
        ("+61412345678", ()),  # a mobile phone: all of Australia
        ("+88216123456", ()),  # a satellite phone
        ("+999123456789", ()),  # no country has this code
        ("not a number", ()),
        ("", ()),
    ],
)
def test_the_zones_that_a_number_belongs_to(phone: str, zones: tuple[str, ...]) -> None:
    assert likely_zones(phone) == zones


def test_a_country_with_one_time_zone_has_its_hours() -> None:
    """Texts keep to the quiet hours there, so an hour more or less is not a detail."""
    countries: dict[str, list[str]] = {}
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text().splitlines():
        if not line.startswith("#"):
            country, _, key, *_ = line.split("\t")
            countries.setdefault(country, []).append(key)
    wrong = {
        (country, likely_zones(phone))
        for country, [key, *others] in countries.items()
        for phone in examples(country)
        if not others and likely_zones(phone) and hours(key) not in map(hours, likely_zones(phone))
    }
    assert wrong == set()


def examples(country: str) -> set[str]:
    """A number of a house there, and one that is carried about."""
    kinds = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE)
    found = [example_number_for_type(country, kind) for kind in kinds]
    return {format_number(number, PhoneNumberFormat.E164) for number in found if number}


def hours(key: str) -> list[timedelta | None]:
    """How far its clocks are ahead of UTC, week by week for two years."""
    first = datetime(2026, 1, 1, 12, tzinfo=UTC)
    return [(first + timedelta(weeks=week)).astimezone(ZoneInfo(key)).utcoffset() for week in range(104)]
