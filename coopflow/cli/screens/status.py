"""The screen of `status`: blocks with words, then a line for each instance."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import asdict

from coopflow.cli.consent_words import refusals
from coopflow.cli.screens.text import Clock, block, several, write
from coopflow.cli.session import Session
from coopflow.core.model import Family
from coopflow.core.states import InstanceStatus
from coopflow.render import Column, Format, Sheet, duration
from coopflow.reports.lines import KEYS
from coopflow.reports.matters import Matter, Scope, silence
from coopflow.reports.overview import Overview
from coopflow.reports.story import said
from coopflow.reports.words import counted, family_words, joined, with_others

EXACT = timedelta(hours=1)  # up to here the last tick is told to the second
FATES = {"completed": "sent", "failed": "not sent", "skipped": "withdrawn"}


def status_screen(session: Session, found: Overview, scope: Scope, clock: Clock) -> None:
    """Write it all. A family has a screen of its own; any other filter leaves only the instances."""
    if found.first_step is not None:
        write([found.first_step], session.out)
        return
    if scope.whole:
        write(blocks(found, clock), session.out)
    elif found.family is not None:
        write(family_blocks(found, found.family, clock), session.out)
    session.show(instances_sheet(found, clock), Format.table)
    write(after_the_table(found, scope, clock), session.out)


# -- the whole co-op ----------------------------------------------------------------------------------------------


def blocks(found: Overview, clock: Clock) -> Iterator[str]:
    """The top of the screen."""
    numbers = found.numbers
    held = any(matter.kind == "delivery" for matter in found.needs_you)
    yield from block("Needs you", [needs_words(numbers, kept_back=held)], needs_items(found, clock))
    yield from block("Due today", [due_words(numbers, clock)])
    yield from block("Running", [counted(numbers["running"], "instance") if numbers["running"] else "no instance"])
    yield from block("Went wrong", [wrong_words(found)], matter_items(found.went_wrong, clock))
    yield from block("Last tick", tick_words(found, clock))


def needs_words(numbers: Mapping[str, Any], *, kept_back: bool = False) -> str:
    """How much waits for a person."""
    tasks = counted(numbers["open_tasks"], "open task") if numbers["open_tasks"] else ""
    overdue = f"{numbers['overdue_tasks']:,} of them overdue" if numbers["overdue_tasks"] else ""
    doubts = f"{counted(numbers['in_doubt'], 'message')} in doubt" if numbers["in_doubt"] else ""
    paused = f"{counted(numbers['paused'], 'instance')} paused" if numbers["paused"] else ""
    kept = "messages that may not leave yet" if kept_back else ""
    return ", ".join(filter(None, [tasks, overdue, doubts, paused, kept])) or "nothing waits for you"


def needs_items(found: Overview, clock: Clock) -> Iterator[str]:
    """The most urgent matters, and where the rest is listed."""
    yield from matter_items(found.needs_you, clock)
    more = found.numbers["open_tasks"] - sum(matter.kind == "task" for matter in found.needs_you)
    if more > 0:
        yield f"  and {more:,} more: coopflow task list"
    for note in found.notes:
        yield from several([note])


def due_words(numbers: Mapping[str, Any], clock: Clock) -> str:
    """What the rest of the day brings."""
    steps = counted(numbers["due_today"], "step") if numbers["due_today"] else ""
    now = f"{numbers['due_now']:,} of them at the next tick" if numbers["due_now"] else ""
    tasks = counted(numbers["tasks_due_today"], "task") if numbers["tasks_due_today"] else ""
    following = numbers["next_execution_at"]
    after = f"; the next step comes {clock(following)}" if following else ""
    return (", ".join(filter(None, [steps, now, tasks])) or "nothing") + after


def wrong_words(found: Overview) -> str:
    """How much went wrong lately."""
    numbers = found.numbers
    held = sum(matter.kind == "transport" for matter in found.went_wrong)
    stopped = f"{counted(held, 'transport')} out of order" if held else ""
    troubled = f"{counted(numbers['troubled'], 'instance')} in trouble" if numbers["troubled"] else ""
    failed = f"{counted(numbers['failed'], 'instance')} failed in the last 7 days" if numbers["failed"] else ""
    return ", ".join(filter(None, [stopped, troubled, failed])) or "nothing in the last 7 days"


def tick_words(found: Overview, clock: Clock) -> Iterator[str]:
    """When a tick was at work, and a warning when that is long ago."""
    if found.last_tick is not None:
        past = max(clock.now - found.last_tick, timedelta())
        yield f"{duration(past)} ago" if past < EXACT else clock(found.last_tick)
    yield from (matter.words for matter in silence(found.last_tick, when=clock, now=clock.now))


# -- one family ---------------------------------------------------------------------------------------------------


def family_blocks(found: Overview, family: Family, clock: Clock) -> Iterator[str]:
    """The top of a family's screen: how it stands, what of it needs a person, what was written to it last."""
    reach = joined(list(filter(None, [family.email, family.phone]))) or "neither an address nor a phone number"
    standing = [reach, *_familys_clock(family, clock), *_gently(family, clock), *refusals(family, clock)]
    yield from block(f"{family.family_name} ({family.family_id}), {family.status}", standing)
    yield from block("Needs you", [needs_words(found.numbers)], needs_items(found, clock))
    if found.went_wrong:
        yield from block("Went wrong", [wrong_words(found)], matter_items(found.went_wrong, clock))
    yield from block("Last messages", [] if found.messages else ["none yet"], message_items(found, clock))


