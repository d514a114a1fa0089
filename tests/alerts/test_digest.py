"""A coordinator's digest: what it tells, and that it leaves once a day."""

import json
from email import message_from_bytes, policy

import pytest

from coopflow.app import App
from coopflow.core.deliveries import Refused, Unavailable, Unknown
from coopflow.store.log import head_of
from tests.cli.conftest import CONFIG, CoOp
from tests.inbox.mails import dsn
from tests.world import Wire

NINE = "2026-03-20 13:00:00"
TEN = "2026-03-20 14:00:00"
NEXT_DAY = "2026-03-21 13:00:00"
CALL = [
    {"id": "visit", "type": "call", "reason": "Visit", "due": "1 hour", "outcomes": {"reached": "done"}},
    {"id": "done", "type": "end"},
]


def a_day(co_op: CoOp) -> None:
    """A task that is due, a message in doubt, one that cannot leave, and an instance that failed."""
    world = co_op.world
    world.has_workflow("visit", CALL)
    for family, name in (("1", "Jones"), ("2", "Martinez")):
        world.has_family(family, family_name=name)
        world.start("visit", family=family)
    world.tick()


def send(co_op: CoOp, *more: str, at: str = TEN) -> tuple[int, str, str]:
    return co_op.run("digest", "--send", *more, at=at)


def letters(co_op: CoOp) -> list[str]:
    files = sorted((co_op.folder / "outbox" / "email").glob("*.eml"))
    return [message_from_bytes(file.read_bytes(), policy=policy.default).get_content() for file in files]


def kinds(co_op: CoOp) -> list[str]:
    rows = co_op.world.db.execute_sql("SELECT kind FROM event_log WHERE kind LIKE 'digest.%' ORDER BY event_id")
    return [row[0] for row in rows]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire("email")
    monkeypatch.setattr(App, "_transports", lambda *_: {"email": made})
    return made


def live(co_op: CoOp, more: str = "") -> None:
    (co_op.folder / "coopflow.yaml").write_text(f"{CONFIG}deliver: live\n{more}")


# -- what it tells ------------------------------------------------------------------------------------------------


def test_it_tells_what_is_to_be_done_today_and_that_all_else_is_well(co_op: CoOp) -> None:
    a_day(co_op)

    ran = co_op.run("digest", at=TEN)

    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "Willow Creek: 3 things need you today"  # two tasks, and no tick through cron
    assert "  2 tasks to be done today" in lines
    assert [line for line in lines if line.startswith("  - ")][:2] == [
        "  - Jones (1), phone call: Visit",
        "  - Martinez (2), phone call: Visit",
    ]
    assert "  no message" in lines
    assert "coopflow has never been run by cron: is the cron line there?" in ran.out
    assert lines[-2].strip() == head_of(co_op.world.db)[1]


def test_on_a_quiet_day_nothing_needs_anybody(co_op: CoOp) -> None:
    co_op.run("tick", at=NINE)

    lines = co_op.run("digest", at="2026-03-20 13:01:00").out.splitlines()

    assert lines[0] == "Willow Creek: nothing needs you today"
    assert "  1 minute ago" in lines


def test_a_doubt_and_a_server_that_is_down_and_a_failure_are_told(co_op: CoOp, wire: Wire) -> None:
    live(co_op)
    world = co_op.world
    world.has_workflow("letter", [{"id": "hello", "type": "email", "template_id": "hello", "on_failure": "fail"}])
    for family in ("1", "2", "3"):
        world.has_family(family)
        world.start("letter", family=family)
    assert co_op.run("go-live", "--yes", at=NINE).code == 0
    wire.answers = [Refused("no such user"), Unavailable("the server is down"), lambda _: Unknown("it hung up")]
    co_op.run("tick", at=NINE)

    text = co_op.run("digest", at="2026-03-20 13:01:00").out

    assert "In doubt\n  whether these left is not known: coopflow doubt list" in text
    assert "letter failed: 'Hello' failed: no such user" in text
    assert "Cannot leave\n  - 1 email: the server is down" in text


