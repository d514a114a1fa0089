import hashlib
import json
import re
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coopflow.core.audit import (
    GENESIS,
    SENTENCES,
    Broken,
    Record,
    Verified,
    canonical_json,
    checked_head,
    commitment,
    committed_text,
    row_hash,
    sentence,
    verify_rows,
)
from coopflow.core.states import Outcome
from coopflow.errors import Invalid

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


# -- one text for one value ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "{}"),
        ({"b": 1, "a": [True, None, 0.5]}, '{"a":[true,null,0.5],"b":1}'),
        ({"ü": "Grüße\n"}, '{"ü":"Grüße\\n"}'),
        ({"until": NOW}, '{"until":"2026-03-02T06:00:00Z"}'),
        ({"outcome": Outcome.SUCCESS}, '{"outcome":"success"}'),
        (MappingProxyType({"z": MappingProxyType({"y": (1, 2)})}), '{"z":{"y":[1,2]}}'),
    ],
)
def test_a_value_has_one_text(value: Any, text: str) -> None:
    assert canonical_json(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"at": datetime(2026, 3, 2)}])  # noqa: DTZ001
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"JSON|UTC"):
        canonical_json(value)


def test_what_is_no_value_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="set is not a JSON value"):
        canonical_json({"tags": {"a"}})


@given(JSON)
def test_the_text_read_and_written_again_is_the_same(value: Any) -> None:
    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == text


@given(st.dictionaries(TEXT, JSON, max_size=5), st.randoms())
def test_the_order_of_the_keys_does_not_matter(value: dict[str, Any], random: Any) -> None:
    keys = list(value)
    random.shuffle(keys)
    assert canonical_json({key: value[key] for key in keys}) == canonical_json(value)


# -- the chain ----------------------------------------------------------------------------------------------------

ENTRY = st.tuples(
    st.just("2026-03-02T06:00:00Z"),
    TEXT,
    st.none() | TEXT,
    st.none() | st.integers(0, 2**63 - 1),
    TEXT,
    st.dictionaries(TEXT, JSON, max_size=2).map(canonical_json),
)


def chained(entries: list[tuple[Any, ...]]) -> list[Record]:
    rows, previous = [], GENESIS
    for event_id, entry in enumerate(entries, start=1):
        following = row_hash(previous, event_id, *entry)
        rows.append(Record(event_id, *entry, previous, following))
        previous = following
    return rows


@given(st.integers(1), ENTRY)
def test_a_hash_is_what_the_documents_say_it_is(event_id: int, entry: tuple[Any, ...]) -> None:
    documented = hashlib.sha256(canonical_json([GENESIS, event_id, *entry]).encode()).hexdigest()
    assert row_hash(GENESIS, event_id, *entry) == documented


def test_a_hash_stays_what_it_was_when_it_was_first_released() -> None:
    assert (
        row_hash(
            GENESIS, 1, "2026-03-02T06:00:00Z", "instance.started", "0042", 1, "coopflow", '{"workflow":"outreach"}'
        )
        == "5ffe5960fc9ccf043a923484a4fe30c8a13bd99032bc192afa37dbcb4d44dfef"
    )


@given(st.lists(ENTRY, max_size=6))
def test_a_chain_is_verified_to_its_head(entries: list[tuple[Any, ...]]) -> None:
    rows = chained(entries)
    head = rows[-1].hash if rows else GENESIS
    assert verify_rows(rows) == verify_rows(rows, head) == verify_rows(rows, GENESIS) == Verified(len(rows), head)


@given(st.lists(ENTRY, min_size=2, max_size=6), st.data())
def test_whatever_is_changed_is_found_and_the_first_of_it_named(entries: list[tuple[Any, ...]], data: Any) -> None:
    rows = chained(entries)
    place = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from(["kind", "family_id", "instance_id", "actor", "data", "prev_hash", "hash"]))
    other = data.draw(st.integers(0, 2**63 - 1) if column == "instance_id" else TEXT)
    changed = rows[place]._replace(**{column: other})
    verdict = verify_rows([*rows[:place], changed, *rows[place + 1 :]])
    if changed == rows[place]:
        assert isinstance(verdict, Verified)
    else:
        assert isinstance(verdict, Broken)
        assert verdict.event_id == place + 1


@given(st.lists(ENTRY, min_size=2, max_size=6, unique=True), st.data())
def test_whatever_is_cut_is_found_with_a_head(entries: list[tuple[Any, ...]], data: Any) -> None:
    rows = chained(entries)
    place = data.draw(st.integers(0, len(rows) - 1))
    verdict = verify_rows([*rows[:place], *rows[place + 1 :]], rows[-1].hash)
    assert isinstance(verdict, Broken)
    assert verdict.event_id == (place + 1 if place < len(rows) - 1 else None)


