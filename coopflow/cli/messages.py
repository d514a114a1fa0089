"""`preview` and `send-test`: a message as it would be, and one to see that a channel works."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from coopflow.cli.ahead import workflow_as_it_is
from coopflow.cli.lookup import named, resolve_family
from coopflow.cli.options import FamilyOption, FormatOption, JsonOption, WorkflowOption, YesOption, chosen_format
from coopflow.cli.root import app
from coopflow.cli.session import Session, session_of
from coopflow.errors import Usage
from coopflow.render import Column, Format, Sheet, default_format, show_document

if TYPE_CHECKING:
    from coopflow.reports.preview import Preview
    from coopflow.store.store import Store


@app.command(
    epilog="Examples:  coopflow preview high_risk_intervention first_email --family 42"
    " · coopflow preview onboarding welcome --family 42 --html > welcome.html"
)
def preview(
    context: typer.Context,
    workflow: Annotated[str, typer.Argument(help="A workflow's name; an edited file counts before it is loaded.")],
    step: Annotated[str, typer.Argument(help="The id of a step that sends a message.")],
    family: Annotated[str, typer.Option("--family", "-f", help="For whom: an id, or a name or the beginning of it.")],
    html: Annotated[bool, typer.Option("--html", help="Print the HTML part of a mail, and nothing else.")] = False,
    as_json: JsonOption = False,
    chosen: FormatOption = None,
) -> None:
    """Show a step's message as a family would get it. Nothing is written and nothing is sent."""
    from coopflow.reports.preview import as_document

    session = session_of(context)
    shown = chosen_format(chosen, as_json) or default_format(session.out)
    with session.store(read_only=True) as store:
        found = _preview(session, store, workflow, step, family)
    if html:
        _show_html(session, found)
    elif shown is Format.table:
        _screen(session, found)
    elif shown is Format.json:
        show_document(as_document(found, sender=_sender(session)), format=shown, out=session.out)
    else:
        row = as_document(found, sender=_sender(session))
        session.show(Sheet([Column(key, key) for key in row], [row]), shown)
    for reason in found.not_sent:
        session.say(f"It would not go to the family now: {reason}.")


@app.command(
    "send-test",
    epilog="Examples:  coopflow send-test email --to me@example.org · coopflow send-test sms --to +12125550142 --yes"
    " · coopflow send-test email --to me@example.org --workflow onboarding --step welcome --family 42",
)
def send_test(
    context: typer.Context,
    channel: Annotated[str, typer.Argument(help="By what: email or sms.")],
    to: Annotated[str, typer.Option("--to", metavar="ADDR", help="Your own address or number.")],
    workflow: WorkflowOption = None,
    step: Annotated[str | None, typer.Option("--step", help="The id of a step: the test has its words.")] = None,
    family: FamilyOption = None,
    yes: YesOption = False,
) -> None:
    """Hand one message, marked [test], to a channel as it is configured, and say what became of it."""
    from coopflow.trying_out import Trial, checked_address, outcome, require_channel, trial_message
    from coopflow.trying_out import send_test as hand_over

    session = session_of(context)
    require_channel(channel)
    address = checked_address(channel, to, session.app.config.country)
    with session.store() as store:
        channels = session.app.channels(store.database_id)
        trial = Trial(
            channel=channel,
            to=address,
            organisation=session.app.config.organisation,
            domain=session.app.domain,
            about=_about(session, store, workflow, step, family),
        )
        message = trial_message(store, trial, actor=session.actor, now=session.now)
        session.confirm(f"Send a test to {address} by {channels[channel].transport}?", yes=yes)
        fate = hand_over(store, channels, message, actor=session.actor, now=session.now)
    session.say(f"Test to {address} by {channels[channel].transport}: {outcome(message, fate)}")


def _about(
    session: Session, store: "Store", workflow: str | None, step: str | None, family: str | None
) -> "Preview | None":
    if workflow is None and step is None and family is None:
        return None
    if workflow is None or step is None or family is None:
        raise Usage("a test with the words of a step needs all three: --workflow, --step and --family")
    return _preview(session, store, workflow, step, family)


def _preview(session: Session, store: "Store", workflow: str, step: str, family: str) -> "Preview":
    from coopflow.reports.preview import preview as look_at
    from coopflow.reports.simulation import given_by_the_latest_prediction

    family_id = resolve_family(session, store, family)
    whom = store.families([family_id])[family_id]
    given = given_by_the_latest_prediction(store, family_id)
    return look_at(store, workflow_as_it_is(session, store, workflow), step, whom, given, now=session.now)


def _show_html(session: Session, found: "Preview") -> None:
    if found.html is None:
        raise Usage(f"'{found.step.id}' is a text: it has no HTML part")
    session.out.write(found.html)


def _screen(session: Session, found: "Preview") -> None:
    from coopflow.cli.screens.text import write

    write(_lines(session, found), session.out)


def _lines(session: Session, found: "Preview") -> Iterator[str]:
    workflow = found.workflow
    yield f"'{found.step.name}' of {workflow.name} for {named(found.family)}: nothing is sent"
    yield ""
    if found.channel == "email":
        yield f"From: {_sender(session)}"
    yield f"To: {found.to or 'nobody: there is no address'}"
    if found.subject is not None:
        yield f"Subject: {found.subject}"
    yield f"Kind: {found.step.kind}"
    if found.messages is not None:
        yield f"Takes: {'1 message' if found.messages == 1 else f'{found.messages} messages'}"
    yield ""
    yield from found.text.rstrip("\n").split("\n")


def _sender(session: Session) -> str:
    return f"{session.app.config.organisation} <{session.app.sender}>"
