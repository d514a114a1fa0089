"""Each instance is one line: step, since when, what it waits for, when next."""

from typing import Any

from coopflow.reports.lines import KEYS, lines
from tests.reports.samples import MAIL, PARALLEL
from tests.stories.test_sample import SAMPLE
from tests.world import World, at


def line_of(coop: World, instance: int) -> dict[str, Any]:
    [found] = lines(coop.store, coop.store.looking.instances(ids=[instance]), now=coop.now)
    return found


def test_a_line_names_the_step_and_says_since_when_and_until_when(coop: World) -> None:
    coop.has_workflow("sample", SAMPLE)
    coop.has_family("42", family_name="Martinez")
    instance = coop.start("sample", family="42")
    coop.tick("2026-03-20 09:00")
    line = line_of(coop, instance)
    assert tuple(line) == KEYS
    assert (line["current_step"], line["step_name"]) == ("wait_for_response", "Wait for response")
    assert line["waits_for"] == "word that the family answered by mail"
    assert (line["since"], line["next_execution_at"]) == (at("2026-03-20 09:00"), at("2026-03-23 09:00"))


def test_an_instance_that_goes_several_ways_says_what_each_of_them_waits_for(coop: World) -> None:
    coop.has_workflow("both", [PARALLEL, MAIL])
    coop.has_family("42")
    instance = coop.start("both", family="42")
    coop.tick()
    task = coop.tasks("42")[0].task_id
    line = line_of(coop, instance)
    assert line["step_name"] == "At once"
    assert line["waits_for"] == f"'Rest': time to pass; 'Ring': the outcome of task {task}"


def test_a_finished_instance_says_how_it_ended(coop: World) -> None:
    coop.has_workflow("short", [MAIL])
    coop.has_family("42")
    instance = coop.start("short", family="42")
    coop.tick()
    line = line_of(coop, instance)
    assert (line["waits_for"], line["since"]) == ("success: the last step is done", coop.now)


def test_one_broken_instance_does_not_hide_the_others(coop: World) -> None:
    coop.has_workflow("short", [MAIL])
    coop.has_family("42")
    coop.has_family("7")
    broken, sound = coop.start("short", family="42"), coop.start("short", family="7")
    coop.db.execute_sql("UPDATE workflow_queue SET step_id = 'gone' WHERE instance_id = ?", (broken,))
    assert line_of(coop, broken)["waits_for"] == "someone to mend it: its workflow has no step 'gone'"
    assert line_of(coop, sound)["waits_for"] == "the next tick"
