"""Workflow versions: stored once and never changed, read back as core values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import Database

from coopflow.core import rules
from coopflow.core.audit import canonical_json
from coopflow.core.instants import format_instant
from coopflow.core.reading import read_workflow
from coopflow.core.workflow import ConditionStep, Workflow
from coopflow.errors import NotFound
from coopflow.problems import did_you_mean

_COLUMNS = """
SELECT template_id, template_name, version, description, trigger_type, trigger_conditions, steps, default_timing,
       max_concurrent_instances, priority, retry_strategy, escalation_rules, completion_criteria, messages, active,
       source_path, source_hash, created_date
FROM workflow_templates
"""
_CURRENT = f"""{_COLUMNS}
WHERE (template_name, version) IN (SELECT template_name, MAX(version) FROM workflow_templates GROUP BY 1)
"""
_ADD = """
INSERT INTO workflow_templates (template_name, version, description, trigger_type, trigger_conditions, steps,
       default_timing, max_concurrent_instances, priority, retry_strategy, escalation_rules, completion_criteria,
       messages, active, source_path, source_hash, created_date, updated_date)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """One version as it is stored: its plain data, its texts and where it came from."""

    template_id: int
    name: str
    version: int
    active: bool
    data: Mapping[str, Any]
    messages: Mapping[str, Mapping[str, str]]
    source_path: str
    source_hash: str
    created_date: str


class Templates:
    """The workflow versions of one database; what was read once is kept, since a version never changes."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._read: dict[tuple[int, bool], Workflow] = {}
        self._fields: dict[int, frozenset[str]] = {}

    def get(self, template_id: int) -> Workflow:
        """One version by its id."""
        known = self._read.get((template_id, True)) or self._read.get((template_id, False))
        return known or self._workflow(self.stored(template_id))

    def fields(self, template_id: int) -> frozenset[str]:
        """What the conditions inside a version look at while it runs, so that no more is loaded than that."""
        if template_id not in self._fields:
            self._fields[template_id] = fields_used(self.get(template_id))
        return self._fields[template_id]

    def current(self) -> list[Workflow]:
        """The newest version of each workflow, by name; disabled ones are there too, as not active."""
        return [self._workflow(version) for version in self.current_versions()]

    def current_versions(self) -> list[StoredVersion]:
        """The newest version of each workflow as it is stored."""
        return sorted((_version(row) for row in self._db.execute_sql(_CURRENT)), key=lambda version: version.name)

    def newest(self, name: str) -> StoredVersion:
        """The newest version of one workflow; NotFound names those that there are."""
        found = {version.name: version for version in self.current_versions()}
        if name not in found:
            raise NotFound(f"there is no workflow '{name}'.{did_you_mean(name, found)}")
        return found[name]

    def versions(self, name: str) -> list[StoredVersion]:
        """Every version of one workflow, oldest first."""
        rows = self._db.execute_sql(f"{_COLUMNS} WHERE template_name = ? ORDER BY version", (name,))
        return [_version(row) for row in rows]

    def stored(self, template_id: int) -> StoredVersion:
        """One version as it is stored."""
        row = self._db.execute_sql(f"{_COLUMNS} WHERE template_id = ?", (template_id,)).fetchone()
        if row is None:
            raise NotFound(f"there is no workflow version with the id {template_id}")
        return _version(row)

    def _workflow(self, stored: StoredVersion) -> Workflow:
        key = (stored.template_id, stored.active)
        if key not in self._read:
            self._read[key] = read_workflow(
                stored.data,
                stored.messages,
                template_id=stored.template_id,
                version=stored.version,
                active=stored.active,
            )
        return self._read[key]

    def add(
        self,
        *,
        data: Mapping[str, Any],
        messages: Mapping[str, Mapping[str, str]],
        version: int,
        source_path: str,
        source_hash: str,
        active: bool,
        now: datetime,
    ) -> int:
        """Store a new version; answer with its id."""
        trigger = dict(data["trigger"])
        stamp = format_instant(now)
        cursor = self._db.execute_sql(
            _ADD,
            (
                data["name"],
                version,
                data.get("description", ""),
                trigger.pop("type"),
                canonical_json(trigger),
                canonical_json(data["steps"]),
                _json(data.get("timing")),
                data.get("max_concurrent_instances", 1),
                data.get("priority", 5),
                _json(data.get("retry")),
                _json(data.get("escalation")),
                _json(data.get("completion_criteria")),
                canonical_json(messages),
                active,
                source_path,
                source_hash,
                stamp,
                stamp,
            ),
        )
        return int(cursor.lastrowid)

    def set_active(self, template_id: int, active: bool, *, now: datetime) -> None:
        """Let a workflow start instances, or no more; those that run go on either way."""
        self._db.execute_sql(
            "UPDATE workflow_templates SET active = ?, updated_date = ? WHERE template_id = ?",
            (active, format_instant(now), template_id),
        )


def fields_used(workflow: Workflow) -> frozenset[str]:
    """Every field that a condition of the workflow looks at once it runs."""
    conditions = [workflow.completion_criteria]
    for step in workflow.steps.values():
        conditions.append(step.only_if)
        if isinstance(step, ConditionStep):
            conditions.append(step.condition)
    return frozenset().union(*(rules.fields_of(condition) for condition in conditions if condition is not None))


def _json(value: Any) -> str | None:
    return None if value is None else canonical_json(value)


def _version(row: Any) -> StoredVersion:
    optional = {
        "timing": row[7],
        "retry": row[10],
        "escalation": row[11],
        "completion_criteria": row[12],
    }
    data = {
        "name": row[1],
        "description": row[3],
        "trigger": {"type": row[4], **json.loads(row[5])},
        "steps": json.loads(row[6]),
        "max_concurrent_instances": row[8],
        "priority": row[9],
        **{key: json.loads(text) for key, text in optional.items() if text is not None},
    }
    return StoredVersion(
        template_id=row[0],
        name=row[1],
        version=row[2],
        active=bool(row[14]),
        data=data,
        messages=json.loads(row[13]),
        source_path=row[15],
        source_hash=row[16],
        created_date=row[17],
    )
