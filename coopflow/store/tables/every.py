"""Every table, for what must go through all of them."""

from coopflow.store.tables.desk import TaskRow
from coopflow.store.tables.families import (
    AssessmentRow,
    BadAddressRow,
    ConsentRow,
    FamilyRow,
    MetricRow,
    PredictionRow,
)
from coopflow.store.tables.fields import Row
from coopflow.store.tables.inbox import InboxItemRow
from coopflow.store.tables.instances import ExecutionRow, InstanceRow, QueueRow
from coopflow.store.tables.log import EventRow, PersonalRow
from coopflow.store.tables.surroundings import CalendarDayRow, CalendarRow, MetaRow
from coopflow.store.tables.workflows import MatchRow, ScheduleRow, TemplateRow

ROWS: tuple[type[Row], ...] = (
    TemplateRow,
    FamilyRow,
    MetricRow,
    AssessmentRow,
    PredictionRow,
    InstanceRow,
    ExecutionRow,
    QueueRow,
    TaskRow,
    EventRow,
    PersonalRow,
    MetaRow,
    CalendarRow,
    CalendarDayRow,
    ScheduleRow,
    MatchRow,
    InboxItemRow,
    BadAddressRow,
    ConsentRow,
)
