"""Puts the concrete things together: configuration, store, channels, engine. Nothing else names them all."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from coopflow.config import Config, calendar, limits
from coopflow.core.allowed import allowed_by
from coopflow.core.durations import Duration
from coopflow.core.facts import BUILT_IN_EVENTS
from coopflow.core.model import Coop, Message
from coopflow.core.timing import parse_preference
from coopflow.core.windows import without_texts
from coopflow.door import ALWAYS, Door, file_signature, state_of_files
from coopflow.zone_data import zone_data

if TYPE_CHECKING:
    from coopflow.channels.base import Channel
    from coopflow.core.leaving import WayOut
    from coopflow.inbox.source import Source
    from coopflow.inbox.taking import Ours
    from coopflow.store.lock import TickLock
    from coopflow.store.store import Store
    from coopflow.tick import Engine
    from coopflow.workflows.known import Known

NOBODYS_DOMAIN = "coopflow.invalid"  # never exists (RFC 2606): an answer to such a mail goes nowhere


class App(Struct, frozen=True, dict=True):
    """One co-op's coopflow: what its configuration says, and what follows from it."""

    config: Config
    database: str  # a path
    config_signature: str  # of the configuration's file, from just before it was read

    @cached_property
    def coop(self) -> Coop:
        """What the rules need to know about the co-op."""
        return Coop(
            organisation=self.config.organisation,
            calendar=calendar(self.config),
            coordinators=self.config.coordinators,
            known_events=frozenset({*BUILT_IN_EVENTS, *self.config.events}),
            preferred={channel: parse_preference(spec) for channel, spec in self.config.preferred.items()},
            limits=limits(self.config),
            spread=timedelta(seconds=Duration.parse(self.config.spread).seconds if self.config.spread else 0),
            footer=self._footer(),
            allowed=allowed_by(self.config.allow) if self.config.allow and self.config.deliver == "live" else None,
            rest=timedelta(seconds=Duration.parse(self.config.rest).seconds if self.config.rest else 0),
        )

    def _footer(self) -> str | None:
        """Who writes and from where, as the law asks of outreach (CAN-SPAM); None while no address is configured."""
        if not self.config.postal_address:
            return None
        return ", ".join((self.config.organisation, *self.config.postal_address.splitlines()))

    @cached_property
    def lock(self) -> "TickLock":
        """The lock that lets one tick work at a time; its time stamp says when the last one did."""
        from coopflow.store.database import path_of
        from coopflow.store.lock import TickLock

        return TickLock(path_of(self.database))

    def state_of_files(self) -> str:
        """What changes when the configuration or any workflow does."""
        return state_of_files(self.config_signature, self.config.workflows)

    def leave_word(self) -> None:
        """Tell the next tick what it need not read again."""
        watched = [_watched(source) for source in self.config.inbox]
        Door(self.config.path).keep(self.config_signature, self.config.to_data(), inbox=watched)

    def known(self, store: "Store | None" = None) -> "Known":
        """What workflows may refer to: what the configuration declares, and what the families have in fact."""
        from coopflow.workflows.known import Known

        imported = store.attribute_names() if store else ()
        return Known(
            events=self.config.events,
            attributes=sorted({*self.config.attributes, *imported}),
            windows=sorted(self.coop.calendar.windows),
            windows_without_texts=without_texts(self.coop.calendar),
            coordinators=sorted(self.config.coordinators),
            no_outreach=self._no_outreach(),
            commands=sorted(self.config.commands),
            web_secrets=self.config.web_secrets,
        )

    def _no_outreach(self) -> str | None:
        """What keeps outreach by mail from leaving lawfully, once something does leave."""
        from coopflow.outreach_rules import problems_before_live

        return None if self.config.deliver == "outbox" else "; ".join(problems_before_live(self.config)) or None

    @contextmanager
    def store(self, *, read_only: bool = False) -> Iterator["Store"]:
        """The open store; closed when the command is done with it."""
        from coopflow.store.database import open_database, translating
        from coopflow.store.store import Store

        db = open_database(self.database, read_only=read_only)
        try:
            with translating(Path(self.database)):
                yield Store(db, self.coop, zones_of_phone=_zones_of_phone)
        finally:
            db.close()

    @property
    def sender(self) -> str:
        """The address that mail comes from: the mail server's `from`, else the first coordinator's."""
        details = self.config.coordinators.get(self.coop.coordinator, {})
        own = self.config.channels["email"].get("from")
        return str(own or details.get("email") or f"coopflow@{NOBODYS_DOMAIN}")

    @property
    def domain(self) -> str:
        """The domain of Message-IDs."""
        return self.sender.rpartition("@")[2]

    def channels(self, database_id: str) -> Mapping[str, "Channel"]:
        """The channels by name: the outbox, or what `deliver` lets reach out in its place."""
        outboxes = self._outboxes(database_id)
        if self.config.deliver == "outbox":
            return outboxes
        reaching = {**outboxes, **self._transports(database_id)}
        if self.way_out.reaches_families:
            return reaching
        from coopflow.channels.redirect import redirected

        return redirected(reaching, outboxes, self.config.redirect_to)

    def _outboxes(self, database_id: str) -> Mapping[str, "Channel"]:
        from coopflow.channels.outbox import Outbox

        email = Outbox("email", self.config.outbox, compose=self._mail_writer(database_id))
        return {"email": email, **{name: Outbox(name, self.config.outbox) for name in ("sms", "http", "command")}}

    def _transports(self, database_id: str) -> Mapping[str, "Channel"]:
        """What reaches out, by channel; one whose transport is the outbox is not here."""
        from coopflow.ways_out import transports

        return transports(self.config, os.environ, writer=self._mail_writer(database_id))

    def _mail_writer(self, database_id: str) -> Callable[[Message], bytes]:
        from coopflow.mailing import mail_writer

        return mail_writer(self.config, sender=self.sender, domain=self.domain, database_id=database_id)

    def inbox(self) -> "Sequence[Source]":
        """Where answers come in, as the configuration says."""
        from coopflow.inbox.sources import sources_of

        return sources_of(self.config.inbox)

    def ours(self) -> "Ours":
        """What tells the co-op's own mails from those of families."""
        from coopflow.inbox.taking import Ours

        own = (self.sender, *(person.get("email") for person in self.config.coordinators.values()))
        return Ours(addresses=frozenset(str(text).lower() for text in own if text), region=self.config.country)

    @cached_property
    def way_out(self) -> "WayOut":
        """How messages leave, as far as somebody must have agreed to it."""
        from coopflow.core.leaving import WayOut, fingerprint

        return WayOut(self.config.deliver, fingerprint({"channels": self.config.channels, "allow": self.config.allow}))

    @contextmanager
    def engine(self, *, say_again: bool = False) -> Iterator["Engine"]:
        """What a tick works with, on a database that is in its place; with `say_again`, told each time if it is not."""
        from coopflow.clock import stopwatch
        from coopflow.composing import Composer
        from coopflow.keeping.place import leave_head, require_in_place
        from coopflow.sending import Post
        from coopflow.tick import Engine

        with self.store() as store:
            require_in_place(store, say_again=say_again)
            post = Post(
                self.channels(store.database_id),
                max_concurrent=self.config.max_concurrent,
                settings=self.config_signature,
            )
            try:
                composer = Composer(database_id=store.database_id, domain=self.domain)
                yield Engine(
                    store,
                    post,
                    composer,
                    zone_data=zone_data().version,
                    elapsed=stopwatch(),
                    way_out=self.way_out,
                )
            finally:
                post.close()
                leave_head(store)


def open_app(config_path: Path, *, database: str | None = None) -> App:
    """Read the configuration, from the door's copy if the file has not changed since, and put the app together."""
    zone_data()  # before the first time zone is read
    seen = file_signature(config_path)  # from before it is read: an edit meanwhile is noticed the next time
    config = _remembered(Door(config_path), seen)
    if config is None:
        from coopflow.config import load_config

        config = load_config(config_path)
    return App(config, database or config.database, seen)


def _zones_of_phone(phone: str) -> tuple[str, ...]:
    from coopflow.channels.addresses import likely_zones  # loaded where a family is stored, which is seldom

    return likely_zones(phone)


def _watched(source: Mapping[str, object]) -> str:
    """What the door looks at before a full tick: a folder, or nothing, since it can look into no mailbox."""
    path = str(source.get("path"))
    return path if source["type"] == "folder" and "\t" not in path and "\n" not in path else ALWAYS


def _remembered(door: Door, seen: str) -> Config | None:
    data = door.config(seen)
    try:
        return None if data is None else Config.from_data(data)
    except (KeyError, TypeError, ValueError):  # left by a coopflow that kept other things
        return None
