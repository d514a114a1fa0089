"""What the configuration says of messages that leave and of alerts: good, and wrong with its sentence."""

from pathlib import Path

import pytest

from coopflow.app import open_app
from coopflow.config import load_config
from tests.test_config import HEAD, refused

LINES = {
    "deliver: redirect": ["3:10: deliver: redirect to whom? add for example redirect_to: {email: you@example.org}"],
    "redirect_to: {email: me}": [
        "3:22: redirect_to.email: 'me' is not an e-mail address; write for example office@example.org"
    ],
    "redirect_to: {sms: 5550100}": ["3:20: redirect_to.sms: expected text, found the number 5550100; put it in quotes"],
    "redirect_to: {sms: '555 0100'}": [
        "3:20: redirect_to.sms: '555 0100' is not a phone number with its country; write for example '+1 312 555 0100'"
    ],
    "allow: {domains: [me@example.org]}": [
        "3:19: allow.domains[0]: 'me@example.org' is not a domain; write for example example.org, or '*' for all"
    ],
    "allow: {numbers: ['001']}": [
        "3:19: allow.numbers[0]: '001' is not the beginning of phone numbers; write for example '+1', or '+' for all"
    ],
    "rest: 3 days": [
        "3:7: rest: '3 days' is not a rest; write minutes or hours, up to 1 day, as in '5 minutes'",
    ],
    "rest: 0 minutes": [
        "3:7: rest: '0 minutes' is not a rest; write minutes or hours, up to 1 day, as in '5 minutes'",
    ],
    "alerts: {ping_url: 'file:///etc/passwd'}": [
        "3:20: alerts.ping_url: expected an address such as https://hc.example.org/ping/1234, without a user or a"
        " password"
    ],
    "alerts: {ping_url: 'https://me:canary@hc.example.org/1'}": [
        "3:20: alerts.ping_url: expected an address such as https://hc.example.org/ping/1234, without a user or a"
        " password"
    ],
    "alerts: {ping_url: 'https://hc.example.org/1', ping_url_env: PING}": [
        "3:62: alerts.ping_url_env: give ping_url or ping_url_env, not both"
    ],
    "deliver: redirect\nredirect_to: {email: me@elsewhere.example}\nallow: {domains: [example.org]}": [
        "4:22: redirect_to.email: elsewhere.example is none of the domains under allow: domains: in coopflow.yaml"
    ],
}


@pytest.mark.parametrize(("line", "expected"), LINES.items())
def test_a_bad_value_is_told_with_its_place_and_what_was_expected(line: str, expected: list[str]) -> None:
    assert refused(f"{HEAD}{line}\n") == expected


def test_a_good_one_keeps_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "coopflow.yaml"
    path.write_text(
        HEAD + 'deliver: redirect\nredirect_to: {email: me@example.org, sms: "+1 212 555 0199"}\n'
        'allow: {domains: [Example.org], numbers: ["+1"]}\nrest: 5 minutes\n'
        "alerts: {ping_url_env: COOPFLOW_PING_URL, metrics_file: metrics/coopflow.prom}\n"
    )

    config = load_config(path)

    assert config.redirect_to == {"email": "me@example.org", "sms": "+12125550199"}
    assert config.allow == {"domains": ["example.org"], "numbers": ["+1"]}
    assert config.rest == "5 minutes"
    assert config.alerts == {
        "ping_url_env": "COOPFLOW_PING_URL",
        "metrics_file": str(tmp_path / "metrics" / "coopflow.prom"),
    }
    assert open_app(path).coop.rest.total_seconds() == 300


def test_the_allow_list_binds_families_only_when_they_are_really_written_to(tmp_path: Path) -> None:
    path = tmp_path / "coopflow.yaml"
    bound = {}
    for deliver in ("outbox", "live"):
        path.write_text(f"{HEAD}deliver: {deliver}\nallow: {{domains: [example.org]}}\n")
        bound[deliver] = open_app(path).coop.allowed is not None

    assert bound == {"outbox": False, "live": True}


def test_what_goes_where_is_part_of_what_somebody_agreed_to(tmp_path: Path) -> None:
    path = tmp_path / "coopflow.yaml"
    smtp = "channels: {email: {transport: smtp, host: HOST, from: office@example.org}}\n"
    ways = set()
    for text in (
        "deliver: live\n",
        "deliver: live\nallow: {domains: ['*']}\n",
        "deliver: live\n" + smtp.replace("HOST", "a.example.org"),
        "deliver: live\n" + smtp.replace("HOST", "b.example.org"),
        "deliver: live\nrest: 5 minutes\n",
    ):
        path.write_text(HEAD + text)
        ways.add(open_app(path).way_out)

    assert len(ways) == 4  # a rest changes nothing about whom messages go to


def test_an_allow_list_that_names_no_numbers_allows_none() -> None:
    from coopflow.core.allowed import allowed_by

    mails_only = allowed_by({"domains": ["example.org"], "numbers": []})
    everybody = allowed_by({"domains": ["*"], "numbers": ["+"]})

    assert mails_only.refusal("sms", "+12125550142") is not None
    assert mails_only.refusal("email", "a@EXAMPLE.org") is None
    assert mails_only.refusal("email", "a@evil-example.org") is not None
    assert mails_only.refusal("email", "a@sub.example.org") is not None
    assert everybody.refusal("sms", "+12125550142") is everybody.refusal("email", "a@b.example") is None
