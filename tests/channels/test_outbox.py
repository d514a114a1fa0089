import errno
import json
import os
import signal
import stat
import subprocess
import sys
from collections import Counter
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from coopflow.channels.base import Accepted, Channel, Message, Refused, Unavailable, Unknown
from coopflow.channels.mail import build_mail
from coopflow.channels.outbox import Outbox

from .contract import AT, Arrived, DedupingContract, same_lines, yes

EMAIL = Message(
    channel="email",
    to="family42@example.org",
    subject="Are you well, García family?",
    text="Hello,\n\nwe have not heard from you.\n",
    html="<p>Hello,</p>\n<p>we have not heard from you.</p>\n",
    key="5f1c-42",
    message_id="<5f1c@coop.example>",
    at=AT,
    family_id="0042",
    instance_id=42,
)
SMS = replace(EMAIL, channel="sms", to="+15128675309", subject=None, html=None, text="Hi! Can we chat?")


class Mailroom:
    """Outbox of emails, read with the standard library's newer parser."""

    def __init__(self, directory: Path) -> None:
        self.channel: Channel = Outbox("email", directory)
        self._shelf = directory / "email"

    def message(self) -> Message:
        return replace(EMAIL, html=None)

    def arrived(self) -> list[Arrived]:
        return [self._read(path) for path in sorted(self._shelf.glob("*"))]

    def _read(self, path: Path) -> Arrived:
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        (to,) = mail["To"].addresses
        return Arrived(path.name.removesuffix(".eml"), to.addr_spec, same_lines(mail.get_content()))


class Textroom:
    """Outbox of texts."""

    def __init__(self, directory: Path) -> None:
        self.channel: Channel = Outbox("sms", directory)
        self._shelf = directory / "sms"

    def message(self) -> Message:
        return SMS

    def arrived(self) -> list[Arrived]:
        found = [json.loads(path.read_bytes()) for path in sorted(self._shelf.glob("*"))]
        return [Arrived(content["key"], content["to"], same_lines(content["text"])) for content in found]


class TestOutboxOfEmails(DedupingContract):
    @pytest.fixture
    def world(self, tmp_path):
        return Mailroom(tmp_path)


class TestOutboxOfTexts(DedupingContract):
    @pytest.fixture
    def world(self, tmp_path):
        return Textroom(tmp_path)


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def child(script: str, *arguments: object, **options) -> subprocess.CompletedProcess:
    """Run a real process, in which an outbox called `outbox` and a message called `EMAIL` are there.

    It writes no bytecode: where files have no room, that of a module which is loaded with the first message would be
    cut short, and stay so for every other test.
    """
    prelude = (
        "import os, resource, signal, sys\n"
        "from datetime import UTC, datetime\n"
        "from pathlib import Path\n"
        "from coopflow.channels.base import Message\n"
        "from coopflow.channels.outbox import Outbox\n"
        f"EMAIL = {EMAIL!r}\n".replace("datetime.datetime(", "datetime(").replace("datetime.timezone.utc", "UTC")
        + "outbox = Outbox('email', Path(sys.argv[1]))\n"
    )
    command = [sys.executable, "-B", "-c", prelude + script, *map(str, arguments)]
    root = Path(__file__).parents[2]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(root)}, **options
    )


# -- what lies there ----------------------------------------------------------------------------------------------


def test_an_email_is_a_file_that_a_mail_program_opens(tmp_path):
    assert Outbox("email", tmp_path).deliver(EMAIL, yes) == Accepted("email/5f1c-42.eml")
    mail = message_from_bytes((tmp_path / "email" / "5f1c-42.eml").read_bytes(), policy=policy.default)
    assert mail["Subject"] == EMAIL.subject
    assert mail["From"] == "coopflow <coopflow@coopflow.invalid>"
    assert same_lines(mail.get_body(("plain",)).get_content()) == same_lines(EMAIL.text)
    assert same_lines(mail.get_body(("html",)).get_content()) == same_lines(EMAIL.html)


def test_an_email_is_written_with_the_letterhead_of_the_co_op_where_one_is_given(tmp_path):
    compose = partial(build_mail, sender="hello@coop.example", sender_name="Maple Co-op", domain="coop.example")
    Outbox("email", tmp_path, compose=compose).deliver(EMAIL, yes)
    mail = message_from_bytes((tmp_path / "email" / "5f1c-42.eml").read_bytes(), policy=policy.default)
    assert mail["From"] == "Maple Co-op <hello@coop.example>"


