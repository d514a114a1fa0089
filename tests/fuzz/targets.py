"""What reads what others have written: one target for each door, each with inputs and words to begin from."""

import json
import socket
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from coopflow.channels import addresses
from coopflow.channels.http_gateway import Gateway, HttpGateway
from coopflow.channels.integrations import HttpCalls
from coopflow.channels.smtp_talk import Broken, Talk
from coopflow.channels.smtp_transaction import Mail, transaction
from coopflow.channels.twilio import Twilio, TwilioAccount
from coopflow.channels.web import Answer, Request, Web
from coopflow.core import date_rules, instants, recurrence, reply_tag, stop_words, web_addresses, windows
from coopflow.core.durations import Duration
from coopflow.core.model import Message
from coopflow.inbox.callbacks import read_callback
from coopflow.inbox.mail import read_mail
from coopflow.secrets import Secret
from coopflow.strict_yaml import read_yaml
from coopflow.texts.conditions import parse_condition
from coopflow.texts.errors import MessageError, RenderError
from coopflow.texts.messages import check_message, parse_message, render_email, render_text, render_value
from tests.corpus import reading, subjects
from tests.fuzz.guard import LONGEST, NotOurs, is_ours
from tests.inbox import mails
from tests.workflows import corpus as workflow_corpus

AT = datetime(2026, 3, 20, 13, tzinfo=UTC)
CHICAGO = ZoneInfo("America/Chicago")
FAMILY = {"family_id": "42", "family_name": "Martinez", "email": "a@example.org", "phone": None, "n": 5, "since": AT}
EXAMPLES = Path(__file__).parents[2] / "examples"
WORKFLOWS = Path(__file__).parents[2] / "workflows.d"


@dataclass(frozen=True)
class Target:
    """One door."""

    name: str
    work: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    words: tuple[str, ...] = ()
    corpus: str | None = None  # the kind of file in `tests/corpus/bad` that a finding belongs into
    longest: float = LONGEST  # seconds of the processor

    @property
    def dictionary(self) -> list[bytes]:
        """The words as they are put into an input."""
        return [word.encode("utf-8", "surrogatepass") for word in self.words]


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _corpus(subject: str) -> Callable[[], list[bytes]]:
    return lambda: [case.content for found in reading.everything() if found.subject == subject for case in found.cases]


# -- files -----------------------------------------------------------------------------------------------------------


def _yaml(content: bytes) -> None:
    read_yaml(content, path="w.yaml")


def _workflow(content: bytes) -> None:
    subjects.workflow(_text(content).encode())


def _workflows() -> list[bytes]:
    files = sorted(Path(workflow_corpus.__file__).parent.glob("bad/*.txt"))
    cases = [case.text.encode() for path in files for case in workflow_corpus.corpus(path)]
    return [path.read_bytes()[:4000] for path in sorted(WORKFLOWS.glob("*.yaml"))] + cases


def _condition(content: bytes) -> None:
    text = _text(content)
    with suppress(ValueError):
        parse_condition(text)
    subjects.condition(content.decode("utf-8", "ignore").encode())


def _message(content: bytes) -> None:
    source = _text(content)
    allowed, internal = {"family_name", "n"}, {"withdrawal_risk"}
    check_message(source, allowed, internal)
    for read in (lambda: parse_message(source, name="m"), lambda: render_email(source, FAMILY, footer="Willow Creek")):
        _own(read)
    _own(lambda: render_text(source, FAMILY))
    _own(lambda: render_value(source, FAMILY))


def _own(read: Callable[[], object]) -> None:
    """Several readers of one input, each of which may refuse it."""
    with suppress(MessageError, RenderError):
        read()


# -- small things ----------------------------------------------------------------------------------------------------


def _each(content: bytes, *readers: Callable[[str], object]) -> None:
    """Give one text to several readers: which of them must refuse it, is not the question here."""
    text = _text(content)
    for read in readers:
        try:
            read(text)
        except ValueError as error:
            if not is_ours(error):
                raise


def _address(content: bytes) -> None:
    _each(content, addresses.check_email, addresses.require_mailbox, web_addresses.require_url, stop_words.asks_to_stop)
    _each(
        content,
        stop_words.asks_to_start,
        stop_words.may_mean_stop,
        lambda text: reply_tag.read_tag(text, "d" * 32, str),
    )


