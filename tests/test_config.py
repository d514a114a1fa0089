"""`coopflow.yaml` is found, read and checked; whatever is wrong in it is told at once, each with its place."""

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from coopflow.config import Config, calendar, default_config_text, find_config, load_config
from coopflow.config_schema import checked, json_schema
from coopflow.core.timing import BUSINESS_HOURS, OpenHours, next_open
from coopflow.errors import ExitCode, Invalid, NotFound
from coopflow.problems import ProblemsFound

HEAD = "organisation: Willow Creek\ntime_zone: America/Chicago\n"  # what every configuration needs: lines 1 and 2

NOT_A_DAY = "is not a day or a range of days; write for example 2026-11-26 or 2026-12-21 to 2027-01-01"
WORD = "is not one word: small letters, digits and _, with a letter first"
QUOTES = "; put it in quotes"
DELIVER = "expected 'outbox', 'redirect' or 'live'"
ZONE = "write Area/City, as in 'America/Chicago', or 'UTC'"


def secret(key: str) -> str:
    """What is said about a secret under this key."""
    return (
        f"secrets have no place in this file; write '{key}_env: NAME' and keep it in that environment variable, "
        f"or '{key}_file: PATH' and keep it in a file that only you can read"
    )


def refused(text: str) -> list[str]:
    """Every problem of a configuration, without the file's name."""
    with pytest.raises(ProblemsFound) as caught:
        checked(text, path="coopflow.yaml")
    return [str(problem).removeprefix("coopflow.yaml:") for problem in caught.value.problems]


@pytest.fixture
def load(tmp_path):
    def load(more: str = "") -> Config:
        (tmp_path / "coopflow.yaml").write_text(HEAD + more, encoding="utf-8")
        return load_config(tmp_path / "coopflow.yaml")

    return load


WHOLE = {
    "": ["1:1: the file is empty"],
    "- a\n": ["1:1: expected a group of keys, found a list"],
    "hello\n": ["1:1: expected a group of keys, found the text 'hello'"],
    "country: US\n": ["1:1: missing key 'organisation'", "1:1: missing key 'time_zone'"],
    "organisation: 5\ntime_zone: 6\n": [
        f"1:15: organisation: expected text, found the number 5{QUOTES}",
        f"2:12: time_zone: expected text, found the number 6{QUOTES}",
    ],
    "organisation: ''\ntime_zone: UTC\n": ["1:15: organisation: the text is empty"],
    "organisation: |\n  a\n  b\ntime_zone: UTC\n": ["1:15: organisation: expected one line of at most 200 characters"],
    "organisation: X\ntime_zone: EST\n": [
        f"2:12: time_zone: 'EST' is not a time zone (did you mean 'America/New_York'?); {ZONE}"
    ],
}

