"""`go-live`, `release`, `recall`: what they list, ask and say, with a server of the tests' own at the other end."""

import io
import json
import sys

import pytest
from freezegun import freeze_time

from coopflow.app import App
from coopflow.cli.main import run
from coopflow.core.model import Event
from tests.cli.conftest import CONFIG, NOON, CoOp
from tests.stories.test_way_out import LETTER
from tests.world import Wire

NINE_ONE = "2026-03-20 13:01:00"
NINE_TWO = "2026-03-20 13:02:00"
NINE_SIX = "2026-03-20 13:06:00"


@pytest.fixture
def wires(co_op: CoOp, monkeypatch: pytest.MonkeyPatch) -> dict[str, Wire]:
    """A mail server and a gateway that the app reaches out to; three families have a letter to get."""
    made = {name: Wire(name) for name in ("email", "sms")}
    monkeypatch.setattr(App, "_transports", lambda *_: made)
    co_op.world.has_workflow("letter", LETTER)
    start(co_op, 3)
    return made


def start(co_op: CoOp, number: int, *, first: int = 1) -> None:
    with co_op.world.store.transaction():
        for family in range(first, first + number):
            co_op.world.has_family(str(family), family_name=f"Family {family}")
            co_op.world.start("letter", family=str(family))


def configure(co_op: CoOp, *lines: str) -> None:
    (co_op.folder / "coopflow.yaml").write_text(CONFIG + "".join(f"{line}\n" for line in lines))


def status_of(co_op: CoOp) -> str:
    return co_op.run("status", "--format", "table", at=NINE_ONE).out


def test_o19_a_live_tick_without_go_live_is_refused_and_go_live_lists_what_would_leave(
    co_op: CoOp, wires: dict[str, Wire]
) -> None:
    configure(co_op, "deliver: live", "postal_address: 1 Creek Road")

    tick = co_op.run("tick", at=NINE_ONE)
    assert (tick.code, tick.out) == (1, "")
    assert tick.err == (
        "coopflow: deliver is live, and nobody has said yet that messages may really leave: 3 messages wait, all else"
        " goes on. See what would leave, and say so: coopflow go-live\n"
    )
    assert co_op.run("tick", at=NINE_ONE) == (0, "", "")
    assert "messages that may not leave yet" in status_of(co_op)
    check = co_op.run("status", "--check", at=NINE_ONE)
    assert (check.code, "coopflow go-live" in check.out) == (5, True)

    asked = co_op.run("go-live", at=NINE_ONE)
    assert asked.code == 2
    assert asked.out.splitlines()[0].split("\t") == [
        *("at", "channel", "to", "family_id", "family_name", "name", "workflow", "instance_id")
    ]
    assert len(asked.out.splitlines()) == 4
    assert "At the next tick: 3 messages (3 emails) to 3 families. In the 24 hours after that: no message." in asked.err
    assert "Worth a look: no email has left by wire yet: try deliver: redirect, or coopflow send-test." in asked.err
    assert "Let messages really leave from the next tick on? Say --yes to do it without being asked." in asked.err
    assert wires["email"].taken == []

    said = co_op.run("go-live", "--yes", at=NINE_ONE)
    assert said.code == 0
    assert "Messages leave from the next tick on. Back: set deliver: outbox in coopflow.yaml." in said.err
    assert co_op.run("tick", at=NINE_TWO) == (0, "", "")
    assert len(wires["email"].taken) == 3

    again = co_op.run("go-live", at=NINE_TWO)
    assert (again.code, again.out) == (0, "")
    assert again.err.startswith("Messages leave already, since Fri 20 Mar 09:01")


def test_o20_from_redirect_to_live_with_many_waiting_the_guard_asks(co_op: CoOp, wires: dict[str, Wire]) -> None:
    start(co_op, 300, first=100)
    configure(co_op, "deliver: live")

    said = co_op.run("go-live", "--yes", at=NINE_ONE)
    assert "… and 283 more: coopflow agenda --days 1" in said.err
    assert "303 at once are more than the 50 that leave without being asked for: coopflow release" in said.err

    stopped = co_op.run("tick", at=NINE_ONE)
    assert stopped.code == 1
    assert "303 messages wait" in stopped.err
    assert wires["email"].taken == []
    assert "more messages than usual" in co_op.run("status", "--check", at=NINE_ONE).out

    asked = co_op.run("release", at=NINE_ONE)
    assert asked.code == 2
    assert "Let 303 messages leave at once? Say --yes" in asked.err
    assert co_op.run("release", "--dry-run", at=NINE_ONE).code == 0
    released = co_op.run("release", "--yes", at=NINE_ONE)
    assert "303 messages leave with the next tick. Stop them with: coopflow pause --all" in released.err
    assert co_op.run("tick", at=NINE_TWO) == (0, "", "")
    assert len(wires["email"].taken) == 303


