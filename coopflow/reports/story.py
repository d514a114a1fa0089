"""The whole story of one instance: why it began, all that happened to it in words, and what is ahead."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from coopflow.core.audit import PERSONAL, sentence
from coopflow.core.case import ENGINE, Case
from coopflow.core.facts import BUILT_IN_EVENTS
from coopflow.core.instants import parse_instant
from coopflow.errors import NotFound
from coopflow.reports.ahead import Ahead, ahead
from coopflow.reports.words import Row, When, started_by, task_type_words
from coopflow.store.store import Store

PLANNED = frozenset({"message.accepted", "task.opened"})  # what happens at a time that rules have moved
FIRST_LINES = 3  # of a message's text, unless all of it is asked for

# The word of an event on the timeline, where it is another than the second half of its kind.
STATES = {
    "instance.noted": "note",
    "instance.snoozed": "put off",
    "step.started": "running",
    "step.completed": "done",
    "step.deferred": "put off",
    "step.in_doubt": "in doubt",
    "doubt.resolved": "settled",
    "message.intended": "sending",
    "message.accepted": "sent",
    "task.opened": "task",
    "task.snoozed": "put off",
}


class Happened(Struct, frozen=True, kw_only=True):
    """One event as a line of the story."""

    event_id: int
    at: datetime
    state: str
    kind: str
    actor: str
    about: str  # the step, the task or the workflow that it is about
    words: str
    detail: tuple[str, ...]  # what was said to the family, where something was


class Story(Struct, frozen=True, kw_only=True):
    """All that can be told of one instance."""

    instance: Row
    case: Case
    reason: str | None  # why it began, as the trigger said
    deadline: datetime | None  # the end of the prediction's window
    past: list[Happened]
    ahead: list[Ahead]
    events: list[Row]
    attempts: list[Row]
    tasks: list[Row]


def story_of(store: Store, instance_id: int, *, when: When, whole: bool, now: datetime) -> Story:
    """Ask the store for everything about one instance; `whole` gives the texts sent to their last line."""
    found = store.looking.instances(ids=[instance_id])
    if not found:
        from coopflow.keeping.purging import where_it_went

        moved = where_it_went(store, instance_id)
        raise NotFound(moved or f"there is no instance {instance_id}; list them with: coopflow status")
    instance, case = found[0], store.cases.load([instance_id])[0]
    outside = store.looking.outside_events(
        instance["family_id"], since=instance["trigger_date"], until=instance["completed_at"]
    )
    own = store.looking.events(instance_id=instance_id)
    events = sorted([*own, *outside], key=lambda event: event["event_id"])
    attempts = store.looking.attempts(instance_id)
    names = {id_: step.name for id_, step in case.workflow.steps.items()}
    return Story(
        instance=instance,
        case=case,
        reason=next((event["data"].get("reason") for event in own if event["kind"] == "instance.started"), None),
        deadline=case.instance.deadline,
        past=past(events, attempts, names, when=when, whole=whole),
        ahead=ahead(case, now=now),
        events=events,
        attempts=attempts,
        tasks=store.looking.tasks(instance_id),
    )


# -- the past -----------------------------------------------------------------------------------------------------


def past(
    events: Iterable[Row], attempts: Iterable[Row], names: Mapping[str, str], *, when: When, whole: bool
) -> list[Happened]:
    """Every event in words, in its order; `names` are the steps' names by their ids."""
    sent: dict[str, list[Row]] = defaultdict(list)
    for attempt in attempts:
        if attempt["message_id"] is not None:
            sent[attempt["message_id"]].append(attempt)
    return [_happened(event, names, sent, when=when, whole=whole) for event in events]


def _happened(
    event: Row, names: Mapping[str, str], sent: Mapping[str, list[Row]], *, when: When, whole: bool
) -> Happened:
    waiting = sent.get(event["data"].get("message") or "", []) if event["kind"] == "message.intended" else []
    return Happened(
        event_id=event["event_id"],
        at=event["at"],
        state=state_of(event["kind"]),
        kind=event["kind"],
        actor=event["actor"],
        about=about(event, names),
        words=words_of(event, names, when=when),
        detail=said(waiting.pop(0)["input_data"], whole=whole) if waiting else _why_then(event),
    )


