"""Which way things may look, and one library, one door (design, section 3): read from every import of the package."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parent.parent / "coopflow"

DOORS = {  # library → where it may be imported
    "typer": ("cli",),
    "click": (),
    "rich": ("render",),
    "peewee": ("store",),
    "playhouse": ("store",),
    "yaml": ("strict_yaml",),
    "jinja2": ("texts",),
    "markupsafe": ("texts",),
    "markdown_it": ("texts",),
    "pydantic": ("config_schema", "config_fields", "config_texts", "schema_problems", "workflows"),
    "pydantic_core": ("schema_problems",),
    "annotated_types": (),
    "dateutil": ("core",),
    "phonenumbers": ("channels.addresses",),
    "email_validator": ("channels.addresses",),
    "apprise": ("channels.apprise_texts",),
    "holidays": ("intake.public_holidays",),
    "icalendar": ("intake.ical_text",),
    "imap_tools": ("inbox.imap",),
    "flufl": ("inbox.bounces",),
    "mailparser_reply": ("inbox.mail_text",),
}
EVERYWHERE = {"msgspec"}  # what values are made of
SMALL = ("errors", "problems")  # what every room may know beside the core
ROOMS = {  # room → what of coopflow it may know beside itself
    "core": ("errors",),
    "store": ("core", *SMALL),
    "channels": ("core", "secrets", "threads", *SMALL),
    "texts": ("core", "strict_yaml", "yaml_text", *SMALL),
    "workflows": ("core", "texts", "strict_yaml", "yaml_text", "schema_problems", *SMALL),
    "render": ("core", *SMALL),
    "secrets": ("errors",),
    "door": ("workflows.folder_signature", "alerts.ping", "__init__"),
    "alerts.ping": ("__init__", "threads"),
    "inbox": ("core", "store", "events", "triggers", "intake", "channels.addresses", "secrets", "threads", *SMALL),
}
ONLY_FROM_ABOVE = {  # module → who may import it
    "cli": ("cli", "__main__"),
    "app": ("cli", "setting_up"),
    "tick": ("cli", "app", "rehearsal"),
}


class Import(NamedTuple):
    """One import statement, by dotted names without the package's own."""

    importer: str
    line: int
    imported: str
    ours: bool

    def __str__(self) -> str:
        return f"{self.importer} (line {self.line}) imports {self.imported}"


def imports() -> list[Import]:
    """Every import of the package, wherever it stands, but for those that only type checkers see."""
    files = sorted(path for path in PACKAGE.rglob("*.py"))
    return [found for path in files for found in _imports_of(path)]


def _imports_of(path: Path) -> Iterator[Import]:
    importer = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    for node in _nodes(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{importer} (line {node.lineno}) imports by a relative name"
            names = [str(node.module)] if node.module != "coopflow" else [f"coopflow.{_module(name)}" for name in names]
        for name in names:
            ours = name.partition(".")[0] == "coopflow"
            yield Import(importer, node.lineno, name.removeprefix("coopflow.") if ours else name, ours)


def _module(name: str) -> str:
    """`from coopflow import X` names a module, or something that the package itself holds."""
    there = (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists()
    return name if there else "__init__"


def _nodes(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        yield from _nodes(node)


def _inside(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


IMPORTS = imports()


def test_the_imports_are_found() -> None:
    assert len(IMPORTS) > 300
    assert {found.imported for found in IMPORTS} >= {"peewee", "typer", "core.case", "sqlite3", "__init__"}


@pytest.mark.parametrize("library", DOORS)
def test_one_library_has_one_door(library: str) -> None:
    users = [found for found in IMPORTS if not found.ours and found.imported.partition(".")[0] == library]
    assert [str(found) for found in users if not _inside(found.importer, DOORS[library])] == []


@pytest.mark.parametrize(("module", "door"), [("http", "channels.web"), ("subprocess", "channels.process")])
def test_the_web_and_other_programs_have_one_door_each(module: str, door: str) -> None:
    users = {found.importer for found in IMPORTS if not found.ours and found.imported.partition(".")[0] == module}
    assert users == {door}


def test_every_library_is_known_here() -> None:
    known = {*sys.stdlib_module_names, *DOORS, *EVERYWHERE}
    foreign = [found for found in IMPORTS if not found.ours and found.imported.partition(".")[0] not in known]
    assert [str(found) for found in foreign] == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_knows_only_what_is_below_it(room: str) -> None:
    looks = [found for found in IMPORTS if found.ours and _inside(found.importer, (room,))]
    assert [str(found) for found in looks if not _inside(found.imported, (room, *ROOMS[room]))] == []


@pytest.mark.parametrize("module", ONLY_FROM_ABOVE)
def test_nothing_looks_up(module: str) -> None:
    looks = [found for found in IMPORTS if found.ours and _inside(found.imported, (module,))]
    assert [str(found) for found in looks if not _inside(found.importer, ONLY_FROM_ABOVE[module])] == []


def test_the_core_needs_the_standard_library_msgspec_and_dateutil_only() -> None:
    allowed = {*sys.stdlib_module_names, *EVERYWHERE, "dateutil"}
    foreign = [
        found
        for found in IMPORTS
        if _inside(found.importer, ("core",)) and not found.ours and found.imported.partition(".")[0] not in allowed
    ]
    assert [str(found) for found in foreign] == []


def test_the_core_reaches_for_no_file_clock_network_or_chance() -> None:
    outside = ("os", "pathlib", "sqlite3", "socket", "time", "random", "subprocess", "threading", "logging", "io")
    looks = [found for found in IMPORTS if _inside(found.importer, ("core",)) and _inside(found.imported, outside)]
    assert [str(found) for found in looks] == []


def test_nothing_below_the_command_line_reads_the_clock() -> None:
    """`now` comes in as an argument; only how long something takes may be looked up where it is waited for."""
    clocks = {"now", "utcnow", "today"}
    called = [
        f"{path.relative_to(PACKAGE)} (line {node.lineno}) calls {node.func.attr}()"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] != "cli"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in clocks
    ]
    assert called == []


def test_the_door_needs_little_of_the_standard_library() -> None:
    behind = ("door", "workflows.folder_signature", "__main__")
    names = {found.imported for found in IMPORTS if _inside(found.importer, behind) and not found.ours}
    assert names == {"gc", "json", "os", "sqlite3", "sys", "time", "zlib"}  # json only for a tick that has work
