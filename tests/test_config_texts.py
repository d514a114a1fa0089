"""How texts leave and which programs may run: what `coopflow.yaml` may say, and the channels that come of it."""

import json
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from coopflow.app import App, open_app
from coopflow.channels.base import Accepted, Message, Unavailable
from coopflow.channels.outbox import Outbox
from coopflow.config import load_config
from coopflow.config_schema import checked
from coopflow.problems import ProblemsFound
from coopflow.ways_out import calling_channels, sms_channel
from tests.channels.contract import yes
from tests.channels.test_twilio import SMS
from tests.servers.twilio import ACCOUNT, SENDER, TOKEN, twilio_server
from tests.servers.web import replies, web_server

HEAD = "organisation: Willow Creek\ntime_zone: America/Chicago\n"
TWILIO = f"transport: twilio, account: {ACCOUNT}, from: '{SENDER}', token_env: T"
HTTP = "transport: http, url: https://sms.example.org/send"


def refused(text: str) -> list[str]:
    with pytest.raises(ProblemsFound) as caught:
        checked(HEAD + text, path="coopflow.yaml")
    return [str(problem).removeprefix("coopflow.yaml:").split(": ", 1)[1] for problem in caught.value.problems]


SMS_LINES = {  # what stands under channels.sms → what is said
    "transport: pigeon": [
        "transport: expected 'outbox', 'twilio', 'http', 'command' or 'apprise', found the text 'pigeon'"
    ],
    f"transport: twilio, account: {ACCOUNT}, from: '{SENDER}'": [
        "the account needs its token: give token_env or token_file"
    ],
    f"{TWILIO}, token_file: t": ["token_file: give token_env or token_file, not both"],
    f"transport: twilio, account: AC12, from: '{SENDER}', token_env: T": [
        "account: expected the account's id: AC and 32 hexadecimal digits, as Twilio's console shows it"
    ],
    f"transport: twilio, account: {ACCOUNT}, from: 'Willow Creek Co-op', token_env: T": [
        "from: 'Willow Creek Co-op' is no sender: a number such as +15125550100, a messaging service (MG…), or a name"
        " of at most 11 letters and digits"
    ],
    f"{TWILIO}, base_url: http://api.example.org": [
        "base_url: http:// is for this machine only (127.0.0.1, localhost); write https://"
    ],
    f"{TWILIO}, token: abc": [
        "secrets have no place in this file; write 'token_env: NAME' and keep it in that environment variable, or"
        " 'token_file: PATH' and keep it in a file that only you can read"
    ],
    f"transport: twilio, account: {ACCOUNT}, from: '{SENDER}', token_env: s3cret-token": [
        "token_env: expected the name of an environment variable, as in SMTP_PASSWORD"
    ],
    "transport: http": ["missing key 'url'"],
    "transport: http, url: http://sms.example.org": [
        "url: http:// is for this machine only (127.0.0.1, localhost); write https://"
    ],
    f"{HTTP}, parameters: {{password: abc}}": [
        "parameters: secrets have no place in this file; write 'parameters_env: {password: NAME}' and keep it in that"
        " environment variable, or 'parameters_file: {password: PATH}' and keep it in a file that only you can read"
    ],
    f"{HTTP}, parameters: {{to: x}}": ["parameters.to: the parameter 'to' has a value already, by 'to'"],
    f"{HTTP}, parameters: {{pin: x}}, parameters_env: {{pin: PIN}}": [
        "parameters_env.pin: the parameter 'pin' has a value already, by 'parameters'"
    ],
    f"{HTTP}, parameters_env: {{password: s3cret}}": [
        "parameters_env.password: expected the name of an environment variable, as in SMTP_PASSWORD"
    ],
    f"{HTTP}, user: coop": ["user: a user goes with password_env or password_file, and they with a user"],
    f"{HTTP}, password_env: P": ["a user goes with password_env or password_file, and they with a user"],
    f"{HTTP}, method: GET, format: json": ["format: a GET carries its parameters in the address; json needs POST"],
    f"{HTTP}, id_json: a, id_pattern: (b)": ["id_pattern: give id_json or id_pattern, not both"],
    f"{HTTP}, id_pattern: b": ["id_pattern: 'b' needs exactly one group in ( ), which is the id"],
    f"{HTTP}, accepted_pattern: '('": [
        "accepted_pattern: '(' is not a pattern (regular expression): missing ), unterminated subpattern at position 0"
    ],
    f"{HTTP}, id_json: 'a b'": ["id_json: 'a b' is no place in JSON; write for example data.message_id, or data.0.id"],
    f"{HTTP}, timeout: 2 days": ["timeout: '2 days' is no such time; write seconds or minutes, up to 10 minutes"],
    f"{HTTP}, to: 'a b'": ["to: 'a b' is no name of a parameter: letters, digits, _ . and -, a letter first"],
    "transport: apprise": ["Apprise needs an address: give url_env or url_file"],
    "transport: apprise, url: 'json://x'": [
        "Apprise needs an address: give url_env or url_file",
        "unknown key 'url'. Did you mean 'url_env'?",
    ],
    "transport: command": ["missing key 'argv'"],
    "transport: command, argv: [gammu, '{to}']": [
        "argv[0]: 'gammu' is not an absolute path; write where the program is, as in /usr/bin/gammu"
    ],
    "transport: command, argv: [/usr/bin/gammu]": [
        "argv: one argument must be {to}, in quotes; the number takes its place"
    ],
    "transport: command, argv: /usr/bin/gammu": ["argv: expected a list, found the text '/usr/bin/gammu'"],
}


