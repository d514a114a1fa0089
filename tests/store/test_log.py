import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import peewee
import pytest

from coopflow.core.audit import GENESIS, Broken, Record, Verified, canonical_json, commitment, row_hash
from coopflow.core.model import Event
from coopflow.errors import Invalid
from coopflow.store import log
from coopflow.store.database import Database, transaction
from coopflow.store.log import LogWriter, head_of, iterate, verify
from coopflow.store.tables.log import EventRow, PersonalRow
from tests.store.processes import finish, line_from, start

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
OpenIt = Callable[[], Database]


def an_event(number: int = 1, **changes: object) -> Event:
    given: dict[str, object] = {
        "at": NOW + timedelta(minutes=number),
        "kind": "step.completed",
        "actor": "coopflow",
        "family_id": f"00{number % 3}",
        "instance_id": number,
        "data": {"step": f"step {number}", "next": "ünd dann"},
    }
    return Event(**{**given, **changes})  # type: ignore[arg-type]


def append(db: Database, events: Sequence[Event]) -> list[int]:
    with transaction(db):
        return LogWriter(db, salts=salts()).append(events)


def salts() -> Callable[[int], bytes]:
    numbers = count(1)
    return lambda size: b"".join(next(numbers).to_bytes(16) for _ in range(size // 16))


@pytest.fixture
def filled(db: Database) -> Database:
    """A log of six entries, the third and the fifth with a personal part."""
    append(db, [an_event(1), an_event(2), an_event(3, personal={"to": "ada@home.example"})])
    append(db, [an_event(4), an_event(5, personal={"note": "Anruf um 9"}), an_event(6)])
    return db


# -- writing ------------------------------------------------------------------------------------------------------


def test_events_are_numbered_and_chained_over_transactions(filled: Database) -> None:
    rows = list(iterate(filled))
    assert [row.event_id for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row.prev_hash for row in rows] == [GENESIS, *(row.hash for row in rows[:-1])]
    assert rows[1] == Record(
        event_id=2,
        at="2026-03-02T06:02:00Z",
        kind="step.completed",
        family_id="002",
        instance_id=2,
        actor="coopflow",
        data='{"next":"ünd dann","step":"step 2"}',
        prev_hash=rows[0].hash,
        hash=row_hash(rows[0].hash, *rows[1][1:1], 2, *rows[1][1:7]),
    )
    assert head_of(filled) == (6, rows[-1].hash)


def test_the_ids_given_are_those_written(db: Database) -> None:
    assert append(db, [an_event(1), an_event(2)]) == [1, 2]
    assert append(db, []) == []
    assert append(db, [an_event(3)]) == [3]
    assert head_of(db)[0] == 3


def test_an_empty_log_has_a_head_too(db: Database) -> None:
    assert head_of(db) == (0, GENESIS)
    assert verify(db) == verify(db, GENESIS) == Verified(0, GENESIS)


def test_the_log_is_not_written_outside_a_transaction(db: Database) -> None:
    with pytest.raises(RuntimeError, match="inside the transaction of the change it tells of"):
        LogWriter(db).append([an_event()])


def test_what_is_rolled_back_leaves_no_hole(db: Database) -> None:
    writer = LogWriter(db)

    def in_vain() -> None:
        with transaction(db):
            assert writer.append([an_event(2), an_event(3)]) == [2, 3]
            raise RuntimeError("after all not")

    append(db, [an_event(1)])
    with pytest.raises(RuntimeError, match="after all not"):
        in_vain()
    with transaction(db):
        assert writer.append([an_event(3)]) == [2]
        assert writer.append([an_event(4)]) == [3]
    assert verify(db) == Verified(3, head_of(db)[1])


def test_one_writer_goes_on_where_another_has_ended(open_it: OpenIt) -> None:
    first, second = LogWriter(db := open_it()), LogWriter(other := open_it())
    for number in range(3):
        with transaction(db):
            first.append([an_event(number)])
        with transaction(other):
            second.append([an_event(number), an_event(number)])
    assert verify(db) == Verified(9, head_of(other)[1])


WRITER = """
import sys
from datetime import UTC, datetime
from coopflow.core.model import Event
from coopflow.store.database import open_database, transaction
from coopflow.store.log import LogWriter
db = open_database(sys.argv[1])
event = Event(at=datetime(2026, 3, 2, tzinfo=UTC), kind="instance.noted", actor=sys.argv[2], personal={"note": "n"})
print("ready", flush=True)
sys.stdin.readline()
for _ in range(25):
    with transaction(db):
        LogWriter(db).append([event, event])
db.close()
"""


def test_two_processes_write_one_chain(made: Path, open_it: OpenIt) -> None:
    writers = [start(WRITER, made, name) for name in ("ada", "grace")]
    assert [line_from(writer) for writer in writers] == ["ready", "ready"]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        finish(writer)
    db = open_it()
    assert verify(db) == Verified(100, head_of(db)[1])
    actors = [row.actor for row in iterate(db)]
    assert (actors.count("ada"), actors.count("grace")) == (50, 50)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"at": datetime(2026, 3, 2, 6, 0)}, ValueError),  # noqa: DTZ001 - that is the point
        ({"data": {"score": float("nan")}}, ValueError),
        ({"data": {"who": object()}}, TypeError),
        ({"data": {"personal": "x"}, "personal": {"to": "y"}}, ValueError),
        ({"kind": ""}, sqlite3.IntegrityError),
        ({"data": {"text": "\ud800"}}, ValueError),
    ],
)
def test_an_event_that_cannot_be_kept_is_refused_and_the_log_as_it_was(
    db: Database, changes: dict[str, object], problem: type[Exception]
) -> None:
    with pytest.raises(problem):
        append(db, [an_event(1), an_event(2, **changes)])
    assert head_of(db) == (0, GENESIS)
    assert PersonalRow.select().count(db) == 0