def _familys_clock(family: Family, clock: Clock) -> Iterator[str]:
    """By whose clock they are reached, where that is not plain."""
    if family.time_zone is None:
        yield f"their time zone is not known: the co-op's is used ({clock.tz.key})"
    elif family.time_zone != clock.tz.key:
        yield f"their clock is that of {family.time_zone}"


def _gently(family: Family, clock: Clock) -> Iterator[str]:
    if family.gentle_until is not None and family.gentle_until > clock.now:
        yield f"treated gently until {clock(family.gentle_until)}"


def message_items(found: Overview, clock: Clock) -> Iterator[str]:
    """Each message: when, how, what became of it, its first words."""
    for message in found.messages:
        fate = FATES.get(message["status"], "under way")
        head = f"{clock(message['started_at'])}, {message['channel']} '{message['step_name']}', {fate}"
        why_not = [str(message["error_message"])] if message["error_message"] else []
        yield from several([head, *said(message["input_data"], whole=False)[:2], *why_not])


# -- matters ------------------------------------------------------------------------------------------------------


def matter_items(matters: Sequence[Matter], clock: Clock) -> Iterator[str]:
    """Each matter with whose it is, until when, and the command."""
    for matter in matters:
        yield from several(matter_lines(matter, clock))


def matter_lines(matter: Matter, clock: Clock) -> list[str]:
    """One matter: whose and what, then until when and for whom, then what to do about it."""
    whose = f"{matter.family_name} ({matter.family_id}), " if matter.family_id else ""
    due = ""
    if matter.due_date is not None:
        due = f"{'overdue since' if matter.due_date < clock.now else 'due'} {clock(matter.due_date)}"
    who = f"for {matter.assignee}" if matter.assignee else ""
    command = with_others(matter.command or "", matter.outcomes)
    return [line for line in (f"{whose}{matter.words}", ", ".join(filter(None, [due, who])), command) if line]


def reason_lines(matters: Sequence[Matter], clock: Clock, *, most: int) -> Iterator[str]:
    """One line for each reason why a person is needed."""
    for matter in matters[:most]:
        yield "; ".join(matter_lines(matter, clock))
    if len(matters) > most:
        yield f"and {len(matters) - most:,} more: coopflow status"


# -- the instances ------------------------------------------------------------------------------------------------


def reasons_sheet(matters: Sequence[Matter]) -> Sheet:
    """The reasons why a person is needed, in a data format."""
    return Sheet([Column(name, name) for name in Matter.__struct_fields__], map(asdict, matters))


def lines_sheet(lines: Iterable[Mapping[str, Any]]) -> Sheet:
    """The lines of the instances in a data format."""
    return Sheet([Column(key, key) for key in KEYS], lines)


def instances_sheet(found: Overview, clock: Clock) -> Sheet:
    """The lines of the instances as a person reads them."""
    ended = any(line["completed_at"] for line in found.instances)
    bounded = any(line["deadline"] and not line["completed_at"] for line in found.instances)
    columns = [
        Column("instance_id", "Id", justify="right"),
        Column("family", "Family"),
        Column("workflow", "Workflow", min_width=max((len(line["workflow"]) for line in found.instances), default=0)),
        Column("step_name", "Step"),
        Column("waits_for", "Waits for, or how it ended" if ended else "Waits for"),
        Column("next_execution_at", "Next", show=clock.short),
        *([Column("deadline", "Deadline", show=clock.day)] if bounded else []),
    ]
    rows = [{**line, "family": family_words(line), "waits_for": _standing(line)} for line in found.instances]
    return Sheet(columns, rows, title="Instances", empty="No instance matches.")


def _standing(line: Mapping[str, Any]) -> str | None:
    """What it waits for, or how it ended; that it does not run comes first."""
    runs = line["status"] in (InstanceStatus.PENDING, InstanceStatus.RUNNING)
    return line["waits_for"] if runs else f"{line['status']}; {line['waits_for']}"


def after_the_table(found: Overview, scope: Scope, clock: Clock) -> Iterator[str]:
    """How many instances there are beside those shown; that cron is silent, where no block has said so."""
    more = found.matching - len(found.instances)
    if more > 0:
        yield f"and {more:,} more: coopflow status{_options(scope)} --format csv"
    if not scope.whole:
        yield from (matter.words for matter in silence(found.last_tick, when=clock, now=clock.now))


def _options(scope: Scope) -> str:
    given = {"--family": scope.family_id, "--workflow": scope.workflow, "--state": scope.state}
    return "".join(f" {option} {value}" for option, value in given.items() if value is not None)
