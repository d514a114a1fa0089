"""The options that many commands share, so that a word means the same everywhere."""

import re
from typing import Annotated

import typer

from coopflow.core.states import InstanceStatus
from coopflow.errors import Usage
from coopflow.render import Format


def a_number(text: str) -> int:
    """The number of an instance, a task or an item; one with more than 18 digits could not be asked for."""
    if not re.fullmatch("-?[0-9]{1,18}", text):
        raise typer.BadParameter(f"'{text}' is not a number such as 17.")
    return int(text)


FormatOption = Annotated[
    Format | None, typer.Option("--format", help="How to show it [default: table on a terminal, else tsv].")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Show one JSON document.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Why; it goes into the audit trail.")]
FamilyOption = Annotated[
    str | None, typer.Option("--family", "-f", help="A family: its id, or its name or the beginning of it.")
]
WorkflowOption = Annotated[str | None, typer.Option("--workflow", "-w", help="A workflow's name.")]
StateOption = Annotated[InstanceStatus | None, typer.Option("--state", help="Instances in this state.")]
AllOption = Annotated[bool, typer.Option("--all", help="All active instances.")]
InstancesArgument = Annotated[
    list[int] | None,
    typer.Argument(metavar="INSTANCE...", parser=a_number, help="Instance ids, as `status` shows them."),
]


def chosen_format(name: Format | None, as_json: bool) -> Format | None:
    """What `--format` and `--json` come to together; None: whatever suits where it goes."""
    if as_json and name not in (None, Format.json):
        raise Usage(f"--json and --format {name} exclude each other")
    return Format.json if as_json else name
