"""What `http` and `command` steps ask of programs elsewhere: the co-op's own scripts, n8n, Zapier and the like.

Each step has an address or a program of its own, so one that is out of order holds up nobody else: what makes other
transports unavailable is tried again here by the step's own rules, and ends the step when a person must mend something.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import cache
from urllib.parse import urlsplit

from coopflow.channels.answers import by_status, excerpt, read_object
from coopflow.channels.base import Message
from coopflow.channels.command import Program, fate_of, run
from coopflow.channels.process import Ended
from coopflow.channels.request import Asked, key_of, read_request
from coopflow.channels.web import Answer, Request, Web
from coopflow.core.deliveries import Accepted, Deferred, Delivery, Refused, Unavailable, Unknown

LONGEST_OUTPUT = 64 * 1024  # bytes of an answer that are kept for later conditions
USUAL_SECONDS = 30


class HttpCalls:
    """The channel of `http` steps: `to` is the address, the text is the frozen request."""

    name = "http"
    transport = "http"
    dedupes = False

    def __init__(
        self,
        environ: Mapping[str, str],
        web: Callable[[float], Web] | None = None,
        *,
        may_go: Mapping[str, Collection[str]],
    ) -> None:
        """`web` makes the way out for a step that may take so many seconds; `may_go`: host → secret variables."""
        self._environ = environ
        self._may_go = may_go
        self._web = cache(web or (lambda seconds: Web(read=seconds, altogether=seconds)))

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        """Ask once."""
        asked = read_request(message, self.name)
        if fault := self._secrets_fault(message.to, asked):
            return Refused(fault)
        web = self._web(asked.get("seconds", USUAL_SECONDS))
        answer = web.ask(self._request(message, asked), last_call)
        fate = self._meaning(answer, message, asked) if isinstance(answer, Answer) else answer
        return _by_the_steps_own_rules(fate, asked)

    def close(self) -> None:
        """Do nothing: no connection outlives its request."""

    def _secrets_fault(self, url: str, asked: Asked) -> str | None:
        """Looked at here too: the configuration may have changed since the workflow was loaded."""
        host = urlsplit(url).hostname or ""
        for variable in asked["headers_env"].values():
            if variable not in self._may_go.get(host, ()):
                return f"coopflow.yaml does not let {variable} go to {host} any more"
            if variable not in self._environ:
                return f"the environment variable {variable} is not set; a header of this step needs it"
        return None

    def _request(self, message: Message, asked: Asked) -> Request:
        headers = {
            "Accept": "application/json",
            **asked["headers"],
            **{name: self._environ[variable] for name, variable in asked["headers_env"].items()},
            "Idempotency-Key": key_of(message),
        }
        if asked["method"] == "GET":
            return Request(method="GET", url=message.to, headers=headers)
        headers["Content-Type"] = "application/json"
        body = json.dumps(asked["json"], ensure_ascii=False).encode()
        return Request(method=asked["method"], url=message.to, headers=headers, body=body)

    def _meaning(self, answer: Answer, message: Message, asked: Asked) -> Delivery:
        who = urlsplit(message.to).netloc
        if fate := by_status(answer, who=who, at=message.at, key=message.key):
            return fate
        if answer.status >= 400:
            secrets = [self._environ[variable] for variable in asked["headers_env"].values()]
            return Refused(f"{who} answered {answer.status}: {excerpt(answer.body, secrets) or 'nothing'}")
        return _done(str(answer.status), answer.body if answer.whole else b"")


class CommandCalls:
    """The channel of `command` steps: `to` is the command's name in coopflow.yaml, the text is the frozen request."""

    name = "command"
    transport = "command"
    dedupes = False

    def __init__(self, programs: Mapping[str, Program]) -> None:
        self._programs = programs

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        """Run it once."""
        asked = read_request(message, self.name)
        program = self._programs.get(message.to)
        if program is None:
            return Refused(f"coopflow.yaml has no command '{message.to}' any more")
        environ = {**program.environ, "COOPFLOW_KEY": key_of(message)}
        program = replace(program, environ=environ, seconds=asked.get("seconds", program.seconds))
        given = json.dumps(asked["json"], ensure_ascii=False).encode() + b"\n"
        ended = run(program, program.argv, given, last_call)
        fate = self._meaning(ended, message.to, program) if isinstance(ended, Ended) else ended
        return _by_the_steps_own_rules(fate, asked)

    def close(self) -> None:
        """Do nothing: no program outlives its step."""

    @staticmethod
    def _meaning(ended: Ended, name: str, program: Program) -> Delivery:
        return fate_of(ended, name, program) or _done("exit 0", ended.out)


def _done(reference: str, said: bytes) -> Accepted:
    if len(said) > LONGEST_OUTPUT:
        return Accepted(f"{reference}; its answer of {len(said):,} bytes is too long to be kept")
    return Accepted(reference, read_object(said))


def _by_the_steps_own_rules(fate: Delivery, asked: Asked) -> Delivery:
    match fate:
        case Unavailable(reason, True):
            return Refused(reason)
        case Unavailable(reason):
            return Deferred(reason)
        case Unknown(reason) if asked["idempotent"]:
            return Deferred(f"{reason}; it may be asked again, as it takes the same key once only")
        case _:
            return fate
