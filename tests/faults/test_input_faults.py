"""The known faults of what comes in, D20 to D27 and D30 to D33: each line refused with its number, the rest goes on."""

import io
import json
import tracemalloc
from collections.abc import Iterator

import pytest

from coopflow.intake.formats import BadRecord, read_records
from coopflow.intake.predictions import read_prediction
from tests.cli.conftest import CoOp
from tests.intake.reading import read, records_of
from tests.pattern.parts import END, wait

GOOD = '{"prediction_id": "p", "family_id": "42", "predicted_probability": 0.8, "confidence_score": 80}'


def lines_refused(content: str | bytes) -> list[int]:
    """The numbers of the lines that are no predictions."""
    found = map(read_prediction, records_of(content).found)
    return [record.line for record in found if isinstance(record, BadRecord)]


@pytest.mark.parametrize("bad", ["no json", "[1]", '"text"', "5", '{"a": 1', '{"a": "\x00"}'])
def test_d20_a_line_that_is_no_object_is_told_by_its_number_and_the_rest_goes_on(bad: str) -> None:
    assert lines_refused(f"{GOOD}\n{bad}\n{GOOD}\n") == [2]


@pytest.mark.parametrize("content", [f"\ufeff{GOOD}\n", f"{GOOD}\r\n", f"\n\n{GOOD}\n\n", GOOD])
def test_d20_what_is_harmless_is_read(content: str) -> None:
    assert lines_refused(content) == []


def test_d20_half_a_line_of_a_writer_that_is_still_writing_is_not_taken_for_a_whole_one() -> None:
    for end in range(1, len(GOOD)):
        assert lines_refused(f"{GOOD}\n{GOOD[:end]}") == [2]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "1" + "0" * 5_000])
def test_d21_numbers_that_are_none_are_refused(number: str) -> None:
    assert lines_refused(GOOD.replace("0.8", number)) == [1]


def test_d21_minus_zero_is_zero() -> None:
    prediction = read_prediction(next(iter(records_of(GOOD.replace("0.8", "-0")).found)))
    assert not isinstance(prediction, BadRecord)
    assert prediction.predicted_probability == 0


def test_d22_a_key_given_twice_is_refused_and_one_in_another_case_is_named() -> None:
    assert lines_refused(GOOD.replace("{", '{"family_id": 1, ')) == [1]
    found = read_prediction(next(iter(records_of(GOOD.replace("family_id", "Family_Id")).found)))
    assert isinstance(found, BadRecord)
    assert any("write 'family_id'" in problem.sentence for problem in found.problems)


def test_d22_keys_that_are_not_known_are_kept() -> None:
    found = read_prediction(next(iter(records_of(GOOD.replace("{", '{"model": "v7", ')).found)))
    assert not isinstance(found, BadRecord)
    assert found.extra == {"model": "v7"}


def test_d23_depth_is_limited() -> None:
    deep = GOOD.replace("}", ', "x": ' + "[" * 20_000 + "]" * 20_000 + "}")
    assert lines_refused(f"{deep}\n{GOOD}\n") == [1]


