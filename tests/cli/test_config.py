"""`coopflow config show`: what is in force, or what is wrong with it."""

import json

from tests.cli.conftest import CONFIG, CoOp


def test_everything_in_force_is_shown_with_its_defaults(co_op: CoOp) -> None:
    ran = co_op.run("config", "show", "--json")

    shown = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert shown["path"] == str(co_op.folder / "coopflow.yaml")
    assert (shown["organisation"], shown["deliver"], shown["max_concurrent"]) == ("Willow Creek", "outbox", 10)
    assert shown["database"] == str(co_op.folder / "coopflow.db")
    assert shown["coordinators"]["sarah"]["email"] == "sarah@example.org"


def test_piped_it_is_one_line_a_value(co_op: CoOp) -> None:
    lines = co_op.run("config", "show").out.splitlines()

    assert lines[:3] == ["path\tvalue", f"path\t{co_op.folder}/coopflow.yaml", "organisation\tWillow Creek"]
    assert "coordinators.sarah.email\tsarah@example.org" in lines


def test_the_database_of_the_command_line_is_the_one_in_force(co_op: CoOp) -> None:
    ran = co_op.run("--database", "other.db", "config", "show", "--json")

    assert json.loads(ran.out)["database"] == "other.db"


def test_a_broken_configuration_is_told_with_every_place(co_op: CoOp) -> None:
    (co_op.folder / "coopflow.yaml").write_text(CONFIG.replace("country: US", "contry: US\npassword: hush"))

    ran = co_op.run("config", "show")

    assert (ran.code, ran.out) == (4, "")
    assert [line.split(": ")[0] for line in ran.err.splitlines()[:2]] == ["coopflow.yaml:3:1", "coopflow.yaml:4:1"]
    assert "hush" not in ran.err


def test_without_a_configuration_it_says_how_to_get_one(co_op: CoOp) -> None:
    (co_op.folder / "coopflow.yaml").unlink()

    ran = co_op.run("config", "show")

    missing = (
        f"there is no coopflow.yaml in {co_op.folder}; run `coopflow init` to make one, or name yours with --config"
    )
    assert ran == (3, "", f"coopflow: {missing}\n")