def test_a_value_of_the_wrong_type_is_a_broken_entry_and_no_crash() -> None:
    rows = chained([("2026-03-02T06:00:00Z", "a.b", None, None, "coopflow", "{}")])
    for column, value in [("kind", b"a.b"), ("actor", None), ("instance_id", "1"), ("data", 7)]:
        forged = rows[0]._replace(**{column: value})
        assert verify_rows([forged]) == Broken(1, "the entry holds a value of the wrong type")


def test_a_commitment_needs_the_salt_and_the_words() -> None:
    salt = bytes(range(16))
    made = commitment(salt, {"to": "ada@home.example", "name": "Ada"})
    assert made == hashlib.sha256(salt + b'{"name":"Ada","to":"ada@home.example"}').hexdigest()
    assert made == committed_text(salt, '{"name":"Ada","to":"ada@home.example"}')
    assert made != commitment(bytes(16), {"to": "ada@home.example", "name": "Ada"})


# -- what a person reads ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        (
            "instance.started",
            {"workflow": "outreach", "version": 3, "triggered_by": "prediction_id:7"},
            "Started 'outreach' version 3 because of prediction_id:7",
        ),
        ("instance.started", {}, "Started"),
        (
            "instance.completed",
            {"outcome": Outcome.SUCCESS, "reason": "all done"},
            "Completed with outcome success: all done",
        ),
        ("instance.paused", {"reason": None}, "Paused"),
        ("instance.noted", {"note": "They moved [house] to {Bonn}"}, "Note: They moved [house] to {Bonn}"),
        ("instance.noted", {"personal": "5f" * 32}, "Note (erased)"),
        ("step.waiting", {"step": "wait", "until": NOW}, "'wait' waits until 2026-03-02T06:00:00Z"),
        ("step.retrying", {"step": "a", "at": "tomorrow", "attempt": 2}, "'a' is tried again at tomorrow (attempt 2)"),
        ("step.failed", {}, "A step failed"),
        (
            "doubt.resolved",
            {"step": "a", "sent": False},
            "The doubt about the message of 'a' was settled; it was sent: no",
        ),
        (
            "message.intended",
            {"channel": "email", "to": "ada", "step": "a"},
            "A message is about to leave by email to ada for 'a'",
        ),
        ("task.opened", {"task_type": "phone_call", "assignee": "ada"}, "Task opened: phone_call for ada"),
        (
            "trigger.skipped",
            {"workflow": "outreach", "reason": "it runs already"},
            "'outreach' was not started: it runs already",
        ),
        ("family.opted_out", {"channel": ["email", "sms"]}, "The family opted out of email, sms"),
        ("payment_received", {"amount": 12.5, "personal": "5f" * 32}, 'payment_received: {"amount":12.5}'),
        ("payment_received", {}, "payment_received"),
    ],
)
def test_an_entry_is_a_sentence(kind: str, data: dict[str, Any], said: str) -> None:
    assert sentence(kind, data) == said


KINDS = {
    "instance": "started paused resumed completed failed cancelled moved noted",
    "step": "started waiting completed failed skipped retrying deferred in_doubt",
    "message": "intended accepted refused withdrawn",
    "task": "opened done dismissed reopened assigned snoozed escalated withdrawn",
    "trigger": "skipped rejected",
    "workflow": "loaded rejected enabled disabled retired",
    "family": "imported opted_out opted_in",
}


def test_every_kind_has_its_sentence() -> None:
    assert {f"{noun}.{what}" for noun, participles in KINDS.items() for what in participles.split()} <= set(SENTENCES)


@pytest.mark.parametrize("kind", sorted(SENTENCES))
def test_a_sentence_is_sound_with_and_without_its_values(kind: str) -> None:
    keys = re.findall(r"\{(\w+)\}", SENTENCES[kind])
    full = sentence(kind, {key: f"<{key}>" for key in keys})
    assert all(f"<{key}>" in full for key in keys)
    for said in (full, sentence(kind, {})):
        assert said[0].isupper() or said.startswith("'")
        assert not re.search(r"[\[\]{}|]|  |''", said)


@given(st.sampled_from(sorted(SENTENCES)), st.dictionaries(st.sampled_from(["step", "reason", "to", "note"]), JSON))
def test_no_value_breaks_a_sentence(kind: str, data: dict[str, Any]) -> None:
    assert sentence(kind, data)


def test_a_saved_head_is_one_however_it_was_written_down():
    assert checked_head(None) is None
    assert checked_head(f" {'AB' * 32}\n") == "ab" * 32


@pytest.mark.parametrize("head", ["", "ab" * 31, "ab" * 33, "xy" * 32])
def test_what_is_no_head_is_refused(head):
    with pytest.raises(Invalid, match="64 hexadecimal digits"):
        checked_head(head)
