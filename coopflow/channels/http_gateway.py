"""Texts by any gateway that takes them over HTTP with named parameters: Kannel's sendsms, and many providers."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from msgspec import Struct, field

from coopflow.channels.answers import by_status, excerpt, read_object
from coopflow.channels.base import Message, MessageRefused
from coopflow.channels.sms import require_text
from coopflow.channels.web import Answer, Request, Web
from coopflow.core.deliveries import Accepted, Delivery, Refused, Unavailable, Unknown
from coopflow.core.segments import fits_gsm
from coopflow.errors import Invalid
from coopflow.secrets import Secret

KEY = "{key}"  # in the value of a parameter: coopflow's own key, so that a report can name it
LONGEST_ID = 200  # characters
LOOKED_THROUGH = 4096  # characters of an answer

Secrets = Mapping[str, Callable[[], Secret]]


class Gateway(Struct, frozen=True, kw_only=True):
    """How a gateway wants to be asked, and how its answers are to be read."""

    url: str
    method: str = "POST"  # GET | POST
    form: str = "form"  # form | json: how a POST carries the parameters
    to: str = "to"  # the parameter with the number
    text: str = "text"  # the parameter with the words
    key: str | None = None  # a parameter for coopflow's own key, which reports can name
    plus: bool = True  # whether the number keeps its +
    parameters: Mapping[str, str] = field(default_factory=dict)
    unicode_parameters: Mapping[str, str] = field(default_factory=dict)  # beside them, beyond the plain alphabet
    user: str | None = None  # for Basic authentication
    id_json: str | None = None  # where in a JSON answer the id stands: data.message_id
    id_pattern: str | None = None  # or a pattern that finds it in the text
    accepted_pattern: str | None = None  # what a good answer says, where the status alone does not tell
    refused_pattern: str | None = None  # what a 2xx answer says that took nothing
    opted_out_pattern: str | None = None  # what a refusal says of a family that has opted out
    duplicate_statuses: tuple[int, ...] = ()  # that mean: it is here already


class HttpGateway:
    """The channel."""

    name = "sms"
    transport = "http"
    dedupes = False

    def __init__(
        self,
        gateway: Gateway,
        web: Web,
        *,
        secret_parameters: Secrets | None = None,
        secret_headers: Secrets | None = None,
        password: Callable[[], Secret] | None = None,
    ) -> None:
        self._gateway = gateway
        self._web = web
        self._secret_parameters = secret_parameters or {}
        self._secret_headers = secret_headers or {}
        self._password = password
        self._who = urlsplit(gateway.url).netloc

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        """Hand one text over."""
        try:
            to, text = require_text(message)
            secret = {name: read().reveal() for name, read in self._secret_parameters.items()}
            headers = self._headers()
        except MessageRefused as problem:
            return Refused(str(problem))
        except Invalid as problem:
            return Unavailable(str(problem), True)
        answer = self._web.ask(self._request(self._given(message, to, text) | secret, headers), last_call)
        if not isinstance(answer, Answer):
            return answer
        return self._meaning(answer, message, (*secret.values(), *headers.values()))

    def close(self) -> None:
        """Do nothing: no connection outlives its request."""

    def _given(self, message: Message, to: str, text: str) -> dict[str, str]:
        wants = self._gateway
        own = {wants.to: to if wants.plus else to.removeprefix("+"), wants.text: text}
        beyond = {} if fits_gsm(text) else wants.unicode_parameters
        usual = {name: said.replace(KEY, message.key) for name, said in {**wants.parameters, **beyond}.items()}
        return {**usual, **own, **({wants.key: message.key} if wants.key else {})}

    def _headers(self) -> dict[str, str]:
        headers = {name: read().reveal() for name, read in self._secret_headers.items()}
        if self._password is not None:
            pair = f"{self._gateway.user}:{self._password().reveal()}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        return headers

    def _request(self, given: Mapping[str, str], headers: Mapping[str, str]) -> Request:
        url = self._gateway.url
        if self._gateway.method == "GET":
            mark = "&" if urlsplit(url).query else "?"
            return Request(method="GET", url=f"{url}{mark}{urlencode(given)}", headers=headers)
        if self._gateway.form == "json":
            kind, body = "application/json", json.dumps(given).encode()
        else:
            kind, body = "application/x-www-form-urlencoded", urlencode(given).encode()
        return Request(method="POST", url=url, headers={**headers, "Content-Type": kind}, body=body)

    def _meaning(self, answer: Answer, message: Message, secrets: tuple[str, ...]) -> Delivery:
        wants = self._gateway
        text = answer.body[:LOOKED_THROUGH].decode("utf-8", errors="replace")
        said = f"{self._who} answered {answer.status}: {excerpt(answer.body, secrets) or 'nothing'}"
        if answer.status in wants.duplicate_statuses:  # it has come before: that is what was wanted
            return Accepted(self._id(answer, text))
        if 400 <= answer.status < 500 and _says(wants.opted_out_pattern, text):
            return Refused(said, opted_out=True)
        if fate := by_status(answer, who=self._who, at=message.at, key=message.key):
            return fate
        if answer.status >= 400:
            return Refused(said)
        if _says(wants.refused_pattern, text):
            return Refused(said, opted_out=_says(wants.opted_out_pattern, text))
        if wants.accepted_pattern and not _says(wants.accepted_pattern, text):
            return Unknown(f"{said}; this is not what a good answer says")
        reference = self._id(answer, text)
        if reference is None and (wants.id_json or wants.id_pattern):
            return Unknown(f"{said}; there is no id in it")
        return Accepted(reference)

    def _id(self, answer: Answer, text: str) -> str | None:
        if self._gateway.id_json:
            found: Any = read_object(answer.body)
            for part in self._gateway.id_json.split("."):
                found = _inside(found, part)
        else:
            match = re.search(self._gateway.id_pattern, text) if self._gateway.id_pattern else None
            found = match[1] if match else None
        if isinstance(found, bool) or not isinstance(found, str | int):
            return None
        usable = str(found).isprintable() and 0 < len(str(found)) <= LONGEST_ID
        return str(found) if usable else None


def _inside(found: Any, part: str) -> Any:
    """One step down a path; a number counts in a list."""
    if isinstance(found, list):
        return found[int(part)] if part.isdigit() and int(part) < len(found) else None
    return found.get(part) if isinstance(found, dict) else None


def _says(pattern: str | None, text: str) -> bool:
    return pattern is not None and re.search(pattern, text) is not None
