"""What people write about themselves, H22 to H27 and H31: through every command nothing acts, and nothing hides."""

import csv
import io
import json
import re
import shlex

import pytest

from coopflow.core.people import note
from tests.cli.conftest import CoOp
from tests.pattern.parts import CALL, END, MAIL, TEXT

HOSTILE = {
    "escape": "\x1b[2J\x1b[31mred",
    "hyperlink": "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "device": "\x1bP+q544e\x1b\\",
    "c1": "a\x9b31mb\x9dc",
    "delete": "a\x7f\x08\x08b",
    "bidi": "\u202eevil\u202c \u2066x\u2069",
    "invisible": "a\u200b\u200d\ufeffb\u00adc",
    "lines": "a\u2028b\u2029c\x85d\x0be",
    "tags": "x\U000e0041\U000e0042",
    "markup": "[red]x[/red] [/] [link=http://evil]y[/link] :smile:",
    "template": "{{ 7*7 }} {% for x in y %} {{ ''.__class__ }}",
    "html": "<script>alert(1)</script><b>",
    "formula": "=HYPERLINK(1)",
    "format": "%s %n {0} $(id) `id` ${HOME}",
    "marks": "a" + "\u0301" * 100,
    "quotes": "'; DROP TABLE families; --",
    "encoded": "=?utf-8?q?x=0aBcc:evil@example.org?=",
}
NAMES = pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
ACTS = re.compile(  # what a terminal acts on, or what hides; but joiners, which scripts need
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u00ad\U000e0000-\U000e007f]"
)
FORMATS = ("table", "tsv", "csv", "json", "jsonl")
SHOWING = (
    "status",
    "status --family 7",
    "family list",
    "family show 7",
    "show 1",
    "why 7",
    "agenda",
    "task list",
    "task show 1",
    "doubt list",
    "stats",
    "audit export",
    "workflow list",
    "calendar list",
    "config show",
    "doctor",
)


def filled(co_op: CoOp) -> None:
    """Families of all these names, with calls to make, messages, notes and events that say them too."""
    call = CALL | {"outcomes": {"reached": "done"}}
    co_op.world.has_workflow("w", [MAIL, TEXT, call, END])
    for number, name in enumerate(HOSTILE.values(), start=1):
        co_op.world.has_family(str(number), family_name=name, attributes={"remark": name})
        instance = co_op.world.start("w", family=str(number), source=name)
        co_op.world.event("payment_received", family=str(number), remark=name)
        co_op.world.does(note, instance, text=name)
    co_op.world.tick()
    for task in co_op.world.tasks()[::2]:
        co_op.world.closes(task, "skip" if task.task_type == "person" else "reached", HOSTILE["escape"])


def test_h23_h26_piped_through_every_command_nothing_acts_and_nothing_hides(co_op: CoOp) -> None:
    filled(co_op)
    several = [f"{command} {number}" for command in ("family show", "show") for number in range(1, len(HOSTILE) + 1)]
    for command in (*SHOWING, *several):
        for form in ("table",) if command in several else FORMATS:
            if (command, form) == ("audit export", "table"):
                continue  # there is none
            wanted = "--json" if command == "doctor" else f"--format={form}"
            ran = co_op.run(*shlex.split(command), wanted)
            assert ran.code in (0, 5), (command, ran.err)
            assert not ACTS.search(ran.err), (command, form)
            assert "\x1b" not in ran.out, (command, form)
            if form in ("table", "tsv"):
                assert not ACTS.search(ran.out), (command, form, ACTS.search(ran.out))
            elif form == "json":
                json.loads(ran.out)


