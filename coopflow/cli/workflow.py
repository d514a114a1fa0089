"""`workflow`: what is in force, and what is loaded, switched off or moved to another version."""

from typing import TYPE_CHECKING, Annotated

import typer

from coopflow.cli.options import (
    DryRunOption,
    FormatOption,
    InstancesArgument,
    JsonOption,
    ReasonOption,
    YesOption,
    chosen_format,
)
from coopflow.cli.root import app
from coopflow.cli.session import Session, session_of
from coopflow.errors import CoopflowError, ExitCode, NotAllowed, Usage
from coopflow.render import Column, Format, Hint, Sheet, default_format, show_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coopflow.adopting import Adoption
    from coopflow.core.workflow import Workflow

workflow = typer.Typer(
    name="workflow",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The workflows: see, check, load, switch and compare them, and move what runs to another version.",
    epilog="Examples:  coopflow workflow list · coopflow workflow validate · coopflow workflow diagram onboarding",
)
app.add_typer(workflow)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A workflow's name.")]


def _counts(instances: "dict[str, int]") -> str:
    return ", ".join(f"{count} on {version}" for version, count in instances.items()) or "-"


LIST = (
    Column("name", "Workflow", style=Hint.STRONG),
    Column("version", "Version", "right", show="v{}".format),
    Column("active", "In force"),
    Column("trigger", "Starts"),
    Column("steps", "Steps", "right"),
    Column("instances", "Running", show=_counts),
    Column("source_path", "From"),
)


@workflow.command("list", epilog="Examples:  coopflow workflow list · coopflow workflow list --json")
def list_(context: typer.Context, as_json: JsonOption = False, chosen: FormatOption = None) -> None:
    """List the workflows: what starts each, and how many instances run on which version."""
    from coopflow.reports.workflows import overview

    session = session_of(context)
    with session.store(read_only=True) as store:
        rows = overview(store)
    empty = "There are no workflows. Put some into the folder, then: coopflow workflow load"
    session.show(Sheet(LIST, rows, empty=empty), chosen_format(chosen, as_json))


@workflow.command(epilog="Examples:  coopflow workflow show onboarding · coopflow workflow show onboarding --version 1")
def show(
    context: typer.Context,
    name: NameArgument,
    version: Annotated[int | None, typer.Option("--version", help="Which version [default: the newest].")] = None,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """Tell in plain words what a workflow does: what starts it, each step, what if nobody answers."""
    from coopflow.cli.screens.text import write
    from coopflow.reports.workflows import as_document, in_words

    session = session_of(context)
    shown = chosen_format(chosen, as_json) or default_format(session.out)
    with session.store(read_only=True) as store:
        stored = store.templates.version(name, version)
        if shown is Format.table:
            write(in_words(store, stored), session.out)
        else:
            show_document(as_document(store, stored), format=shown, out=session.out)


@workflow.command(epilog="Example:  coopflow workflow load")
def load(context: typer.Context) -> None:
    """Bring the files into force now: new versions in, the unchanged left alone. A tick does the same by itself."""
    from coopflow.loading import load_workflows
    from coopflow.problems import summary

    session = session_of(context)
    with session.store() as store:
        report = load_workflows(session.app, store, actor=session.actor, now=session.now)
    for line in report.lines:
        typer.echo(line)
    for problem in report.problems:
        session.say(str(problem))
    if not report.good:
        session.say(summary(report.problems))
        raise typer.Exit(ExitCode.INVALID)


@workflow.command(epilog="Example:  coopflow workflow enable onboarding")
def enable(context: typer.Context, name: NameArgument) -> None:
    """Let a workflow that was disabled start again."""
    from coopflow.loading import enable as switch_on

    session = session_of(context)
    with session.store() as store:
        version, obstacle = switch_on(session.app, store, name, actor=session.actor, now=session.now)
    starts = f"It is enabled again, but {obstacle}." if obstacle else f"Enabled {name} (v{version.version})."
    session.say(f"{starts} Undo: coopflow workflow disable {name}")


@workflow.command(epilog="Example:  coopflow workflow disable onboarding")
def disable(context: typer.Context, name: NameArgument) -> None:
    """Let nothing start from a workflow until it is enabled again; what runs goes on."""
    from coopflow.loading import disable as switch_off
    from coopflow.reports.words import counted

    session = session_of(context)
    with session.store() as store:
        version = switch_off(store, name, actor=session.actor, now=session.now)
        running = sum(store.templates.in_use().get(name, {}).values())
    on = f"; {counted(running, 'instance')} of it {'goes' if running == 1 else 'go'} on" if running else ""
    session.say(
        f"Disabled {name} (v{version.version}): nothing starts from it{on}. Undo: coopflow workflow enable {name}"
    )


# -- moving what runs -----------------------------------------------------------------------------------------------

PREVIEW = (
    Column("instance_id", "Instance", "right"),
    Column("family_id", "Family", "right"),
    Column("family_name", "Name"),
    Column("from_version", "From", show="v{}".format),
    Column("to_version", "To", show="v{}".format),
    Column("step_id", "Step"),
    Column("planned", "Planned"),
    Column("will_be", "Would be"),
    Column("problem", "Stays because it"),
)


@workflow.command(
    epilog="Examples:  coopflow workflow migrate onboarding --all --dry-run · coopflow workflow migrate onboarding 17"
)
def migrate(
    context: typer.Context,
    name: NameArgument,
    instances: InstancesArgument = None,
    to: Annotated[int | None, typer.Option("--to", help="The version to move to [default: the newest].")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All active instances of other versions.")] = False,
    reason: ReasonOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Move running instances to another version: each goes on at the step it stands at."""
    from coopflow.adopting import adopt, candidates, foresee, require_any

    if everything == bool(instances):
        raise Usage("name the instances to move, or say --all")
    session = session_of(context)
    with session.store(read_only=dry_run) as store:
        version = store.templates.version(name, to)
        target = store.templates.get(version.template_id)
        ids = list(dict.fromkeys(instances or candidates(store, target)))
        foreseen = foresee(store, ids, target, now=session.now)
        require_any(foreseen, target)
        able = [found.instance_id for found in foreseen if found.problem is None]
        if dry_run or len(able) > 1:
            _preview(session, foreseen, target)
        if not dry_run and able:
            if len(able) > 1:
                session.confirm(f"Move {len(able)} instances of {name} to version {target.version}?", yes=yes)
            adopted = adopt(store, able, target, reason=reason, actor=session.actor, now=session.now)
            foreseen = [found for found in foreseen if found.problem] + adopted
            _tell(session, adopted, target)
    _end(foreseen)


def _preview(session: Session, foreseen: "Sequence[Adoption]", target: "Workflow") -> None:
    from coopflow.reports.workflows import adoption_rows

    session.show(Sheet(PREVIEW, adoption_rows(foreseen, target)), None)


def _tell(session: Session, adopted: "Sequence[Adoption]", target: "Workflow") -> None:
    from coopflow.cli.acted import comes_next, which

    for found in adopted:
        if found.case is not None and found.problem is None:
            undo = f"coopflow workflow migrate {target.name} {found.instance_id} --to {found.from_version}"
            session.say(
                f"Moved {which(found.case)} to v{target.version}. {comes_next(found.case, session)} Undo: {undo}"
            )


def _end(adoptions: "Sequence[Adoption]") -> None:
    """What was left where it is, each with its reason."""
    left = [found.problem for found in adoptions if found.problem]
    if left:
        kind = NotAllowed if len(left) == len(adoptions) else CoopflowError
        raise kind("\n".join(left))