def test_a_text_is_one_line_of_canonical_json(tmp_path):
    assert Outbox("sms", tmp_path).deliver(replace(SMS, text="¿Qué tal? 👋"), yes) == Accepted("sms/5f1c-42.json")
    assert (tmp_path / "sms" / "5f1c-42.json").read_text() == (
        '{"created":"2026-03-02T06:00:00Z","family_id":"0042","instance_id":42,"key":"5f1c-42",'
        '"message_id":"<5f1c@coop.example>","segments":1,"text":"¿Qué tal? 👋","to":"+15128675309"}\n'
    )


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777], ids=oct)
def test_files_and_directories_are_for_the_owner_alone_whatever_the_umask(tmp_path, umask):
    script = "os.umask(int(sys.argv[2])); print(outbox.deliver(EMAIL, lambda: True))"
    assert "Accepted" in child(script, tmp_path, umask).stdout
    assert mode(tmp_path / "email") == mode(tmp_path / "tmp") == "0o700"
    assert mode(tmp_path / "email" / "5f1c-42.eml") == "0o600"


def test_nothing_is_left_of_the_drafts(tmp_path):
    Outbox("email", tmp_path).deliver(EMAIL, yes)
    Outbox("sms", tmp_path).deliver(SMS, yes)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_sender_that_cannot_be_a_header_puts_the_transport_out_of_order_not_the_message(tmp_path):
    compose = partial(build_mail, sender="hello", sender_name="Maple Co-op", domain="coop.example")
    answer = Outbox("email", tmp_path, compose=compose).deliver(EMAIL, yes)
    assert answer == Unavailable(
        "the sender: the email address is not one plain address (name@domain, ASCII, no quotes or comments)"
    )


def test_an_outbox_for_something_else_cannot_be_made(tmp_path):
    with pytest.raises(KeyError):
        Outbox("fax", tmp_path)


# -- what else may lie there --------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", [b"", b"{}", b"[1]", b"\xff\xfe", b"not json", b"x" * 100_000], ids=ascii)
@pytest.mark.parametrize("message", [EMAIL, SMS], ids=["email", "sms"])
def test_a_foreign_file_under_the_key_is_in_doubt_and_stays(tmp_path, message, there):
    shelf = tmp_path / message.channel
    shelf.mkdir()
    path = shelf / (message.key + {"email": ".eml", "sms": ".json"}[message.channel])
    path.write_bytes(there[:20_000])
    answer = Outbox(message.channel, tmp_path).deliver(message, yes)
    assert answer == Unknown("a different message already lies there under this key")
    assert path.read_bytes() == there[:20_000]


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/etc/hostname"), Path.mkdir, os.mkfifo])
def test_what_is_no_file_under_the_key_is_in_doubt_and_never_followed(tmp_path, make):
    (tmp_path / "email").mkdir()
    make(tmp_path / "email" / "5f1c-42.eml")
    answer = Outbox("email", tmp_path).deliver(EMAIL, yes)
    assert answer == Unknown("a different message already lies there under this key")


# -- directories out of order (T39) -------------------------------------------------------------------------------


def test_a_missing_directory_holds_the_transport(tmp_path):
    answer = Outbox("email", tmp_path / "gone").deliver(EMAIL, yes)
    assert answer == Unavailable(f"the outbox directory {tmp_path}/gone is missing")
    assert not (tmp_path / "gone").exists()  # an unmounted disk must not be written past


def test_a_directory_that_is_back_works_again(tmp_path):
    outbox = Outbox("email", tmp_path / "outbox")
    assert isinstance(outbox.deliver(EMAIL, yes), Unavailable)
    (tmp_path / "outbox").mkdir()
    assert isinstance(outbox.deliver(EMAIL, yes), Accepted)


@pytest.mark.parametrize("name", ["outbox", "outbox/email", "outbox/tmp"])
def test_a_symbolic_link_in_the_place_of_a_directory_is_not_followed(tmp_path, name):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    answer = Outbox("email", tmp_path / "outbox").deliver(EMAIL, yes)
    assert answer == Unavailable(
        f"{tmp_path}/{name} is a symbolic link or no directory; the outbox needs a real directory there"
    )
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_in_the_place_of_the_directory_holds_the_transport(tmp_path):
    (tmp_path / "outbox").write_text("")
    answer = Outbox("email", tmp_path / "outbox").deliver(EMAIL, yes)
    assert isinstance(answer, Unavailable)


