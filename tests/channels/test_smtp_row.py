"""Mails in a row: each answer belongs to its mail, and one last call stands for all of them, for a moment only."""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from coopflow.channels import smtp_row
from coopflow.channels.base import Accepted, Deferred, Message, Refused, Unavailable, Unknown, Withdrawn
from coopflow.channels.smtp import Smtp
from coopflow.core.deliveries import Delivery
from tests.channels.mail_server import Client, MailServer, Step, mail_server
from tests.channels.smtp_scene import MESSAGE, channel, channel_to
from tests.channels.smtp_sink import smtp_sink

BOTH_WAYS = pytest.mark.parametrize("pipelining", [False, True], ids=["word by word", "in one breath"])
COUNT = 5
NO = b"550 5.1.1 no such person\r\n"


def mails(count: int = COUNT) -> list[Message]:
    return [replace(MESSAGE, key=f"k{number}", to=f"family{number}@example.org") for number in range(count)]


@dataclass
class Row:
    """One row handed over: what the last call was asked, and what became of each mail."""

    messages: Sequence[Message] = field(default_factory=mails)
    grants: Callable[[], Collection[str]] | None = None
    enough: int | None = None  # answers after which nothing more is to be tried
    asked: int = 0
    fates: list[Delivery] = field(default_factory=list)

    def over(self, channel: Smtp) -> "Row":
        channel.deliver_row(self.messages, self._last_call, self._answered)
        return self

    @property
    def kinds(self) -> list[type]:
        return [type(fate) for fate in self.fates]

    def _last_call(self) -> Collection[str]:
        self.asked += 1
        return self.grants() if self.grants else [message.key for message in self.messages]

    def _answered(self, fate: Delivery) -> bool:
        self.fates.append(fate)
        return len(self.fates) != self.enough


def handed_over(script: Any = None, *, pipelining: bool, **options: Any) -> tuple[Row, MailServer]:
    with mail_server(script, pipelining=pipelining) as server, channel(server) as made:
        return Row(**options).over(made), server


def to(*numbers: int) -> list[str]:
    return [f"family{number}@example.org" for number in numbers]


@BOTH_WAYS
def test_a_row_is_one_connection_and_one_last_call(pipelining: bool) -> None:
    row, server = handed_over(pipelining=pipelining)
    assert row.kinds == [Accepted] * COUNT
    assert (row.asked, server.connections) == (1, 1)
    assert [found for found, _ in server.taken] == to(*range(COUNT))
    assert [mail["To"] for mail in server.mails()] == to(*range(COUNT))


def test_the_next_envelope_comes_with_the_dot_where_that_is_offered() -> None:
    waiting: list[bytes] = []

    def look(client: Client) -> None:
        client.server.over.wait(0.05)
        client.socket.setblocking(False)
        with suppress(BlockingIOError):
            client.heard += client.socket.recv(65_536)
        client.socket.setblocking(True)
        waiting.append(bytes(client.heard))
        client.server.takes(client)
        client.say(b"250 ok\r\n")

    row, server = handed_over({"dot": look}, pipelining=True, messages=mails(3))
    assert row.kinds == [Accepted] * 3
    assert [words.count(b"RCPT TO") for words in waiting] == [1, 1, 0]
    assert all(words.endswith(b"DATA\r\n") for words in waiting[:2])
    assert server.recipients() == to(0, 1, 2)

    waiting.clear()
    row, _ = handed_over({"dot": look}, pipelining=False, messages=mails(3))
    assert waiting == [b"", b"", b""]


