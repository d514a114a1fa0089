"""Workflows whose mails go to a real mail server on loopback, also to one that has a bad day."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from coopflow.out_of_order import remembered
from coopflow.sending import Post
from coopflow.transports import Transports
from tests.channels.mail_server import Client, MailServer
from tests.channels.smtp_scene import PATIENT, channel_to
from tests.faults.scene import fill
from tests.world import World

MAIL = [{"id": "mail", "type": "email", "template_id": "hello"}, {"id": "done", "type": "end"}]
TEXT = [{"id": "text", "type": "sms", "message": "Hi"}, {"id": "done", "type": "end"}]


class Posted:
    """A co-op whose mails go to a scripted server."""

    def __init__(self, world: World, server: MailServer, *, max_concurrent: int = 4, **options: Any) -> None:
        self.world = world
        self.server = server
        self.channel = channel_to(server.port, times=PATIENT, **options)
        channels = {**world.wires, "email": self.channel}
        world.engine.post = Post(channels, max_concurrent=max_concurrent)

    def fill(self, count: int, steps: Any = MAIL, **columns: Any) -> None:
        fill(self.world, count, steps, **columns)

    def statuses(self) -> dict[str, int]:
        rows = self.world.db.execute_sql("SELECT status, COUNT(*) FROM workflow_instances GROUP BY status")
        return dict(rows.fetchall())

    def kinds(self) -> list[str]:
        rows = self.world.db.execute_sql("SELECT kind FROM event_log WHERE kind LIKE 'transport.%' ORDER BY event_id")
        return [row[0] for row in rows]


@pytest.fixture
def server() -> Iterator[MailServer]:
    made = MailServer()
    yield made
    made.close()


@pytest.fixture
def posted(wired: World, server: MailServer) -> Posted:
    return Posted(wired, server)


def busy(client: Client) -> bool:
    client.say(b"421 busy\r\n")
    return False


def test_a_mail_leaves_and_is_accepted_which_is_all_that_anybody_knows(posted: Posted) -> None:
    posted.fill(1)
    report = posted.world.tick()

    [mail] = posted.server.mails()
    [(key, message_id)] = posted.world.db.execute_sql(
        "SELECT idempotency_key, message_id FROM workflow_step_executions WHERE message_id IS NOT NULL"
    ).fetchall()
    assert mail["Message-ID"] == message_id == f"<{key}@example.org>"
    assert (mail["Auto-Submitted"], mail["To"]) == ("auto-generated", "family1@example.org")
    assert (report.sent, posted.statuses()) == (1, {"completed": 1})
    [accepted] = [row for row in posted.world.store.looking.events(instance_id=1) if row["kind"] == "message.accepted"]
    assert accepted["data"]["reference"] == "250 2.0.0 queued as 4F2A1"
    said = "".join(str(row) for row in posted.world.store.looking.events(instance_id=1))
    assert "delivered" not in said  # T21: a server that takes mails may still drop them


def test_t13_one_recipient_of_five_hundred_is_refused_and_the_others_get_theirs_once(posted: Posted) -> None:
    def refuses_seven(client: Client) -> None:
        client.say(b"554 no such mailbox\r\n" if client.to[-1] == "family7@example.org" else b"250 ok\r\n")

    posted.server.script["RCPT"] = refuses_seven
    posted.fill(500)
    report = posted.world.tick()
    posted.world.tick("2026-03-20 09:01")

    assert (report.sent, report.not_sent) == (499, 1)
    assert posted.server.recipients() == sorted(f"family{n}@example.org" for n in range(1, 501) if n != 7)
    assert posted.statuses() == {"completed": 499, "paused": 1}
    [task] = posted.world.tasks()
    assert task.family_id == "7"
    assert "the mail server refuses the address: 554 no such mailbox" in task.description


def test_to_an_address_at_which_nobody_is_no_other_mail_goes(posted: Posted) -> None:
    posted.server.script["RCPT"] = b"550 5.1.1 user unknown\r\n"
    posted.fill(1)
    posted.world.tick()
    posted.world.has_workflow("another", MAIL)
    again = posted.world.start("another", family="1")
    posted.server.script.clear()
    posted.world.tick("2026-03-20 09:01")

    assert posted.server.taken == []
    assert posted.world.status(again) == "paused"
    [row] = posted.world.store.inbox.bad_addresses()
    assert (row["channel"], row["address"]) == ("email", "family1@example.org")
    assert row["reason"] == "the mail server refuses the address: 550 5.1.1 user unknown"
    kinds = [row["kind"] for row in posted.world.store.looking.events(family_id="1")]
    assert "address.failed" in kinds


def test_a_thousand_mails_in_one_tick_use_one_connection_for_each_worker(wired: World, server: MailServer) -> None:
    posted = Posted(wired, server, max_concurrent=5)
    posted.fill(1000)
    report = wired.tick()

    assert report.sent == 1000
    assert len(set(server.recipients())) == len(server.taken) == 1000
    assert server.connections <= 5


def test_t23_a_mail_that_is_greylisted_comes_through_and_keeps_the_hours(posted: Posted) -> None:
    posted.server.script["RCPT"] = b"450 4.2.0 greylisted\r\n"
    posted.fill(1)
    posted.world.tick("2026-03-20 17:50")
    posted.world.ticks_until("2026-03-20 17:54", every=timedelta(minutes=1))
    assert posted.server.commands.count("RCPT") == 1  # no sooner than in five minutes

    posted.world.ticks_until("2026-03-20 18:30", every=timedelta(minutes=1))
    posted.server.script.pop("RCPT")
    tried = posted.server.commands.count("RCPT")
    posted.world.ticks_until("2026-03-23 08:30", every=timedelta(hours=1))
    assert posted.server.commands.count("RCPT") == tried
    posted.world.tick("2026-03-23 09:30")
    assert posted.server.recipients() == ["family1@example.org"]
    assert posted.statuses() == {"completed": 1}


def test_t01_a_server_that_is_down_is_told_once_and_not_for_each_family(posted: Posted) -> None:
    posted.server.script["connect"] = busy
    posted.fill(40)
    first = posted.world.tick()
    asked = posted.server.connections
    second = posted.world.tick("2026-03-20 09:01")

    assert first.held == [
        "messages by email wait: the mail server localhost lets nobody in: 421 busy; "
        "they are tried again every 15 minutes; see: coopflow doctor"
    ]
    assert second.held == []
    assert asked <= 4  # that many workers were at it when they found out
    assert posted.kinds() == ["transport.held"]
    assert posted.statuses() == {"running": 40}

    posted.server.script.pop("connect")
    third = posted.world.tick("2026-03-20 09:15")
    assert (third.sent, third.held) == (40, [])
    assert posted.kinds() == ["transport.held", "transport.restored"]
    assert remembered(posted.world.store) == {}


def test_what_fails_now_and_then_is_no_news(posted: Posted) -> None:
    posted.server.script["connect"] = [b"421 busy\r\n", b"usual"]
    posted.fill(1)
    assert posted.world.tick().held == []
    assert posted.world.tick("2026-03-20 09:15").sent == 1
    assert posted.kinds() == []


def test_a_transport_that_fails_in_tick_after_tick_is_news_the_third_time(posted: Posted) -> None:
    posted.server.script["connect"] = busy
    posted.fill(1)
    news = [bool(posted.world.tick(f"2026-03-20 {when}").held) for when in ("09:00", "09:15", "09:30", "09:45")]
    assert news == [False, False, True, False]


def test_t09_a_password_that_is_wrong_is_tried_once_for_all_families(wired: World, server: MailServer) -> None:
    server.login = True
    server.script["AUTH"] = b"535 5.7.8 bad credentials\r\n"
    posted = Posted(wired, server, login=True)
    posted.fill(40)
    report = wired.tick()
    assert len(server.logins) == 1
    assert len(report.held) == 1
    assert "535 5.7.8 bad credentials; a person must mend that" in report.held[0]
    assert wired.db.execute_sql("SELECT MAX(retry_count) FROM workflow_step_executions").fetchone()[0] == 0

    for family in ("41", "42"):
        wired.has_family(family)
    wired.start("outreach", family="41")
    wired.tick("2026-03-20 09:05")
    assert len(server.logins) == 1  # it is left alone for 15 minutes

    wired.engine.post.transports = Transports(settings="mended")
    server.script.pop("AUTH")
    wired.start("outreach", family="42")
    assert wired.tick("2026-03-20 09:06").sent == 1  # but not when the configuration has changed


def test_t24_a_server_that_is_down_for_days_is_asked_ever_more_rarely_and_then_people_are(posted: Posted) -> None:
    posted.server.script["connect"] = busy
    posted.fill(3)
    lines: list[str] = []
    for _ in range(5 * 24 * 4):
        posted.world.now += timedelta(minutes=15)
        lines += posted.world.tick().held

    assert len(lines) == 1
    assert posted.server.taken == []
    assert posted.statuses() == {"paused": 3}
    assert sorted(task.family_id for task in posted.world.tasks()) == ["1", "2", "3"]
    assert "could not be handed over since" in posted.world.tasks()[0].description
    assert posted.kinds() == ["transport.held"]


def test_t40_the_texts_flow_while_the_mail_server_is_dead(posted: Posted) -> None:
    posted.server.script["connect"] = busy
    steps = [{"id": "both", "type": "parallel", "branches": [MAIL[:1], TEXT[:1]]}, MAIL[1]]
    posted.fill(20, steps)
    posted.world.db.execute_sql("UPDATE families SET phone = '+12125550' || (100 + family_id)")  # each has its own
    posted.world.tick()
    assert len(posted.world.wires["sms"].taken) == 20
    assert posted.server.taken == []
    assert list(remembered(posted.world.store)) == ["email"]


@pytest.mark.parametrize("taken", [True, False], ids=["t17_taken", "t18_not_taken"])
def test_a_lost_answer_is_in_doubt_until_a_person_has_looked_and_the_mail_arrives_once(
    posted: Posted, taken: bool
) -> None:
    def loses(client: Client) -> bool:
        if taken:
            client.server.takes(client)
        return False

    posted.server.script["dot"] = [loses, b"usual"]
    posted.fill(1)
    assert posted.world.tick().in_doubt == [1]
    posted.world.ticks_until("2026-03-20 12:00")
    assert len(posted.server.taken) == taken

    [task] = posted.world.tasks()
    assert "did not say whether it takes it" in task.description
    posted.world.closes(task, "sent" if taken else "not_sent")
    posted.world.ticks_until("2026-03-20 14:00")
    assert posted.server.recipients() == ["family1@example.org"]
    assert posted.statuses() == {"completed": 1}


def test_a_server_that_takes_mails_and_never_says_so_does_not_make_a_doubt_of_all(posted: Posted) -> None:
    def mute(client: Client) -> bool:
        client.server.takes(client)
        return False

    posted.server.script["dot"] = mute
    posted.fill(100)
    report = posted.world.tick()
    assert 3 <= len(set(report.in_doubt)) <= 8
    assert len(report.held) == 1


def test_t34_a_stop_between_the_intent_and_the_last_call_keeps_the_mail_back(
    posted: Posted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The family opts out while the server is at the mail's body; nothing but the dot is missing."""
    from coopflow import tick as ticking

    ask = ticking._last_call

    def opts_out_first(case: Any, *rest: Any, **more: Any) -> bool:
        case.family = replace(case.family, status="withdrawn")
        return ask(case, *rest, **more)

    monkeypatch.setattr(ticking, "_last_call", opts_out_first)
    posted.fill(1)
    report = posted.world.tick()
    assert (report.sent, posted.server.taken) == (0, [])
    assert posted.server.commands[:4] == ["EHLO", "MAIL", "RCPT", "DATA"]
