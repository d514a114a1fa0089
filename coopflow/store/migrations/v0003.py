"""Version 3: what is asked of a family and of an instance stays as quick, however long their history has become."""

INDEXES = (
    # A family's active instances, and those that ended lately, without its others.
    "DROP INDEX instances_by_family",
    "CREATE INDEX instances_by_family ON workflow_instances (family_id, completed_at)",
    # All tasks of an instance, not only the open ones.
    "DROP INDEX tasks_open_by_instance",
    "CREATE INDEX tasks_by_instance ON coordinator_tasks (instance_id) WHERE instance_id IS NOT NULL",
)

STATEMENTS = INDEXES
