"""What `coopflow.yaml` may say about the ways out beside mail: texts, and the programs that workflows may run."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from coopflow import config_fields as fields
from coopflow.core.durations import Duration
from coopflow.core.web_addresses import require_url
from coopflow.core.wording import shown

NUMBER = "{to}"
LONGEST_PATTERN = 300  # characters
LONGEST_ARGUMENT = 1000  # characters
LONGEST_TIMEOUT = 600  # seconds; a tick waits for it
Told = Iterator[tuple[tuple[str | int, ...], str]]  # a place below `sms`, and what is wrong there

_ACCOUNT = re.compile(r"AC[0-9a-f]{32}")
_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|MG[0-9a-f]{32}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_JSON_PATH = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError("expected the account's id: AC and 32 hexadecimal digits, as Twilio's console shows it")
    return text


def _sender(text: str) -> str:
    if not _SENDER.fullmatch(text):
        raise ValueError(
            f"{shown(text)} is no sender: a number such as +15125550100, a messaging service (MG…),"
            " or a name of at most 11 letters and digits"
        )
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as problem:
        raise ValueError(f"{shown(text)} is not a pattern (regular expression): {problem}") from None
    return text


def _pattern_with_group(text: str) -> str:
    if re.compile(_pattern(text)).groups != 1:
        raise ValueError(f"{shown(text)} needs exactly one group in ( ), which is the id")
    return text


def _parameter(text: str) -> str:
    if not _PARAMETER.fullmatch(text):
        raise ValueError(f"{shown(text)} is no name of a parameter: letters, digits, _ . and -, a letter first")
    return text


def _json_path(text: str) -> str:
    if not _JSON_PATH.fullmatch(text):
        raise ValueError(f"{shown(text)} is no place in JSON; write for example data.message_id, or data.0.id")
    return text


def _argument(text: str) -> str:
    if not text.isprintable() or len(text) > LONGEST_ARGUMENT:
        raise ValueError(f"an argument is one line of at most {LONGEST_ARGUMENT} characters")
    return text


def _timeout(text: str) -> str:
    length = Duration.parse(text)
    if not 0 < length.seconds <= LONGEST_TIMEOUT or length != Duration(seconds=length.seconds):
        raise ValueError(f"{shown(text)} is no such time; write seconds or minutes, up to 10 minutes")
    return str(length)


Account = Annotated[str, AfterValidator(_account)]
Sender = Annotated[str, AfterValidator(_sender)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_PATTERN), AfterValidator(_pattern)]
IdPattern = Annotated[
    str, StringConstraints(min_length=1, max_length=LONGEST_PATTERN), AfterValidator(_pattern_with_group)
]
Parameter = Annotated[str, AfterValidator(_parameter)]
JsonPath = Annotated[str, AfterValidator(_json_path)]
Timeout = Annotated[str, AfterValidator(_timeout)]
Url = Annotated[str, AfterValidator(require_url)]
WebHost = Annotated[fields.Host, AfterValidator(str.lower)]
Argument = Annotated[str, AfterValidator(_argument)]


class Strict(BaseModel):
    """A group of keys in which no other key is possible and no value is turned into another kind."""

    model_config = ConfigDict(extra="forbid", strict=True)


class TextToOutbox(Strict):
    """Each text message becomes a file beside the mails."""

    transport: Literal["outbox"]


class TextByTwilio(Strict):
    """Texts leave by Twilio."""

    transport: Literal["twilio"]
    account: Account = Field(description="The account's id: AC…")
    token_env: fields.VariableName | None = Field(None, description="The environment variable with the token.")
    token_file: fields.Line | None = Field(None, description="A file with the token that only you can read.")
    sender: Sender = Field(alias="from", description="A number, a name, or a messaging service.")
    status_callback: Url | None = Field(None, description="Where Twilio reports what became of each text.")
    base_url: Url = Field("https://api.twilio.com", description="For tests, and for those who speak the same.")
    ca_file: fields.Line | None = Field(None, description="Certificates to trust instead of the system's.")


class TextByHttp(Strict):
    """Texts leave by a gateway that takes named parameters over HTTP."""

    transport: Literal["http"]
    url: Url = Field(description="https://, or http:// on this machine.")
    method: Literal["GET", "POST"] = "POST"
    format: Literal["form", "json"] = Field("form", description="How a POST carries the parameters.")
    to: Parameter = Field("to", description="The parameter with the number.")
    text: Parameter = Field("text", description="The parameter with the words.")
    key: Parameter | None = Field(None, description="The parameter for coopflow's own key of the message.")
    plus: bool = Field(True, description="false: the number goes without its +.")
    parameters: dict[Parameter, fields.Line] = Field({}, description="What is always sent as well.")
    unicode_parameters: dict[Parameter, fields.Line] = Field(
        {}, description="What is sent as well for a text with letters beyond the plain alphabet."
    )
    parameters_env: dict[Parameter, fields.VariableName] = Field({}, description="Secret ones, from the environment.")
    parameters_file: dict[Parameter, fields.Line] = Field({}, description="Secret ones, from files.")
    headers_env: dict[Parameter, fields.VariableName] = Field({}, description="Headers, from the environment.")
    headers_file: dict[Parameter, fields.Line] = Field({}, description="Headers, from files.")
    user: fields.Line | None = Field(None, description="For Basic authentication.")
    password_env: fields.VariableName | None = Field(None, description="The environment variable with its password.")
    password_file: fields.Line | None = Field(None, description="A file with its password.")
    id_json: JsonPath | None = Field(None, description="Where in a JSON answer the id of the text stands.")
    id_pattern: IdPattern | None = Field(None, description="Or a pattern whose group is the id.")
    accepted_pattern: Pattern | None = Field(None, description="What a good answer says.")
    refused_pattern: Pattern | None = Field(None, description="What an answer with 2xx says that took nothing.")
    opted_out_pattern: Pattern | None = Field(None, description="What a refusal says of who has opted out.")
    duplicate_statuses: list[Annotated[int, Field(ge=200, le=499)]] = Field(
        [], description="Statuses that mean: it is here already."
    )
    timeout: Timeout = Field("1 minute", description="How long its answer may take.")
    ca_file: fields.Line | None = Field(None, description="Certificates to trust instead of the system's.")


class TextByCommand(Strict):
    """Texts leave by a program: the number is an argument, the words come on its standard input."""

    transport: Literal["command"]
    argv: Annotated[list[Argument], Field(min_length=1, max_length=50)] = Field(
        description="The program by its absolute path, and its arguments; {to} stands for the number."
    )
    timeout: Timeout = Field("1 minute", description="How long it may run; then it is ended.")
    environment: list[fields.VariableName] = Field([], description="What it gets of the environment, by name.")


class TextByApprise(Strict):
    """Texts leave by a gateway that Apprise speaks: sent, but unconfirmed."""

    transport: Literal["apprise"]
    url_env: fields.VariableName | None = Field(
        None, description="The environment variable with Apprise's address; {to} in it stands for the number."
    )
    url_file: fields.Line | None = Field(None, description="A file with that address that only you can read.")


class Command(Strict):
    """A program that workflows may run."""

    argv: Annotated[list[Argument], Field(min_length=1, max_length=50)] = Field(
        description="The program by its absolute path, and its arguments."
    )
    timeout: Timeout = Field("1 minute", description="How long it may run, unless the step says otherwise.")
    environment: list[fields.VariableName] = Field([], description="What it gets of the environment, by name.")


Texts = Annotated[
    TextToOutbox | TextByTwilio | TextByHttp | TextByCommand | TextByApprise, Field(discriminator="transport")
]


def problems_of_texts(sms: Mapping[str, Any]) -> Told:
    """What is wrong between values that are each in order."""
    for name in ("token", "password", "url"):
        if f"{name}_env" in sms and f"{name}_file" in sms:
            yield (f"{name}_file",), f"give {name}_env or {name}_file, not both"
    match sms.get("transport"):
        case "twilio":
            if "token_env" not in sms and "token_file" not in sms:
                yield (), "the account needs its token: give token_env or token_file"
        case "apprise":
            if "url_env" not in sms and "url_file" not in sms:
                yield (), "Apprise needs an address: give url_env or url_file"
        case "http":
            yield from _of_http(sms)
        case "command":
            yield from problems_of_argv(sms.get("argv"))
            yield from _of_number(sms.get("argv"))


def problems_of_argv(argv: Any) -> Told:
    """A program that is looked for in a path could be another one tomorrow."""
    first = argv[0] if isinstance(argv, list) and argv else None
    if isinstance(first, str) and not first.startswith("/"):
        yield ("argv", 0), f"{shown(first)} is not an absolute path; write where the program is, as in /usr/bin/{first}"


def _of_number(argv: Any) -> Told:
    if isinstance(argv, list) and argv[1:].count(NUMBER) != 1:
        yield ("argv",), f"one argument must be {NUMBER}, in quotes; the number takes its place"


def _of_http(sms: Mapping[str, Any]) -> Told:
    for one, other in (("id_json", "id_pattern"),):
        if one in sms and other in sms:
            yield (other,), f"give {one} or {other}, not both"
    if ("user" in sms) != ("password_env" in sms or "password_file" in sms):
        yield ("user",) if "user" in sms else (), "a user goes with password_env or password_file, and they with a user"
    if sms.get("method") == "GET" and sms.get("format") == "json":
        yield ("format",), "a GET carries its parameters in the address; json needs POST"
    yield from _said_twice(sms)


def _said_twice(sms: Mapping[str, Any]) -> Told:
    """Each parameter has one value; only for letters beyond the plain alphabet another one may take its place."""
    taken = {sms.get(key, default): key for key, default in (("to", "to"), ("text", "text"), ("key", None))}
    for group in ("parameters", "parameters_env", "parameters_file"):
        for name in sms.get(group, {}) if isinstance(sms.get(group), dict) else ():
            if name in taken:
                yield (group, name), f"the parameter '{name}' has a value already, by '{taken[name]}'"
            taken.setdefault(name, group)