@BOTH_WAYS
@pytest.mark.parametrize("place", range(COUNT))
@pytest.mark.parametrize(
    ("phase", "answer", "kind"),
    [
        ("MAIL", b"451 later\r\n", Deferred),
        ("RCPT", NO, Refused),
        ("RCPT", b"450 later\r\n", Deferred),
        ("DATA", b"554 no\r\n", Refused),
        ("dot", b"554 spam\r\n", Refused),
        ("dot", b"451 later\r\n", Deferred),
        ("dot", None, Unknown),
        ("dot", b"what\r\n", Unknown),
        ("body", None, (Unavailable, Unknown)),  # it may hang up between the last look and the dot
    ],
)
def test_what_happens_to_one_mail_happens_to_no_other(
    phase: str, answer: Step, kind: type | tuple[type, ...], place: int, pipelining: bool
) -> None:
    usual: Step = b"" if phase == "body" else b"usual"
    script = {phase: [*[usual] * place, answer, usual]}
    row, server = handed_over(script, pipelining=pipelining)
    others = [number for number in range(COUNT) if number != place]
    assert [type(row.fates[number]) for number in others] == [Accepted] * (COUNT - 1)
    assert isinstance(row.fates[place], kind)
    assert [found for found, _ in server.taken] == to(*others)
    assert row.asked == 1


@pytest.mark.parametrize("after", [b"354 go ahead\r\n", b"503 no recipients\r\n"], ids=["354", "503"])
def test_a_server_that_wants_the_mail_of_a_refused_recipient_does_not_get_it(after: bytes) -> None:
    script = {"RCPT": [b"usual", NO, b"usual"], "DATA": [b"usual", after, b"usual"]}
    row, server = handed_over(script, pipelining=True)
    assert row.kinds == [Accepted, Refused, Accepted, Accepted, Accepted]
    assert [found for found, _ in server.taken] == to(0, 2, 3, 4)
    assert server.connections == (2 if after.startswith(b"354") else 1)


@BOTH_WAYS
def test_answers_that_nobody_asked_for_are_no_mails_answers(pipelining: bool) -> None:
    """One answer too many, and all that follow would be taken for those of the mail before."""

    def twice(client: Client) -> None:
        client.say(b"451 not this one\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 yes\r\n")

    row, server = handed_over({"dot": [b"usual", twice, b"usual"]}, pipelining=pipelining)
    assert type(row.fates[1]) is Deferred
    accepted = [number for number, fate in enumerate(row.fates) if isinstance(fate, Accepted)]
    assert set(to(*accepted)) <= set(server.recipients())


@BOTH_WAYS
def test_a_server_that_takes_only_so_many_mails_on_a_connection_gets_the_rest_on_another(pipelining: bool) -> None:
    script = {"MAIL": [b"usual", b"usual", b"421 enough\r\n", b"usual"]}
    row, server = handed_over(script, pipelining=pipelining)
    assert row.kinds == [Accepted] * COUNT
    assert (row.asked, server.connections) == (1, 2)
    assert server.recipients() == to(*range(COUNT))


@BOTH_WAYS
@pytest.mark.parametrize("kept", range(COUNT))
def test_what_the_last_call_keeps_back_stays_and_the_others_go(kept: int, pipelining: bool) -> None:
    others = [number for number in range(COUNT) if number != kept]
    row, server = handed_over(pipelining=pipelining, grants=lambda: [f"k{number}" for number in others])
    assert [type(fate) is Withdrawn for fate in row.fates] == [number == kept for number in range(COUNT)]
    assert [found for found, _ in server.taken] == to(*others)
    assert row.asked == 1


@BOTH_WAYS
def test_a_last_call_is_not_believed_for_long(pipelining: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_row, "GOOD_FOR", 0.2)

    def slowly(client: Client) -> None:
        client.waits(0.3)
        client.server.takes(client)
        client.say(b"250 at last\r\n")

    row, server = handed_over({"dot": [b"usual", slowly, b"usual"]}, pipelining=pipelining)
    assert row.kinds == [Accepted, Accepted, Withdrawn, Withdrawn, Withdrawn]
    assert [found for found, _ in server.taken] == to(0, 1)


