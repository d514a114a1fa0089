"""STOP, in every spelling: who asks not to be written to is not written to."""

import pytest

from coopflow.core.consent import OUTREACH, refusal
from coopflow.core.stop_words import asks_to_start, asks_to_stop, may_mean_stop
from tests.inbox.conftest import OPTED_OUT, STEPS, Desk
from tests.inbox.mails import dsn, mail, vacation

STOPS = [
    *[
        "STOP",
        "stop",
        "Stop.",
        "STOP!!!",
        "  stop\n",
        "S.T.O.P.",
        "s t o p",
        "ＳＴＯＰ",
        "“Stop”",
        "STOP 🙏",
        "st\u200bop",
    ],
    *[
        "STOPALL",
        "Stop all",
        "STOP-ALL",
        "unsubscribe",
        "Unsubscribe me",
        "UNSUBSCRIBE please.",
        "cancel",
        "END",
        "Quit",
    ],
    *["REVOKE", "optout", "opt-out", "OPT OUT", "Remove", "remove me", "ARRET", "Arrêt", "arrêt s'il vous plaît"],
    *["Please stop", "stop please, thanks", "STOP texting me", "Stop sending me these messages!", "stop stop stop"],
    *[
        "ALTO",
        "parar",
        "Baja",
        "dar de baja",
        "Abmelden",
        "Stopp!",
        "bitte abbestellen",
        "SAIR",
        "désinscrire",
        "Basta",
    ],
    *["STOP\n\nMaria Martinez\nSent from my phone", "\n\nstop\n> Reply STOP to end"],
]
NO_STOPS = [
    *[
        "",
        " ",
        "Stop by any time!",
        "We will stop by on Friday",
        "Yes",
        "Please don't stop the music lessons",
        "cancelled",
    ],
    *[
        "Can you cancel my appointment on Friday?",
        "The end of the week works",
        "I quit my job",
        "non-stop",
        "...",
        "🛑?",
    ],
    *["Bus stop at 5", "remove the second date please", "I will be there.\nSTOP"],
]


@pytest.mark.parametrize("text", STOPS)
def test_d09_stop_in_every_spelling_is_an_opt_out(text: str) -> None:
    assert asks_to_stop(text)


@pytest.mark.parametrize("text", NO_STOPS)
def test_d09_a_sentence_that_has_the_word_in_it_is_none(text: str) -> None:
    assert not asks_to_stop(text)


@pytest.mark.parametrize("text", ["START", "start!", "Unstop", "opt in", "Please subscribe me"])
def test_start_is_known_in_its_spellings(text: str) -> None:
    assert asks_to_start(text)
    assert not asks_to_stop(text)


@pytest.mark.parametrize(
    "text",
    [
        "Please do not text me again",
        "don’t contact us".replace("’", "'"),
        "take us off your list",
        "I want to opt out of this",
    ],
)
def test_other_words_for_it_are_left_to_a_person(text: str) -> None:
    assert may_mean_stop(text)
    assert not asks_to_stop(text)


def test_looking_takes_no_time_whatever_the_text() -> None:
    for piece in ("take me ", "remove my ", "opt", "stop ", "a", "\u0301"):
        text = piece * 200_000
        assert not may_mean_stop(text) or "stop" in piece
        asks_to_stop(text)


def test_d09_stop_by_text_opts_out_of_texts_and_ends_the_workflow_that_says_so(desk: Desk) -> None:
    instance = desk.has_written(completion_criteria=OPTED_OUT)

    taken = desk.call("sms", {"id": "t1", "from": "+12125550142", "text": "Stop!"})

    assert (taken.kind, taken.status, taken.touched) == ("stop", "matched", [instance])
    consent = desk.world.store.families(["42"])["42"].consent
    assert (consent["sms"]["allowed"], consent["sms"]["how"], "email" in consent) == (False, "reply", False)
    assert desk.world.status(instance) == "completed"
    assert "sms_response_received" not in desk.kinds()


def test_stop_by_mail_opts_out_of_mails(desk: Desk) -> None:
    instance = desk.has_written()

    desk.mail(mail("STOP\n\nOn Fri, Mar 20, 2026 Willow Creek wrote:\n> Hello", answers=desk.sent(instance)))

    assert desk.world.store.families(["42"])["42"].consent["email"]["allowed"] is False


def test_what_a_link_to_unsubscribe_writes_is_an_opt_out(desk: Desk) -> None:
    desk.has_written()
    assert desk.mail(mail("", subject="unsubscribe")).kind == "stop"


def test_the_quoted_mail_is_not_read_as_an_opt_out(desk: Desk) -> None:
    instance = desk.has_written()
    text = "Yes\n\nOn Fri, Mar 20, 2026 at 9:00 AM Willow Creek <s@example.org> wrote:\n> STOP\n> to end"
    assert desk.mail(mail(text, answers=desk.sent(instance))).kind == "reply"


