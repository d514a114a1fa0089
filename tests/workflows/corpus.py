"""Bad files with what is said about each, as plain text, so that they can be read and added to without knowing Python.

## what is wrong with it
the YAML; if it begins with a list, it is the steps of a workflow with a name and a trigger: see HEAD
> what is said, word for word, a line each
"""

from dataclasses import dataclass
from pathlib import Path

from coopflow.workflows.known import Known

HEAD = "name: w\ntrigger: {type: prediction}\nsteps:\n"
KNOWN = Known(
    events={"payment_overdue"},
    attributes={"tenure_months"},
    windows={"business_hours", "evenings"},
    coordinators={"sarah", "director"},
    commands={"update_sheet"},
    web_secrets={"example.org": ["TEAM", "N8N_TOKEN"]},
)
MESSAGES = {
    "hello": {"": "---\nsubject: Hello\n---\nDear {{ family_name }}.\n"},
    "only_spanish": {"es": "---\nsubject: Hola\n---\nHola.\n"},
    "plain": {"": "Dear {{ family_name }}.\n"},
    "misspelt": {"": "---\nsubject: Hello {{ familyname }}\n---\nDear all,\n\nyour {{ thing }}.\n"},
    "internal": {"": "---\nsubject: Hello\n---\nYour risk: {{ withdrawal_risk }}.\n"},
    "broken": {"": "---\nsubject: Hello\n---\n\nDear {{ family_name }.\n"},
    "odd_key": {"": "---\nsubjct: Hello\n---\nHello.\n"},
    "two_tongues": {"": "---\nsubject: Hello\n---\nHello.\n", "es": "---\nsubject: Hola\n---\nHola {{ nombre }}.\n"},
    "toned": {"": "---\nsubject: Hello\n---\nHello{% if tone == 'warm' %}!{% endif %}\n"},
    "long": {"": "many words " * 50},
}


@dataclass(frozen=True)
class Case:
    """One bad file."""

    title: str
    text: str
    said: list[str]


def corpus(path: Path) -> list[Case]:
    """The cases of one file."""
    _, *parts = path.read_text(encoding="utf-8").split("\n## ")
    return [_case(part) for part in parts]


def _case(part: str) -> Case:
    title, *lines = part.strip("\n").split("\n")
    said = [line[2:] for line in lines if line.startswith("> ")]
    body = "".join(f"{line}\n" for line in lines if not line.startswith("> "))
    return Case(title, HEAD + body if body.startswith("-") else body, said)