def test_h22_tables_for_spreadsheets_hold_no_formula_and_jsonl_is_exact(co_op: CoOp) -> None:
    names = [f"{start}{name}" for start in ("", "=", "+", "-", "@", "\t") for name in HOSTILE.values()]
    for number, name in enumerate(names):
        co_op.world.has_family(str(number), family_name=name)
    cells = list(csv.reader(io.StringIO(co_op.run("family", "list", "--format=csv").out)))
    assert not [cell for row in cells for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    rows = [json.loads(line) for line in co_op.run("family", "list", "--format=jsonl").out.splitlines()]
    assert {row["family_id"]: row["family_name"] for row in rows} == {str(n): name for n, name in enumerate(names)}


@pytest.mark.parametrize("name", ["[red]x[/red]", "[/]", "[link=http://evil]y[/link]", ":smile:", "[bold"])
def test_h24_markup_is_shown_as_it_is_written(co_op: CoOp, name: str) -> None:
    co_op.world.has_family("7", family_name=name)
    assert name in co_op.run("family", "list", "--format=table").out
    assert name in co_op.run("family", "show", "7").out


@NAMES
def test_h25_errors_and_usage_say_what_was_given_and_act_on_nothing(co_op: CoOp, name: str) -> None:
    argument = name.replace("\x00", "")
    for words in (
        ("status", "--family", argument),
        ("show", argument),
        ("pause", argument),
        ("status", argument),
        ("status", f"--{argument}"),
        ("status", f"--{argument}=x"),
        ("status", "--format", argument),
        ("tick", "--limit", argument),
        ("family", "import", argument),
        ("event", argument, "--family", "7"),
        ("workflow", "show", argument),
        ("workflow", "validate", argument),
        (argument,),
        ("-c", argument, "status"),
        ("--database", argument, "status"),
        ("snooze", "1", "--until", argument),
        ("calendar", "remove", "--yes", argument),
    ):
        ran = co_op.run(*words)
        assert ran.code in (1, 2, 3, 4, 74), (words, ran)
        assert not ACTS.search(ran.err + ran.out), (words, ran)
        assert "Traceback" not in ran.err


@NAMES
def test_h25_bad_files_and_lines_are_told_without_acting(co_op: CoOp, name: str) -> None:
    (co_op.folder / "workflows.d" / "bad.yaml").write_text(f"name: {json.dumps(name)}\n{json.dumps(name)}: x\n")
    for ran in (
        co_op.run("workflow", "validate"),
        co_op.run("trigger", "-", input=json.dumps({name: name, "prediction_id": name})),
        co_op.run("family", "import", "-", input=json.dumps({"family_id": 1, "email": name, name: 5})),
        co_op.run("event", "--from", "-", input=json.dumps({"kind": name, "family_id": name})),
        co_op.run("calendar", "import", "-", "--name", "x", input=f"day,name\n{name},{name}\n"),
    ):
        assert ran.code in (1, 4), ran
        assert not ACTS.search(ran.err + ran.out)


@NAMES
def test_names_in_messages_stay_words_and_headers_stay_as_intended(co_op: CoOp, name: str) -> None:
    mail = "---\nsubject: 'Hello {{ family_name }}'\n---\nDear {{ family_name }}."
    co_op.world.has_workflow("w", [MAIL, TEXT, END], messages={"hello": mail})
    co_op.world.has_family("7", family_name=name)
    instance = co_op.world.start("w", family="7")
    co_op.world.tick()
    mails = co_op.world.mails()
    if not mails:  # a name that no header may hold is a reason for a person, and not for another header
        assert co_op.world.status(instance) == "paused"
        return
    [found] = mails
    assert found["To"] == "family7@example.org"
    assert found["Bcc"] is None
    assert len(found.get_all("Subject")) == 1
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", found["Subject"])
    body = found.get_body(("html",)).get_content()
    assert "<script" not in body
    assert "49" not in found["Subject"]


def test_h27_a_name_cannot_forge_an_entry_of_the_audit_trail(co_op: CoOp) -> None:
    forged = 'x"}\n{"event_id": 999, "kind": "instance.completed"}\x1b[1A'
    co_op.world.has_family("7")
    co_op.world.has_workflow("w", [CALL | {"outcomes": {"reached": "done"}}, END])
    instance = co_op.world.start("w", family="7")
    assert co_op.run("note", str(instance), forged).code == 0
    lines = co_op.run("audit", "export", "--format=jsonl").out.splitlines()
    entries = [json.loads(line) for line in lines]
    assert [entry["event_id"] for entry in entries] == list(range(1, len(entries) + 1))
    assert all(line.isascii() or "\x1b" not in line for line in lines)


PARTS = ("'", '"', "';--", "')", "'))", "`", "\\'", "%27", "' OR ", "1 OR ")
TAILS = (
    "1=1",
    "1=1 --",
    "DROP TABLE families",
    "UNION SELECT 1,2,3",
    "SELECT load_extension('x')",
    "ATTACH 'x' AS y",
    "PRAGMA writable_schema=1",
    "DELETE FROM event_log",
    "1) OR (1",
    "/* x */",
    "char(39)",
    "randomblob(1e9)",
    "'a'||'b'",
    "x'41'",
    "?1",
    ":name",
    "@name",
    "$name",
    "%",
    "_",
)
PAYLOADS = [part + tail for part in PARTS for tail in TAILS]
ARGUMENTS = (
    ("status", "--family", "{}"),
    ("status", "--workflow", "{}"),
    ("why", "--", "{}"),
    ("family", "show", "--", "{}"),
    ("task", "list", "--assignee", "{}"),
    ("audit", "export", "--family", "{}"),
    ("workflow", "show", "--", "{}"),
    ("event", "payment_received", "--family", "{}"),
)


def test_h31_two_hundred_payloads_in_every_filter_have_no_effect_and_find_nothing(co_op: CoOp) -> None:
    assert len(PAYLOADS) == 200
    co_op.world.has_family("7")
    before = "\n".join(co_op.world.db.connection().iterdump())
    for number, payload in enumerate(PAYLOADS):
        words = ARGUMENTS[number % len(ARGUMENTS)]
        ran = co_op.run(*(word.replace("{}", payload) for word in words))
        assert (ran.code, ran.out) == (3, ""), (words, payload, ran)
    assert "\n".join(co_op.world.db.connection().iterdump()) == before


@pytest.mark.parametrize("words", ARGUMENTS, ids=[" ".join(words) for words in ARGUMENTS])
def test_h31_each_filter_by_itself(co_op: CoOp, words: tuple[str, ...]) -> None:
    co_op.world.has_family("7")
    for payload in PAYLOADS[::23]:
        assert co_op.run(*(word.replace("{}", payload) for word in words)).code == 3
