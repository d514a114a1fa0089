"""Passwords and tokens are found where they are kept, shown to nobody, and refused where others can read them."""

import os
import pickle
from pathlib import Path

import pytest

from coopflow.secrets import LONGEST, NoSecret, Secret, read_secret

CANARY = "canary-token-5"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{CANARY}\n")
    path.chmod(0o600)
    return path


def test_it_comes_from_the_environment_or_from_a_file(file: Path) -> None:
    assert read_secret("TOKEN", None, {"TOKEN": f" {CANARY} "}).reveal() == CANARY
    assert read_secret(None, file, {}).reveal() == CANARY


def test_the_password_of_a_mailbox_may_have_any_letters(file: Path) -> None:
    file.write_text("pässword\r\n")
    assert read_secret(None, file, {}, any_letters=True).reveal() == "pässword"


def test_it_is_kept_out_of_what_the_other_side_says() -> None:
    assert Secret(CANARY).kept_out_of(f"535 {CANARY} is wrong") == "535 *** is wrong"


def test_a_link_to_a_private_file_will_do(file: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(file)
    assert read_secret(None, tmp_path / "link", {}).reveal() == CANARY


def test_h33_it_shows_itself_to_nobody() -> None:
    secret = Secret(CANARY)
    assert [repr(secret), str(secret), f"{secret}", repr([secret])] == ["***", "***", "***", "[***]"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666, 0o610])
def test_h34_a_file_that_others_can_read_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(NoSecret, match=r"others can read the file .*; make it yours alone: chmod 600") as caught:
        read_secret(None, file, {})
    assert CANARY not in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_h34_a_file_of_somebody_elses_is_refused(file: Path) -> None:
    os.chown(file, 12_345, -1)
    with pytest.raises(NoSecret, match="belongs to somebody else"):
        read_secret(None, file, {})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty; it must hold the password or token"),
        (b" \n", "is empty"),
        (b"one\ntwo", "more than one line of plain characters"),
        ("pässword".encode(), "more than one line of plain characters"),
        (b"a\0b", "more than one line of plain characters"),
        (b"x" * (LONGEST + 1), "is too long"),
    ],
)
def test_what_is_no_password_is_refused_without_being_repeated(file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    with pytest.raises(NoSecret, match=words) as caught:
        read_secret(None, file, {})
    assert "two" not in str(caught.value)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoSecret, match=r"the environment variable TOKEN is not set"):
        read_secret("TOKEN", None, {})
    with pytest.raises(NoSecret, match=r"the environment variable TOKEN is empty"):
        read_secret("TOKEN", None, {"TOKEN": ""})
    with pytest.raises(NoSecret, match=r"cannot be read: no such file"):
        read_secret(None, tmp_path / "none", {})
    with pytest.raises(NoSecret, match=r"is not a regular file"):
        read_secret(None, tmp_path, {})
    with pytest.raises(NoSecret, match=r"neither"):
        read_secret(None, None, {})


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(NoSecret, match="not a regular file"):
        read_secret(None, tmp_path / "pipe", {})


def test_it_cannot_be_stored_by_accident() -> None:
    with pytest.raises(TypeError, match="a secret is not to be stored"):
        pickle.dumps(Secret(CANARY))
