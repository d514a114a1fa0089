"""`doubt`: messages of which nobody knows whether they left."""

from typing import TYPE_CHECKING, Annotated

import typer

from coopflow.cli.options import FormatOption, JsonOption, a_number, chosen_format
from coopflow.cli.root import app
from coopflow.cli.session import Session, session_of
from coopflow.errors import Usage
from coopflow.render import Column, Hint, Sheet

if TYPE_CHECKING:
    from coopflow.doubts import Doubt
    from coopflow.on_the_desk import Row
    from coopflow.store.store import Store

doubt = typer.Typer(
    name="doubt",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Messages that were handed over and never answered: nothing is sent again until a person knows more.",
)
app.add_typer(doubt)

COLUMNS = (
    Column("instance_id", "Instance", justify="right"),
    Column("task_id", "Task", justify="right"),
    Column("family_id", "Family"),
    Column("family_name", "Name", style=Hint.STRONG),
    Column("channel", "Channel"),
    Column("to", "To"),
    Column("message", "Message"),
    Column("handed_over_at", "Handed over"),
    Column("message_id", "Message id"),
    Column("reply", "Heard so far"),
)


@doubt.command("list", epilog="Examples:  coopflow doubt list · coopflow doubt list --json")
def list_(context: typer.Context, as_json: JsonOption = False, chosen: FormatOption = None) -> None:
    """List the messages in doubt, with what is needed to find out: ask the family, or search the mail server's log."""
    from coopflow.doubts import doubts

    session, shown = session_of(context), chosen_format(chosen, as_json)
    with session.store(read_only=True) as store:
        rows = [_row(found) for found in doubts(store)]
        asks = _may_ask(session, store, rows)
    session.show(Sheet(COLUMNS, rows, empty="No message is in doubt."), shown)
    if asks:
        session.say("The provider can be asked: coopflow doubt verify INSTANCE.")
    if rows:
        session.say("Once you know: coopflow doubt resolve INSTANCE --sent, or --not-sent and it goes out again.")


def _may_ask(session: Session, store: "Store", rows: "list[Row]") -> bool:
    """True if there is a doubt that the other side can settle."""
    if not rows:
        return False
    from coopflow.channels.base import Searchable

    channels = session.app.channels(store.database_id)
    return any(isinstance(channels.get(str(row["channel"])), Searchable) for row in rows)


def _row(found: "Doubt") -> "Row":
    return {
        "instance_id": found.case.instance.instance_id,
        "task_id": found.task.task_id,
        "family_id": found.case.family.family_id,
        "family_name": found.case.family.family_name,
        "channel": found.channel,
        "to": found.to,
        "message": found.words,
        "handed_over_at": found.handed_over_at,
        "message_id": found.message_id,
        "reply": found.reply,
    }


@doubt.command(
    epilog="Examples:  coopflow doubt resolve 17 --sent · coopflow doubt resolve 17 --not-sent --note 'nothing came'"
)
def resolve(
    context: typer.Context,
    number: Annotated[
        int,
        typer.Argument(metavar="ID", parser=a_number, help="The instance, or the task, as `doubt list` shows them."),
    ],
    sent: Annotated[
        bool | None, typer.Option("--sent/--not-sent", help="It left; or it did not, and goes out again.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="How you know; only the co-op sees it.")] = None,
) -> None:
    """Say what became of a message in doubt; its instance goes on accordingly."""
    from coopflow.cli.acted import comes_next, which
    from coopflow.doubts import settle_doubt

    if sent is None:
        raise Usage("say what became of it: --sent or --not-sent")
    session = session_of(context)
    with session.store() as store:
        _, case = settle_doubt(store, number, sent=sent, note=note, actor=session.actor, now=session.now)
    left = "left" if sent else "did not leave"
    if case is not None:
        session.say(f"The message of {which(case)} {left}. {comes_next(case, session)}")


@doubt.command(epilog="Examples:  coopflow doubt verify 17")
def verify(
    context: typer.Context,
    number: Annotated[
        int,
        typer.Argument(metavar="ID", parser=a_number, help="The instance, or the task, as `doubt list` shows them."),
    ],
) -> None:
    """Ask the provider whether it has a message in doubt; if it has, the instance goes on. It is never sent again."""
    from coopflow.cli.acted import comes_next, which
    from coopflow.verifying import verify_doubt

    session = session_of(context)
    with session.store() as store:
        channels = session.app.channels(store.database_id)
        reference, case = verify_doubt(store, channels, number, actor=session.actor, now=session.now)
    if case is not None:
        session.say(
            f"The message of {which(case)} left: the provider has it as {reference}. {comes_next(case, session)}"
        )
