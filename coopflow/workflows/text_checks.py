"""The texts that a workflow sends: that they exist, use only names that are there, and say nothing internal."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from coopflow.core.consent import OUTREACH, TRANSACTIONAL
from coopflow.core.facts import INTERNAL_FIELDS
from coopflow.core.segments import MOST_SEGMENTS, sms_segments
from coopflow.core.wording import shown
from coopflow.problems import Problem, did_you_mean
from coopflow.strict_yaml import Source
from coopflow.texts.errors import MessageError
from coopflow.texts.front_matter import split
from coopflow.workflows.fields import is_short_name
from coopflow.workflows.known import CONTEXT_NAMES, Known
from coopflow.workflows.outline import Outline, Spot

SAMPLE = "Martinez-Smith"  # stands for a value when a text is measured

Languages = Mapping[str, str]  # language, "" for the default, → source text
Messages = Mapping[str, Languages]  # template_id → its languages

_PLACEHOLDER = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_TAG = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def check_texts(file: Outline, source: Source, known: Known, messages: Messages) -> Iterator[Problem]:
    """Every text of a file's steps. A message template's own problems bear the template's file and line."""
    for spot in file.spots:
        if spot.type not in ("email", "sms"):
            continue
        allowed = known.names_for_texts() | _vars(spot)
        yield from _hidden(spot, source)
        if spot.type == "email" and known.no_outreach and _is_outreach(spot, messages):
            yield source.problem((*spot.loc, "type"), f"this is outreach, and {known.no_outreach}", warning=True)
        message, template_id = spot.data.get("message"), spot.data.get("template_id")
        if isinstance(message, str) and message:
            yield from _inline(spot, source, allowed)
        elif isinstance(template_id, str) and is_short_name(template_id):
            yield from _template(template_id, spot, source, messages, allowed)


def _is_outreach(spot: Spot, messages: Messages) -> bool:
    kind, template_id = spot.data.get("kind"), spot.data.get("template_id")
    if kind is None and isinstance(template_id, str) and template_id in messages:
        return kind_of(template_id, messages) == OUTREACH
    return bool(kind != TRANSACTIONAL)


def message_file(template_id: str, language: str) -> str:
    """The name of a message template's file."""
    return f"{template_id}.{language}.md" if language else f"{template_id}.md"


def _vars(spot: Spot) -> frozenset[str]:
    own = spot.data.get("template_vars")
    return frozenset(own) if isinstance(own, Mapping) else frozenset()


def _hidden(spot: Spot, source: Source) -> Iterator[Problem]:
    """A step's own value must not take the place of the family's name, nor carry a name that no text may use."""
    for name in sorted(_vars(spot)):
        loc = (*spot.loc, "template_vars", name)
        if name in CONTEXT_NAMES:
            yield source.problem(loc, f"'{name}' is filled in by coopflow; choose another name", on_key=True)
        elif name in INTERNAL_FIELDS:
            yield source.problem(loc, f"'{name}' is only for the co-op to see", on_key=True)


def _inline(spot: Spot, source: Source, allowed: frozenset[str]) -> Iterator[Problem]:
    text, loc = spot.data["message"], (*spot.loc, "message")
    found = _faults(text, allowed)
    for line, sentence in found:
        at = f" (line {line} of the text)" if "\n" in text.strip() else ""
        yield source.problem(loc, f"{sentence}{at}")
    if not found:
        yield from (source.problem(loc, sentence, warning=mild) for sentence, mild in _length(text))