@pytest.mark.parametrize(("line", "expected"), SMS_LINES.items())
def test_what_is_wrong_with_the_way_of_texts_is_said(line: str, expected: list[str]) -> None:
    said = refused(f"channels: {{sms: {{{line}}}}}\n")
    assert [sentence.removeprefix("channels.sms.").removeprefix("channels.sms: ") for sentence in said] == expected
    assert "s3cret" not in str(said)


COMMANDS = {
    "sheet: {}": ["commands.sheet: missing key 'argv'"],
    "sheet: {argv: []}": ["commands.sheet.argv: expected at least 1 entry, found 0"],
    "sheet: {argv: [bin/sheet]}": [
        "commands.sheet.argv[0]: 'bin/sheet' is not an absolute path; write where the program is, as in"
        " /usr/bin/bin/sheet"
    ],
    'sheet: {argv: ["/bin/a\\nb"]}': ["commands.sheet.argv[0]: an argument is one line of at most 1000 characters"],
    "'a b': {argv: [/bin/true]}": None,
    "sheet: {argv: [/bin/true], environment: [path]}": [
        "commands.sheet.environment[0]: expected the name of an environment variable, as in SMTP_PASSWORD"
    ],
}


@pytest.mark.parametrize(("line", "expected"), COMMANDS.items())
def test_what_is_wrong_with_a_command_is_said(line: str, expected: list[str] | None) -> None:
    said = refused(f"commands: {{{line}}}\n")
    assert said == expected if expected else len(said) == 1


def test_what_is_wrong_with_the_secrets_of_the_web_is_said() -> None:
    line = "web_secrets: {'https://example.org': [N8N_TOKEN], n8n.example.org: [s3cret-token], a.example: TOKEN}\n"
    said = refused(line)
    places = [sentence.split(": ")[0] for sentence in said]
    assert places == ["web_secrets", "web_secrets.'n8n.example.org'[0]", "web_secrets.'a.example'"]
    assert "s3cret" not in str(said)
    good = checked(f"{HEAD}web_secrets: {{N8N.example.org: [N8N_TOKEN]}}\n", path="coopflow.yaml")
    assert good["web_secrets"] == {"n8n.example.org": ["N8N_TOKEN"]}


# -- the channels -------------------------------------------------------------------------------------------------


def config(folder: Path, text: str):  # type: ignore[no-untyped-def]
    (folder / "coopflow.yaml").write_text(HEAD + text)
    return load_config(folder / "coopflow.yaml")


