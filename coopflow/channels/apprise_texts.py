"""Texts by a gateway that only Apprise speaks: sent, but unconfirmed, since Apprise tells no reason and no id."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from coopflow.channels.base import Message, MessageRefused
from coopflow.channels.sms import require_text
from coopflow.core.deliveries import Accepted, Delivery, Refused, Unavailable, Unknown, Withdrawn
from coopflow.errors import Invalid
from coopflow.secrets import Secret

if TYPE_CHECKING:
    import apprise

NUMBER = "{to}"  # in the address; the number takes its place
NO_APPRISE = "Apprise is not installed; install it with: pip install 'coopflow[apprise]'"


class AppriseTexts:
    """The channel. The address holds the account's secrets, so all of it is one."""

    name = "sms"
    transport = "apprise"
    dedupes = False

    def __init__(self, url: Callable[[], Secret]) -> None:
        self._url = url

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        """Hand one text over."""
        try:
            to, text = require_text(message)
            ready = self._addressed(to)
        except MessageRefused as problem:
            return Refused(str(problem))
        except Invalid as problem:
            return Unavailable(str(problem), True)
        if not last_call():
            return Withdrawn()
        try:
            sent = ready.notify(body=text)
        except Exception as problem:  # noqa: BLE001 - any of its hundred plug-ins may raise anything
            return Unknown(f"Apprise gave up: {type(problem).__name__}")
        return Accepted() if sent else Unknown("Apprise says that it failed, and not whether the text left")

    def close(self) -> None:
        """Do nothing: no connection outlives its text."""

    def _addressed(self, to: str) -> "apprise.Apprise":
        """What sends to this one number; raise Invalid where that cannot be made."""
        try:
            import apprise
        except ImportError:
            raise Invalid(NO_APPRISE) from None
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it would write numbers where cron mails them
        url = self._url().reveal()
        if NUMBER not in url:
            raise Invalid(f"the address for Apprise needs {NUMBER} where the number goes")
        ready = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False, secure_logging=True))
        if not ready.add(url.replace(NUMBER, to)):
            raise Invalid("Apprise does not know what to do with its address")
        return ready
