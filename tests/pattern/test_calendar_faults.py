"""Fault 11: three calendars in one text. The days in a bundled file's comment are the days on which things happen."""

import re
from datetime import timedelta

import pytest

from coopflow.core.timing import Window
from coopflow.workflows.bundled import bundled_folder
from tests.pattern.parts import has_bundled_workflows
from tests.world import NEW_YORK, World, at

DAILY = Window("business_hours", (((8 * 60, 18 * 60),),) * 7)  # so that no weekend moves anything


def days_in_the_comment(name: str) -> list[int]:
    comment = (bundled_folder() / f"{name}.yaml").read_text().partition("\nname:")[0]
    return sorted(int(day) for day in re.findall(r"\bday (\d+)", comment))


@pytest.mark.parametrize(
    "name", ["high_risk_intervention", "medium_risk_intervention", "payment_reminder", "onboarding"]
)
def test_11_the_days_in_a_bundled_file_are_those_on_which_things_happen(coop: World, name: str) -> None:
    has_bundled_workflows(coop)
    coop.coop.calendar.windows["business_hours"] = DAILY  # type: ignore[index]
    coop.has_family("42")
    coop.now = at("2026-03-16 09:00")
    first = coop.now.astimezone(NEW_YORK).date()
    coop.start(name, family="42")
    days: list[int] = []
    while len(days) < len(days_in_the_comment(name)):
        coop.tick()
        happened = len(coop.mails()) + len(coop.texts()) + len(coop.tasks())
        days += [(coop.now.astimezone(NEW_YORK).date() - first).days + 1] * (happened - len(days))
        coop.now += timedelta(hours=3)
    assert days == days_in_the_comment(name)