# -- reading ------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[1, 2, 5_000])
def page(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many entries are read at once."""
    monkeypatch.setattr(log, "PAGE", request.param)
    return int(request.param)


def test_entries_are_found_by_family_and_time(filled: Database, page: int) -> None:
    def ids(**wanted: object) -> list[int]:
        return [row.event_id for row in iterate(filled, **wanted)]  # type: ignore[arg-type]

    assert ids() == [1, 2, 3, 4, 5, 6]
    assert ids(family_id="001") == [1, 4]
    assert ids(family_id="nobody") == []
    assert ids(since=NOW + timedelta(minutes=3)) == [3, 4, 5, 6]
    assert ids(until=NOW + timedelta(minutes=3)) == [1, 2]
    assert ids(since=NOW + timedelta(minutes=2), until=NOW + timedelta(minutes=5), family_id="002") == [2]


def test_the_personal_part_is_shown_with_its_entry_and_kept_apart(filled: Database, page: int) -> None:
    shown = {row.event_id: row.personal for row in iterate(filled) if row.personal}
    assert shown == {3: '{"to":"ada@home.example"}', 5: '{"note":"Anruf um 9"}'}
    kept = EventRow.select().where(EventRow.event_id == 3).get(filled)
    assert kept.data["personal"] == commitment((3).to_bytes(16), {"to": "ada@home.example"})
    assert "ada" not in canonical_json(kept.data)
    assert kept.at == NOW + timedelta(minutes=3)


def test_a_reader_keeps_no_writer_waiting(open_it: OpenIt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "PAGE", 1)
    reader, writer = open_it(), open_it()
    writer.timeout = 0.01
    append(writer, [an_event(1), an_event(2)])
    rows = iterate(reader)
    next(rows)
    append(writer, [an_event(3)])
    assert [row.event_id for row in rows] == [2, 3]


# -- tampering ----------------------------------------------------------------------------------------------------


@pytest.fixture
def tamper(filled: Database, made: Path) -> Iterator[sqlite3.Connection]:
    """What somebody can do who has the file and knows how: no triggers, no references, no checks."""
    connection = sqlite3.connect(made, isolation_level=None)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute("DROP TRIGGER event_log_is_never_updated")
    connection.execute("DROP TRIGGER event_log_is_never_deleted")
    connection.execute("DROP TRIGGER event_personal_is_never_updated")
    yield connection
    connection.close()


CHANGED = "the entry was changed after it was written"


def test_a_sound_log_is_verified(filled: Database, page: int) -> None:
    assert verify(filled) == Verified(6, head_of(filled)[1])


@pytest.mark.parametrize("event_id", range(1, 7))
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("at = '2026-03-02T06:30:00Z'", CHANGED),
        ("kind = 'step.failed'", CHANGED),
        ("family_id = '009'", CHANGED),
        ("family_id = NULL", CHANGED),
        ("instance_id = instance_id + 1", CHANGED),
        ("instance_id = NULL", CHANGED),
        ("actor = 'somebody'", CHANGED),
        ("data = '{}'", CHANGED),
        ("data = data || ' '", CHANGED),
        ("prev_hash = substr(prev_hash, 2) || 'x'", "the entry does not follow from the one before it"),
        ("hash = substr(hash, 2) || 'x'", CHANGED),
    ],
)
def test_an_edited_entry_is_named(
    filled: Database, tamper: sqlite3.Connection, event_id: int, change: str, reason: str
) -> None:
    tamper.execute(f"UPDATE event_log SET {change} WHERE event_id = ?", (event_id,))  # noqa: S608
    assert verify(filled) == Broken(event_id, reason)


@pytest.mark.parametrize("event_id", range(1, 6))
def test_a_deleted_entry_is_named(filled: Database, tamper: sqlite3.Connection, event_id: int, page: int) -> None:
    tamper.execute("DELETE FROM event_log WHERE event_id = ?", (event_id,))
    assert verify(filled) == Broken(event_id, "the entry is missing")


@pytest.mark.parametrize("event_id", range(1, 6))
def test_a_deleted_entry_is_named_though_the_rest_moved_up(
    filled: Database, tamper: sqlite3.Connection, event_id: int
) -> None:
    tamper.execute("DELETE FROM event_log WHERE event_id = ?", (event_id,))
    for later in range(event_id + 1, 7):
        tamper.execute("UPDATE event_log SET event_id = event_id - 1 WHERE event_id = ?", (later,))
    assert verify(filled) == Broken(event_id, "the entry does not follow from the one before it")


@pytest.mark.parametrize("event_id", [-3, 0, 7])
def test_an_inserted_entry_is_named(filled: Database, tamper: sqlite3.Connection, event_id: int, page: int) -> None:
    tamper.execute(
        "INSERT INTO event_log SELECT ?, at, kind, family_id, instance_id, actor, data, prev_hash, hash"
        " FROM event_log WHERE event_id = 6",
        (event_id,),
    )
    expected = {7: "the entry does not follow from the one before it"}
    assert verify(filled) == Broken(event_id, expected.get(event_id, "an entry stands before the first one"))


@pytest.mark.parametrize("event_id", range(1, 6))
def test_swapped_entries_are_named(filled: Database, tamper: sqlite3.Connection, event_id: int) -> None:
    for before, after in ((event_id, 99), (event_id + 1, event_id), (99, event_id + 1)):
        tamper.execute("UPDATE event_log SET event_id = ? WHERE event_id = ?", (after, before))
    assert verify(filled) == Broken(event_id, "the entry does not follow from the one before it")


NOWHERE = Broken(None, "the saved head is nowhere in the log: its end was cut off, or it was written anew")


def test_a_tail_cut_off_is_found_by_a_head_that_was_kept(filled: Database, tamper: sqlite3.Connection) -> None:
    _, head = head_of(filled)
    tamper.execute("DELETE FROM event_personal WHERE event_id > 4")
    tamper.execute("DELETE FROM event_log WHERE event_id > 4")
    assert verify(filled, head) == NOWHERE
    assert verify(filled) == Verified(4, head_of(filled)[1]), "without a head nobody can know"


def test_a_log_written_anew_is_found_by_a_head_that_was_kept(filled: Database, tamper: sqlite3.Connection) -> None:
    _, head = head_of(filled)
    previous = GENESIS
    tamper.execute("UPDATE event_log SET actor = 'somebody else' WHERE event_id = 2")
    for row in list(iterate(filled)):
        following = row_hash(previous, *row[:7])
        tamper.execute(
            "UPDATE event_log SET prev_hash = ?, hash = ? WHERE event_id = ?", (previous, following, row.event_id)
        )
        previous = following
    assert verify(filled, head) == NOWHERE
    assert verify(filled) == Verified(6, previous)


def test_a_head_kept_earlier_is_found_inside_the_log_that_has_grown(filled: Database, page: int) -> None:
    _, earlier = head_of(filled)
    append(filled, [an_event(7), an_event(8)])
    assert verify(filled, earlier) == Verified(8, head_of(filled)[1])
    assert verify(filled, f"  {earlier.upper()}\n") == Verified(8, head_of(filled)[1])


@pytest.mark.parametrize("head", ["", "abc", "0" * 63, "0" * 65, "g" * 64, "sha256:" + "0" * 64])
def test_what_cannot_be_a_head_is_refused(filled: Database, head: str) -> None:
    with pytest.raises(Invalid, match="64 hexadecimal digits"):
        verify(filled, head)


# -- the erasable part --------------------------------------------------------------------------------------------


def test_erasing_the_personal_part_leaves_the_chain_whole(filled: Database) -> None:
    with transaction(filled):
        assert PersonalRow.delete().where(PersonalRow.family_id == "000").execute(filled) == 1
    assert verify(filled) == Verified(6, head_of(filled)[1])
    assert [row.event_id for row in iterate(filled) if row.personal] == [5]


@pytest.mark.parametrize(
    ("change", "event_id"),
    [
        ('UPDATE event_personal SET data = \'{"to":"eve@home.example"}\' WHERE event_id = 3', 3),
        ("UPDATE event_personal SET salt = randomblob(16) WHERE event_id = 5", 5),
        ("UPDATE event_personal SET family_id = '009' WHERE event_id = 5", 5),
        ("UPDATE event_personal SET event_id = 4 WHERE event_id = 3", 4),
        ("INSERT INTO event_personal SELECT 9, family_id, salt, data FROM event_personal WHERE event_id = 3", 9),
    ],
)
def test_a_personal_part_that_was_changed_is_named(
    filled: Database, tamper: sqlite3.Connection, change: str, event_id: int, page: int
) -> None:
    tamper.execute(change)
    assert verify(filled) == Broken(event_id, "its personal part is not the one it was written with")


def test_the_same_words_leave_no_two_marks_alike(filled: Database) -> None:
    with transaction(filled):
        LogWriter(filled).append([an_event(7, personal={"to": "ada"}), an_event(8, personal={"to": "ada"})])
    marks = [row.data["personal"] for row in EventRow.select().where(EventRow.event_id > 6).execute(filled)]
    assert len(set(marks)) == 2


def test_nobody_changes_an_entry_through_the_models(filled: Database) -> None:
    with pytest.raises(peewee.IntegrityError, match="append-only"):
        EventRow.update(actor="nobody").execute(filled)
    with pytest.raises(peewee.IntegrityError, match="append-only"):
        EventRow.delete().execute(filled)
