"""What a peer is given to do, and what all of them share: the six steps, and how a message is sent.

Each peer has a file of its own with `PACKAGE`, what must be installed for it, `VARIANTS`, how it is set up, and

- `prepare(job)`: everything before the clock starts, in a process of its own;
- `begin(job)`: open it; what that answers with is the work that is timed;
- `done(job)`: how many steps its database says were carried out;
- `empty(job)`, where preparing for no instances is not enough: what is there before the first instance.

The outcome of each step is durably committed before the next step of the same instance begins.
"""

import json
from dataclasses import dataclass
from pathlib import Path

DATABASE = "bench.db"
STEPS = (
    "email",
    "wait",
    "check",
    "text",
    "call",
    "task",
)  # the waits have elapsed; the two messages are lines of a file


@dataclass(frozen=True)
class Job:
    """So many instances, in a folder of its own."""

    folder: Path
    instances: int
    variant: str

    @property
    def database(self) -> Path:
        return self.folder / DATABASE

    @property
    def outbox(self) -> Path:
        return self.folder / "sent.txt"


def carry_out(outbox: Path, step: str, instance: int) -> str:
    """One step: a message is a line at the end of a file, everything else an answer."""
    if step in ("email", "text"):
        with outbox.open("a") as file:
            file.write(json.dumps({"to": instance, "step": step}) + "\n")
    return f"{step} of {instance}"


def sent(outbox: Path) -> int:
    """How many messages have left."""
    return outbox.read_text().count("\n") if outbox.exists() else 0
