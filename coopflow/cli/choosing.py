"""Commands that act on chosen instances: the options that choose them, and what all such commands have in common."""

from collections.abc import Callable, Collection, Mapping, Sequence
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any

import typer
from msgspec import Struct, field
from msgspec.structs import replace

from coopflow.cli.lookup import resolve_family
from coopflow.cli.options import (
    AllOption,
    DryRunOption,
    FamilyOption,
    InstancesArgument,
    StateOption,
    WorkflowOption,
    YesOption,
)
from coopflow.cli.root import app
from coopflow.cli.session import Session, session_of
from coopflow.errors import NotFound
from coopflow.render import visible

if TYPE_CHECKING:
    from coopflow.acting import Act, Verb
    from coopflow.selecting import Selected
    from coopflow.store.store import Store

MOST_SHOWN = 20  # of many instances that a question is about

CHOOSING = {  # in this order after a command's own parameters; the instances stand before them
    "family": (FamilyOption, None),
    "workflow": (WorkflowOption, None),
    "state": (StateOption, None),
    "everything": (AllOption, False),
    "dry_run": (DryRunOption, False),
    "yes": (YesOption, False),
}


class Deed(Struct, frozen=True):
    """What is done with each chosen instance, and how it is told."""

    word: str  # of cli.acted.WORDINGS
    verb: "Verb"
    back_to: str | None = None  # a step that is done again; its message may have left before
    values: Mapping[str, str] = field(default_factory=dict)  # what else the line says
    final: bool = False  # it cannot be undone: many at once are confirmed by their number
    among: "Callable[[Store], Collection[int]] | None" = None  # of those that are not named, only these are meant
    nobody: str = ""  # what is said when none of them is meant


def chosen_instances(name: str, epilog: str) -> Callable[[Callable[..., Deed]], Callable[..., None]]:
    """Register a command: its own parameters come from the function, the ones that choose instances from here.

    The function gets the session and its own parameters, and answers with the deed.
    """

    def register(function: Callable[..., Deed]) -> Callable[..., None]:
        def command(context: typer.Context, **given: Any) -> None:
            chosen = {key: given.pop(key) for key in ("instances", *CHOOSING)}
            session = session_of(context)
            _carry_out(session, function(session, **given), chosen)

        own = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in list(signature(function).parameters.values())[1:]]
        parameters = [
            Parameter("context", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
            _parameter("instances", InstancesArgument, None),
            *own,
            *(_parameter(key, annotation, default) for key, (annotation, default) in CHOOSING.items()),
        ]
        command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in parameters}
        command.__doc__ = function.__doc__
        return app.command(name, epilog=epilog)(command)

    return register


def _parameter(name: str, annotation: Any, default: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _carry_out(session: Session, deed: Deed, chosen: Mapping[str, Any]) -> None:
    from coopflow.acting import act, in_part

    with session.store() as store:
        selected = _meant(deed, store, _selected(session, store, chosen), named=bool(chosen["instances"]))

        def on(ids: Sequence[int], *, rehearse: bool) -> "list[Act]":
            return act(store, ids, deed.verb, actor=session.actor, now=session.now, rehearse=rehearse)

        if chosen["dry_run"]:
            acts = on(selected.ids, rehearse=True)
        else:
            _ask(
                session, store, deed, selected.ids, lambda: on(selected.ids[:MOST_SHOWN], rehearse=True), chosen["yes"]
            )
            acts = on(selected.ids, rehearse=False)
    _tell(session, deed, acts, would=chosen["dry_run"])
    problems = [*selected.problems, *(found.problem for found in acts if found.problem)]
    failure = in_part(problems, done=len(selected.ids) + len(selected.problems) - len(problems))
    if failure is not None:
        raise failure


def _selected(session: Session, store: "Store", chosen: Mapping[str, Any]) -> "Selected":
    from coopflow.selecting import Selection, select

    wanted = Selection(
        ids=chosen["instances"] or (),
        family_id=None if chosen["family"] is None else resolve_family(session, store, chosen["family"]),
        workflow=chosen["workflow"],
        state=chosen["state"],
        all=chosen["everything"],
    )
    return select(store, wanted)


def _meant(deed: Deed, store: "Store", selected: "Selected", *, named: bool) -> "Selected":
    """Without those that a filter has found although the deed makes no sense for them."""
    if deed.among is None or named:
        return selected
    meant = frozenset(deed.among(store))
    ids = [number for number in selected.ids if number in meant]
    if not ids:
        raise NotFound(deed.nobody)
    return replace(selected, ids=ids)


def _ask(
    session: Session,
    store: "Store",
    deed: Deed,
    ids: Sequence[int],
    rehearsed: "Callable[[], list[Act]]",
    yes: bool,
) -> None:
    """More than one instance, or a message that goes out once more, is asked about with all that would be done."""
    from coopflow.cli.acted import again_words, question

    again = again_words(store, ids, deed.back_to, session)
    if yes or (len(ids) <= 1 and not again):
        return
    acts = rehearsed()
    _tell(session, deed, acts, would=True, aloud=True)
    for found in acts:
        if found.problem:
            session.say(found.problem)
    if len(ids) > MOST_SHOWN:
        session.say(f"… and {len(ids) - MOST_SHOWN:,} more.")
    for words in again:
        session.say(words)
    number = str(len(ids)) if deed.final and len(ids) > MOST_SHOWN else None
    session.confirm(question(deed.word, len(ids), **deed.values), yes=False, typed=number)


def _tell(session: Session, deed: Deed, acts: "Sequence[Act]", *, would: bool, aloud: bool = False) -> None:
    """What was done is talk; what would be done is what was asked for."""
    from coopflow.cli.acted import WORDINGS, line

    for found in acts:
        if found.problem is None:
            words = line(found, WORDINGS[deed.word], session, would=would, **deed.values)
            if would and not aloud:
                typer.echo(visible(words))
            else:
                session.say(words)