LINES = {  # what follows on line 3
    # keys
    "tme_zone: x": ["3:1: unknown key 'tme_zone'. Did you mean 'time_zone'?"],
    "time_zone: UTC": ["3:1: the key 'time_zone' is given twice, in lines 2 and 3"],
    # place and days
    "country: us": ["3:10: country: 'us' is not a country; write its two letters, as in 'US'. Did you mean 'US'?"],
    "country: USA": ["3:10: country: 'USA' is not a country; write its two letters, as in 'US'"],
    "subdivision: IL": ["3:14: subdivision: a subdivision needs its country; add the key 'country'"],
    "country: US\nsubdivision: US-IL": [
        "4:14: subdivision: 'US-IL' is not a subdivision; write its code without the country, as in 'IL'. "
        "Did you mean 'IL'?"
    ],
    "closed_days: 2026-12-24": ["3:14: closed_days: expected a list, found the text '2026-12-24'"],
    "closed_days: [2026-02-30]": ["3:15: closed_days[0]: '2026-02-30' is not a day of the calendar"],
    "closed_days: [24.12.2026]": [f"3:15: closed_days[0]: '24.12.2026' {NOT_A_DAY}"],
    "closed_days: [2026]": [f"3:15: closed_days[0]: expected text, found the number 2026{QUOTES}"],
    "closed_days: [2027-01-02 to 2026-12-24]": [
        "3:15: closed_days[0]: '2027-01-02 to 2026-12-24' ends before it begins"
    ],
    "closed_days: [2026-01-01 to 2027-12-31]": [
        "3:15: closed_days[0]: '2026-01-01 to 2027-12-31' is longer than a year"
    ],
    "closed_days:\n  - 2026-12-24\n  - soon\n  - 2026-12-24": [
        f"5:5: closed_days[1]: 'soon' {NOT_A_DAY}",
        "6:5: closed_days[2]: '2026-12-24' is listed twice",
    ],
    # windows
    "windows: {w: mon-fri}": ["3:14: windows.w: expected a group of keys, found the text 'mon-fri'"],
    "windows: {w: {days: mon, hours: 540}}": [
        '3:33: windows.w.hours: 540 is not text; write for example "08:00-18:00", in quotes'
    ],
    "windows: {w: {days: mon, hours: 9:00}}": [
        """3:33: windows.w.hours: '9:00' is not a range; write for example "08:00-18:00\""""
    ],
    "windows: {w: {days: mon, hours: 25:00-26:00}}": [
        """3:33: windows.w.hours: '25:00' is not a time of day; write for example "09:00\""""
    ],
    "windows: {w: {days: mon-fry, hours: 08:00-18:00}}": [
        "3:21: windows.w.days: 'fry' is not a day (did you mean 'friday'?)"
    ],
    "windows: {w: {days: , hours: 08:00-18:00}}": ["3:21: windows.w.days: days is empty, so it would never open"],
    "windows: {w: {days: mon, hours: 08:00-18:00, resume_at: 9am}}": [
        """3:57: windows.w.resume_at: '9am' is not a time of day; write for example "09:00\""""
    ],
    "windows: {w: {days: mon, hours: 08:00-18:00, resume_at: 19:00}}": [
        "3:57: windows.w.resume_at: 19:00 is outside the hours"
    ],
    "windows: {w: {day: mon, hours: 08:00-18:00}}": [
        "3:14: windows.w: missing key 'days'",
        "3:15: windows.w: unknown key 'day'. Did you mean 'days'?",
    ],
    "windows: {text_hours: {days: mon, hours: 08:00-23:00}}": [
        "3:23: windows.text_hours: window 'text_hours': 21:00-23:00 on mon is outside 08:00-21:00; "
        "it can be made narrower, not wider"
    ],
    "windows: {always: {days: mon, hours: 08:00-23:00}}": [
        "3:11: windows: the window 'always' is fixed; give yours another name"
    ],
    "windows: {evening: {days: mon, hours: 17:00-20:00}}\n"
    "closed_days: [2026-01-01 to 2026-12-31, 2027-01-01 to 2027-12-31]": [
        "3:20: windows.evening: there is no opening of evening within 366 days of Mon 5 Jan 2026 that is not "
        "on a closed day"
    ],
    "limits: {per_family: 3}": ["3:22: limits.per_family: expected a group of keys, found the number 3"],
    "limits: {per_family: {max: 0, per: 7 days}}": [
        "3:28: limits.per_family.max: expected a number of at least 1, found the number 0"
    ],
    "limits: {per_family: {max: 3, per: a week or so}}": [
        "3:36: limits.per_family.per: 'a week or so' is not a duration; write for example '3 days', '36 "
        "hours', '2 business days', '1 month' or 'P3D'"
    ],
    "limits: {per_family: {max: 3, per: 2 business days}}": [
        "3:36: limits.per_family.per: '2 business days' is not a period; write hours, days or months, as in '7 days'"
    ],
    "limits: {per_channel: {fax: {max: 1, per: 1 day}}}": [
        "3:24: limits.per_channel: unknown key 'fax'. Known here: email, sms"
    ],
    "preferred: {email: {days: tue-thu}}": ["3:20: preferred.email: missing key 'hours'"],
    "preferred: {email: {hours: 09:00-11:00, patience: some}}": [
        "3:51: preferred.email.patience: 'some' is not a duration; write for example '3 days', '36 hours', "
        "'2 business days', '1 month' or 'P3D'"
    ],
    "spread: 2 days": [
        "3:9: spread: '2 days' is not a spread; write minutes or hours, up to 8 hours, as in '45 minutes'"
    ],
    "coordinators: {jo: {window: evenings}}": ["3:29: coordinators.jo.window: there is no window 'evenings'"],
    "coordinators: {jo: {time_zone: Chicago}}": [
        "3:32: coordinators.jo.time_zone: 'Chicago' is not a time zone (did you mean 'America/Chicago'?); "
        "write Area/City, as in 'America/Chicago', or 'UTC'"
    ],
    "windows: {Late Hours: {days: mon, hours: 08:00-18:00}}": [f"3:11: windows: 'Late Hours' {WORD}"],
    # people
    "coordinators: [maria]": ["3:15: coordinators: expected a group of keys, found a list"],
    "coordinators: {maria: }": ["3:23: coordinators.maria: expected a group of keys, found nothing"],
    "coordinators: {maria: {email: maria}}": [
        "3:31: coordinators.maria.email: 'maria' is not an e-mail address; write for example office@example.org"
    ],
    "coordinators: {maria: {phone: 3125550100}}": [
        f"3:31: coordinators.maria.phone: expected text, found the number 3125550100{QUOTES}"
    ],
    "coordinators: {maria: {mail: a@b.org}}": ["3:24: coordinators.maria: unknown key 'mail'. Did you mean 'email'?"],
    # how messages leave
    "deliver: Outbox": [f"3:10: deliver: {DELIVER}, found the text 'Outbox'. Did you mean 'outbox'?"],
    "channels: ": ["3:10: channels: expected a group of keys, found nothing"],
    "channels: {emial: {transport: outbox}}": ["3:12: channels: unknown key 'emial'. Did you mean 'email'?"],
    "channels: {email: {path: x}}": ["3:19: channels.email: missing key 'transport'"],
    "channels: {email: outbox}": ["3:19: channels.email: expected a group of keys, found the text 'outbox'"],
    "channels: {email: {transport: smpt}}": [
        "3:31: channels.email.transport: expected 'outbox' or 'smtp', found the text 'smpt'. Did you mean 'smtp'?"
    ],
    "channels: {sms: {transport: twilio}}": [
        "3:17: channels.sms: missing key 'account'",
        "3:17: channels.sms: missing key 'from'",
        "3:17: channels.sms: the account needs its token: give token_env or token_file",
    ],
    "channels: {email: {transport: smtp, port: 2.5}}": [
        "3:19: channels.email: missing key 'from'",
        "3:19: channels.email: missing key 'host'",
        "3:43: channels.email.port: expected a whole number, found the number 2.5",
    ],
    "channels: {email: {transport: smtp, host: a@b.org, from: a@b.org, port: 70000}}": [
        "3:43: channels.email.host: 'a@b.org' is an e-mail address; write the server's name, as in smtp.example.org",
        "3:73: channels.email.port: expected a number of at most 65535, found the number 70000",
    ],
    "channels: {email: {transport: smtp, host: 'b.org:25', from: a@b.org, port: 0}}": [
        "3:43: channels.email.host: 'b.org:25' has a port in it; write the port as a key of its own, port: 25",
        "3:76: channels.email.port: expected a number of at least 1, found the number 0",
    ],
    "channels: {email: {transport: smtp, host: b.org, from: a@b.org, password_env: X, password_file: y}}": [
        "3:97: channels.email.password_file: give password_env or password_file, not both"
    ],
    "channels: {email: {transport: smtp, host: b.org, from: a@b.org, password_env: X}}": [
        "3:79: channels.email.password_env: a password needs its user; add the key 'user'"
    ],
    "channels: {email: {transport: smtp, host: b.org, from: a@b.org, user: a}}": [
        "3:71: channels.email.user: a user needs a password; add the key password_env or password_file"
    ],
    "channels: {email: {transport: smtp, host: b.org, from: a@b.org, security: none}}": [
        "3:75: channels.email.security: 'none' is possible only for a mail server on this machine (localhost); "
        "write starttls or tls"
    ],
    "channels: {email: {transport: smtp, host: b.org, from: a@b.org, timeout: 2 days}}": [
        "3:74: channels.email.timeout: '2 days' is not a time-out; write seconds or minutes, up to 5 minutes, "
        "as in '30 seconds'"
    ],
    "channels: {email: {transport: smtp, host: b.org, from: a@b.org, reply_to: answers}}": [
        "3:75: channels.email.reply_to: 'answers' is not an e-mail address; write for example office@example.org"
    ],
    f"channels: {{email: {{transport: smtp, host: b.org, from: a@b.org, reply_to: {'a' * 41}@b.org}}}}": [
        "3:75: channels.email.reply_to: the part before the @ has at most 40 characters, as a mark is added to it"
    ],
    "channels: {email: {transport: smtp, host: b.org, from: a@b.org, unsubscribe: ['http://b.org']}}": [
        "3:79: channels.email.unsubscribe[0]: the link to unsubscribe is not one https: or mailto: address "
        "of at most 900 characters"
    ],
    f"channels: {{email: {{transport: smtp, host: b.org, from: a@b.org, unsubscribe: [https://b.org/{'a' * 400}]}}}}": [
        "3:79: channels.email.unsubscribe[0]: a link to unsubscribe has at most 400 characters"
    ],
    # the rest
    "max_concurrent: 0": ["3:17: max_concurrent: expected a number of at least 1, found the number 0"],
    "max_concurrent: 101": ["3:17: max_concurrent: expected a number of at most 100, found the number 101"],
    "max_concurrent: '10'": [
        "3:17: max_concurrent: expected a whole number, found the text '10'; write it without quotes"
    ],
    "max_concurrent: true": ["3:17: max_concurrent: expected a whole number, found true"],
    "events: [Reply]": [f"3:10: events[0]: 'Reply' {WORD}"],
    "events: [paid, paid]": ["3:16: events[1]: 'paid' is listed twice"],
    "events: {paid: 1}": ["3:9: events: expected a list, found a group of keys"],
    "attributes: [1a]": ["3:14: attributes[0]: '1a' is not one word: letters, digits and _, with a letter first"],
    "limits: 5": ["3:9: limits: expected a group of keys, found the number 5"],
    "workflows: [a]": ["3:12: workflows: expected text, found a list"],
    "postal_address: 5": [f"3:17: postal_address: expected text, found the number 5{QUOTES}"],
    "database: ''": ["3:11: database: the text is empty"],
    "database: postgresql://h/db": [
        "3:11: database: this version keeps its data in SQLite only; write a path, as in coopflow.db"
    ],
    "database: sqlite://": [
        "3:11: database: this version keeps its data in SQLite only; write a path, as in coopflow.db"
    ],
    # secrets
    "password: hunter2": [f"3:1: {secret('password')}"],
    "api_key: hunter2": [f"3:1: {secret('api_key')}"],
    "coordinators: {maria: {token: hunter2}}": [f"3:24: coordinators.maria: {secret('token')}"],
    "channels: {sms: {transport: outbox, auth_token: hunter2}}": [f"3:37: channels.sms: {secret('auth_token')}"],
    "limits: {deep: [{client_secret: hunter2}]}": [
        "3:10: limits: unknown key 'deep'. Known here: per_family, per_channel, per_address",
        f"3:18: limits.deep[0]: {secret('client_secret')}",
    ],
}


