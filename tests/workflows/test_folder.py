"""A folder of workflows: bad files never stop good ones, and nothing in it can block, escape or be half read."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from coopflow.errors import Invalid
from coopflow.workflows import files
from coopflow.workflows.folder import Known, Reading, read_files, read_folder, signature

GOOD = "name: {}\ntrigger: {{type: manual}}\nsteps: [{{id: a, type: end}}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "workflows.d"
    (made / "messages").mkdir(parents=True)
    return made


def put(folder: Path, file: str, text: str | bytes) -> Path:
    path = folder / file
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def read(folder: Path) -> Reading:
    return read_folder(folder, Known(), shown_as="workflows.d")


def said(reading: Reading) -> list[str]:
    return [str(problem) for problem in reading.problems]


def names(reading: Reading) -> list[str]:
    return [definition.name for definition in reading.definitions]


def test_every_good_file_is_read(folder: Path) -> None:
    put(folder, "b.yml", GOOD.format("b"))
    put(folder, "a.yaml", GOOD.format("a"))

    reading = read(folder)

    assert names(reading) == ["a", "b"]
    assert (reading.problems, reading.broken, reading.files, reading.good) == ((), (), 2, True)
    assert [definition.source_path for definition in reading.definitions] == ["workflows.d/a.yaml", "workflows.d/b.yml"]


def test_an_empty_folder_is_no_problem(folder: Path) -> None:
    assert read(folder) == Reading(definitions=(), problems=(), broken=(), files=0)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"^there is no folder of workflows at workflows\.d$"):
        read_folder(tmp_path / "no", Known(), shown_as="workflows.d")


def test_a_bad_file_never_stops_the_good_ones(folder: Path) -> None:
    put(folder, "a.yaml", GOOD.format("a"))
    put(folder, "b.yaml", GOOD.format("b").replace("end", "edn"))
    put(folder, "c.yaml", "name: [")

    reading = read(folder)

    assert names(reading) == ["a"]
    assert reading.broken == (("workflows.d/b.yaml", "b"), ("workflows.d/c.yaml", None))
    assert [(problem.path, problem.line) for problem in reading.problems] == [
        ("workflows.d/b.yaml", 3),
        ("workflows.d/c.yaml", 2),
    ]
    assert not reading.good


def test_of_a_thousand_files_with_one_broken_all_others_are_read(folder: Path) -> None:
    for number in range(1000):
        put(folder, f"w{number}.yaml", GOOD.format(f"w{number}"))
    put(folder, "w500.yaml", GOOD.format("w500").replace("end", "edn"))

    reading = read(folder)

    assert len(reading.definitions) == 999
    assert reading.broken == (("workflows.d/w500.yaml", "w500"),)
    assert len(reading.problems) == 1


def test_of_two_workflows_of_one_name_neither_is_loaded_and_both_are_named(folder: Path) -> None:
    put(folder, "a.yaml", GOOD.format("outreach"))
    put(folder, "b.yaml", "# a copy\n" + GOOD.format("outreach"))
    put(folder, "c.yaml", GOOD.format("other"))

    reading = read(folder)

    assert names(reading) == ["other"]
    assert said(reading) == [
        "workflows.d/a.yaml:1:7: name: the name 'outreach' is taken by workflows.d/b.yaml:2; neither file is loaded",
        "workflows.d/b.yaml:2:7: name: the name 'outreach' is taken by workflows.d/a.yaml:1; neither file is loaded",
    ]


def test_names_that_differ_only_in_case_are_one_name(folder: Path) -> None:
    put(folder, "a.yaml", GOOD.format("outreach"))
    put(folder, "b.yaml", GOOD.format("Outreach"))

    reading = read(folder)

    assert names(reading) == []
    assert said(reading)[0] == (
        "workflows.d/a.yaml:1:7: name: the name 'outreach' is taken by workflows.d/b.yaml:1, written 'Outreach';"
        " neither file is loaded"
    )


@pytest.mark.parametrize(
    "name", [".a.yaml.swp", ".a.yaml", "a.yaml~", "a.yaml.bak", "a.swp", "#a.yaml#", "~a.yaml", "a.txt", "README.md"]
)
def test_what_editors_leave_behind_is_not_read(folder: Path, name: str) -> None:
    put(folder, name, "not a workflow")

    assert read(folder).files == 0


def test_a_link_inside_the_folder_is_followed(folder: Path) -> None:
    (folder / "real").mkdir()
    put(folder, "real/a", GOOD.format("a"))
    (folder / "a.yaml").symlink_to("real/a")

    assert names(read(folder)) == ["a"]


def test_the_folder_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    put(folder, "a.yaml", GOOD.format("a"))
    (tmp_path / "link").symlink_to(folder)

    assert names(read(tmp_path / "link")) == ["a"]


def make_outside_link(path: Path) -> None:
    outside = path.parents[1] / "outside.yaml"
    outside.write_text(GOOD.format("outside"))
    path.symlink_to(outside)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


STRANGE = {
    "a link that leads out of the folder": make_outside_link,
    "a link that leads nowhere": lambda path: path.symlink_to("nowhere"),
    "a link that leads in a circle": lambda path: path.symlink_to(path.name),
    "a pipe, not a file": os.mkfifo,
    "a socket, not a file": make_socket,
    "a folder, not a file": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_what_is_no_file_of_the_folder_is_named_and_never_blocks(folder: Path, kind: str) -> None:
    put(folder, "a.yaml", GOOD.format("a"))
    STRANGE[kind](folder / "b.yaml")

    reading = read(folder)

    assert names(reading) == ["a"]
    assert said(reading) == [f"workflows.d/b.yaml:1:1: the file is {kind}"]
    assert reading.broken == (("workflows.d/b.yaml", None),)


def test_a_device_is_named(folder: Path) -> None:
    with pytest.raises(files.Unreadable, match=r"^is a device, not a file$"):
        files.read_inside(Path("/dev/zero"), Path("/dev"))


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_named(folder: Path) -> None:
    put(folder, "a.yaml", GOOD.format("a")).chmod(0)

    assert said(read(folder)) == ["workflows.d/a.yaml:1:1: the file may not be read by this user"]


ERRORS = {
    PermissionError(13, "Permission denied"): "may not be read by this user",
    FileNotFoundError(2, "No such file"): "cannot be read: No such file",
}


@pytest.mark.parametrize(("error", "sentence"), ERRORS.items(), ids=ERRORS.values())
def test_what_the_system_refuses_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, sentence: str
) -> None:
    def refuse(*_: object) -> int:
        raise error

    put(folder, "a.yaml", GOOD.format("a"))
    monkeypatch.setattr(files.os, "open", refuse)

    assert said(read(folder)) == [f"workflows.d/a.yaml:1:1: the file {sentence}"]


@pytest.mark.parametrize("where", [".", "messages"])
def test_a_folder_that_may_not_be_read_is_not_taken_for_empty(
    folder: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    real = Path.iterdir

    def refuse(path: Path) -> Iterator[Path]:
        if path == folder / where:
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "iterdir", refuse)

    with pytest.raises(Invalid, match=r"cannot be read: Permission denied$"):
        read(folder)


def test_a_file_that_goes_away_meanwhile_is_named(folder: Path) -> None:
    with pytest.raises(files.Unreadable, match=r"^is not there any more$"):
        files.read_inside(folder / "gone.yaml", folder)


def test_a_file_that_is_being_written_is_not_half_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(folder, "a.yaml", "name: half")
    real, looks = os.fstat, 0

    def growing(descriptor: int) -> os.stat_result:
        nonlocal looks
        looks += 1
        with path.open("a") as file:
            file.write("more")
        return real(descriptor)

    monkeypatch.setattr(files.os, "fstat", growing)

    with pytest.raises(files.Unreadable, match=r"^is being written at this moment$"):
        files.read_inside(path, folder)
    assert looks == 2 * files.LOOKS


def test_a_file_that_anybody_may_change_is_warned_about(folder: Path) -> None:
    put(folder, "a.yaml", GOOD.format("a")).chmod(0o666)

    reading = read(folder)

    assert names(reading) == ["a"]
    assert said(reading) == [
        "workflows.d/a.yaml:1:1: warning: anybody on this machine can change this file;"
        " take that right away with chmod o-w"
    ]


BYTES = {
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD.format("a").encode(), []),
    "Windows line ends": (GOOD.format("a").replace("\n", "\r\n").encode(), []),
    "no line end at the end": (GOOD.format("a").strip().encode(), []),
    "UTF-16": (
        GOOD.format("a").encode("utf-16"),
        ["workflows.d/a.yaml:1:1: the file is written in UTF-16; save it as UTF-8"],
    ),
    "NUL": (
        GOOD.format("a").encode() + b"\0",
        ["workflows.d/a.yaml:4:1: a NUL byte, which no text has; the file is damaged, or not a text file"],
    ),
    "too much": (
        b"# " + b"x" * 300_000,
        ["workflows.d/a.yaml:1:1: the file is too large: 293 KiB, at most 256 KiB are read"],
    ),
}


@pytest.mark.parametrize(("content", "expected"), BYTES.values(), ids=BYTES.keys())
def test_bytes_are_accepted_or_named(folder: Path, content: bytes, expected: list[str]) -> None:
    put(folder, "a.yaml", content)

    assert said(read(folder)) == expected


# -- messages -----------------------------------------------------------------------------------------------------

MAIL = "name: a\ntrigger: {type: manual}\nsteps: [{id: a, type: email, template_id: hello}]\n"


def test_messages_are_read_in_every_language(folder: Path) -> None:
    put(folder, "a.yaml", MAIL)
    put(folder, "messages/hello.md", "---\r\nsubject: Hello\r\n---\r\nHello.")
    put(folder, "messages/hello.es.md", "---\nsubject: Hola\n---\nHola.\n")
    put(folder, "messages/hello.pt-BR.md", "---\nsubject: Oi\n---\nOi.\n")
    put(folder, "messages/other.md", "unused")
    put(folder, "messages/README.md", "what the texts are for")
    put(folder, "messages/notes.txt", "whatever")

    (definition,) = read(folder).definitions

    assert definition.messages == {
        "hello": {
            "": "---\nsubject: Hello\n---\nHello.\n",
            "es": "---\nsubject: Hola\n---\nHola.\n",
            "pt-BR": "---\nsubject: Oi\n---\nOi.\n",
        }
    }


def test_a_mistake_in_a_message_is_told_in_the_message(folder: Path) -> None:
    put(folder, "a.yaml", MAIL)
    put(folder, "messages/hello.md", "---\nsubject: Hello\n---\nHello {{ name }}.\n")

    reading = read(folder)

    assert names(reading) == []
    assert said(reading) == [
        "workflows.d/messages/hello.md:4:1: there is no 'name' for this message (used by step 'a')"
    ]


def test_messages_with_names_that_nothing_can_use_are_warned_about(folder: Path) -> None:
    put(folder, "messages/Hello There.md", "x")

    assert said(read(folder)) == [
        "workflows.d/messages/Hello There.md:1:1: warning: 'Hello There.md' is not the name of a message template:"
        " small letters, digits, _ and -, then .md or, say, .es.md"
    ]


def test_a_message_that_leads_out_of_the_folder_is_not_read(folder: Path) -> None:
    put(folder, "a.yaml", MAIL)
    put(folder.parent, "secret.md", "---\nsubject: x\n---\nsecret")
    (folder / "messages" / "hello.md").symlink_to(folder.parent / "secret.md")

    assert said(read(folder)) == [
        "workflows.d/a.yaml:3:43: steps[0] 'a' template_id: there is no messages/hello.md",
        "workflows.d/messages/hello.md:1:1: the file is a link that leads out of the folder",
    ]


def test_a_message_that_is_not_utf_8_is_named(folder: Path) -> None:
    put(folder, "messages/hola.md", "señor".encode("latin-1"))

    assert said(read(folder)) == [
        "workflows.d/messages/hola.md:1:3: byte 0xF1 is not UTF-8; the file may be in Latin-1 (Windows-1252),"
        " where this is 'ñ'; save it as UTF-8"
    ]


def test_a_message_that_anybody_may_change_is_warned_about(folder: Path) -> None:
    put(folder, "messages/hello.md", "x").chmod(0o666)

    assert [problem.warning for problem in read(folder).problems] == [True]


# -- workflows that start others ----------------------------------------------------------------------------------

STARTS = "name: a\ntrigger: {{type: manual}}\nsteps: [{{id: a, type: start, workflow: {}}}]\n"


def test_a_workflow_may_start_another_one_of_the_folder_even_a_broken_one(folder: Path) -> None:
    put(folder, "a.yaml", STARTS.format("b"))
    put(folder, "b.yaml", GOOD.format("b").replace("end", "edn"))

    assert names(read(folder)) == ["a"]


def test_a_workflow_that_is_to_be_started_must_exist(folder: Path) -> None:
    put(folder, "a.yaml", STARTS.format("onbording"))
    put(folder, "b.yaml", GOOD.format("onboarding"))

    reading = read(folder)

    assert names(reading) == ["onboarding"]
    assert said(reading) == [
        "workflows.d/a.yaml:3:40: steps[0] 'a' workflow: there is no workflow 'onbording'. Did you mean 'onboarding'?"
    ]


# -- single files -------------------------------------------------------------------------------------------------


def test_a_single_file_is_read_in_the_company_of_its_folder(folder: Path) -> None:
    path = put(folder, "a.yaml", STARTS.format("b"))
    put(folder, "b.yaml", GOOD.format("b"))
    put(folder, "c.yaml", "broken: [")

    reading = read_files([path], Known())

    assert (names(reading), reading.problems, reading.files) == (["a"], (), 1)


def test_a_single_file_may_have_any_name(folder: Path) -> None:
    path = put(folder, "draft.txt", GOOD.format("draft").replace("end", "edn"))

    reading = read_files([path], Known())

    assert [problem.path for problem in reading.problems] == [str(path)]
    assert reading.broken == ((str(path), "draft"),)


def test_files_and_folders_can_be_read_together(folder: Path, tmp_path: Path) -> None:
    put(folder, "a.yaml", GOOD.format("a"))
    other = put(tmp_path, "b.yaml", GOOD.format("b"))

    reading = read_files([folder, other], Known())

    assert (names(reading), reading.files) == (["a", "b"], 2)


def test_a_single_file_that_is_missing_is_named(folder: Path) -> None:
    with pytest.raises(Invalid, match=r"^there is no file .*/no\.yaml$"):
        read_files([folder / "no.yaml"], Known())


# -- the signature ------------------------------------------------------------------------------------------------


def test_the_signature_stays_while_nothing_changes(folder: Path) -> None:
    put(folder, "a.yaml", GOOD.format("a"))
    before = signature(str(folder))

    put(folder, "a.yaml~", "an editor's copy")
    put(folder, "notes.txt", "notes")

    assert signature(str(folder)) == before
    assert "\n" not in before


def edit(path: Path) -> None:
    status = path.stat()
    path.write_text(path.read_text().replace("end", "edn"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # as some tools do


EDITS = {
    "a file is added": lambda folder: put(folder, "b.yaml", ""),
    "a file is removed": lambda folder: (folder / "a.yaml").unlink(),
    "a file is renamed": lambda folder: (folder / "a.yaml").rename(folder / "c.yaml"),
    "a file is edited, and its date and size are as before": lambda folder: edit(folder / "a.yaml"),
    "a message is added": lambda folder: put(folder, "messages/new.md", ""),
    "a message is edited": lambda folder: put(folder, "messages/hello.md", "other words"),
    "the messages are gone": lambda folder: (folder / "messages").rename(folder / "old"),
    "a link's target is gone": lambda folder: (folder / "target").unlink(),
}


@pytest.mark.parametrize("edited", EDITS)
def test_the_signature_changes_when(folder: Path, edited: str) -> None:
    put(folder, "a.yaml", GOOD.format("a"))
    put(folder, "messages/hello.md", "x")
    put(folder, "target", GOOD.format("t"))
    (folder / "t.yaml").symlink_to("target")
    before = signature(str(folder))

    EDITS[edited](folder)

    assert signature(str(folder)) != before


def test_a_missing_folder_has_a_signature_too(tmp_path: Path) -> None:
    assert signature(str(tmp_path / "no")) == "FileNotFoundError/FileNotFoundError"


def test_a_name_with_a_line_break_stays_on_the_one_line(folder: Path) -> None:
    put(folder, "a\nb.yaml", "x")

    assert "\n" not in signature(str(folder))
