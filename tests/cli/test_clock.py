"""A tick with a clock that cannot be believed does nothing, says so once, and goes on when a person says so."""

import json

import pytest

from tests.cli.conftest import CoOp

TEXT = '{type: sms, message: "Hi {{ family_name }}, checking in.", '
BACK, BACK_AGAIN = "2026-03-18 13:00:00", "2026-03-18 13:01:00"


def writes(co_op: CoOp, name: str, *steps: str) -> None:
    lines = [f"name: {name}", "trigger: {type: manual}", "steps:", *(f"- {TEXT}{step}}}" for step in steps)]
    (co_op.folder / "workflows.d" / f"{name}.yaml").write_text("\n".join(lines) + "\n")
    co_op.run("workflow", "load")


@pytest.fixture
def school(co_op: CoOp) -> CoOp:
    """A text has left, another one is due in a month; and at the time that the clock will show, one is due at once."""
    writes(co_op, "w", "id: now", "id: later, delay: 30 days")
    co_op.world.has_family("42")
    co_op.world.start("w", family="42")
    co_op.run("tick")
    co_op.world.has_family("43")
    co_op.world.now = co_op.world.now.replace(day=18, hour=12, minute=30)
    co_op.world.start("w", family="43")
    return co_op


def test_a_clock_that_has_gone_back_is_told_once_and_nothing_leaves(school: CoOp) -> None:
    ran = school.run("tick", at=BACK)
    assert (ran.code, ran.out) == (5, "")
    assert ran.err == (
        "coopflow: the clock has gone back by 2 days: it shows 2026-03-18T13:00:00Z, and the last tick was at"
        " 2026-03-20T13:00:00Z. Nothing is done until it is right. Set the clock; or if it is right, say so:"
        " coopflow tick --accept-clock\n"
    )
    again = school.run("tick", at=BACK_AGAIN)
    assert (again.code, again.err) == (5, "")
    assert len(school.world.texts()) == 1


def test_it_stands_in_doctor_and_in_the_audit_trail(school: CoOp) -> None:
    school.run("tick", at=BACK)
    checks = {check["check"]: check for check in json.loads(school.run("doctor", "--json", at=BACK).out)["checks"]}
    assert checks["clock"]["level"] == "bad"
    assert "--accept-clock" in checks["clock"]["remedy"]
    kinds = [json.loads(line)["kind"] for line in school.run("audit", "export", "--format", "jsonl").out.splitlines()]
    assert kinds.count("clock.held") == 1


def test_when_the_clock_is_right_again_all_goes_on_by_itself(school: CoOp) -> None:
    school.run("tick", at=BACK)
    ran = school.run("tick", at="2026-03-20 13:05:00")
    assert (ran.code, ran.err) == (0, "")
    assert school.run("doctor", at="2026-03-20 13:06:00").code == 0


def test_a_person_may_say_that_it_is_right(school: CoOp) -> None:
    school.run("tick", at=BACK)
    ran = school.run("tick", "--accept-clock", at=BACK)
    assert (ran.code, ran.err) == (0, "")
    assert len(school.world.texts()) == 2
    again = school.run("tick", "--accept-clock", at=BACK_AGAIN)
    assert (again.code, again.err) == (0, "Nobody doubts the clock.\n")


def test_a_year_of_messages_does_not_leave_because_a_battery_has_died(school: CoOp, monkeypatch: pytest.MonkeyPatch):
    from coopflow import clock
    from coopflow.core.wall_clock import Boot

    monkeypatch.setattr("tests.cli.conftest.Boot", lambda *_: Boot("test", 60))  # it was started a minute ago
    school.run("tick", "--accept-clock")
    ran = school.run("tick", at="2038-01-19 03:14:08")
    assert ran.code == 5
    assert "the clock has jumped ahead by 11 years" in ran.err
    assert len(school.world.texts()) <= 2
    assert clock.held_clock(school.world.store) is not None


def test_with_dry_run_there_is_nothing_to_accept(school: CoOp) -> None:
    ran = school.run("tick", "--dry-run", "--accept-clock")
    assert ran.code == 2
    assert ran.err.startswith("coopflow: --dry-run looks at one pass; leave out --every and --accept-clock")


# -- after a long silence -----------------------------------------------------------------------------------------


def test_the_first_tick_after_days_without_one_says_what_it_found(co_op: CoOp) -> None:
    writes(co_op, "w", "id: text, delay: 1 day")
    writes(co_op, "quick", "id: text, delay: 1 hour, stale_after: 10 days")
    for family in ("42", "43"):
        co_op.world.has_family(family)
        co_op.world.start("w", family=family)
    co_op.run("tick")
    co_op.world.start("quick", family="43")
    ran = co_op.run("tick", at="2026-03-26 14:00:00")
    assert ran.code == 0
    assert ran.err == (
        "no tick since Fri 20 Mar 09:00 (6 days): 1 message sent and 2 instances in front of a person now"
        " (coopflow status)\n"
    )
    assert co_op.run("tick", at="2026-03-26 14:01:00").err == ""
