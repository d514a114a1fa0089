"""A record of a member list: what it says of a family, and what that makes of the family we know."""

from typing import Any

import pytest

from coopflow.core.model import Family
from coopflow.intake.families import FamilyReader, FamilyRecord
from coopflow.intake.fields import cell_of
from coopflow.intake.formats import BadRecord, Kind, Record
from coopflow.intake.unfit import for_log, sentences
from tests.intake.reading import records_of

READER = FamilyReader(region="US")


def record(**fields: Any) -> FamilyRecord | BadRecord:
    return READER.read(Record(2, {"family_id": "42", "family_name": "Martinez", **fields}))


def family(**fields: Any) -> Family:
    read = record(**fields)
    assert isinstance(read, FamilyRecord), sentences(read.problems)
    return read.applied_to(None)


def refusal(**fields: Any) -> str:
    read = record(**fields)
    assert isinstance(read, BadRecord)
    return sentences(read.problems)


def test_columns_are_columns_scores_are_measurements_and_the_rest_are_attributes() -> None:
    assert family(
        email=" Martinez@Example.org ",
        phone="(212) 555-0142",
        time_zone="America/Chicago",
        status="enrolled",
        language="es",
        engagement_score=75,
        withdrawal_risk=0.4,
        tenure_months=71,
        siblings=["Ana", "Luis"],
    ) == Family(
        family_id="42",
        family_name="Martinez",
        email="Martinez@example.org",
        phone="+12125550142",
        time_zone="America/Chicago",
        status="enrolled",
        language="es",
        engagement_score=75.0,
        withdrawal_risk=0.4,
        attributes={"tenure_months": 71, "siblings": ["Ana", "Luis"]},
    )


def test_the_cells_of_a_real_list_get_their_types() -> None:
    cells = {
        "family_id": "18",
        "family_name": "Jones",
        "email": "family18@example.org",
        "phone": "+12125550018",
        "time_zone": "America/New_York",
        "tenure_months": "71",
        "monthly_fee": "106.7",
        "payment_method": "Bank transfer (automatic)",
        "engagement_score": "75.0",
        "customer_ref": "9959-WOFKT",
        "note": "",
    }
    read = READER.read(Record(2, cells), Kind.CSV)
    assert isinstance(read, FamilyRecord)
    made = read.applied_to(None)
    assert (made.family_id, made.engagement_score) == ("18", 75.0)
    assert made.attributes == {
        "tenure_months": 71,
        "monthly_fee": 106.7,
        "payment_method": "Bank transfer (automatic)",
        "customer_ref": "9959-WOFKT",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("71", 71),
        ("-3", -3),
        ("106.7", 106.7),
        ("12.50", 12.5),
        ("0", 0),
        ("0.1", 0.1),
        ("0042", "0042"),
        ("+1", "+1"),
        ("1e3", "1e3"),
        (" 7", " 7"),
        ("1,000", "1,000"),
        (".5", ".5"),
        ("5.", "5."),
        ("123456789012345", 123456789012345),
        ("1234567890123456", "1234567890123456"),
        ("NaN", "NaN"),
        ("true", "true"),
        ("٣", "٣"),
        ("", None),
        ("  ", None),
    ],
)
def test_a_cell_becomes_a_number_where_nothing_is_lost_by_it(text: str, value: Any) -> None:
    found = cell_of("tenure", text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("name", ["customer_id", "id", "mobile", "phone_2", "zip_code", "Account", "school_ref"])
def test_ids_and_phones_never_become_numbers(name: str) -> None:
    assert cell_of(name, "5550142") == "5550142"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"family_id": None}, "field 'family_id': it is empty"),
        ({"family_name": ""}, "field 'family_name': it is empty"),
        ({"family_name": None}, "field 'family_name': it is empty"),
        ({"family_name": "   "}, "field 'family_name': it is empty"),
        ({"family_name": "x" * 10_240}, "field 'family_name': it has 10240 characters, and at most 200 are possible"),
        (
            {"family_name": "a\x1b[2J"},
            r"field 'family_name': 'a\x1b[2J' holds a line end or another control character",
        ),
        ({"phone": "555"}, "field 'phone': not a phone number: it is too short"),
        ({"phone": 12125550142}, "field 'phone': 12125550142 is not text"),
        (
            {"time_zone": "Chicago"},
            "field 'time_zone': 'Chicago' is not a time zone (did you mean 'America/Chicago'?);"
            " write Area/City, as in 'America/Chicago', or 'UTC'",
        ),
        ({"status": "Withdrawn"}, "field 'status': 'Withdrawn' is not a status (did you mean 'withdrawn'?)"),
        (
            {"status": "do not contact"},
            "field 'status': 'do not contact' is not a status (did you mean 'do_not_contact'?)",
        ),
        ({"status": "withdrawen"}, "field 'status': 'withdrawen' is not a status (did you mean 'withdrawn'?)"),
        ({"status": "on leave"}, "field 'status': 'on leave' is not a status: one word in small letters"),
        ({"language": "Spanish"}, "field 'language': 'Spanish' is not a language's code, as in 'en' or 'es-MX'"),
        ({"engagement_score": "high"}, "field 'engagement_score': 'high' is not a number"),
        ({"withdrawal_risk": 1e15}, "field 'withdrawal_risk': 1000000000000000.0 is too large"),
        (
            {"consent": {"sms": True}},
            "field 'consent': an object is not imported: consent changes with coopflow family optout or optin",
        ),
        ({"attributes": "x"}, "field 'attributes': 'x' is not an object of names and values"),
        (
            {"confidence_score": 80},
            "field 'confidence_score': it belongs to predictions, which come in with: coopflow trigger",
        ),
        (
            {"Monthly fee ($)": 80},
            "field 'Monthly fee ($)': workflows cannot ask for this name: letters, digits and _ only;"
            " write 'monthly_fee'",
        ),
        (
            {"E-Mail": "a@b.org"},
            "field 'E-Mail': workflows cannot ask for this name: letters, digits and _ only; write 'e_mail'",
        ),
        ({"Email": "a@b.org"}, "field 'Email': this is not quite its name; write 'email'"),
    ],
)
def test_what_is_wrong_is_said_of_the_field(fields: dict[str, Any], sentence: str) -> None:
    assert refusal(**fields) == sentence


