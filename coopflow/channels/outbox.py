"""Writes each message as a file that a person can open: the default, and the place to look before anything is live.

A file's name is its message's key, and it appears whole or not at all (written aside, then linked). So the same message
may be handed over any number of times, by several threads or after a crash: it lies there once.
"""

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from coopflow.channels.base import (
    KEY,
    Accepted,
    Delivery,
    Message,
    MessageRefused,
    Refused,
    SenderRefused,
    Unavailable,
    Unknown,
)

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_OLD_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW


class _Form(Struct, frozen=True):
    """How messages of one kind are written into files."""

    compose: Callable[[Message], bytes]
    undated: Callable[[bytes], bytes]  # what two attempts at one message have in common


_SUFFIXES = {"email": ".eml", "sms": ".json", "http": ".json", "command": ".json"}
_NOBODY = "coopflow.invalid"  # a domain that never exists: an answer to a file in the outbox goes nowhere


class Outbox:
    """The channel that writes `email/KEY.eml`, or `sms/KEY.json` and the like, below a directory, which must exist."""

    transport = "outbox"
    dedupes = True

    def __init__(self, name: str, directory: Path, *, compose: Callable[[Message], bytes] | None = None) -> None:
        """`compose` writes a message in place of the channel's plain form: `build_mail` with the co-op's own sender."""
        self.name = name
        self.directory = directory
        self._suffix = _SUFFIXES[name]
        self._compose = compose
        self._durable = False  # whether this object has made sure that the directories themselves survive a power cut

    @cached_property
    def _form(self) -> _Form:
        form = _form_of(self.name)
        return replace(form, compose=self._compose) if self._compose else form

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:  # noqa: ARG002 (it dedupes)
        """Put the message's file in its place, durably."""
        return self.deliver_all([message])[0]

    def deliver_all(self, messages: Sequence[Message]) -> list[Delivery]:
        """Put the files of several messages in their places: for all of them the directory is made durable once."""
        try:
            with self._directories() as (shelf, aside):
                fates = [self._put(shelf, aside, message) for message in messages]
                try:
                    os.fsync(shelf)
                except OSError as problem:
                    lost = Unknown(f"the file is there, but the disk did not confirm it: {problem.strerror}")
                    return [lost if isinstance(fate, Accepted) else fate for fate in fates]
                there = zip(messages, fates, strict=True)
                _sweep(aside, {self._file(message) for message, fate in there if isinstance(fate, Accepted)})
                return fates
        except OSError as problem:
            return [Unavailable(self._complaint(problem))] * len(messages)

    def close(self) -> None:
        """Do nothing: no file is open between two deliveries."""

    def _put(self, shelf: int, aside: int, message: Message) -> Delivery:
        """Bring one file to its place; it is not sure to stay there before the directory is durable."""
        if message.channel != self.name:
            raise ValueError(f"a message for the channel {message.channel} was handed to {self.name}")
        if not KEY.fullmatch(message.key):
            return Refused("the message's key cannot name a file")
        name = self._file(message)
        try:
            if not self._linked(shelf, aside, name, self._form.compose(message)):
                return Unknown("a different message already lies there under this key")
        except SenderRefused as problem:
            return Unavailable(str(problem))
        except MessageRefused as problem:
            return Refused(str(problem))
        except OSError as problem:
            return Unavailable(self._complaint(problem))
        return Accepted(f"{self.name}/{name}")

    def _file(self, message: Message) -> str:
        return message.key + self._suffix

    def _linked(self, shelf: int, aside: int, name: str, written: bytes) -> bool:
        """Bring the file to its place; say whether what lies there now is this message."""
        draft = f"{name}.{os.urandom(8).hex()}"
        try:
            _write(aside, draft, written)
            os.link(draft, name, src_dir_fd=aside, dst_dir_fd=shelf, follow_symlinks=False)
        except (FileExistsError, FileNotFoundError):
            # It is there already, or a twin of ours put it there and swept our draft away.
            return self._same(shelf, name, written)
        finally:
            with suppress(OSError):  # a draft left behind harms nobody, and must not change the answer
                os.unlink(draft, dir_fd=aside)
        return True

    def _same(self, shelf: int, name: str, written: bytes) -> bool:
        found = _read(shelf, name, limit=2 * len(written))
        return found is not None and self._form.undated(found) == self._form.undated(written)

    @contextmanager
    def _directories(self) -> Iterator[tuple[int, int]]:
        """Open the directory of finished files and the one of drafts; they are made where they are missing."""
        with _opened(self.directory) as top, _opened_below(top, self.name) as shelf, _opened_below(top, "tmp") as aside:
            if not self._durable:
                os.fsync(top)
                self._durable = True
            yield shelf, aside

    def _complaint(self, problem: OSError) -> str:
        match problem.errno:
            case errno.ENOENT:
                return f"the outbox directory {self.directory} is missing"
            case errno.ENOTDIR | errno.ELOOP:
                where = self.directory / str(problem.filename or "")
                return f"{where} is a symbolic link or no directory; the outbox needs a real directory there"
            case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
                return f"there is no room left for the outbox in {self.directory}"
            case _:
                return f"the outbox in {self.directory} cannot be written: {os.strerror(problem.errno or 0).lower()}"


def _form_of(kind: str) -> _Form:
    """What writes messages of a kind, which is loaded with the first one: most ticks send none."""
    if kind == "email":
        from coopflow.channels.mail import build_mail, undated_mail

        plain = partial(build_mail, sender=f"coopflow@{_NOBODY}", sender_name="coopflow", domain=_NOBODY)
        return _Form(plain, undated_mail)
    from coopflow.channels.request import build_request
    from coopflow.channels.sms import build_text, undated_text

    return _Form(build_text if kind == "sms" else build_request, undated_text)


@contextmanager
def _opened(name: str | Path, below: int | None = None) -> Iterator[int]:
    directory = os.open(name, _DIRECTORY, dir_fd=below)
    try:
        yield directory
    finally:
        os.close(directory)


@contextmanager
def _opened_below(top: int, name: str) -> Iterator[int]:
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=top)
        os.chmod(name, 0o700, dir_fd=top)  # for a umask that takes even this away
    with _opened(name, top) as directory:
        yield directory


def _write(directory: int, name: str, written: bytes) -> None:
    descriptor = os.open(name, _NEW_FILE, 0o600, dir_fd=directory)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)  # whatever the umask
        file.write(written)
        file.flush()
        os.fsync(descriptor)


def _read(directory: int, name: str, *, limit: int) -> bytes | None:
    """Read a file of at most `limit` bytes; None for anything else that lies there."""
    try:
        descriptor = os.open(name, _OLD_FILE, dir_fd=directory)
    except FileNotFoundError:
        raise
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        return os.read(descriptor, limit) if stat.S_ISREG(found.st_mode) and found.st_size <= limit else None
    finally:
        os.close(descriptor)


def _sweep(directory: int, names: Collection[str]) -> None:
    """Remove what earlier attempts left of messages that now lie in their places."""
    with suppress(OSError):
        for draft in os.listdir(directory):
            if draft.rpartition(".")[0] in names:
                os.unlink(draft, dir_fd=directory)