@pytest.mark.parametrize(("text", "expected"), WHOLE.items())
def test_a_configuration_needs_its_organisation_and_time_zone(text, expected):
    assert refused(text) == expected


@pytest.mark.parametrize(("line", "expected"), LINES.items())
def test_a_bad_value_is_told_with_its_place_and_what_was_expected(line, expected):
    assert refused(f"{HEAD}{line}\n") == expected


@pytest.mark.parametrize("key", ["zzz", "on"])
def test_a_key_that_is_like_no_other_is_told_with_all_that_there_are(key):
    [told] = refused(f"{HEAD}{key}: 1\n")
    assert told.startswith(f"3:1: unknown key '{key}'. Known here: organisation, ")
    assert "time_zone" in told


@pytest.mark.parametrize(
    "line",
    [
        "password: hunter2",
        "channels: {email: {transport: smtp, host: b.org, from: a@b.org, password: hunter2}}",
        "channels: {email: {transport: smtp, host: b.org, from: a@b.org, password_env: hunter2}}",
        "database: postgresql://me:hunter2@h/db",
        "limits: {secret: {deep: hunter2}}",
    ],
)
def test_a_secret_is_refused_and_never_repeated(line):
    assert "hunter2" not in "".join(refused(f"{HEAD}{line}\n"))


