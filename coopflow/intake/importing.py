"""A member list goes into the store: all of it or nothing, and only what differs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from sys import intern
from typing import NamedTuple, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from coopflow.core.decide import FORGOTTEN
from coopflow.core.model import Event, Family
from coopflow.errors import Invalid
from coopflow.events import reconsider
from coopflow.holes import close_mended_holes
from coopflow.intake.families import FamilyReader, FamilyRecord
from coopflow.intake.fields import require_columns
from coopflow.intake.formats import BadRecord, Records
from coopflow.intake.spooled import Spool
from coopflow.intake.taking import rolled_back
from coopflow.intake.unfit import Unfit, sentences
from coopflow.keeping.erased import welcome_back
from coopflow.loading import look_again
from coopflow.replanning import replan_families
from coopflow.store.store import Store

Item = TypeVar("Item")

BATCH = 500  # families at a time, so that a long list needs no more memory than a short one


class Change(NamedTuple):
    """One family that the list changes."""

    family_id: str
    family_name: str
    new: bool
    names: tuple[str, ...]  # of the columns and attributes that differ


class Imported(Struct, kw_only=True):
    """What became of a list."""

    families: int = 0
    changes: list[Change] = field(default_factory=list)
    statuses: set[str] = field(default_factory=set)  # of the families that the list changes
    finished: list[int] = field(default_factory=list)  # instances that ended by what changed
    replanned: list[int] = field(default_factory=list)  # instances with a step that got another time by what changed

    @property
    def new(self) -> int:
        """How many families were not known before."""
        return sum(change.new for change in self.changes)

    @property
    def changed(self) -> int:
        """How many were known otherwise."""
        return len(self.changes) - self.new

    @property
    def unchanged(self) -> int:
        """How many were known exactly so."""
        return self.families - len(self.changes)


Watched = Callable[[Iterable[Item], int, str], Iterable[Item]]  # shows how far something has come: total and words


def import_families(
    store: Store,
    records: Records,
    *,
    region: str | None,
    actor: str,
    now: datetime,
    dry_run: bool = False,
    again: bool = False,
    watched: "Watched[list[FamilyRecord]]" = lambda batches, *_: batches,
) -> Imported:
    """Insert and update families; raise Invalid with every bad record, and change nothing, if there is one.

    A family that was forgotten comes in anew only with `again`. The database is written to when all has been read.
    """
    require_columns(records, ("family_id",))
    with Spool(store.path.parent) as spool:
        bad = FamilyReader(region=region).read_all(records, spool.add)
        with rolled_back(store) if dry_run else nullcontext(), store.transaction():
            importing = _Importing(store, records.name, bad, again=again, actor=actor, now=now)
            batches = spool.batches(BATCH)
            for batch in watched(batches, -(-spool.count // BATCH), "Families are written down, 500 at a time"):
                importing.take(batch)
            return importing.concluded()


class _Importing:
    """One list on its way into the store, inside one transaction."""

    def __init__(
        self, store: Store, source: str, bad: list[BadRecord], *, again: bool, actor: str, now: datetime
    ) -> None:
        self._store, self._source, self._again, self._actor, self._now = store, source, again, actor, now
        self._bad = bad
        self._result = Imported()
        self._known_before: list[str] = []
        self._reasons: dict[str, str] = {}  # to plan anew, by family

    def take(self, records: Sequence[FamilyRecord]) -> None:
        """Look at families and write down what differs; once a record is bad, nothing is written any more."""
        known = self._store.families([record.family_id for record in records])
        forgotten = {family_id: family for family_id, family in known.items() if family.status == FORGOTTEN}
        for family_id in forgotten if self._again else ():
            del known[family_id]
        self._bad += [_forgotten(record) for record in records if record.family_id in forgotten and not self._again]
        self._bad += [_nameless(record) for record in records if record.family_id not in known and not _named(record)]
        self._result.families += len(records)
        if not self._bad:
            self._write(list(_differing_families(records, known, forgotten)), known, forgotten)

    def concluded(self) -> Imported:
        """Let what changed have its effect on what is under way, or refuse the whole list."""
        if self._bad:
            raise _refused(self._source, self._bad)
        store, now = self._store, self._now
        if self._result.changes:
            look_again(store)
        for ids in _parts(self._known_before):
            self._result.finished += reconsider(store, ids, now=now)
        for ids in _parts(self._known_before):
            close_mended_holes(store, ids, now=now)
        for ids in _parts(list(self._reasons)):
            reasons = {family_id: self._reasons[family_id] for family_id in ids}
            self._result.replanned += replan_families(store, reasons, actor=self._actor, now=now)
        return self._result

    def _write(
        self,
        changed: Sequence[tuple[Family, Sequence[str]]],
        known: Mapping[str, Family],
        forgotten: Mapping[str, Family],
    ) -> None:
        families = [family for family, _ in changed]
        self._store.save_families(families, now=self._now)
        self._store.add_scores([_measured(family, known.get(family.family_id)) for family in families], now=self._now)
        welcome_back(self._store, forgotten, now=self._now)
        changes = [
            Change(family.family_id, family.family_name, family.family_id not in known, tuple(map(intern, names)))
            for family, names in changed
        ]
        self._store.log([_told(change, self._source, actor=self._actor, now=self._now) for change in changes])
        self._result.changes += changes
        self._result.statuses |= {family.status for family in families}
        self._known_before += [change.family_id for change in changes if not change.new]
        self._reasons |= _reasons_to_replan(changed, known)


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[begin : begin + BATCH] for begin in range(0, len(ids), BATCH))


def _differing_families(
    records: Iterable[FamilyRecord], known: Mapping[str, Family], forgotten: Mapping[str, Family]
) -> Iterator[tuple[Family, Sequence[str]]]:
    """Each family that differs from the one we know, and the names of what differs.

    One that begins anew has said before whether it may be written to, and that stands.
    """
    for record in records:
        before, shell = known.get(record.family_id), forgotten.get(record.family_id)
        after = record.applied_to(before)
        if names := _differing(before, after, record):
            yield (replace(after, consent=shell.consent) if shell else after), names


def _differing(before: Family | None, after: Family, record: FamilyRecord) -> list[str]:
    if before is None:
        return [name for name, value in record.columns.items() if value is not None] + [*after.attributes]
    columns = [name for name in record.columns if getattr(before, name) != getattr(after, name)]
    return columns + [name for name in record.attributes if _value(before, name) != _value(after, name)]


def _value(family: Family, name: str) -> tuple[type, object]:
    """An attribute with its type: 1 and true are not alike."""
    value = family.attributes.get(name)
    return type(value), value


def _reasons_to_replan(changed: Iterable[tuple[Family, Sequence[str]]], known: Mapping[str, Family]) -> dict[str, str]:
    """Why steps that wait for a family may have another time now; families without such a reason are left out."""
    found = {
        family.family_id: "; ".join(_moved(family, known[family.family_id], names))
        for family, names in changed
        if family.family_id in known
    }
    return {family_id: reason for family_id, reason in found.items() if reason}


def _moved(family: Family, before: Family, names: Sequence[str]) -> Iterator[str]:
    if "time_zone" in names:
        zones = (found.time_zone or "the co-op's zone" for found in (before, family))
        yield f"family {family.family_id} moved from {' to '.join(zones)}"
    if "phone" in names:
        yield f"family {family.family_id} has another phone number"
    if attributes := [name for name in names if name in {**before.attributes, **family.attributes}]:
        yield f"{', '.join(attributes)} of family {family.family_id} changed"


def _measured(family: Family, before: Family | None) -> Family:
    """The family with the scores that are new; what was measured before is not measured again."""
    if before is None:
        return family
    score, risk = family.engagement_score, family.withdrawal_risk
    return replace(
        family,
        engagement_score=None if score == before.engagement_score else score,
        withdrawal_risk=None if risk == before.withdrawal_risk else risk,
    )


def _told(change: Change, source: str, *, actor: str, now: datetime) -> Event:
    return Event(
        at=now,
        kind="family.imported",
        actor=actor,
        family_id=change.family_id,
        data={"source": source, "new": change.new, "changed": list(change.names)},
    )


def _named(record: FamilyRecord) -> bool:
    return bool(record.columns.get("family_name"))


def _forgotten(record: FamilyRecord) -> BadRecord:
    words = f"family {record.family_id} was forgotten; if it has come back by its own wish, say --again"
    return BadRecord(record.line, (Unfit(words, field="family_id"),))


def _nameless(record: FamilyRecord) -> BadRecord:
    return BadRecord(record.line, (Unfit("it is missing, and the family is new", field="family_name"),))


def _refused(source: str, bad: Iterable[BadRecord]) -> Invalid:
    lines = [f"{source}:{record.line}: {sentences(record.problems)}" for record in sorted(bad, key=_line)]
    return Invalid("\n".join([*lines, f"Nothing was imported: mend {_counted(len(lines))} and import again."]))


def _line(record: BadRecord) -> int:
    return record.line


def _counted(lines: int) -> str:
    return "this line" if lines == 1 else f"these {lines} lines"
