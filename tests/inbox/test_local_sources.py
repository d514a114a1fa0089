"""A Maildir and a folder of files on this machine: read, never emptied, and nothing half written."""

import mailbox
import os
from datetime import timedelta
from pathlib import Path

import pytest

from coopflow.inbox.drop_folder import FolderSource
from coopflow.inbox.maildir import MaildirSource
from coopflow.inbox.reading import InboxReport, read_inbox
from coopflow.inbox.source import Source
from tests.inbox.conftest import OURS, Desk
from tests.inbox.mails import mail, vacation


def read(desk: Desk, source: Source, **options: int) -> InboxReport:
    report = read_inbox(desk.world.store, [source], OURS, now=desk.world.now, **options)
    desk.world.check()
    return report


# -- Maildir ------------------------------------------------------------------------------------------------------


@pytest.fixture
def box(tmp_path: Path) -> Path:
    mailbox.Maildir(tmp_path / "Maildir", create=True)
    return tmp_path / "Maildir"


def delivered(box: Path, content: bytes, when: float, *, number: int = 1, folder: str = "new") -> Path:
    path = box / folder / f"{int(when)}.M{number}.host{':2,S' if folder == 'cur' else ''}"
    path.write_bytes(content)
    return path


def test_a_maildir_is_read_and_nothing_in_it_is_touched(desk: Desk, box: Path) -> None:
    instance = desk.has_written()
    when = desk.world.now.timestamp()
    delivered(box, vacation(answers=desk.sent(instance)), when, number=1, folder="cur")
    delivered(box, mail(answers=desk.sent(instance), number=2), when + 1, number=2)
    before = sorted(path.relative_to(box) for path in box.rglob("*"))
    source = MaildirSource({"name": "box", "path": str(box)})

    first, second = read(desk, source), read(desk, source)

    assert [taken.kind for taken in first.taken] == ["automatic", "reply"]
    assert second.taken == []
    assert sorted(path.relative_to(box) for path in box.rglob("*")) == before
    assert desk.world.status(instance) == "completed"


def test_a_mail_that_a_person_has_looked_at_meanwhile_is_no_other_mail(desk: Desk, box: Path) -> None:
    source = MaildirSource({"name": "box", "path": str(box)})
    path = delivered(box, mail(), desk.world.now.timestamp())
    read(desk, source)
    path.rename(box / "cur" / f"{path.name}:2,RS")
    assert read(desk, source).taken == []


def test_what_lay_in_a_maildir_long_before_is_not_taken_in(desk: Desk, box: Path) -> None:
    source = MaildirSource({"name": "box", "path": str(box)})
    delivered(box, mail(), (desk.world.now - timedelta(days=8)).timestamp())
    assert read(desk, source).taken == []
    desk.world.now += timedelta(days=30)  # once it has been read, nothing that came meanwhile is too old
    delivered(box, mail(number=2), (desk.world.now - timedelta(days=20)).timestamp(), number=2)
    assert len(read(desk, source).taken) == 1


def test_a_folder_that_is_no_maildir_is_told(desk: Desk, tmp_path: Path) -> None:
    [words] = read(desk, MaildirSource({"name": "box", "path": str(tmp_path / "nowhere")})).news
    assert "is not a Maildir" in words


# -- a folder of files --------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def put(folder: Path, name: str, content: bytes | str, desk: Desk, *, age: int = 60) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    written = desk.world.now.timestamp() - age
    os.utime(path, (written, written))
    return path


def test_mails_texts_and_reports_are_taken_and_moved_to_done(desk: Desk, folder: Path) -> None:
    instance = desk.has_written()
    desk.world.now += timedelta(minutes=10)
    put(folder, "1.eml", vacation(answers=desk.sent(instance)), desk, age=90)
    put(folder, "2.json", '{"id": "SM0", "status": "delivered"}', desk, age=80)
    put(folder, "3.json", '{"id": "t1", "from": "+12125550142", "text": "Yes"}', desk, age=70)
    put(folder, "4.form", "id=t2&from=%2B12125550142&text=Thanks", desk)

    report = read(desk, FolderSource({"name": "drop", "path": str(folder)}))

    assert [taken.kind for taken in report.taken] == ["automatic", "report", "reply", "reply"]
    assert [path.name for path in folder.iterdir()] == ["done"]
    assert sorted(path.name for path in (folder / "done").iterdir()) == ["1.eml", "2.json", "3.json", "4.form"]
    assert desk.world.status(instance) == "completed"


