"""What is asked of the database is answered from an index, however much has happened.

The statements are those that commands really execute, taken down as they are. Their plans are looked at in a database
with a long history, before and after SQLite has counted what is in it (ANALYZE).
"""

import io
import json
import re
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from freezegun import freeze_time

from benchmarks.filling import Copy, Original, fill
from benchmarks.world import MESSAGES, REPLY, WITH_MESSAGES
from coopflow import clock, door
from coopflow.cli.main import run
from coopflow.core.wall_clock import Boot
from coopflow.store import case_sql
from coopflow.store.database import create, open_database, problems
from coopflow.store.log import Verified, verify
from tests.cli.conftest import CONFIG
from tests.inbox.mails import mail

FAMILIES = ("7000000", "7000001", "7000002")  # of the second one the screens are asked for
RISK = {"field": "predicted_probability", "operator": ">", "value": 0.8}
ENOUGH = {
    "any": [
        REPLY,
        {"field": "engagement_score", "operator": ">", "value": 90},
        {"field": "steps.call.outcome", "operator": "==", "value": "reached"},
    ]
}
STEPS = [{**step, "from": "second"} if step["id"] == "call" else step for step in WITH_MESSAGES]
WORKFLOW = {
    "name": "sample",
    "trigger": {"type": "prediction", "conditions": RISK, "cooldown": "1 day", "group": "risk"},
    "conflict": "queue",
    "steps": STEPS,
    "completion_criteria": ENOUGH,
}
INBOX = "inbox: [{type: folder, path: inbox}]\n"
DAYS = ("2026-03-20", "2026-03-23", "2026-03-25")  # on which the steps of the first family are due
SCREENS = (
    "status --format table",
    "status --family 7000001 --format table",
    "status --workflow sample --format table",
    "status --format tsv",
    "why 7000001 --format table",
    "show 1 --format table",
    "show 2 --format table",
    "agenda",
    "digest",
    "task list",
    "doubt list",
    "inbox list",
    "family show 7000001",
    "workflow list",
    "doctor",
    "audit verify",
)
DEEDS = (
    "note 3 looked",
    "pause 3",
    "resume 3",
    "snooze 3 --until 2026-04-02",
    "event email_response_received --family 7000002",
    "family optout 7000002 --channel email",
    "tick",
)


EVERYBODY_SAID_NO = """
INSERT INTO consent_records (channel, address, allowed, covers, at, how, actor, family_id, created_date)
SELECT 'email', lower(email), 0, 'outreach', created_date, 'hand', 'sarah', family_id, created_date FROM families
"""


class Question(NamedTuple):
    """A statement, and which command asked it first."""

    command: str
    statement: str
    parameters: Any


class Plan(NamedTuple):
    """How a question is answered, before or after ANALYZE."""

    question: Question
    counted: bool
    lines: list[str]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Question]]:
    """A co-op's database, and what a few days of its life have asked of it."""
    folder = tmp_path_factory.mktemp("co-op")
    (folder / "coopflow.yaml").write_text(f"{CONFIG}{INBOX}")
    (folder / "inbox").mkdir()
    (folder / "workflows.d" / "messages").mkdir(parents=True)
    (folder / "workflows.d" / "sample.yaml").write_text(json.dumps(WORKFLOW))
    (folder / "workflows.d" / "messages" / "hello.md").write_text(MESSAGES["hello"][""])
    (folder / "families.csv").write_text(
        "family_id,family_name,email,phone,engagement_score\n"
        + "".join(f"{number},Family {number},f{number}@example.org,+1212{number},50\n" for number in FAMILIES)
    )
    (folder / "outbox").mkdir()
    create(folder / "coopflow.db").close()
    found: dict[str, Question] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("COOPFLOW_ACTOR", "sarah")
        patch.setattr(clock, "boot", lambda: Boot("test", int(time.time())))
        live(found, patch)
    return folder / "coopflow.db", found


