"""Texts by Twilio's form API.

Twilio knows no key against doubles: what it did not answer is in doubt, and can be looked up in its list.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urljoin

from msgspec import Struct

from coopflow.channels.answers import by_status, read_object, retry_after
from coopflow.channels.base import Message, MessageRefused
from coopflow.channels.sms import require_text
from coopflow.channels.web import Answer, Request, Web
from coopflow.core.deliveries import Accepted, Deferred, Delivery, Refused, Unavailable, Unknown
from coopflow.errors import Invalid, Temporary
from coopflow.secrets import Secret

WHO = "Twilio"
HOME = "https://api.twilio.com"
MOST_PAGES = 5  # of a list, 1,000 texts each
A_CLOCK_APART = timedelta(minutes=2)  # how far two clocks may differ

_ID = re.compile(r"(SM|MM)[0-9a-f]{32}")

OPTED_OUT = 21610
REFUSED: Mapping[int, str] = {  # what is wrong with this one text
    21211: "it is no valid phone number",
    21214: "the number cannot be reached",
    21217: "it is no valid phone number",
    21265: "it is a number that takes no texts",
    21408: "the account may not text to that country",
    21602: "the text is empty",
    21604: "the number is missing",
    21610: "the family has opted out at the provider",
    21612: "the number cannot be reached from the account's sender",
    21614: "it is no mobile number",
    21617: "the text is too long",
}
NO_NUMBER = frozenset({21211, 21217, 21265, 21614})  # of these, what is wrong with every text to that number
OUR_FAULT: Mapping[int, str] = {  # what is wrong with every text until a person has changed something
    20003: "the account or its token is not right",
    20005: "the account is not active",
    21212: "the sender ('from') is no number that can be used",
    21603: "the sender ('from') is missing",
    21606: "the sender ('from') cannot send texts",
    21608: "a trial account texts only to numbers that it has verified",
    21659: "the sender ('from') is no number of this account",
    21660: "the sender ('from') is no number of this account",
    21703: "the messaging service has no sender",
}
TOO_MANY = frozenset({14107, 20429, 21611})


class TwilioAccount(Struct, frozen=True, kw_only=True):
    """Whose account it is, and who the texts come from."""

    account: str  # AC and 32 hexadecimal digits
    sender: str  # a number, a name, or the id of a messaging service (MG…)
    base_url: str = HOME
    status_callback: str | None = None  # where Twilio reports what became of each text


class Twilio:
    """The channel; its token is asked for anew for each text, so that a new one needs no restart."""

    name = "sms"
    transport = "twilio"
    dedupes = False

    def __init__(self, account: TwilioAccount, token: Callable[[], Secret], web: Web) -> None:
        self._account = account
        self._token = token
        self._web = web

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        """Hand one text over."""
        try:
            to, text = require_text(message)
            request = self._request("POST", self._messages, body=self._form(to, text))
        except MessageRefused as problem:
            return Refused(str(problem))
        except Invalid as problem:
            return Unavailable(str(problem), True)
        answer = self._web.ask(request, last_call)
        return self._meaning(answer, message) if isinstance(answer, Answer) else answer

    def find(self, message: Message, *, known: Collection[str] = ()) -> Delivery | None:
        """Look a text up in Twilio's list, handed over at `message.at`: accepted if it is there once, None if not.

        `known` are the ids of texts that are accounted for. Raises Temporary if Twilio cannot be asked.
        """
        others = [row for row in self._listed(message) if self._may_be(row, message) and row.get("sid") not in known]
        found = [row for row in others if _words(row.get("body")) == _words(message.text)]
        if not others:
            return None
        if not found:  # it may have changed a letter that it does not like
            return Unknown(
                f"{WHO} has other words to this number since then ({others[0].get('sid')}); compare them there"
            )
        if len(found) > 1:
            return Unknown(f"{WHO} has {len(found)} texts with these words to this number since then")
        if found[0].get("status") in ("failed", "undelivered", "canceled"):
            return Unknown(f"{WHO} took it as {found[0]['sid']}, but it is {found[0]['status']} there")
        return Accepted(str(found[0]["sid"]))

    def close(self) -> None:
        """Do nothing: no connection outlives its request."""

    @property
    def _messages(self) -> str:
        return urljoin(self._account.base_url, f"/2010-04-01/Accounts/{self._account.account}/Messages.json")

    @property
    def _from(self) -> dict[str, str]:
        by_service = self._account.sender.startswith("MG")
        return {"MessagingServiceSid" if by_service else "From": self._account.sender}

    def _form(self, to: str, text: str) -> bytes:
        callback = {"StatusCallback": self._account.status_callback} if self._account.status_callback else {}
        return urlencode({"To": to, **self._from, "Body": text, **callback}).encode()

    def _request(self, method: str, url: str, *, body: bytes | None = None) -> Request:
        pair = b64encode(f"{self._account.account}:{self._token().reveal()}".encode()).decode()
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
        headers = {"Authorization": f"Basic {pair}", "Accept": "application/json", **form}
        return Request(method=method, url=url, headers=headers, body=body)

    def _meaning(self, answer: Answer, message: Message) -> Delivery:
        said = read_object(answer.body) or {}
        code = _code(said)
        if code in TOO_MANY and answer.status in (400, 429):
            return Deferred(f"{WHO} {code}: too many at once", retry_after(answer, at=message.at, key=message.key))
        if 400 <= answer.status < 500 and code in OUR_FAULT:
            return Unavailable(f"{WHO} {code}: {OUR_FAULT[code]}", True)
        if fate := by_status(answer, who=WHO, at=message.at, key=message.key):
            return fate
        if answer.status < 300:
            return self._taken(said)
        if not code:
            return Refused(f"{WHO} answered {answer.status} and no code")
        why = REFUSED.get(code, f"refused; see https://www.twilio.com/docs/errors/{code}")
        return Refused(f"{WHO} {code}: {why}", opted_out=code == OPTED_OUT, bad_address=code in NO_NUMBER)

    def _taken(self, said: Mapping[str, Any]) -> Delivery:
        sid = said.get("sid")
        if not isinstance(sid, str) or not _ID.fullmatch(sid):
            return Unknown(f"{WHO} answered without the id of a text")
        if said.get("account_sid") != self._account.account:
            return Unknown(f"{WHO} answered with the id of another account")
        return Accepted(sid)

    # -- looking up -----------------------------------------------------------------------------------------------

    def _listed(self, message: Message) -> list[Mapping[str, Any]]:
        """All texts to the number since the day it was handed over, newest first."""
        by_number = self._from if "From" in self._from else {}
        day = (message.at - A_CLOCK_APART).date().isoformat()
        query = urlencode({"To": message.to, **by_number, "DateSent>": day, "PageSize": "1000"})
        url: str | None = f"{self._messages}?{query}"
        rows: list[Mapping[str, Any]] = []
        for _ in range(MOST_PAGES):
            page = self._page(str(url))
            rows += [row for row in page.get("messages", []) if isinstance(row, dict)]
            following = page.get("next_page_uri")
            if not isinstance(following, str) or not following.startswith("/2010-04-01/"):
                return rows
            url = urljoin(self._account.base_url, following)
        raise Temporary(f"{WHO} lists more texts to this number than can be looked through; look there yourself")

    def _page(self, url: str) -> Mapping[str, Any]:
        answer = self._web.ask(self._request("GET", url))
        if not isinstance(answer, Answer):
            raise Temporary(str(getattr(answer, "reason", f"{WHO} was not asked")))
        page = read_object(answer.body)
        if answer.status != 200 or page is None or not isinstance(page.get("messages"), list):
            raise Temporary(f"{WHO} answered {answer.status} and no list of texts")
        return page

    def _may_be(self, row: Mapping[str, Any], message: Message) -> bool:
        made, sid = _moment(row.get("date_created")), row.get("sid")
        if not isinstance(sid, str) or not _ID.fullmatch(sid):
            return False
        since = made is not None and made >= message.at - A_CLOCK_APART
        ours = "From" in self._from or row.get("messaging_service_sid") == self._account.sender
        return since and ours and row.get("to") == message.to and row.get("direction") != "inbound"


def _words(text: object) -> str:
    return str(text).replace("\r\n", "\n").strip()


def _code(said: Mapping[str, Any]) -> int:
    code = said.get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) else 0


def _moment(text: object) -> datetime | None:
    try:
        found = parsedate_to_datetime(text) if isinstance(text, str) else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
