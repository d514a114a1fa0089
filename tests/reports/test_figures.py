"""Counts, durations and the completion rate."""

from datetime import timedelta
from typing import Any

from coopflow.core.people import goto
from coopflow.core.states import StepStatus
from coopflow.reports.figures import FATES, by_fate, completion, figures
from tests.reports.samples import MAIL
from tests.stories.test_sample import CRITERIA, SAMPLE
from tests.world import World


def status_row(workflow: str, status: str, instances: int, success: int = 0, partial: int = 0) -> dict[str, Any]:
    counts = {"instances": instances, "success": success, "partial_success": partial}
    return {"workflow": workflow, "status": status, "mean_seconds": 0.0, **counts}


def test_the_completion_rate_is_the_share_of_the_finished_that_ended_with_success():
    rows = [
        status_row("a", "completed", 8, success=6, partial=2),
        status_row("a", "failed", 1),
        status_row("a", "cancelled", 1),
        status_row("a", "running", 5),
        status_row("b", "pending", 3),
    ]
    [first, second] = completion(rows)
    assert (first.instances, first.finished, first.partial_success, first.rate) == (15, 10, 2, 0.6)
    assert (second.finished, second.rate) == (0, None)
    assert completion([]) == []


def test_every_status_of_a_message_has_a_word_and_those_with_the_same_word_are_counted_together():
    assert set(FATES) == set(StepStatus)
    rows = [{"channel": "sms", "status": status, "messages": 2} for status in ("pending", "running", "completed")]
    assert by_fate(rows) == [
        {"channel": "sms", "fate": "under way", "messages": 4},
        {"channel": "sms", "fate": "sent", "messages": 2},
    ]


def test_figures_count_what_began_in_the_period(coop: World) -> None:
    coop.has_workflow("sample", SAMPLE, completion_criteria=CRITERIA)
    coop.has_workflow("other", [MAIL])
    coop.has_family("42")
    coop.has_family("7")
    coop.start("sample", family="42")
    quiet = coop.start("sample", family="7")
    coop.tick()
    coop.now += timedelta(hours=2)
    coop.event("email_response_received", family="42")
    coop.does(goto, quiet, step_id="sms_followup")
    found = figures(coop.store, days=30, workflow="sample", now=coop.now)
    assert [(row["status"], row["instances"], row["mean_seconds"]) for row in found.by_status] == [
        ("completed", 1, 7200.0),
        ("running", 1, 7200.0),
    ]
    assert (found.total.finished, found.total.rate) == (1, 1.0)
    assert found.by_channel == [{"channel": "email", "fate": "sent", "messages": 2}]
    assert figures(coop.store, days=30, workflow="other", now=coop.now).by_status == []
    assert figures(coop.store, days=30, workflow=None, now=coop.now + timedelta(days=31)).total.rate is None