def _template(
    template_id: str, spot: Spot, source: Source, messages: Messages, allowed: frozenset[str]
) -> Iterator[Problem]:
    loc = (*spot.loc, "template_id")
    languages = messages.get(template_id)
    if languages is None:
        hint = did_you_mean(template_id, messages)
        yield source.problem(loc, f"there is no messages/{template_id}.md.{hint}".removesuffix("."))
        return
    if "" not in languages:
        there = ", ".join(message_file(template_id, language) for language in sorted(languages))
        yield source.problem(loc, f"there is {there}, but no messages/{template_id}.md for all other languages")
    folder = source.path.rpartition("/")[0]
    for language, text in sorted(languages.items()):
        path = "/".join(filter(None, (folder, "messages", message_file(template_id, language))))
        found = list(_source_faults(text, spot, allowed))
        for line, sentence, mild in found:
            yield Problem(path, line, 1, "", f"{sentence} (used by step '{spot.label}')", mild)
        if language and all(mild for _, _, mild in found):
            for sentence in _unlike(text, languages.get("", text), message_file(template_id, "")):
                yield Problem(path, 1, 1, "", sentence, warning=True)


@lru_cache(maxsize=1024)
def _unlike(text: str, default: str, name: str) -> tuple[str, ...]:
    """What a language says otherwise than the default one: most likely something that was changed in one place only."""
    try:
        own, usual = _names(text), _names(default)
    except MessageError:  # the default's own problem, which is told
        return ()
    kinds = [split(source).kind for source in (text, default)]
    mixed = f"it is {kinds[0]}, and {name} is {kinds[1]}: both count as outreach" if kinds[0] != kinds[1] else ""
    more = f"it uses {listed(sorted(own - usual))}, which {name} does not" if own - usual else ""
    less = f"it does not use {listed(sorted(usual - own))}, which {name} does" if usual - own else ""
    return tuple(filter(None, (mixed, more, less)))


def _names(text: str) -> frozenset[str]:
    from coopflow.texts.messages import names_used

    return names_used(text)


def listed(names: Iterable[str]) -> str:
    """`'a', 'b' and 'c'`."""
    *before, last = [shown(name) for name in names]
    return f"{', '.join(before)} and {last}" if before else last


def _source_faults(text: str, spot: Spot, allowed: frozenset[str]) -> Iterator[tuple[int, str, bool]]:
    found = _faults(text, allowed)
    yield from ((line, sentence, False) for line, sentence in found)
    if found:
        return
    message = split(text)
    if spot.type == "sms":
        yield from ((message.body_line, sentence, mild) for sentence, mild in _length(message.body))
    elif message.subject is None:
        yield 1, "a mail needs a subject: begin the file with ---, subject: words, ---", False


@lru_cache(maxsize=1024)
def _faults(text: str, allowed: frozenset[str]) -> tuple[tuple[int, str], ...]:
    """Kept, since many steps share a text, and jinja2 takes milliseconds over each."""
    from coopflow.texts.messages import check_message

    return tuple(check_message(text, allowed, INTERNAL_FIELDS))


def _length(text: str) -> Iterator[tuple[str, bool]]:
    """How many texts a phone company makes of it, with names of usual length: a sentence, and whether it is mild."""
    count = sms_segments(_TAG.sub("", _PLACEHOLDER.sub(SAMPLE, text)).strip())
    if count > MOST_SEGMENTS:
        yield f"the text takes about {count} messages; at most {MOST_SEGMENTS} are possible", False
    elif count > 1:
        yield f"the text takes about {count} messages; one holds 160 plain characters, or 70 with others", True


def kind_of(template_id: str, messages: Messages) -> str:
    """What a message template says its kind is; outreach, if any of its languages does."""
    try:
        kinds = {split(text).kind for text in messages[template_id].values()}
    except MessageError:  # told elsewhere
        return OUTREACH
    return TRANSACTIONAL if kinds == {TRANSACTIONAL} else OUTREACH


def used_messages(steps: Iterator[Mapping[str, Any]], messages: Messages) -> dict[str, dict[str, str]]:
    """The message templates that steps name, in all their languages."""
    names = {step["template_id"] for step in steps if "template_id" in step}
    return {name: dict(sorted(messages[name].items())) for name in sorted(names)}
