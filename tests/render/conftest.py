import io

import pytest


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal, and keeps what was written."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="", write_through=True)

    def isatty(self) -> bool:
        return True

    @property
    def text(self) -> str:
        return self.buffer.getvalue().decode(self.encoding)


@pytest.fixture(autouse=True)
def _a_plain_environment(monkeypatch):
    for name in ("NO_COLOR", "COOPFLOW_NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


@pytest.fixture
def latin_terminal() -> Terminal:
    return Terminal("latin-1")


@pytest.fixture
def pipe() -> io.StringIO:
    return io.StringIO()
