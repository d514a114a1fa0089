"""The workflows that come with coopflow: they load without a word, and say only what a kind person would."""

import json
from pathlib import Path

import pytest

from coopflow.core.durations import Duration
from coopflow.core.segments import sms_segments
from coopflow.core.workflow import CallStep, EmailStep, SmsStep, TaskStep, Workflow
from coopflow.errors import CoopflowError, NotFound
from coopflow.texts.messages import render_email, render_text
from coopflow.workflows import bundled
from coopflow.workflows.bundled import bundled_folder
from coopflow.workflows.folder import Known, read_folder
from coopflow.workflows.schema import SCHEMA_FILE, workflow_json_schema
from coopflow.workflows.starters import bundled_workflows, starter_files

NAMES = ["high_risk_intervention", "medium_risk_intervention", "onboarding", "payment_reminder"]
FAMILY = {
    "family_id": "42",
    "family_name": "Martinez-Smith",
    "email": "martinez@example.org",
    "phone": "+12125550042",
    "organisation": "Willow Creek Co-op",
    "coordinator_name": "Sarah",
    "coordinator_email": "sarah@example.org",
    "coordinator_phone": None,
}
HINTS = (
    "risk",
    "predict",
    "score",
    "concern",
    "probab",
    "pattern",
    "algorithm",
    "withdraw",
    "leav",
    "riesgo",
    "predic",
)


@pytest.fixture(scope="module")
def workflows() -> dict[str, Workflow]:
    known = Known(windows={"business_hours"}, coordinators={"sarah", "director"})
    reading = read_folder(bundled_folder(), known)
    assert reading.problems == ()
    return {definition.name: definition.workflow() for definition in reading.definitions}


def test_they_load_without_a_problem(workflows: dict[str, Workflow]) -> None:
    assert list(workflows) == NAMES
    assert list(bundled_workflows()) == NAMES


def test_each_names_the_schema_in_its_first_line() -> None:
    for path in bundled_workflows().values():
        assert path.read_text().splitlines()[0] == f"# yaml-language-server: $schema={SCHEMA_FILE}"


def test_the_schema_beside_them_is_current() -> None:
    kept = (bundled_folder() / SCHEMA_FILE).read_text()

    assert kept == json.dumps(workflow_json_schema(), indent=1, ensure_ascii=False) + "\n"


def test_the_sample_is_as_advertised(workflows: dict[str, Workflow]) -> None:
    sample = workflows["high_risk_intervention"]
    email, wait, check, text, call, done = sample.steps.values()

    assert [step.id for step in sample.steps.values()] == [
        *("first_email", "wait_for_response", "check_response", "sms_followup", "phone_call", "done")
    ]
    assert (email.delay, wait.duration, text.delay, call.delay) == (
        Duration(),
        Duration(days=3),
        Duration(),
        Duration(days=2),
    )
    assert (check.if_true, check.if_false, email.on_failure.step_id) == ("done", "sms_followup", "sms_followup")
    assert isinstance(call, CallStep)
    assert list(call.outcomes) == ["reached", "voicemail", "wrong_number"]
    assert (sample.priority, sample.trigger.group, done.outcome) == (8, "withdrawal_risk", "success")


def test_of_the_two_for_one_risk_the_urgent_one_comes_first(workflows: dict[str, Workflow]) -> None:
    high, medium = workflows["high_risk_intervention"], workflows["medium_risk_intervention"]

    assert high.trigger.group == medium.trigger.group
    assert high.priority > medium.priority


def test_onboarding_has_eight_steps_in_four_weeks(workflows: dict[str, Workflow]) -> None:
    steps = workflows["onboarding"].steps.values()

    assert len(steps) == 8
    assert sum(step.delay.days for step in steps) == 28


def test_the_payment_reminder_ends_with_the_director_and_at_once_when_paid(workflows: dict[str, Workflow]) -> None:
    reminder = workflows["payment_reminder"]

    assert [step.type for step in reminder.steps.values()] == [
        *("email", "wait", "sms", "wait", "call", "wait", "task", "end", "end")
    ]
    director = reminder.steps["director_decides"]
    assert isinstance(director, TaskStep)
    assert director.assign == "director"
    assert "payment_received" in str(reminder.completion_criteria)