@BOTH_WAYS
def test_the_rest_is_not_tried_when_nobody_wants_to_hear_of_it(pipelining: bool) -> None:
    with mail_server(pipelining=pipelining) as server, channel(server) as made:
        assert Row(enough=2).over(made).kinds == [Accepted, Accepted]
        assert isinstance(made.deliver(MESSAGE, lambda: True), Accepted)
    assert [found for found, _ in server.taken] == [*to(0, 1), MESSAGE.to]


@BOTH_WAYS
def test_a_mail_that_cannot_be_written_or_is_too_big_leaves_the_row_in_order(pipelining: bool) -> None:
    messages = mails()
    messages[0] = replace(messages[0], text=" ")
    messages[2] = replace(messages[2], to="nobody")
    messages[3] = replace(messages[3], text="a" * 2_000_000)
    row, server = handed_over(pipelining=pipelining, messages=messages)
    assert row.kinds == [Refused, Accepted, Refused, Refused, Accepted]
    assert [found for found, _ in server.taken] == to(1, 4)


def test_where_nobody_listens_all_are_told_so_and_what_cannot_be_a_mail_is_refused_all_the_same() -> None:
    with mail_server() as server:
        port = server.port
    made = channel_to(port)
    messages = mails(3)
    messages[1] = replace(messages[1], text=" ")
    row = Row(messages).over(made)
    assert row.kinds == [Unavailable, Refused, Unavailable]
    assert row.asked == 0


def test_a_fault_of_ours_leaves_no_envelope_behind_on_a_connection() -> None:
    def fails(fate: Delivery) -> bool:
        raise RuntimeError("the disk is gone")

    with mail_server(pipelining=True) as server, channel(server) as made:
        with pytest.raises(RuntimeError):
            made.deliver_row(mails(), lambda: [message.key for message in mails()], fails)
        assert isinstance(made.deliver(MESSAGE, lambda: True), Accepted)
    assert (server.connections, [found for found, _ in server.taken]) == (2, [*to(0), MESSAGE.to])


# -- how long a row is --------------------------------------------------------------------------------------------


def test_rows_grow_with_a_server_that_is_quick_and_begin_with_one() -> None:
    with smtp_sink() as port:
        made = channel_to(port, host="127.0.0.1")
        sizes = [made.row]
        for _ in range(12):
            assert set(Row(mails(made.row)).over(made).kinds) == {Accepted}
            sizes.append(made.row)
        made.close()
    assert sizes[0] == 1
    assert max(sizes) > 1
    assert all(after <= 2 * before for before, after in pairwise(sizes))
    assert max(sizes) <= smtp_row.MOST_IN_A_ROW


def test_a_slow_server_gets_each_mail_with_a_last_call_of_its_own() -> None:
    def slowly(client: Client) -> None:
        client.waits(0.15)
        client.server.takes(client)
        client.say(b"250 ok\r\n")

    with mail_server({"dot": slowly}, pipelining=True) as server, channel(server) as made:
        Row(mails(1)).over(made)
        assert made.row == 1
        started = time.monotonic()
        made._row = 3  # it was quick until now
        Row(mails(3)).over(made)
        assert (made.row, time.monotonic() - started > 0.4) == (1, True)


def test_a_server_that_goes_away_is_not_quick_any_more() -> None:
    with mail_server() as server:
        made = channel_to(server.port)
        made._row = 8
        Row(mails(8)).over(made)
    made.close()
    Row(mails(made.row)).over(made)
    assert made.row == 1


def test_several_rows_at_once_have_a_connection_each() -> None:
    with smtp_sink() as port:
        made = channel_to(port, host="127.0.0.1")
        rows = [Row([replace(one, key=f"r{number}-{one.key}") for one in mails(20)]) for number in range(4)]
        threads = [threading.Thread(target=row.over, args=(made,)) for row in rows]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        made.close()
    assert [row.kinds for row in rows] == [[Accepted] * 20] * 4
