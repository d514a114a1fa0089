"""How it stands with the transports while a tick hands messages over: what is out of order is left alone."""

from collections.abc import Mapping
from datetime import datetime
from threading import Lock

from coopflow.core.deliveries import Delivery, Unavailable
from coopflow.core.transports import Trouble, after


class Transports:
    """The transport of each channel, as far as one tick has seen. Several threads may tell and ask."""

    def __init__(self, *, settings: str = "") -> None:
        """`settings` stands for those of today: what was held with others is tried at once."""
        self._settings = settings
        self._lock = Lock()
        self._troubles: dict[str, Trouble] = {}
        self._resting: set[str] = set()  # held, and not tried in this tick any more

    def recall(self, known: Mapping[str, Trouble], *, now: datetime) -> None:
        """Begin with what the ticks before have left."""
        with self._lock:
            self._troubles = dict(known)
            self._resting = {name for name, trouble in known.items() if trouble.rests(now, settings=self._settings)}

    def held(self, channel: str) -> Unavailable | None:
        """What a message is answered without being tried; None: it may be tried."""
        with self._lock:
            return self._troubles[channel].answer if channel in self._resting else None

    def heard(self, channel: str, fate: Delivery, *, at: datetime) -> None:
        """Take in what became of a message that was tried."""
        with self._lock:
            trouble = after(self._troubles.pop(channel, None), fate, at=at, settings=self._settings)
            self._resting.discard(channel)
            if trouble is not None:
                self._troubles[channel] = trouble
                if trouble.held:
                    self._resting.add(channel)

    def troubles(self) -> dict[str, Trouble]:
        """Every channel whose transport has failed since it last worked."""
        with self._lock:
            return dict(self._troubles)
