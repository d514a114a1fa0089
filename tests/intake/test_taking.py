"""Streams of predictions through a real database."""

import io
import json
import sqlite3
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coopflow.core import starting
from coopflow.core.model import Family
from coopflow.errors import Invalid
from coopflow.intake.formats import read_records
from coopflow.intake.taking import BATCH, Judged, judge_predictions
from tests.intake.reading import records_of
from tests.world import World, world

RISK = {
    "all": [
        {"field": "predicted_probability", "operator": ">", "value": 0.8},
        {"field": "confidence_score", "operator": ">", "value": 80},
    ]
}


@pytest.fixture
def school(coop: World) -> World:
    coop.has_workflow(
        "high_risk",
        [{"id": "hello", "type": "email", "template_id": "hello"}],
        trigger={"type": "prediction", "conditions": RISK},
    )
    for number in range(3):
        coop.has_family(str(number))
    return coop


def line(number: Any, family: Any, probability: Any = 0.5, **more: Any) -> str:
    given = {"prediction_id": number, "family_id": family, "predicted_probability": probability}
    return json.dumps({**given, "confidence_score": 90, **more}) + "\n"


def judge(school: World, content: str, **options: Any) -> list[Judged]:
    return list(judge_predictions(school.store, records_of(content), now=school.now, **options))


def verdicts(judged: list[Judged]) -> list[tuple[int | None, str, int | None]]:
    return [(one.line, one.verdict, one.instance_id) for one in judged]


def rejected(school: World) -> list[dict[str, Any]]:
    rows = [row for row in school.store.looking.events_after(0) if row["kind"] == "trigger.rejected"]
    return [dict(row["data"]) | ({"family": row["family_id"]} if row["family_id"] else {}) for row in rows]


def test_each_line_has_its_verdict_in_its_place(school: World) -> None:
    content = line(1, 0, 0.9) + line(2, 1) + "oops\n" + line(3, 9) + line(4, 2, 87) + line(1, 0, 0.9) + line(5, 2, 0.95)
    judged = judge(school, content)
    assert verdicts(judged) == [
        (1, "started", 1),
        (2, "skipped", None),
        (3, "rejected", None),
        (4, "rejected", None),
        (5, "rejected", None),
        (6, "skipped", None),
        (7, "started", 2),
    ]
    assert [one.reason for one in judged[1:6]] == [
        "high_risk: predicted_probability 0.5 ≤ 0.8",
        "it is not JSON: expecting value, at column 1",
        "field 'family_id': there is no family '9'",
        "field 'predicted_probability': 87 is not between 0 and 1; is it a percentage? write 0.87",
        "this prediction was taken in before",
    ]
    assert (judged[4].prediction_id, judged[4].family_id) == ("4", "2")


def test_refused_lines_are_on_record_without_what_they_said(school: World) -> None:
    judge(school, line(1, 0) + line(2, " Martinez") + line(3, "9"))
    assert rejected(school) == [
        {"reason": "there is no family '9'", "prediction": "3", "family": "9"},
        {"source": "<stdin>", "line": 2, "reason": "field 'family_id': it has blanks around it"},
    ]


def test_one_prediction_may_start_two_workflows_and_has_a_row_for_each(school: World) -> None:
    school.has_workflow(
        "letter",
        [{"id": "hello", "type": "email", "template_id": "hello"}],
        trigger={"type": "prediction", "conditions": RISK},
    )
    judged = judge(school, line(1, 0, 0.9) + line(1, 0, 0.9) + line(2, 1, 0.9) + line(3, 2))
    assert [(one.line, one.verdict, one.workflow) for one in judged] == [
        (1, "started", "high_risk"),
        (1, "started", "letter"),
        (2, "skipped", None),
        (3, "started", "high_risk"),
        (3, "started", "letter"),
        (4, "skipped", None),
    ]


def test_the_same_stream_again_starts_nothing_more(school: World) -> None:
    content = line(1, 0, 0.9) + line(2, 1, 0.9)
    assert [one.verdict for one in judge(school, content)] == ["started", "started"]
    assert [one.verdict for one in judge(school, content)] == ["skipped", "skipped"]
    assert len(school.store.looking.instances()) == 2


