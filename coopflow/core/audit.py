"""The audit trail: how an entry is written, how entries are chained and checked, and what each one says.

An entry's hash is the SHA-256 of the canonical JSON of `[prev_hash, event_id, at, kind, family_id, instance_id, actor,
data]`, all of them as stored (`data` is itself text). So anyone can check an export with a few lines in any language.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from json.encoder import c_make_encoder, encode_basestring  # type: ignore[attr-defined]  # its stubs leave it out
from types import NoneType
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from coopflow.core.instants import format_instant
from coopflow.errors import Invalid

GENESIS = "0" * 64  # what the first entry follows from
PERSONAL = "personal"  # the key under which an entry's data holds the commitment to its erasable part


class Record(NamedTuple):
    """One entry of the log as it is stored."""

    event_id: int
    at: str
    kind: str
    family_id: str | None
    instance_id: int | None
    actor: str
    data: str
    prev_hash: str
    hash: str
    personal: str | None = None  # the erasable part, where it is asked for and still exists


class Verified(Struct, frozen=True):
    """The chain holds from the first entry to the last."""

    rows: int
    head: str  # the last entry's hash: kept elsewhere, it proves later that nothing was cut off


class Broken(Struct, frozen=True):
    """The log is not as it was written."""

    event_id: int | None  # the first entry that is wrong; None: it cannot be told which
    reason: str


def canonical_json(value: Any) -> str:
    """Write a JSON value in its one text form: keys sorted, no blanks, no NaN; an instant becomes its text."""
    return "".join(_encoded(value, 0))


def row_hash(
    prev_hash: str,
    event_id: int,
    at_text: str,
    kind: str,
    family_id: str | None,
    instance_id: int | None,
    actor: str,
    data_text: str,
) -> str:
    """Chain an entry to the one before it, by the canonical JSON of all of it."""
    entry = (prev_hash, event_id, at_text, kind, family_id, instance_id, actor, data_text)
    return sha256(msgspec.json.encode(entry)).hexdigest()


def commitment(salt: bytes, personal: Mapping[str, Any]) -> str:
    """Make what an entry keeps of its erasable part: proof while salt and words exist, and nothing afterwards."""
    return committed_text(salt, canonical_json(personal))


def committed_text(salt: bytes, personal_text: str) -> str:
    """Do the same for a part that is canonical JSON already."""
    return sha256(salt + personal_text.encode()).hexdigest()


def verify_rows(rows: Iterable[Record], head: str | None = None) -> Verified | Broken:
    """Check entries from the first to the last; `head`, saved earlier, must be the hash of one of them.

    Only a head that was kept elsewhere shows that the end was cut off, or that somebody wrote the whole log anew.
    """
    wanted = checked_head(head)
    found = wanted in (None, GENESIS)
    previous, number = GENESIS, 0
    for number, row in enumerate(rows, start=1):
        reason = _fault(number, previous, row)
        if reason is not None:
            return Broken(min(number, row[0]), reason)
        previous = row[8]
        found = found or previous == wanted
    if not found:
        return Broken(None, "the saved head is nowhere in the log: its end was cut off, or it was written anew")
    return Verified(number, previous)


def checked_head(head: str | None) -> str | None:
    """Bring a saved head into its one form; raise Invalid for what cannot be one."""
    if head is None:
        return None
    text = head.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise Invalid(f"a head of the audit trail is 64 hexadecimal digits (SHA-256), not {head.strip()!r}")
    return text


def sentence(kind: str, data: Mapping[str, Any]) -> str:
    """Say what an entry means, for a person; a kind that is not known here is shown with its data."""
    pattern = SENTENCES.get(kind)
    if pattern is not None:
        return re.sub(_SECTION, lambda section: _filled(section[1], section[2] or "", data), pattern)
    shown = {key: value for key, value in data.items() if key != PERSONAL}
    return f"{kind}: {canonical_json(shown)}" if shown else kind


# A section in brackets is shown when every value it names is there; else what follows its bar is, or nothing.
SENTENCES: dict[str, str] = {
    "instance.started": "Started[ '{workflow}'][ version {version}][ because of {triggered_by}][: {reason}]",
    "instance.paused": "Paused[: {reason}]",
    "instance.resumed": "Resumed[: {reason}]",
    "instance.completed": "Completed[ with outcome {outcome}][: {reason}]",
    "instance.failed": "Failed[: {reason}]",
    "instance.cancelled": "Cancelled[: {reason}]",
    "instance.moved": "Moved[ from '{step}'][ to '{to}'][: {reason}]",
    "instance.migrated": "Moved[ to version {to_version}][ of '{workflow}'][ from version {from_version}][: {reason}]",
    "instance.snoozed": "Put off[ until {until}][: {reason}]",
    "instance.hurried": "Brought forward to now[: {reason}]",
    "instance.archived": "Moved into an archive[: {archive}]",
    "instance.noted": "Note[: {note}| (erased)]",
    "step.started": "['{step}'|A step] began[ with {branches} branches]",
    "step.waiting": "['{step}'|A step] waits[ until {until}][: {reason}]",
    "step.completed": "['{step}'|A step] is done[, next is '{next}']",
    "step.failed": "['{step}'|A step] failed[: {reason}]",
    "step.skipped": "['{step}'|A step] was skipped[: {reason}]",
    "step.retrying": "['{step}'|A step] is tried again[ at {at}][ (attempt {attempt})][: {reason}]",
    "step.deferred": "['{step}'|A step] was put off[ until {until}][: {reason}]",
    "step.approved": "['{step}'|A step] was approved[: {reason}]",
    "step.in_doubt": "It is not known whether the message of ['{step}'|a step] left[: {reason}]",
    "step.replanned": "['{step}'|A step] was planned again[: {from} → {to}][: {reason}]",
    "step.after_deadline": "['{step}'|A step] is planned[ for {planned}] after the deadline[ of {deadline}]",
    "deadline.near": "The deadline is near[: {deadline}]",
    "doubt.resolved": "The doubt about the message of ['{step}'|a step] was settled[; it was sent: {sent}]",
    "message.intended": "A message is about to leave[ by {channel}][ to {to}][ for '{step}']",
    "message.accepted": "The message[ of '{step}'] was accepted[ (reference {reference})]",
    "message.refused": "The message[ of '{step}'] was refused[: {reason}]",
    "message.withdrawn": "The message[ of '{step}'] was not sent[: {reason}]",
    "message.tested": "A test message was handed over[ by {channel}][ to {to}][: {fate}][ ({reason})]",
    "message.resting": "The message[ of '{step}'] rests[ until {until}]",
    "message.recalled": "The message[ of '{step}'] was taken back before it left[: {reason}]",
    "delivery.live": "Messages really leave from now on, a person said[; {due} were due]",
    "delivery.ended": "Messages do not leave any more until a person says so again[: {reason}]",
    "delivery.held": "Messages stay in the house[: {messages} of them][, {reason}]",
    "delivery.released": "A person let [{messages} ]messages leave at once, one time",
    "digest.sent": "The digest[ of {day}] was sent[ to {coordinator}]",
    "digest.failed": "The digest[ of {day}] could not be sent[ to {coordinator}][: {reason}]",
    "task.opened": "Task[ {task}] opened[: {task_type}][ for {assignee}][: {description}]",
    "task.done": "Task[ {task}] done[: {task_type}][, outcome {outcome}][: {note}]",
    "task.dismissed": "Task[ {task}] dismissed[: {task_type}][: {reason}][: {note}]",
    "task.reopened": "Task[ {task}] opened again[: {task_type}][: {reason}]",
    "task.assigned": "Task[ {task}] assigned[ to {assignee}][: {reason}]",
    "task.snoozed": "Task[ {task}] put off[ until {until}][: {reason}]",
    "task.escalated": "Task[ {task}] went up[ to {assignee}][, open for {after}]",
    "task.withdrawn": "Task[ {task}] withdrawn[: {task_type}][: {reason}]",
    "trigger.skipped": "['{workflow}'|A workflow] was not started[ for {triggered_by}][: {reason}]",
    "trigger.rejected": "A trigger[ ({triggered_by})] was rejected[: {reason}]",
    "workflow.loaded": "Workflow[ '{workflow}'] was loaded[ as version {version}][ from {source_path}]",
    "workflow.rejected": "Workflow[ '{workflow}'] was rejected[: {reason}]",
    "workflow.enabled": "Workflow[ '{workflow}'] was switched on[: {reason}]",
    "workflow.disabled": "Workflow[ '{workflow}'] was switched off[: {reason}]",
    "workflow.retired": "Workflow[ '{workflow}'] was retired[: {reason}]",
    "event.noted": "An event[ {event}] came too late to count[: {reason}]",
    "family.imported": "The family was imported[ from {source}]",
    "family.forgotten": "The family was forgotten[: {reason}]",
    "family.gentle_until": "The family is treated gently[ until {until}][: {reason}]",
    "family.gentle_ended": "The family is not treated gently any more[: {reason}]",
    "family.opted_out": "The family opted out[ of {channel}][ by {how}][ ({covers} only)][: {reason}]",
    "family.opted_in": "The family opted in[ to {channel}][ by {how}][: {reason}]",
    "address.suppressed": "Nothing goes to the address any more[: {channel}][ by {how}][: {reason}]",
    "consent.noted": "What was said earlier is on record, and does not count any more[: {channel}][ by {how}]",
    "calendar.imported": "Calendar[ '{calendar}'] was imported[ from {source}][: {added} days new][, {removed} gone]",
    "calendar.removed": "Calendar[ '{calendar}'] was removed[ with its {days} days]",
    "transport.held": "Messages[ by {channel}] wait: the transport[ {transport}] is out of order[: {reason}]",
    "transport.restored": "Messages[ by {channel}] leave again[; the transport was out of order since {since}]",
    "message.reported": "Of the message[ of '{step}'] the gateway says[: {delivery}]",
    "message.returned": "The message[ of '{step}'] did not arrive[: {reason}]",
    "message.delayed": "The message[ of '{step}'] is not there yet[: {reason}]",
    "inbox.taken": "Something came in[ by {channel}][: {kind}][, {reason}]",
    "inbox.assigned": "Item[ {item}] of the inbox was matched by a person",
    "inbox.put_aside": "Item[ {item}] of the inbox was put aside by a person",
    "address.failed": "Messages to the family come back[ by {channel}][: {reason}]",
    "address.cleared": "Messages may go to the family's address again[ by {channel}][: {reason}]",
    "backup.made": "A backup was written[ to {file}][, with {entries} entries]",
    "database.restored": "The database was restored[ from {file}][, which ended with entry {entries}]",
    "database.adopted": "The database is the one to go on with, a person said[: {why}][; {held} overdue were held]",
    "clock.held": "Nothing is done until the clock is right[: {reason}]",
    "clock.accepted": "The clock is right, a person said[: {shown}][ (doubted since {reason})]",
}

_SECTION = r"\[([^\[\]|]*)(?:\|([^\[\]|]*))?\]"
_FIELD = r"\{(\w+)\}"


def _filled(pattern: str, fallback: str, data: Mapping[str, Any]) -> str:
    if any(data.get(key) in (None, "") for key in re.findall(_FIELD, pattern)):
        return fallback
    return re.sub(_FIELD, lambda field: _in_words(data[field[1]]), pattern)


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_in_words(part) for part in value)
    if isinstance(value, datetime):
        return format_instant(value)
    return canonical_json(value) if isinstance(value, Mapping) else str(value)


def _fault(number: int, previous: str, row: Record) -> str | None:
    """Why this row cannot be entry `number` after an entry with the hash `previous`; None when it is."""
    if row[0] != number:
        return "the entry is missing" if row[0] > number else "an entry stands before the first one"
    if row[7] != previous:
        return "the entry does not follow from the one before it"
    if tuple(map(type, row[:7])) not in _TYPES:
        return "the entry holds a value of the wrong type"  # in JSON a BLOB would look like text
    written = row_hash(previous, number, row[1], row[2], row[3], row[4], row[5], row[6])
    return None if row[8] == written else "the entry was changed after it was written"


_TYPES = {(int, str, str, family, instance, str, str) for family in (str, NoneType) for instance in (int, NoneType)}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value: {value!r}")


# `JSONEncoder.encode` makes this anew for every value, which takes longer than writing one: no check for values that
# hold themselves, `_plain` for what JSON does not know, texts not in ASCII, no blanks, keys sorted, no NaN.
_encoded = c_make_encoder(None, _plain, encode_basestring, None, ":", ",", True, False, False)
