"""The pattern's own example runs as it was advertised."""

from tests.world import World

SAMPLE = [
    {
        "id": "first_email",
        "type": "email",
        "name": "Send Initial Email",
        "template_id": "hello",
        "on_failure": "sms_followup",
    },
    {"id": "wait_for_response", "type": "wait", "duration": "3 days", "until": {"event": "email_response_received"}},
    {
        "id": "check_response",
        "type": "condition",
        "condition": {"field": "email_response_received", "operator": "==", "value": True},
        "if_true_step": "done",
        "if_false_step": "sms_followup",
    },
    {"id": "sms_followup", "type": "sms", "message": "Hi {{ family_name }}, checking in. Can we chat?"},
    {
        "id": "phone_call",
        "type": "call",
        "delay": "2 days",
        "reason": "High withdrawal risk, no email or SMS response",
        "outcomes": {
            "reached": "done",
            "voicemail": {"retry_in": "1 day", "max": 3, "then": "escalate"},
            "wrong_number": "escalate",
        },
    },
    {"id": "done", "type": "end", "outcome": "success"},
]
CRITERIA = {"any": [{"field": "email_response_received", "operator": "==", "value": True}]}


def test_the_sample_runs_as_advertised_for_two_families(coop: World) -> None:
    coop.has_workflow("high_risk", SAMPLE, completion_criteria=CRITERIA)
    coop.has_family("42", family_name="Martinez")
    coop.has_family("7")
    quiet, replying = coop.start("high_risk", family="42"), coop.start("high_risk", family="7")

    coop.tick("2026-03-20 09:00")
    assert len(coop.mails()) == 2
    assert coop.texts() == []

    coop.ticks_until("2026-03-21 11:00")
    coop.event("email_response_received", family="7")
    assert coop.status(replying) == "completed"

    coop.ticks_until("2026-03-23 09:00")
    assert [text["text"] for text in coop.texts()] == ["Hi Martinez, checking in. Can we chat?"]
    assert coop.tasks() == []

    coop.ticks_until("2026-03-25 09:00")
    [call] = coop.tasks("42")
    assert (call.task_type, call.priority) == ("phone_call", "high")

    coop.ticks_until("2026-03-28 09:00")
    assert coop.status(quiet) == "running"
    coop.closes(call, "reached", "We had a good talk.")

    assert coop.status(quiet) == "completed"
    assert coop.tasks() == []
    assert len(coop.mails()) == 2
    assert coop.attempts(quiet) == [
        ("first_email", "completed"),
        ("wait_for_response", "completed"),
        ("check_response", "completed"),
        ("sms_followup", "completed"),
        ("phone_call", "completed"),
        ("done", "completed"),
    ]
    assert coop.attempts(replying) == [("first_email", "completed"), ("wait_for_response", "skipped")]
