"""Families as rows for a sheet, and what becomes of them as sentences."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from coopflow.cli.consent_words import (
    CHANNEL_WORDS,
    RECORD_COLUMNS,
    consent_document,
    opted_out_of,
    record_rows,
    standing_words,
)
from coopflow.cli.lookup import named
from coopflow.cli.session import Session
from coopflow.core.states import ACTIVE
from coopflow.render import Column, Format, Hint, Sheet

if TYPE_CHECKING:
    from coopflow.core.consent import ConsentRecord
    from coopflow.core.model import Family
    from coopflow.intake.importing import Imported
    from coopflow.store.store import Store

LIST_COLUMNS = (
    Column("family_id", "Family"),
    Column("family_name", "Name", style=Hint.STRONG),
    Column("email", "Email"),
    Column("phone", "Phone"),
    Column("time_zone", "Time zone"),
    Column("status", "Status"),
    Column("language", "Language"),
    Column("engagement_score", "Engagement", justify="right"),
    Column("withdrawal_risk", "Risk", justify="right"),
    Column("opted_out", "Opted out of"),
    Column("active_instances", "Active", justify="right"),
)
INSTANCE_COLUMNS = (
    Column("instance_id", "Instance", justify="right"),
    Column("workflow", "Workflow"),
    Column("status", "Status", style=Hint.STATE),
    Column("current_step", "Step"),
    Column("trigger_date", "Since"),
    Column("next_execution_at", "Next"),
)
CHANGE_COLUMNS = (
    Column("family_id", "Family"),
    Column("family_name", "Name"),
    Column("change", "Change"),
    Column("fields", "What differs", show=", ".join),
)
_OWN = tuple(column.key for column in LIST_COLUMNS if column.key not in ("opted_out", "active_instances"))


# -- lists --------------------------------------------------------------------------------------------------------


def family_rows(store: "Store", families: "Iterable[Family]") -> list[dict[str, Any]]:
    """A row for each family, by name."""
    active: dict[str, int] = {}
    for row in store.looking.instances(statuses=sorted(ACTIVE)):
        active[row["family_id"]] = active.get(row["family_id"], 0) + 1
    ordered = sorted(families, key=lambda one: (one.family_name.casefold(), len(one.family_id), one.family_id))
    return [_row(one) | {"active_instances": active.get(one.family_id, 0)} for one in ordered]


def _row(one: "Family") -> dict[str, Any]:
    return {name: getattr(one, name) for name in _OWN} | {"opted_out": ", ".join(opted_out_of(one)) or None}


def change_rows(imported: "Imported", *, dry_run: bool) -> list[dict[str, Any]]:
    """A row for each family that a list changes."""
    would = "would be " if dry_run else ""
    return [
        {
            "family_id": change.family_id,
            "family_name": change.family_name,
            "change": f"{would}{'new' if change.new else 'changed'}",
            "fields": list(change.names),
        }
        for change in imported.changes
    ]


def import_words(imported: "Imported", *, dry_run: bool) -> list[str]:
    """`500 families: 500 new, 0 changed, 0 unchanged.` and what a coordinator should know besides."""
    from coopflow.core.decide import FORGOTTEN, NOT_CONTACTED
    from coopflow.intake.families import unusual_statuses

    would = "would be " if dry_run else ""
    counts = f"{imported.new} {would}new, {imported.changed} {would}changed, {imported.unchanged} unchanged"
    tail = " No change." if not imported.changes else " Nothing was changed." if dry_run else ""
    noun = "family" if imported.families == 1 else "families"
    lines = [f"{imported.families} {noun}: {counts}.{tail}"]
    if unusual := unusual_statuses(imported.statuses):
        stops = ", ".join(sorted(NOT_CONTACTED - {FORGOTTEN}))
        lines.append(f"Families with the status {', '.join(unusual)} are written to; what stops messages is: {stops}.")
    return lines


# -- one family ---------------------------------------------------------------------------------------------------


def family_document(
    one: "Family", active: Sequence[Mapping[str, Any]], said: "Sequence[ConsentRecord]"
) -> dict[str, Any]:
    """All that is known of a family, as one document."""
    return {name: getattr(one, name) for name in _OWN} | {
        "phone_zones": list(one.phone_zones),
        "gentle_until": one.gentle_until,
        "attributes": dict(one.attributes),
        **consent_document(one, said),
        "instances": [{column.key: row[column.key] for column in INSTANCE_COLUMNS} for row in active],
    }


def show_family(
    session: Session,
    one: "Family",
    active: Sequence[Mapping[str, Any]],
    said: "Sequence[ConsentRecord]",
    failing: Mapping[str, str],
) -> None:
    """The same for the screen; `failing` are the addresses that do not work, in small letters, and why."""
    from coopflow.cli.screens.text import Clock

    clock = Clock(session.app.coop.calendar.tz, session.now)
    cells = [(column.title, getattr(one, column.key)) for column in LIST_COLUMNS if column.key in _OWN]
    if one.time_zone is None:
        assumed = f"not known: the co-op's is used ({session.app.coop.calendar.tz.key})"
        cells = [(title, assumed if title == "Time zone" else value) for title, value in cells]
    cells = [
        (title, f"{value}, which does not work: {why}" if (why := _why(value, failing)) else value)
        for title, value in cells
    ]
    cells += one.attributes.items()
    cells += [(f"May get {words}", standing_words(one, channel, clock)) for channel, words in CHANNEL_WORDS.items()]
    if one.gentle_until is not None and one.gentle_until > session.now:
        cells.append(("Treated gently until", one.gentle_until))
    columns = [Column(str(place), title) for place, (title, _) in enumerate(cells)]
    row = {str(place): value for place, (_, value) in enumerate(cells)}
    session.show(Sheet(columns, [row], title=named(one), card=True), Format.table)
    session.out.write("\n")
    if any(record.text or record.family_id != one.family_id for record in said):
        session.show(Sheet(RECORD_COLUMNS, record_rows(said), title="What was said about messages"), Format.table)
        session.out.write("\n")
    empty = f"Nothing is under way. Why: coopflow why {shlex.quote(one.family_id)}"
    session.show(Sheet(INSTANCE_COLUMNS, active, title="Under way" if active else None, empty=empty), Format.table)


def _why(value: object, failing: Mapping[str, str]) -> str | None:
    return failing.get(value.lower()) if isinstance(value, str) else None