def test_go_live_says_what_stands_in_the_way(co_op: CoOp) -> None:
    co_op.world.has_workflow("letter", LETTER)
    start(co_op, 1)

    outbox = co_op.run("go-live", "--yes", at=NINE_ONE)
    assert outbox.code == 3
    assert "nothing was changed: deliver is outbox: set deliver: live in coopflow.yaml first" in outbox.err

    configure(co_op, "deliver: live")
    nowhere = co_op.run("go-live", "--yes", at=NINE_ONE)
    assert nowhere.code == 3
    assert "no channel has a transport that reaches anybody" in nowhere.err


def test_a_channel_that_was_tried_needs_no_other_try(co_op: CoOp, wires: dict[str, Wire]) -> None:
    configure(co_op, "deliver: redirect", "redirect_to: {email: me@example.org}")
    co_op.run("tick", at=NINE_ONE)
    tested = {"channel": "sms", "transport": "wire", "fate": "accepted"}
    with co_op.world.store.transaction():
        co_op.world.store.log([Event(at=co_op.world.now, kind="message.tested", actor="sarah", data=tested)])
    configure(co_op, "deliver: live")

    assert "has left by wire yet" not in co_op.run("go-live", "--dry-run", at=NINE_TWO).err


def test_go_live_warns_of_instances_whose_families_got_nothing_so_far(co_op: CoOp, wires: dict[str, Wire]) -> None:
    """What is said next, "as I wrote last week", would be the first that they hear."""
    rest = {"id": "rest", "type": "wait", "duration": "3 days"}
    co_op.world.has_workflow("two", [*LETTER, rest])
    co_op.world.has_workflow("later", [{"id": "first", "type": "wait", "duration": "3 minutes"}, *LETTER, rest])
    co_op.world.start("two", family="1")
    co_op.world.start("two", family="2")
    co_op.world.start("later", family="3")
    configure(co_op, "deliver: redirect", "redirect_to: {email: me@example.org}")
    co_op.run("tick", at=NINE_ONE)
    configure(co_op, "deliver: live")

    said = co_op.run("go-live", "--yes", at=NINE_TWO).err
    assert "Worth a look: 2 running instances have messages behind them that no family got (two 2), and" in said

    before = len(wires["email"].taken)
    co_op.run("tick", at="2026-03-20 13:05:00")
    assert [message.to for message in wires["email"].taken[before:]] == ["family3@example.org"]
    configure(co_op, "deliver: outbox")
    co_op.run("tick", at=NINE_SIX)
    configure(co_op, "deliver: live")
    again = co_op.run("go-live", "--dry-run", at="2026-03-20 13:07:00").err
    assert "2 running instances have messages behind them that no family got (two 2), and" in again


def test_go_live_for_programs(co_op: CoOp, wires: dict[str, Wire]) -> None:
    configure(co_op, "deliver: live")

    document = json.loads(co_op.run("go-live", "--dry-run", "--json", at=NINE_ONE).out)

    assert (document["due_now"], document["families_now"], document["next_24_hours"]) == (3, 3, 0)
    assert {one["words"] for one in document["obstacles"]} >= {
        "there is no postal_address, which the law wants at the end of such mails (CAN-SPAM); add it to coopflow.yaml",
        "cron does not run coopflow at the moment, so nothing would leave by itself",
    }
    assert document["first"][0]["to"] == "family1@example.org"


def test_a_dry_run_of_a_tick_sends_nothing_before_go_live_either(co_op: CoOp, wires: dict[str, Wire]) -> None:
    configure(co_op, "deliver: live")

    ran = co_op.run("tick", "--dry-run", at=NINE_ONE)

    assert "Messages stay in the house: 3 of them" in ran.out
    assert "is about to leave" not in ran.out


def test_o18_redirect_writes_to_one_address_only(co_op: CoOp, wires: dict[str, Wire]) -> None:
    co_op.world.has_workflow("text", [{"id": "hi", "type": "sms", "message": "Hi {{ family_name }}"}])
    co_op.world.start("text", family="1")
    configure(co_op, "deliver: redirect", 'redirect_to: {email: me@example.org, sms: "+1 212 555 0199"}')

    assert co_op.run("tick", at=NINE_ONE) == (0, "", "")

    assert {message.to for message in wires["email"].taken} == {"me@example.org"}
    assert {message.subject for message in wires["email"].taken} == {
        f"[for family{number}@example.org] Hello" for number in (1, 2, 3)
    }
    [text] = wires["sms"].taken
    assert (text.to, text.text) == ("+12125550199", "[for +12125550142]\nHi Family 1")


