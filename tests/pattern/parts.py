"""What the tests of the known faults are made of: the bundled workflows in a world, and plain steps."""

from __future__ import annotations

from typing import Any

from coopflow.workflows.bundled import bundled_folder
from coopflow.workflows.definition import read_definition
from coopflow.workflows.folder import Known, read_folder
from tests.world import NEW_YORK, World

END = {"id": "done", "type": "end"}
MAIL = {"id": "mail", "type": "email", "template_id": "hello"}
TEXT = {"id": "text", "type": "sms", "message": "Hi {{ family_name }}"}
CALL = {"id": "call", "type": "call", "reason": "Say hello", "outcomes": {"reached": "done", "voicemail": "again"}}
REPLIED = {"field": "email_response_received", "operator": "==", "value": True}
HIGH = "high_risk_intervention"
MEDIUM = "medium_risk_intervention"


def wait(name: str = "rest", **rest: Any) -> dict[str, Any]:
    return {"id": name, "type": "wait", **({"duration": "3 days"} | rest)}


def task(name: str, **rest: Any) -> dict[str, Any]:
    return {"id": name, "type": "task", "description": f"Do {name}", **rest}


def fork(condition: object, if_true: str, if_false: str) -> dict[str, Any]:
    ways = {"if_true_step": if_true, "if_false_step": if_false}
    return {"id": "check", "type": "condition", "condition": condition, **ways}


def has_bundled_workflows(world: World) -> None:
    """The workflows that come with coopflow, as a load stores them."""
    reading = read_folder(bundled_folder(), Known())
    assert reading.good
    with world.store.transaction():
        for found in reading.definitions:
            world.store.templates.add(
                data=found.data,
                messages=found.messages,
                version=1,
                source_path=f"{found.name}.yaml",
                source_hash=found.source_hash,
                active=True,
                now=world.now,
            )


def refusals(steps: str, *, trigger: str = "{type: prediction}") -> list[str]:
    """What is said of a file with these steps; nothing, if it is taken."""
    text = f"name: w\ntrigger: {trigger}\nsteps:\n{steps}\n"
    messages = {"hello": {"": "---\nsubject: Hello\n---\nDear {{ family_name }}.\n"}}
    return [str(found) for found in read_definition(text, path="w.yaml", known=Known(), messages=messages).problems]


def planned(world: World, instance: int, branch: str = "main") -> str | None:
    """When a branch is looked at next, on New York's wall clock."""
    moment = world.case(instance).entries[branch].scheduled_for
    return moment and moment.astimezone(NEW_YORK).strftime("%a %d %H:%M")


def opened(world: World, family: str = "42") -> list[str]:
    """The steps that have a task on the desk."""
    return sorted(str(found.step_id) for found in world.tasks(family))
