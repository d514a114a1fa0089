"""Names that lead elsewhere, that no file can have, or that are links to something else, H28 to H30."""

from pathlib import Path

import pytest

from tests.cli.conftest import CoOp

LONG = "x" * 300
DEEP = "/".join(["y" * 200] * 30)
READING = (
    "workflow validate {}",
    "family import {}",
    "family optout --from {}",
    "trigger {}",
    "event --from {}",
    "calendar import {}",
    "restore {} --yes",
    "--database {} status",
    "--database {} tick",
    "-c {} status",
    "-c {} tick",
)
WRITING = ("audit export -o {}", "backup {}", "purge {}", "init {}")


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("command", [*READING, *WRITING])
@pytest.mark.parametrize("name", [LONG, f"{LONG}.yaml", DEEP], ids=["long", "ending", "deep"])
def test_h29_a_name_that_no_file_can_have_is_told_and_nothing_is_made(co_op: CoOp, command: str, name: str) -> None:
    before = everything(co_op.folder)
    ran = co_op.run(*command.format(name).split())
    assert ran.code in (1, 2, 3, 4, 74), ran
    assert "fault in coopflow" not in ran.err
    assert ran.err.count("\n") <= 5
    after = everything(co_op.folder)
    assert {path: data for path, data in after.items() if not path.endswith(".lock")} == before


@pytest.mark.parametrize("name", ["../w", "/tmp/w", "..", ".", "con/w", "a/../b", "w\n", "-w", LONG])  # noqa: S108
def test_h28_a_workflow_is_never_written_outside_its_folder(co_op: CoOp, name: str) -> None:
    before = everything(co_op.folder)
    ran = co_op.run("workflow", "new", "--", name)
    assert ran.code in (2, 4), ran
    assert "is not a name for a workflow" in ran.err
    assert everything(co_op.folder) == before


@pytest.mark.parametrize("template", ["../../coopflow", "/etc/passwd", "a/../../b", "..", "hello\x00", LONG])
def test_h28_a_step_names_no_text_outside_the_folder_of_texts(co_op: CoOp, template: str) -> None:
    (co_op.folder / "workflows.d" / "w.yaml").write_text(
        f"name: w\ntrigger: {{type: manual}}\nsteps: [{{id: a, type: email, template_id: {template!r}}}]\n"
    )
    ran = co_op.run("workflow", "validate")
    assert ran.code == 4
    assert "template_id: " in ran.out


@pytest.mark.parametrize("command", ["audit export -o {}", "backup {} --force"])
def test_h30_what_is_written_does_not_go_through_a_link(co_op: CoOp, command: str) -> None:
    target, link = co_op.folder / "target", co_op.folder / "link.csv"
    target.write_text("somebody's")
    link.symlink_to(target)
    co_op.run(*command.format(link.name).split())
    assert target.read_text() == "somebody's"