@pytest.mark.parametrize(
    ("name", "content", "age"),
    [
        ("half.json", '{"id": "t1", "from": "+1212', 1),
        ("empty.json", "", 1),
        ("new.eml", mail(), 2),
        (".hidden.json", '{"id": "t1", "from": "+12125550142", "text": "Yes"}', 60),
        ("other.part", "x", 60),
    ],
)
def test_a_file_that_is_still_written_waits(desk: Desk, folder: Path, name: str, content: bytes, age: int) -> None:
    path = put(folder, name, content, desk, age=age)
    assert read(desk, FolderSource({"name": "drop", "path": str(folder)})).taken == []
    assert path.exists()


def test_a_file_that_stays_half_written_is_told_and_stops_no_other(desk: Desk, folder: Path) -> None:
    desk.has_written()
    put(folder, "a.json", '{"id": "t1", "from": "+1212', desk, age=3600)
    put(folder, "b.json", '{"id": "t2", "from": "+12125550142", "text": "Yes"}', desk)

    report = read(desk, FolderSource({"path": str(folder), "name": "drop"}))

    assert [taken.kind for taken in report.taken] == ["unreadable", "reply"]
    [words] = report.news
    assert words.startswith("drop: a.json cannot be read: it is not JSON")
    assert (folder / "done" / "a.json").exists()


def test_a_crash_before_the_file_was_moved_does_it_once_all_the_same(desk: Desk, folder: Path) -> None:
    desk.has_written(completion_criteria=None)
    content = '{"from": "+12125550142", "text": "Yes"}'
    put(folder, "a.json", content, desk)
    source = FolderSource({"name": "drop", "path": str(folder)})
    read(desk, source)
    (folder / "done" / "a.json").rename(folder / "a.json")

    again = read(desk, source)

    assert [taken.again for taken in again.taken] == [True]
    assert desk.kinds().count("sms_response_received") == 1
    assert not (folder / "a.json").exists()


def test_the_same_name_later_is_another_file_and_both_are_kept(desk: Desk, folder: Path) -> None:
    source = FolderSource({"name": "drop", "path": str(folder)})
    for words in ("Yes", "No"):
        put(folder, "a.json", f'{{"from": "+12125550199", "text": "{words}"}}', desk)
        read(desk, source)
    assert sorted(path.name for path in (folder / "done").iterdir()) == ["2-a.json", "a.json"]


def test_links_and_pipes_are_left_alone(desk: Desk, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text('{"id": "t1", "from": "+12125550142", "text": "Yes"}')
    (folder / "link.json").symlink_to(tmp_path / "secret.json")
    os.mkfifo(folder / "pipe.json")
    (folder / "directory.json").mkdir()
    assert read(desk, FolderSource({"name": "drop", "path": str(folder)})).taken == []


def test_a_folder_that_is_not_there_is_told_once(desk: Desk, tmp_path: Path) -> None:
    source = FolderSource({"path": str(tmp_path / "nowhere"), "name": "drop"})
    assert read(desk, source).news == [
        f"the inbox drop cannot be read: {tmp_path}/nowhere: no such file or directory; it is tried again by itself"
    ]
    assert read(desk, source).news == []


def test_names_of_any_bytes_are_taken_in_once(desk: Desk, folder: Path, box: Path) -> None:
    odd = os.fsdecode(b"\xff\xfe")
    content = '{"from": "+12125550199", "text": "x"}'
    put(folder, f"{odd}.json", content, desk)
    put(folder, "x" * 240 + ".json", content, desk)
    put(box / "new", f"{int(desk.world.now.timestamp())}.M1.{odd}", mail(), desk)
    for source, number in (
        (FolderSource({"name": "drop", "path": str(folder)}), 2),
        (MaildirSource({"name": "box", "path": str(box)}), 1),
    ):
        assert [len(read(desk, source).taken) for _ in range(2)] == [number, 0]


def test_so_many_at_a_time(desk: Desk, folder: Path) -> None:
    for number in range(5):
        put(folder, f"{number}.json", f'{{"id": "t{number}", "from": "+12125550199", "text": "x"}}', desk)
    source = FolderSource({"name": "drop", "path": str(folder)})
    assert [len(read(desk, source, limit=2).taken) for _ in range(4)] == [2, 2, 1, 0]