def test_a_directory_that_may_not_be_written_holds_the_transport(tmp_path):
    tmp_path.chmod(0o555)
    script = (
        "Outbox('email', Path('gone')).deliver(EMAIL, lambda: True)\n"  # all that is imported late is imported now
        "os.getuid() or os.setuid(65534)\n"  # root may write anywhere, nobody may not
        "print(outbox.deliver(EMAIL, lambda: True))"
    )
    answer = child(script, ".", cwd=tmp_path).stdout
    tmp_path.chmod(0o755)
    assert answer == "Unavailable(reason='the outbox in . cannot be written: permission denied', until_mended=False)\n"


def test_a_disk_without_room_holds_the_transport_and_leaves_nothing(tmp_path):
    script = (
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"  # the hundred-and-first byte of a file does not fit
        "print(outbox.deliver(EMAIL, lambda: True))"
    )
    answer = child(script, tmp_path).stdout
    assert answer == f"Unavailable(reason='there is no room left for the outbox in {tmp_path}', until_mended=False)\n"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []
    assert isinstance(Outbox("email", tmp_path).deliver(EMAIL, yes), Accepted)


# -- crashes ------------------------------------------------------------------------------------------------------

CALLS = ["open", "mkdir", "chmod", "fchmod", "link", "fsync", "unlink", "listdir", "close"]
DIE_AT = """
fatal, left, when = sys.argv[2], int(sys.argv[3]), sys.argv[4]
real = getattr(os, fatal)
def deadly(*args, **kwargs):
    global left
    left -= 1
    if left == 0 and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    answer = real(*args, **kwargs)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
setattr(os, fatal, deadly)
outbox.deliver(EMAIL, lambda: True)
"""
COUNT = """
for name in sys.argv[2:]:
    def counted(*args, real=getattr(os, name), name=name, **kwargs):
        print(name)
        return real(*args, **kwargs)
    setattr(os, name, counted)
outbox.deliver(EMAIL, lambda: True)
"""


def test_killed_at_any_moment_the_message_lies_there_once_after_the_next_attempt(tmp_path):
    whole = build_at(tmp_path / "reference")
    counts = Counter(child(COUNT, prepared(tmp_path / "count"), *CALLS).stdout.split())
    assert counts["link"] == 1
    assert counts["fsync"] == 3  # the directories, the draft, the shelf
    moments = [(name, number, "before") for name in CALLS for number in range(1, counts[name] + 1)]
    for name, number, when in [*moments, ("link", 1, "after")]:
        directory = prepared(tmp_path / f"{name}-{number}-{when}")
        assert child(DIE_AT, directory, name, number, when).returncode == -signal.SIGKILL
        for path in directory.glob("email/*"):
            assert path.read_bytes() == whole, (name, number, when)
        assert Outbox("email", directory).deliver(EMAIL, yes) == Accepted("email/5f1c-42.eml")
        files = [path.relative_to(directory) for path in directory.rglob("*") if path.is_file()]
        assert files == [Path("email/5f1c-42.eml")], (name, number, when)


def test_a_half_written_draft_of_a_dead_attempt_is_neither_used_nor_kept(tmp_path):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "5f1c-42.eml.0123456789abcdef").write_bytes(b"Date: Mon")
    others = {"5f1c-421.eml.0123456789abcdef", "5f1c-42.json.0123456789abcdef"}
    for name in others:
        (tmp_path / "tmp" / name).write_bytes(b"of another message")
    assert isinstance(Outbox("email", tmp_path).deliver(EMAIL, yes), Accepted)
    assert (tmp_path / "email" / "5f1c-42.eml").read_bytes() == build_at(tmp_path / "reference")
    assert {path.name for path in (tmp_path / "tmp").iterdir()} == others


def prepared(directory: Path) -> Path:
    directory.mkdir()
    return directory


def build_at(directory: Path) -> bytes:
    Outbox("email", prepared(directory)).deliver(EMAIL, yes)
    return (directory / "email" / "5f1c-42.eml").read_bytes()