def test_it_says_that_messages_are_kept_back(co_op: CoOp, wire: Wire) -> None:
    live(co_op)
    co_op.world.has_workflow("letter", [{"id": "hello", "type": "email", "template_id": "hello"}])
    co_op.world.has_family("1")
    co_op.world.start("letter", family="1")
    co_op.run("tick", at=NINE)

    text = co_op.run("digest", at="2026-03-20 13:01:00").out

    assert "Needs a word of yours" in text
    assert "coopflow go-live" in text


def test_a_coordinator_hears_of_their_own_tasks_and_of_others_overdue_ones(co_op: CoOp) -> None:
    co_op.world.has_workflow("visit", [{**CALL[0], "assign": "mike"}, CALL[1]])
    co_op.world.has_family("1")
    co_op.world.start("visit", family="1")
    co_op.world.tick()

    own, others = (co_op.run("digest", "--to", name, at="2026-03-20 20:00:00").out for name in ("mike", "sarah"))

    assert "1 task to be done today" in own
    assert "none to be done today" in others
    assert "overdue at others: mike 1" in others


def test_it_tells_of_holidays_that_end(co_op: CoOp) -> None:
    assert "no public holidays have been imported" in co_op.run("digest", at=TEN).out


def test_programs_get_it_as_json(co_op: CoOp) -> None:
    a_day(co_op)

    document = json.loads(co_op.run("digest", "--json", at=TEN).out)

    assert (document["day"], document["coordinator"], len(document["tasks"])) == ("2026-03-20", "sarah", 2)
    assert len(document["audit_head"]) == 64


def test_o35_when_nobody_looks_for_thirty_days_the_digest_says_so(co_op: CoOp) -> None:
    a_day(co_op)
    week, month = (co_op.run("digest", at=when) for when in ("2026-03-26 13:00:00", "2026-04-19 13:00:00"))

    assert "Nobody has looked" not in week.out
    assert month.out.splitlines()[2:5] == [
        "Nobody has looked",
        "  Nobody has closed a task or changed anything yet.",
        "  2 tasks are open, the oldest since Fri 20 Mar 09:00 (30 days ago): coopflow task list",
    ]


def test_o35_a_deed_of_somebody_s_ends_it_and_says_when_it_was(co_op: CoOp) -> None:
    a_day(co_op)
    co_op.run("note", "1", "Called back", at="2026-04-10 13:00:00")

    soon, late = (co_op.run("digest", at=when).out for when in ("2026-04-16 13:00:00", "2026-04-18 13:00:00"))

    assert "Nobody has looked" not in soon
    assert "Nobody has closed a task or changed anything since Fri 10 Apr 09:00" in late


# -- that it leaves -----------------------------------------------------------------------------------------------


def test_it_leaves_by_mail_and_says_so_on_record(co_op: CoOp) -> None:
    a_day(co_op)

    code, out, _ = send(co_op)

    assert code == 0
    assert out.startswith("The digest of 20 Mar for sarah was handed over (email/")
    [letter] = letters(co_op)
    assert letter.splitlines()[0] == "Willow Creek: 3 things need you today"
    assert kinds(co_op) == ["digest.sent"]


def test_cron_twice_sends_once_and_the_next_day_again(co_op: CoOp) -> None:
    assert [send(co_op, at=when)[0] for when in (NINE, TEN, NEXT_DAY)] == [0, 0, 0]

    assert len(letters(co_op)) == 2
    assert kinds(co_op) == ["digest.sent", "digest.sent"]


def test_two_coordinators_each_get_their_own(co_op: CoOp) -> None:
    (co_op.folder / "coopflow.yaml").write_text(
        CONFIG.replace("mike: {}", "mike: {email: mike@example.org}"),
    )

    assert [send(co_op, "--to", name)[0] for name in ("sarah", "mike")] == [0, 0]
    assert len(letters(co_op)) == 2


