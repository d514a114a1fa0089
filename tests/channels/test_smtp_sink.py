"""The mail channel against Debian's smtp-sink, which was written by others to try out mail programs."""

import pytest
from msgspec.structs import replace

from coopflow.channels.base import Accepted, Deferred, Refused, Unavailable, Unknown
from coopflow.core.deliveries import Delivery
from tests.channels.contract import yes
from tests.channels.smtp_scene import MESSAGE, channel_to
from tests.channels.smtp_sink import smtp_sink


def delivered(*options: str) -> Delivery:
    with smtp_sink(*options) as port:
        channel = channel_to(port, host="127.0.0.1")
        answer = channel.deliver(MESSAGE, yes)
        channel.close()
    return answer


def test_it_takes_mail_after_mail_on_one_connection() -> None:
    with smtp_sink() as port:
        channel = channel_to(port, host="127.0.0.1")
        answers = {type(channel.deliver(replace(MESSAGE, key=f"k{number}"), yes)) for number in range(20)}
        channel.close()
    assert answers == {Accepted}


@pytest.mark.parametrize(
    ("command", "soft", "hard"),
    [
        ("connect", Unavailable, Unavailable),
        ("ehlo", Unavailable, Unavailable),
        ("mail", Deferred, Unavailable),
        ("rcpt", Deferred, Refused),
        ("data", Deferred, Refused),
        (".", Deferred, Refused),
    ],
)
def test_450_and_500_mean_what_they_should_at_each_command(command: str, soft: type, hard: type) -> None:
    softly, firmly = delivered("-r", command), delivered("-f", command)
    assert (type(softly), type(firmly)) == (soft, hard)
    if isinstance(firmly, Unavailable):
        assert firmly.until_mended


@pytest.mark.parametrize(
    ("command", "meaning"), [("ehlo", Unavailable), ("mail", Unavailable), ("rcpt", Unavailable), (".", Unknown)]
)
def test_a_sink_that_hangs_up(command: str, meaning: type) -> None:
    assert isinstance(delivered("-q", command), meaning)
