"""Member lists through a real database: all or nothing, only what differs, and nobody removed."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from coopflow.errors import Invalid
from coopflow.intake.families import FamilyRecord
from coopflow.intake.importing import Imported, import_families
from tests.intake.reading import records_of
from tests.world import World, at

LIST = (
    "family_id,family_name,email,phone,time_zone,status,engagement_score,tenure\n"
    "0042,Martinez,m@example.org,+12125550142,America/Chicago,enrolled,75.0,71\n"
    "7,Núñez,,,,,,\n"
)


def imports(coop: World, content: str, **options: Any) -> Imported:
    found = import_families(coop.store, records_of(content), region="US", actor="sarah", now=coop.now, **options)
    coop.check()
    return found


def counts(imported: Imported) -> tuple[int, int, int]:
    return imported.new, imported.changed, imported.unchanged


def test_a_list_is_imported_and_the_same_list_changes_nothing(coop: World) -> None:
    assert counts(imports(coop, LIST)) == (2, 0, 0)
    families = coop.store.families(["0042", "7"])
    assert (families["0042"].email, families["0042"].engagement_score) == ("m@example.org", 75.0)
    assert families["0042"].attributes == {"tenure": 71}
    assert (families["7"].family_name, families["7"].email, families["7"].status) == ("Núñez", None, "enrolled")
    coop.now = at("2026-03-21 09:00")
    assert counts(imports(coop, LIST)) == (0, 0, 2)
    assert len(coop.store.looking.events(family_id="0042")) == 1
    assert coop.db.execute_sql("SELECT count(*) FROM family_engagement_metrics").fetchone() == (1,)


def test_only_what_differs_is_a_change(coop: World) -> None:
    imports(coop, LIST)
    coop.now = at("2026-03-21 09:00")
    found = imports(coop, LIST.replace("75.0,71", "50.0,72"))
    [change] = found.changes
    assert (change.family_id, change.new, list(change.names)) == ("0042", False, ["engagement_score", "tenure"])
    assert coop.store.families(["0042"])["0042"].engagement_score == 50.0
    rows = coop.db.execute_sql("SELECT engagement_score FROM family_engagement_metrics ORDER BY 1").fetchall()
    assert rows == [(50.0,), (75.0,)]


def test_consent_and_families_that_are_not_on_the_list_stay(coop: World) -> None:
    coop.has_family("7", consent={"sms": {"allowed": False}})
    coop.has_family("8")
    assert counts(imports(coop, LIST)) == (1, 1, 0)
    assert coop.store.families(["7"])["7"].consent == {"sms": {"allowed": False}}
    assert "8" in coop.store.families(["8"])


def test_one_bad_row_of_many_and_nothing_is_imported(coop: World) -> None:
    rows = [f"{number},Family {number},f{number}@example.org" for number in range(300)]
    rows[123] = "123,Family 123,not an address"
    rows[200] = "7,Family 7 again,x@example.org"
    with pytest.raises(Invalid) as problem:
        imports(coop, "family_id,family_name,email\n" + "\n".join(rows))
    first, second, last = str(problem.value).splitlines()
    assert first.startswith("<stdin>:125: field 'email': ")
    assert second == "<stdin>:202: field 'family_id': '7' is there twice, first on line 9"
    assert last == "Nothing was imported: mend these 2 lines and import again."
    assert coop.store.looking.family_ids("") == []


def test_a_new_family_needs_its_name_and_a_known_one_does_not(coop: World) -> None:
    coop.has_family("7", family_name="Garcia")
    assert counts(imports(coop, '{"family_id": 7, "status": "withdrawn"}\n')) == (0, 1, 0)
    with pytest.raises(Invalid) as problem:
        imports(coop, '{"family_id": 9, "status": "withdrawn"}\n')
    assert str(problem.value).splitlines() == [
        "<stdin>:1: field 'family_name': it is missing, and the family is new",
        "Nothing was imported: mend this line and import again.",
    ]


def test_a_list_without_ids_is_refused_by_its_header(coop: World) -> None:
    with pytest.raises(Invalid, match=r"<stdin>:1: the header lacks what is needed: field 'family_id': it is missing"):
        imports(coop, "family_name,email\nMartinez,m@example.org\n")


def test_a_dry_run_counts_and_changes_nothing(coop: World) -> None:
    assert counts(imports(coop, LIST, dry_run=True)) == (2, 0, 0)
    assert coop.store.looking.family_ids("") == []
    assert coop.db.execute_sql("SELECT count(*) FROM event_log").fetchone() == (0,)


def test_an_instance_whose_family_has_left_by_the_new_list_is_ended(coop: World) -> None:
    coop.has_workflow("outreach", [{"id": "hello", "type": "email", "template_id": "hello"}])
    imports(coop, LIST)
    left, stays = coop.start("outreach", family="0042"), coop.start("outreach", family="7")
    coop.now = at("2026-03-20 09:30")
    found = imports(coop, LIST.replace("enrolled", "withdrawn"))
    assert list(found.finished) == [left]
    assert (coop.status(left), coop.status(stays)) == ("cancelled", "pending")


def test_an_instance_whose_goal_is_met_by_the_new_list_is_completed(coop: World) -> None:
    coop.has_workflow(
        "reminder",
        [
            {"id": "pay", "type": "call", "reason": "unpaid", "outcomes": {"reached": "done"}},
            {"id": "done", "type": "end"},
        ],
        completion_criteria={"any": [{"field": "paid", "operator": "==", "value": "yes"}]},
    )
    imports(coop, "family_id,family_name,paid\n7,Garcia,no\n")
    instance = coop.start("reminder", family="7")
    coop.tick("2026-03-20 10:00")
    assert len(coop.tasks()) == 1
    assert list(imports(coop, "family_id,paid\n7,yes\n").finished) == [instance]
    assert coop.status(instance) == "completed"
    assert coop.tasks() == []


def test_a_change_that_is_only_a_type_is_a_change(coop: World) -> None:
    imports(coop, '{"family_id": 7, "family_name": "Garcia", "newsletter": 1}\n')
    assert counts(imports(coop, '{"family_id": 7, "newsletter": true}\n')) == (0, 1, 0)
    assert coop.store.families(["7"])["7"].attributes == {"newsletter": True}


def test_the_trail_tells_what_changed_and_not_to_what(coop: World) -> None:
    imports(coop, LIST)
    [row] = coop.store.looking.events(family_id="0042")
    assert (row["kind"], row["actor"], row["personal"]) == ("family.imported", "sarah", None)
    assert row["data"] == {
        "source": "<stdin>",
        "new": True,
        "changed": ["family_name", "email", "phone", "time_zone", "status", "engagement_score", "tenure"],
    }


# -- long lists ---------------------------------------------------------------------------------------------------


def long_list(count: int, name: str = "Family") -> str:
    return "family_id,family_name,level\n" + "".join(f"f{number},{name} {number},3\n" for number in range(count))


def test_a_long_list_is_written_down_in_parts_of_which_none_is_long(coop: World) -> None:
    sizes: list[int] = []
    told: list[tuple[int, str]] = []

    def watched(batches: Iterable[list[FamilyRecord]], total: int, words: str) -> Iterator[list[FamilyRecord]]:
        told.append((total, words))
        for batch in batches:
            sizes.append(len(batch))
            yield batch

    assert counts(imports(coop, long_list(1201), watched=watched)) == (1201, 0, 0)
    assert sizes == [500, 500, 201]
    assert [total for total, _ in told] == [3]
    assert counts(imports(coop, long_list(1201))) == (0, 0, 1201)
    assert counts(imports(coop, long_list(1300, name="House"))) == (99, 1201, 0)


@pytest.mark.parametrize("line", [3, 700, 1202])
def test_one_bad_line_anywhere_in_a_long_list_and_nothing_is_imported(coop: World, line: int) -> None:
    imports(coop, long_list(2))
    lines = long_list(1201).splitlines()
    lines[line - 1] = "f9999,,3"
    before = coop.store.looking.events_after(0)
    with pytest.raises(Invalid, match=f":{line}: field 'family_name': it is empty"):
        imports(coop, "\n".join(lines))
    assert len(coop.store.families([f"f{number}" for number in range(1201)])) == 2
    assert coop.store.looking.events_after(0) == before


def test_what_only_the_database_can_tell_of_a_long_list_is_told_of_all_its_parts(coop: World) -> None:
    rows = [f'{{"family_id": "f{number}", "level": 3}}' for number in range(1100)]
    with pytest.raises(Invalid) as refused:
        imports(coop, "\n".join(rows))
    assert str(refused.value).count("it is missing, and the family is new") == 1100
    assert coop.store.families(["f0", "f1099"]) == {}


def test_nothing_of_a_list_stays_beside_the_database(coop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coopflow.intake.spooled.IN_MEMORY", 100)
    folder = coop.store.path.parent
    before = sorted(path.name for path in folder.iterdir())
    during: list[list[str]] = []

    def watched(batches: Iterable[list[FamilyRecord]], *_: Any) -> Iterator[list[FamilyRecord]]:
        for batch in batches:
            during.append(sorted(path.name for path in folder.iterdir()))
            yield batch

    assert counts(imports(coop, long_list(600), watched=watched)) == (600, 0, 0)
    assert all(name.startswith("coopflow.db") or name in before for names in during for name in names)
    assert sorted(path.name for path in folder.iterdir()) == before


def test_what_a_long_list_changes_is_looked_at_for_all_its_families(coop: World) -> None:
    criterion = {"field": "level", "operator": "==", "value": 4}
    steps = [{"id": "rest", "type": "wait", "duration": "3 days"}, {"id": "done", "type": "end"}]
    coop.has_workflow("outreach", steps, completion_criteria=criterion)
    imports(coop, long_list(1100))
    for number in (0, 499, 500, 1099):
        coop.start("outreach", family=f"f{number}")
    found = imports(coop, long_list(1100).replace(",3", ",4"))
    assert len(found.finished) == 4
    assert counts(found) == (0, 1100, 0)
