"""A password that is easy to recognise is looked for in everything that coopflow writes, shows or leaves behind."""

import base64
import copy
import pickle
import traceback
from pathlib import Path

import pytest
from msgspec.structs import replace

from coopflow.app import App, open_app
from coopflow.channels.smtp_talk import Talk
from coopflow.leaving import go_live
from coopflow.secrets import Secret
from coopflow.tick import tick
from tests.channels.mail_server import PASSWORD, USER, Client, MailServer, mail_server, server_context
from tests.channels.smtp_scene import ca_file, channel, channel_to
from tests.folders import MARCH, a_folder, coopflow, starts

FORMS = (
    PASSWORD.encode(),
    PASSWORD.encode("latin-1"),
    base64.b64encode(PASSWORD.encode()),
    base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()),
    ascii(PASSWORD).strip("'").encode(),
)
SETTINGS = """\
channels:
  email:
    {{transport: smtp, host: localhost, port: {port}, security: starttls, from: office@example.org, ca_file: {ca_file},
     user: office, password_file: secret.txt, reply_to: answers@example.org}}
"""


def assert_unseen(found: object) -> None:
    content = found if isinstance(found, bytes) else str(found).encode("utf-8", "surrogateescape")
    assert [form for form in FORMS if form in content] == []


def live(folder: Path, server: MailServer) -> App:
    """A co-op with the password in a file, whose mails go to a server as if `deliver` said so."""
    app = a_folder(folder)
    starts(app, "welcome")
    secret = folder / "secret.txt"
    secret.touch(mode=0o600)
    secret.write_text(PASSWORD + "\n")
    file = folder / "coopflow.yaml"
    file.write_text(file.read_text() + SETTINGS.format(port=server.port, ca_file=ca_file()))
    found = open_app(file)
    return replace(found, config=replace(found.config, deliver="live"))


def repeats_everything(client: Client) -> None:
    """A server that is as indiscreet as it can be."""
    word = client.server.lines[-1].split()[-1]
    client.say(b"535-" + word + b"\r\n535 " + PASSWORD.encode() + b"\r\n")


def breaks(*_: object) -> None:
    raise ZeroDivisionError("in the middle of the login")


@pytest.mark.parametrize("ending", ["accepted", "refused", "fault"])
def test_the_password_is_found_nowhere(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script = {"AUTH": repeats_everything} if ending == "refused" else {}
    with mail_server(script, starttls=server_context(), login=True) as server:
        app = live(tmp_path, server)
        if ending == "fault":
            monkeypatch.setattr(Talk, "_without_secrets", breaks)
        with app.engine() as engine:
            go_live(engine.store, app.way_out, due=1, actor="sarah", now=MARCH)
            report = tick(engine, now=MARCH)
            shown_by_ps = Path("/proc/self/cmdline").read_bytes()
            for word in (report, repr(engine), vars(engine.post._channels["email"]), shown_by_ps):
                assert_unseen(word)
    assert (report.sent, len(server.taken)) == ((1, 1) if ending == "accepted" else (0, 0))
    commands = (["config", "show"], ["config", "show", "--json"], ["doctor"], ["status"], ["show", "1", "--messages"],
                ["audit", "export", "--format", "jsonl"])  # fmt: skip
    for command in commands if ending == "refused" else ():  # nothing else has a reason to show
        ran = coopflow(tmp_path, *command)
        assert ran.stdout
        assert_unseen(ran.stdout + ran.stderr)
    for path in [found for found in tmp_path.rglob("*") if found.is_file() and found.name != "secret.txt"]:
        assert_unseen(path.read_bytes())


def test_a_traceback_out_of_the_login_does_not_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Talk, "_without_secrets", breaks)
    with mail_server(login=True) as server, channel(server, login=True) as made:
        try:
            made._pool.lend()
        except ZeroDivisionError as fault:
            assert_unseen("".join(traceback.format_exception(fault)))
        else:
            raise AssertionError


def test_a_secret_shows_itself_to_whoever_asks_for_it_and_to_nobody_else() -> None:
    secret = Secret(PASSWORD)
    assert secret.reveal() == PASSWORD
    assert {str(secret), repr(secret), f"{secret}", f"{secret:>20}", f"{secret!r}", "%s" % secret} == {"***"}  # noqa: UP031
    assert_unseen(repr([secret, {"a": secret}]))
    assert_unseen(repr(channel_to(25, login=True)._pool._open_talk))
    for store in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="a secret is not to be stored"):
            store(secret)
