"""SpiffWorkflow, a BPMN engine without a store: its state is saved as JSON after each step, as its users do."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.peers.job import STEPS, Job, carry_out

PACKAGE = "SpiffWorkflow"
VARIANTS = {"saved as JSON": "WAL, FULL"}
SAVE = "UPDATE states SET state = ?, steps = steps + 1 WHERE instance = ?"


def prepare(job: Job) -> None:
    """Save each instance at its start."""
    serializer, new = _set_up()
    connection = _connect(job)
    connection.execute("CREATE TABLE states (instance INTEGER PRIMARY KEY, state TEXT, steps INTEGER)")
    connection.execute("BEGIN")
    for instance in range(job.instances):
        connection.execute("INSERT INTO states VALUES (?, ?, 0)", (instance, serializer.serialize_json(new())))
    connection.execute("COMMIT")


def begin(job: Job) -> Callable[[], None]:
    from SpiffWorkflow.util.task import TaskState

    serializer, _ = _set_up()
    connection = _connect(job)

    def work() -> None:
        for instance in range(job.instances):
            (state,) = connection.execute("SELECT state FROM states WHERE instance = ?", (instance,)).fetchone()
            workflow = serializer.deserialize_json(state)
            while ready := workflow.get_tasks(state=TaskState.READY, manual=True):
                ready[0].data["outcome"] = carry_out(job.outbox, ready[0].task_spec.bpmn_id, instance)
                ready[0].run()
                workflow.do_engine_steps()
                connection.execute(SAVE, (serializer.serialize_json(workflow), instance))

    return work


def done(job: Job) -> int:
    (steps,) = _connect(job).execute("SELECT SUM(steps) FROM states").fetchone()
    return int(steps)


def _connect(job: Job) -> sqlite3.Connection:
    connection = sqlite3.connect(job.database, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _set_up() -> tuple[Any, Callable[[], Any]]:
    """What writes states, and what begins an instance at its first step."""
    from lxml import etree
    from SpiffWorkflow.bpmn.parser import BpmnParser
    from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
    from SpiffWorkflow.bpmn.workflow import BpmnWorkflow

    parser = BpmnParser()
    parser.add_bpmn_xml(etree.fromstring("".join(_bpmn())))
    spec = parser.get_spec("intervention")

    def new() -> Any:
        workflow = BpmnWorkflow(spec)
        workflow.do_engine_steps()
        return workflow

    return BpmnWorkflowSerializer(), new


def _bpmn() -> Iterator[str]:
    yield '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="bench">'
    yield '<process id="intervention" isExecutable="true"><startEvent id="start"/>'
    yield from (f'<manualTask id="{name}"/>' for name in STEPS)
    yield '<endEvent id="end"/>'
    ways = zip(("start", *STEPS), (*STEPS, "end"), strict=True)
    yield from (f'<sequenceFlow id="{a}-{b}" sourceRef="{a}" targetRef="{b}"/>' for a, b in ways)
    yield "</process></definitions>"
