"""Mails that go to a server one after the other, with one last call for all of them."""

import time
from collections.abc import Callable, Collection, Sequence

from coopflow.channels.base import Delivery, Withdrawn
from coopflow.channels.smtp_transaction import Mail

MOST_IN_A_ROW = 20  # mails
A_MOMENT = 0.1  # seconds in which a row should be over, going by how quick the server was
GOOD_FOR = 2.0  # seconds after which a last call says nothing any more


class Row:
    """One row on its way: whose turn it is, and what the last call said."""

    def __init__(self, mails: Sequence[tuple[str, Mail | Delivery]], last_call: Callable[[], Collection[str]]) -> None:
        """Each mail with its key; of what cannot be a mail, what becomes of it."""
        self._mails = mails
        self._last_call = last_call
        self._at = 0
        self._granted: Collection[str] | None = None  # None: nobody has asked yet
        self._asked_at = 0.0
        self._handed_over = 0

    @property
    def done(self) -> bool:
        """True when no mail is left."""
        return self._at >= len(self._mails)

    @property
    def mail(self) -> Mail:
        """The mail whose turn it is."""
        mail = self._mails[self._at][1]
        assert isinstance(mail, Mail)  # what is settled has no turn  # noqa: S101
        return mail

    @property
    def settled(self) -> Delivery | None:
        """What becomes of the one whose turn it is without a word to the server; None: it must be handed over."""
        key, mail = self._mails[self._at]
        if not isinstance(mail, Mail):
            return mail
        return None if self._granted is None or key in self._granted else Withdrawn()

    def may_go(self) -> bool:
        """The last call: asked for all at the first mail, and believed for a moment."""
        if self._granted is None:
            self._granted = self._last_call()
            self._asked_at = time.monotonic()
        fresh = time.monotonic() - self._asked_at < GOOD_FOR
        granted = fresh and self._mails[self._at][0] in self._granted
        self._handed_over += granted
        return granted

    def following(self) -> Mail | None:
        """The mail that comes after the one whose turn it is; None where none does, or that is not known yet."""
        rest = self._mails[self._at + 1 :]
        return next((mail for key, mail in rest if isinstance(mail, Mail) and key in (self._granted or ())), None)

    def go_on(self, fate: Delivery, answered: Callable[[Delivery], bool]) -> bool:
        """Tell what became of the one whose turn it was; answers whether another is to be tried."""
        self._at += 1
        return answered(fate) and not self.done

    def next_size(self, size: int) -> int:
        """How many mails the next row may have, by how long these took since their last call."""
        if not self._handed_over:
            return size
        pace = (time.monotonic() - self._asked_at) / self._handed_over
        return max(1, min(int(A_MOMENT / max(pace, A_MOMENT / MOST_IN_A_ROW)), 2 * size, MOST_IN_A_ROW))