def words_of(workflow: Workflow, phone: str | None) -> list[str]:
    context = {**FAMILY, "coordinator_phone": phone}
    words = []
    for step in workflow.steps.values():
        if isinstance(step, EmailStep):
            for source in workflow.messages[step.template_id].values():
                mail = render_email(source, {**context, **step.template_vars})
                words += [mail.subject, mail.text]
        elif isinstance(step, SmsStep):
            words.append(render_text(str(step.message), context))
    return words


@pytest.mark.parametrize("phone", [None, "+12125550100"])
@pytest.mark.parametrize("name", NAMES)
def test_every_text_can_be_sent(workflows: dict[str, Workflow], name: str, phone: str | None) -> None:
    words = words_of(workflows[name], phone)

    assert words
    assert not any("{{" in text or "None" in text or "  " in text for text in words)


@pytest.mark.parametrize("name", NAMES)
def test_no_text_hints_at_a_risk_or_a_prediction(workflows: dict[str, Workflow], name: str) -> None:
    for text in words_of(workflows[name], "+12125550100"):
        assert [hint for hint in HINTS if hint in text.lower()] == []


def test_every_text_message_is_one_text(workflows: dict[str, Workflow]) -> None:
    texts = [step.message for flow in workflows.values() for step in flow.steps.values() if isinstance(step, SmsStep)]

    assert [sms_segments(render_text(str(text), FAMILY)) for text in texts] == [1] * len(texts)


def test_the_first_letter_speaks_spanish_too(workflows: dict[str, Workflow]) -> None:
    assert set(workflows["high_risk_intervention"].messages["concern_outreach"]) == {"", "es"}


def test_an_installed_package_brings_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "coopflow" / "bundled" / "workflows.d"
    inside.mkdir(parents=True)
    monkeypatch.setattr(bundled, "files", lambda package: tmp_path / package)

    assert bundled_folder() == inside


def test_a_damaged_installation_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "files", lambda package: tmp_path / package)

    with pytest.raises(CoopflowError, match="install coopflow again"):
        bundled_folder()


# -- new workflows ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("like", [None, *NAMES])
def test_a_new_workflow_loads_as_it_is(tmp_path: Path, like: str | None) -> None:
    (tmp_path / "messages").mkdir()
    for file, text in starter_files("my-own", like=like).items():
        (tmp_path / file).write_text(text)

    reading = read_folder(tmp_path, Known(coordinators={"director"}))

    assert [str(problem) for problem in reading.problems] == []
    assert [definition.name for definition in reading.definitions] == ["my-own"]


def test_a_copy_brings_the_messages_it_uses_and_no_others() -> None:
    assert list(starter_files("mine", like="high_risk_intervention")) == [
        *("mine.yaml", "messages/concern_outreach.es.md", "messages/concern_outreach.md")
    ]


def test_a_copy_of_what_is_not_bundled_is_refused() -> None:
    with pytest.raises(NotFound, match=r"^there is no bundled workflow 'onbording'\. Did you mean 'onboarding'\?$"):
        starter_files("mine", like="onbording")
    with pytest.raises(NotFound, match=r"^there is no bundled workflow 'xyz'\. There are high_risk_intervention, "):
        starter_files("mine", like="xyz")


# -- the schema ---------------------------------------------------------------------------------------------------


def test_every_key_is_described() -> None:
    schema = workflow_json_schema()
    groups = [schema, *schema["$defs"].values()]
    missing = [
        key
        for group in groups
        for key, value in group.get("properties", {}).items()
        if "description" not in value and "$ref" not in value and key != "type"
    ]

    assert missing == []


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(workflow_json_schema())
    schema = json.loads(text)
    named = {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}

    assert named <= set(schema["$defs"])
    assert {"Condition", "Duration"} <= named
    assert '"null"' not in text
