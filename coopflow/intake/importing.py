"""A member list goes into the store: all of it or nothing, and only what differs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from coopflow.core.decide import FORGOTTEN
from coopflow.core.model import Event, Family
from coopflow.errors import Invalid
from coopflow.events import reconsider
from coopflow.holes import close_mended_holes
from coopflow.intake.families import FamilyReader, FamilyRecord
from coopflow.intake.fields import require_columns
from coopflow.intake.formats import BadRecord, Records
from coopflow.intake.taking import rolled_back
from coopflow.intake.unfit import Unfit, sentences
from coopflow.keeping.erased import welcome_back
from coopflow.loading import look_again
from coopflow.replanning import replan_families
from coopflow.store.store import Store


class Change(Struct, frozen=True, kw_only=True):
    """One family that the list changes."""

    family: Family
    new: bool
    names: Sequence[str]  # of the columns and attributes that differ


class Imported(Struct, frozen=True, kw_only=True):
    """What became of a list."""

    families: int
    changes: Sequence[Change]
    finished: Sequence[int]  # instances that ended by what changed
    replanned: Sequence[int] = ()  # instances with a step that got another time by what changed

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


def import_families(
    store: Store,
    records: Records,
    *,
    region: str | None,
    actor: str,
    now: datetime,
    dry_run: bool = False,
    again: bool = False,
) -> Imported:
    """Insert and update families; raise Invalid with every bad record, and change nothing, if there is one.

    A family that was forgotten comes in anew only with `again`.
    """
    require_columns(records, ("family_id",))
    good, bad = FamilyReader(region=region).read_all(records)
    with rolled_back(store) if dry_run else nullcontext(), store.transaction():
        known = store.families([record.family_id for record in good])
        forgotten = {family_id: family for family_id, family in known.items() if family.status == FORGOTTEN}
        bad += [_forgotten(record) for record in good if record.family_id in forgotten and not again]
        for family_id in forgotten if again else ():
            del known[family_id]
        bad += [_nameless(record) for record in good if record.family_id not in known and not _named(record)]
        if bad:
            raise _refused(records.name, bad)
        changes = [_with_its_word(change, forgotten) for change in _changes(good, known)]
        _save(store, changes, known, now=now)
        welcome_back(store, forgotten, now=now)
        store.log([_told(change, records.name, actor=actor, now=now) for change in changes])
        if changes:
            look_again(store)
        known_before = [change.family.family_id for change in changes if not change.new]
        finished = reconsider(store, known_before, now=now)
        close_mended_holes(store, known_before, now=now)
        replanned = replan_families(store, _reasons_to_replan(changes, known), actor=actor, now=now)
    return Imported(families=len(good), changes=changes, finished=finished, replanned=replanned)


def _changes(records: Iterable[FamilyRecord], known: Mapping[str, Family]) -> Iterator[Change]:
    for record in records:
        before = known.get(record.family_id)
        after = record.applied_to(before)
        if names := _differing(before, after, record):
            yield Change(family=after, new=before is None, names=names)


def _with_its_word(change: Change, forgotten: Mapping[str, Family]) -> Change:
    """A family that begins anew has said before whether it may be written to, and that stands."""
    shell = forgotten.get(change.family.family_id)
    return replace(change, family=replace(change.family, consent=shell.consent)) if shell else change


def _differing(before: Family | None, after: Family, record: FamilyRecord) -> list[str]:
    if before is None:
        return [name for name, value in record.columns.items() if value is not None] + [*after.attributes]
    columns = [name for name in record.columns if getattr(before, name) != getattr(after, name)]
    return columns + [name for name in record.attributes if _value(before, name) != _value(after, name)]


def _value(family: Family, name: str) -> tuple[type, object]:
    """An attribute with its type: 1 and true are not alike."""
    value = family.attributes.get(name)
    return type(value), value


def _save(store: Store, changes: Sequence[Change], known: Mapping[str, Family], *, now: datetime) -> None:
    store.save_families([change.family for change in changes], now=now)
    store.add_scores([_measured(change.family, known.get(change.family.family_id)) for change in changes], now=now)


def _reasons_to_replan(changes: Iterable[Change], known: Mapping[str, Family]) -> dict[str, str]:
    """Why steps that wait for a family may have another time now; families without such a reason are left out."""
    reasons = {change.family.family_id: "; ".join(_moved(change, known)) for change in changes if not change.new}
    return {family_id: reason for family_id, reason in reasons.items() if reason}


def _moved(change: Change, known: Mapping[str, Family]) -> Iterator[str]:
    family, before = change.family, known[change.family.family_id]
    if "time_zone" in change.names:
        zones = (found.time_zone or "the co-op's zone" for found in (before, family))
        yield f"family {family.family_id} moved from {' to '.join(zones)}"
    if "phone" in change.names:
        yield f"family {family.family_id} has another phone number"
    if attributes := [name for name in change.names if name in {**before.attributes, **family.attributes}]:
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
        family_id=change.family.family_id,
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
