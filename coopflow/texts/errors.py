"""What can be wrong with a text, kept apart so that those who only catch it need not load Jinja2."""

from coopflow.core.condition_reader import ConditionError
from coopflow.errors import Invalid

__all__ = ["ConditionError", "MessageError", "RenderError"]


class MessageError(Invalid, ValueError):
    """A message template is not valid, whoever the family is."""

    def __init__(self, sentence: str, *, line: int, name: str = "") -> None:
        super().__init__(f"{name}:{line}: {sentence}" if name else f"line {line}: {sentence}")
        self.sentence = sentence
        self.line = line


class RenderError(Invalid, ValueError):
    """A valid template cannot be filled in for this family; `field` is the name at fault, where there is one."""

    def __init__(self, sentence: str, *, field: str | None = None) -> None:
        super().__init__(sentence)
        self.field = field
