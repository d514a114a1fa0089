"""The kinds of value that `coopflow.yaml` holds: each with its check, and its sentence when it fails."""

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from ipaddress import ip_address
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from coopflow.channels.mail import require_link
from coopflow.core.allowed import allowed_by
from coopflow.core.durations import Duration
from coopflow.core.timing import (
    ALWAYS,
    BUSINESS_HOURS,
    TEXT_HOURS,
    OpenHours,
    instant_of,
    narrowed,
    never_opens,
    parse_window,
    zone,
)
from coopflow.core.wording import shown

LONGEST_LINE = 200
LONGEST_CLOSURE = 366  # days; a longer one is a slip in the year
FIXED_WINDOWS = ("always",)
BUILT_IN_WINDOWS = (BUSINESS_HOURS.name, TEXT_HOURS.name, ALWAYS.name)
LONGEST_REPLY_MAILBOX = 40  # characters before the @ of the address for replies: the instance's mark comes behind them
LONGEST_LINK = 400
LONGEST_TAG = f"i{10**18 - 1}-{0:012}"
LONGEST_TIMEOUT = 300  # seconds
LONGEST_SPREAD = 8 * 3600  # seconds; more than a working day is no spread but a delay
LONGEST_REST = 24 * 3600  # seconds; a message that should wait longer has a delay

_CLOSED = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:\s+to\s+([0-9]{4}-[0-9]{2}-[0-9]{2}))?")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ATTRIBUTE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
_ADDRESS = re.compile(r"[^@\s<>,;:\"()]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_PING_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-?A-~]{0,500})?")  # no @ anywhere
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")


def no_secret(key: str, *, among_parameters: bool = False) -> str:
    """What to do with a secret that stands in the file. It never repeats the secret."""
    if among_parameters:
        return (
            f"secrets have no place in this file; write 'parameters_env: {{{key}: NAME}}' and keep it in that "
            f"environment variable, or 'parameters_file: {{{key}: PATH}}' and keep it in a file that only you can read"
        )
    return (
        f"secrets have no place in this file; write '{key}_env: NAME' and keep it in that environment variable, "
        f"or '{key}_file: PATH' and keep it in a file that only you can read"
    )


def expanded(closed_days: Iterable[str]) -> list[str]:
    """Every single day of days and ranges that have been checked, in order."""
    days: set[date] = set()
    for text in closed_days:
        first, last = _first_and_last(text)
        days.update(first + timedelta(number) for number in range((last - first).days + 1))
    return [day.isoformat() for day in sorted(days)]


def _first_and_last(text: str) -> tuple[date, date]:
    found = _CLOSED.fullmatch(text)
    if not found:
        raise ValueError(
            f"{shown(text)} is not a day or a range of days; write for example 2026-11-26 or 2026-12-21 to 2027-01-01"
        )
    first, last = _day(found[1]), _day(found[2] or found[1])
    if last < first:
        raise ValueError(f"{shown(text)} ends before it begins")
    if (last - first).days >= LONGEST_CLOSURE:
        raise ValueError(f"{shown(text)} is longer than a year")
    return first, last


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a day of the calendar") from None


def _closed_days(text: str) -> str:
    _first_and_last(text)
    return text


def _line(text: str) -> str:
    if not text.strip():
        raise ValueError("the text is empty")
    if "\n" in text.strip() or len(text) > LONGEST_LINE:
        raise ValueError(f"expected one line of at most {LONGEST_LINE} characters")
    return text.strip()


def _time_zone(text: str) -> str:
    zone(text)
    return text


def _country(text: str) -> str:
    if re.fullmatch(r"[A-Z]{2}", text):
        return text
    meant = f". Did you mean '{text.upper()}'?" if re.fullmatch(r"[a-zA-Z]{2}", text) else ""
    raise ValueError(f"{shown(text)} is not a country; write its two letters, as in 'US'{meant}")


def _subdivision(text: str) -> str:
    if re.fullmatch(r"[A-Z0-9]{1,3}", text):
        return text
    short = re.fullmatch(r"[A-Za-z]{2}-([A-Za-z0-9]{1,3})|([a-z]{1,3})", text)
    meant = f". Did you mean '{(short[1] or short[2]).upper()}'?" if short else ""
    raise ValueError(f"{shown(text)} is not a subdivision; write its code without the country, as in 'IL'{meant}")


def _days(value: Any) -> Any:
    _window_part("days", value, {"hours": "00:00-24:00"})
    return value


