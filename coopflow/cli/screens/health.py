"""The screen of `doctor`: a line for each thing looked at, and what to do where something is wrong."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import asdict

from coopflow.render import Column, Sheet
from coopflow.reports.health import Finding, Level

WIDTH = max(len(level) for level in Level) + 2


def health_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """What was found, then what it comes to."""
    for finding in findings:
        yield f"{finding.level:<{WIDTH}}{finding.check}: {finding.words}"
        if finding.remedy:
            yield f"{'':<{WIDTH}}→ {finding.remedy}"
    yield ""
    yield verdict(findings)


def verdict(findings: Sequence[Finding]) -> str:
    """Whether somebody must do something."""
    bad = sum(finding.level is Level.BAD for finding in findings)
    warnings = sum(finding.level is Level.WARNING for finding in findings)
    look = f"{'1 thing is' if warnings == 1 else f'{warnings} things are'} worth a look" if warnings else ""
    if not bad:
        return f"Nobody is needed; {look}." if look else "All is well."
    needed = f"{'1 thing needs' if bad == 1 else f'{bad} things need'} a person"
    return f"{needed}; {look}." if look else f"{needed}."


def health_sheet(findings: Iterable[Finding]) -> Sheet:
    """The findings in a data format."""
    return Sheet([Column(name, name) for name in Finding.__struct_fields__], map(asdict, findings))
