"""Problems in files that people wrote: each says where it is, what was found and what was expected; all at once."""

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from coopflow.core.wording import printable, shown
from coopflow.errors import Invalid

Loc = tuple[str | int, ...]  # the way from the top of a file to a value: keys, and positions in lists


class Problem(Struct, frozen=True, order=True):
    """One thing that is wrong in a file. They sort in the order in which a reader meets them."""

    path: str
    line: int
    column: int
    where: str  # "steps[3] 'sms_followup'", or a way of keys; may be empty
    message: str
    warning: bool = False

    def __str__(self) -> str:
        parts = (f"{self.path}:{self.line}:{self.column}", "warning" if self.warning else "", self.where, self.message)
        return printable(": ".join(part for part in parts if part))


class ProblemsFound(Invalid):
    """What was read cannot be used; its text is all the problems, a line each, and their number."""

    def __init__(self, problems: Iterable[Problem], *, files_checked: int | None = None) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join([*map(str, self.problems), summary(self.problems, files_checked=files_checked)]))


def summary(problems: Collection[Problem], *, files_checked: int | None = None) -> str:
    """Count them: `2 errors and 1 warning in 1 file (5 files checked).`."""
    warnings = sum(problem.warning for problem in problems)
    errors = len(problems) - warnings
    counts = [_counted(errors, "error")] if errors else []
    counts += [_counted(warnings, "warning")] if warnings else []
    found = " and ".join(counts) or "no problems"
    files = f" in {_counted(len({problem.path for problem in problems}), 'file')}" if problems else ""
    checked = f" ({_counted(files_checked, 'file')} checked)" if files_checked is not None else ""
    return f"{found}{files}{checked}."


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Ask ` Did you mean 'X'?` for the candidate that is nearest, else nothing."""
    from difflib import get_close_matches  # only a mistake needs it

    by_lower = {candidate.lower(): candidate for candidate in candidates}
    near = get_close_matches(word[:100].lower(), by_lower, n=1)
    return f" Did you mean '{by_lower[near[0]]}'?" if near else ""


def describe(loc: Loc, ids: Mapping[Loc, str]) -> str:
    """The way to a value in words: `steps[3] 'sms_followup' retry.max_delay`; entries of lists by their id too."""
    words = ""
    for depth, part in enumerate(loc, start=1):
        if isinstance(part, int):
            words += f"[{part}]" + (f" {shown(ids[loc[:depth]])}" if loc[:depth] in ids else "")
        else:
            words += _joint(words) + (part if _plain(part) else shown(part))
    return words


def _joint(words: str) -> str:
    if not words:
        return ""
    return " " if words.endswith("'") else "."


def _plain(key: str) -> bool:
    return len(key) <= 60 and key.replace("_", "").replace("-", "").isalnum()


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