class Endless(io.RawIOBase):
    """A stream of so many bytes that are never all in memory at once."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        self._left = self._left or next(self._parts, b"")
        taken = self._left[: len(buffer)]
        self._left = self._left[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)


@pytest.mark.parametrize("kind", ["one line without end", "many lines"])
def test_d23_a_long_line_and_many_lines_take_little_memory(kind: str) -> None:
    start = b'{"a": "' if kind == "one line without end" else b"{}\n"
    part = b"x" * 65_536 if kind == "one line without end" else b"{}\n" * 1_000
    stream = io.BufferedReader(Endless(iter([start, *[part] * 200])))
    tracemalloc.start()
    try:
        records = sum(1 for _ in read_records(stream, "<stdin>").found)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert records == (1 if kind == "one line without end" else 200_001)


def test_d24_invalid_utf_8_at_any_byte_and_half_a_character_cost_one_line() -> None:
    content = GOOD.encode()
    for place in range(0, len(content), 7):
        bad = content[:place] + b"\xff" + content[place:]
        assert lines_refused(GOOD.encode() + b"\n" + bad + b"\n" + GOOD.encode()) == [2]
    assert lines_refused(GOOD.replace('"p"', '"\\ud800"')) == [1]


def test_d25_a_file_that_is_given_again_after_it_was_cut_off_doubles_nothing(co_op: CoOp) -> None:
    """Every line has its own key: whatever was read of a file that changed meanwhile, it may be given again."""
    co_op.world.has_workflow("w", [wait(), END], trigger={"type": "prediction"}, max_concurrent_instances=9)
    co_op.world.has_family("42")
    lines = [GOOD.replace('"p"', f'"p{number}"') for number in range(3)]
    (co_op.folder / "p.jsonl").write_text("\n".join([*lines[:2], lines[2][:40]]))
    assert co_op.run("trigger", "p.jsonl").code == 1
    (co_op.folder / "p.jsonl").write_text("\n".join(lines))
    again = co_op.run("trigger", "p.jsonl", "--json")
    assert [row["verdict"] for row in json.loads(again.out)] == ["skipped", "skipped", "started"]


def test_d26_an_event_whose_id_was_used_with_another_body_is_told(co_op: CoOp) -> None:
    co_op.world.has_family("42")
    first, other = ({"kind": "payment_received", "family_id": "42", "id": "e1", "amount": n} for n in (1, 2))
    assert co_op.run("event", "--from", "-", input=json.dumps(first)).code == 0
    again = co_op.run("event", "--from", "-", input=json.dumps(other))
    assert "field 'id': it is the id of event 1, which says something else" in again.err
    kinds = co_op.world.db.execute_sql("SELECT COUNT(*) FROM event_log WHERE kind = 'payment_received'").fetchone()
    assert kinds == (1,)


@pytest.mark.parametrize(
    ("at", "words"),
    [("2027-01-01T00:00:00Z", "lies in the future"), ("2026-03-20T09:00:00", "does not say its offset from UTC")],
)
def test_d27_an_event_of_the_future_or_without_an_offset_is_refused(co_op: CoOp, at: str, words: str) -> None:
    co_op.world.has_family("42")
    event = {"kind": "payment_received", "family_id": "42", "at": at}
    refused = co_op.run("event", "--from", "-", input=json.dumps(event))
    assert words in refused.err
    assert refused.code == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("family_id;family_name\n1;Smith\n", "separated by semicolons"),
        ("1,Smith\n2,Jones\n", "the header lacks what is needed"),
        ('family_id,family_name\n1,"Smith\n', "a quotation mark is not closed"),
    ],
)
def test_d30_a_table_of_another_form_is_refused_with_what_to_do(co_op: CoOp, content: str, words: str) -> None:
    ran = co_op.run("family", "import", "-", input=content)
    assert words in ran.err
    assert ran.code == 4


def test_d30_columns_may_stand_in_any_order_and_one_bad_row_of_many_stops_all(co_op: CoOp) -> None:
    rows = [f"Family {number},{number}" for number in range(1, 501)]
    assert co_op.run("family", "import", "-", input="\n".join(["family_name,family_id", *rows])).code == 0
    rows[250] = "Family 251,"
    bad = co_op.run("family", "import", "-", input="\n".join(["family_name,family_id", "New,999", *rows]))
    assert (bad.code, "<stdin>:253: field 'family_id': it is empty" in bad.err) == (4, True)
    assert co_op.run("family", "show", "999").code == 3


def test_d31_a_list_of_half_the_families_takes_none_away(co_op: CoOp) -> None:
    whole = ["family_id,family_name", *(f"{number},Family {number}" for number in range(10))]
    assert co_op.run("family", "import", "-", input="\n".join(whole)).code == 0
    assert co_op.run("family", "import", "-", input="\n".join(whole[:5])).code == 0
    assert len(json.loads(co_op.run("family", "list", "--json").out)) == 10


@pytest.mark.parametrize("family_id", ["a b", "a/b", "..", "0042", "1" + "0" * 30, "../../etc", "ä", "'--"])
def test_d32_an_id_is_kept_exactly_as_it_is_given(co_op: CoOp, family_id: str) -> None:
    row = json.dumps({"family_id": family_id, "family_name": "Smith"})
    assert co_op.run("family", "import", "-", input=row).code == 0
    assert json.loads(co_op.run("family", "show", "--json", "--", family_id).out)["family_id"] == family_id


def test_d33_one_family_has_only_as_many_instances_as_its_workflow_allows(co_op: CoOp) -> None:
    co_op.world.has_workflow("w", [wait(), END], trigger={"type": "prediction"}, max_concurrent_instances=2)
    co_op.world.has_family("42")
    lines = "\n".join(GOOD.replace('"p"', f'"p{number}"') for number in range(100))
    verdicts = [row["verdict"] for row in json.loads(co_op.run("trigger", "-", "--json", input=lines).out)]
    assert (verdicts.count("started"), verdicts.count("skipped")) == (2, 98)


def test_a_record_with_its_line_is_what_is_read() -> None:
    assert read(f"{GOOD}\n")[0][0] == 1
