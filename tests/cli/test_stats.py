"""How it went, in figures."""

import csv
import io
import json

import pytest

from tests.cli.conftest import CoOp
from tests.stories.test_sample import CRITERIA, SAMPLE
from tests.world import at

WEDNESDAY = "2026-03-25 14:00:00"


@pytest.fixture
def counted(co_op: CoOp) -> CoOp:
    """One answered after a day, one is to be called, one could not be reached."""
    world = co_op.world
    world.has_workflow("outreach", SAMPLE, completion_criteria=CRITERIA)
    world.has_workflow("hello", [{**SAMPLE[0], "on_failure": "fail"}])
    for family in ("42", "7"):
        world.has_family(family)
        world.start("outreach", family=family)
    world.has_family("13", email=None)
    world.start("hello", family="13")
    world.tick("2026-03-20 09:00")
    world.now = at("2026-03-21 09:00")
    world.event("email_response_received", family="7")
    world.tick("2026-03-23 09:00")
    world.tick("2026-03-25 09:00")
    return co_op


def test_the_figures_of_a_week(counted: CoOp) -> None:
    ran = counted.run("stats", "--format", "table", at=WEDNESDAY)
    assert (ran.code, ran.err, ran.out) == (0, "", SCREEN)


SCREEN = """\
3 instances began in the last 30 days; 2 finished. Completion rate 50 % (1 of 2).

By status

Workflow  Status     Instances  Mean duration, so far
-----------------------------------------------------
hello     failed             1  0 seconds
outreach  completed          1  1 day
outreach  running            1  5 days 1 hour

By workflow

Workflow  Began  Finished  With success  In part  Completion rate
-----------------------------------------------------------------
hello         1         1             0        0  0 %
outreach      2         1             1        0  100 %

By step

Workflow  Step                Type       Done  Failed  Skipped  Under way  Mean duration
----------------------------------------------------------------------------------------
hello     Send Initial Email  email         0       1        0          0  -
outreach  Send Initial Email  email         2       0        0          0  0 seconds
outreach  Wait for response   wait          1       0        1          0  3 days
outreach  Check response      condition     1       0        0          0  0 seconds
outreach  Sms followup        sms           1       0        0          0  0 seconds
outreach  Phone call          call          0       0        0          1  -

By channel

Channel  What came of it  Messages
----------------------------------
email    sent                    2
sms      sent                    1
"""


def test_one_workflow_can_be_asked_about(counted: CoOp) -> None:
    out = counted.run("stats", "--workflow", "hello", "--format", "table", at=WEDNESDAY).out
    assert out.startswith(
        "1 instance began in the last 30 days; 1 finished. Completion rate 0 % (0 of 1).\n",
    )
    assert "outreach" not in out
    assert "By channel" not in out


def test_where_nothing_began_the_screen_says_so(counted: CoOp) -> None:
    out = counted.run("stats", "--days", "1", "--format", "table", at="2026-06-25 14:00:00").out
    assert out == "Nothing began in the last 1 day.\n"


def test_where_nothing_has_finished_there_is_no_rate(co_op: CoOp) -> None:
    co_op.world.has_workflow("outreach", SAMPLE)
    co_op.world.has_family("42")
    co_op.world.start("outreach", family="42")
    out = co_op.run("stats", "--format", "table").out
    assert out.startswith(
        "1 instance began in the last 30 days; 0 finished. No completion rate yet: nothing has finished.\n"
    )
    assert "nothing has finished\n" in out
    assert "By step" not in out


# -- data ---------------------------------------------------------------------------------------------------------


def test_json_has_every_figure(counted: CoOp) -> None:
    document = json.loads(counted.run("stats", "--json", at=WEDNESDAY).out)
    assert list(document) == ["days", "since", "by_status", "completion", "by_step", "by_channel"]
    assert (document["days"], document["since"]) == (30, "2026-02-23T14:00:00Z")
    assert document["completion"][0] == {
        "workflow": "all",
        "instances": 3,
        "finished": 2,
        "success": 1,
        "partial_success": 0,
        "completion_rate": 0.5,
    }
    assert {
        "workflow": "outreach",
        "status": "completed",
        "instances": 1,
        "mean_seconds": 86400.0,
        "success": 1,
        "partial_success": 0,
    } in document["by_status"]
    assert document["by_channel"] == [
        {"channel": "email", "fate": "sent", "messages": 2},
        {"channel": "sms", "fate": "sent", "messages": 1},
    ]


def test_json_of_an_empty_co_op_has_no_rate_and_no_rows(co_op: CoOp) -> None:
    document = json.loads(co_op.run("stats", "--json").out)
    assert (document["by_status"], document["by_step"], document["by_channel"]) == ([], [], [])
    assert document["completion"][0]["completion_rate"] is None


def test_in_a_pipe_all_figures_have_one_shape(counted: CoOp) -> None:
    rows = list(csv.DictReader(io.StringIO(counted.run("stats", at=WEDNESDAY).out), delimiter="\t"))
    assert {row["per"] for row in rows} == {"status", "workflow", "step", "channel"}
    total = next(row for row in rows if row["workflow"] == "all")
    assert (total["per"], total["count"], total["completion_rate"]) == ("workflow", "2", "0.5")


# -- what cannot be asked -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", ["0", "-3", "1000000", "many"])
def test_a_period_that_is_none_is_wrong_usage(co_op: CoOp, days: str) -> None:
    assert co_op.run("stats", "--days", days).code == 2


def test_an_unknown_workflow_is_refused(counted: CoOp) -> None:
    ran = counted.run("stats", "--workflow", "hallo")
    assert (ran.code, ran.out) == (3, "")
    assert "there is no workflow 'hallo'" in ran.err