def live(found: dict[str, Question], patch: pytest.MonkeyPatch) -> None:
    """One instance runs to its end, one is under way, one is due; then everybody looks and does something."""
    command = ""

    class Listening(sqlite3.Cursor):
        def execute(self, statement: str, parameters: Any = ()) -> sqlite3.Cursor:
            found.setdefault(statement, Question(command, statement, parameters))
            return super().execute(statement, parameters)

        def executemany(self, statement: str, parameters: Any) -> sqlite3.Cursor:
            given = list(parameters)
            if given:
                found.setdefault(statement, Question(command, statement, given[0]))
            return super().executemany(statement, given)

    class Connection(sqlite3.Connection):
        def cursor(self, _: Any = None) -> sqlite3.Cursor:
            return super().cursor(Listening)

        def execute(self, *given: Any) -> sqlite3.Cursor:
            return self.cursor().execute(*given)

        def executemany(self, *given: Any) -> sqlite3.Cursor:
            return self.cursor().executemany(*given)

    connect = sqlite3.connect
    patch.setattr(sqlite3, "connect", lambda *given, **named: connect(*given, **{**named, "factory": Connection}))

    def do(words: str, *, at: str, given: str = "") -> None:
        nonlocal command
        command = words
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
        with freeze_time(at), redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            code = run(words.split())
        assert code in (0, 5), (words, code, out.getvalue(), err.getvalue())  # doctor has something to say

    do("family import families.csv", at=f"{DAYS[0]} 12:59:00")
    do("workflow load", at=f"{DAYS[0]} 12:59:00")
    do("trigger -", at=f"{DAYS[0]} 13:00:00", given=prediction(FAMILIES[0]))
    for number, day in enumerate(DAYS):
        do("tick", at=f"{day} 13:{number:02}:00")
    do("task done 1", at=f"{DAYS[-1]} 13:20:00")
    do("trigger -", at=f"{DAYS[-1]} 13:20:00", given="\n".join(map(prediction, FAMILIES[1:])))
    do("tick --limit 1", at=f"{DAYS[-1]} 13:21:00")
    for words in (*SCREENS, *DEEDS):
        do(words, at=f"{DAYS[-1]} 13:25:00")
    for number, answers in enumerate(("<unknown@example.org>", None), start=1):
        given = mail(sender="f7000002@example.org", number=number, answers=answers)
        Path("inbox", f"{number}.eml").write_bytes(given)
    report = {"id": "unknown", "status": "delivered"}
    Path("inbox", "3.json").write_text(json.dumps(report))
    do("tick", at=f"{DAYS[-1]} 13:25:30")
    Path("coopflow.yaml").write_text(f"{CONFIG}{INBOX}closed_days: [2026-05-01]\n")  # another rule of time
    do("tick", at=f"{DAYS[-1]} 13:26:00")
    command = "a door"
    assert [file.name for file in Path("inbox").iterdir()] == ["done"]
    assert door.nothing_to_do("coopflow.yaml", database=None, now=f"{DAYS[-1]}T13:27:00Z")


def prediction(family: str) -> str:
    return json.dumps(
        {
            "prediction_id": f"prediction-of-{family}",
            "family_id": family,
            "predicted_probability": 0.9,
            "confidence_score": 90,
            "prediction_window_days": 32,
        }
    )


