"""Workflows drawn from a grammar: every type of step, every way on, every kind of trigger."""

from random import Random
from typing import Any

from tests.simulation.dice import weighted

Step = dict[str, Any]
MESSAGES = {
    "hello": "---\nsubject: Hello\n---\nDear {{ family_name }}.",
    "renewal": "---\nsubject: 'News for {{ family_name }}'\n---\nYour renewal date is {{ renewal_date }}.",
}
EVENTS = ("email_response_received", "payment_received", "call_reached", "email_bounced")
DURATIONS = ("2 hours", "1 day", "3 days", "2 business days", "90 minutes")
FIXED = (
    "2 days before renewal_date at 10:00",
    "renewal_date",
    "1 week after renewal_date",
    "3 hours before renewal_date",
)


def _true(field: str) -> Step:
    return {"field": field, "operator": "==", "value": True}


def _above(field: str, value: float) -> Step:
    return {"field": field, "operator": ">", "value": value}


REPLIED, PAID = _true("email_response_received"), _true("payment_received")
CONDITIONS: tuple[Step, ...] = (
    REPLIED,
    {"not": PAID},
    _above("predicted_probability", 0.7),
    {"any": [_above("withdrawal_risk", 0.5), _true("email_bounced")]},
    {"all": [{"not": REPLIED}, {"field": "engagement_score", "operator": "<", "value": 40}]},
)
TRIGGERS: tuple[dict[str, Any], ...] = (
    {"type": "prediction", "conditions": _above("predicted_probability", 0.4), "cooldown": "5 days"},
    {"type": "prediction", "group": "risk"},
    {"type": "event", "event": "payment_overdue"},
    {"type": "schedule", "every": "monday 09:00"},
    {"type": "schedule", "on": ["3 days before renewal_date"]},
    {"type": "schedule", "on": ["2 weeks before renewal_date", "1 day after renewal_date at 17:00"], "catch_up": "all"},
    {"type": "condition", "conditions": _above("withdrawal_risk", 0.6)},
    {"type": "manual"},
)
LEVELS = [{"after": "1 day", "assign": "director"}, {"after": "3 days", "assign": "mike"}]


def workflow(random: Random, name: str, others: list[str]) -> dict[str, Any]:
    """One workflow file as data."""
    rest: dict[str, Any] = {}
    if random.random() < 0.4:
        rest["completion_criteria"] = random.choice((REPLIED, PAID))
    if random.random() < 0.5:
        rest["escalation"] = {"levels": LEVELS, "on_failure": random.choice(("hold", "continue", "fail"))}
    if random.random() < 0.3:
        rest["conflict"] = random.choice(("queue", "skip", "replace", "parallel"))
    if random.random() < 0.2:
        rest["max_concurrent_instances"] = 2
    retry = {"max_retries": random.randrange(4), "initial_delay": "5 minutes"}
    return {
        "name": name,
        "priority": random.randrange(1, 11),
        "trigger": random.choice(TRIGGERS),
        "retry": retry,
        "steps": Steps(random, others).main(),
        **rest,
    }