def _phone(content: bytes) -> None:
    _each(content, addresses.check_phone, addresses.require_number, lambda text: addresses.check_phone(text, "US"))
    _each(content, lambda text: addresses.check_phone(text, "AU"), addresses.likely_zones)


def _time(content: bytes) -> None:
    _each(content, instants.parse_instant, instants.parse_outside_instant, instants.parse_moment, Duration.parse)
    _each(content, date_rules.parse_date_rule, _comes_round, _window, _preferred)


def _comes_round(text: str) -> None:
    way, _, rest = text.partition("=")
    found = recurrence.parse_recurrence(**({"rule": rest} if way == "rule" else {"every": text}))
    recurrence.next_occurrence(found, after=AT, tz=CHICAGO)


def _window(text: str) -> None:
    days, hours, resume = [*text.split("|"), "", ""][:3]
    windows.parse_window("w", {"days": days, "hours": hours, **({"resume_at": resume} if resume else {})})


def _preferred(text: str) -> None:
    days, hours, patience = [*text.split("|"), "", ""][:3]
    windows.parse_preference({"days": days.split(","), "hours": hours, "patience": patience})


# -- what others answer -----------------------------------------------------------------------------------------------

TEXT = Message(
    channel="sms",
    to="+12125550142",
    subject=None,
    text="Hello",
    html=None,
    key="5f1c",
    message_id="<5f1c@coop.example>",
    family_id="42",
    instance_id=17,
    at=AT,
)
ACCOUNT = "AC" + "0" * 32


