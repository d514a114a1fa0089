"""The screen of `show`: what the instance is, then one line down from its start to what is ahead of it."""

from collections.abc import Iterator
from typing import TextIO

from coopflow.cli.screens.text import Clock, write
from coopflow.cli.session import Session
from coopflow.render import Column, Format, Hint, Sheet, TimelineEntry, on_terminal, timeline
from coopflow.render.terminal import width_of
from coopflow.reports.ahead import Ahead
from coopflow.reports.lines import finished
from coopflow.reports.story import Happened, Story, as_rows
from coopflow.reports.words import family_words, started_by, why_paused

GAPS = 6  # columns of a timeline beside its words: the glyph, and blanks
TITLES = {
    "instance_id": "Instance",
    "workflow": "Workflow",
    "family": "Family",
    "why": "Why",
    "started": "Started",
    "status": "Status",
    "deadline": "Deadline",
    "last_error": "Last error",
    "clock": "Family's clock",
}


def story_screen(session: Session, story: Story, clock: Clock) -> None:
    """Write the head, then the timeline."""
    head = {key: words for key, words in head_of(story, clock) if words}
    columns = [Column(key, TITLES[key], style=Hint.STATE if key == "status" else Hint.PLAIN) for key in head]
    session.show(Sheet(columns, [head], card=True), Format.table)
    ending = "What happened" if not story.ahead else "What happened, and what is ahead if nothing happens"
    write(["", ending, ""], session.out)
    told = list(entries(story, room=_room(story, clock, session.out)))
    timeline(told, out=session.out, tz=clock.tz, now=clock.now)


def head_of(story: Story, clock: Clock) -> Iterator[tuple[str, str | None]]:
    """What a person wants to know first; lines without words are left out."""
    instance = story.instance
    yield "instance_id", str(instance["instance_id"])
    yield "workflow", f"{instance['workflow']} v{instance['version']}"
    yield "family", family_words(instance)
    yield "why", ": ".join(filter(None, [started_by(instance["triggered_by"]), story.reason]))
    yield "started", clock(instance["trigger_date"])
    yield "status", _status(story, clock)
    yield "deadline", _deadline(story, clock)
    yield "last_error", instance["last_error"]
    yield "clock", story.case.tz.key if story.case.tz.key != clock.tz.key else None


def _status(story: Story, clock: Clock) -> str:
    instance = story.instance
    if instance["completed_at"] is not None:
        return f"{instance['status']} on {clock(instance['completed_at'])}: {finished(instance)}"
    because = why_paused(instance)
    return f"{instance['status']}: {because}" if because else str(instance["status"])


def _deadline(story: Story, clock: Clock) -> str | None:
    if story.deadline is None:
        return None
    days = story.case.instance.context.get("prediction_window_days")
    if days is None:  # erased, with what the prediction said
        return clock(story.deadline)
    over = ", and came when they were over" if story.deadline <= story.instance["trigger_date"] else ""
    return f"{clock(story.deadline)}: the prediction spoke of {days} days{over}"


def entries(story: Story, *, room: int | None) -> Iterator[TimelineEntry]:
    """What happened and what is ahead, as one timeline; what is too long stands below what it is about."""
    for line in story.past:
        fits = room is None or len(line.words) <= room
        title, detail = (line.words, line.detail) if fits else (line.about, (line.words, *line.detail))
        yield TimelineEntry(at=line.at, status=line.state, title=title, detail=detail)
    for step in story.ahead:
        yield TimelineEntry(at=step.at, status=step.state, title=step.step_name, detail=step.remarks, planned=True)


def _room(story: Story, clock: Clock, out: TextIO) -> int | None:
    """How many columns a terminal has for the sentences; None: lines may have any length."""
    if not on_terminal(out):
        return None
    told: list[Happened | Ahead] = [*story.past, *story.ahead]
    wide = max(len(line.state) for line in told), max(len(clock(line.at)) for line in told if line.at is not None)
    return width_of(out) - sum(wide) - GAPS


def story_sheet(story: Story) -> Sheet:
    """The timeline in a data format."""
    keys = ("at", "state", "planned", "kind", "actor", "words", "detail")
    return Sheet([Column(key, key) for key in keys], as_rows(story))
