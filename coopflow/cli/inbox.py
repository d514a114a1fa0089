"""`inbox`: what families and gateways say, read by coopflow and matched by a person where it must be."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from coopflow.cli.lookup import resolve_family
from coopflow.cli.options import FamilyOption, FormatOption, JsonOption, a_number, chosen_format
from coopflow.cli.root import app
from coopflow.cli.session import Session, session_of
from coopflow.errors import CoopflowError, Invalid, NotAllowed
from coopflow.render import Column, Format, Hint, Sheet, default_format, show_document

if TYPE_CHECKING:
    from coopflow.inbox.taking import Taken
    from coopflow.store.asking import Row

inbox = typer.Typer(
    name="inbox",
    invoke_without_command=True,
    rich_markup_mode=None,
    help="Replies, bounces and delivery reports: `coopflow inbox` alone reads what has come in.",
    epilog="Examples:  coopflow inbox · coopflow inbox list --unmatched · coopflow inbox assign 7 --family 42",
)
app.add_typer(inbox)

ItemArgument = Annotated[
    int, typer.Argument(metavar="ITEM", parser=a_number, help="An item's number, as `inbox list` shows it.")
]

COLUMNS = (
    Column("item_id", "Item", justify="right"),
    Column("received_at", "Came"),
    Column("kind", "Kind"),
    Column("channel", "By"),
    Column("from", "From"),
    Column("status", "Status", style=Hint.STATE),
    Column("family_id", "Family"),
    Column("family_name", "Name", style=Hint.STRONG),
    Column("instance_id", "Instance", justify="right"),
    Column("text", "What", min_width=20),
    Column("reason", "Why"),
)
SCREEN_COLUMNS = (  # fewer, so that they can be read side by side
    Column("item_id", "Item", justify="right"),
    Column("received_at", "Came"),
    Column("kind", "Kind"),
    Column("from", "From"),
    Column("whose", "Family", style=Hint.STRONG),
    Column("text", "What", min_width=20),
    Column("reason", "Why"),
)
ADDRESSES = (
    Column("channel", "By"),
    Column("address", "Address"),
    Column("arrived_at", "Since"),
    Column("reason", "Why"),
)


@inbox.callback()
def group(context: typer.Context) -> None:
    """Read what has come in, unless one of the commands says otherwise."""
    if context.invoked_subcommand is None:
        _read(session_of(context))


@inbox.command("read", epilog="Example:  coopflow inbox read")
def read(context: typer.Context) -> None:
    """Read every source of coopflow.yaml now, as each tick does."""
    _read(session_of(context))


def _read(session: Session) -> None:
    from coopflow.inbox.by_hand import statuses
    from coopflow.inbox.reading import read_inbox

    sources = session.app.inbox()
    if not sources:
        raise NotAllowed("coopflow.yaml names no inbox; write where answers come in under inbox:")
    with session.store() as store:
        report = read_inbox(store, sources, session.app.ours(), now=session.now)
    for taken in report.taken:
        if not taken.again:
            session.say(_told(taken))
    counts = ", ".join(f"{number} {status}" for status, number in statuses(report.taken).items() if number)
    session.say(f"{counts}." if counts else "Nothing new has come in.")
    if counts and "unmatched" in counts:
        session.say("Whose are they? coopflow inbox list --unmatched")
    if report.troubled:
        raise CoopflowError("\n".join(f"the inbox {words}" for words in report.troubled))


@inbox.command(
    epilog="Examples:  coopflow inbox receive --kind sms - · coopflow inbox receive --kind report report.json"
)
def receive(
    context: typer.Context,
    file: Annotated[str | None, typer.Argument(metavar="[FILE|-]", help="A file, or - for the standard input.")] = None,
    kind: Annotated[
        Literal["sms", "report", "mail"] | None, typer.Option(help="What it is [default: what its fields say].")
    ] = None,
    source: Annotated[str, typer.Option(help="Who hands it over, for the record.")] = "receive",
) -> None:
    """Take one thing in: a text or a delivery report as JSON or as a form, or a mail. For a web hook, or a mail server.

    What was taken in before changes nothing, so a gateway may call as often as it likes.
    """
    from coopflow.cli.streams import opened
    from coopflow.inbox.receiving import receive_one

    session = session_of(context)
    with opened(file, example='echo "$QUERY_STRING" | coopflow inbox receive --kind sms -') as (name, stream):
        content = stream.read(2_000_000)
    with session.store() as store:
        taken = receive_one(store, content, kind, source, session.app.ours(), name=name, now=session.now)
    session.say(_told(taken))
    if taken.conflict:
        raise Invalid(f"{name}: its id is that of item {taken.item_id}, which says something else")


@inbox.command("list", epilog="Examples:  coopflow inbox list --unmatched · coopflow inbox list --family 42 --json")
def list_(
    context: typer.Context,
    unmatched: Annotated[bool, typer.Option("--unmatched", help="Only what a person must match.")] = False,
    family: FamilyOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most so many, the newest first.")] = 50,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """List what has come in, the newest first."""
    from coopflow.inbox.by_hand import listed

    session = session_of(context)
    shown = chosen_format(chosen, as_json) or default_format(session.out)
    with session.store(read_only=True) as store:
        family_id = None if family is None else resolve_family(session, store, family)
        rows = listed(store, unmatched=unmatched, family_id=family_id, limit=limit)
    empty = "Nothing waits to be matched." if unmatched else "Nothing has come in."
    if shown is Format.table:
        rows = [{**row, "whose": _whose(row)} for row in rows]
    session.show(Sheet(SCREEN_COLUMNS if shown is Format.table else COLUMNS, rows, empty=empty), shown)
    first = next((row for row in rows if row["status"] == "unmatched"), None)
    if first is not None:
        session.say(f"Whose is it? coopflow inbox assign {first['item_id']} --family FAMILY, or coopflow inbox ignore")


def _whose(row: "Row") -> str:
    return f"{row['family_name']} ({row['family_id']})" if row["family_id"] else str(row["status"])


@inbox.command(epilog="Examples:  coopflow inbox show 7 · coopflow inbox show 7 --json")
def show(
    context: typer.Context, number: ItemArgument, as_json: JsonOption = False, chosen: FormatOption = None
) -> None:
    """Show one thing that came in, with its words."""
    from coopflow.inbox.by_hand import document, item_of

    session = session_of(context)
    with session.store(read_only=True) as store:
        found = document(item_of(store, number))
    show_document(found, format=chosen_format(chosen, as_json) or default_format(session.out), out=session.out)


@inbox.command(epilog="Example:  coopflow inbox assign 7 --family 42")
def assign(
    context: typer.Context,
    number: ItemArgument,
    family: Annotated[str, typer.Option("--family", "-f", help="A family: its id, or its name or its beginning.")],
) -> None:
    """Say whose an unmatched answer is; it then counts as if it had been matched at once."""
    from coopflow.inbox.by_hand import assign as assign_item

    session = session_of(context)
    with session.store() as store:
        family_id = resolve_family(session, store, family)
        taken = assign_item(store, number, family_id, actor=session.actor, now=session.now)
    session.say(_told(taken))


@inbox.command(epilog="Example:  coopflow inbox ignore 7 8")
def ignore(
    context: typer.Context,
    numbers: Annotated[list[int], typer.Argument(metavar="ITEM...", parser=a_number, help="Items' numbers.")],
) -> None:
    """Put unmatched things aside that are nobody's: advertising, for one. Nothing is deleted."""
    from coopflow.inbox.by_hand import ignore as ignore_item

    session = session_of(context)
    with session.store() as store:
        for number in numbers:
            ignore_item(store, number, actor=session.actor, now=session.now)
            session.say(f"Item {number} is put aside. Undo: coopflow inbox assign {number} --family FAMILY")


