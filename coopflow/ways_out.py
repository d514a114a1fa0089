"""The ways out that the configuration names: for mails, for texts, for steps that ask a program elsewhere."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coopflow.core.durations import Duration
from coopflow.secrets import Secret, read_secret

if TYPE_CHECKING:
    from coopflow.channels.base import Channel
    from coopflow.channels.command import Program
    from coopflow.config import Config
    from coopflow.core.model import Message

Compose = Callable[["Message"], bytes]
Said = Mapping[str, Any]
Reader = Callable[[], Secret]


def transports(config: "Config", environ: Mapping[str, str], *, writer: Compose) -> "dict[str, Channel]":
    """What reaches out, by channel; one whose transport is the outbox is not here."""
    found: dict[str, Channel] = calling_channels(config, environ)
    if config.channels["email"]["transport"] != "outbox":
        from coopflow.mailing import smtp_channel

        found["email"] = smtp_channel(config, writer)
    if config.channels["sms"]["transport"] != "outbox":
        found["sms"] = sms_channel(config, environ)
    return found


def sms_channel(config: "Config", environ: Mapping[str, str]) -> "Channel":
    """The channel for texts by its transport; the outbox too is one."""
    said = config.channels["sms"]
    match said["transport"]:
        case "twilio":
            return _twilio(said, config, environ)
        case "http":
            return _gateway(said, config, environ)
        case "command":
            from coopflow.channels.command import CommandTexts

            return CommandTexts(_program(said, config, environ))
        case "apprise":
            from coopflow.channels.apprise_texts import AppriseTexts

            return AppriseTexts(_secret(said.get("url_env"), said.get("url_file"), config, environ))
        case _:
            from coopflow.channels.outbox import Outbox

            return Outbox("sms", config.outbox)


def calling_channels(config: "Config", environ: Mapping[str, str]) -> "dict[str, Channel]":
    """The channels of `http` and `command` steps."""
    from coopflow.channels.integrations import CommandCalls, HttpCalls

    programs = {name: _program(said, config, environ) for name, said in config.commands.items()}
    return {"http": HttpCalls(environ, may_go=config.web_secrets), "command": CommandCalls(programs)}


def _twilio(said: Said, config: "Config", environ: Mapping[str, str]) -> "Channel":
    from coopflow.channels.twilio import Twilio, TwilioAccount
    from coopflow.channels.web import Web

    account = TwilioAccount(
        account=said["account"],
        sender=said["from"],
        base_url=said["base_url"],
        status_callback=said.get("status_callback"),
    )
    token = _secret(said.get("token_env"), said.get("token_file"), config, environ)
    return Twilio(account, token, Web(ca_file=_path(said.get("ca_file"), config)))


def _gateway(said: Said, config: "Config", environ: Mapping[str, str]) -> "Channel":
    from coopflow.channels.http_gateway import Gateway, HttpGateway
    from coopflow.channels.web import Web

    gateway = Gateway(
        url=said["url"],
        method=said["method"],
        form=said["format"],
        to=said["to"],
        text=said["text"],
        key=said.get("key"),
        plus=said["plus"],
        parameters=said["parameters"],
        unicode_parameters=said["unicode_parameters"],
        user=said.get("user"),
        id_json=said.get("id_json"),
        id_pattern=said.get("id_pattern"),
        accepted_pattern=said.get("accepted_pattern"),
        refused_pattern=said.get("refused_pattern"),
        opted_out_pattern=said.get("opted_out_pattern"),
        duplicate_statuses=tuple(said["duplicate_statuses"]),
    )
    seconds = Duration.parse(said["timeout"]).seconds
    return HttpGateway(
        gateway,
        Web(ca_file=_path(said.get("ca_file"), config), read=seconds, altogether=seconds),
        secret_parameters=_secrets(said["parameters_env"], said["parameters_file"], config, environ),
        secret_headers=_secrets(said["headers_env"], said["headers_file"], config, environ),
        password=_secret(said.get("password_env"), said.get("password_file"), config, environ)
        if "user" in said
        else None,
    )


def _program(said: Said, config: "Config", environ: Mapping[str, str]) -> "Program":
    from coopflow.channels.command import Program, clean_environment

    return Program(
        argv=said["argv"],
        folder=config.path.parent,
        environ=clean_environment(environ, said["environment"]),
        seconds=Duration.parse(said["timeout"]).seconds,
    )


def _secrets(
    variables: Mapping[str, str], files: Mapping[str, str], config: "Config", environ: Mapping[str, str]
) -> dict[str, Reader]:
    named = {name: _secret(variable, None, config, environ) for name, variable in variables.items()}
    return named | {name: _secret(None, file, config, environ) for name, file in files.items()}


def _secret(env: str | None, file: str | None, config: "Config", environ: Mapping[str, str]) -> Reader:
    """Read when it is needed, so that one that is missing holds up what needs it and nothing else."""
    return partial(read_secret, env, _path(file, config), environ)


def _path(text: str | None, config: "Config") -> Path | None:
    """A path in the configuration is relative to its file."""
    return None if text is None else config.path.parent / Path(text).expanduser()