def test_all_problems_of_the_file_are_told_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("coopflow.yaml").write_text(HEAD + "tme_zone: 1\nmax_concurrent: 0\n", encoding="utf-8")

    with pytest.raises(ProblemsFound) as caught:
        load_config(Path("coopflow.yaml"))

    assert str(caught.value) == (
        "coopflow.yaml:3:1: unknown key 'tme_zone'. Did you mean 'time_zone'?\n"
        "coopflow.yaml:4:17: max_concurrent: expected a number of at least 1, found the number 0\n"
        "2 errors in 1 file."
    )
    assert caught.value.exit_code is ExitCode.INVALID


def test_two_lines_are_enough_and_the_rest_has_defaults(load, tmp_path):
    assert load() == Config(
        path=tmp_path / "coopflow.yaml",
        organisation="Willow Creek",
        postal_address="",
        database=str(tmp_path / "coopflow.db"),
        workflows=tmp_path / "workflows.d",
        outbox=tmp_path / "outbox",
        time_zone="America/Chicago",
        country=None,
        subdivision=None,
        closed_days=frozenset(),
        windows={},
        preferred={},
        spread=None,
        limits={"per_channel": {}},
        coordinators={},
        channels={"email": {"transport": "outbox", "path": "outbox"}, "sms": {"transport": "outbox"}},
        deliver="outbox",
        redirect_to={},
        allow=None,
        rest=None,
        alerts={},
        events=(),
        attributes=(),
        commands={},
        web_secrets={},
        max_concurrent=10,
        inbox=(),
    )


