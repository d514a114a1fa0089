"""What `coopflow.yaml` may say, as pydantic models: from its text to plain checked data, or to all its problems."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coopflow import config_fields as fields
from coopflow.config_texts import Command, Texts, TextToOutbox, WebHost, problems_of_argv, problems_of_texts
from coopflow.core.wording import did_you_mean, shown
from coopflow.problems import Loc, Problem, ProblemsFound
from coopflow.schema_problems import problems_from_pydantic
from coopflow.strict_yaml import Source, read_yaml

_SECRET = re.compile(r"(.*[_-])?(password|passwd|passphrase|secret|token|(api|auth|private)[_-]?key)", re.IGNORECASE)


def checked(content: bytes | str, *, path: str) -> dict[str, Any]:
    """The plain data of a configuration file, with every default filled in; raise ProblemsFound if it is not valid."""
    source = read_yaml(content, path=path)
    secrets = list(_secrets(source, source.data, ()))
    problems = [*secrets, *_across(source)]
    try:
        config = ConfigFile.model_validate(source.data)
    except ValidationError as error:
        told = {(problem.line, problem.column) for problem in secrets}
        found = problems_from_pydantic(error, source, ConfigFile)
        problems += [problem for problem in found if (problem.line, problem.column) not in told]
    if problems:
        raise ProblemsFound(sorted(problems))
    data = config.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {**data, "closed_days": fields.expanded(config.closed_days)}


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `coopflow.yaml`, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ConfigFile.model_json_schema()}


class Strict(BaseModel):
    """A group of keys in which no other key is possible and no value is turned into another kind."""

    model_config = ConfigDict(extra="forbid", strict=True)


class WindowSpec(Strict):
    """When a channel or a desk is open."""

    days: fields.Days = Field(examples=["mon-fri"])
    hours: fields.Hours = Field(examples=["08:00-18:00"])
    resume_at: fields.ResumeAt | None = Field(
        None, examples=["09:00"], description="What falls outside moves to this time."
    )


class BestTimes(Strict):
    """When a channel reaches families best; other open times follow when none of these comes soon enough."""

    days: fields.Days = Field("every day", examples=["tue-thu"])
    hours: fields.Hours = Field(examples=["09:00-11:00"])
    patience: fields.Length = Field("2 days", description="How long a step waits for such a time at most.")


class Preferred(Strict):
    """The best times of each channel."""

    email: BestTimes | None = None
    sms: BestTimes | None = None
    call: BestTimes | None = None


class Cap(Strict):
    """At most so many messages within a time."""

    max: int = Field(ge=1, le=1000)
    per: fields.Period = Field(examples=["7 days"])


class ChannelCaps(Strict):
    """Caps of single channels, for each family."""

    email: Cap | None = None
    sms: Cap | None = None


class Limits(Strict):
    """How many messages families may get, over all workflows."""

    per_family: Cap | None = None
    per_channel: ChannelCaps = ChannelCaps()
    per_address: Cap | None = Field(None, description="Whichever families share the address.")


class Coordinator(Strict):
    """Somebody who looks after families."""

    name: fields.Line | None = Field(None, description="As families know them; without it, the key.")
    email: fields.Address | None = None
    phone: fields.Line | None = None
    window: fields.Word | None = Field(None, description="Working hours, for when tasks are due: a window by name.")
    time_zone: fields.TimeZone | None = Field(None, description="Where they are. Default: the co-op's.")


class EmailToOutbox(Strict):
    """Each mail becomes a file that a person can open."""

    transport: Literal["outbox"]
    path: fields.Line = Field("outbox", description="The directory; relative to this file.")


class EmailToServer(Strict):
    """Each mail goes to a mail server; while `deliver` is outbox, into a file all the same."""

    transport: Literal["smtp"]
    host: fields.Host
    port: int = Field(587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: fields.Line | None = None
    password_env: fields.VariableName | None = Field(None, description="The environment variable with the password.")
    password_file: fields.Line | None = Field(None, description="A file with the password that only you can read.")
    sender: fields.Address = Field(alias="from")
    reply_to: fields.ReplyAddress | None = Field(
        None, description="Where answers go; a mark of the instance is added: office+i17-3f9c2a7be01d@example.org."
    )
    unsubscribe: list[fields.Link] = Field(
        [], max_length=2, description="mailto: and https: for the mail program's button; {tag} becomes the same mark."
    )
    ca_file: fields.Line | None = Field(None, description="Certificates to trust in place of the system's.")
    timeout: fields.Timeout = Field("30 seconds", description="How long each answer of the server may take.")
    path: fields.Line = Field("outbox", description="The directory for mails while `deliver` is outbox.")


class Channels(Strict):
    """How messages leave."""

    email: Annotated[EmailToOutbox | EmailToServer, Field(discriminator="transport")] = EmailToOutbox(
        transport="outbox", path="outbox"
    )
    sms: Texts = TextToOutbox(transport="outbox")


class ImapInbox(Strict):
    """A mailbox on a server; nothing in it is ever deleted."""

    type: Literal["imap"]
    name: fields.Line | None = Field(None, description="What the record calls it. Default: made from the rest.")
    host: fields.Host
    port: int | None = Field(None, ge=1, le=65535, description="Default: 993 for tls, 143 for starttls.")
    security: Literal["tls", "starttls"] = "tls"
    user: fields.Line
    password_env: fields.VariableName | None = Field(None, description="The environment variable with the password.")
    password_file: fields.Line | None = Field(None, description="A file with the password that only you can read.")
    ca_file: fields.Line | None = Field(None, description="Certificates to trust instead of the system's.")
    folder: fields.Line = "INBOX"
    mark_seen: bool = Field(True, description="Mark mails as seen once they have been read.")


class MaildirInbox(Strict):
    """A Maildir on this machine; it is only read."""

    type: Literal["maildir"]
    name: fields.Line | None = Field(None, description="What the record calls it. Default: made from the path.")
    path: fields.Line


class FolderInbox(Strict):
    """A folder that other programs put mails, texts and delivery reports in."""

    type: Literal["folder"]
    name: fields.Line | None = Field(None, description="What the record calls it. Default: made from the path.")
    path: fields.Line = Field(examples=["inbox"])


InboxSource = Annotated[ImapInbox | MaildirInbox | FolderInbox, Field(discriminator="type")]


class RedirectTo(Strict):
    """Who gets everything while `deliver` is redirect."""

    email: fields.Address | None = None
    sms: fields.Number | None = None


class Allow(Strict):
    """The only addresses that messages may go to; whoever is not named here gets nothing."""

    domains: list[fields.AllowedDomain] = Field([], examples=[["example.org"]], description="Of mail addresses.")
    numbers: list[fields.AllowedNumbers] = Field([], examples=[["+1"]], description="Beginnings of phone numbers.")


class Alerts(Strict):
    """How others hear that all is well, or is not."""

    ping_url: fields.PingUrl | None = Field(None, description="Asked for after a tick, at most every 5 minutes.")
    ping_url_env: fields.VariableName | None = Field(None, description="The environment variable with that address.")
    metrics_file: fields.Line | None = Field(None, description="Figures for Prometheus; relative to this file.")


class ConfigFile(Strict):
    """The configuration of one co-op."""

    organisation: fields.Line = Field(description="The name that families know.")
    postal_address: str = Field("", description="Stands at the end of outreach mails; the law asks for it.")
    time_zone: fields.TimeZone = Field(examples=["America/Chicago"], description="For families that have no own.")
    country: fields.Country | None = Field(None, examples=["US"])
    subdivision: fields.Subdivision | None = Field(None, examples=["IL"], description="State or province.")
    closed_days: list[fields.ClosedDays] = Field([], examples=[["2026-11-26", "2026-12-21 to 2027-01-01"]])
    windows: dict[fields.WindowName, WindowSpec] = {}
    preferred: Preferred = Field(Preferred(), description="Best times, by channel.")
    spread: fields.Spread | None = Field(
        None, examples=["45 minutes"], description="Messages to many families are spread over so long an opening."
    )
    coordinators: dict[fields.Line, Coordinator] = Field({}, description="The first one gets what nobody is named for.")
    events: list[fields.Word] = Field([], description="Kinds of event of your own.")
    attributes: list[fields.Attribute] = Field(
        [], description="What you know of families beyond coopflow's own columns."
    )
    database: fields.Database = "coopflow.db"
    workflows: fields.Line = Field("workflows.d", description="The directory of workflow files.")
    deliver: Literal["outbox", "redirect", "live"] = "outbox"
    redirect_to: RedirectTo = RedirectTo()
    allow: Allow | None = None
    rest: fields.Rest | None = Field(None, examples=["5 minutes"], description="How long messages can be recalled.")
    alerts: Alerts = Alerts(ping_url=None, ping_url_env=None, metrics_file=None)
    channels: Channels = Channels()
    limits: Limits = Field(Limits(per_address=None), description="How many messages families may get.")
    commands: dict[fields.Word, Command] = Field({}, description="The programs that workflows may run, by name.")
    web_secrets: dict[WebHost, list[fields.VariableName]] = Field(
        {}, description="Which environment variables the headers of http steps may hold, by the only host they go to."
    )
    max_concurrent: int = Field(10, ge=1, le=100, description="Messages handed over at the same time.")
    inbox: list[InboxSource] = Field([], max_length=20, description="Where answers and delivery reports come in.")


def _secrets(source: Source, value: Any, loc: Loc) -> Iterator[Problem]:
    """Every key that promises a secret: this file is copied, mailed and shown."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        here = (*loc, key)
        if isinstance(key, str) and _SECRET.fullmatch(key):
            inside = bool(loc) and loc[-1] in ("parameters", "unicode_parameters")
            yield source.problem(here, fields.no_secret(key, among_parameters=inside), on_key=True)
        elif not (isinstance(key, str) and key.endswith(("_env", "_file"))):  # there only names of places stand
            yield from _secrets(source, part, here)


