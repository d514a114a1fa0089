"""What every channel must do. A test class per channel subclasses one of these and says how to look at what arrived."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest
from msgspec.structs import replace

from coopflow.channels.base import Accepted, Channel, Message, Refused, Unknown, Withdrawn

AT = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)

HOSTILE_ADDRESSES = [
    "",
    " ",
    "x",
    "a@b.example\r\nBcc: evil@c.example",
    "a@b.example\nRCPT TO:<evil@c.example>",
    "a@b.example> SIZE=1",
    "a@b.example, evil@c.example",
    "Friends: a@b.example, evil@c.example;",
    '"a b"@b.example',
    "a(comment)@b.example",
    "A Name <a@b.example>",
    "a@[192.0.2.1]",
    "=?utf-8?q?a=0aBcc=3a_e?=@b.example",
    "a@b.example\0",
    "a@b.example\u2028",
    "ä@b.example",
    f"{'a' * 65}@b.example",
    f"a@{'b' * 250}.example",
    ", ".join(f"a{number}@b.example" for number in range(10_000)),
    "+",
    "15128675309",
    "+1 512 867 5309",
    "+15128675309;ext=5",
    "+15128675309\n+15128675310",
    "+1512867530912345",
    "+٠١٢٣٤٥٦٧٨٩",
    "../../etc/passwd",
]

HOSTILE_KEYS = ["", "../a", "a/b", "/a", ".", "..", ".a", "a.b", "A", "-a", "ä", "a\n", "a\0", "a b", "a" * 82]

HOSTILE_WORDS = [
    "{{ family_name }} {% for x in y %} {{ ''.__class__ }}",
    "<script>alert(1)</script> </style> [/red] :smile:",
    "=HYPERLINK(1) | `rm -rf` $(id) ' OR 1=1 --",
    "a\r\n.\r\nb\n.\n..\n. \nMAIL FROM:<e@c.example>",
    "a\rb\r\rc\r\n\nd\n\r",
    "From nobody\nFrom: nobody\n\nBcc: evil@c.example",
    "--=_boundary--\n=?utf-8?q?word?= =41 =",
    "שלום \u202eevil\u202c 日本語 👩‍👩‍👧 é",
    "\x1b[31m\x07\x0b\x0c\x85\u2028\u2029\x7f",
    "word " * 250,
    "trailing blanks   \n\t\n  \nend",
]


@dataclass(frozen=True)
class Arrived:
    """A message as whoever receives it finds it."""

    key: str
    to: str
    text: str  # its lines; how they end is the transport's own business

    @classmethod
    def of(cls, message: Message) -> "Arrived":
        return cls(message.key, message.to, same_lines(message.text))


class World(Protocol):
    """A channel, and the far end of it."""

    channel: Channel

    def message(self) -> Message:
        """A good message for this channel."""

    def arrived(self) -> list[Arrived]:
        """Everything that arrived, by key."""


def yes() -> bool:
    return True


def same_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")


class ChannelContract:
    @pytest.fixture
    def world(self) -> Iterator[World]:
        raise NotImplementedError

    def test_it_says_what_it_carries_and_how(self, world: World):
        assert world.channel.name == world.message().channel
        assert world.channel.transport
        assert isinstance(world.channel.dedupes, bool)

    def test_an_accepted_message_arrives_with_its_words_at_its_address(self, world: World):
        message = world.message()
        assert isinstance(world.channel.deliver(message, yes), Accepted)
        assert world.arrived() == [Arrived.of(message)]

    @pytest.mark.parametrize("text", HOSTILE_WORDS)
    def test_hostile_words_arrive_as_words(self, world: World, text: str):
        message = replace(world.message(), text=text)
        assert isinstance(world.channel.deliver(message, yes), Accepted)
        assert world.arrived() == [Arrived.of(message)]

    @pytest.mark.parametrize("to", HOSTILE_ADDRESSES, ids=lambda to: ascii(to)[:30])
    def test_a_hostile_address_is_refused_and_not_repeated_in_the_reason(self, world: World, to: str):
        answer = world.channel.deliver(replace(world.message(), to=to), yes)
        assert isinstance(answer, Refused)
        assert len(answer.reason) < 200
        assert len(to) < 3 or to not in answer.reason
        assert world.arrived() == []

    @pytest.mark.parametrize("key", HOSTILE_KEYS, ids=lambda key: ascii(key)[:30])
    def test_a_hostile_key_is_refused(self, world: World, key: str):
        assert isinstance(world.channel.deliver(replace(world.message(), key=key), yes), Refused)
        assert world.arrived() == []

    @pytest.mark.parametrize("text", ["", " \n\t ", "a\0b", "half a character \ud83d"], ids=ascii)
    def test_a_text_that_is_none_is_refused(self, world: World, text: str):
        assert isinstance(world.channel.deliver(replace(world.message(), text=text), yes), Refused)
        assert world.arrived() == []

    def test_a_message_for_another_channel_is_a_fault_in_the_caller(self, world: World):
        with pytest.raises(ValueError, match="was handed to"):
            world.channel.deliver(replace(world.message(), channel="pigeon"), yes)

    def test_several_threads_deliver_different_messages_at_once(self, world: World):
        messages = [replace(world.message(), key=f"key-{number:02}", text=f"Text {number}") for number in range(40)]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda message: world.channel.deliver(message, yes), messages))
        assert all(isinstance(answer, Accepted) for answer in answers)
        assert world.arrived() == [Arrived.of(message) for message in messages]

    def test_it_may_be_closed_twice(self, world: World):
        world.channel.close()
        world.channel.close()


class LastCallContract(ChannelContract):
    """For a transport where a message handed over twice is sent twice."""

    def test_a_no_at_the_last_call_sends_nothing(self, world: World):
        assert world.channel.deliver(world.message(), lambda: False) == Withdrawn()
        assert world.arrived() == []

    def test_the_last_call_is_asked_once(self, world: World):
        asked: list[bool] = []
        world.channel.deliver(world.message(), lambda: asked.append(True) or True)
        assert asked == [True]


class DedupingContract(ChannelContract):
    """For a transport that may be handed the same key again."""

    def test_the_last_call_is_never_asked(self, world: World):
        asked: list[bool] = []
        world.channel.deliver(world.message(), lambda: asked.append(True) or False)
        assert asked == []

    def test_the_same_key_twice_is_one_message_and_the_same_answer(self, world: World):
        first = world.channel.deliver(world.message(), yes)
        assert world.channel.deliver(world.message(), yes) == first
        assert len(world.arrived()) == 1

    def test_a_later_attempt_is_still_the_same_message(self, world: World):
        first = world.channel.deliver(world.message(), yes)
        later = replace(world.message(), at=AT + timedelta(days=3))
        assert world.channel.deliver(later, yes) == first
        assert len(world.arrived()) == 1

    @pytest.mark.parametrize(
        "changed", [{"text": "Other words"}, {"instance_id": 43}, {"message_id": "other@c.example"}]
    )
    def test_other_content_under_the_same_key_is_in_doubt_and_the_first_stays(self, world: World, changed):
        world.channel.deliver(world.message(), yes)
        before = world.arrived()
        answer = world.channel.deliver(replace(world.message(), **changed), yes)
        assert answer == Unknown("a different message already lies there under this key")
        assert world.arrived() == before

    def test_one_message_from_many_threads_arrives_once(self, world: World):
        with ThreadPoolExecutor(8) as pool:
            answers = set(pool.map(lambda _: world.channel.deliver(world.message(), yes), range(40)))
        assert len(answers) == 1
        assert isinstance(answers.pop(), Accepted)
        assert len(world.arrived()) == 1