FULL = """\
country: NO
subdivision: "03"
closed_days: [2026-05-17, 2026-12-30 to 2027-01-01]
windows: {evening: {days: [mon, wed], hours: 17:00-20:00}}
coordinators: {maria: {email: maria@example.org, phone: +1 312 555 0100}, jo: {}}
channels: {email: {transport: smtp, host: mx.example.org, from: a@b.org, user: a, password_env: PASSWORD, path: post}}
limits: {per_family: {max: 3, per: 1 week}, per_channel: {sms: {max: 1, per: 1 day}}}
preferred: {email: {days: tue-thu, hours: 09:00-11:00}}
spread: 45 minutes
events: [field_trip_paid]
attributes: [grade, T-shirt]
max_concurrent: 3
"""


def test_what_the_file_says_is_kept(load):
    config = load(FULL.replace("T-shirt", "shirt_size"))

    assert (config.country, config.subdivision) == ("NO", "03")
    assert sorted(config.closed_days) == [
        date(2026, 5, 17),
        date(2026, 12, 30),
        date(2026, 12, 31),
        date(2027, 1, 1),
    ]
    assert config.windows == {"evening": {"days": ["mon", "wed"], "hours": "17:00-20:00"}}
    assert list(config.coordinators.items()) == [
        ("maria", {"email": "maria@example.org", "phone": "+1 312 555 0100"}),
        ("jo", {}),
    ]
    assert config.channels["email"]["from"] == "a@b.org"
    assert config.channels["email"]["port"] == 587
    assert config.limits == {
        "per_family": {"max": 3, "per": "7 days"},
        "per_channel": {"sms": {"max": 1, "per": "1 day"}},
    }
    assert config.preferred == {"email": {"days": "tue-thu", "hours": "09:00-11:00", "patience": "2 days"}}
    assert config.spread == "45 minutes"
    assert (config.events, config.attributes) == (("field_trip_paid",), ("grade", "shirt_size"))
    assert config.max_concurrent == 3


