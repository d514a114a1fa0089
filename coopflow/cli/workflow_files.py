"""`workflow`, as far as files are concerned: checked, drawn, compared, begun."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coopflow.cli.options import JsonOption
from coopflow.cli.session import Session, session_of
from coopflow.cli.workflow import NameArgument, workflow
from coopflow.errors import CoopflowError, ExitCode, NotFound, Usage
from coopflow.render import visible

if TYPE_CHECKING:
    from coopflow.app import App
    from coopflow.workflows.folder import Reading


class ProblemFormat(StrEnum):
    """How problems are shown."""

    text = "text"
    json = "json"
    github = "github"


class DiagramFormat(StrEnum):
    """How a workflow is drawn."""

    text = "text"
    mermaid = "mermaid"


@workflow.command(epilog="Examples:  coopflow workflow validate · coopflow workflow validate new.yaml --format github")
def validate(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH...", help="Files and folders [default: the configured folder].")
    ] = None,
    as_json: JsonOption = False,
    chosen: Annotated[
        ProblemFormat, typer.Option("--format", help="Lines, one JSON document, or remarks for GitHub.")
    ] = ProblemFormat.text,
) -> None:
    """Find every problem of every file at once. Nothing is loaded, and no database is needed."""
    from coopflow.checking import check
    from coopflow.problems import summary

    session = session_of(context)
    reading, doubt = check(_app_if_any(session), paths or [])
    if doubt:
        session.say(doubt)
    _show_problems(reading, ProblemFormat.json if as_json else chosen)
    session.say(summary(reading.problems, files_checked=reading.files))
    if not reading.good:
        raise typer.Exit(ExitCode.INVALID)


def _show_problems(reading: "Reading", chosen: ProblemFormat) -> None:
    from coopflow.checking import as_annotations, as_json

    match chosen:
        case ProblemFormat.json:
            typer.echo(as_json(reading))
        case ProblemFormat.github:
            for line in as_annotations(reading.problems):
                typer.echo(visible(line))
        case ProblemFormat.text:
            for problem in reading.problems:
                typer.echo(visible(str(problem)))


def _app_if_any(session: Session) -> "App | None":
    """A workflow can be checked where nothing is set up yet; a configuration that was named must be there."""
    try:
        return session.app
    except NotFound:
        if session.config is not None:
            raise
        return None


@workflow.command(
    epilog="Examples:  coopflow workflow diagram onboarding · coopflow workflow diagram onboarding --format mermaid"
)
def diagram(
    context: typer.Context,
    name: NameArgument,
    file: Annotated[bool, typer.Option("--file", help="As its file has it, not as it is in force.")] = False,
    chosen: Annotated[
        DiagramFormat, typer.Option("--format", help="For a terminal, or Mermaid for a wiki.")
    ] = DiagramFormat.text,
) -> None:
    """Draw a workflow: its steps and where each leads."""
    from coopflow.checking import file_of
    from coopflow.workflows import diagram as drawings

    session = session_of(context)
    if file:
        drawn = file_of(session.app, name).workflow()
    else:
        with session.store(read_only=True) as store:
            drawn = store.templates.get(store.templates.version(name).template_id)
    picture = drawings.mermaid(drawn) if chosen is DiagramFormat.mermaid else drawings.text(drawn)
    for line in picture.splitlines():
        typer.echo(visible(line))


@workflow.command(
    epilog="Examples:  coopflow workflow diff onboarding · coopflow workflow diff onboarding --from 1 --to 2"
)
def diff(
    context: typer.Context,
    name: NameArgument,
    before: Annotated[
        int | None, typer.Option("--from", metavar="V", help="The one version [default: the newest].")
    ] = None,
    after: Annotated[int | None, typer.Option("--to", metavar="V", help="The other one [default: the file].")] = None,
) -> None:
    """Tell what is different between two versions, or between the newest and the file."""
    from coopflow.checking import file_of
    from coopflow.reports.words import counted, joined
    from coopflow.workflows.diff import diff as compare

    session = session_of(context)
    with session.store(read_only=True) as store:
        old = store.templates.version(name, before)
        new = file_of(session.app, name) if after is None else store.templates.version(name, after)
        running = store.templates.in_use().get(name, {})
    lines = compare(old.data, new.data, old.messages, new.messages)
    for line in lines:
        typer.echo(visible(line))
    if not lines:
        session.say(f"Version {old.version} and {f'version {after}' if after else 'the file'} mean the same.")
    elif running:
        runs = joined([f"{counted(count, 'instance')} on v{number}" for number, count in running.items()])
        session.say(f"Running: {runs}. They keep their version until: coopflow workflow migrate {name} --all")


@workflow.command(epilog="Examples:  coopflow workflow schema · coopflow workflow schema -o workflow.schema.json")
def schema(
    context: typer.Context,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to this file.")] = None,
) -> None:
    """Print the JSON Schema of a workflow file, with which editors complete and check."""
    from coopflow.drafting import schema_text

    if output is None:
        typer.echo(schema_text(), nl=False)
        return
    try:
        output.write_text(schema_text(), encoding="utf-8")
    except OSError as problem:
        raise CoopflowError(f"{output} cannot be written: {(problem.strerror or str(problem)).lower()}") from None
    session_of(context).say(f"Wrote {output}.")


@workflow.command(
    epilog="Examples:  coopflow workflow new spring_picnic · coopflow workflow new my_onboarding --from onboarding"
)
def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it will be called: small letters, digits, _.")],
    like: Annotated[str | None, typer.Option("--from", metavar="WORKFLOW", help="Begin with a bundled one.")] = None,
) -> None:
    """Begin a new workflow: a commented file and its message, for you to change."""
    from coopflow.drafting import draft

    session = session_of(context)
    if name == like:
        raise Usage(f"give the copy of '{like}' a name of its own")
    for line in draft(session.app, name, like=like):
        session.say(line)
    session.say("Change it, then: coopflow workflow validate")