def test_one_that_could_not_leave_may_be_sent_again(co_op: CoOp, wire: Wire) -> None:
    live(co_op)
    wire.answers = [Unavailable("the server is down")]

    first, second = send(co_op), send(co_op)

    assert first[0] == 75
    assert "could not leave: the server is down; it may be sent again" in first[2]
    assert second[0] == 0
    assert [message.to for message in wire.taken] == ["sarah@example.org"]
    assert kinds(co_op) == ["digest.failed", "digest.sent"]


def test_one_of_which_nobody_knows_whether_it_left_is_not_sent_twice(co_op: CoOp, wire: Wire) -> None:
    live(co_op)
    wire.answers = [lambda _: Unknown("it hung up")]

    first, second, tomorrow = send(co_op), send(co_op), send(co_op, at=NEXT_DAY)

    assert [first[0], second[0], tomorrow[0]] == [1, 1, 0]
    assert "nobody knows whether it left; the next one leaves tomorrow" in second[2]


def test_t25_a_digest_that_comes_back_is_shown_and_starts_no_loop(co_op: CoOp, wire: Wire) -> None:
    a_day(co_op)
    live(co_op)
    send(co_op)
    sent, tasks = wire.taken[-1], len(co_op.world.tasks())
    notice = dsn(sent.message_id, recipient="sarah@example.org", diagnostic="smtp; 550 5.1.1 User unknown")

    ran = co_op.run("inbox", "receive", "--kind", "mail", input=notice, at="2026-03-20 14:05:00")
    assert (ran.code, "the digest for sarah came back" in ran.out + ran.err) == (0, True), ran

    words = "the digest for sarah came back: 550 5.1.1 User unknown"
    check = co_op.run("status", "--check", at="2026-03-20 14:06:00")
    assert (check.code, words in check.out + check.err) == (5, True), check
    shown = co_op.run("status", "--format", "table", at="2026-03-20 14:06:00").out
    assert words in " ".join(shown.split())
    assert send(co_op, at="2026-03-20 15:00:00")[0] == 0  # today's has left
    co_op.run("tick", at="2026-03-20 14:07:00")
    assert [message.to for message in wire.taken].count("sarah@example.org") == 1
    assert len(co_op.world.tasks()) == tasks

    send(co_op, at=NEXT_DAY)
    assert words not in co_op.run("status", "--check", at=NEXT_DAY).out


def test_it_leaves_for_staff_before_anybody_has_said_go_live(co_op: CoOp, wire: Wire) -> None:
    live(co_op)

    assert send(co_op)[0] == 0
    assert len(wire.taken) == 1


def test_with_redirect_it_goes_where_everything_goes(co_op: CoOp, wire: Wire) -> None:
    (co_op.folder / "coopflow.yaml").write_text(
        f"{CONFIG}deliver: redirect\nredirect_to: {{email: me@example.org}}\n",
    )

    send(co_op)

    assert [message.to for message in wire.taken] == ["me@example.org"]


def test_who_is_not_on_the_allow_list_gets_none(co_op: CoOp, wire: Wire) -> None:
    live(co_op, "allow: {domains: [elsewhere.example]}\n")

    code, _, err = send(co_op)

    assert (code, wire.taken) == (3, [])
    assert "example.org is none of the domains under allow:" in err


def test_a_coordinator_without_an_address_and_one_that_does_not_exist_are_told(co_op: CoOp) -> None:
    without, unknown = send(co_op, "--to", "mike"), send(co_op, "--to", "sara")

    assert (without[0], unknown[0]) == (4, 3)
    assert "mike has no email under coordinators: in coopflow.yaml" in without[2]
    assert "there is no coordinator 'sara' in coopflow.yaml (did you mean 'sarah'?)" in unknown[2]
