"""How values become parameters of statements.

Whatever is not exactly a str, an int or a float, sqlite3 asks in three places for a way to be stored, None and words
of an enumeration too, which takes longer than to store it. Here it finds the answer in the first place.
"""

import sqlite3

from coopflow.core.states import Awaited, EntryStatus, InstanceStatus, Outcome, StepStatus, TaskStatus


def make_known() -> None:
    """Tell sqlite3, for all connections of this process; doing it twice does no harm."""
    for kind in (Awaited, EntryStatus, InstanceStatus, Outcome, StepStatus, TaskStatus):
        sqlite3.register_adapter(kind, str)
    sqlite3.register_adapter(bool, int)
    for plain in (type(None), bytes):
        sqlite3.register_adapter(plain, _as_it_is)


def _as_it_is(value: bytes | None) -> bytes | None:
    return value
