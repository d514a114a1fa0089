"""The open connections to one server, each lent to one worker at a time, and kept for the next one."""

from collections.abc import Callable
from threading import Condition

from coopflow.channels.smtp_opening import OutOfOrder
from coopflow.channels.smtp_talk import Broken, Talk

GOODBYE = 2.0  # seconds that all connections together are given to say it


class Pool:
    """Opens connections one after the other, and only while none is free.

    So a server that is down, or does not accept the password, is asked once: all who waited for the connection share
    what came of it. And a server that allows fewer connections than there are workers is not asked for more: they wait
    for those that there are.
    """

    def __init__(self, open_talk: Callable[[], Talk]) -> None:
        self._open_talk = open_talk
        self._changed = Condition()
        self._idle: list[Talk] = []
        self._lent = 0
        self._most: int | None = None  # connections that the server allows; None: it has not objected yet
        self._opening = False
        self._failures: list[OutOfOrder] = []

    def lend(self) -> Talk:
        """A connection that is free, else a new one; raise OutOfOrder where neither can be had."""
        seen = len(self._failures)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._idle or len(self._failures) > seen or self._may_open())
                if self._idle:
                    self._lent += 1
                    return self._idle.pop()
                if len(self._failures) > seen:
                    raise _again(self._failures[-1])
                self._opening = True
            if talk := self._opened():
                return talk

    def take_back(self, talk: Talk) -> None:
        """Keep a connection for the next worker, unless it has been cut."""
        with self._changed:
            self._lent -= 1
            if talk.is_open:
                self._idle.append(talk)
            self._changed.notify_all()

    def drop_idle(self) -> None:
        """Cut the connections that nobody uses: one of them was dead, so the others may be."""
        with self._changed:
            idle, self._idle = self._idle, []
        for talk in idle:
            talk.drop()

    def close(self) -> None:
        """Say goodbye on every connection; whether the servers answer is of no interest."""
        with self._changed:
            idle, self._idle = self._idle, []
        for talk in idle:
            talk.allow(GOODBYE)
        for step in (lambda talk: talk.putcmd("QUIT"), lambda talk: talk.getreply()):
            for talk in idle:
                _try(step, talk)
        for talk in idle:
            talk.drop()

    def _may_open(self) -> bool:
        return not self._opening and (self._most is None or self._lent < self._most)

    def _opened(self) -> Talk | None:
        """A new connection; None where the others must do."""
        talk = None
        failure: OutOfOrder | None = None
        try:
            talk = self._open_talk()
        except OutOfOrder as problem:
            failure = problem
        finally:  # whatever happens, others may try after this one
            with self._changed:
                self._opening = False
                self._lent += talk is not None
                others = self._lent + len(self._idle)
                if failure is not None and others:
                    self._most = others
                elif failure is not None:
                    self._failures.append(failure)
                self._changed.notify_all()
        if failure is not None and not others:
            raise _again(failure)
        return talk


def _again(failure: OutOfOrder) -> OutOfOrder:
    """The same for another thread."""
    return OutOfOrder(failure.answer.reason, until_mended=failure.answer.until_mended)


def _try(step: Callable[[Talk], object], talk: Talk) -> None:
    try:
        step(talk)
    except Broken:
        talk.drop()