@inbox.command(epilog="Examples:  coopflow inbox addresses · coopflow inbox addresses --trust maria@example.org")
def addresses(
    context: typer.Context,
    trust: Annotated[str | None, typer.Option(help="Let messages go to this address again.")] = None,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """List the addresses at which messages came back, to which nothing is sent; or trust one again."""
    session = session_of(context)
    if trust is not None:
        from coopflow.inbox.by_hand import trust as trust_again

        with session.store() as store:
            trust_again(store, trust, actor=session.actor, now=session.now)
        session.say(f"Messages may go to {trust} again.")
        return
    with session.store(read_only=True) as store:
        sheet = Sheet(ADDRESSES, store.inbox.bad_addresses(), empty="Every address works, as far as is known.")
    session.show(sheet, chosen_format(chosen, as_json))


_WORDS = {
    "reply": "a reply",
    "automatic": "an automatic reply",
    "stop": "an opt-out",
    "start": "a wish to be written to again",
    "bounce": "a mail that came back",
    "report": "a delivery report",
    "other": "something else",
    "unreadable": "something that cannot be read",
}


def _told(taken: "Taken") -> str:
    """What became of one thing, in a sentence."""
    what = f"Item {taken.item_id}: {_WORDS[taken.kind]}"
    if taken.again:
        return f"{what}; {taken.reason}. Nothing was changed."
    if taken.family_id is None:
        return f"{what}, {taken.status}: {taken.reason}."
    numbers = ", ".join(map(str, taken.touched))
    moved = f" It concerned instance {numbers}." if numbers else ""
    return f"{what} of family {taken.family_id}: {taken.reason}.{moved}"
