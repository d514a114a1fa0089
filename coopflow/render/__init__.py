"""How coopflow shows things: tables for a terminal, TSV for a pipe, JSON, JSONL and CSV for programs."""

from coopflow.render.sheet import default_format, show_document, show_sheet
from coopflow.render.talk import progress, say
from coopflow.render.terminal import on_terminal, wants_colour
from coopflow.render.text import safe_line, visible
from coopflow.render.timeline import TimelineEntry, timeline
from coopflow.render.values import Column, Format, Hint, Sheet
from coopflow.render.words import ago, duration, instant, moment, percent

__all__ = [
    "Column",
    "Format",
    "Hint",
    "Sheet",
    "TimelineEntry",
    "ago",
    "default_format",
    "duration",
    "instant",
    "moment",
    "on_terminal",
    "percent",
    "progress",
    "safe_line",
    "say",
    "show_document",
    "show_sheet",
    "timeline",
    "visible",
    "wants_colour",
]