@pytest.mark.parametrize("more", ["", FULL.replace("T-shirt", "shirt_size")], ids=["short", "full"])
def test_it_survives_being_kept_as_json(load, more):
    config = load(more)

    assert Config.from_data(json.loads(json.dumps(config.to_data()))) == config


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "'::1'"])
def test_a_mail_server_on_this_machine_needs_no_encryption(load, host):
    config = load(f"channels: {{email: {{transport: smtp, host: {host}, from: a@b.org, security: none}}}}\n")

    assert config.channels["email"]["security"] == "none"


def test_relative_paths_are_relative_to_the_file(load, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    config = load("database: data/co.db\nworkflows: ../w\nchannels: {email: {transport: outbox, path: post}}\n")

    assert config.database == str(tmp_path / "data/co.db")
    assert config.workflows == tmp_path / "../w"
    assert config.outbox == tmp_path / "post"


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("/srv/co.db", "/srv/co.db"),
        ("sqlite:////srv/co.db", "/srv/co.db"),
        ("sqlite:///co.db", "{here}/co.db"),
        ("~/co.db", "{home}/co.db"),
        ("~nobody-at-all/co.db", "{here}/~nobody-at-all/co.db"),
    ],
)
def test_a_database_is_a_path_or_its_url(load, tmp_path, monkeypatch, written, path):
    monkeypatch.setenv("HOME", "/home/maria")

    assert load(f"database: {written}\n").database == path.format(here=tmp_path, home="/home/maria")


def test_the_calendar_has_the_usual_windows_and_the_co_ops_own(load):
    rules = calendar(load(FULL.replace("T-shirt", "shirt_size")))

    assert set(rules.windows) == {"business_hours", "text_hours", "always", "evening"}
    assert rules.window("business_hours") == BUSINESS_HOURS
    assert rules.tz.key == "America/Chicago"
    assert date(2026, 12, 31) in rules.closed_days


def test_own_business_hours_replace_the_usual_ones(load):
    rules = calendar(load('windows: {business_hours: {days: sat, hours: "10:00-12:00"}}\n'))
    friday = datetime(2026, 3, 6, 18, tzinfo=UTC)

    opens = next_open(friday, [OpenHours((rules.window("business_hours"),), rules.tz, rules.closed_days)])

    assert opens.at == datetime(2026, 3, 7, 16, tzinfo=UTC)  # Saturday 10:00 in Chicago


def test_the_file_that_init_writes_is_valid_and_short(tmp_path):
    text = default_config_text()
    (tmp_path / "coopflow.yaml").write_text(text, encoding="utf-8")

    config = load_config(tmp_path / "coopflow.yaml")

    assert config.organisation == "Willow Creek Homeschool Co-op"
    assert calendar(config).window("business_hours") == BUSINESS_HOURS
    assert len(text.splitlines()) <= 60
    assert max(map(len, text.splitlines())) <= 120


