"""Message templates: front matter and a Markdown body with `{{ names }}`, checked when loaded and filled in strictly.

    ---
    subject: Thinking of you, {{ family_name }}
    kind: outreach
    ---
    Dear {{ family_name }} family, …

On its way a template passes `front_matter`, `grammar` (what it may contain), `sandbox` (which fills it in) and
`markdown` (which makes the HTML). A text message is the body alone; front matter is optional there.
"""

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Template, nodes
from msgspec import Struct

from coopflow.core.wording import did_you_mean
from coopflow.texts import sandbox
from coopflow.texts.errors import MessageError, RenderError
from coopflow.texts.front_matter import MessageTemplate, split
from coopflow.texts.grammar import Survey
from coopflow.texts.markdown import html_of, unsafe_links
from coopflow.texts.values import CLOSE, OPEN

__all__ = [
    "MessageError",
    "MessageTemplate",
    "RenderError",
    "Rendered",
    "check_message",
    "check_value",
    "names_used",
    "parse_message",
    "render_email",
    "render_text",
    "render_value",
]

LONGEST_MAIL = 256 * 1024  # characters
LONGEST_TEXT = 1_600
LONGEST_SUBJECT = 200
LINE_BREAK = re.compile(r"[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
A_VALUE = f"{OPEN}0{CLOSE}"  # how an outline marks the first value
ENCODED_WORD = re.compile(r"=\?.*\?=", re.DOTALL)  # a mail program would decode it, whatever it hides


class Rendered(Struct, frozen=True):
    """A mail's words for one family."""

    subject: str
    text: str
    html: str


def parse_message(source: str, *, name: str) -> MessageTemplate:
    """Read a template; raise MessageError, with its line, for the first thing wrong with it."""
    try:
        message = split(source, name)
        _prepared(message)
    except MessageError as error:
        raise MessageError(error.sentence, line=error.line, name=name) from None
    return message


def names_used(source: str) -> frozenset[str]:
    """Every name that a template needs, dotted as written; raise MessageError."""
    return frozenset(name for _, name in _surveyed(split(source)).names)


def check_message(source: str, allowed: Collection[str], internal: Collection[str]) -> list[tuple[int, str]]:
    """Find everything wrong with a template, by line: what cannot be said, unknown names, names only the co-op may see.

    A dotted name is allowed if it, or what it begins with, is in `allowed`; it is internal if any part of it is in
    `internal`.
    """
    try:
        message = split(source)
        found = _surveyed(message)
        problems = found.problems + [
            (line, problem) for line, name in found.names for problem in _name_problems(name, allowed, internal)
        ]
        if not found.problems:
            _prepared(message)
            problems += _link_problems(message)
    except MessageError as error:
        return [(error.line, error.sentence)]
    return sorted(dict.fromkeys(problems))


def render_email(source: str, context: Mapping[str, Any], *, footer: str | None = None) -> Rendered:
    """Fill a mail in for one family; raise RenderError, which names what is missing, empty or not fit to be sent."""
    subject_template, body_template = _ready_to_fill(source)
    if subject_template is None:
        raise RenderError("the message has no subject")
    subject = _subject(sandbox.fill(subject_template, context, room=LONGEST_MAIL).filled())
    outline = _tidy(sandbox.fill(body_template, context, room=LONGEST_MAIL))
    text = outline.filled() + (f"\n\n-- \n{footer.strip()}" if footer else "")
    return Rendered(subject, f"{text}\n", html_of(outline, title=subject, footer=footer))


def render_text(source: str, context: Mapping[str, Any]) -> str:
    """Fill a text message in for one family; raise RenderError."""
    _, body_template = _ready_to_fill(source)
    return _tidy(sandbox.fill(body_template, context, room=LONGEST_TEXT)).filled()


def render_value(source: str, context: Mapping[str, Any]) -> str:
    """Fill one value of a request in; raise RenderError. It may come to nothing, if the template says so."""
    try:
        template = _ready_value(source)
    except MessageError as error:
        raise RenderError(f"the template is not valid: {error}") from error
    return sandbox.fill(template, context, room=LONGEST_MAIL).filled()


def check_value(source: str, allowed: Collection[str]) -> list[tuple[int, str]]:
    """Find everything wrong with a value's template, by line. No family reads it, so no name is internal."""
    try:
        _, found = sandbox.read(source)
    except MessageError as error:
        return [(error.line, error.sentence)]
    names = [(line, problem) for line, name in found.names for problem in _name_problems(name, allowed, ())]
    return sorted(dict.fromkeys([*found.problems, *names]))


@lru_cache(maxsize=512)
def _ready_value(source: str) -> Template:
    return sandbox.compiled(source)


def _ready_to_fill(source: str) -> tuple[Template | None, Template]:
    """A template that should not have been loaded holds up its family's message, no more."""
    try:
        return _ready(source)
    except MessageError as error:
        raise RenderError(f"the message template is not valid: {error}") from error


@lru_cache(maxsize=512)
def _ready(source: str) -> tuple[Template | None, Template]:
    return _prepared(split(source))


def _prepared(message: MessageTemplate) -> tuple[Template | None, Template]:
    subject = sandbox.compiled(message.subject, line=message.subject_line) if message.subject else None
    return subject, sandbox.compiled(message.body, line=message.body_line)


def _surveyed(message: MessageTemplate) -> Survey:
    """What subject and body contain, by the lines of the file."""
    both = Survey()
    for source, first in ((message.subject or "", message.subject_line), (message.body, message.body_line)):
        _, found = sandbox.read(source, line=first)
        both.names += [(first - 1 + line, name) for line, name in found.names]
        both.problems += [(first - 1 + line, problem) for line, problem in found.problems]
    return both


def _name_problems(name: str, allowed: Collection[str], internal: Collection[str]) -> list[str]:
    parts = name.split(".")
    if secret := next((part for part in parts if part in internal), None):
        return [f"'{name}' is only for the co-op to see" + ("" if secret == name else f" ('{secret}' is internal)")]
    if any(".".join(parts[:length]) in allowed for length in range(1, len(parts) + 1)):
        return []
    return [f"there is no '{name}' for this message{did_you_mean(name, sorted(set(allowed) - set(internal)))}"]


def _link_problems(message: MessageTemplate) -> list[tuple[int, str]]:
    tree, _ = sandbox.read(message.body)
    words = (node for output in tree.find_all(nodes.Output) for node in output.nodes)
    text = "".join(node.data if isinstance(node, nodes.TemplateData) else A_VALUE for node in words)
    problems = []
    for link in unsafe_links(text):
        before = message.body.partition(link)[0] if link in message.body else ""
        line = message.body_line + before.count("\n")
        problems.append((line, f"the link '{link}' is neither https:// nor mailto:"))
    return problems


def _subject(words: str) -> str:
    if LINE_BREAK.search(words):
        raise RenderError("the subject has a line break or a tab")
    if not words.strip():
        raise RenderError("the subject is empty")
    if len(words) > LONGEST_SUBJECT:
        raise RenderError(f"the subject has {len(words):,} characters; {LONGEST_SUBJECT} are possible")
    if ENCODED_WORD.search(words):
        raise RenderError("the subject holds an encoded word (=?…?=)")
    return words.strip()


def _tidy(outline: sandbox.Outline) -> sandbox.Outline:
    """Close the gaps that tags leave; the values are not touched."""
    text = re.sub(r"\n(?:[ \t]*\n){2,}", "\n\n", outline.text).strip()
    if not text:
        raise RenderError("the message is empty")
    return sandbox.Outline(text, outline.values)
