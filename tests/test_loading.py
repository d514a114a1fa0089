"""Files become versions: an edited one a new version, an unchanged one nothing, a broken one a problem told once."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from coopflow.app import App, open_app
from coopflow.core.audit import sentence
from coopflow.core.model import Family
from coopflow.errors import Invalid, NotAllowed, NotFound
from coopflow.loading import LoadReport, disable, enable, load_workflows, look_again, refresh
from coopflow.store.store import Store
from tests.folders import CONFIG, ERRAND, HELLO, MARCH, WELCOME, a_folder

LATER = MARCH + timedelta(hours=1)


class Desk:
    """Somebody at work on a folder of workflows."""

    def __init__(self, app: App, store: Store) -> None:
        self.app, self.store = app, store
        self.folder = app.config.workflows

    def writes(self, name: str, text: str) -> None:
        (self.folder / f"{name}.yaml").write_text(text)

    def loads(self) -> LoadReport:
        return load_workflows(self.app, self.store, actor="sarah", now=LATER)

    def ticks(self) -> list[str]:
        """What a tick would tell of the files."""
        return refresh(self.app, self.store, now=LATER)

    def versions(self, name: str) -> list[tuple[int, bool]]:
        return [(version.version, version.active) for version in self.store.templates.versions(name)]

    def trail(self) -> list[str]:
        """What the audit trail says of workflows since the folder was set up."""
        rows = [row for row in self.store.looking.events_after(0) if row["at"] == LATER]
        return [f"{row['actor']}: {sentence(row['kind'], row['data'])}" for row in rows]

    def starts(self, name: str) -> bool:
        found = {workflow.name: workflow.active for workflow in self.store.templates.current()}
        return found.get(name, False)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    app = a_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    with app.store() as store:
        yield Desk(app, store)


LONGER = ERRAND.replace("1 minute", "2 minutes")
BROKEN = ERRAND.replace("if_true_step: visit", "if_true_step: visti")
BROKEN_ERRAND = (
    "workflows.d/errand.yaml:5:84: steps[1] 'enrolled' if_true_step: there is no step 'visti'. Did you mean 'visit'?"
)


# -- versions -------------------------------------------------------------------------------------------------------


def test_an_unchanged_folder_changes_nothing(desk: Desk) -> None:
    assert desk.loads().lines == ["errand: unchanged (v1)", "welcome: unchanged (v1)"]
    assert desk.trail() == []
    assert desk.ticks() == []


def test_an_unchanged_folder_is_not_read_and_all_the_same_told_of(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    disable(desk.store, "welcome", actor="sarah", now=MARCH)
    desk.writes("gone", ERRAND.replace("name: errand", "name: gone"))
    desk.loads()
    (desk.folder / "gone.yaml").unlink()
    read = desk.loads()
    assert "gone: retired (v1)" in read.lines

    reads: list[str] = []
    monkeypatch.setattr("coopflow.workflows.folder.read_inside", lambda path, _: reads.append(path.name))
    assert desk.loads().lines == ["errand: unchanged (v1)", "welcome: unchanged (v1)"]
    assert reads == []


@pytest.mark.parametrize("what", ["a warning", "an error"])
def test_a_folder_with_a_problem_is_read_until_it_is_mended(desk: Desk, what: str) -> None:
    name = desk.folder / "messages" / "Not a name.md" if what == "a warning" else desk.folder / "errand.yaml"
    good = name.read_text() if name.exists() else None
    name.write_text(BROKEN)
    told = desk.loads().problems
    assert len(told) == 1
    assert desk.loads().problems == told

    if good is None:
        name.unlink()
    else:
        name.write_text(good)
    assert desk.loads().problems == ()


def test_an_edited_file_is_a_new_version_and_the_old_one_stays(desk: Desk) -> None:
    desk.writes("errand", LONGER)

    assert desk.loads().lines == ["errand: updated to v2", "welcome: unchanged (v1)"]
    first, second = desk.store.templates.versions("errand")
    assert (first.data["steps"][0]["duration"], second.data["steps"][0]["duration"]) == ("1 minute", "2 minutes")
    assert desk.trail() == ["sarah: Workflow 'errand' was loaded as version 2 from errand.yaml"]


def test_a_tick_loads_what_has_changed_and_says_nothing(desk: Desk) -> None:
    desk.writes("errand", LONGER)

    assert desk.ticks() == []
    assert desk.versions("errand") == [(1, True), (2, True)]
    assert desk.trail() == ["coopflow: Workflow 'errand' was loaded as version 2 from errand.yaml"]


def test_an_edited_message_is_a_new_version_of_what_uses_it(desk: Desk) -> None:
    (desk.folder / "messages" / "hello.md").write_text(HELLO.replace("Dear", "Hello"))

    assert desk.loads().lines == ["errand: unchanged (v1)", "welcome: updated to v2"]


def test_a_remark_or_another_layout_is_no_new_version(desk: Desk) -> None:
    desk.writes("errand", f"# for the library\n{ERRAND}")

    assert desk.ticks() == []
    assert desk.versions("errand") == [(1, True)]


def test_what_is_restored_from_an_old_copy_is_a_new_version(desk: Desk) -> None:
    for text in (LONGER, ERRAND):
        desk.writes("errand", text)
        desk.loads()

    assert desk.versions("errand") == [(1, True), (2, True), (3, True)]


def test_a_renamed_file_is_the_same_workflow(desk: Desk) -> None:
    (desk.folder / "errand.yaml").rename(desk.folder / "errands.yml")

    assert desk.loads().lines == ["errand: unchanged (v1)", "welcome: unchanged (v1)"]


# -- broken files ---------------------------------------------------------------------------------------------------


def test_a_broken_file_leaves_the_last_good_version_in_force_and_the_others_load(desk: Desk) -> None:
    desk.writes("errand", BROKEN)
    desk.writes("welcome", WELCOME.replace("10 years}", "9 years}"))

    report = desk.loads()

    assert report.lines == ["errand: not loaded, v1 stays in force", "welcome: updated to v2"]
    assert [str(problem) for problem in report.problems] == [BROKEN_ERRAND]
    assert not report.good
    assert desk.starts("errand")
    assert desk.trail() == [
        "sarah: Workflow 'welcome' was loaded as version 2 from welcome.yaml",
        f"sarah: Workflow 'errand' was rejected: {BROKEN_ERRAND}",
    ]


def test_ticks_tell_of_a_broken_file_once(desk: Desk) -> None:
    desk.writes("errand", BROKEN)
    assert desk.ticks() == [BROKEN_ERRAND]

    assert desk.ticks() == []
    desk.writes("errand", BROKEN)  # touched again, and no better
    assert desk.ticks() == []
    assert len(desk.trail()) == 1


def test_what_a_person_was_told_is_not_told_again_by_a_tick(desk: Desk, tmp_path: Path, monkeypatch: Any) -> None:
    desk.writes("errand", BROKEN)
    desk.loads()

    monkeypatch.chdir("/")
    desk.writes("errand", BROKEN)
    assert desk.ticks() == []


def test_a_second_broken_file_is_told_without_the_first(desk: Desk) -> None:
    desk.writes("errand", BROKEN)
    desk.ticks()

    desk.writes("welcome", "name: welcome\n")

    assert {line.partition(":")[0] for line in desk.ticks()} == {"workflows.d/welcome.yaml"}


def test_a_file_that_breaks_again_is_told_again(desk: Desk) -> None:
    desk.writes("errand", BROKEN)
    desk.ticks()
    desk.writes("errand", LONGER)
    assert desk.ticks() == []
    assert desk.versions("errand") == [(1, True), (2, True)]

    desk.writes("errand", BROKEN)
    assert desk.ticks() == [BROKEN_ERRAND]


def test_a_broken_message_is_told_with_its_place(desk: Desk) -> None:
    (desk.folder / "messages" / "hello.md").write_text(HELLO.replace("family_name", "famly_name"))

    assert desk.ticks() == [
        "workflows.d/messages/hello.md:4:1: there is no 'famly_name' for this message (did you mean 'family_name'?)"
        " (used by step 'hello')"
    ]
    assert desk.versions("welcome") == [(1, True)]


def test_a_warning_is_for_people_and_not_for_cron(desk: Desk) -> None:
    (desk.folder / "messages" / "Not a name.md").write_text(HELLO)

    assert desk.ticks() == []
    desk.writes("errand", LONGER)
    report = desk.loads()
    assert report.good
    assert [problem.warning for problem in report.problems] == [True]


def test_of_many_files_one_is_broken_and_all_others_run(desk: Desk) -> None:
    for number in range(40):
        desk.writes(f"errand_{number}", ERRAND.replace("name: errand", f"name: errand_{number}"))
    desk.writes("errand_7", BROKEN.replace("name: errand", "name: errand_7"))

    report = desk.loads()

    assert sum(line.endswith(": added (v1)") for line in report.lines) == 39
    assert "errand_7: not loaded, nothing is in force" in report.lines


def test_a_fault_of_ours_in_loading_is_told_once_and_what_is_stored_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*_: object, **__: object) -> None:
        raise RuntimeError("nobody has thought of this")

    desk.writes("errand", LONGER)
    with monkeypatch.context() as patched:
        patched.setattr("coopflow.workflows.folder.read_folder", faulty)
        [told] = desk.ticks()
        assert told == (
            "the workflows in workflows.d cannot be loaded, and stay as they were:"
            " RuntimeError: nobody has thought of this (a fault in coopflow)"
        )
        assert desk.ticks() == []
        desk.writes("errand", LONGER)  # touched again, and no better
        assert desk.ticks() == []
    assert desk.starts("errand")
    desk.writes("errand", LONGER)
    assert desk.ticks() == []
    assert desk.versions("errand") == [(1, True), (2, True)]


def test_without_a_folder_everything_stays_in_force_and_it_is_told_once(desk: Desk, tmp_path: Path) -> None:
    desk.folder.rename(tmp_path / "elsewhere")

    assert desk.ticks() == ["there is no folder of workflows at workflows.d"]
    assert desk.ticks() == []
    assert desk.starts("errand")
    with pytest.raises(Invalid, match="there is no folder of workflows"):
        desk.loads()
    with pytest.raises(Invalid, match="there is no folder of workflows"):  # though a tick has taken its state in
        desk.loads()

    (tmp_path / "elsewhere").rename(desk.folder)
    assert desk.ticks() == []
    assert desk.versions("errand") == [(1, True)]


# -- what workflows refer to ----------------------------------------------------------------------------------------


def test_attributes_that_were_imported_make_a_workflow_good(desk: Desk) -> None:
    desk.writes("errand", ERRAND.replace("status == 'enrolled'", "grade == 5"))
    assert [line.partition(". ")[0].rpartition(": ")[2] for line in desk.ticks()] == ["nothing provides 'grade'"]

    with desk.store.transaction():
        family = Family(family_id="7", family_name="Lee", attributes={"grade": 5})
        desk.store.save_families([family], now=LATER)
        look_again(desk.store)

    assert desk.ticks() == []
    assert desk.versions("errand") == [(1, True), (2, True)]


def test_a_changed_configuration_is_reason_to_look_again(desk: Desk) -> None:
    desk.writes("errand", ERRAND.replace("type: wait,", "type: wait, until: {event: field_trip_booked},"))
    assert len(desk.ticks()) == 1

    desk.app.config.path.write_text(f"{CONFIG}events: [field_trip_booked]\n")
    desk.app = open_app(desk.app.config.path)

    assert desk.ticks() == []
    assert desk.versions("errand") == [(1, True), (2, True)]


# -- switching off and on -------------------------------------------------------------------------------------------


def test_a_workflow_whose_file_is_gone_starts_nothing_until_the_file_is_back(desk: Desk) -> None:
    away = (desk.folder / "errand.yaml").rename(desk.folder / "errand.yaml.bak")
    assert desk.loads().lines == ["errand: retired (v1)", "welcome: unchanged (v1)"]
    assert not desk.starts("errand")

    away.rename(desk.folder / "errand.yaml")
    assert desk.loads().lines == ["errand: in force again (v1)", "welcome: unchanged (v1)"]
    assert desk.starts("errand")
    assert desk.trail() == [
        "sarah: Workflow 'errand' was retired: its file errand.yaml is gone",
        "sarah: Workflow 'errand' was switched on: its file is back",
    ]


def test_what_a_person_disabled_stays_so_whatever_happens_to_its_file(desk: Desk) -> None:
    disable(desk.store, "errand", actor="sarah", now=LATER)
    assert not desk.starts("errand")

    desk.writes("errand", LONGER)
    desk.loads()
    assert desk.versions("errand") == [(1, False), (2, False)]

    away = (desk.folder / "errand.yaml").rename(desk.folder / "errand.bak")
    desk.loads()
    away.rename(desk.folder / "errand.yaml")
    desk.loads()
    assert not desk.starts("errand")

    version, obstacle = enable(desk.app, desk.store, "errand", actor="sarah", now=LATER)
    assert (version.version, obstacle) == (2, None)
    assert desk.starts("errand")
    desk.loads()
    assert desk.starts("errand")


def test_what_its_file_disables_a_person_cannot_enable(desk: Desk) -> None:
    desk.writes("errand", f"enabled: false\n{ERRAND}")
    assert desk.loads().lines[0] == "errand: updated to v2"
    assert not desk.starts("errand")

    reason = "workflows.d/errand.yaml says 'enabled: false'; take that line out, and it starts"
    with pytest.raises(NotAllowed) as refused:
        enable(desk.app, desk.store, "errand", actor="sarah", now=LATER)
    assert str(refused.value) == reason

    disable(desk.store, "errand", actor="sarah", now=LATER)
    assert enable(desk.app, desk.store, "errand", actor="sarah", now=LATER)[1] == reason
    assert not desk.starts("errand")


def test_without_a_file_nothing_can_be_enabled_and_with_a_broken_one_the_last_good_version_can(desk: Desk) -> None:
    disable(desk.store, "errand", actor="sarah", now=LATER)
    desk.writes("errand", BROKEN)
    assert enable(desk.app, desk.store, "errand", actor="sarah", now=LATER)[1] is None
    assert desk.starts("errand")

    (desk.folder / "errand.yaml").unlink()
    desk.loads()
    with pytest.raises(NotAllowed) as refused:
        enable(desk.app, desk.store, "errand", actor="sarah", now=LATER)
    gone = "there is no file of workflow 'errand' in workflows.d any more; put errand.yaml back, and it starts"
    assert str(refused.value) == gone


def test_switching_twice_or_the_unknown_is_refused(desk: Desk) -> None:
    with pytest.raises(NotAllowed, match="is enabled already"):
        enable(desk.app, desk.store, "errand", actor="sarah", now=LATER)
    disable(desk.store, "errand", actor="sarah", now=LATER)
    with pytest.raises(NotAllowed, match="is disabled already; enable it with: coopflow workflow enable errand"):
        disable(desk.store, "errand", actor="sarah", now=LATER)
    with pytest.raises(NotFound, match=r"there is no workflow 'erand'\. Did you mean 'errand'\?"):
        disable(desk.store, "erand", actor="sarah", now=LATER)
