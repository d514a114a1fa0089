"""The lines of a stream of bytes, numbered, none of them longer than the limit: memory stays bounded whatever comes."""

from collections import deque
from typing import BinaryIO

from coopflow.intake.unfit import Unfit

LINE_LIMIT = 64 * 1024  # bytes of one record
_CHUNK = 256 * 1024
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Lines:
    """An iterator over lines with their ends; one that is too long raises Unfit, and the next one comes after it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ahead: deque[bytes] = deque()
        self.number = 0  # of the line that was given last

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> bytes:
        line = self._piece()
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > LINE_LIMIT:
            self._skip_to_end(line)
            raise Unfit(f"the line is longer than {LINE_LIMIT // 1024} KiB")
        return line

    def look_ahead(self, count: int) -> list[bytes]:
        """The next lines that are not blank, at most so many; they are still to come."""
        if not self._ahead:
            self._ahead.append(_without_bom(self._stream.readline(LINE_LIMIT + 1 + len(_BOM))))
        while sum(bool(line.strip()) for line in self._ahead) < count and self._ahead[-1]:
            self._ahead.append(self._stream.readline(LINE_LIMIT + 1))
        return [line for line in self._ahead if line.strip()]

    def rest(self) -> bytes:
        """A piece of what is still to come, of no particular length; empty at the end."""
        return self._ahead.popleft() if self._ahead and self._ahead[0] else self._stream.read(_CHUNK)

    def _skip_to_end(self, piece: bytes) -> None:
        while piece and not piece.endswith(b"\n"):
            piece = self._piece()

    def _piece(self) -> bytes:
        return self._ahead.popleft() if self._ahead else self._stream.readline(LINE_LIMIT + 1)


def _without_bom(start: bytes) -> bytes:
    if start.startswith(_UTF_16):
        raise Unfit("it is written in UTF-16; save it as UTF-8")
    return start.removeprefix(_BOM)