@pytest.fixture(scope="module")
def plans(asked: tuple[Path, dict[str, Question]]) -> list[Plan]:
    """How each question is answered after three years, with many families waiting."""
    path, questions = asked
    connection = sqlite3.connect(path)
    finished, waiting = Original(connection, 1), Original(connection, 2)
    wanted = [(finished, Copy(family=100 + number % 400, days=-(number // 4))) for number in range(4_000)]
    fill(path, [*wanted, *((waiting, Copy(family=100 + number)) for number in range(2_000))])
    connection.execute(EVERYBODY_SAID_NO)
    found = list(explained(connection, questions, counted=False))
    connection.execute("ANALYZE")
    return [*found, *explained(connection, questions, counted=True)]


def explained(connection: sqlite3.Connection, questions: dict[str, Question], *, counted: bool) -> Iterator[Plan]:
    for question in questions.values():
        if question.statement.split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            rows = connection.execute(f"EXPLAIN QUERY PLAN {question.statement}", question.parameters)
            yield Plan(question, counted, [row[3] for row in rows])


# -- what may be gone through, and what may be sorted -------------------------------------------------------------

# Tables that have as many rows as there are workflows, calendars or facts about the co-op.
STILL = ("workflow_templates", "workflow_schedules", "calendars", "calendar_days", "meta", "sqlite_master")
# Indexes of what is not over: to go through one costs what is open now, whatever has been.
OPEN = ("instances_active", "tasks_open_by_due", "tasks_open_by_escalation", "items_unmatched")
MAY_SCAN = {
    "FROM event_log ORDER BY event_id DESC LIMIT 1": "the newest row stands last",
    "LEFT JOIN event_personal p USING (event_id) ORDER BY n.item_id DESC LIMIT": "so do the newest of what came in",
    "SELECT EXISTS (SELECT 1 FROM families)": "the first row is enough",
    "SELECT DISTINCT key FROM families": "a workflow's file has changed: which attributes have families?",
    "SELECT time_zone AS zone FROM families": "doctor looks at the zone of each family",
    "FROM bad_addresses ORDER BY": "a list of the addresses that do not work is wanted",
    "SELECT DISTINCT instance_id FROM workflow_queue": "the rules of time have changed: all that waits is placed anew",
    "AS in_doubt": "all branches that are live are counted",
}
AT_WORK = ("family import", "workflow load", "trigger", "tick", "a door", "event", "why")  # others are screens
MAY_SORT = {  # at work; on a screen the few rows that it shows may be
    "FROM workflow_queue WHERE instance_id IN (SELECT value FROM json_each(?)) ORDER BY queue_id": "those of a batch",
    "FROM consent_records WHERE address IN (SELECT value FROM json_each(?))": "what was said about a batch of them",
    "FROM workflow_instances WHERE completed_at IS NULL AND family_id IN (SELECT value FROM json_each(?))": "theirs",
    "SELECT DISTINCT x.instance_id FROM workflow_step_executions x": "what a tick that died has left",
    "FROM workflow_step_executions WHERE instance_id IN (SELECT value FROM json_each(?))": "the steps of a batch",
    "SELECT kind, COUNT(*) AS entries FROM event_log WHERE event_id > ?": "the entries of one tick",
    "SELECT DISTINCT key FROM families": "the names of attributes",
    "ORDER BY x.status = 'completed' DESC, x.execution_id DESC LIMIT 1": "the attempts at one message",
    "AND lower(email) = lower(?) ORDER BY family_id": "the families at one address",
    "OR n.mail_id = ? ORDER BY n.item_id": "what came in twice",
    "FROM workflow_templates AS t": "workflows",
    "FROM calendars": "closed days",
}
NAMED = re.compile(r'(?:FROM|JOIN) "?(\w+)"?(?: AS)?(?: "?([a-z]\w*)"?)?')
SCAN = re.compile(r"SCAN (?!CONSTANT)(\w+)(?!.*VIRTUAL)(?: USING (?:COVERING )?INDEX (\w+))?")
SORT = re.compile(r"USE TEMP B-TREE FOR (?!RIGHT PART)|.*UNION USING TEMP")  # the right part: among equals
ALL_BUT_NULL = re.compile(r"autoindex_\w+ \(\w+>\?\)")  # 'key IS NOT NULL' reads like a search, and is none


def test_nothing_that_grows_is_gone_through_or_sorted(plans: list[Plan]) -> None:
    assert {f"{question.command}: {fault}" for question, fault, reason in faults(plans) if reason is None} == set()


def test_every_exception_is_needed(plans: list[Plan]) -> None:
    needed = {reason for _, _, reason in faults(plans) if reason is not None}
    assert needed == {*MAY_SCAN.values(), *MAY_SORT.values()}


def faults(plans: list[Plan]) -> Iterator[tuple[Question, str, str | None]]:
    """Each line of a plan that should not be, with the reason why it may be, if there is one."""
    for plan in plans:
        statement = " ".join(plan.question.statement.split())
        tables = {alias or table: table for table, alias in NAMED.findall(statement)}
        for line in plan.lines:
            scan = SCAN.match(line)
            if scan and tables.get(scan[1], scan[1]) not in STILL and scan[2] not in OPEN:
                yield plan.question, f"{line}: {statement}", reason(MAY_SCAN, statement)
            elif SORT.match(line) and plan.question.command.startswith(AT_WORK):
                yield plan.question, f"{line}: {statement}", reason(MAY_SORT, statement)
            elif "AUTOMATIC" in line or ALL_BUT_NULL.search(line):
                yield plan.question, f"{line}: {statement}", None


def reason(exceptions: dict[str, str], statement: str) -> str | None:
    return next((why for words, why in exceptions.items() if words in statement), None)


def test_each_question_of_the_hot_path_was_asked(asked: tuple[Path, dict[str, Question]]) -> None:
    questions = {name: text for name, text in vars(case_sql).items() if str(text).lstrip().startswith("SELECT")}
    never = {name for name, text in questions.items() if not any(text in statement for statement in asked[1])}
    assert never == {"FAULTS"}, "it is asked where coopflow itself is at fault"
    assert door.ANYTHING_TO_DO in asked[1]


def test_the_long_history_is_a_sound_one(plans: list[Plan], asked: tuple[Path, dict[str, Question]]) -> None:
    db = open_database(asked[0], read_only=True)
    found = verify(db)
    wrong = problems(db, thorough=True)
    db.close()
    assert plans
    assert isinstance(found, Verified)
    assert found.rows > 40_000
    assert wrong == []
