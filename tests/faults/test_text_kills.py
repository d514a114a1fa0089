"""A kill at each step of a request, with Twilio's own book as the truth: nothing lost, nothing sent twice."""

import os
import signal
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from coopflow import tick as ticking
from coopflow.channels.base import Accepted, Channel
from coopflow.channels.twilio import Twilio, TwilioAccount
from coopflow.channels.web import Web
from coopflow.errors import NotFound
from coopflow.secrets import Secret
from coopflow.store.store import Store
from coopflow.verifying import verify_doubt
from tests.faults.children import KILLED, run
from tests.faults.scene import assert_sound, engine, fill, opened
from tests.servers.twilio import ACCOUNT, SENDER, TOKEN, TwilioServer, twilio_server
from tests.world import at, world

TEXT = [{"id": "text", "type": "sms", "message": "Hi {{ family_name }}"}, {"id": "done", "type": "end"}]
LATER = at("2026-03-20 09:30")


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before_the_last_call() -> None:
    Web._exchange = die  # type: ignore[method-assign, assignment]


def before_the_first_byte() -> None:
    HTTPConnection.endheaders = die  # type: ignore[method-assign]


def before_the_answer_is_read() -> None:
    HTTPConnection.getresponse = die  # type: ignore[method-assign, assignment]


def before_the_answer_is_on_record() -> None:
    ticking._record = die  # type: ignore[assignment]


POINTS: dict[Callable[[], None], tuple[int, int]] = {  # point → texts at Twilio after the next tick, and doubts
    before_the_last_call: (1, 0),
    before_the_first_byte: (0, 1),
    before_the_answer_is_read: (1, 1),
    before_the_answer_is_on_record: (1, 1),
}


@pytest.fixture
def twilio() -> Iterator[TwilioServer]:
    with twilio_server(now=at("2026-03-20 09:00")) as server:
        yield server


def channel_to(server: TwilioServer) -> dict[str, Channel]:
    account = TwilioAccount(account=ACCOUNT, sender=SENDER, base_url=server.url)
    return {"sms": Twilio(account, lambda: Secret(TOKEN), Web(connect=5, read=5, altogether=5))}


def ticks(folder: Path, server: TwilioServer, when: str, point: Callable[[], None] | None = None) -> None:
    if point:
        point()
    with engine(folder, channel_to(server)) as made:
        ticking.tick(made, now=at(when))


def state(store: Store) -> tuple[str, str]:
    [row] = store.db.execute_sql("SELECT instance_id, status FROM workflow_instances")
    return row


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.__name__)
def test_t17_t18_a_kill_loses_nothing_and_doubles_nothing(
    folder: Path, twilio: TwilioServer, point: Callable[[], None]
) -> None:
    with world(folder) as made:
        fill(made, 1, TEXT)
    texts, doubts = POINTS[point]

    assert run(lambda: ticks(folder, twilio, "2026-03-20 09:00", point)) == KILLED
    assert run(lambda: ticks(folder, twilio, "2026-03-20 09:01")) == 0
    assert run(lambda: ticks(folder, twilio, "2026-03-20 09:02")) == 0

    with opened(folder) as store:
        assert_sound(store)
        assert len(twilio.taken) == texts
        assert state(store)[1] == ("paused" if doubts else "completed")
        assert len(store.desk.tasks()) == doubts


@pytest.mark.parametrize("point", [before_the_first_byte, before_the_answer_is_read], ids=lambda point: point.__name__)
def test_t17_t18_twilio_can_tell_which_it_was(folder: Path, twilio: TwilioServer, point: Callable[[], None]) -> None:
    with world(folder) as made:
        fill(made, 1, TEXT)
    run(lambda: ticks(folder, twilio, "2026-03-20 09:00", point))
    run(lambda: ticks(folder, twilio, "2026-03-20 09:01"))
    with opened(folder) as store:
        if twilio.taken:
            found, _ = verify_doubt(store, channel_to(twilio), 1, actor="sarah", now=LATER)
            assert Accepted(found) == Accepted(twilio.taken[0]["sid"])
            assert state(store)[1] == "completed"
        else:
            with pytest.raises(NotFound, match="it seems not to have left"):
                verify_doubt(store, channel_to(twilio), 1, actor="sarah", now=LATER)