class _Answering(Web):
    """A side that has answered: only what its answer means is looked at."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def ask(self, request: Request, last_call: Callable[[], bool] = lambda: True) -> Answer:  # noqa: ARG002
        return self._answer


def _answer(content: bytes) -> Answer:
    """The status on the first line, headers up to an empty one, and the rest."""
    head, _, body = content.partition(b"\n\n")
    status, *lines = head.decode("latin-1").split("\n")
    headers: Mapping[str, str] = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    number = int(status) if status.isascii() and status.isdigit() and len(status) == 3 else 200
    return Answer(number, headers, body)


def _gateway(content: bytes) -> None:
    web = _Answering(_answer(content))
    twilio = Twilio(TwilioAccount(account=ACCOUNT, sender="+12125550100"), lambda: Secret("t0ken"), web)
    twilio.deliver(TEXT, lambda: True)
    for way in GATEWAYS:
        HttpGateway(way, web, secret_parameters={"key": lambda: Secret("t0ken")}).deliver(TEXT, lambda: True)
    asked = {"method": "POST", "headers": {}, "headers_env": {}, "json": {}, "idempotent": True}
    call = replace(TEXT, channel="http", to="https://example.org/hook", text=json.dumps(asked))
    HttpCalls({}, lambda _: web, may_go={}).deliver(call, lambda: True)
    twilio.find(TEXT)


GATEWAYS = (
    Gateway(url="https://gw.example/send", id_json="data.0.id", duplicate_statuses=(409,)),
    Gateway(url="https://gw.example/send", id_pattern=r"id=(\w+)", accepted_pattern="^0:", opted_out_pattern="STOP"),
)


def _callback(content: bytes) -> None:
    for kind in (None, "sms", "report"):
        with suppress(ValueError):
            read_callback(content, kind=kind, region="US", now=AT)
    read_callback(content, kind=None, region=None, now=AT)


def _mail(content: bytes) -> None:
    read_mail(content)


def _smtp(content: bytes) -> None:
    """All that a server ever says, in one go; then it hangs up."""
    talk = Talk(patience=5)
    ours, theirs = socket.socketpair()
    with closing(theirs), closing(ours), suppress(Broken):
        theirs.sendall(content[:60_000])
        theirs.shutdown(socket.SHUT_WR)
        talk.sock = ours
        talk.hide("t0ken")
        talk.ehlo()
        transaction(talk, Mail("a@example.org", "b@example.org", b"Subject: x\r\n\r\nx\r\n"), lambda: True, verdict=5)


# -- the command line -------------------------------------------------------------------------------------------------


def _argv(content: bytes) -> None:
    """A command line in a co-op, a word on each line; after an empty one, the standard input."""
    from tests.fuzz.commands import answer

    answer(content)


# -- all of them ------------------------------------------------------------------------------------------------------


def _examples(name: str) -> Callable[[], list[bytes]]:
    path = EXAMPLES / name
    return lambda: [b"".join(path.read_bytes().splitlines(keepends=True)[:4])]


def _both(*ways: Callable[[], list[bytes]]) -> Callable[[], list[bytes]]:
    return lambda: [seed for way in ways for seed in way()]


def _plain(*texts: str) -> Callable[[], list[bytes]]:
    return lambda: [text.encode() for text in texts]


def _mails() -> list[bytes]:
    return [
        mails.mail("Yes, gladly.\n> what you wrote"),
        mails.vacation(),
        mails.dsn("<5f1c@coop.example>", whole=True),
        mails.mail("<p>STOP</p>", kind="text/html; charset=latin-1"),
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHi\n--b\nContent-Type: message/rfc822\n\nX: y\n\n--b--",
        b"From: =?utf-8?q?a?= <a@b.example>\nSubject: =?x?b?4pyT?=\nContent-Transfer-Encoding: base64\n\nU1RPUA==\n",
    ]


def _argvs() -> list[bytes]:
    from tests.fuzz.commands import lines

    return lines()


YAML_WORDS = (
    *(
        "- ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        "'",
        '"',
        "|\n",
        ">-\n",
        "&a",
        "*a",
        "!!str ",
        "<<: ",
        "# ",
        "---\n",
        "\n  ",
        "\t",
    ),
    *("id: ", "type: ", "email", "sms", "wait", "condition", "parallel", "branches: ", "steps:\n", "until: ", "null"),
    *("if_true_step: ", "outcomes: ", "retry: ", "1e999", "0x10", "0o7", "yes", "2026-03-20", "9:00", "😀", "\ufeff"),
)
JSON_WORDS = (
    *('{"', '": ', ", ", "}", "[", "]", "null", "true", "NaN", "1e400", "-0", '"\\ud800"', "9" * 400, "\n", "\ufeff"),
    *('"prediction_id"', '"family_id"', '"predicted_probability"', '"kind"', '"data"', '"at"', ",", '"', "\x00", ";"),
)
TIMES = (
    *("2026-03-20T13:00:00Z", "2026-03-20 13:00-06:00", "1 day", "2 business days", "P1DT2H", "90 minutes", "3 weeks"),
    *("7 days before payment_due_on at 09:00", "monday 09:00", "day of month 31", "rule=FREQ=DAILY;BYHOUR=9"),
    *(
        "mon-fri|08:00-18:00|09:00",
        "tue,thu|09:00-11:00|2 days",
        "first monday 09:00",
        "every 2 weeks",
        "weekday 07:30",
    ),
)
ANSWERS = (
    f'201\n\n{{"sid": "SM{"0" * 32}", "account_sid": "{ACCOUNT}", "status": "queued"}}',
    '200\n\n{"messages": [{"sid": "SM1", "to": "+12125550142", "body": "Hello", "direction": "outbound-api",'
    ' "date_created": "Fri, 20 Mar 2026 13:00:00 +0000", "status": "sent"}], "next_page_uri": null}',
    '400\nretry-after: Fri, 20 Mar 2026 14:00:00 GMT\n\n{"code": 21610, "message": "no"}',
    "429\nretry-after: 30\n\n",
    '200\n\n{"data": [{"id": 17}]}',
    "202\n\n0: accepted id=77",
    "500\n\n<html><b>down</b>",
)
REPLIES = (
    "250-hi\r\n250-SIZE 1000\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 queued as 17\r\n",
    "250 hi\r\n250 ok\r\n550 5.1.1 no such user b@example.org\r\n250 reset\r\n",
    "250 hi\r\n250 ok\r\n250 ok\r\n354 go\r\n451 4.3.0 later\r\n",
    "502 what\r\n250 hi\r\n421 bye\r\n",
)
CALLBACKS = (
    "From=%2B12125550142&Body=STOP&MessageSid=SM1",
    '{"id": "77", "status": "DELIVRD", "at": "2026-03-20T13:00:00Z"}',
    "dlr=8&id=5f1c&reply=no",
)
ADDRESSES = (
    *(
        "a@example.org",
        "Ann <a@example.org>",
        "a@münchen.example",
        '"a b"@x.org',
        "a@[127.0.0.1]",
        "a@xn--mnchen-3ya.de",
    ),
    *(
        "https://user:pw@example.org:8443/a?b#c",
        "STOP",
        "stop all",
        "Re: STOP!",
        "coop+17.abcdef@example.org",
        "[#17-ab]",
    ),
)
PHONES = ("+1 (212) 555-0142", "00353 1 234 5678", "212.555.0142", "911", "+61 2 6563 1234", "+1-900-555-0142", "٠١٢")
TEMPLATE_WORDS = (
    *("{{ ", " }}", "{% if ", " %}", "{% endif %}", "{% for x in ", "{% endfor %}", "{# ", " #}", "family_name", "n"),
    *("|default('x')", "|upper", "|join", ".__class__", "range(10**9)", " ~ ", " * 9", "['a']", "\n---\n", "subject: "),
    *("[a](javascript:x)", "**", "<b>", "\n> ", "\n* ", "&#0;", "\u202e", "\x1b[31m", "`", "![x](y)", "since"),
)
CONDITION_WORDS = (
    *("predicted_probability", " > ", " == ", " and ", " or ", "not ", "(", ")", "0.8", "'a'", "payment_received"),
    *(" in ", "[", "]", "steps.a.ok", "true", "none", " is ", "1e9", "-", "{{", "\\", " < "),
)
CSV_WORDS = ('"', ",", "\n", ";", "\t", "family_id", "family_name", "email", "phone", "time_zone", "\x00", "\r", "=1+1")

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("yaml", _yaml, _both(_workflows, _corpus("config")), YAML_WORDS, "workflow"),
        Target("workflow", _workflow, _both(_workflows, _corpus("workflow")), YAML_WORDS, "workflow"),
        Target("step", lambda c: _out(subjects.step, c), _corpus("step"), YAML_WORDS, "step"),
        Target("config", lambda c: _out(subjects.config, c), _corpus("config"), YAML_WORDS, "config"),
        Target("condition", _condition, _corpus("condition"), CONDITION_WORDS, "condition"),
        Target("message", _message, _corpus("message"), TEMPLATE_WORDS, "message"),
        Target(
            "prediction",
            lambda c: _out(subjects.prediction, c, text=False),
            _both(_corpus("prediction"), _examples("predictions.jsonl")),
            JSON_WORDS,
            "prediction",
        ),
        Target("event", lambda c: _out(subjects.event, c, text=False), _corpus("event"), JSON_WORDS, "event"),
        Target(
            "family",
            lambda c: _out(subjects.family, c, text=False),
            _both(_corpus("family"), _examples("families.csv")),
            CSV_WORDS,
            "family",
        ),
        Target(
            "calendar", lambda c: _out(subjects.calendar, c, text=False), _corpus("calendar"), CSV_WORDS, "calendar"
        ),
        Target("address", _address, _plain(*ADDRESSES), ("@", "xn--", ".", '"', "(", "<", ">", "\u3002", "=?")),
        Target("phone", _phone, _plain(*PHONES), ("+", "(", ")", "1", "00", "ext", "٣", "\u202a", "-")),
        Target("time", _time, _plain(*TIMES), ("-", ":", "T", "Z", "+", " day", "s", "31", "00", "9" * 20, "mon", "|")),
        Target(
            "mail", _mail, _mails, ("\n\n", "Content-Type: ", "multipart/", "boundary=", "--", "=?", "base64", "<", ">")
        ),
        Target(
            "callback", _callback, _plain(*CALLBACKS), ("&", "=", "%", "from", "text", "id", "status", '"', "{", "}")
        ),
        Target("gateway", _gateway, _plain(*ANSWERS), (*JSON_WORDS, "retry-after: ", "sid", "code", "-0000")),
        Target(
            "smtp", _smtp, _plain(*REPLIES), ("250 ", "250-", "\r\n", "421 ", "550 ", "354 ", "t0ken", "SIZE ", "\x00")
        ),
        Target(
            "argv",
            _argv,
            _argvs,
            ("--", "\n", "-", "=", "1", "42", "now", "\x1b", "é", "--json", "--yes"),
            "command",
            1,
        ),
    )
}


def _out(read: Callable[[bytes], list[str]], content: bytes, *, text: bool = True) -> None:
    """What is said of a case must be fit to be printed."""
    for line in read(_text(content).encode() if text else content):
        if not line.isprintable():
            raise NotOurs(f"it says what cannot be printed: {line!r}")