def _hours(value: Any) -> Any:
    _window_part("hours", value, {"days": "every day"})
    return value


def _resume_at(value: Any, info: ValidationInfo) -> Any:
    """Looked at together with the hours, if those are in order."""
    hours = info.data.get("hours", "00:00-24:00")
    _window_part("resume_at", value, {"days": "every day", "hours": hours})
    return value


def _window_part(key: str, value: Any, rest: dict[str, Any]) -> None:
    """Check one key of a window as the rules of time read it; the sentence leaves out what its place says already."""
    try:
        parse_window("", {**rest, key: value})
    except ValueError as problem:
        raise ValueError(str(problem).removeprefix("window '': ").removeprefix(f"{key}: ")) from None


def _window_name(name: str) -> str:
    if name in FIXED_WINDOWS:
        raise ValueError(f"the window {shown(name)} is fixed; give yours another name")
    return _word(name)


def text_hours_fault(spec: Any) -> str | None:
    """Why text hours of the co-op's own are not possible; None: they are, or something else is wrong with them."""
    try:
        window = parse_window(TEXT_HOURS.name, spec) if isinstance(spec, dict) else TEXT_HOURS
    except (ValueError, TypeError):
        return None  # said where it is
    try:
        narrowed(window, TEXT_HOURS)
    except ValueError as problem:
        return str(problem)
    return None


def closed_for_a_year(name: str, spec: Any, closed_days: Any, time_zone: Any) -> str | None:
    """Why a window never opens for a year, closed days and all; None: it does, or something else is wrong."""
    try:
        window, tz = parse_window(name, spec), zone(time_zone)
        closed = dict.fromkeys(map(date.fromisoformat, expanded(closed_days or [])), "")
    except (ValueError, TypeError, AttributeError):
        return None  # said where it is
    first_days = [day for day in closed if day - timedelta(1) not in closed]
    hours = (OpenHours((window,), tz, closed),)
    return next((fault for day in first_days if (fault := never_opens(hours, since=_midnight(day, tz)))), None)


def _midnight(day: date, tz: ZoneInfo) -> datetime:
    return instant_of(datetime.combine(day, time()), tz)


def outside(allow: Any, channel: str, address: str) -> str | None:
    """Why an address is not one of those allowed; None: it is, or something else is wrong."""
    if not isinstance(allow, dict):
        return None
    listed = {key: allow.get(key) or [] for key in ("domains", "numbers")}
    if not all(isinstance(part, str) for part in (*listed["domains"], *listed["numbers"])):
        return None  # said where it is
    bare = address if channel == "email" else re.sub(r"[\s().-]", "", address)
    return allowed_by(listed).refusal(channel, bare)


def _length(text: str) -> str:
    return str(Duration.parse(text))


def _period(text: str) -> str:
    length = Duration.parse(text)
    if not length or length.business_days:
        raise ValueError(f"{shown(text)} is not a period; write hours, days or months, as in '7 days'")
    return str(length)


def _spread(text: str) -> str:
    length = Duration.parse(text)
    if not 0 < length.seconds <= LONGEST_SPREAD or length != Duration(seconds=length.seconds):
        raise ValueError(f"{shown(text)} is not a spread; write minutes or hours, up to 8 hours, as in '45 minutes'")
    return str(length)


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError(f"{shown(text)} is not one word: small letters, digits and _, with a letter first")
    return text


def _attribute(text: str) -> str:
    if not _ATTRIBUTE.fullmatch(text):
        raise ValueError(f"{shown(text)} is not one word: letters, digits and _, with a letter first")
    return text


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text) or len(text) > 254:
        raise ValueError(f"{shown(text)} is not an e-mail address; write for example office@example.org")
    return text


def _reply_address(text: str) -> str:
    if len(_address(text).partition("@")[0]) > LONGEST_REPLY_MAILBOX:
        raise ValueError(
            f"the part before the @ has at most {LONGEST_REPLY_MAILBOX} characters, as a mark is added to it"
        )
    return text


def _link(text: str) -> str:
    if len(text) > LONGEST_LINK:
        raise ValueError(f"a link to unsubscribe has at most {LONGEST_LINK} characters")
    require_link(text.replace("{tag}", LONGEST_TAG))
    return text


def _timeout(text: str) -> str:
    length = Duration.parse(text)
    if not 1 <= length.seconds <= LONGEST_TIMEOUT or length != Duration(seconds=length.seconds):
        raise ValueError(
            f"{shown(text)} is not a time-out; write seconds or minutes, up to 5 minutes, as in '30 seconds'"
        )
    return str(length)


