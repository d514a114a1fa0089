"""What the tests of the mail channel share: a message, and a channel to a server on loopback."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from msgspec.structs import replace

from coopflow.channels.mail import build_mail
from coopflow.channels.smtp import Smtp, Times
from coopflow.channels.smtp_opening import Server
from coopflow.core.deliveries import Delivery
from coopflow.core.model import Message
from coopflow.secrets import Secret
from tests.channels.contract import AT, yes
from tests.channels.mail_server import PASSWORD, USER, MailServer, authority, mail_server

MESSAGE = Message(
    channel="email",
    to="family42@example.org",
    subject="How are you?",
    text="Dear family,\n.\n..how are you?\n",
    key="5f1c",
    message_id="<5f1c@coop.example>",
    family_id="42",
    instance_id=17,
    at=AT,
)
SENDER = "office@coop.example"
QUICK = Times(answer=0.3, exchange=2, verdict=0.8)  # for servers that do not answer
PATIENT = Times(answer=10, exchange=20, verdict=20)

compose = partial(build_mail, sender=SENDER, sender_name="Maple Co-op", domain="coop.example")


def compose_by_key(message: Message) -> bytes:
    """A mail whose Message-ID is its key, so that the far end can tell which it is."""
    return compose(replace(message, message_id=f"<{message.key}@coop.example>"))


@cache
def ca_file() -> Path:
    path = Path(mkdtemp(prefix="coopflow-ca-")) / "ca.pem"
    authority().cert_pem.write_to_path(str(path))
    return path


def channel_to(
    port: int,
    *,
    security: str = "none",
    host: str = "localhost",
    login: bool = False,
    times: Times = PATIENT,
    composed_by: Callable[[Message], bytes] = compose,
    **more: Any,
) -> Smtp:
    server = Server(
        host=host,
        port=port,
        security=security,
        user=USER if login else None,
        password=(lambda: Secret(PASSWORD)) if login else None,
        ca_file=ca_file() if security != "none" else None,
    )
    return Smtp(replace(server, **more), sender=SENDER, compose=composed_by, times=times)


@contextmanager
def channel(server: MailServer, **options: Any) -> Iterator[Smtp]:
    made = channel_to(server.port, **options)
    try:
        yield made
    finally:
        made.close()


def delivered(
    script: Any = None, *, times: Times = PATIENT, last_call: Callable[[], bool] = yes, **options: Any
) -> tuple[Delivery, MailServer]:
    """What became of one mail, and the server's own record."""
    with mail_server(script, **options) as server, channel(server, times=times) as made:
        return made.deliver(MESSAGE, last_call), server
