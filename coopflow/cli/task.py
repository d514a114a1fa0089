"""`task`: the coordinator's desk."""

import shlex
from datetime import time
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from coopflow.cli.lookup import resolve_family
from coopflow.cli.options import FamilyOption, FormatOption, JsonOption, a_number, chosen_format
from coopflow.cli.root import app
from coopflow.cli.session import Session, session_of
from coopflow.cli.whens import ForOption, UntilOption, until_when
from coopflow.render import Column, Format, Hint, Sheet, default_format, show_document

if TYPE_CHECKING:
    from coopflow.on_the_desk import Row

task = typer.Typer(
    name="task",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The coordinator's desk: calls to make, decisions to take.",
)
app.add_typer(task)

TaskArgument = Annotated[
    int, typer.Argument(metavar="TASK", parser=a_number, help="A task's number, as `task list` shows it.")
]
NoteOption = Annotated[str | None, typer.Option("--note", help="What is to be remembered; only the co-op sees it.")]

COLUMNS = (
    Column("task_id", "Task", justify="right"),
    Column("due_date", "Due"),
    Column("priority", "Priority"),
    Column("family_id", "Family"),
    Column("family_name", "Name", style=Hint.STRONG),
    Column("task_type", "Type"),
    Column("description", "What"),
    Column("assignee", "For"),
    Column("instance_id", "Instance", justify="right"),
    Column("outcomes", "Closed with"),
)
CLOSED_COLUMNS = (Column("status", "Status", style=Hint.STATE), Column("outcome", "Outcome"))
SCREEN_COLUMNS = (  # fewer, so that they can be read side by side
    Column("task_id", "Task", justify="right"),
    Column("due_date", "Due"),
    Column("family", "Family", style=Hint.STRONG),
    Column("description", "What", min_width=24),
    Column("assignee", "For"),
    Column("outcomes", "Closed with"),
)
CLOSING_TIME = time(17)  # by when a task is done that is due on a day


# -- looking ------------------------------------------------------------------------------------------------------


@task.command("list", epilog="Examples:  coopflow task list · coopflow task list --due today --assignee sarah")
def list_(
    context: typer.Context,
    family: FamilyOption = None,
    assignee: Annotated[str | None, typer.Option(help="Tasks of this coordinator.")] = None,
    due: Annotated[
        Literal["today", "overdue", "week"] | None, typer.Option(help="Tasks that are due by then; overdue ones too.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Closed tasks too.")] = False,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """List what is on the desk, the most urgent first."""
    from coopflow.core.moments import due_before
    from coopflow.on_the_desk import desk_rows, the_coordinator

    session = session_of(context)
    shown = chosen_format(chosen, as_json) or default_format(session.out)
    tz = session.app.coop.calendar.tz
    with session.store(read_only=True) as store:
        rows = desk_rows(
            store,
            closed_too=everything,
            family_id=None if family is None else resolve_family(session, store, family),
            assignee=None if assignee is None else the_coordinator(store, assignee),
            due_before=None if due is None else due_before(due, tz=tz, now=session.now),
        )
    own = CLOSED_COLUMNS if everything else ()
    if shown is Format.table:
        rows = [{**row, "family": f"{row['family_name']} ({row['family_id']})"} for row in rows]
        session.show(Sheet((*SCREEN_COLUMNS, *own), rows, empty="Nothing is on the desk."), shown)
        _hint(session, rows)
    else:
        session.show(Sheet((*COLUMNS, *own), rows), shown)


def _hint(session: Session, rows: "list[Row]") -> None:
    first = next((row for row in rows if row["status"] == "open"), None)
    if first is not None:
        session.say(f"\nMore about one: coopflow task show {first['task_id']}".strip())


@task.command(epilog="Examples:  coopflow task show 7 · coopflow task show 7 --json")
def show(
    context: typer.Context, number: TaskArgument, as_json: JsonOption = False, chosen: FormatOption = None
) -> None:
    """Show one task with all that helps before a call: phone, recommendations, what was sent and tried before."""
    from coopflow.cli.screens.task import task_screen
    from coopflow.on_the_desk import as_document, task_story

    session = session_of(context)
    shown = chosen_format(chosen, as_json) or default_format(session.out)
    with session.store(read_only=True) as store:
        story = task_story(store, number)
    if shown is Format.table:
        task_screen(session, story)
    else:
        show_document(as_document(story), format=shown, out=session.out)


# -- acting -------------------------------------------------------------------------------------------------------


@task.command(epilog="Examples:  coopflow task done 7 --outcome voicemail · coopflow task done 8 --note 'a good talk'")
def done(
    context: typer.Context,
    number: TaskArgument,
    outcome: Annotated[str | None, typer.Option(help="What it came to; `task list` shows what is possible.")] = None,
    note: NoteOption = None,
) -> None:
    """Close a task with what it came to; its instance goes on accordingly."""
    from coopflow.acting import finish_task
    from coopflow.cli.acted import task_done

    session = session_of(context)
    with session.store() as store:
        closed, case = finish_task(store, number, outcome=outcome, note=note, actor=session.actor, now=session.now)
    session.say(task_done(closed, case, session))


@task.command(epilog="Example:  coopflow task assign 7 mike")
def assign(
    context: typer.Context,
    number: TaskArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A coordinator of coopflow.yaml.")],
) -> None:
    """Give a task to another coordinator."""
    from coopflow.acting import assign_task
    from coopflow.on_the_desk import the_coordinator

    session = session_of(context)
    with session.store() as store:
        changed, before = assign_task(store, number, the_coordinator(store, name), actor=session.actor, now=session.now)
    undo = f" Undo: coopflow task assign {number} {shlex.quote(before)}" if before else ""
    session.say(f"Task {number} is {changed.assignee}'s now.{undo}")


@task.command(epilog="Examples:  coopflow task snooze 7 --for '2 days' · coopflow task snooze 7 --until 2026-12-01")
def snooze(context: typer.Context, number: TaskArgument, until: UntilOption = None, length: ForOption = None) -> None:
    """Let a task be due later; it does not go up to somebody else before."""
    from coopflow.acting import snooze_task
    from coopflow.cli.acted import typed, wall

    session = session_of(context)
    moment = until_when(session, until, length, of_day=CLOSING_TIME)
    with session.store() as store:
        _, before = snooze_task(store, number, moment, actor=session.actor, now=session.now)
    way_back = before is not None and before > session.now
    undo = f" Undo: coopflow task snooze {number} --until {typed(session, before)}" if before and way_back else ""
    session.say(f"Task {number} is due on {wall(session, moment)} now.{undo}")


@task.command(epilog="Example:  coopflow task dismiss 7 --note 'settled at the meeting'")
def dismiss(context: typer.Context, number: TaskArgument, note: NoteOption = None) -> None:
    """Take a task off the desk without an outcome; one that an instance waits for needs its outcome."""
    from coopflow.acting import dismiss_task

    session = session_of(context)
    with session.store() as store:
        dismiss_task(store, number, note=note, actor=session.actor, now=session.now)
    session.say(f"Task {number} is dismissed. Undo: coopflow task reopen {number}")


@task.command(epilog="Example:  coopflow task reopen 7")
def reopen(context: typer.Context, number: TaskArgument) -> None:
    """Put a closed task back on the desk; where its outcome moved the workflow on, this says how to go back."""
    from coopflow.acting import reopen_task

    session = session_of(context)
    with session.store() as store:
        reopen_task(store, number, actor=session.actor, now=session.now)
    session.say(f"Task {number} is open again. Undo: coopflow task dismiss {number}")