class Steps:
    """The steps of one workflow, each with an id of its own."""

    def __init__(self, random: Random, others: list[str]) -> None:
        self.random = random
        self.others = others
        self.number = 0
        self.ids: list[str] = []  # of the steps so far
        self.asking: list[str] = []  # those of them that get an answer from elsewhere

    def main(self) -> list[Step]:
        """The main path: jumps lead forward only, so that no circle is without a wait."""
        return self._path(self.random.randrange(2, 6), depth=0)

    def _path(self, length: int, *, depth: int) -> list[Step]:
        steps = [self._step(depth) for _ in range(length)]
        if depth == 0 and self.random.random() < 0.4:
            steps.append({"id": self._id(), "type": "end", "outcome": self.random.choice(("success", "failed"))})
        for place, step in enumerate(steps):
            self._ways_on(step, [later["id"] for later in steps[place + 1 :]])
        return steps

    def _id(self) -> str:
        self.number += 1
        self.ids.append(f"s{self.number}")
        return self.ids[-1]

    def _step(self, depth: int) -> Step:
        ways = [(5, self._email), (4, self._text), (2, self._call), (2, self._task), (3, self._wait), (2, self._asked)]
        ways += [(1, self._http), (1, self._command)]
        if depth == 0:
            ways += [(2, self._parallel), (1, self._recommended), (1, self._start)]
        return {"id": self._id(), **weighted(self.random, ways)}

    # -- types of steps -----------------------------------------------------------------------------------------------

    def _email(self) -> Step:
        return {"type": "email", "template_id": self.random.choice(tuple(MESSAGES)), **self._reaching()}

    def _text(self) -> Step:
        return {"type": "sms", "message": "Hi {{ family_name }}", **self._reaching()}

    def _call(self) -> Step:
        outcomes: dict[str, Any] = {"reached": None, "voicemail": {"retry_in": "1 day", "max": 2}, "wrong": "escalate"}
        rest = {"timeout": "4 days"} if self.random.random() < 0.4 else {}
        return {"type": "call", "reason": "no answer", "outcomes": outcomes, **self._common(), **rest}

    def _task(self) -> Step:
        return {"type": "task", "description": "look into it", "due": "1 day", **self._common()}

    def _wait(self) -> Step:
        step: Step = {"type": "wait", "duration": self.random.choice(DURATIONS)}
        if self.random.random() < 0.6:
            step["until"] = {"event": self.random.choice(EVENTS)}
        return step

    def _asked(self) -> Step:
        answers = [_above(f"steps.{step}.output.number", 0.5) for step in self.asking[-1:]]
        return {"type": "condition", "condition": self.random.choice([*CONDITIONS, *answers])}

    def _http(self) -> Step:
        self.asking.append(self.ids[-1])
        body = {"family": "{{ family_id }}", "due": "{{ renewal_date }}"}
        return {"type": "http", "url": "https://hooks.example.org/coop", "body": body, **self._calling()}

    def _command(self) -> Step:
        self.asking.append(self.ids[-1])
        return {"type": "command", "command": "ledger", **self._calling()}

    def _parallel(self) -> Step:
        branches = [self._path(self.random.randrange(1, 3), depth=1) for _ in range(self.random.randrange(2, 4))]
        return {"type": "parallel", "branches": branches, "join": self.random.choice(("all", "any", 2))}

    def _recommended(self) -> Step:
        number = self.number
        actions = {
            "call_family": {"id": f"s{number}_call_family", "type": "call", "reason": "recommended"},
            "write": {"id": f"s{number}_write", **self._text()},
        }
        return {"type": "recommended", "actions": actions}

    def _start(self) -> Step:
        return {"type": "start", "workflow": self.random.choice(self.others)}

    # -- what steps may say -------------------------------------------------------------------------------------------

    def _reaching(self) -> Step:
        return {
            **self._common(),
            **self._perhaps(0.12, window="always"),
            **self._perhaps(0.12, kind="transactional"),
            **self._perhaps(0.15, urgent=True),
            **self._perhaps(0.1, approval=True),
            **self._perhaps(0.15, stale_after=self.random.choice(("2 days", "6 hours"))),
        }

    def _calling(self) -> Step:
        return {
            **self._common(),
            **self._perhaps(0.2, window="business_hours"),
            **self._perhaps(0.3, idempotent=True),
            **self._perhaps(0.1, approval=True),
        }

    def _common(self) -> Step:
        return {**self._when(), **self._perhaps(0.15, only_if=self.random.choice(CONDITIONS))}

    def _when(self) -> Step:
        """Its delay and what that counts from, or a date of the family's."""
        if self.random.random() < 0.08:
            return {"scheduled_time": self.random.choice(FIXED)}
        delay = self._perhaps(0.4, delay=self.random.choice(DURATIONS))
        origins = ("start", "trigger", "attributes.renewal_date", *self.ids[:-1])
        return {**delay, **self._perhaps(0.3 if delay else 0.03, **{"from": self.random.choice(origins)})}

    def _perhaps(self, chance: float, **key: Any) -> Step:
        return key if self.random.random() < chance else {}

    def _ways_on(self, step: Step, later: list[str]) -> None:
        """Where a step leads; what it may say of this depends on its type."""
        if step["type"] in ("email", "sms", "call", "http", "command") and self.random.random() < 0.5:
            step["on_failure"] = self.random.choice(("hold", "continue", "fail", *later))
        if step["type"] == "condition" and later:
            step |= {"if_true_step": self.random.choice(later), "if_false_step": self.random.choice(later)}
        if "until" in step and later and self.random.random() < 0.5:
            step["on_timeout"] = self.random.choice(later)
        if step.get("outcomes"):
            step["outcomes"]["reached"] = later[0] if later else "escalate"
