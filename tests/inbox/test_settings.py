"""`inbox:` in coopflow.yaml: what is wrong with it is told with its place."""

import subprocess
import sys
from pathlib import Path

import pytest

from coopflow.config import Config, load_config
from coopflow.config_schema import checked
from coopflow.problems import ProblemsFound
from tests.folders import a_folder, coopflow
from tests.test_imports import loaded_by

HEAD = "organisation: Willow Creek\ntime_zone: America/Chicago\n"
IMAP = "{type: imap, host: imap.example.org, user: a@example.org, password_env: IMAP}"


@pytest.mark.parametrize(
    ("inbox", "problem"),
    [
        ("[{type: pop3}]", "inbox[0].type: expected 'imap', 'maildir' or 'folder'"),
        ("[{type: imap, host: h, user: u}]", "a mailbox needs one password: give password_env or password_file"),
        (f"[{IMAP[:-1]}, password_file: x}}]", "a mailbox needs one password: give password_env or password_file"),
        (f"[{IMAP[:-1]}, security: none}}]", "security"),
        (f"[{IMAP[:-1]}, port: 0}}]", "port"),
        (f"[{IMAP[:-1]}, password: hunter2}}]", "secrets have no place in this file"),
        (f"[{IMAP}, {IMAP}]", "this source is listed twice"),
        ("[{type: folder, path: a, name: x}, {type: folder, path: b, name: x}]", "two sources are called 'x'"),
        ("[{type: folder}]", "missing key 'path'"),
        ("{type: folder}", "expected a list"),
        (f"[{', '.join(f'{{type: folder, path: p{n}}}' for n in range(21))}]", "20"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(inbox: str, problem: str) -> None:
    with pytest.raises(ProblemsFound) as caught:
        checked(f"{HEAD}inbox: {inbox}\n", path="coopflow.yaml")
    told = "\n".join(map(str, caught.value.problems))
    assert problem in told
    assert told.startswith("coopflow.yaml:3:")
    assert "hunter2" not in told


def test_paths_are_beside_the_file_and_names_do_not_move_with_it(tmp_path: Path) -> None:
    sources = f"[{IMAP}, {{type: maildir, path: /var/mail/coop}}, {{type: folder, path: inbox}}]"
    (tmp_path / "coopflow.yaml").write_text(f"{HEAD}inbox: {sources}\n")

    config = load_config(tmp_path / "coopflow.yaml")

    assert [source["name"] for source in config.inbox] == [
        "imap:imap.example.org/a@example.org/INBOX",
        "maildir:/var/mail/coop",
        "folder:inbox",
    ]
    assert config.inbox[2]["path"] == str(tmp_path / "inbox")
    assert Config.from_data(config.to_data()) == config


def test_a_tick_without_an_inbox_loads_nothing_of_it(tmp_path: Path) -> None:
    a_folder(tmp_path)
    loaded = loaded_by(tmp_path, "tick")
    assert not [name for name in loaded if name.startswith(("coopflow.inbox", "imap_tools", "mailbox", "flufl"))]


def test_a_tick_with_an_empty_folder_is_as_quick_as_ever(tmp_path: Path) -> None:
    a_folder(tmp_path)
    (tmp_path / "inbox").mkdir()
    (tmp_path / "coopflow.yaml").write_text(
        (tmp_path / "coopflow.yaml").read_text() + "inbox: [{type: folder, path: inbox}]\n"
    )
    assert coopflow(tmp_path, "tick").returncode == 0
    assert "peewee" not in loaded_by(tmp_path, "tick")


def test_reading_a_text_needs_no_library_for_mail(tmp_path: Path) -> None:
    a_folder(tmp_path)
    coopflow(tmp_path, "tick")
    command = [sys.executable, "-X", "importtime", "-m", "coopflow", "-c", str(tmp_path / "coopflow.yaml")]
    text = '{"id": "t1", "from": "+15128675309", "text": "Yes"}'
    ran = subprocess.run([*command, "inbox", "receive", "-"], input=text, capture_output=True, text=True, check=True)
    assert "imap_tools" not in ran.stderr
    assert "pydantic" not in ran.stderr
