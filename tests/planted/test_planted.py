"""The mistakes that are planted to try out the tests can still be planted, and some of them are, at every run."""

import random

from tests.planted.planting import PLANTS, misfits, seen, without

SAMPLE = 3
SLOW = ("tests/faults/test_kill_points.py", "tests/faults/test_random_kills.py", "tests/powercut")


def test_every_plant_has_its_place_and_its_tests() -> None:
    assert misfits() == []


def test_there_are_many_and_no_two_are_alike() -> None:
    assert len(PLANTS) >= 60
    assert len({plant.name for plant in PLANTS}) == len({(plant.file, plant.old, plant.new) for plant in PLANTS})
    assert len({plant.name for plant in PLANTS}) == len(PLANTS)
    assert [plant.name for plant in PLANTS if plant.old == plant.new] == []


def test_three_of_them_drawn_by_lot_are_seen() -> None:
    quick = [plant for plant in PLANTS if not plant.tests[0].startswith(SLOW)]
    drawn = random.Random(0).sample(quick, SAMPLE)  # noqa: S311 - always the same ones; all are a command of their own
    found = without([seen(plant) for plant in drawn])
    assert [(one.plant.name, one.problem) for one in found if not one.by or one.problem] == []
