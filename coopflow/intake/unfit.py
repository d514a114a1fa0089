"""What is wrong with something that came in: one sentence for the person who sent it, and one for the log."""

from collections.abc import Sequence

from coopflow.core.wording import shown


class Unfit(ValueError):
    """A value, or a whole record, that cannot be taken in.

    The reason is fit for the audit trail: it never repeats what was found, which may be a name or an address.
    """

    def __init__(self, reason: str, *, found: str | None = None, hint: str = "", field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.found = found
        self.hint = hint
        self.field = field

    def at(self, field: str | None) -> "Unfit":
        """The same, said of a field, or of none."""
        return Unfit(self.reason, found=self.found, hint=self.hint, field=field)

    @property
    def sentence(self) -> str:
        """For the person: `field 'predicted_probability': 87 is not between 0 and 1; is it a percentage? …`."""
        return self._placed(f"{self.found or ''} {self.reason}".strip()) + self.hint

    @property
    def for_log(self) -> str:
        """For the audit trail: the same without what was found."""
        return self._placed(f"it {self.reason}" if self.found is not None else self.reason)

    def _placed(self, words: str) -> str:
        return f"field {shown(self.field)}: {words}" if self.field is not None else words


def sentences(problems: Sequence[Unfit]) -> str:
    """All that is wrong with a record, on one line."""
    return "; ".join(problem.sentence for problem in problems)


def for_log(problems: Sequence[Unfit]) -> str:
    """The same, fit for the audit trail."""
    return "; ".join(problem.for_log for problem in problems)


def described(value: object) -> str:
    """What was found, in words and never long."""
    if isinstance(value, str):
        return shown(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return shown(str(value)).strip("'")
