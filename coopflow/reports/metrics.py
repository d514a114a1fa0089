"""The figures of one moment, as Prometheus reads them from a file: counts only, nobody's name."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from coopflow.core.states import InstanceStatus
from coopflow.core.timing import instant_of
from coopflow.leaving import told
from coopflow.store.store import Store

CHANNELS = ("email", "sms")
FATES = ("accepted", "failed", "withdrawn", "under_way")

Labels = tuple[tuple[str, str], ...]


class Gauge(Struct, frozen=True):
    """One figure, or one for each combination of labels."""

    name: str
    meaning: str
    values: Mapping[Labels, float]


def gauges(store: Store, *, beat: datetime | None, tz: ZoneInfo, now: datetime) -> list[Gauge]:
    """All figures at `now`; `beat` is when the tick before this one was at work."""
    midnight = instant_of(datetime.combine(now.astimezone(tz).date(), time()), tz)
    numbers = store.looking.numbers(now=now, end_of_day=midnight + timedelta(days=1), since=midnight)
    why = told(store)
    kept = store.leaving.count_due(now=now, reason=why) if why else 0
    return [
        _one("tasks_open", "Tasks on the desk", numbers["open_tasks"]),
        _one("tasks_overdue", "Tasks that should have been closed by now", numbers["overdue_tasks"]),
        _one("messages_in_doubt", "Messages of which nobody knows whether they left", numbers["in_doubt"]),
        Gauge("instances", "Instances by status", _by_status(store.leaving.by_status())),
        _one("steps_due", "Steps that are due now", numbers["due_now"]),
        _one("messages_kept_back", "Messages that wait for a person's word", kept),
        _one("messages_resting", "Instances with a message that has not left yet", len(store.leaving.resting())),
        _one("last_tick_timestamp_seconds", "When this was written", now.timestamp()),
        _one(
            "seconds_since_last_tick",
            "Time between this tick and the one before it",
            (now - beat).total_seconds() if beat else 0,
        ),
        Gauge("messages_today", "Messages since midnight by channel and fate", _fates(store, midnight)),
    ]


def _one(name: str, meaning: str, value: float | None) -> Gauge:
    return Gauge(name, meaning, {(): value or 0})


def _by_status(found: Mapping[str, int]) -> dict[Labels, float]:
    return {(("status", status),): found.get(status, 0) for status in InstanceStatus}


def _fates(store: Store, since: datetime) -> dict[Labels, float]:
    values: dict[Labels, float] = {(("channel", channel), ("fate", fate)): 0 for channel in CHANNELS for fate in FATES}
    for row in store.leaving.fates(since=since):
        values[("channel", row["channel"]), ("fate", row["fate"])] = row["messages"]
    return values


def exposition(found: Iterable[Gauge]) -> str:
    """The figures in Prometheus' text format."""
    return "".join(f"{line}\n" for gauge in found for line in _lines(gauge))


def _lines(gauge: Gauge) -> Iterator[str]:
    name = f"coopflow_{gauge.name}"
    yield f"# HELP {name} {gauge.meaning}."
    yield f"# TYPE {name} gauge"
    for labels, value in gauge.values.items():
        listed = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        yield f"{name}{{{listed}}} {value:.15g}" if listed else f"{name} {value:.15g}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
