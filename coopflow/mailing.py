"""From the configuration to the mails: how they are written, and the channel to the server that takes them."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from coopflow.config import Config
from coopflow.core.durations import Duration
from coopflow.core.model import Message
from coopflow.core.reply_tag import reply_tag, tagged_address

if TYPE_CHECKING:
    from coopflow.channels.smtp import Smtp
    from coopflow.secrets import Secret

Compose = Callable[[Message], bytes]
TAG = "{tag}"  # in a link to unsubscribe: which instance it is about


def mail_writer(config: Config, *, sender: str, domain: str, database_id: str) -> Compose:
    """What writes a message as a mail of this co-op."""
    settings = config.channels["email"]

    def write(message: Message) -> bytes:
        from coopflow.channels.mail import build_mail  # loaded with the first mail: most ticks send none

        plain = partial(build_mail, message, sender=sender, sender_name=config.organisation, domain=domain)
        if message.instance_id is None or message.family_id is None:
            return plain(reply_to=settings.get("reply_to"))
        tag = reply_tag(database_id, message.instance_id, message.family_id)
        reply_to = tagged_address(settings["reply_to"], tag) if settings.get("reply_to") else None
        return plain(reply_to=reply_to, unsubscribe=_unsubscribe(settings, tag, reply_to))

    return write


def _unsubscribe(settings: Mapping[str, Any], tag: str, reply_to: str | None) -> list[str]:
    """The links of the configuration; else, where answers are read, an answer that says STOP."""
    links = settings.get("unsubscribe") or ([f"mailto:{reply_to}?subject=STOP"] if reply_to else [])
    return [link.replace(TAG, tag) for link in links]


def smtp_channel(config: Config, compose: Compose) -> "Smtp":
    """The channel to the mail server that the configuration names."""
    from coopflow.channels.smtp import Smtp, Times
    from coopflow.channels.smtp_opening import Server

    settings = config.channels["email"]
    server = Server(
        host=settings["host"],
        port=settings["port"],
        security=settings["security"],
        user=settings.get("user"),
        password=password_of(config),
        ca_file=config.beside(settings["ca_file"]) if settings.get("ca_file") else None,
    )
    times = Times(answer=Duration.parse(settings["timeout"]).seconds)
    return Smtp(server, sender=settings["from"], compose=compose, times=times)


def password_of(config: Config) -> "Callable[[], Secret] | None":
    """What reads the mail server's password, when it is needed; None: there is none."""
    from coopflow.secrets import read_secret

    settings = config.channels["email"]
    name, file = settings.get("password_env"), settings.get("password_file")
    if name is None and file is None:
        return None
    return partial(read_secret, name, config.beside(file) if file else None, os.environ, any_letters=True)
