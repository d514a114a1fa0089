"""What a plant is: a few words of the package, and the ones that stand there instead when somebody errs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plant:
    """One deliberate mistake, and the tests that are expected to see it."""

    name: str  # what is wrong then, in words
    file: str  # below coopflow/
    old: str
    new: str
    tests: tuple[str, ...]  # arguments for pytest: files, or single tests


def plant(name: str, file: str, old: str, new: str, *tests: str) -> Plant:
    """A plant whose tests are named below tests/."""
    return Plant(name, file, old, new, tuple(f"tests/{test}" for test in tests))
