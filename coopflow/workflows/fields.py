"""The kinds of value that a workflow file holds: each with its check, its sentence when that fails, and its schema."""

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from coopflow.core.anchors import ATTRIBUTES
from coopflow.core.date_rules import parse_date_rule
from coopflow.core.durations import Duration as Length
from coopflow.core.instants import require_year
from coopflow.core.web_addresses import require_url
from coopflow.core.wording import shown
from coopflow.schema_problems import found as words_for

LONGEST_NAME = 200
LONGEST_WORD = 64  # of a step's id, an event, a group: what people type in commands
RESERVED_IDS = frozenset(
    {"hold", "continue", "fail", "escalate"}
)  # words that mean something where a step's id may stand

OWN_HEADERS = frozenset(
    {
        "host",
        "content-length",
        "content-type",
        "transfer-encoding",
        "connection",
        "idempotency-key",
        "expect",
        "upgrade",
    }
)

A_CONDITION = "expected a condition (one line of text; all, any or not; or field, operator and value)"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-5][0-9])")
_BEGINS_AS_A_DATE = re.compile(r"[0-9]{4}-")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
_ANOTHER_DATE = re.compile(r"[0-9]{1,4}[./][0-9]{1,2}[./][0-9]{1,4}")
_PLACEHOLDER = re.compile(r"\{\{|\{%")


def duration(found: Any) -> Any:
    """The length of time in its usual form; what is neither text nor a whole number is left for pydantic to refuse."""
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    return str(Length.parse(found)) if isinstance(found, str) else found


def is_short_name(text: str) -> bool:
    """True for what may be the name of a message template."""
    return len(text) <= LONGEST_WORD and _NAME.fullmatch(text) is not None


def is_date(text: str) -> bool:
    """True for what is meant as a day of the calendar, good or bad."""
    return _DATE.fullmatch(text) is not None


def _duration_or_day(found: Any) -> Any:
    if isinstance(found, str) and _ANOTHER_DATE.fullmatch(found):
        raise ValueError(f"{shown(found)} is not a day; write the year first, as in 2026-09-01")
    if not isinstance(found, str) or not is_date(found):
        return duration(found)
    return _day(found)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _name(text: str, longest: int) -> str:
    if len(text) > longest:
        raise ValueError(f"the name has {len(text)} characters; at most {longest} are possible")
    if not _NAME.fullmatch(text):
        meant = f". Did you mean '{_slug(text)}'?" if _slug(text) else ""
        raise ValueError(
            f"{shown(text)} is not a name: small letters, digits, _ and -, with a letter or digit first{meant}"
        )
    return text


def _workflow_name(text: str) -> str:
    return _name(text, LONGEST_NAME)


def _short_name(text: str) -> str:
    return _name(text, LONGEST_WORD)


def _step_id(text: str) -> str:
    if text in RESERVED_IDS:
        raise ValueError(f"'{text}' is a word of the language and cannot be a step's id")
    return _short_name(text)


def _word(text: str) -> str:
    if len(text) > LONGEST_WORD:
        raise ValueError(f"the word has {len(text)} characters; at most {LONGEST_WORD} are possible")
    if not _WORD.fullmatch(text):
        meant = f". Did you mean '{_slug(text)}'?" if _slug(text)[:1].isalpha() else ""
        raise ValueError(f"{shown(text)} is not one word: small letters, digits and _, with a letter first{meant}")
    return text


def _moment(text: str) -> str:
    if not _BEGINS_AS_A_DATE.match(text):
        return _date_rule(text)
    try:
        moment = datetime.fromisoformat(text)  # read in the family's zone, if it names none
    except ValueError:
        raise ValueError(f"{shown(text)} is not a date and time; write for example 2026-09-01T09:00") from None
    require_year(moment, text)
    if is_date(text):
        raise ValueError(f"{shown(text)} has no time of day; write for example {text}T09:00")
    return text


def _date_rule(text: str) -> str:
    try:
        return str(parse_date_rule(text))
    except ValueError:
        raise ValueError(
            f"{shown(text)} is not a date and time; write for example 2026-09-01T09:00,"
            " or '7 days before payment_due_on at 09:00'"
        ) from None


def _every(text: str) -> str:
    from coopflow.core.recurrence import parse_recurrence

    parse_recurrence(every=text)
    return " ".join(text.lower().split())


def _rrule(text: str) -> str:
    from coopflow.core.recurrence import parse_recurrence

    parse_recurrence(rule=text)
    return text.strip().removeprefix("RRULE:").upper()