def interrupted_before_link(monkeypatch, interruption) -> None:
    """Let something happen once, at the moment when a draft is written and its name is not."""
    link = os.link

    def later(*args, **kwargs):
        monkeypatch.setattr(os, "link", link)
        interruption()
        link(*args, **kwargs)

    monkeypatch.setattr(os, "link", later)


def test_a_twin_that_was_faster_and_swept_our_draft_away_has_delivered_for_both(tmp_path, monkeypatch):
    answers = []
    interrupted_before_link(monkeypatch, lambda: answers.append(Outbox("email", tmp_path).deliver(EMAIL, yes)))
    answers.append(Outbox("email", tmp_path).deliver(replace(EMAIL, at=AT.replace(hour=7)), yes))
    assert answers == [Accepted("email/5f1c-42.eml")] * 2
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["5f1c-42.eml"]


def test_a_directory_that_goes_away_in_the_middle_holds_the_transport(tmp_path, monkeypatch):
    interrupted_before_link(monkeypatch, lambda: (tmp_path / "email").rmdir())
    answer = Outbox("email", tmp_path).deliver(EMAIL, yes)
    assert answer == Unavailable(f"the outbox directory {tmp_path} is missing")
    assert [path.name for path in tmp_path.rglob("*")] == ["tmp"]


def test_a_disk_that_does_not_confirm_the_new_name_leaves_a_doubt_that_the_next_attempt_resolves(tmp_path, monkeypatch):
    outbox = Outbox("email", tmp_path)
    fsync = os.fsync

    def broken(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) and os.listdir(descriptor) == ["5f1c-42.eml"]:
            raise OSError(errno.EIO, "Input/output error")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", broken)
    answer = outbox.deliver(EMAIL, yes)
    assert answer == Unknown("the file is there, but the disk did not confirm it: Input/output error")
    monkeypatch.undo()
    assert outbox.deliver(EMAIL, yes) == Accepted("email/5f1c-42.eml")


def test_a_text_that_is_too_long_for_any_gateway_is_refused(tmp_path):
    outbox = Outbox("sms", tmp_path)
    assert isinstance(outbox.deliver(replace(SMS, text="x" * 1600), yes), Accepted)
    answer = outbox.deliver(replace(SMS, key="other", text="x" * 1601), yes)
    assert answer == Refused("a text has at most 1600 characters, this one has 1601")


# -- several at once ----------------------------------------------------------------------------------------------


def some(count: int) -> list[Message]:
    return [replace(SMS, key=f"k{number}", to=f"+1512867{5300 + number}") for number in range(count)]


def test_of_several_messages_each_has_a_file_and_a_fate_of_its_own(tmp_path):
    messages = some(4)
    messages[1] = replace(messages[1], text=" ")
    messages[2] = replace(messages[2], key="../k2")
    (tmp_path / "sms").mkdir()
    (tmp_path / "sms" / "k3.json").write_text("something else")
    fates = Outbox("sms", tmp_path).deliver_all(messages)
    assert [type(fate) for fate in fates] == [Accepted, Refused, Refused, Unknown]
    assert {path.name for path in (tmp_path / "sms").iterdir()} == {"k0.json", "k3.json"}
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_directory_that_is_not_confirmed_leaves_all_that_went_there_in_doubt_and_nothing_else(tmp_path, monkeypatch):
    outbox = Outbox("sms", tmp_path)
    messages = [*some(2), replace(SMS, key="k2", text=" ")]
    fsync = os.fsync

    def broken(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) and "k0.json" in os.listdir(descriptor):
            raise OSError(errno.EIO, "Input/output error")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", broken)
    assert [type(fate) for fate in outbox.deliver_all(messages)] == [Unknown, Unknown, Refused]
    monkeypatch.undo()
    assert [type(fate) for fate in outbox.deliver_all(messages)] == [Accepted, Accepted, Refused]


def test_several_messages_make_the_directory_durable_once(tmp_path, monkeypatch):
    outbox, synced = Outbox("sms", tmp_path), []
    outbox.deliver_all(some(1))
    fsync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: (synced.append(os.fstat(descriptor).st_mode), fsync(descriptor))
    )
    outbox.deliver_all([replace(message, key=f"{message.key}-b") for message in some(5)])
    assert [stat.S_ISDIR(found) for found in synced] == [False] * 5 + [True]