def test_a_hundred_copies_of_a_prediction_start_one_instance(school: World) -> None:
    assert sorted(one.verdict for one in judge(school, line(1, 0, 0.9) * 100)) == ["skipped"] * 99 + ["started"]


def test_a_dry_run_says_the_same_and_leaves_nothing(school: World) -> None:
    content = "".join(line(number, number % 3, 0.9) for number in range(BATCH + 10)) + "oops\n"
    before = school.store.looking.events(family_id="0")
    rehearsed = judge(school, content, dry_run=True)
    assert school.store.looking.instances() == []
    assert rejected(school) == []
    assert school.store.looking.events(family_id="0") == before
    assert verdicts(rehearsed) == verdicts(judge(school, content))


def test_what_came_before_the_stream_broke_is_kept(school: World) -> None:
    class Breaks(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            found = super().readline(size)
            if not found:
                raise OSError("the pipe broke")
            return found

    stream = Breaks("".join(line(number, 1) for number in range(BATCH + 1)).encode())
    judged: list[Judged] = []
    with pytest.raises(OSError, match="the pipe broke"):
        judged.extend(judge_predictions(school.store, read_records(stream, "<stdin>"), now=school.now))
    assert school.db.execute_sql("SELECT count(*) FROM ml_predictions").fetchone() == (BATCH,)


def test_a_reader_that_stops_stops_at_a_whole_batch(school: World) -> None:
    content = "".join(line(number, 1) for number in range(3 * BATCH))
    judged = judge_predictions(school.store, records_of(content), now=school.now)
    assert next(judged).line == 1
    judged.close()  # type: ignore[attr-defined]
    assert school.db.execute_sql("SELECT count(*) FROM ml_predictions").fetchone() == (BATCH,)


def test_recommendations_and_other_fields_reach_the_instance(school: World) -> None:
    [started] = judge(school, line(1, 0, 0.9, recommendations=["call"], model="v7"))
    assert started.instance_id is not None
    context = school.case(started.instance_id).instance.context
    assert context["recommendations"] == [{"action": "call", "reason": None}]
    assert context["model"] == "v7"


def test_ids_with_zeros_in_front_are_another_family(school: World) -> None:
    school.has_family("0042")
    school.has_family("42")
    judged = judge(school, line(1, "0042", 0.9) + line(2, 42, 0.9) + line(3, "042", 0.9) + line(4, "42.0", 0.9))
    assert [(one.family_id, one.verdict) for one in judged] == [
        ("0042", "started"),
        ("42", "started"),
        ("042", "rejected"),
        ("42.0", "rejected"),
    ]
    assert judged[3].reason == "field 'family_id': there is no family '42.0'; ids are whole numbers or text, without .0"


def test_a_csv_file_without_a_needed_column_takes_nothing_in(school: World) -> None:
    with pytest.raises(Invalid, match="lacks what is needed: field 'family_id'"):
        judge(school, "prediction_id,predicted_probability,confidence_score\n1,0.9,90\n")


def test_memory_does_not_grow_with_the_stream(school: World) -> None:
    class Endless(io.RawIOBase):
        """Four thousand lines that are nowhere all at once."""

        def __init__(self) -> None:
            self.lines: Iterator[bytes] = (line(number, number % 3).encode() for number in range(4_000))

        def readline(self, _size: int | None = -1, /) -> bytes:
            return next(self.lines, b"")

    judged = judge_predictions(school.store, read_records(Endless(), "<stdin>"), now=school.now)  # type: ignore[arg-type]
    for _ in range(4 * BATCH):
        next(judged)
    tracemalloc.start()
    try:
        counted = sum(1 for _ in judged)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert counted == 4_000 - 4 * BATCH
    assert peak < 5_000_000  # bytes: some batches' worth


# -- what begins in one batch -------------------------------------------------------------------------------------


@pytest.fixture
def two_risks(coop: World) -> World:
    return with_two_risks(coop)


def with_two_risks(school: World) -> World:
    """Two workflows of one group, and one of which two may run at a time."""
    steps = [{"id": "hello", "type": "email", "template_id": "hello"}]
    low = {"field": "predicted_probability", "operator": ">", "value": 0.5}
    trigger = {"type": "prediction", "group": "risk"}
    school.has_workflow("low", steps, priority=2, trigger={**trigger, "conditions": low})
    school.has_workflow("high", steps, priority=8, trigger={**trigger, "conditions": RISK})
    asked = {"field": "asks", "operator": "==", "value": True}
    often = {"type": "prediction", "conditions": asked}
    school.has_workflow("often", steps, trigger=often, max_concurrent_instances=2)
    for number in range(3):
        school.has_family(str(number))
    return school


def kinds(school: World, instance: int) -> list[str]:
    return [row["kind"] for row in school.store.looking.events(instance_id=instance)]


def test_what_began_in_this_very_batch_is_replaced_by_what_is_more_urgent(two_risks: World) -> None:
    judged = judge(two_risks, line(1, 0, 0.6) + line(2, 1, 0.6) + line(3, 0, 0.9) + line(4, 2, 0.6))
    assert [(one.workflow, one.instance_id) for one in judged] == [
        ("low", 1),
        ("low", 2),
        ("high", 3),
        ("low", 4),
    ]
    assert kinds(two_risks, 1) == ["instance.started", "instance.cancelled"]
    assert kinds(two_risks, 3) == ["instance.started"]
    assert [two_risks.case(number).instance.status for number in (1, 2, 3, 4)] == [
        "cancelled",
        "pending",
        "pending",
        "pending",
    ]
    two_risks.check()


def test_of_one_family_as_many_begin_in_a_batch_as_may_run_at_a_time(two_risks: World) -> None:
    judged = judge(two_risks, "".join(line(number, 0, 0.1, asks=True) for number in range(3)))
    assert [one.verdict for one in judged] == ["started", "started", "skipped"]
    assert "already active: instance 1, 2" in judged[2].reason
    slots = two_risks.db.execute_sql("SELECT slot FROM workflow_instances ORDER BY instance_id").fetchall()
    assert slots == [("often:0",), ("often:1",)]
    two_risks.check()


def test_a_batch_is_the_same_as_its_lines_one_by_one(two_risks: World, tmp_path: Path) -> None:
    content = [line(number, number % 3, (number * 37 % 100) / 100, asks=number % 5 == 0) for number in range(40)]
    together = [one._replace(line=None) for one in judge(two_risks, "".join(content))]
    (tmp_path / "other").mkdir()
    with world(tmp_path / "other") as other:
        with_two_risks(other)
        apart = [one._replace(line=None) for text in content for one in judge(other, text)]
        assert apart == together
        numbers = range(1, 1 + sum(one.verdict == "started" for one in together))
        assert [kinds(other, number) for number in numbers] == [kinds(two_risks, number) for number in numbers]


# -- a fault of ours ------------------------------------------------------------------------------------------------


def meets_a_fault(family_id: str) -> Any:
    def new_case(*, family: Family, **rest: Any) -> Any:
        if family.family_id == family_id:
            raise RuntimeError("nobody has thought of Ada")
        return starting.new_case(family=family, **rest)

    return new_case


def test_a_line_that_meets_a_fault_is_refused_and_stops_no_other(
    school: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = "".join(line(number, number, 0.9) for number in range(3))
    with monkeypatch.context() as patched:
        patched.setattr("coopflow.starts.new_case", meets_a_fault("1"))
        judged = judge(school, content)
        assert [one.verdict for one in judged] == ["started", "rejected", "started"]
        assert judged[1].reason == (
            "this is a fault in coopflow, nothing was taken in (RuntimeError: nobody has thought of Ada)"
        )
        assert (judged[1].prediction_id, judged[1].family_id) == ("1", "1")
        [kept] = rejected(school)
        assert kept == {"source": "<stdin>", "line": 2, "reason": "this is a fault in coopflow, nothing was taken in"}
    again = judge(school, content)  # once it is mended
    assert [one.verdict for one in again] == ["skipped", "started", "skipped"]


def test_a_fault_ends_a_dry_run_which_could_not_take_a_part_back(
    school: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coopflow.starts.new_case", meets_a_fault("1"))
    with pytest.raises(RuntimeError, match="nobody has thought"):
        judge(school, line(1, 0, 0.9) + line(2, 1, 0.9), dry_run=True)
    assert school.store.looking.events_after(0) == []


def test_trouble_with_the_database_is_no_fault_of_a_line(school: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("coopflow.starts.new_case", full)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        judge(school, line(1, 0, 0.9))
