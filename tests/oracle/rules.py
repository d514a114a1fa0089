"""What is compared: rules of every shape, as plain data that both sides read in their own way."""

from dataclasses import dataclass

Range = tuple[int, int]  # minutes of the day


@dataclass(frozen=True)
class Hours:
    """Open on these days (0 is Monday) within these hours; what is shut out comes at `resume`."""

    ranges: tuple[Range, ...]
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    resume: int | None = None

    def range_at(self, weekday: int, minute: int) -> Range | None:
        return next((one for one in self.ranges if one[0] <= minute < one[1] and weekday in self.days), None)


@dataclass(frozen=True)
class Place:
    """All of these hours, on days that are not closed: days counted from the one on which the clocks change."""

    hours: tuple[Hours, ...]
    closed: tuple[int, ...] = ()
    elsewhere: bool = False  # in another zone than the family's


@dataclass(frozen=True)
class Length:
    """So much time; business time passes by the hours of the rule's first place."""

    months: int = 0
    days: int = 0
    business_days: int = 0
    business_minutes: int = 0
    seconds: int = 0


@dataclass(frozen=True)
class Rule:
    """A question and the rules that answer it."""

    name: str
    question: str  # next | closes | preferred | spread | add | plan
    places: tuple[Place, ...]
    length: Length = Length()  # the delay; the patience; what it is spread over
    best: Hours | None = None


WEEKDAYS, WEEKEND = (0, 1, 2, 3, 4), (5, 6)
OFFICE = Hours(((480, 1080),), WEEKDAYS, 540)
TEXTS = Hours(((480, 1260),))
ALWAYS = Hours(((0, 1440),))
TWICE = Hours(((480, 720), (780, 1020)), WEEKDAYS, 810)
NIGHT = Hours(((0, 120), (1200, 1440)))
EARLY = Hours(((60, 540),), resume=150)
BEST = Hours(((540, 660),), (1, 2, 3))

AT_THE_OFFICE = (Place((OFFICE,)),)
BREAK = tuple(range(-2, 10))


def _next(name: str, *places: Place) -> Rule:
    return Rule(name, "next", places)


def _open(name: str, ranges: tuple[Range, ...], days: tuple[int, ...] = ALWAYS.days, resume: int | None = None) -> Rule:
    return _next(name, Place((Hours(ranges, days, resume),)))


RULES = (
    _next("business hours", *AT_THE_OFFICE),
    _next("text hours", Place((TEXTS,))),
    _next("business and text hours", Place((OFFICE, TEXTS))),
    _next("always", Place((ALWAYS,))),
    _next("two ranges a day", Place((TWICE,))),
    _next("over midnight, in two ranges", Place((NIGHT,))),
    _next("resumed in the hour that is skipped", Place((EARLY,))),
    _open("weekend only", ((600, 960),), WEEKEND),
    _open("the whole of Sunday", ((0, 1440),), (6,)),
    _open("the hour that is skipped", ((120, 180),)),
    _open("around the hour that is skipped", ((60, 120), (180, 300))),
    _open("half an hour after midnight", ((0, 30),)),
    _open("half an hour before midnight", ((1410, 1440),)),
    _open("five minutes in the night", ((75, 80),)),
    _open("one minute a day", ((719, 720),), resume=719),
    _next("the best of the week", Place((OFFICE, TEXTS, BEST))),
    _next("two closed days", Place((OFFICE,), (0, 1))),
    _next("closed days around the change", Place((NIGHT, Hours(((0, 90), (1230, 1440)))), (-1, 1))),
    _next("a closure of twelve days", Place((TEXTS,), BREAK)),
    _next("always, which no day closes", Place((ALWAYS,), (0, 1))),
    _next("always and text hours, on closed days", Place((ALWAYS, TEXTS), (0,))),
    _next("two zones", Place((OFFICE, TEXTS)), Place((TEXTS,), elsewhere=True)),
    _next("two zones with closed days", Place((TEXTS,), (0,)), Place((EARLY,), (1,), elsewhere=True)),
    _next("two zones over midnight", Place((NIGHT,)), Place((ALWAYS,), elsewhere=True), Place((TEXTS,))),
    Rule("the end of business hours", "closes", AT_THE_OFFICE),
    Rule("the end of a night", "closes", (Place((NIGHT,), (1,)),)),
    Rule("the end in two zones", "closes", (Place((TWICE,)), Place((TEXTS,), elsewhere=True))),
    Rule("preferred in the week", "preferred", (Place((OFFICE, TEXTS)),), Length(days=2), BEST),
    Rule("preferred at night", "preferred", (Place((TEXTS,), (0,)),), Length(days=1), Hours(((1200, 1230),))),
    Rule("preferred where it is skipped", "preferred", (Place((ALWAYS,)),), Length(days=1), Hours(((120, 150),))),
    Rule("spread over an hour", "spread", (Place((NIGHT,)),), Length(seconds=3600)),
    Rule("spread in two zones", "spread", (Place((OFFICE,)), Place((TEXTS,), elsewhere=True)), Length(seconds=2700)),
    Rule("a day", "add", (), Length(days=1)),
    Rule("24 hours", "add", (), Length(seconds=86_400)),
    Rule("three days and two hours", "add", (), Length(days=3, seconds=7200)),
    Rule("a month", "add", (), Length(months=1)),
    Rule("a year", "add", (), Length(months=12)),
    Rule("a business day", "add", AT_THE_OFFICE, Length(business_days=1)),
    Rule("three business days, with closed days", "add", (Place((OFFICE,), (0, 2)),), Length(business_days=3)),
    Rule("four business hours", "add", AT_THE_OFFICE, Length(business_minutes=240)),
    Rule("a day of business hours at night", "add", (Place((NIGHT,), (1,)),), Length(business_minutes=360)),
    Rule("a business day and a business hour", "add", (Place((OFFICE,), (1,)),), Length(0, 0, 1, 60)),
    Rule("a day, then business hours", "plan", AT_THE_OFFICE, Length(days=1)),
    Rule(
        "90 minutes, then two zones", "plan", (Place((OFFICE,)), Place((TEXTS,), elsewhere=True)), Length(seconds=5400)
    ),
)