def is_this_machine(host: Any) -> bool:
    """Whether a name stands for the machine that coopflow runs on."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _host(text: str) -> str:
    if _is_ipv6(text):
        return text
    if "@" in text:
        raise ValueError(f"{shown(text)} is an e-mail address; write the server's name, as in smtp.example.org")
    if re.fullmatch(r"[^:]+:[0-9]+", text):
        raise ValueError(
            f"{shown(text)} has a port in it; write the port as a key of its own, port: {text.split(':')[1]}"
        )
    if not _HOST.fullmatch(text):
        raise ValueError(f"{shown(text)} is not the name of a server; write for example smtp.example.org")
    return text


def _is_ipv6(text: str) -> bool:
    try:
        return ip_address(text).version == 6
    except ValueError:
        return False


def _variable_name(text: str) -> str:
    if not _VARIABLE.fullmatch(text):  # not repeated: it may be the password itself
        raise ValueError("expected the name of an environment variable, as in SMTP_PASSWORD")
    return text


def _database(text: str) -> str:
    """A path; `sqlite:///PATH` is turned into one."""
    scheme, mark, rest = text.partition("://")
    if not mark:
        return _line(text)
    if scheme != "sqlite" or not rest.startswith("/") or not rest[1:]:
        # the URL is not repeated: there may be a password in it
        raise ValueError("this version keeps its data in SQLite only; write a path, as in coopflow.db")
    return rest[1:]


def _number(text: str) -> str:
    bare = re.sub(r"[\s().-]", "", text)
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", bare):
        raise ValueError(f"{shown(text)} is not a phone number with its country; write for example '+1 312 555 0100'")
    return bare


def _allowed_numbers(text: str) -> str:
    bare = re.sub(r"[\s().-]", "", text)
    if not re.fullmatch(r"\+[0-9]{0,15}", bare):
        raise ValueError(f"{shown(text)} is not the beginning of phone numbers; write for example '+1', or '+' for all")
    return bare


def _allowed_domain(text: str) -> str:
    if text != "*" and ("@" in text or not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", text)):
        raise ValueError(f"{shown(text)} is not a domain; write for example example.org, or '*' for all")
    return text.lower()


def _rest(text: str) -> str:
    length = Duration.parse(text)
    if not 0 < length.seconds <= LONGEST_REST or length != Duration(seconds=length.seconds):
        raise ValueError(f"{shown(text)} is not a rest; write minutes or hours, up to 1 day, as in '5 minutes'")
    return str(length)


def _ping_url(text: str) -> str:
    if not _PING_URL.fullmatch(text):  # not repeated: there may be a password in it
        raise ValueError("expected an address such as https://hc.example.org/ping/1234, without a user or a password")
    return text


Line = Annotated[str, AfterValidator(_line)]
Word = Annotated[str, AfterValidator(_word)]
Attribute = Annotated[str, AfterValidator(_attribute)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Country = Annotated[str, AfterValidator(_country)]
Subdivision = Annotated[str, AfterValidator(_subdivision)]
ClosedDays = Annotated[str, AfterValidator(_closed_days)]
WindowName = Annotated[str, AfterValidator(_window_name)]
Days = Annotated[str | list[str], BeforeValidator(_days)]
Length = Annotated[str, AfterValidator(_length)]
Period = Annotated[str, AfterValidator(_period)]
Spread = Annotated[str, AfterValidator(_spread)]
Hours = Annotated[str | list[str], BeforeValidator(_hours)]
ResumeAt = Annotated[str, BeforeValidator(_resume_at)]
Address = Annotated[str, AfterValidator(_address)]
ReplyAddress = Annotated[str, AfterValidator(_reply_address)]
Link = Annotated[str, AfterValidator(_link)]
Timeout = Annotated[str, AfterValidator(_timeout)]
Host = Annotated[str, AfterValidator(_host)]
VariableName = Annotated[str, AfterValidator(_variable_name)]
Database = Annotated[str, AfterValidator(_database)]
Number = Annotated[str, AfterValidator(_number)]
AllowedNumbers = Annotated[str, AfterValidator(_allowed_numbers)]
AllowedDomain = Annotated[str, AfterValidator(_allowed_domain)]
Rest = Annotated[str, AfterValidator(_rest)]
PingUrl = Annotated[str, AfterValidator(_ping_url)]
