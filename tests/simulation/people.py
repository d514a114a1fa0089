"""What people do to instances and at their desk: they pick among what there is, and take a refusal for what it is."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from coopflow.acting import act, assign_task, dismiss_task, finish_task, reopen_task, snooze_task
from coopflow.core import people
from coopflow.core.case import Case
from coopflow.core.resting import recall
from coopflow.errors import CoopflowError
from coopflow.store.store import Store

ANY = "SELECT instance_id, completed_at FROM workflow_instances ORDER BY completed_at IS NULL"
RESTING = "SELECT instance_id FROM workflow_queue WHERE awaits = 'send' ORDER BY queue_id"
FIXED = {"approval": ("approved", "declined"), "person": ("retry", "skip", "cancel")}


def picked(store: Store, question: str, draw: float, *values: Any) -> Any | None:
    """One of the rows that a question answers with."""
    rows = store.db.connection().execute(question, values).fetchall()
    return rows[int(draw * len(rows))] if rows else None


# -- instances ------------------------------------------------------------------------------------------------------


def does(store: Store, verb: str, draw: float, *, now: datetime) -> str:
    """A person's verb on some instance, finished ones among them, for people make mistakes."""
    row = picked(store, RESTING if verb.startswith("recall") else ANY, draw)
    if row is None:
        return "nothing there"
    [done] = act(store, [row[0]], _verb(store, row[0], verb, draw, now), actor="sarah", now=now)
    return done.problem or f"{verb} {row[0]}"


def rehearses(store: Store, draw: float, *, now: datetime) -> None:
    """The same with --dry-run, which must not write anything."""
    row = picked(store, "SELECT instance_id FROM workflow_instances ORDER BY 1", draw)
    if row is not None:
        act(store, [row[0]], _verb(store, row[0], "cancel", draw, now), actor="sarah", now=now, rehearse=True)


def _verb(store: Store, instance: int, verb: str, draw: float, now: datetime) -> Callable[[Case], None]:
    ways: dict[str, Callable[[Case], None]] = {
        "note": lambda case: people.note(case, text="remember \x1b[31m{{ this }}", now=now),
        "snooze": lambda case: people.snooze(
            case, until=now + timedelta(hours=24 + int(100 * draw)), reason=None, now=now
        ),
        "goto": lambda case: people.goto(case, step_id=_somewhere(case, draw), reason=None, now=now),
        "retry": lambda case: people.retry(case, reason=None, now=now),
        "skip": lambda case: people.skip(case, reason="not needed", now=now),
        "pause": lambda case: people.pause(case, reason="wait", now=now),
        "resume": lambda case: people.resume(case, reason=None, now=now),
        "cancel": lambda case: people.cancel(case, reason="enough", now=now),
        "run_now": lambda case: people.run_now(case, reason=None, now=now),
        "recall": lambda case: recall(case, go_on=False, reason=None, now=now),
        "recall_and_go_on": lambda case: recall(case, go_on=True, reason=None, now=now),
    }
    return ways[verb]


def _somewhere(case: Case, draw: float) -> str:
    steps = list(case.workflow.steps)
    return steps[int(draw * len(steps))]


# -- the desk -------------------------------------------------------------------------------------------------------


def at_the_desk(
    store: Store,
    verb: str,
    draw: float,
    *,
    arrived: Callable[[str], bool],
    ordered: Callable[[str, bool], None],
    now: datetime,
) -> str:
    """A coordinator takes a task and does something with it; a refusal changes nothing."""
    status = "<> 'open'" if verb == "reopen" else "= 'open'"
    row = picked(
        store,
        "SELECT task_id, task_type, instance_id, step_id FROM coordinator_tasks"
        f" WHERE status {status} ORDER BY task_id",
        draw,
    )
    if row is None:
        return "nothing there"
    try:
        _do(store, verb, draw, row, arrived=arrived, ordered=ordered, now=now)
    except CoopflowError as refusal:
        return str(refusal)
    return f"{verb} task {row[0]}"


def _do(
    store: Store,
    verb: str,
    draw: float,
    row: Any,
    *,
    arrived: Callable[[str], bool],
    ordered: Callable[[str, bool], None],
    now: datetime,
) -> None:
    number, kind, instance, step = row
    part = draw * 7 % 1
    match verb:
        case "done" if kind == "doubt":
            key = _key_in_doubt(store, instance, step)
            truth = arrived(key)
            said = truth if part < 0.8 else not truth  # now and then a person is wrong
            ordered(key, said)
            outcome = "sent" if said else "not_sent"
            finish_task(store, number, outcome=outcome, note=None, actor="sarah", now=now)
        case "done":
            outcome = _outcome(store, kind, instance, step, part)
            finish_task(store, number, outcome=outcome, note="done", actor="mike", now=now)
        case "dismiss":
            dismiss_task(store, number, note=None, actor="mike", now=now)
        case "reopen":
            reopen_task(store, number, actor="mike", now=now)
        case "snooze":
            snooze_task(store, number, now + timedelta(hours=1 + int(70 * part)), actor="mike", now=now)
        case "assign":
            assign_task(store, number, "mike", actor="sarah", now=now)


def _key_in_doubt(store: Store, instance: int, step: str) -> str:
    question = (
        "SELECT idempotency_key FROM workflow_step_executions WHERE instance_id = ? AND step_id = ?"
        " AND idempotency_key IS NOT NULL ORDER BY execution_id DESC"
    )
    return str(picked(store, question, 0, instance, step)[0])


def _outcome(store: Store, kind: str, instance: int | None, step: str | None, part: float) -> str | None:
    if kind in FIXED:
        return FIXED[kind][int(part * len(FIXED[kind]))]
    [case] = store.cases.load([instance]) if instance is not None else [None]
    outcomes = tuple(getattr(case.workflow.steps.get(step or ""), "outcomes", ())) if case else ()
    return outcomes[int(part * len(outcomes))] if outcomes else None


def changes(store: Store, family_id: str, *, now: datetime, **columns: Any) -> None:
    """An import that changes a family."""
    from coopflow.events import reconsider
    from coopflow.replanning import replan_families

    with store.transaction():
        before = store.families([family_id])[family_id]
        after = replace(before, **columns)
        store.save_families([after], now=now)
        if after.withdrawal_risk != before.withdrawal_risk:
            store.add_scores([after], now=now)
        reconsider(store, [family_id], now=now)
        places = ("time_zone", "phone", "attributes")
        if changed := [name for name in places if getattr(after, name) != getattr(before, name)]:
            replan_families(store, {family_id: f"{', '.join(changed)} changed"}, actor="import", now=now)
