"""`coopflow family`: the member list and who may be written to."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import CoOp

LIST = (
    "family_id,family_name,email,phone,time_zone,engagement_score,monthly_fee\n"
    "42,Martinez,m@example.org,(212) 555-0142,America/Chicago,75.0,106.7\n"
    "7,Garcia,g@example.org,,,,\n"
)
STEPS = [{"id": "hello", "type": "email", "template_id": "hello"}]


@pytest.fixture
def school(co_op: CoOp) -> CoOp:
    Path("families.csv").write_text(LIST)
    co_op.run("family", "import", "families.csv")
    co_op.world.has_workflow("high_risk", STEPS)
    return co_op


# -- import -------------------------------------------------------------------------------------------------------


def test_a_list_is_imported_and_counted(co_op: CoOp) -> None:
    Path("families.csv").write_text(LIST)
    assert co_op.run("family", "import", "families.csv") == (0, "", "2 families: 2 new, 0 changed, 0 unchanged.\n")
    again = co_op.run("family", "import", "families.csv")
    assert again == (0, "", "2 families: 0 new, 0 changed, 2 unchanged. No change.\n")


def test_a_bad_row_is_named_and_nothing_is_imported(school: CoOp) -> None:
    ran = school.run("family", "import", "-", input="family_id,family_name,phone\n8,Kim,12\n9,,\n")
    assert ran == (
        4,
        "",
        "coopflow: <stdin>:2: field 'phone': not a phone number: it is too short\n"
        "coopflow: <stdin>:3: field 'family_name': it is empty\n"
        "coopflow: Nothing was imported: mend these 2 lines and import again.\n",
    )
    assert school.world.store.looking.family_ids("") == ["42", "7"]


def test_a_dry_run_shows_what_would_change(school: CoOp) -> None:
    ran = school.run("family", "import", "-", "--dry-run", input=LIST.replace("106.7", "99") + "8,Kim,,,,,\n")
    assert ran.out == (
        "family_id\tfamily_name\tchange\tfields\n"
        '42\tMartinez\twould be changed\t["monthly_fee"]\n'
        '8\tKim\twould be new\t["family_name"]\n'
    )
    assert ran.err == "3 families: 1 would be new, 1 would be changed, 1 unchanged. Nothing was changed.\n"
    assert school.world.store.looking.family_ids("8") == []


def test_an_import_ends_what_has_no_reason_to_go_on(school: CoOp) -> None:
    school.world.start("high_risk", family="42")
    ran = school.run("family", "import", "-", input='{"family_id": 42, "status": "withdrawn"}\n')
    assert ran.err.splitlines() == [
        "1 family: 0 new, 1 changed, 0 unchanged.",
        "high_risk (instance 1) is cancelled: the family's status is withdrawn.",
    ]


def test_a_status_without_a_meaning_is_pointed_out(school: CoOp) -> None:
    ran = school.run("family", "import", "-", input='{"family_id": 42, "status": "moved_away"}\n')
    assert ran.err.splitlines()[1] == (
        "Families with the status moved_away are written to; what stops messages is:"
        " deceased, do_not_contact, inactive, withdrawn."
    )


def test_the_country_of_the_configuration_is_that_of_the_phones(school: CoOp) -> None:
    assert school.world.store.families(["42"])["42"].phone == "+12125550142"


# -- list and show ------------------------------------------------------------------------------------------------


def test_the_list_is_by_name_and_has_stable_keys(school: CoOp) -> None:
    school.world.start("high_risk", family="42")
    school.run("family", "optout", "42", "--channel", "sms")
    ran = school.run("family", "list", "--json")
    garcia, martinez = json.loads(ran.out)
    assert garcia["family_name"] == "Garcia"
    assert martinez == {
        "family_id": "42",
        "family_name": "Martinez",
        "email": "m@example.org",
        "phone": "+12125550142",
        "time_zone": "America/Chicago",
        "status": "enrolled",
        "language": None,
        "engagement_score": 75.0,
        "withdrawal_risk": None,
        "opted_out": "sms",
        "active_instances": 1,
    }


def test_the_list_can_be_of_one_status(school: CoOp) -> None:
    school.run("event", "family_withdrew", "--family", "7")
    ran = school.run("family", "list", "--status", "withdrawn")
    assert [row.split("\t")[0] for row in ran.out.splitlines()] == ["family_id", "7"]


def test_an_empty_list_says_how_to_fill_it(co_op: CoOp) -> None:
    ran = co_op.run("family", "list", "--format", "table")
    assert ran.out == "No families yet. Add them: coopflow family import families.csv\n"


def test_one_family_has_a_screen(school: CoOp) -> None:
    school.world.start("high_risk", family="42")
    school.run("family", "optout", "42", "--channel", "sms")
    ran = school.run("family", "show", "mart", "--format", "table")
    assert ran.out == (
        "42 (Martinez)\n"
        "\n"
        "Family: 42\n"
        "Name: Martinez\n"
        "Email: m@example.org\n"
        "Phone: +12125550142\n"
        "Time zone: America/Chicago\n"
        "Status: enrolled\n"
        "Language: -\n"
        "Engagement: 75\n"
        "Risk: -\n"
        "monthly_fee: 106.7\n"
        "May get emails: yes (nothing else is on record)\n"
        "May get texts: no, since Fri 20 Mar 09:00 (just now), by hand (sarah)\n"
        "\n"
        "Under way\n"
        "\n"
        "Instance  Workflow   Status   Step   Since                        Next\n"
        "---------------------------------------------------------------------------------------------\n"
        "       1  high_risk  pending  hello  Fri 20 Mar 09:00 (just now)  Fri 20 Mar 09:00 (just now)\n"
    )


def test_a_family_without_anything_under_way_points_to_why(school: CoOp) -> None:
    ran = school.run("family", "show", "7", "--format", "table")
    assert ran.out.endswith("\nNothing is under way. Why: coopflow why 7\n")


def test_one_family_is_one_document(school: CoOp) -> None:
    school.world.start("high_risk", family="42")
    document = json.loads(school.run("family", "show", "42", "--json").out)
    assert document["attributes"] == {"monthly_fee": 106.7}
    assert document["consent"] == {}
    assert document["instances"] == [
        {
            "instance_id": 1,
            "workflow": "high_risk",
            "status": "pending",
            "current_step": "hello",
            "trigger_date": "2026-03-20T13:00:00Z",
            "next_execution_at": "2026-03-20T13:00:00Z",
        }
    ]


def test_a_name_that_may_be_several_families_lists_them(school: CoOp) -> None:
    school.world.has_family("8", family_name="Martin")
    school.world.has_family("9", family_name="Garcia")
    assert school.run("family", "show", "Mart").err.splitlines() == [
        "coopflow: 'Mart' may be any of 2 families; name one by its id:",
        "coopflow:   42 (Martinez)",
        "coopflow:   8 (Martin)",
    ]
    assert school.run("family", "show", "Martin").code == 0
    assert school.run("family", "show", "garcia").code == 3
    assert school.run("family", "show", " ").err == (
        "coopflow: name a family: its id, or its name or the beginning of it\n"
    )
    assert school.run("family", "show", "Martinz").err == (
        "coopflow: there is no family 'Martinz' (did you mean 'Martinez'?); list them with: coopflow family list\n"
    )


def test_a_name_is_shown_as_it_is_written(school: CoOp) -> None:
    school.world.has_family("8", family_name="[red]=1+1\x1b[2J{{ 7*7 }}")
    ran = school.run("family", "show", "8", "--format", "table")
    assert r"Name: [red]=1+1\x1b[2J{{ 7*7 }}" in ran.out


# -- consent ------------------------------------------------------------------------------------------------------


def test_opting_out_says_how_to_undo_it(school: CoOp) -> None:
    ran = school.run("family", "optout", "Martinez", "--channel", "sms", "--reason", "asked on the phone")
    assert ran == (
        0,
        "",
        '42 (Martinez) gets no texts from now on. Undo: coopflow family optin 42 --channel sms --reason "…"\n',
    )
    ran = school.run("family", "optout", "42")
    assert ran.err == (
        '42 (Martinez) gets no emails from now on. Undo: coopflow family optin 42 --channel email --reason "…"\n'
    )
    assert school.run("family", "optout", "42").err == "42 (Martinez) gets no emails and no texts already. No change.\n"


def test_opting_out_of_mail_alone_leaves_what_is_transactional(school: CoOp) -> None:
    ran = school.run("family", "optout", "42", "--channel", "email", "--reason", "asked after church")
    assert ran.err == (
        "42 (Martinez) gets no emails from now on but those that a workflow calls transactional."
        ' Undo: coopflow family optin 42 --channel email --reason "…"\n'
    )
    screen = school.run("family", "show", "42", "--format", "table").out
    assert "May get emails: only transactional ones, since Fri 20 Mar 09:00 (just now), by hand (sarah)\n" in screen
    assert "asked after church" in screen
    document = json.loads(school.run("family", "show", "42", "--json").out)
    assert document["not_written_to"]["email"] == {
        "outreach": "family 42 has opted out of email",
        "transactional": None,
    }
    assert [(row["word"], row["covers"], row["address"], row["text"]) for row in document["consent_records"]] == [
        ("opted out", "outreach", "m@example.org", "asked after church")
    ]
    school.world.has_workflow("w", [{"id": "a", "type": "sms", "message": "Hi."}])
    school.world.start("w", family="42")
    status = school.run("status", "--family", "42", "--format", "table").out
    assert "  May get emails: only transactional ones, since Fri 20 Mar 09:00 (just now), by hand (sarah)\n" in status


def test_a_list_of_addresses_is_taken_in_and_the_family_shows_why(school: CoOp) -> None:
    rows = "address,at,reason\nm@example.org,2026-03-01,unsubscribed\n+12125550199,2026-03-02T10:00:00-05:00,STOP\n"
    would = school.run("family", "optout", "--from", "-", "--dry-run", input=rows)
    assert would.err == (
        "2 addresses: 2 would be new, 0 known already. Nothing was changed.\n1 family has one of the new ones: 42.\n"
    )
    assert school.run("family", "optout", "--from", "-", input=rows).err.startswith("2 addresses: 2 new, 0 known")
    assert school.run("family", "optout", "--from", "-", input=rows).err == "2 addresses: 0 new, 2 known already.\n"
    screen = school.run("family", "show", "42", "--format", "table").out.replace("\n", " ")
    assert "May get emails: no: said by somebody at this address, since Sun 1 Mar 00:00" in screen
    school.run("family", "optin", "42", "--channel", "email", "--reason", "signed")
    again = school.run("family", "optout", "--from", "-", input=rows)
    assert again.err == "2 addresses: 0 new, 1 known already, 1 older than an opt-in.\n"


def test_an_address_that_does_not_work_is_shown_as_such(school: CoOp) -> None:
    world = school.world
    with world.store.transaction():
        world.store.inbox.mark_bad("email", "m@example.org", "550 gone", now=world.now)
    screen = school.run("family", "show", "42", "--format", "table").out
    assert "m@example.org, which does not work: 550 gone" in screen


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name a family, as in: coopflow family optout 42; or a list of addresses with --from FILE"),
        (("42", "--from", "x.csv"), "name a family, or a list with --from; the list says of each address what it is"),
        (("42", "--dry-run"), "--dry-run goes with --from"),
    ],
)
def test_an_opt_out_is_of_a_family_or_of_a_list(school: CoOp, arguments: tuple[str, ...], words: str) -> None:
    ran = school.run("family", "optout", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"coopflow: {words}")


def test_opting_in_needs_a_reason(school: CoOp) -> None:
    school.run("family", "optout", "42")
    assert school.run("family", "optin", "42") == (
        2,
        "",
        'coopflow: say how the family agreed, as in --reason "signed the form of 3 March"\n',
    )
    ran = school.run("family", "optin", "42", "--reason", "signed the form")
    assert ran.err == (
        "42 (Martinez) may get emails and texts from now on. Undo: coopflow family optout 42 --channel all\n"
    )
    consent = school.world.store.families(["42"])["42"].consent
    assert {channel: record["allowed"] for channel, record in consent.items()} == {"email": True, "sms": True}


def test_what_is_planned_is_skipped_once_a_family_has_opted_out(school: CoOp) -> None:
    school.world.start("high_risk", family="42")
    school.run("family", "optout", "42")
    school.run("tick")
    assert school.world.mails() == []
    assert school.world.attempts(1) == [("hello", "skipped")]


# -- gentle -------------------------------------------------------------------------------------------------------


def test_a_family_is_left_in_peace_and_what_waits_is_planned_anew(school: CoOp) -> None:
    instance = school.world.start("high_risk", family="42")
    assert school.run("family", "gentle", "42", "--until", "2026-04-01", "--reason", "a death in the family") == (
        0,
        "",
        "42 (Martinez) is treated gently until Wed 1 Apr 00:00 (in 12 days): nothing reaches them before then."
        f" Planned anew: instance {instance}. Undo: coopflow family gentle 42 --off\n",
    )
    school.run("tick")
    assert school.world.mails() == []
    [entry] = school.world.case(instance).entries.values()
    assert (entry.reason or "").startswith("the family is treated gently until Tue 31 Mar 23:00")
    assert "Treated gently until" in school.run("family", "show", "42", "--format", "table").out
    assert json.loads(school.run("family", "show", "42", "--json").out)["gentle_until"] == "2026-04-01T04:00:00Z"


def test_the_mark_is_lifted_and_what_waited_goes(school: CoOp) -> None:
    instance = school.world.start("high_risk", family="42")
    school.run("family", "gentle", "42", "--for", "2 weeks")
    ran = school.run("family", "gentle", "42", "--off")
    assert ran.err == (
        f"42 (Martinez) is reached again. Planned anew: instance {instance}."
        " Undo: coopflow family gentle 42 --until '2026-04-03T13:00:00Z'\n"
    )
    school.run("tick")
    assert len(school.world.mails()) == 1


def test_a_mark_is_tried_out_with_a_dry_run(school: CoOp) -> None:
    ran = school.run("family", "gentle", "42", "--for", "2 weeks", "--dry-run")
    assert ran.err.endswith("Nothing was changed.\n")
    assert school.world.store.families(["42"])["42"].gentle_until is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "coopflow: say until when: either --until '2026-12-01 09:00' or --for '2 days'\n"),
        (("--until", "2020-01-01"), "coopflow: --until: that is not in the future: 2020-01-01\n"),
        (("--off", "--for", "2 days"), "coopflow: say until when, or --off, not both\n"),
    ],
)
def test_a_mark_needs_one_end(school: CoOp, options: tuple[str, ...], said: str) -> None:
    assert school.run("family", "gentle", "42", *options) == (2, "", said)


def test_to_lift_a_mark_that_is_not_there_changes_nothing(school: CoOp) -> None:
    assert school.run("family", "gentle", "42", "--off").err == "42 (Martinez) is not treated gently. No change.\n"