def test_the_lines_that_init_leaves_commented_out_are_valid_too():
    text = default_config_text()
    for line in ("# closed_days:", "#   - 2026-11-26", "#   - 2026-12-21 to 2027-01-01", "# subdivision: IL"):
        assert line in text
        text = text.replace(line, line.removeprefix("#").removeprefix(" "))

    data = checked(text, path="coopflow.yaml")

    assert data["subdivision"] == "IL"
    assert len(data["closed_days"]) == 13


def test_the_file_named_on_the_command_line_comes_before_the_environment_and_the_directory(tmp_path):
    for name in ("coopflow.yaml", "env.yaml", "given.yaml"):
        (tmp_path / name).write_text(HEAD, encoding="utf-8")
    environ = {"COOPFLOW_CONFIG": "env.yaml"}

    assert find_config(Path("given.yaml"), environ, tmp_path) == tmp_path / "given.yaml"
    assert find_config(None, environ, tmp_path) == tmp_path / "env.yaml"
    assert find_config(None, {}, tmp_path) == tmp_path / "coopflow.yaml"
    assert find_config(None, {"COOPFLOW_CONFIG": ""}, tmp_path) == tmp_path / "coopflow.yaml"
    assert find_config(tmp_path / "env.yaml", {}, Path("/")) == tmp_path / "env.yaml"


REMEDY = "run `coopflow init` to make one, or name yours with --config"


def test_a_missing_file_is_told_with_the_way_to_make_one(tmp_path):
    with pytest.raises(NotFound) as here:
        find_config(None, {}, tmp_path)
    with pytest.raises(NotFound) as named:
        find_config(Path("x/y.yaml"), {}, tmp_path)

    assert str(here.value) == f"there is no coopflow.yaml in {tmp_path}; {REMEDY}"
    assert str(named.value) == f"there is no configuration file x/y.yaml; {REMEDY}"


def test_a_directory_or_a_pipe_is_no_configuration_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(NotFound) as directory:
        find_config(tmp_path, {}, Path("/"))
    with pytest.raises(NotFound) as pipe:
        find_config(tmp_path / "pipe", {}, Path("/"))

    assert str(directory.value) == f"{tmp_path} is a directory; name the file in it, as in {tmp_path}/coopflow.yaml"
    assert str(pipe.value) == f"{tmp_path}/pipe is not a regular file; the configuration must be one"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_told_as_such(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("coopflow.yaml").write_text(HEAD, encoding="utf-8")
    Path("coopflow.yaml").chmod(0)

    with pytest.raises(Invalid, match=r"^coopflow\.yaml cannot be read: permission denied$"):
        load_config(Path("coopflow.yaml"))


def test_what_cannot_be_read_is_told_as_such(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("coopflow.yaml").symlink_to("coopflow.yaml")

    with pytest.raises(Invalid) as found:
        find_config(None, {}, tmp_path)
    with pytest.raises(Invalid) as read:
        load_config(Path("coopflow.yaml"))

    sentence = "coopflow.yaml cannot be read: too many levels of symbolic links"
    assert (str(found.value), str(read.value)) == (sentence, sentence)


def test_the_configuration_from_the_cache_needs_neither_yaml_nor_pydantic(load):
    data = json.dumps(load(FULL.replace("T-shirt", "shirt_size")).to_data())
    program = (
        "import json, sys; from coopflow.config import Config, calendar;"
        "calendar(Config.from_data(json.load(sys.stdin)));"
        "print(sorted({'yaml', 'pydantic'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_editors_get_a_schema_with_a_word_on_every_choice():
    schema = json_schema()

    assert schema["additionalProperties"] is False
    assert schema["required"] == ["organisation", "time_zone"]
    assert schema["properties"]["deliver"]["enum"] == ["outbox", "redirect", "live"]
    assert set(schema["properties"]) >= {"database", "workflows", "closed_days", "windows", "limits", "coordinators"}
    assert json.loads(json.dumps(schema)) == schema
