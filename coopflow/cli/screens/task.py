"""The screen of `task show`: what is asked for, how to reach the family, and what was tried before."""

from collections.abc import Iterator

from coopflow.cli.screens.text import write
from coopflow.cli.session import Session
from coopflow.on_the_desk import Row, TaskStory, time_there
from coopflow.render import Column, Format, Hint, Sheet, TimelineEntry, moment, timeline

FATES = {"completed": "sent", "failed": "failed", "skipped": "withdrawn", "pending": "running", "running": "running"}


def task_screen(session: Session, story: TaskStory) -> None:
    """Write the head, then what was sent to the family and what earlier tasks came to."""
    head = {title: words for title, words in _head(session, story) if words}
    columns = [Column(title, title, style=Hint.STRONG if title == "Phone" else Hint.PLAIN) for title in head]
    title = f"Task {story.task.task_id}: {_kind(story)} for {story.family.family_name}"
    session.show(Sheet(columns, [head], title=title, card=True), Format.table)
    entries = [*_messages(story), *_earlier(story)]
    if entries:
        write(["", "So far", ""], session.out)
        ordered = sorted(entries, key=lambda entry: str(entry.at))
        timeline(ordered, out=session.out, tz=session.app.coop.calendar.tz, now=session.now)


def _head(session: Session, story: TaskStory) -> Iterator[tuple[str, str | None]]:
    task, family, tz = story.task, story.family, session.app.coop.calendar.tz
    there = time_there(story, now=session.now, tz=tz)
    yield "What", task.description
    yield "Due", moment(task.due_date, tz, session.now) if task.due_date else None
    yield "Priority", task.priority
    yield "For", task.assignee
    yield "Family", f"{family.family_name} ({family.family_id})"
    yield "Phone", family.phone or "none is known"
    yield "Email", family.email
    yield "Their clock", f"{there:%H:%M}" if there else None
    yield "Recommended", "; ".join(story.recommended)
    yield (
        "Instance",
        f"{task.instance_id} ({story.case.workflow.name}): coopflow show {task.instance_id}" if story.case else None,
    )
    yield "Status", _status(story)
    yield "Close it", _closing(story)


def _kind(story: TaskStory) -> str:
    return story.task.task_type.replace("_", " ")


def _status(story: TaskStory) -> str:
    task = story.task
    came_to = f": {task.outcome}" if task.outcome else ""
    return f"{task.status}{came_to}{f' ({task.notes})' if task.notes else ''}"


def _closing(story: TaskStory) -> str | None:
    if story.task.status != "open":
        return None
    outcomes: list[str] = story.row["outcomes"]
    others = f" (or {', '.join(outcomes[1:])})" if outcomes[1:] else ""
    chosen = f" --outcome {outcomes[0]}{others}" if outcomes else ""
    return f"coopflow task done {story.task.task_id}{chosen}"


def _messages(story: TaskStory) -> Iterator[TimelineEntry]:
    for row in story.messages:
        given = row["input_data"] or {}
        first_line = str(given.get("subject") or given.get("text") or "").strip().partition("\n")[0]
        detail = [words for words in (first_line, row["error_message"]) if words]
        yield TimelineEntry(at=row["started_at"], status=FATES[row["status"]], title=row["step_name"], detail=detail)


def _earlier(story: TaskStory) -> Iterator[TimelineEntry]:
    for row in story.earlier:
        words = f"{str(row['task_type']).replace('_', ' ')}{_came_to(row)}"
        yield TimelineEntry(
            at=row["completed_at"], status=row["status"], title=words, detail=[row["notes"]] if row["notes"] else []
        )


def _came_to(row: Row) -> str:
    by = f" ({row['assignee']})" if row["assignee"] else ""
    return f": {row['outcome']}{by}" if row["outcome"] else by
