"""Steps that ask a program elsewhere: what is sent, what later steps know of the answer, what a crash may repeat."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coopflow.channels.command import Program, clean_environment
from coopflow.channels.integrations import CommandCalls, HttpCalls
from coopflow.channels.web import Web
from coopflow.core.deliveries import Accepted, Deferred, Unavailable, Unknown
from coopflow.sending import Post
from tests.servers.web import Talk, WebServer, replies, web_server
from tests.world import World

BODY = {
    "score": "{{ predicted_probability }}",
    "who": "{{ family_name }}",
    "list": [1, "{{ organisation }}"],
    "yes": True,
}
END = {"id": "done", "type": "end"}


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server(replies(200, {"ticket": {"id": 17, "open": True}})) as made:
        yield made


@pytest.fixture
def calling(coop: World, server: WebServer) -> World:
    """A co-op that really asks."""
    makes = lambda seconds: Web(connect=2, read=min(seconds, 1), altogether=2)  # noqa: E731
    script = coop.folder / "script.py"
    script.write_text(
        "import json, os, sys\n"
        "asked = json.load(sys.stdin)\n"
        "line = os.environ['COOPFLOW_KEY'] + ' ' + json.dumps(asked) + '\\n'\n"
        f"open({str(coop.folder / 'asked')!r}, 'a').write(line)\n"
        "mode = asked['data'].get('mode', 'done')\n"
        "print(json.dumps({'row': 7}) if mode == 'done' else mode)\n"
        "sys.exit({'later': 75, 'no': 3}.get(mode, 0))\n"
    )
    program = Program(argv=[sys.executable, str(script)], folder=coop.folder, environ=clean_environment({}))
    channels = {
        "http": HttpCalls({"N8N_TOKEN": "canary-n8n"}, makes, may_go={"localhost": ["N8N_TOKEN", "NOT_SET"]}),
        "command": CommandCalls({"sheet": program}),
    }
    coop.engine.post = Post({**coop.engine.post._channels, **channels}, max_concurrent=2)
    coop.has_family("42", family_name="Martínez")
    return coop


def hook(server: WebServer, **more: object) -> dict[str, object]:
    return {"id": "hook", "type": "http", "url": f"{server.url}/hook?x=1", **more}


def asked_of(world: World) -> list[tuple[str, dict]]:  # type: ignore[type-arg]
    lines = (world.folder / "asked").read_text().splitlines()
    return [(line.split(" ", 1)[0], json.loads(line.split(" ", 1)[1])) for line in lines]


def test_an_http_step_sends_json_with_a_key_and_its_answer_is_seen_by_later_conditions(
    calling: World, server: WebServer
) -> None:
    step = hook(server, body=BODY, headers={"X-Team": "a"}, headers_env={"Authorization": "N8N_TOKEN"})
    seen = {
        "id": "seen",
        "type": "condition",
        "condition": {
            "all": [
                {"field": "steps.hook.output.ticket.id", "operator": "==", "value": 17},
                {"field": "steps.hook.status", "operator": "==", "value": "accepted"},
            ]
        },
        "if_true_step": "after",
        "if_false_step": "done",
    }
    after = {
        "id": "after",
        "type": "http",
        "url": f"{server.url}/after",
        "body": {"id": "{{ steps.hook.output.ticket.id }}"},
    }
    calling.has_workflow("outreach", [step, seen, after, END], trigger={"type": "prediction"})
    [result] = calling.predicts("42", 0.875, 91)
    calling.tick()

    first, second = server.log
    assert first.json == {
        "family": {"family_id": "42", "family_name": "Martínez"},
        "instance": {
            "instance_id": result.instance_id,
            "triggered_by": "prediction_id:p42-0.875-91",
            "version": 1,
            "workflow": "outreach",
        },
        "step": {"step_id": "hook", "step_name": "Hook"},
        "data": {"score": "0.875", "who": "Martínez", "list": [1, "Willow Creek"], "yes": True},
    }
    assert (first.method, first.target) == ("POST", "/hook?x=1")
    assert first.headers["authorization"] == "canary-n8n"
    assert first.headers["x-team"] == "a"
    assert first.headers["content-type"] == "application/json"
    assert first.headers["idempotency-key"].endswith("@example.org")
    assert second.json["data"] == {"id": "17"}
    assert calling.status(1) == "completed"
    stored = (calling.folder / "coopflow.db").read_bytes() + b"".join(
        p.read_bytes() for p in calling.folder.glob("*-wal")
    )
    assert b"Authorization" in stored  # H32: the name of the variable is on record, and never its value
    assert b"canary-n8n" not in stored


def test_days_later_a_request_still_knows_what_earlier_steps_gave_and_the_familys_scores(
    calling: World, server: WebServer
) -> None:
    rest = {"id": "rest", "type": "wait", "duration": "3 days"}
    body = {"id": "{{ steps.hook.output.ticket.id }}", "risk": "{{ withdrawal_risk }}", "was": "{{ trigger.ticket }}"}
    later = {"id": "later", "type": "http", "url": f"{server.url}/later", "body": body}
    calling.has_family("42", withdrawal_risk=0.5)
    calling.has_workflow("outreach", [hook(server), rest, later, END])
    calling.start("outreach", family="42", ticket="T1")
    calling.tick()
    calling.tick("2026-03-23 09:00")
    assert server.log[-1].json["data"] == {"id": "17", "risk": "0.5", "was": "T1"}


def test_a_command_step_gives_json_and_takes_json(calling: World) -> None:
    step = {"id": "sheet", "type": "command", "command": "sheet", "body": {"who": "{{ family_id }}"}}
    seen = {
        "id": "seen",
        "type": "condition",
        "condition": {"field": "steps.sheet.output.row", "operator": "==", "value": 7},
        "if_true_step": "good",
        "if_false_step": "bad",
    }
    ends = [{"id": "good", "type": "end"}, {"id": "bad", "type": "end", "outcome": "failed"}]
    calling.has_workflow("outreach", [step, seen, *ends])
    calling.start("outreach", family="42")
    calling.tick()
    [(key, asked)] = asked_of(calling)
    assert key.endswith("@example.org")
    assert asked["data"] == {"who": "42"}
    assert calling.status(1) == "completed"


@pytest.mark.parametrize(
    ("mode", "attempts"),
    [("later", [("sheet", "failed")]), ("no", [("sheet", "failed"), ("done", "completed")])],
)
def test_75_is_tried_again_and_any_other_code_is_a_refusal(calling: World, mode: str, attempts: list) -> None:
    step = {"id": "sheet", "type": "command", "command": "sheet", "body": {"mode": mode}, "on_failure": "continue"}
    calling.has_workflow("outreach", [step, END])
    calling.start("outreach", family="42")
    calling.tick()
    assert calling.attempts(1) == attempts
    if mode == "later":
        for _ in range(3):
            [entry] = calling.case(1).entries.values()
            assert entry.scheduled_for is not None
            calling.now = entry.scheduled_for
            calling.tick()
        keys = {key for key, _ in asked_of(calling)}
        assert len(asked_of(calling)) == 4
        assert len(keys) == 1  # the same for every attempt, so that the program can tell
        assert calling.status(1) == "completed"


def test_a_refusal_goes_where_on_failure_says(calling: World, server: WebServer) -> None:
    server.next.append(replies(422, "no such sheet"))
    ask = {"id": "ask", "type": "task", "description": "Look at the hook"}
    calling.has_workflow("outreach", [hook(server, on_failure="ask"), END, ask])
    calling.start("outreach", family="42")
    calling.tick()
    assert calling.tasks()[0].description == "Look at the hook"
    assert f"localhost:{server.port} answered 422: no such sheet" in str(calling.store.looking.attempts(1))


@pytest.mark.parametrize("status", [401, 404, 302])
def test_what_a_person_must_mend_ends_the_step_and_asks(calling: World, server: WebServer, status: int) -> None:
    server.next.append(replies(status))
    calling.has_workflow("outreach", [hook(server), END])
    calling.start("outreach", family="42")
    calling.tick()
    assert calling.status(1) == "paused"
    [task] = calling.tasks()
    assert f"answered {status}" in task.description


@pytest.mark.parametrize("behaviour", [replies(500), Talk.reset, Talk.hang, lambda _: None])
def test_an_answer_that_does_not_come_is_a_doubt_and_is_not_asked_again(
    calling: World, server: WebServer, behaviour
) -> None:
    server.next.append(behaviour)
    calling.has_workflow("outreach", [hook(server), END])
    calling.start("outreach", family="42")
    assert calling.tick().in_doubt == [1]
    calling.tick("2026-03-21 10:00")
    assert len(server.log) == 1
    assert calling.status(1) == "paused"


def test_one_that_takes_the_same_key_once_is_asked_again_with_the_same_key(calling: World, server: WebServer) -> None:
    server.next.append(replies(502))
    calling.has_workflow("outreach", [hook(server, idempotent=True), END])
    calling.start("outreach", family="42")
    assert calling.tick().in_doubt == []
    calling.tick("2026-03-20 09:10")
    assert calling.status(1) == "completed"
    assert len({request.headers["idempotency-key"] for request in server.log}) == 1
    assert len(server.log) == 2


def test_a_get_sends_nothing_and_may_always_be_asked_again(calling: World, server: WebServer) -> None:
    server.next.append(replies(503))
    calling.has_workflow("outreach", [hook(server, method="GET"), END])
    calling.start("outreach", family="42")
    calling.tick()
    calling.tick("2026-03-20 09:10")
    assert [(request.method, request.body) for request in server.log] == [("GET", b"")] * 2
    assert calling.status(1) == "completed"


def test_a_hook_that_is_away_is_tried_again_and_holds_up_no_other(calling: World, server: WebServer) -> None:
    gone = {"id": "gone", "type": "http", "url": "http://127.0.0.1:9/"}
    both = {"id": "both", "type": "parallel", "branches": [[gone], [hook(server)]]}
    calling.has_workflow("outreach", [both, END])
    calling.start("outreach", family="42")
    calling.tick()
    assert len(server.log) == 1
    [entry] = [entry for entry in calling.case(1).entries.values() if entry.step_id == "gone"]
    assert "127.0.0.1:9 cannot be reached" in str(entry.reason)


def test_it_keeps_to_no_window_and_counts_towards_no_cap(calling: World, server: WebServer) -> None:
    calling.changes_family("42", consent={"email": {"allowed": False}, "sms": {"allowed": False}})
    calling.has_workflow("outreach", [hook(server), END])
    calling.now = calling.now.replace(hour=3)  # Thursday night
    calling.start("outreach", family="42")
    calling.tick()
    assert len(server.log) == 1
    [family] = calling.store.families(["42"]).values()
    assert not calling.store.cases.contacts_of([family]).of_family("42")


def test_a_request_that_is_too_long_goes_to_a_person(calling: World, server: WebServer) -> None:
    calling.has_family("42", attributes={"essay": "x" * 200_000})
    calling.has_workflow("outreach", [hook(server, body={"a": "{{ essay }}", "b": "{{ essay }}"}), END])
    calling.start("outreach", family="42")
    calling.tick()
    assert server.log == []
    assert "262,144 are possible" in calling.tasks()[0].description


def test_a_value_that_is_missing_goes_to_a_person_before_anything_is_asked(calling: World, server: WebServer) -> None:
    calling.has_workflow("outreach", [hook(server, body={"n": "{{ nickname }}"}), END])
    calling.start("outreach", family="42")
    calling.tick()
    assert server.log == []
    assert "nickname is not known for family 42" in calling.tasks()[0].description


def test_a_variable_that_is_not_set_is_said(calling: World, server: WebServer) -> None:
    calling.has_workflow("outreach", [hook(server, headers_env={"X-Key": "NOT_SET"}), END])
    calling.start("outreach", family="42")
    calling.tick()
    assert server.connections == 0
    assert "the environment variable NOT_SET is not set" in calling.tasks()[0].description


@pytest.mark.parametrize(
    ("body", "output"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b"[1]", None),
        (b"OK", None),
        (b"", None),
        (b'{"a": NaN}', None),
        (b'{"a": "' + b"x" * 70_000 + b'"}', None),
    ],
)
def test_only_an_object_of_bounded_size_is_kept(calling: World, server: WebServer, body: bytes, output) -> None:
    server.next.append(replies(200, body))
    calling.has_workflow("outreach", [hook(server), {"id": "rest", "type": "wait", "duration": "1 day"}])
    calling.start("outreach", family="42")
    calling.tick()
    kept = calling.store.looking.attempts(1)[0]["output_data"]
    assert kept.get("output") == output
    assert kept["reference"].startswith("200")
    assert ("too long to be kept" in kept["reference"]) == (len(body) > 65_536)


def test_with_the_outbox_it_becomes_a_file_and_nothing_is_asked(coop: World) -> None:
    coop.has_family("42")
    steps = [
        {"id": "hook", "type": "http", "url": "https://example.org/hook", "body": {"who": "{{ family_name }}"}},
        {"id": "run", "type": "command", "command": "sheet"},
        END,
    ]
    coop.has_workflow("outreach", steps)
    coop.start("outreach", family="42")
    coop.tick()
    assert coop.status(1) == "completed"
    [http] = (coop.outbox / "http").glob("*.json")
    [command] = (coop.outbox / "command").glob("*.json")
    written = json.loads(http.read_text())
    assert written["to"] == "https://example.org/hook"
    assert written["request"]["json"]["data"] == {"who": "Family 42"}
    assert json.loads(command.read_text())["to"] == "sheet"


# -- a crash between handing over and hearing ---------------------------------------------------------------------


class Killed(BaseException):
    """The end of a process."""


def dies_after_the_last_call(wired: World) -> list[str]:
    """A tick that is killed when others may have what it handed over; the keys of that."""
    handed_over: list[str] = []

    def deliver(batch, book):  # type: ignore[no-untyped-def]
        handed_over.extend(outgoing.message.key for outgoing in batch)
        book(batch, ())
        raise Killed

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(wired.engine.post, "deliver", deliver)
        with pytest.raises(Killed):
            wired.tick()
    return handed_over


@pytest.mark.parametrize("idempotent", [True, False])
def test_after_a_crash_only_what_may_be_asked_twice_is_asked_again(wired: World, idempotent: bool) -> None:
    step = {"id": "hook", "type": "http", "url": "https://example.org/hook", "idempotent": idempotent}
    wired.has_family("42")
    wired.has_workflow("outreach", [step, END])
    wired.start("outreach", family="42")

    dies_after_the_last_call(wired)
    report = wired.tick("2026-03-20 09:01")
    asked = wired.wires["http"].taken
    assert (len(asked), report.in_doubt) == ((1, []) if idempotent else (0, [1]))
    assert wired.status(1) == ("completed" if idempotent else "paused")


def test_after_a_crash_a_deferral_keeps_the_key(wired: World) -> None:
    step = {"id": "hook", "type": "http", "url": "https://example.org/hook", "idempotent": True}
    wired.has_family("42")
    wired.has_workflow("outreach", [step, END])
    wired.start("outreach", family="42")
    seen: list[str] = []
    wired.wires["http"].answers += [
        lambda message: (seen.append(message.message_id), Deferred("busy"))[1],
        lambda message: (seen.append(message.message_id), Unknown("?"))[1],
        lambda message: (seen.append(message.message_id), Accepted())[1],
    ]
    wired.tick()
    for _ in range(3):
        wired.now = max(
            (entry.scheduled_for for entry in wired.case(1).entries.values() if entry.scheduled_for), default=wired.now
        )
        wired.tick()
    assert len(set(seen)) == 1


def test_what_may_be_out_keeps_its_key_over_all_that_follows(wired: World) -> None:
    """The other side takes the same key once; under another one it would do the same again."""
    step = {"id": "hook", "type": "http", "url": "https://example.org/hook", "idempotent": True}
    wired.has_family("42")
    wired.has_workflow("outreach", [step, END])
    wired.start("outreach", family="42")
    first = dies_after_the_last_call(wired)
    wired.wires["http"].answers += [Unavailable("out of order"), Deferred("429 too many"), Accepted()]
    for minute in ("09:01", "09:20", "10:00"):
        wired.tick(f"2026-03-20 {minute}")
    assert [message.key for message in wired.wires["http"].taken] == first
    assert wired.status(1) == "completed"


def test_what_may_be_out_and_has_lost_its_reason_is_in_doubt(wired: World) -> None:
    step = {"id": "hook", "type": "http", "url": "https://example.org/hook", "idempotent": True}
    wired.has_family("42")
    wired.has_workflow("outreach", [step, END])
    wired.start("outreach", family="42")
    dies_after_the_last_call(wired)
    wired.wires["http"].answers.append(Unavailable("out of order"))
    wired.tick("2026-03-20 09:01")
    wired.changes_family("42", status="withdrawn")
    wired.tick("2026-03-20 09:20")
    assert wired.status(1) == "cancelled"
    wired.tick("2026-03-20 09:21")
    [task] = wired.tasks()
    assert task.task_type == "check"
    assert wired.wires["http"].taken == []


# -- late, and at night -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "goes"),
    [
        ({}, False),
        ({"stale_after": "3 days"}, True),
        ({"type": "command", "command": "sheet", "url": None}, False),
    ],
)
def test_a_call_that_is_more_than_a_day_late_is_a_persons_to_decide(
    wired: World, step: dict[str, Any], goes: bool
) -> None:
    wired.has_family("42")
    call = {"id": "hook", "type": "http", "url": "https://example.org/hook", **step}
    wired.has_workflow("outreach", [call, END])
    wired.start("outreach", family="42")
    wired.tick("2026-03-22 09:01")  # two days on: the machine was off
    assert wired.status(1) == ("completed" if goes else "paused")
    if not goes:
        [task] = wired.tasks()
        assert task.description == "'Hook' was planned for Fri 20 Mar 09:00 and is more than 24 hours late"


def test_a_call_with_a_window_keeps_to_it_when_the_tick_comes_late(wired: World) -> None:
    wired.has_family("42")
    call = {"id": "hook", "type": "http", "url": "https://example.org/hook", "window": "business_hours"}
    wired.has_workflow("outreach", [call, END])
    wired.start("outreach", family="42")
    wired.tick("2026-03-20 19:00")
    assert wired.wires["http"].taken == []
    wired.tick("2026-03-23 09:00")
    assert len(wired.wires["http"].taken) == 1


def test_a_doubt_about_a_call_is_settled_like_any_other(wired: World, tmp_path: Path) -> None:
    wired.has_family("42")
    wired.has_workflow("outreach", [{"id": "hook", "type": "http", "url": "https://example.org/hook"}, END])
    wired.start("outreach", family="42")
    wired.wires["http"].answers.append(lambda _: Unknown("no answer"))
    wired.tick()
    [task] = wired.tasks()
    assert task.description == "It is not known whether the request 'Hook' left: no answer"
    wired.closes(task, "not_sent")
    wired.tick("2026-03-20 09:05")
    assert len(wired.wires["http"].taken) == 1
    assert wired.status(1) == "completed"
