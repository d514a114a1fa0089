import pytest

from coopflow.core.facts import (
    BUILT_IN_EVENTS,
    FAMILY_FIELDS,
    INTERNAL_FIELDS,
    MISSING,
    PREDICTION_FIELDS,
    Facts,
)
from coopflow.core.model import Family

FAMILY = Family(
    family_id="0042",
    family_name="Jones",
    email="jones@example.org",
    status="enrolled",
    engagement_score=37.5,
    attributes={
        "tenure_months": 71,
        "status": "hidden by the column",
        "phone": "+12125550018",
        "address": {"city": "Oakland", "geo": {"lat": 37.8}},
        "nothing": None,
        "zero": 0,
        "empty": "",
        "predicted_probability": 0.1,
        "email_bounced": "imported column",
        "sms_failed": "imported column",
        "Monthly Fee": 55.3,
    },
)
FACTS = Facts(
    family=FAMILY,
    trigger={"predicted_probability": 0.87, "confidence_score": 82, "detail": {"model": "v3"}, "lost": None},
    outputs={"first_email": {"status": "completed", "clicks": {"count": 2}}},
    events=frozenset({"email_response_received", "email_bounced", "step.completed"}),
    known_events=frozenset({"email_response_received", "payment_received", "sms_failed"}),
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("family_id", "0042"),
        ("family_name", "Jones"),
        ("status", "enrolled"),
        ("engagement_score", 37.5),
        ("withdrawal_risk", MISSING),
        ("phone", "+12125550018"),  # the column is empty, the attribute is not
        ("tenure_months", 71),
        ("zero", 0),
        ("empty", ""),
        ("nothing", MISSING),
        ("predicted_probability", 0.1),  # an attribute comes before what the trigger brought
        ("prediction.predicted_probability", 0.87),
        ("event.predicted_probability", 0.87),
        ("trigger.predicted_probability", 0.87),
        ("trigger.detail.model", "v3"),
        ("trigger.lost", MISSING),
        ("confidence_score", 82),
        ("detail.model", "v3"),
        ("family.status", "enrolled"),
        ("family.phone", "+12125550018"),
        ("family.tenure_months", 71),
        ("family.address.city", "Oakland"),
        ("family.withdrawal_risk", MISSING),
        ("attributes.tenure_months", 71),
        ("attributes.status", "hidden by the column"),
        ("attributes.address.geo.lat", 37.8),
        ("attributes.Monthly Fee", 55.3),
        ("attributes.family_name", MISSING),
        ("address.city", "Oakland"),
        ("address.city.name", MISSING),
        ("address.", MISSING),
        ("steps.first_email.status", "completed"),
        ("steps.first_email.clicks.count", 2),
        ("steps.first_email.opened", MISSING),
        ("steps.second_email.status", MISSING),
        ("steps.first_email", {"status": "completed", "clicks": {"count": 2}}),
        ("email_response_received", True),
        ("payment_received", False),
        ("family_withdrew", MISSING),  # not declared here
        ("email_bounced", True),  # what happened is not hidden by an imported column
        ("sms_failed", "imported column"),
        ("step.completed", True),
        ("step.failed", MISSING),
        ("", MISSING),
        (".", MISSING),
        ("family.", MISSING),
    ],
)
def test_a_field_is_looked_up_in_its_place(name, value):
    assert FACTS.get(name) == value


def test_the_built_in_events_are_known_unless_said_otherwise():
    facts = Facts(family=FAMILY)

    assert {kind: facts.get(kind) for kind in BUILT_IN_EVENTS if kind not in FAMILY.attributes} == {
        kind: False for kind in BUILT_IN_EVENTS if kind not in FAMILY.attributes
    }
    assert facts.get("open_day_visited") is MISSING


def test_what_a_step_gave_is_seen_as_soon_as_it_ended():
    facts = Facts(family=FAMILY)
    facts.outputs["call"] = {"outcome": "reached"}

    assert facts.get("steps.call.outcome") == "reached"


def test_the_lists_of_names_agree():
    assert PREDICTION_FIELDS < INTERNAL_FIELDS
    assert {"engagement_score", "withdrawal_risk", "notes"} < INTERNAL_FIELDS
    assert {"engagement_score", "withdrawal_risk"} == FAMILY_FIELDS & INTERNAL_FIELDS
    assert all(hasattr(FAMILY, name) for name in FAMILY_FIELDS)
    assert repr(MISSING) == "MISSING"
