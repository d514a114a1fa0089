"""Families, what is known and was predicted about them, and how they may be reached."""

from peewee import AutoField, BooleanField, CompositeKey, FloatField, IntegerField, TextField

from coopflow.store.tables.fields import InstantField, JsonField, Row


class FamilyRow(Row):
    """A family as it stands now."""

    TABLE = "families"

    family_id = TextField(primary_key=True)
    family_name = TextField()
    email = TextField(null=True)
    phone = TextField(null=True)
    time_zone = TextField(null=True)
    status = TextField()
    language = TextField(null=True)
    attributes = JsonField()
    consent = JsonField()
    created_date = InstantField()
    updated_date = InstantField()
    phone_zones = JsonField(null=True)
    gentle_until = InstantField(null=True)


class MetricRow(Row):
    """How engaged a family was at a moment."""

    TABLE = "family_engagement_metrics"

    metric_id = AutoField()
    family_id = TextField()
    measured_at = InstantField()
    engagement_score = FloatField()
    extra = JsonField(default=dict)


class AssessmentRow(Row):
    """How likely a family was to leave at a moment, in somebody's judgement."""

    TABLE = "risk_assessments"

    assessment_id = AutoField()
    family_id = TextField()
    assessed_at = InstantField()
    withdrawal_risk = FloatField()


class PredictionRow(Row):
    """What a model said about a family, and what came of it."""

    TABLE = "ml_predictions"

    prediction_id = TextField(primary_key=True)
    family_id = TextField()
    predicted_probability = FloatField()
    confidence_score = FloatField()
    prediction_window_days = IntegerField(null=True)
    prediction_type = TextField(null=True)
    predicted_at = InstantField(null=True)
    received_at = InstantField()
    recommendations = JsonField()
    extra = JsonField()
    verdict = TextField(null=True)


class ConsentRow(Row):
    """One thing that was said about writing to an address."""

    TABLE = "consent_records"

    record_id = AutoField()
    channel = TextField()
    address = TextField(null=True)
    allowed = BooleanField()
    covers = TextField()
    at = InstantField()
    how = TextField()
    actor = TextField()
    text = TextField(null=True)
    family_id = TextField(null=True)
    created_date = InstantField()


class BadAddressRow(Row):
    """An address at which messages come back."""

    TABLE = "bad_addresses"

    channel = TextField()
    address = TextField()
    since = InstantField()
    reason = TextField()

    class Meta:
        """Two columns name a row."""

        primary_key = CompositeKey("channel", "address")
