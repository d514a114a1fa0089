"""Workflow versions: stored once and never changed, read back as core values."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from peewee import Database

from coopflow.core import rules
from coopflow.core.audit import canonical_json
from coopflow.core.instants import format_instant, parse_instant
from coopflow.core.reading import DEFAULT_PRIORITY, read_workflow
from coopflow.core.workflow import CallingStep, ConditionStep, Workflow
from coopflow.errors import NotFound
from coopflow.problems import did_you_mean
from coopflow.store.rows import json_text

_ADD = """
INSERT INTO workflow_templates (
    template_name, version, description, trigger_type, trigger_conditions, steps, default_timing,
    max_concurrent_instances, priority, retry_strategy, escalation_rules, completion_criteria, messages, conflict,
    active, source_path, source_hash, created_date, updated_date
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_VERSIONS = """
SELECT template_id, template_name, version, description, trigger_type, trigger_conditions, steps,
       max_concurrent_instances, priority, default_timing, retry_strategy, escalation_rules, completion_criteria,
       conflict, messages, active, source_path, source_hash, created_date
FROM workflow_templates AS t
"""
_OF_EACH_THE_NEWEST = """
WHERE version = (SELECT MAX(version) FROM workflow_templates WHERE template_name = t.template_name)
ORDER BY template_name
"""
_SET_ACTIVE = "UPDATE workflow_templates SET active = ?, updated_date = ? WHERE template_id = ?"
_ANY_THAT_QUEUES = "SELECT EXISTS (SELECT 1 FROM workflow_templates WHERE conflict = 'queue')"
_NEWEST_NUMBERS = "SELECT template_name, MAX(version) FROM workflow_templates GROUP BY template_name"
_IN_USE = """
SELECT t.template_name, t.version, COUNT(*)
FROM workflow_instances i JOIN workflow_templates t USING (template_id)
WHERE i.completed_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2
"""

# beside MAX, SQLite answers with the columns of the row that has it
_NEWEST = """
SELECT template_id, active, MAX(version) FROM workflow_templates GROUP BY template_name ORDER BY template_name
"""


class StoredVersion(Struct, frozen=True, kw_only=True):
    """One version as it is stored: its plain data, its texts and where it came from."""

    template_id: int
    name: str
    version: int
    active: bool
    data: Mapping[str, Any]
    messages: Mapping[str, Mapping[str, str]]
    source_path: str
    source_hash: str
    created_date: datetime


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
        newest = [(number, bool(active)) for number, active, _ in self._db.execute_sql(_NEWEST)]
        if any(key not in self._read for key in newest):
            return [self._workflow(version) for version in self.current_versions()]
        return [self._read[key] for key in newest]

    def current_versions(self) -> list[StoredVersion]:
        """The newest version of each workflow as it is stored, by name."""
        return [_version(row) for row in self._db.execute_sql(f"{_VERSIONS} {_OF_EACH_THE_NEWEST}")]

    def newest_numbers(self) -> Mapping[str, int]:
        """The number of the newest version of each workflow."""
        return dict(self._db.execute_sql(_NEWEST_NUMBERS).fetchall())

    def newest(self, name: str) -> StoredVersion:
        """The newest version of one workflow; NotFound names what may have been meant."""
        found = {version.name: version for version in self.current_versions()}
        if name not in found:
            hint = did_you_mean(name, found) or " List them with: coopflow workflow list"
            raise NotFound(f"there is no workflow '{name}'.{hint}")
        return found[name]

    def versions(self, name: str) -> list[StoredVersion]:
        """Every version of one workflow, oldest first."""
        rows = self._db.execute_sql(f"{_VERSIONS} WHERE template_name = ? ORDER BY version", (name,))
        return [_version(row) for row in rows]

    def version(self, name: str, number: int | None = None) -> StoredVersion:
        """One version of a workflow by its number, or the newest; NotFound names those that there are."""
        newest = self.newest(name)
        if number in (None, newest.version):
            return newest
        found = {version.version: version for version in self.versions(name)}
        if number not in found:
            listed = ", ".join(map(str, found))
            raise NotFound(f"there is no version {number} of workflow '{name}'; there is {listed}")
        return found[number]

    def any_that_queues(self) -> bool:
        """True if a version of any workflow waits for other conversations to end."""
        (any_does,) = self._db.execute_sql(_ANY_THAT_QUEUES).fetchone()
        return bool(any_does)

    def in_use(self) -> Mapping[str, Mapping[int, int]]:
        """How many active instances each version of each workflow has; those without any are left out."""
        found: dict[str, dict[int, int]] = {}
        for name, version, count in self._db.execute_sql(_IN_USE):
            found.setdefault(name, {})[version] = count
        return found

    def stored(self, template_id: int) -> StoredVersion:
        """One version as it is stored."""
        row = self._db.execute_sql(f"{_VERSIONS} WHERE template_id = ?", (template_id,)).fetchone()
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
        row = (
            data["name"],
            version,
            data.get("description", ""),
            trigger.pop("type"),
            canonical_json(trigger),
            canonical_json(data["steps"]),
            json_text(data.get("timing")),
            data.get("max_concurrent_instances", 1),
            data.get("priority", DEFAULT_PRIORITY),
            json_text(data.get("retry")),
            json_text(data.get("escalation")),
            json_text(data.get("completion_criteria")),
            canonical_json(messages),
            data.get("conflict"),
            active,
            source_path,
            source_hash,
            stamp,
            stamp,
        )
        return int(self._db.execute_sql(_ADD, row).lastrowid)

    def set_active(self, template_id: int, active: bool, *, now: datetime) -> None:
        """Let a workflow start instances, or no more; those that run go on either way."""
        self._db.execute_sql(_SET_ACTIVE, (active, format_instant(now), template_id))


def fields_used(workflow: Workflow) -> frozenset[str]:
    """Every field that a condition of the workflow looks at once it runs, or that a request may be filled with."""
    conditions = [workflow.completion_criteria]
    for step in workflow.steps.values():
        conditions.append(step.only_if)
        if isinstance(step, ConditionStep):
            conditions.append(step.condition)
    asks = any(isinstance(step, CallingStep) and step.body for step in workflow.steps.values())
    filled_in = {"steps.", "engagement_score", "withdrawal_risk"} if asks else set()
    return frozenset(filled_in).union(*(rules.fields_of(found) for found in conditions if found is not None))


def _version(row: Sequence[Any]) -> StoredVersion:
    """A version from a row of `_VERSIONS`."""
    template_id, name, version, description, trigger_type, trigger, steps, at_once, priority = row[:9]
    timing, retry, escalation, criteria, conflict, messages, active, source_path, source_hash, created = row[9:]
    said = {"timing": timing, "retry": retry, "escalation": escalation, "completion_criteria": criteria}
    data = {
        "name": name,
        "description": description,
        "trigger": {"type": trigger_type, **json.loads(trigger or "{}")},
        "steps": json.loads(steps),
        "max_concurrent_instances": at_once,
        "priority": priority,
        **{key: json.loads(text) for key, text in said.items() if text is not None},
        **({"conflict": conflict} if conflict is not None else {}),
    }
    return StoredVersion(
        template_id=template_id,
        name=name,
        version=version,
        active=bool(active),
        data=data,
        messages=json.loads(messages),
        source_path=source_path or "",
        source_hash=source_hash or "",
        created_date=parse_instant(created),
    )