def _why_then(event: Row) -> tuple[str, ...]:
    """The rules that moved it there, where they are known and are not said anyway."""
    reason = event.get("reason") if event["kind"] in PLANNED else None
    return (str(reason),) if reason else ()


def state_of(kind: str) -> str:
    """One word for what an event did."""
    _, dot, participle = kind.partition(".")
    return STATES.get(kind, participle.replace("_", " ")) if dot else "event"


def about(event: Row, names: Mapping[str, str]) -> str:
    """What an event is about, in as few words as possible."""
    data, noun = event["data"], event["kind"].partition(".")[0]
    if noun == "task" and "task_type" in data:
        return task_type_words(data["task_type"])
    return names.get(data.get("step") or "", data.get("workflow") or noun.replace("_", " "))


def words_of(event: Row, names: Mapping[str, str], *, when: When) -> str:
    """One event as a sentence, with the names of steps and with times as the reader writes them."""
    kind = event["kind"]
    data = {**event["data"], **(event["personal"] or {})}
    data.pop(PERSONAL, None)
    if "." in kind:
        words = sentence(kind, {key: _readable(kind, key, value, names, when) for key, value in data.items()})
        return words if event["actor"] == ENGINE or event["actor"] in words else f"{words} (by {event['actor']})"
    meaning = BUILT_IN_EVENTS.get(kind)
    told = f"{meaning[0].upper()}{meaning[1:]} ({kind})" if meaning else kind
    source = "" if event["actor"] == ENGINE else f", told by {event['actor']}"
    return ": ".join(filter(None, [told + source, _listed(data)]))


def _readable(kind: str, key: str, value: Any, names: Mapping[str, str], when: When) -> Any:
    if not isinstance(value, str):
        return value
    match key:
        case "step" | "next":
            return names.get(value, value)
        case "to" if kind == "instance.moved":
            return names.get(value, value)
        case "until" | "at" | "planned" | "deadline":
            return when(parse_instant(value))
        case "from" | "to" if kind == "step.replanned":
            return when(parse_instant(value))
        case "triggered_by":
            return started_by(value)
        case "task_type":
            return task_type_words(value)
    return value


def _listed(data: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in data.items())


def said(words: Row | None, *, whole: bool) -> tuple[str, ...]:
    """What was written to whom: the first lines of the text, or all of it."""
    if not words:
        return ()
    text = [line.rstrip() for line in str(words.get("text") or "").strip().splitlines()]
    first = [line for line in text if line][:FIRST_LINES]
    shown = text if whole or text == first else [*first, "…"]
    head = [f"{title}: {words[key]}" for title, key in (("To", "to"), ("Subject", "subject")) if words.get(key)]
    return (*head, *shown)


# -- data ---------------------------------------------------------------------------------------------------------


def as_document(story: Story) -> dict[str, Any]:
    """The story for programs: keys are the names of columns."""
    words = {happened.event_id: happened.words for happened in story.past}
    begun = {"context": dict(story.case.instance.context), "reason": story.reason, "deadline": story.deadline}
    return {
        "instance": {**story.instance, **begun},
        "events": [{**event, "sentence": words[event["event_id"]]} for event in story.events],
        "step_executions": story.attempts,
        "tasks": story.tasks,
        "planned": [{**asdict(step), "remarks": list(step.remarks)} for step in story.ahead],
    }


def as_rows(story: Story) -> Iterator[dict[str, Any]]:
    """The timeline, a row for each thing that happened and each that is ahead."""
    for line in story.past:
        told = {"kind": line.kind, "actor": line.actor, "words": line.words, "detail": "\n".join(line.detail)}
        yield {"at": line.at, "state": line.state, "planned": False, **told}
    for step in story.ahead:
        own = {"kind": step.step_type, "actor": None, "words": step.step_name, "detail": "\n".join(step.remarks)}
        yield {"at": step.at, "state": step.state, "planned": True, **own}