def _across(source: Source) -> Iterator[Problem]:
    """What is wrong between values that are each in order."""
    data = source.data if isinstance(source.data, dict) else {}
    if "subdivision" in data and "country" not in data:
        yield source.problem(("subdivision",), "a subdivision needs its country; add the key 'country'")
    for key in ("events", "attributes", "closed_days"):
        listed = data.get(key)
        yield from _repeated(source, key, listed if isinstance(listed, list) else [])
    yield from _windows(source, data)
    email = _group(_group(data, "channels"), "email")
    yield from _mail_server(source, email)
    yield from _inbox(source, data)
    yield from _ways_out(source, data)
    for place, sentence in problems_of_texts(_group(_group(data, "channels"), "sms")):
        yield source.problem(("channels", "sms", *place), sentence)
    for name, command in _group(data, "commands").items():
        for place, sentence in problems_of_argv(command.get("argv") if isinstance(command, dict) else None):
            yield source.problem(("commands", name, *place), sentence)


def _mail_server(source: Source, email: dict[str, Any]) -> Iterator[Problem]:
    """Half a login, and mails that everybody on the way could read."""
    here = ("channels", "email")
    passwords = [key for key in ("password_env", "password_file") if key in email]
    if len(passwords) > 1:
        yield source.problem((*here, "password_file"), "give password_env or password_file, not both")
    elif passwords and "user" not in email:
        yield source.problem((*here, passwords[0]), "a password needs its user; add the key 'user'")
    elif "user" in email and not passwords:
        yield source.problem((*here, "user"), "a user needs a password; add the key password_env or password_file")
    if email.get("security") == "none" and not fields.is_this_machine(email.get("host")):
        words = "'none' is possible only for a mail server on this machine (localhost); write starttls or tls"
        yield source.problem((*here, "security"), words)


