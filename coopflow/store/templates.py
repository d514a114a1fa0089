"""Workflow versions: stored once and never changed, read back as core values."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from peewee import Database, fn

from coopflow.core import rules
from coopflow.core.reading import DEFAULT_PRIORITY, read_workflow
from coopflow.core.workflow import CallingStep, ConditionStep, Workflow
from coopflow.errors import NotFound
from coopflow.problems import did_you_mean
from coopflow.store.tables import TemplateRow

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
        older = TemplateRow.alias()
        newest = older.select(fn.MAX(older.version)).where(older.template_name == TemplateRow.template_name)
        query = TemplateRow.select().where(TemplateRow.version == newest).order_by(TemplateRow.template_name)
        return [_version(row) for row in query.execute(self._db)]

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
        query = TemplateRow.select().where(TemplateRow.template_name == name).order_by(TemplateRow.version)
        return [_version(row) for row in query.execute(self._db)]

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
        return TemplateRow.select().where(TemplateRow.conflict == "queue").exists(self._db)

    def in_use(self) -> Mapping[str, Mapping[int, int]]:
        """How many active instances each version of each workflow has; those without any are left out."""
        found: dict[str, dict[int, int]] = {}
        for name, version, count in self._db.execute_sql(_IN_USE):
            found.setdefault(name, {})[version] = count
        return found

    def stored(self, template_id: int) -> StoredVersion:
        """One version as it is stored."""
        found = list(TemplateRow.select().where(TemplateRow.template_id == template_id).execute(self._db))
        if not found:
            raise NotFound(f"there is no workflow version with the id {template_id}")
        return _version(found[0])

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
        statement = TemplateRow.insert(
            template_name=data["name"],
            version=version,
            description=data.get("description", ""),
            trigger_type=trigger.pop("type"),
            trigger_conditions=trigger,
            steps=data["steps"],
            default_timing=data.get("timing"),
            max_concurrent_instances=data.get("max_concurrent_instances", 1),
            priority=data.get("priority", DEFAULT_PRIORITY),
            retry_strategy=data.get("retry"),
            escalation_rules=data.get("escalation"),
            completion_criteria=data.get("completion_criteria"),
            messages=messages,
            conflict=data.get("conflict"),
            active=active,
            source_path=source_path,
            source_hash=source_hash,
            created_date=now,
            updated_date=now,
        )
        return int(statement.execute(self._db))

    def set_active(self, template_id: int, active: bool, *, now: datetime) -> None:
        """Let a workflow start instances, or no more; those that run go on either way."""
        changed = {TemplateRow.active: active, TemplateRow.updated_date: now}
        TemplateRow.update(changed).where(TemplateRow.template_id == template_id).execute(self._db)


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


def _version(row: TemplateRow) -> StoredVersion:
    said = {
        "timing": row.default_timing,
        "retry": row.retry_strategy,
        "escalation": row.escalation_rules,
        "completion_criteria": row.completion_criteria,
        "conflict": row.conflict,
    }
    data = {
        "name": row.template_name,
        "description": row.description,
        "trigger": {"type": row.trigger_type, **row.trigger_conditions},
        "steps": row.steps,
        "max_concurrent_instances": row.max_concurrent_instances,
        "priority": row.priority,
        **{key: value for key, value in said.items() if value is not None},
    }
    return StoredVersion(
        template_id=row.template_id,
        name=row.template_name,
        version=row.version,
        active=row.active,
        data=data,
        messages=row.messages,
        source_path=row.source_path or "",
        source_hash=row.source_hash or "",
        created_date=row.created_date,
    )
