"""Twilio by its contract: the fields, Basic authentication, statuses, error codes and list filters of its Messages."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.servers.web import Talk, WebServer

ACCOUNT = "AC" + "0a1b2c3d" * 4
TOKEN = "canary-4f1c-token"  # noqa: S105 - of this pretended account
SENDER = "+15005550006"
INVALID, OPTED_OUT, TOO_MANY, NO_MOBILE = "+15005550001", "+15005550004", "+15005550429", "+15005550009"
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"

ERRORS = {  # by number, as Twilio's magic numbers: status, code
    INVALID: (400, 21211),
    OPTED_OUT: (400, 21610),
    NO_MOBILE: (400, 21614),
    TOO_MANY: (429, 20429),
}


@dataclass
class TwilioServer:
    """Takes texts and lists them; `taken` is the truth about what would reach a phone."""

    now: datetime = datetime(2026, 3, 20, 13, tzinfo=UTC)
    taken: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 1000  # at most so many on a page, whatever is asked for

    def __post_init__(self) -> None:
        self.web = WebServer(self.answer)
        self.url = f"http://127.0.0.1:{self.web.port}"
        self._lock = threading.Lock()

    def answer(self, talk: Talk) -> None:
        request = talk.received
        if not self._knows(request.headers.get("authorization", "")):
            return self._error(talk, 401, 20003)
        if request.path != PATH:
            return self._error(talk, 404, 20404)
        if request.method == "POST":
            return self._post(talk)
        if request.method == "GET":
            return talk.reply(200, self._list(dict(parse_qsl(urlsplit(request.target).query))))
        return self._error(talk, 405, 20004)

    def takes_and_fails(self, status: int = 500) -> None:
        """The next text is taken, and the answer is an error all the same: it may have been delivered."""
        self.web.next.append(lambda talk: (self.take(talk.received.form), self._error(talk, status, 20500))[1])

    def take(self, form: dict[str, str]) -> dict[str, Any]:
        with self._lock:
            row = {
                "sid": f"SM{len(self.taken) + 1:032x}",
                "account_sid": ACCOUNT,
                "to": form["To"],
                "from": form.get("From", SENDER),
                "messaging_service_sid": form.get("MessagingServiceSid"),
                "body": form["Body"],
                "status": "queued",
                "direction": "outbound-api",
                "date_created": format_datetime(self.now),
                "date_sent": format_datetime(self.now),
                "error_code": None,
                "num_segments": "1",
            }
            self.taken.append(row)
            return row

    def _post(self, talk: Talk) -> None:
        form = talk.received.form
        if talk.received.headers.get("content-type") != "application/x-www-form-urlencoded":
            return self._error(talk, 415, 20415)
        if not form.get("Body", "").strip():
            return self._error(talk, 400, 21602)
        if "From" not in form and "MessagingServiceSid" not in form:
            return self._error(talk, 400, 21603)
        if len(form["Body"]) > 1600:
            return self._error(talk, 400, 21617)
        if form.get("To") in ERRORS:
            status, code = ERRORS[form["To"]]
            return self._error(talk, status, code)
        return talk.reply(201, self.take(form), Content_Type="application/json")

    def _list(self, asked: dict[str, str]) -> dict[str, Any]:
        rows = [row for row in reversed(self.taken) if self._wanted(row, asked)]
        page, size = int(asked.get("Page", 0)), min(self.page_size, int(asked.get("PageSize", 50)))
        shown = rows[page * size : (page + 1) * size]
        following = f"{PATH}?{urlencode({**asked, 'Page': page + 1})}" if len(rows) > (page + 1) * size else None
        return {"messages": shown, "page": page, "page_size": size, "next_page_uri": following}

    @staticmethod
    def _wanted(row: dict[str, Any], asked: dict[str, str]) -> bool:
        sent = parsedate_to_datetime(row["date_sent"]).date() if row["date_sent"] else None
        since = date.fromisoformat(asked["DateSent>"]) if "DateSent>" in asked else None
        return (
            row["to"] == asked.get("To", row["to"])
            and row["from"] == asked.get("From", row["from"])
            and (since is None or (sent is not None and sent >= since))
        )

    @staticmethod
    def _knows(header: str) -> bool:
        return header == f"Basic {base64.b64encode(f'{ACCOUNT}:{TOKEN}'.encode()).decode()}"

    @staticmethod
    def _error(talk: Talk, status: int, code: int) -> None:
        number = talk.received.form.get("To", "") if talk.received.method == "POST" else ""
        told = {
            "code": code,
            "message": f"The 'To' number {number} is not right",
            "more_info": f"https://www.twilio.com/docs/errors/{code}",
            "status": status,
        }
        talk.reply(status, told, Content_Type="application/json")


@contextmanager
def twilio_server(**options: Any) -> Iterator[TwilioServer]:
    server = TwilioServer(**options)
    try:
        yield server
    finally:
        server.web.close()