def _day(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a day of the calendar; write for example 2026-09-01") from None
    require_year(day, text)
    return day.isoformat()


def _date_rules(found: Any) -> Any:
    rules = found if isinstance(found, list) else [found]
    if not rules or not all(isinstance(rule, str) for rule in rules):
        raise ValueError(f"expected a text such as '14 days before renewal_date' or a list, found {words_for(found)}")
    read = [str(parse_date_rule(rule)) for rule in rules]
    for rule in read:
        if read.count(rule) > 1:
            raise ValueError(f"{shown(rule)} is listed twice")
    return read


def _time_of_day(text: str) -> str:
    found = _CLOCK.fullmatch(text)
    if not found or int(found[1]) > 23:
        raise ValueError(f'{shown(text)} is not a time of day; write for example "09:00", in quotes')
    return f"{int(found[1]):02}:{found[2]}"


def _anchor(text: str) -> str:
    name = text.removeprefix(ATTRIBUTES)
    if name == text:
        return _short_name(text)
    if not _FIELD.fullmatch(name):
        raise ValueError(f"{shown(text)} names no date of a family; write for example {ATTRIBUTES}renewal_date")
    return text


def _header(name: str) -> str:
    if not _HEADER.fullmatch(name):
        raise ValueError(f"{shown(name)} is not the name of a header")
    if name.lower() in OWN_HEADERS:
        raise ValueError(f"the header {name} is set by coopflow")
    return name


def _header_value(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        raise ValueError("a header holds one line of plain ASCII characters")
    return text


def _variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):  # not repeated: it may be the secret itself
        raise ValueError("expected the name of an environment variable, as in N8N_TOKEN")
    return text


def _body(found: Any) -> Any:
    if not isinstance(found, dict):
        raise ValueError(f"expected a group of keys, found {words_for(found)}")
    return found


def _plain_text(text: str) -> str:
    """Text that is shown as it is: a placeholder in it would never be filled in."""
    if _PLACEHOLDER.search(text):
        raise ValueError("nothing is filled in here; {{ … }} works in message templates and in an sms's message")
    if not text.strip():
        raise ValueError("the text is empty")
    return text


def _scalar(found: Any) -> Any:
    if isinstance(found, str):
        return _plain_text(found) if found else found
    if not isinstance(found, int | float):
        raise ValueError(f"expected text, a number, true or false, found {words_for(found)}")
    return found


def _target(found: Any) -> Any:
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise ValueError(f"expected a step's id, or its number counted from 0, found {words_for(found)}")
    return found


def _join(found: Any) -> Any:
    if found in ("all", "any") or (isinstance(found, int) and not isinstance(found, bool) and found > 0):
        return found
    raise ValueError(f"expected 'all', 'any' or a number of branches, found {words_for(found)}")


def _condition(found: Any) -> Any:
    """Left as it is: `conditions.py` reads it, comparison by comparison, so that each has its place."""
    if isinstance(found, str | dict):
        return found
    raise ValueError(f"{A_CONDITION}, found {words_for(found)}")


# Where these stand, `schema.py` refers to one whole definition.
CONDITION_SCHEMA = {"title": "Condition"}
DURATION_SCHEMA = {"title": "Duration"}
EXAMPLES = ("5 minutes", "36 hours", "3 days", "2 business days", "1 month", "P3D")

WorkflowName = Annotated[str, AfterValidator(_workflow_name)]
ShortName = Annotated[str, AfterValidator(_short_name)]
StepId = Annotated[str, AfterValidator(_step_id)]
Word = Annotated[str, AfterValidator(_word)]
Text = Annotated[str, AfterValidator(_plain_text)]
Label = Annotated[str, StringConstraints(max_length=LONGEST_NAME), AfterValidator(_plain_text)]
Moment = Annotated[str, AfterValidator(_moment)]
Every = Annotated[str, AfterValidator(_every)]
Rrule = Annotated[str, AfterValidator(_rrule)]
Day = Annotated[str, AfterValidator(_day)]
DateRules = Annotated[str | list[str], BeforeValidator(_date_rules)]
TimeOfDay = Annotated[str, AfterValidator(_time_of_day)]
Anchor = Annotated[str, AfterValidator(_anchor)]
Duration = Annotated[str, BeforeValidator(duration), WithJsonSchema(DURATION_SCHEMA)]
DurationOrDay = Annotated[
    str,
    BeforeValidator(_duration_or_day),
    WithJsonSchema({"type": "string", "examples": ["1 business day", "3 days", "2026-09-01"]}),
]
Days = Annotated[int, Field(ge=0, le=3650)]
Scalar = Annotated[Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Target = Annotated[Any, BeforeValidator(_target), WithJsonSchema({"type": ["string", "integer"]})]
Join = Annotated[
    Any,
    BeforeValidator(_join),
    WithJsonSchema({"anyOf": [{"enum": ["all", "any"]}, {"type": "integer", "minimum": 1}]}),
]
Url = Annotated[str, AfterValidator(require_url)]
Header = Annotated[str, AfterValidator(_header)]
HeaderValue = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(_header_value)]
VariableName = Annotated[str, AfterValidator(_variable)]
Body = Annotated[Any, BeforeValidator(_body), WithJsonSchema({"type": "object"})]
Condition = Annotated[Any, BeforeValidator(_condition), WithJsonSchema(CONDITION_SCHEMA)]
