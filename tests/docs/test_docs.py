"""The pages are compared with the code: all that there is, is described, and nothing else."""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel
from typer.core import TyperCommand, TyperGroup

from coopflow import config_schema, config_texts
from coopflow.cli import commands
from coopflow.cli.main import app
from coopflow.config_schema import checked
from coopflow.core.audit import SENTENCES
from coopflow.core.conditions import Operator
from coopflow.core.facts import BUILT_IN_EVENTS, FAMILY_FIELDS, INTERNAL_FIELDS, PREDICTION_FIELDS
from coopflow.core.states import ACTIVE, MOVES, Awaited, InstanceStatus, TaskStatus
from coopflow.core.verdict import Answer
from coopflow.core.windows import Calendar
from coopflow.core.zones import zone
from coopflow.errors import ExitCode
from coopflow.intake import predictions
from coopflow.intake.events import EventReader
from coopflow.intake.families import FamilyReader
from coopflow.store.migrations import upgrade
from coopflow.texts.grammar import FILTERS
from coopflow.workflows import schema, step_schema
from coopflow.workflows.bundled import bundled_folder
from coopflow.workflows.definition import read_definition
from coopflow.workflows.known import CONTEXT_NAMES, Known

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = [*sorted(DOCS.rglob("*.md")), *(ROOT / name for name in ("CHANGELOG.md", "README.md"))]
TEXTS = [*PAGES, ROOT / "crontab.example", *sorted(path for path in (ROOT / "examples").iterdir() if path.is_file())]
EVENTS = ("trial_day_attended", "family_decided")  # events of one's own that the pages speak of
ATTRIBUTES = (
    "tenure_months",
    "interests",
    "children",
    "nickname",
    "renewal_date",
    "payment_due_on",
)  # columns that the pages speak of

