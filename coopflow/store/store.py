"""The store: one open database, with its questions and changes by noun."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace
from peewee import Database

from coopflow.core.closed_days import KeptCalendar
from coopflow.core.model import Coop, Event, Family, Prediction
from coopflow.core.verdict import Past, longest_cooldown
from coopflow.store import families
from coopflow.store.calendars import Calendars, with_kept_days
from coopflow.store.cases import Cases
from coopflow.store.consent import Consents
from coopflow.store.database import transaction, translating
from coopflow.store.desk import Desk
from coopflow.store.leaving import Leaving
from coopflow.store.log import LogWriter
from coopflow.store.looking import Looking
from coopflow.store.meta import read_meta
from coopflow.store.schedules import Schedules
from coopflow.store.templates import Templates

if TYPE_CHECKING:
    from coopflow.store.inbox import Inbox


class Store:
    """Everything the rest of coopflow may ask of the database, or change in it."""

    def __init__(
        self, db: Database, coop: Coop, *, zones_of_phone: Callable[[str], tuple[str, ...]] | None = None
    ) -> None:
        self.db = db
        self._configured = coop
        self._zones_of_phone = zones_of_phone
        self.templates = Templates(db)
        self.calendars = Calendars(db)
        self._take_calendars_in()
        self.desk = Desk(db)
        self.consents = Consents(db)
        self.schedules = Schedules(db)
        self.looking = Looking(db)
        self.leaving = Leaving(db)

    def _take_calendars_in(self) -> None:
        """The rules are the configuration's with the closed days that are kept here."""
        calendar = with_kept_days(self.db, self._configured.calendar)
        self.coop = replace(self._configured, calendar=calendar)
        self.cases = Cases(self.db, self.coop, self.templates)

    @cached_property
    def inbox(self) -> "Inbox":
        """What came in from outside; most ticks find nothing, and do not load what reads it."""
        from coopflow.store.inbox import Inbox

        return Inbox(self.db)

    @property
    def path(self) -> Path:
        """Where the database's file lies."""
        path: Path = self.db.path  # type: ignore[attr-defined]
        return path

    @property
    def database_id(self) -> str:
        """What tells this database from every other, also from its own copies' point of view of messages sent."""
        return read_meta(self.db, "database_id")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One durable change: all of it or nothing, alone among all writers (BEGIN IMMEDIATE)."""
        with translating(), transaction(self.db):
            yield

    def log(self, events: Sequence[Event]) -> list[int]:
        """Append events to the audit trail; answer with their ids."""
        return LogWriter(self.db).append(events)

    # -- calendars --------------------------------------------------------------------------------------------------

    def keep_calendar(self, calendar: KeptCalendar, days: Mapping[date, str]) -> None:
        """Keep an imported calendar with exactly these days; they are in force at once."""
        self.calendars.replace(calendar, days)
        self._take_calendars_in()

    def remove_calendar(self, name: str) -> None:
        """Forget an imported calendar; its days are open again at once."""
        self.calendars.remove(name)
        self._take_calendars_in()

    # -- families and predictions -----------------------------------------------------------------------------------

    def families(self, family_ids: Collection[str], *, scores: bool = True) -> dict[str, Family]:
        """The families with these ids that exist."""
        return families.families_by_id(self.db, family_ids, scores=scores)

    def save_families(self, changed: Iterable[Family], *, now: datetime) -> None:
        """Insert or update families; what their numbers say of their zones is found out here."""
        families.save_families(self.db, changed, zones_of_phone=self._zones_of_phone, now=now)
        self.schedules.look_soon(now=now)

    def add_scores(self, measured: Iterable[Family], *, now: datetime) -> None:
        """Add the families' engagement and risk as measured now."""
        families.add_scores(self.db, measured, now=now)

    def past_runs(self, family_ids: Collection[str], *, now: datetime | None = None) -> Mapping[str, Sequence[Past]]:
        """The runs for these families, oldest first; with `now` no older ones than a verdict of now may ask for."""
        since = None if now is None else now - longest_cooldown(self.templates.current())
        return families.past_runs(self.db, self.templates, family_ids, since=since)

    def seen_predictions(self, prediction_ids: Collection[str]) -> frozenset[str]:
        """Those of the predictions that have been taken in before."""
        return families.seen_predictions(self.db, prediction_ids)

    def add_predictions(self, judged: Iterable[tuple[Prediction, str]], *, now: datetime) -> None:
        """Store predictions, each with the verdict it was given."""
        families.add_predictions(self.db, judged, now=now)

    def known_events(self) -> frozenset[str]:
        """The kinds of event that may be recorded: those that are declared, and those that start a workflow."""
        own = {workflow.trigger.event for workflow in self.templates.current() if workflow.trigger.event}
        return self.coop.known_events | own

    def attribute_names(self) -> list[str]:
        """Every attribute that any family has."""
        rows = self.db.execute_sql("SELECT DISTINCT key FROM families, json_each(families.attributes) ORDER BY key")
        return [row[0] for row in rows]

    def active_instances(self, family_id: str) -> list[int]:
        """The family's instances that are not finished."""
        rows = self.db.execute_sql(
            "SELECT instance_id FROM workflow_instances WHERE family_id = ? AND completed_at IS NULL"
            " ORDER BY instance_id",
            (family_id,),
        )
        return [row[0] for row in rows]