def test_redirect_leaves_a_channel_without_an_address_in_the_outbox(co_op: CoOp, wires: dict[str, Wire]) -> None:
    configure(co_op, "deliver: redirect", 'redirect_to: {sms: "+12125550199"}')

    co_op.run("tick", at=NINE_ONE)

    assert wires["email"].taken == []
    assert len(co_op.world.mails()) == 3


def test_release_says_when_nothing_may_leave_at_this_hour(co_op: CoOp, wires: dict[str, Wire]) -> None:
    start(co_op, 60, first=100)
    configure(co_op, "deliver: live")
    co_op.run("go-live", "--yes", at=NINE_ONE)
    co_op.run("tick", at=NINE_ONE)

    ran = co_op.run("release", "--yes", at="2026-03-20 23:00:00")

    assert ran.code == 3
    assert "nothing may leave at this hour, so there is nothing to let go; their windows are closed" in ran.err


def test_release_has_nothing_to_do_where_nothing_is_kept_back(co_op: CoOp) -> None:
    ran = co_op.run("release", "--yes")

    assert ran.code == 3
    assert "no messages are kept back because they are many" in ran.err


def test_what_rests_is_recalled_by_filter_and_only_that(co_op: CoOp, wires: dict[str, Wire]) -> None:
    visit = {"id": "visit", "type": "task", "description": "Visit", "outcomes": {"ok": "done"}}
    co_op.world.has_workflow("errand", [visit, {"id": "done", "type": "end"}])
    co_op.world.start("errand", family="1")
    configure(co_op, "rest: 5 minutes")
    co_op.run("tick", at=NINE_ONE)

    assert (
        "rests, and can be taken back until then: coopflow recall 1"
        in co_op.run("show", "1", "--format", "table", at=NINE_ONE).out
    )
    asked = co_op.run("recall", "--all", at=NINE_TWO)
    assert asked.code == 2
    assert "Take back the message of these 3 instances, and pause it?" in asked.err
    one = co_op.run("recall", "1", "--reason", "wrong date", at=NINE_TWO)
    assert one.code == 0
    assert one.err.startswith("Took back the message of 1 (Family 1, letter), which is paused.")
    assert "Undo: coopflow resume 1" in one.err
    rest = co_op.run("recall", "--workflow", "letter", "--go-on", "--yes", at=NINE_TWO)
    assert rest.code == 0
    assert rest.err.count("Took back the message of") == 2

    co_op.run("tick", at=NINE_SIX)
    assert (wires["email"].taken, co_op.world.mails()) == ([], [])
    nothing = co_op.run("recall", "--all", "--yes", at=NINE_SIX)
    assert (nothing.code, "no message rests among those" in nothing.err) == (3, True)


def test_o21_a_cancel_that_matches_everything_shows_how_many_and_asks(co_op: CoOp) -> None:
    co_op.world.has_workflow("letter", LETTER)
    start(co_op, 30)

    ran = co_op.run("cancel", "--all")

    assert ran.code == 2
    assert ran.err.count("Would cancel") == 20
    assert "… and 10 more." in ran.err
    assert "Cancel these 30 instances? Say --yes to do it without being asked." in ran.err
    assert {co_op.world.status(number) for number in range(1, 31)} == {"pending"}


class Terminal(io.StringIO):
    """Somebody at a keyboard."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "status"), [("y", "pending"), ("", "pending"), ("30", "cancelled")])
def test_o21_at_a_terminal_the_number_must_be_typed(
    co_op: CoOp, monkeypatch: pytest.MonkeyPatch, typed: str, status: str
) -> None:
    co_op.world.has_workflow("letter", LETTER)
    start(co_op, 30)
    monkeypatch.setattr(sys, "stdin", Terminal(f"{typed}\n"))

    with freeze_time(NOON):
        code = run(["cancel", "--workflow", "letter"])

    assert {co_op.world.status(number) for number in range(1, 31)} == {status}
    assert code == (0 if status == "cancelled" else 1)
    assert "Cancel these 30 instances? Type 30 to do it" in co_op.capture.readouterr().err


def test_what_is_started_at_once_is_kept_back_as_well_and_said(co_op: CoOp, wires: dict[str, Wire]) -> None:
    configure(co_op, "deliver: live")
    co_op.world.has_family("9")

    ran = co_op.run("trigger", "--workflow", "letter", "--family", "9", "--now", at=NINE_ONE)

    assert ran.code == 1
    assert "nobody has said yet that messages may really leave: 4 messages wait" in ran.err
    assert wires["email"].taken == []