# Which section of a page describes which model.
WORKFLOW_SECTIONS: Mapping[str, type[BaseModel]] = {
    "The file": schema.WorkflowFile,
    "trigger": schema.Trigger,
    "timing": schema.Timing,
    "retry": step_schema.Retry,
    "email": step_schema.Email,
    "sms": step_schema.Sms,
    "call": step_schema.Call,
    "task": step_schema.Task,
    "outcomes": step_schema.OnceMore,
    "wait": step_schema.WaitStep,
    "condition": step_schema.ConditionStep,
    "end": step_schema.EndStep,
    "parallel": step_schema.ParallelStep,
    "recommended": step_schema.RecommendedStep,
    "start": step_schema.Start,
    "http": step_schema.Http,
    "command": step_schema.Command,
}
CONFIG_SECTIONS: Mapping[str, tuple[type[BaseModel], ...]] = {
    "Keys": (config_schema.ConfigFile,),
    "windows": (config_schema.WindowSpec,),
    "preferred": (config_schema.Preferred, config_schema.BestTimes),
    "limits": (config_schema.Limits, config_schema.ChannelCaps, config_schema.Cap),
    "coordinators": (config_schema.Coordinator,),
    "redirect_to": (config_schema.RedirectTo,),
    "allow": (config_schema.Allow,),
    "alerts": (config_schema.Alerts,),
    "channels": (
        config_schema.Channels,
        config_schema.EmailToOutbox,
        config_schema.EmailToServer,
        config_texts.TextToOutbox,
        config_texts.TextByTwilio,
        config_texts.TextByHttp,
        config_texts.TextByCommand,
        config_texts.TextByApprise,
    ),
    "inbox": (config_schema.ImapInbox, config_schema.MaildirInbox, config_schema.FolderInbox),
    "commands": (config_texts.Command,),
}
HELP = {"--help", "-h"}  # of every command; the page says it once
EVERY_STEP = {"id", "type", *(found.alias or name for name, found in step_schema.Common.model_fields.items())}
ROW = re.compile(r"^\| ((?:[^|\\]|\\.)*?) \|", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def sections(path: Path) -> dict[str, str]:
    """What stands under each heading of the second level."""
    parts = re.split(r"^## (.+)$", text(path), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(section: str) -> list[str]:
    """The words in code style in the first column of its tables."""
    return [word for cell in ROW.findall(section) for word in CODE.findall(cell)]


def keys_of(model: type[BaseModel]) -> set[str]:
    return {found.alias or name for name, found in model.model_fields.items()}


# -- commands -----------------------------------------------------------------------------------------------------


def all_commands() -> Iterator[tuple[str, TyperCommand]]:
    def walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
        if isinstance(command, TyperGroup):
            for word, inner in command.commands.items():
                yield from walk(f"{name} {word}".strip(), inner)
        else:
            yield name, command

    commands.load([])
    yield from walk("", typer.main.get_command(app))


def command_sections() -> dict[str, str]:
    """Each command's own part of the page: headings of the third level, `coopflow tick`."""
    parts = re.split(r"^### `coopflow ([a-z -]+)`$", text(REFERENCE / "commands.md"), flags=re.MULTILINE)
    return {name: part.partition("\n## ")[0] for name, part in zip(parts[1::2], parts[2::2], strict=True)}


def test_every_command_has_its_section_and_every_section_its_command() -> None:
    assert sorted(command_sections()) == sorted(name for name, _ in all_commands())


@pytest.mark.parametrize(("name", "command"), list(all_commands()), ids=[name for name, _ in all_commands()])
def test_every_option_of_a_command_is_described(name: str, command: TyperCommand) -> None:
    section = command_sections()[name]
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    named = {word.split()[0] for word in rows(section)}
    assert {word for word in named if word.startswith("-")} == {word for word in options if word.startswith("-")} - HELP


def test_every_option_of_the_root_is_described() -> None:
    root = typer.main.get_command(app)
    options = {option for parameter in root.params for option in parameter.opts}
    named = {word.split()[0] for word in rows(sections(REFERENCE / "commands.md")["For every command"])}
    assert named == options | HELP


@pytest.mark.parametrize(("name", "command"), list(all_commands()), ids=[name for name, _ in all_commands()])
def test_every_command_shows_an_example_in_its_help(name: str, command: TyperCommand) -> None:
    assert f"coopflow {name.split()[0]}" in (command.epilog or "")


# After a prompt, in code style, or in a line for cron.
CALL = re.compile(r"(?:^\$ .*?|`|/)\bcoopflow (?:-c \S+ )?([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", re.MULTILINE)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "crontab.example"], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_on_a_page_exists(page: Path) -> None:
    names = {name for name, _ in all_commands()}
    groups = {name.split()[0] for name in names if " " in name}
    called = [f"{word} {second}" if word in groups and second else word for word, second in CALL.findall(text(page))]
    assert [name for name in called if name not in names | groups] == []


# -- keys ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("section", WORKFLOW_SECTIONS)
def test_every_key_of_a_workflow_file_is_described(section: str) -> None:
    page = sections(REFERENCE / "workflow-keys.md")
    found, own = set(rows(page[section])), keys_of(WORKFLOW_SECTIONS[section])
    if issubclass(WORKFLOW_SECTIONS[section], step_schema.Common):
        own -= EVERY_STEP
    extra = {"wait": keys_of(step_schema.Until)}.get(section, set())
    assert found == own | extra


def test_every_key_that_all_steps_have_is_described() -> None:
    assert set(rows(sections(REFERENCE / "workflow-keys.md")["Every step"])) == EVERY_STEP


def test_every_key_of_escalation_is_described() -> None:
    found = set(rows(sections(REFERENCE / "workflow-keys.md")["escalation"]))
    assert found == keys_of(schema.Escalation) | keys_of(schema.Level)


def test_no_model_of_a_workflow_file_is_forgotten() -> None:
    """A group of keys that is new to the schema needs a section, and its line in WORKFLOW_SECTIONS."""
    described = {model.__name__ for model in WORKFLOW_SECTIONS.values()} | {"Escalation", "Level", "Until"}
    in_schema = set(schema.WorkflowFile.model_json_schema()["$defs"])
    assert {re.sub(r"(Step|Action)$", "", name) for name in in_schema} <= {
        re.sub(r"(Step|Action)$", "", name) for name in described
    }


@pytest.mark.parametrize("section", CONFIG_SECTIONS)
def test_every_key_of_the_configuration_is_described(section: str) -> None:
    found = set(rows(sections(REFERENCE / "configuration.md")[section]))
    assert found == {key for model in CONFIG_SECTIONS[section] for key in keys_of(model)}


def test_no_model_of_the_configuration_is_forgotten() -> None:
    described = {model.__name__ for models in CONFIG_SECTIONS.values() for model in models}
    assert set(config_schema.ConfigFile.model_json_schema()["$defs"]) <= described


def test_every_variable_of_the_environment_is_described() -> None:
    sources = "\n".join(text(path) for path in (ROOT / "coopflow").rglob("*.py"))
    read = set(re.findall(r"[\"'](COOPFLOW_[A-Z_]+|NO_COLOR|COLUMNS)[\"']", sources))
    assert read <= set(rows(sections(REFERENCE / "configuration.md")["Environment"]))


# -- the rest of the reference ------------------------------------------------------------------------------------


def test_every_exit_code_is_described_by_its_name() -> None:
    described = dict(re.findall(r"^\| (\d+) \| ([a-z ]+) \|", text(REFERENCE / "exit-codes.md"), re.MULTILINE))
    assert described == {str(code.value): code.name.lower().replace("_", " ") for code in ExitCode}


def kinds_in_the_code() -> set[str]:
    sources = "\n".join(text(path) for path in (ROOT / "coopflow").rglob("*.py"))
    return set(
        re.findall(r"(?:note\(|kind=|_tell\(store, task, |_log\(store, )\s*\"([a-z]+\.[a-z_]+)\"", sources)
        + re.findall(
            r"\"((?:instance|step|message|task|trigger|workflow|family|doubt|audit)\.[a-z_]+)\",? *(?:actor|now)=",
            sources,
        )
    )


def computed_kinds() -> set[str]:
    return {
        *(f"instance.{status}" for status in set(MOVES) - ACTIVE),
        *(f"trigger.{answer}" for answer in Answer if answer is not Answer.STARTED),
        *(f"task.{status}" for status in (TaskStatus.DONE, TaskStatus.DISMISSED, TaskStatus.WITHDRAWN)),
        *(f"workflow.{word}" for word in ("enabled", "disabled")),
    }


def test_every_kind_of_entry_of_the_audit_trail_is_described() -> None:
    described = set(rows(sections(REFERENCE / "events.md")["What coopflow and people did"]))
    assert kinds_in_the_code() | computed_kinds() | set(SENTENCES) == described


def test_every_event_from_outside_is_described_in_its_words() -> None:
    table = re.findall(
        r"^\| `(\w+)` \| ([^|;]+?)(?:;[^|]*)? \|$", sections(REFERENCE / "events.md")["Events from outside"], re.M
    )
    assert dict(table) == dict(BUILT_IN_EVENTS)


def tables_in_the_database() -> Iterator[tuple[str, list[str]]]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    upgrade(connection)
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (name,) in names:
        yield name, [column[1] for column in connection.execute(f"PRAGMA table_info({name})")]
    connection.close()


@pytest.mark.parametrize(("table", "columns"), list(tables_in_the_database()), ids=lambda value: str(value)[:30])
def test_every_column_of_a_table_is_described_in_its_order(table: str, columns: list[str]) -> None:
    assert rows(sections(REFERENCE / "tables.md")[table]) == columns


def test_every_table_is_described_and_no_other() -> None:
    assert set(sections(REFERENCE / "tables.md")) == {name for name, _ in tables_in_the_database()}


def test_every_field_that_comes_in_is_described() -> None:
    page = sections(REFERENCE / "input-formats.md")
    family_fields = set(FamilyReader(region=None)._readers) - {"consent"}  # named there as what is not imported
    event_fields = set(EventReader((), now=datetime(2026, 3, 2, tzinfo=UTC))._readers)
    assert set(rows(page["Families"])) == family_fields
    assert set(rows(page["Predictions"])) == set(predictions.READERS)
    assert set(rows(page["Events"])) == event_fields


def test_every_operator_and_every_field_of_conditions_is_described() -> None:
    page = sections(REFERENCE / "conditions.md")
    assert set(rows(page["Comparisons"])) == {operator.value for operator in Operator}
    assert set(CODE.findall(page["Fields"])) >= FAMILY_FIELDS | PREDICTION_FIELDS


def test_everything_that_a_message_may_say_is_described() -> None:
    page = sections(REFERENCE / "messages.md")
    assert set(CODE.findall(page["Names"])) >= CONTEXT_NAMES | (INTERNAL_FIELDS - PREDICTION_FIELDS)
    filters = {word.partition("(")[0] for word in CODE.findall(page["What a text may say"])}
    assert filters >= FILTERS


def test_everything_that_a_branch_may_wait_for_is_described() -> None:
    table = sections(DOCS / "explanation" / "states.md")["What a branch waits for"]
    assert ROW.findall(table)[1:] == [str(word) for word in Awaited]


# -- pictures, examples, links ------------------------------------------------------------------------------------


def diagram_of_moves() -> str:
    """The table of moves as Mermaid draws it."""
    arrows = [f"{before} --> {after}" for before, afters in MOVES.items() for after in sorted(afters)]
    ends = [f"{status} --> [*]" for status in sorted(set(MOVES) - ACTIVE)]
    return "\n".join(
        ["stateDiagram-v2", *(f"    {line}" for line in (f"[*] --> {InstanceStatus.PENDING}", *arrows, *ends))]
    )


def test_the_picture_of_the_states_is_the_table_of_moves() -> None:
    [drawn] = re.findall(r"```mermaid\n(.*?)\n```", text(DOCS / "explanation" / "states.md"), re.DOTALL)
    assert drawn == diagram_of_moves()


def yaml_examples() -> list[tuple[str, str]]:
    return [
        (f"{page.relative_to(ROOT)}:{text(page)[: found.start()].count(chr(10)) + 1}", found[1])
        for page in PAGES
        for found in re.finditer(r"^```yaml\n(.*?)^```$", text(page), re.DOTALL | re.MULTILINE)
    ]


def completed(example: str) -> tuple[str, str]:
    """What kind of file an example is or comes from, and the whole of it."""
    if example.startswith("- "):
        return "workflow", f"name: example\ntrigger: {{type: prediction}}\nsteps:\n{indent(example, '  ')}"
    keys = set(re.findall(r"^([a-z_]+):", example, re.MULTILINE))
    if keys & keys_of(config_schema.ConfigFile):
        lacking = {"organisation": "organisation: Example", "time_zone": "time_zone: America/Chicago"}
        return "config", "\n".join([*(line for key, line in lacking.items() if key not in keys), example])
    lacking = {
        "name": "name: example",
        "trigger": "trigger: {type: prediction}",
        "steps": "steps: [{id: done, type: end}]",
    }
    return "workflow", "\n".join([*(line for key, line in lacking.items() if key not in keys), example])


@pytest.mark.parametrize(("place", "example"), yaml_examples(), ids=[place for place, _ in yaml_examples()])
def test_every_yaml_example_loads(place: str, example: str) -> None:
    kind, whole = completed(example)
    if kind == "config":
        checked(whole, path=place)
        return
    reading = read_definition(whole, path=place, known=known(), messages=messages())
    assert reading.definition is not None, "\n".join(map(str, reading.problems))


def known() -> Known:
    windows = Calendar.default(zone("America/Chicago")).windows
    return Known(
        events=EVENTS,
        attributes=ATTRIBUTES,
        windows=windows,
        coordinators=("sarah", "director"),
        commands=("update_sheet",),
        web_secrets={"n8n.example.org": ["N8N_TOKEN"]},
    )


def messages() -> dict[str, dict[str, str]]:
    bundled = (bundled_folder() / "messages").glob("*.md")
    return {path.stem: {"": text(path)} for path in bundled if "." not in path.stem} | {
        "trial_day": {"": "---\nsubject: Thank you\n---\nThank you, {{ family_name }}!\n"}
    }


def anchor(heading: str) -> str:
    """A heading's name in a link, as forges make it."""
    plain = re.sub(r"[^\w\- ]", "", re.sub(r"`|\[([^]]*)\]\([^)]*\)", r"\1", heading).lower())
    return plain.strip().replace(" ", "-")


def anchors(page: Path) -> set[str]:
    without_code = re.sub(r"^```.*?^```$", "", text(page), flags=re.DOTALL | re.MULTILINE)
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", without_code, re.MULTILINE)}


def links(page: Path) -> list[str]:
    without_code = re.sub(r"^```.*?^```$|`[^`\n]*`", "", text(page), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\]\(([^)\s]+)\)", without_code) + re.findall(r"^\[[^]]+\]: (\S+)$", without_code, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if link.startswith("https://"):
            continue
        if not target.exists() or (heading and heading not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_reached_from_the_list_of_pages() -> None:
    listed = {(DOCS / link.partition("#")[0]).resolve() for link in links(DOCS / "README.md")}
    assert {page for page in DOCS.rglob("*.md") if page.name != "README.md"} <= listed


MACHINE = re.compile(r"(?<![\w.])/(?:work|home|root|Users|tmp/(?!coopflow))\b|[A-Z]:\\\\Users")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_names_a_path_of_one_machine(path: Path) -> None:
    assert MACHINE.findall(text(path)) == []