def test_twilio_as_configured_with_its_token_in_a_file_beside(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o600)
    with twilio_server() as server:
        text = f"transport: twilio, account: {ACCOUNT}, from: '{SENDER}', token_file: token, base_url: '{server.url}'"
        channel = sms_channel(config(tmp_path, f"channels: {{sms: {{{text}}}}}\n"), {})
        assert isinstance(channel.deliver(SMS, yes), Accepted)
        (tmp_path / "token").chmod(0o644)
        fate = channel.deliver(SMS, yes)
    assert fate == Unavailable(
        f"others can read the file {tmp_path}/token; make it yours alone: chmod 600 {tmp_path}/token", True
    )


def test_a_gateway_as_configured(tmp_path: Path) -> None:
    (tmp_path / "pin").write_text("4711")
    (tmp_path / "pin").chmod(0o600)
    with web_server(replies(200, {"data": {"id": 7}})) as server:
        text = f"""
channels:
  sms:
    transport: http
    url: {server.url}/send
    to: number
    parameters: {{from: Willow}}
    parameters_env: {{password: GATEWAY_PASSWORD}}
    parameters_file: {{pin: pin}}
    headers_env: {{X-Token: GATEWAY_TOKEN}}
    user: coop
    password_env: GATEWAY_PASSWORD
    id_json: data.id
"""
        environ = {"GATEWAY_PASSWORD": "pass", "GATEWAY_TOKEN": "t0ken"}
        assert sms_channel(config(tmp_path, text), environ).deliver(SMS, yes) == Accepted("7")
    [request] = server.log
    expected = {"from": "Willow", "password": "pass", "pin": "4711", "number": SMS.to, "text": SMS.text}
    assert request.form == expected
    assert request.headers["x-token"] == "t0ken"
    assert request.headers["authorization"] == "Basic Y29vcDpwYXNz"


def test_apprise_as_configured(tmp_path: Path) -> None:
    channel = sms_channel(config(tmp_path, "channels: {sms: {transport: apprise, url_env: APPRISE_URL}}\n"), {})
    words = "the environment variable APPRISE_URL is not set; it must hold the password or token"
    assert channel.deliver(SMS, yes) == Unavailable(words, True)


def test_a_command_as_configured(tmp_path: Path) -> None:
    script = tmp_path / "send"
    script.write_text(f"#!{sys.executable}\nimport os, sys\nprint(sys.argv[1], sys.stdin.read(), os.environ['PIN'])\n")
    script.chmod(0o755)
    text = f"channels: {{sms: {{transport: command, argv: [{script}, '{{to}}'], environment: [PIN]}}}}\n"
    fate = sms_channel(config(tmp_path, text), {"PIN": "17"}).deliver(SMS, yes)
    assert fate == Accepted(f"{SMS.to} {SMS.text} 17")


def test_commands_of_steps_as_configured(tmp_path: Path) -> None:
    script = tmp_path / "sheet"
    script.write_text(f"#!{sys.executable}\nimport sys\nprint(sys.stdin.read())\n")
    script.chmod(0o755)
    text = f"commands: {{sheet: {{argv: [{script}], timeout: 20 seconds}}}}\n"
    channel = calling_channels(config(tmp_path, text), {})["command"]
    asked = json.dumps({"idempotent": False, "json": {"a": 1}})
    message = Message(channel="command", to="sheet", text=asked, key="k", message_id="<k@x>", at=SMS.at)
    assert channel.deliver(message, yes) == Accepted("exit 0", {"a": 1})
    gone = channel.deliver(replace(message, to="gone"), yes)
    assert getattr(gone, "reason", "") == "coopflow.yaml has no command 'gone' any more"


def test_while_deliver_is_outbox_nothing_but_files_comes_of_it(tmp_path: Path) -> None:
    (tmp_path / "coopflow.yaml").write_text(f"{HEAD}channels: {{sms: {{{TWILIO}}}}}\n")
    app = open_app(tmp_path / "coopflow.yaml")
    assert {name: type(channel) for name, channel in app.channels("ours").items()} == dict.fromkeys(
        ("email", "sms", "http", "command"), Outbox
    )
    live = App(replace(app.config, deliver="live"), app.database, app.config_signature)
    assert {name: channel.transport for name, channel in live.channels("ours").items() if name != "email"} == {
        "sms": "twilio",
        "http": "http",
        "command": "command",
    }