def _inbox(source: Source, data: dict[str, Any]) -> Iterator[Problem]:
    """A mailbox without its one password, and two sources that the record could not tell apart."""
    listed = data.get("inbox")
    entries = [entry if isinstance(entry, dict) else {} for entry in (listed if isinstance(listed, list) else [])]
    for place, entry in enumerate(entries):
        passwords = [key for key in ("password_env", "password_file") if key in entry]
        if entry.get("type") == "imap" and len(passwords) != 1:
            loc: Loc = ("inbox", place, *passwords[1:])
            yield source.problem(loc, "a mailbox needs one password: give password_env or password_file")
        if entry and entry in entries[:place]:
            yield source.problem(("inbox", place), "this source is listed twice")
        elif entry.get("name") is not None and entry["name"] in [other.get("name") for other in entries[:place]]:
            yield source.problem(("inbox", place, "name"), f"two sources are called {shown(entry['name'])}")


def _ways_out(source: Source, data: dict[str, Any]) -> Iterator[Problem]:
    """Where messages go and how others hear of trouble, as far as one key depends on another."""
    if data.get("deliver") == "redirect":
        to = _group(data, "redirect_to")
        if not to:
            yield source.problem(
                ("deliver",), "redirect to whom? add for example redirect_to: {email: you@example.org}"
            )
        for channel, address in to.items():
            if isinstance(address, str) and (fault := fields.outside(data.get("allow"), str(channel), address)):
                yield source.problem(("redirect_to", channel), fault)
    alerts = _group(data, "alerts")
    if "ping_url" in alerts and "ping_url_env" in alerts:
        yield source.problem(("alerts", "ping_url_env"), "give ping_url or ping_url_env, not both")


def _windows(source: Source, data: dict[str, Any]) -> Iterator[Problem]:
    """Quiet hours that are no quieter than the law, and working hours that nobody has described."""
    windows = _group(data, "windows")
    if fault := fields.text_hours_fault(windows.get("text_hours")):
        yield source.problem(("windows", "text_hours"), fault)
    for name, spec in windows.items():
        if fault := fields.closed_for_a_year(name, spec, data.get("closed_days"), data.get("time_zone")):
            yield source.problem(("windows", name), fault)
    known = {*fields.BUILT_IN_WINDOWS, *windows}
    for name, person in _group(data, "coordinators").items():
        window = person.get("window") if isinstance(person, dict) else None
        if isinstance(window, str) and window not in known:
            hint = did_you_mean(window, known)
            yield source.problem(("coordinators", name, "window"), f"there is no window {shown(window)}{hint}")


def _repeated(source: Source, key: str, listed: list[Any]) -> Iterator[Problem]:
    for place, value in enumerate(listed):
        if isinstance(value, str) and value in listed[:place]:
            yield source.problem((key, place), f"{shown(value)} is listed twice")


def _group(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}
