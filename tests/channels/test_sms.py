from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from coopflow.channels.base import Message
from coopflow.channels.sms import build_text, undated_text

MESSAGE = Message(
    channel="sms",
    to="+15128675309",
    text="Hi! Can we chat?",
    key="5f1c",
    message_id="<5f1c@coop.example>",
    at=datetime(2026, 3, 2, 6, 0, tzinfo=UTC),
)


def test_two_attempts_at_a_text_differ_in_when_they_were_made_only():
    first, second = build_text(MESSAGE), build_text(replace(MESSAGE, at=MESSAGE.at + timedelta(days=3)))
    assert first != second
    assert undated_text(first) == undated_text(second)
    assert undated_text(first) != undated_text(build_text(replace(MESSAGE, text='{"created":"2026-03-02T06:00:00Z",')))
