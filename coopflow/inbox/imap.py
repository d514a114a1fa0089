"""A mailbox on a server, read by IMAP over TLS. Nothing in it is moved or deleted; mails may be marked as seen."""

import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coopflow.inbox.bounded import within
from coopflow.inbox.source import LARGEST, MOST_BYTES, Arrived, Unreachable
from coopflow.secrets import NoSecret, Secret, read_secret
from coopflow.store.inbox import Inbox

if TYPE_CHECKING:
    from imap_tools import BaseMailBox

ANSWER_WITHIN = 10  # seconds that the server has for each answer
DONE_WITHIN = 20  # seconds for the whole reading: a slow server must not hold a tick
LONGEST_SAID = 200  # characters of the server's words that are repeated
PORTS = {"tls": 993, "starttls": 143}
# As the protocol has them, whatever the machine's language.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
_DATE = re.compile(rb'INTERNALDATE "\s?(\d{1,2})-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"')


class ImapSource:
    """One folder of one mailbox."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self.name = str(settings["name"])

    def fetch(self, inbox: Inbox, *, since: datetime, limit: int, now: datetime) -> list[Arrived]:
        """The mails that came after the last one on record."""
        del now
        secret, newest = self._password(), inbox.newest(self.name)
        try:
            return within(DONE_WITHIN, lambda: self._fetch(secret, newest, since, limit))
        except Unreachable as problem:
            raise Unreachable(secret.kept_out_of(str(problem))) from None

    def _password(self) -> Secret:
        variable, file = self._settings.get("password_env"), self._settings.get("password_file")
        try:
            return read_secret(variable, Path(file) if file else None, os.environ, any_letters=True)
        except NoSecret as problem:
            raise Unreachable(str(problem)) from None

    def _fetch(self, secret: Secret, newest: str | None, since: datetime, limit: int) -> list[Arrived]:
        from imaplib import IMAP4

        from imap_tools import ImapToolsError

        try:
            box = self._connect()
            try:
                return list(self._new_mails(box, secret, newest, since, limit))
            finally:
                box.client.shutdown()  # and no LOGOUT: its answer changes nothing
        except OSError as problem:  # time-outs, refused connections and certificates among them
            raise Unreachable(_reason(problem)) from None
        except (ImapToolsError, IMAP4.error) as problem:
            raise Unreachable(_refusal(problem, self._settings)) from None

    def _connect(self) -> "BaseMailBox":
        import ssl
        from imaplib import IMAP4, IMAP4_SSL

        from imap_tools import BaseMailBox

        class Box(BaseMailBox):
            def _get_mailbox_client(self) -> IMAP4:
                return client

        context = ssl.create_default_context(cafile=self._settings.get("ca_file"))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        host, security = self._settings["host"], self._settings["security"]
        port = self._settings.get("port") or PORTS[security]
        if security == "tls":
            client: IMAP4 = IMAP4_SSL(host, port, ssl_context=context, timeout=ANSWER_WITHIN)
        else:
            client = IMAP4(host, port, timeout=ANSWER_WITHIN)
            try:
                client.starttls(context)  # where that is not possible, nothing more is said
            except Exception:
                client.shutdown()
                raise
        return Box()

    def _new_mails(
        self, box: "BaseMailBox", secret: Secret, newest: str | None, since: datetime, limit: int
    ) -> Iterator[Arrived]:
        user, password = self._settings["user"], secret.reveal()
        login = box.login if user.isascii() and password.isascii() else box.login_utf8
        login(user, password, initial_folder=None)
        box.folder.set(self._settings["folder"], readonly=not self._settings["mark_seen"])
        validity = int(box.client.response("UIDVALIDITY")[1][0] or 0)
        after = _last_uid(newest, validity)
        day = since - timedelta(days=1)  # the server's day may be another one
        found = box.uids(f"UID {after + 1}:* SINCE {day.day}-{MONTHS[day.month - 1]}-{day.year}", charset=None)
        taken = 0
        for uid in sorted(number for text in found if (number := int(text)) > after)[:limit]:
            arrived = self._mail(box, validity, uid)
            if arrived is not None:
                yield arrived
                taken += len(arrived.content)
            if taken > MOST_BYTES:
                return  # the next reading goes on from here

    def _mail(self, box: "BaseMailBox", validity: int, uid: int) -> Arrived | None:
        """One mail, no more than its beginning; None: it has gone meanwhile."""
        body = "BODY" if self._settings["mark_seen"] else "BODY.PEEK"
        _, parts = box.client.uid("FETCH", str(uid), f"(RFC822.SIZE INTERNALDATE {body}[]<0.{LARGEST}>)")
        content = next((part[1] for part in parts if isinstance(part, tuple)), None)
        if content is None:
            return None
        told = b" ".join(part[0] if isinstance(part, tuple) else part for part in parts if part is not None)
        size = _SIZE.search(told)
        return Arrived(
            provider_id=f"{validity:010d}:{uid:010d}",
            content=content[:LARGEST],
            kind="mail",
            at=_date(told),
            cut=size is not None and int(size[1]) > len(content),
        )


def _last_uid(newest: str | None, validity: int) -> int:
    """The last mail on record; 0 where there is none, or the server has numbered all mails anew."""
    before, _, uid = (newest or "").partition(":")
    return int(uid) if before == f"{validity:010d}" and uid.isdigit() else 0


def _date(told: bytes) -> datetime | None:
    found = _DATE.search(told)
    if found is None:
        return None
    day, month, year, hour, minute, second, sign, hours, minutes = (part.decode() for part in found.groups())
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    try:
        at = datetime(
            int(year), MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second), tzinfo=timezone(offset)
        )
    except ValueError:
        return None
    return at.astimezone(UTC)


def _reason(problem: OSError) -> str:
    words = problem.strerror or str(problem) or "it does not answer"
    if isinstance(problem, TimeoutError):
        words = f"it has not answered within {ANSWER_WITHIN} seconds"
    return words[0].lower() + words[1:]


def _refusal(problem: Exception, settings: Mapping[str, Any]) -> str:
    """What the server said, after what it means."""
    from imap_tools import MailboxFolderSelectError, MailboxLoginError

    result = getattr(problem, "command_result", None)
    parts = result[1] if result else [str(problem)]
    said = " ".join(part.decode("ascii", "replace") if isinstance(part, bytes) else str(part) for part in parts if part)
    said = " ".join(said.split())[:LONGEST_SAID]
    match problem:
        case MailboxLoginError():
            return f"the server does not accept the user and the password ({said})"
        case MailboxFolderSelectError():
            return f"the server has no folder '{settings['folder']}' for this user ({said})"
        case _:
            return f"the server said: {said}"
