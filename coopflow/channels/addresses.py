"""What counts as an email address and as a phone number.

`check_email` and `check_phone` read what people wrote, once, when it comes in. `require_mailbox` and `require_number`
are the narrow gate that everything passes on its way out, whatever the database holds by then. No sentence repeats the
address: the caller knows it, and reasons end up in the audit trail, where addresses do not belong.
"""

import re
from typing import TYPE_CHECKING

from coopflow.core.wording import shown
from coopflow.core.zones import zone

if TYPE_CHECKING:
    import phonenumbers

# By country code, where the numbering data names another country's zone, which had the same hours once.
COUNTRIES_WITH_A_ZONE = {
    211: ("Africa/Juba",),
    212: ("Africa/Casablanca",),
    213: ("Africa/Algiers",),
    218: ("Africa/Tripoli",),
    505: ("America/Managua",),
}
MOST_ZONES = 4  # a number that may be in more places than these says nothing about the time of day there
EMAIL_LIMIT = 254  # characters; RFC 5321 leaves no room for more between the angle brackets

_BLANKS = " \t\r\n\xa0"  # what a cell of a spreadsheet may have around it
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MAILBOX = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")  # E.164
_NOT_IN_A_PHONE = re.compile(
    r"[^\d+()./ \t\xa0\u2009\u202f\-\u2010-\u2015"
    r"\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # invisible marks of direction: address books paste them around numbers
)


def check_email(text: str) -> str:
    """Answer with the address as it goes over the wire, an IDN as A-label; raise ValueError, a sentence."""
    from email_validator import EmailNotValidError, validate_email

    text = text.strip(_BLANKS)
    if len(text) > EMAIL_LIMIT:
        raise ValueError(f"an email address has at most {EMAIL_LIMIT} characters, this one has {len(text)}")
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise ValueError(f"not an email address: {error}") from None
    return require_mailbox(found.ascii_email or "")


def check_phone(text: str, default_region: str | None = None) -> str:
    """Answer with the number in E.164; raise ValueError, a sentence. Without a region it must begin with `+`."""
    import phonenumbers

    text = text.strip(_BLANKS)
    if default_region is not None and default_region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"{shown(default_region)} is no country with phone numbers: two capital letters, as in US")
    if odd := _NOT_IN_A_PHONE.search(text):
        raise ValueError(
            f"a phone number has digits, blanks and + ( ) . - / only, no extension, not {shown(odd.group())}"
        )
    if default_region is None and "+" not in text:
        raise ValueError("a phone number without its country: write it with + and the country code, as in +15128675309")
    try:
        number = phonenumbers.parse(text, default_region)
    except phonenumbers.NumberParseException as error:
        raise ValueError(f"not a phone number: {str(error).partition(') ')[2]}") from None
    _refuse_short_number(text, number, default_region)
    _refuse_unfit_number(number)
    return require_number(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def likely_zones(phone: str) -> tuple[str, ...]:
    """The time zones of the area that a number in E.164 belongs to; none where it does not say."""
    from phonenumbers import NumberParseException, parse
    from phonenumbers.timezone import time_zones_for_number

    try:
        number = parse(phone)
    except NumberParseException:
        return ()
    keys = COUNTRIES_WITH_A_ZONE.get(number.country_code or 0) or time_zones_for_number(number)
    return tuple(keys) if len(keys) <= MOST_ZONES and all(map(_is_zone, keys)) else ()


def _is_zone(key: str) -> bool:
    try:
        zone(key)
    except ValueError:  # Etc/Unknown, or a zone that this machine has not heard of
        return False
    return True


def require_mailbox(text: str) -> str:
    """Answer with the text if it is one plain ASCII address: no name, comment, quote, group, list or encoded word."""
    if len(text) > EMAIL_LIMIT or not _MAILBOX.fullmatch(text) or "=?" in text:
        raise ValueError("the email address is not one plain address (name@domain, ASCII, no quotes or comments)")
    return text


def require_number(text: str) -> str:
    """Answer with the text if it is a number in E.164: `+`, country code, digits, nothing else."""
    if not _NUMBER.fullmatch(text):
        raise ValueError("the phone number is not in international form (+ and 7 to 15 digits)")
    return text


def _refuse_short_number(text: str, number: "phonenumbers.PhoneNumber", region: str | None) -> None:
    from phonenumbers import is_emergency_number, is_valid_short_number_for_region

    if region is None or "+" in text:  # a short number has no country code
        return
    if is_emergency_number(text, region):
        raise ValueError("an emergency number")
    if is_valid_short_number_for_region(number, region):
        raise ValueError("a short number of a service, not a person's phone")


def _refuse_unfit_number(number: "phonenumbers.PhoneNumber") -> None:
    from phonenumbers import PhoneNumberType, is_valid_number, number_type

    if not is_valid_number(number):
        raise ValueError(f"not a phone number: {_what_is_wrong(number)}")
    if number_type(number) in (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST):
        raise ValueError("a number that charges whoever calls it (premium rate or shared cost)")


def _what_is_wrong(number: "phonenumbers.PhoneNumber") -> str:
    from phonenumbers import ValidationResult, is_possible_number_with_reason

    sentences = {
        ValidationResult.TOO_SHORT: "it is too short",
        ValidationResult.TOO_LONG: "it is too long",
        ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "the area code is missing",
    }
    return sentences.get(is_possible_number_with_reason(number), "its country has no such number")
