"""What a person does with things that came in: looks at them, says whose one is, or that it is nobody's."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from coopflow.core.incoming import Incoming, ItemKind, ItemStatus
from coopflow.core.model import Event
from coopflow.core.states import TaskStatus
from coopflow.errors import NotAllowed, NotFound
from coopflow.inbox.effects import Occasion, carry_out
from coopflow.inbox.matching import Match
from coopflow.inbox.taking import Taken
from coopflow.store.asking import Row
from coopflow.store.store import Store

ASSIGNABLE = frozenset({ItemKind.REPLY, ItemKind.STOP, ItemKind.START, ItemKind.AUTOMATIC})
SHORT = 80  # characters of a text in a list


def listed(store: Store, *, unmatched: bool, family_id: str | None, limit: int) -> list[Row]:
    """Items as `inbox list` shows them, the newest first."""
    status = ItemStatus.UNMATCHED if unmatched else None
    return [_row(item) for item in store.inbox.items(status=status, family_id=family_id, limit=limit)]


def item_of(store: Store, item_id: int) -> Row:
    """One item; NotFound says how to list them."""
    found = store.inbox.get(item_id)
    if found is None:
        raise NotFound(f"there is no item {item_id} in the inbox; list them with: coopflow inbox list")
    return found


def document(item: Row) -> dict[str, Any]:
    """All that is known of an item, for programs."""
    words = item["personal"] or {}
    known = {key: value for key, value in item.items() if key != "personal"}
    return {**known, "from": words.get("from"), "subject": words.get("subject"), "text": words.get("text")}


def assign(store: Store, item_id: int, family_id: str, *, actor: str, now: datetime) -> Taken:
    """Let an item have its effect on the family that a person says it belongs to."""
    with store.transaction():
        item = _require_unmatched(store, item_id)
        kind = ItemKind(item["kind"])
        if kind not in ASSIGNABLE:
            raise NotAllowed(f"item {item_id} is {_an(kind)}, which changes nothing for any family")
        if not item["personal"]:
            raise NotAllowed(f"the words of item {item_id} were erased, so there is nothing to assign")
        occasion = Occasion(store=store, item_id=item_id, item=_again(item, kind), source=actor, now=now)
        match = Match(family_id=family_id, how=f"by {actor}", certain=False)
        effect = carry_out(occasion, match)
        reason = "; ".join(filter(None, (match.how, effect.reason)))
        store.inbox.settle(
            item_id,
            status=ItemStatus.MATCHED,
            reason=reason,
            family_id=family_id,
            instance_id=None,
            event_id=effect.event_id,
        )
        store.inbox.forget_words(item["event_id"])
        _log(store, "inbox.assigned", item_id, family_id, actor=actor, now=now)
        _close_question(store, item, actor=actor, now=now)
        return Taken(
            item_id=item_id,
            kind=kind,
            status=ItemStatus.MATCHED,
            reason=reason,
            family_id=family_id,
            touched=effect.touched,
        )


def ignore(store: Store, item_id: int, *, actor: str, now: datetime) -> None:
    """Put an item aside that is nobody's."""
    with store.transaction():
        item = _require_unmatched(store, item_id)
        store.inbox.settle(
            item_id,
            status=ItemStatus.IGNORED,
            reason=f"put aside by {actor}",
            family_id=None,
            instance_id=None,
            event_id=item["event_id"],
        )
        _log(store, "inbox.put_aside", item_id, None, actor=actor, now=now)
        _close_question(store, item, actor=actor, now=now)


def trust(store: Store, address: str, *, actor: str, now: datetime) -> None:
    """Let messages go to an address again at which they came back."""
    with store.transaction():
        cleared = [channel for channel in ("email", "sms") if store.inbox.clear_bad(channel, address.strip())]
        if not cleared:
            raise NotFound("nothing came back from there; what did is listed with: coopflow inbox addresses")
        for channel in cleared:
            for family_id in store.inbox.families_at(channel, address.strip()):
                _log(store, "address.cleared", None, family_id, actor=actor, now=now, channel=channel)


def _again(item: Row, kind: ItemKind) -> Incoming:
    words: Mapping[str, Any] = item["personal"]
    return Incoming(
        kind=kind,
        channel=item["channel"],
        sender=words.get("from"),
        subject=words.get("subject"),
        text=words.get("text", ""),
        at=item["received_at"],
    )


def _require_unmatched(store: Store, item_id: int) -> Row:
    item = item_of(store, item_id)
    if item["status"] == ItemStatus.MATCHED:
        raise NotAllowed(f"item {item_id} belongs to family {item['family_id']} already: {item['reason']}")
    return item


def _close_question(store: Store, item: Row, *, actor: str, now: datetime) -> None:
    if item["task_id"] is None:
        return
    task = store.desk.get(item["task_id"])
    if task.status is TaskStatus.OPEN:
        task.status, task.completed_at = TaskStatus.DONE, now
        store.desk.save(task)
        data = {"task": task.task_id, "task_type": task.task_type}
        store.log([Event(at=now, kind="task.done", actor=actor, family_id=task.family_id, data=data)])


def _log(
    store: Store, kind: str, item_id: int | None, family_id: str | None, *, actor: str, now: datetime, **data: Any
) -> None:
    told = {"item": item_id, **data} if item_id is not None else data
    store.log([Event(at=now, kind=kind, actor=actor, family_id=family_id, data=told)])


def _row(item: Row) -> Row:
    words = item["personal"] or {}
    told = " ".join((words.get("text") or words.get("subject") or "").split())
    return {**item, "from": words.get("from"), "text": told if len(told) <= SHORT else f"{told[: SHORT - 1]}…"}


def _an(kind: ItemKind) -> str:
    return {
        ItemKind.BOUNCE: "a mail that came back",
        ItemKind.REPORT: "a delivery report",
        ItemKind.UNREADABLE: "something that cannot be read",
    }.get(kind, "no answer")


def statuses(taken: Sequence[Taken]) -> dict[str, int]:
    """How many things came to what, leaving out what had come before."""
    found = dict.fromkeys(map(str, ItemStatus), 0)
    for one in taken:
        if not one.again:
            found[one.status] += 1
    return found
