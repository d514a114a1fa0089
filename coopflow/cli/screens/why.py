"""The screen of `why`: each workflow with its verdict and a line for each rule, then what was decided before."""

from collections.abc import Iterator
from typing import TextIO

from coopflow.cli.screens.text import Clock, block, several
from coopflow.core.verdict import Rule
from coopflow.render import Column, Sheet, on_terminal
from coopflow.render.terminal import can_draw
from coopflow.reports.why import Judged, Why, as_rows, past_words

MARKS = {True: "✓ met      ", False: "✗ not met  "}
PLAIN_MARKS = {True: "+ met      ", False: "x not met  "}  # for terminals that know ASCII only


def why_lines(found: Why, clock: Clock, out: TextIO) -> Iterator[str]:
    """All of it, line by line."""
    family = found.family
    yield from block(f"{family.family_name} ({family.family_id}), {family.status}", prediction_words(found, clock))
    marks = MARKS if can_draw(out) or not on_terminal(out) else PLAIN_MARKS
    for judged in found.judged:
        yield from judged_lines(judged, marks)
    if not found.judged:
        yield from block("No workflow may start", ["load or enable one: coopflow workflow list"])
    if found.planned:
        yield from block("What is planned", _clock_words(found, clock), planned_items(found, clock))
    yield from block("What was decided before", [] if found.past else ["nothing yet"], past_items(found, clock))


def prediction_words(found: Why, clock: Clock) -> Iterator[str]:
    """What the verdicts are based on."""
    prediction = found.prediction
    if prediction is None or found.received_at is None:
        yield "No prediction about this family has come in yet."
        return
    window = f", within {prediction.prediction_window_days} days" if prediction.prediction_window_days else ""
    yield (
        f"Judged as if the latest prediction came in now: {prediction.prediction_id} of {clock(found.received_at)},"
        f" probability {prediction.predicted_probability:g}, confidence {prediction.confidence_score:g}{window}"
    )
    if found.verdict:
        yield f"What came of it then: {found.verdict}"


def judged_lines(judged: Judged, marks: dict[bool, str]) -> Iterator[str]:
    """One workflow: the verdict, then every rule."""
    verdict = "would start" if judged.starts else "would not start"
    rules = [line for rule in judged.rules for line in several([_rule_words(rule)], bullet=marks[rule.met])]
    yield from block(f"{judged.workflow} v{judged.version} ({judged.trigger}): {verdict}", [], rules)


def _rule_words(rule: Rule) -> str:
    return f"{rule.text}: {rule.found}" if rule.found else rule.text


def planned_items(found: Why, clock: Clock) -> Iterator[str]:
    """Each step that is to come, and the rules that moved it there."""
    for planned in found.planned:
        step = planned.step
        assert step.at is not None  # else nothing is planned  # noqa: S101
        head = f"{clock(step.at)}: '{step.step_name}' of {planned.workflow} (instance {planned.instance_id})"
        yield from several([head, *([step.reason] if step.reason else [])])


def _clock_words(found: Why, clock: Clock) -> Iterator[str]:
    """Reasons are told as the family's clock shows them."""
    own = found.family.time_zone
    if own and own != clock.tz.key:
        yield f"The reasons name the times of the family's clock, {own}."


def past_items(found: Why, clock: Clock) -> Iterator[str]:
    """The latest verdicts on record."""
    for event in found.past:
        yield from several([f"{clock(event['at'])}: {past_words(event, when=clock)}"])


def why_sheet(found: Why) -> Sheet:
    """A row for each rule, in a data format."""
    keys = ("workflow", "version", "would_start", "rule", "met", "found")
    return Sheet([Column(key, key) for key in keys], as_rows(found))
