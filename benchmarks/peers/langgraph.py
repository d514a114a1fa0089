"""LangGraph with its SQLite saver: a graph of six nodes, a checkpoint on disk before the next node."""

from collections.abc import Callable
from typing import TypedDict

from benchmarks.peers.job import STEPS, Job, carry_out
from benchmarks.sqlite_files import count

PACKAGE = "langgraph-checkpoint-sqlite"
VARIANTS = {"durability=sync": "WAL, FULL"}


class State(TypedDict):
    instance: int
    outcome: str


def prepare(job: Job) -> None:
    from langgraph.checkpoint.sqlite import SqliteSaver

    with SqliteSaver.from_conn_string(str(job.database)) as saver:
        saver.setup()


def begin(job: Job) -> Callable[[], None]:
    import sqlite3

    from langgraph.checkpoint.sqlite import SqliteSaver
    from langgraph.graph import END, START, StateGraph

    def node(name: str) -> Callable[[State], dict[str, str]]:
        return lambda state: {"outcome": carry_out(job.outbox, name, state["instance"])}

    graph = StateGraph(State)
    for name in STEPS:
        graph.add_node(name, node(name))
    for before, after in zip((START, *STEPS), (*STEPS, END), strict=True):
        graph.add_edge(before, after)
    connection = sqlite3.connect(job.database, check_same_thread=False)
    compiled = graph.compile(checkpointer=SqliteSaver(connection))

    def work() -> None:
        for instance in range(job.instances):
            run = {"configurable": {"thread_id": str(instance)}}
            compiled.invoke({"instance": instance, "outcome": ""}, config=run, durability="sync")

    return work


def done(job: Job) -> int:
    """Each instance has a checkpoint for its input, one for its start and one after each step."""
    return count(job.database, "checkpoints") - 2 * job.instances
