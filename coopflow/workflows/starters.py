"""What a new workflow begins as: a short commented file with its message, or a copy of a bundled one."""

import re
from collections.abc import Mapping
from pathlib import Path

from coopflow.errors import NotFound
from coopflow.problems import did_you_mean
from coopflow.workflows.bundled import bundled_folder
from coopflow.workflows.folder_signature import MESSAGES
from coopflow.workflows.schema import SCHEMA_FILE

_NAME_LINE = re.compile(r"^name:.*$", re.MULTILINE)
_TEMPLATE = re.compile(r"^\s*template_id:\s*([a-z0-9_-]+)", re.MULTILINE)

WORKFLOW = """\
# yaml-language-server: $schema={schema}
#
# Check it with   coopflow workflow validate
# Look at it with coopflow workflow diagram {name}

name: {name}
description: What it is for, in a sentence

trigger:
  type: manual                  # prediction | event | manual
  # type: event
  # event: family_enrolled      # starts with: coopflow event family_enrolled --family ID
  # type: prediction
  # conditions: predicted_probability > 0.8 and confidence_score > 80

completion_criteria: email_response_received or family_withdrew     # true at any moment: it is over

steps:
  - id: first_email
    name: Send an email
    type: email
    template_id: {message}      # the words are in {messages}/{message}.md

  - id: wait_for_response
    name: Wait for an answer
    type: wait
    duration: 3 days
    until: {{event: email_response_received}}

  - id: follow_up
    name: Follow up in person
    type: task
    description: No answer yet. Ask how they are
    due_date: 2 business days
    outcomes:
      reached: done
      not_reached: {{retry_in: 1 day, max: 2, then: escalate}}

  - id: done
    type: end
"""

MESSAGE = """\
---
subject: A few words for you, {{ family_name }} family
---
Dear {{ family_name }} family,

Write here what you would say to them in person.

Kind regards,
{{ coordinator_name }}
{{ organisation }}
"""


def starter_files(name: str, *, like: str | None = None) -> dict[str, str]:
    """The files of a new workflow, by their path inside the folder of workflows. `like` names a bundled workflow."""
    if like is not None:
        return _copied(name, like)
    message = name.replace("-", "_")[:64]
    filled = WORKFLOW.format(schema=SCHEMA_FILE, name=name, message=message, messages=MESSAGES)
    return {f"{name}.yaml": filled, f"{MESSAGES}/{message}.md": MESSAGE}


def bundled_workflows() -> Mapping[str, Path]:
    """The bundled workflows' files, by name."""
    return {path.stem: path for path in sorted(bundled_folder().glob("*.yaml"))}


def _copied(name: str, like: str) -> dict[str, str]:
    known = bundled_workflows()
    if like not in known:
        hint = did_you_mean(like, known) or f" There are {', '.join(known)}."
        raise NotFound(f"there is no bundled workflow '{like}'.{hint}")
    text = known[like].read_text(encoding="utf-8")
    wanted = set(_TEMPLATE.findall(text))
    messages = {path.name: path for path in sorted((bundled_folder() / MESSAGES).glob("*.md"))}
    copied = {f"{MESSAGES}/{file}": path for file, path in messages.items() if file.partition(".")[0] in wanted}
    return {
        f"{name}.yaml": _NAME_LINE.sub(f"name: {name}", text, count=1),
        **{file: path.read_text(encoding="utf-8") for file, path in copied.items()},
    }