def test_a_vacation_notice_that_says_stop_is_no_opt_out(desk: Desk) -> None:
    instance = desk.has_written()
    desk.mail(vacation(answers=desk.sent(instance)))
    assert desk.world.store.families(["42"])["42"].consent == {}


def test_d10_an_opt_out_while_a_text_is_due_suppresses_it_and_the_next_step_follows(desk: Desk) -> None:
    instance = desk.has_written(completion_criteria=None)

    desk.call("sms", {"id": "t1", "from": "+12125550142", "text": "STOP"})
    desk.world.tick("2026-03-23 09:00")

    assert desk.world.wires["sms"].taken == []
    assert ("text", "skipped") in desk.world.attempts(instance)
    assert desk.world.step(instance) == "rest"


def test_d13_the_opt_out_of_a_number_holds_for_every_family_that_has_it(desk: Desk) -> None:
    desk.has_written()
    desk.world.has_family("43", phone="+12125550142")

    taken = desk.call("sms", {"id": "t1", "from": "+12125550142", "text": "STOP"})

    assert taken.status == "matched"
    families = desk.world.store.families(["42", "43"])
    assert all(refusal(family, "sms", OUTREACH) for family in families.values())


def test_d11_start_after_stop_is_a_question_for_a_person_without_consent_on_record(desk: Desk) -> None:
    desk.has_written()
    desk.call("sms", {"id": "t1", "from": "+12125550142", "text": "STOP"})

    taken = desk.call("sms", {"id": "t2", "from": "+12125550142", "text": "START"})

    assert (taken.kind, taken.status) == ("start", "matched")
    assert desk.world.store.families(["42"])["42"].consent["sms"]["allowed"] is False
    [task] = desk.world.tasks()
    assert "coopflow family optin 42 --channel sms" in task.description


def test_d11_start_after_stop_counts_where_consent_was_on_record_before(desk: Desk) -> None:
    from coopflow.intake.consent import change_consent

    desk.has_written()
    with desk.world.store.transaction():
        change_consent(
            desk.world.store, "42", ["sms"], allowed=True, reason="form of 2 March", actor="sarah", now=desk.world.now
        )
    desk.call("sms", {"id": "t1", "from": "+12125550142", "text": "STOP"})

    desk.call("sms", {"id": "t2", "from": "+12125550142", "text": "START"})

    assert desk.world.store.families(["42"])["42"].consent["sms"]["allowed"] is True
    assert desk.world.tasks() == []


def test_start_from_an_address_that_had_failed_lets_mails_go_there_again(desk: Desk) -> None:
    from coopflow.intake.consent import change_consent

    instance = desk.has_written()
    store, now = desk.world.store, desk.world.now
    with store.transaction():
        change_consent(store, "42", ["email"], allowed=True, reason="form of 2 March", actor="sarah", now=now)
    desk.mail(dsn(desk.sent(instance)))
    assert [row["address"] for row in store.inbox.bad_addresses()] == ["family42@example.org"]
    desk.mail(mail("STOP", number=7))

    desk.mail(mail("START", number=8))

    assert store.families(["42"])["42"].consent["email"]["allowed"] is True
    assert store.inbox.bad_addresses() == []


def test_start_without_an_opt_out_is_an_answer_like_any_other(desk: Desk) -> None:
    instance = desk.has_written()
    desk.call("sms", {"id": "t1", "from": "+12125550142", "text": "START"})
    assert desk.world.status(instance) == "completed"


@pytest.mark.parametrize("when", ["before", "after"])
def test_t34_stop_between_intent_and_last_call_is_heard_and_after_it_is_recorded(desk: Desk, when: str) -> None:
    """The text is on its way: its words are on record, and the family writes STOP at that very moment."""
    from coopflow.channels.base import Accepted, Withdrawn

    second = desk.world
    second.has_family("42")
    wire = second.wires["sms"]
    plain = wire.deliver

    def stop() -> None:
        from coopflow.inbox.receiving import receive_one
        from coopflow.store.database import open_database
        from coopflow.store.store import Store
        from tests.inbox.conftest import OURS

        other = open_database(second.folder / "coopflow.db")
        hook = b'{"id": "t1", "from": "+12125550142", "text": "STOP"}'
        receive_one(Store(other, second.coop), hook, "sms", "hook", OURS, name="x", now=second.now)
        other.close()

    def deliver(message, last_call):  # type: ignore[no-untyped-def]
        if when == "before":
            stop()
            return plain(message, last_call)
        if not last_call():
            return Withdrawn()
        stop()
        wire.taken.append(message)
        return Accepted("SM9")

    wire.deliver = deliver  # type: ignore[method-assign]
    second.has_workflow("later", [STEPS[2]])
    late = second.start("later", family="42")
    second.tick()

    assert len(wire.taken) == (0 if when == "before" else 1)
    assert (("text", "skipped") in second.attempts(late)) is (when == "before")
    assert second.store.families(["42"])["42"].consent["sms"]["allowed"] is False