@pytest.mark.parametrize(
    "address", ["a@b", "a b@example.org", "a@@example.org", "x" * 320 + "@example.org", "a@example.org,b@example.org"]
)
def test_a_bad_address_is_refused_and_never_repeated(address: str) -> None:
    assert refusal(email=address).startswith("field 'email': ")
    assert address not in refusal(email=address)


@pytest.mark.parametrize(
    "name", ["Núñez 😀", "=1+1", "[/]", "{{7*7}}", "'; DROP TABLE families; --", "مرحبا", "O’Brien"]
)
def test_odd_names_are_names(name: str) -> None:
    assert family(family_name=name).family_name == name


@pytest.mark.parametrize("status", ["enrolled", "withdrawn", "deceased", "do_not_contact", "active", "on_leave"])
def test_a_status_is_any_word_that_is_no_slip(status: str) -> None:
    assert family(status=status).status == status


def test_our_own_export_of_a_phone_can_be_read_back() -> None:
    assert family(phone="'+12125550142").phone == "+12125550142"


def test_without_a_country_a_phone_needs_its_code() -> None:
    read = FamilyReader(region=None).read(Record(2, {"family_id": "42", "phone": "212 555 0142"}))
    assert isinstance(read, BadRecord)
    assert for_log(read.problems).startswith("field 'phone': a phone number without its country")


# -- updates ------------------------------------------------------------------------------------------------------

KNOWN = Family(
    family_id="42",
    family_name="Martinez",
    email="old@example.org",
    phone="+12125550142",
    time_zone="America/Chicago",
    status="withdrawn",
    attributes={"tenure": 5, "plan": "basic"},
    consent={"sms": {"allowed": False}},
    engagement_score=50.0,
)


def updated(**fields: Any) -> Family:
    read = READER.read(Record(2, {"family_id": "42", **fields}))
    assert isinstance(read, FamilyRecord)
    return read.applied_to(KNOWN)


def test_what_a_list_does_not_name_stays() -> None:
    assert updated() == KNOWN


def test_an_empty_cell_takes_the_value_away() -> None:
    after = updated(email=None, time_zone=None, plan=None, engagement_score=None, status=None)
    assert (after.email, after.time_zone) == (None, None)
    assert after.attributes == {"tenure": 5}
    assert (after.engagement_score, after.status) == (50.0, "withdrawn")


def test_consent_is_never_touched() -> None:
    assert updated(phone="+12125550199", tenure=6).consent == KNOWN.consent


def test_the_same_id_twice_is_refused() -> None:
    good: list[FamilyRecord] = []
    bad = READER.read_all(records_of('[{"family_id": "1"}, {"family_id": 2},\n{"family_id": 1}]'), good.append)
    assert [one.family_id for one in good] == ["1", "2"]
    assert [(one.line, sentences(one.problems)) for one in bad] == [
        (2, "field 'family_id': '1' is there twice, first on line 1")
    ]


def test_attributes_may_come_as_an_object() -> None:
    assert family(attributes={"plan": "basic"}, tenure=5).attributes == {"plan": "basic", "tenure": 5}
    assert refusal(attributes={"prediction_id": 5}).startswith("field 'attributes': it belongs to predictions")


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")], ids=str)
def test_a_score_that_is_no_number_is_refused_whatever_reads_the_list(score: float) -> None:
    assert "engagement_score" in refusal(engagement_score=score)
    assert "is not a number" in refusal(engagement_score=score)
