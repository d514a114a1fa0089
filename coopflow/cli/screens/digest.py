"""The words of a digest: the same on a screen and in a mail."""

from collections.abc import Iterator

from coopflow.cli.screens.status import matter_items
from coopflow.cli.screens.text import Clock, block, several
from coopflow.render import duration
from coopflow.reports.digest import Digest
from coopflow.reports.way_out import count_words, many
from coopflow.reports.words import counted, joined

MOST = 20  # of a kind


def subject_of(found: Digest) -> str:
    """What stands in the list of mails."""
    if not found.pressing:
        return f"{found.organisation}: nothing needs you today"
    things = "1 thing needs" if found.pressing == 1 else f"{found.pressing:,} things need"
    return f"{found.organisation}: {things} you today"


def digest_lines(found: Digest, clock: Clock) -> Iterator[str]:
    """All of it, block by block; what there is nothing to say of is left out."""
    yield subject_of(found)
    yield ""
    if found.neglected:
        yield from block("Nobody has looked", _neglect(found, clock))
    if found.urgent:
        yield from block("Needs a word of yours", [], matter_items(found.urgent[:MOST], clock))
    yield from block("Your tasks", _task_words(found), _tasks(found, clock))
    if found.doubts:
        yield from block("In doubt", ["whether these left is not known: coopflow doubt list"], _doubts(found, clock))
    if found.went_wrong:
        yield from block("Went wrong", [], _first(list(matter_items(found.went_wrong[:MOST], clock)), found))
    if found.waiting:
        yield from block("Cannot leave", [], _waiting(found))
    yield from block("Leaves today", [_leaving(found)])
    if found.notes:
        yield from block("Before it matters", [], [line for note in found.notes for line in several([note])])
    yield from block("Last tick", _tick(found, clock))
    yield from block("Audit trail", [f"{found.entries:,} entries, and the head is", found.head])


def _neglect(found: Digest, clock: Clock) -> Iterator[str]:
    since = f"since {clock(found.last_deed)}" if found.last_deed else "yet"
    yield f"Nobody has closed a task or changed anything {since}."
    if found.oldest_task is not None:
        tasks = "1 task is open" if found.open_tasks == 1 else f"{found.open_tasks:,} tasks are open"
        yield f"{tasks}, the oldest since {clock(found.oldest_task)}: coopflow task list"


def _task_words(found: Digest) -> Iterator[str]:
    due = f"{counted(len(found.tasks), 'task')} to be done today" if found.tasks else "none to be done today"
    yield due + (f", {found.later:,} later: coopflow task list" if found.later else "")
    if found.overdue_of_others:
        others = [f"{name} {number:,}" for name, number in sorted(found.overdue_of_others.items())]
        yield f"overdue at others: {joined(others)}"


def _tasks(found: Digest, clock: Clock) -> Iterator[str]:
    yield from matter_items(found.tasks[:MOST], clock)
    if len(found.tasks) > MOST:
        yield f"  and {len(found.tasks) - MOST:,} more: coopflow task list"


def _doubts(found: Digest, clock: Clock) -> Iterator[str]:
    for one in found.doubts[:MOST]:
        family = one.case.family
        when = f", handed over {clock(one.handed_over_at)}" if one.handed_over_at else ""
        yield from several([f"{family.family_name} ({family.family_id}), {one.channel}{when}"])
    if len(found.doubts) > MOST:
        yield f"  and {len(found.doubts) - MOST:,} more"


def _first(lines: list[str], found: Digest) -> Iterator[str]:
    yield from lines
    if len(found.went_wrong) > MOST:
        yield f"  and {len(found.went_wrong) - MOST:,} more: coopflow status"


def _waiting(found: Digest) -> Iterator[str]:
    for (channel, reason), messages in found.waiting.items():
        yield from several([f"{many(channel, messages)}: {reason}"])


def _leaving(found: Digest) -> str:
    if found.leaving is None:
        return "that cannot be told, since an instance cannot be read: coopflow doctor"
    return count_words(found.leaving)


def _tick(found: Digest, clock: Clock) -> Iterator[str]:
    if found.last_tick is None:
        yield "coopflow has never been run by cron: is the cron line there?"
    elif found.silent:
        yield f"coopflow has not been run since {clock(found.last_tick)}: is the cron line there?"
    else:
        yield f"{duration(clock.now - found.last_tick)} ago"
