"""Workflows drawn from a grammar: every type of step, every way on, every kind of trigger."""

from copy import deepcopy
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


PAID_LATE = {"field": "engagement_score", "operator": "<", "value": 10}
REPLIED, PAID = _true("email_response_received"), _true("payment_received")
CONDITIONS: tuple[Step, ...] = (
    REPLIED,
    {"not": PAID},
    _above("predicted_probability", 0.7),
    {"any": [_above("withdrawal_risk", 0.5), _true("email_bounced")]},
    {"all": [{"not": REPLIED}, {"field": "engagement_score", "operator": "<", "value": 40}]},
    {"field": "status", "operator": "in", "value": ["enrolled", "trial"]},
    {"not": {"field": "phone", "operator": "exists"}},
    {"field": "attributes.renewal_date", "operator": ">=", "value": "2026-06-10"},
)
TRIGGERS: tuple[dict[str, Any], ...] = (
    {"type": "prediction", "conditions": _above("predicted_probability", 0.4), "cooldown": "5 days"},
    {"type": "prediction", "group": "risk"},
    {"type": "event", "event": "payment_overdue"},
    {"type": "schedule", "every": "monday 09:00"},
    {"type": "schedule", "on": ["3 days before renewal_date"]},
    {"type": "schedule", "on": ["2 weeks before renewal_date", "1 day after renewal_date at 17:00"], "catch_up": "all"},
    {"type": "schedule", "every": "mon-fri 07:15", "catch_up": "none", "conditions": _above("withdrawal_risk", 0.5)},
    {"type": "schedule", "rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SA;BYHOUR=2;BYMINUTE=30", "catch_up": "all"},
    {"type": "schedule", "on": ["renewal_date"], "at": "08:15", "catch_up": "none", "conditions": {"not": PAID_LATE}},
    {"type": "condition", "conditions": _above("withdrawal_risk", 0.6)},
    {"type": "condition", "conditions": _above("withdrawal_risk", 0.3), "existing": "start", "at": "06:30"},
    {"type": "event", "event": "email_bounced", "conditions": _above("withdrawal_risk", 0.3), "cooldown": "5 days"},
    {"type": "prediction", "group": "risk", "conditions": _above("confidence_score", 50), "cooldown": "1 day"},
    {"type": "manual"},
)
OUTCOMES = ("success", "partial_success", "failed", "cancelled")
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


def touched_up(random: Random, data: dict[str, Any]) -> dict[str, Any]:
    """The same workflow after somebody has changed a few things in its file; its steps are still the same ones."""
    edited = deepcopy(data)
    edited["retry"] = {"max_retries": random.randrange(4), "initial_delay": random.choice(("5 minutes", "3 hours"))}
    for step in all_steps(edited["steps"]):
        if random.random() < 0.4 and "scheduled_time" not in step:
            step["delay"] = random.choice(DURATIONS)
        if random.random() < 0.1:
            step["only_if"] = random.choice(CONDITIONS)
        if step["type"] == "wait" and "duration" in step and random.random() < 0.5:
            step["duration"] = random.choice(DURATIONS)
    if random.random() < 0.3:
        edited["completion_criteria"] = PAID
    if random.random() < 0.3 and edited["steps"][-1]["type"] != "end":
        edited["steps"].append({"id": "added", "type": "sms", "message": "Thank you"})
    return edited


def all_steps(steps: list[Step]) -> list[Step]:
    """Those of branches and of what predictions recommend among them."""
    inner = [step for one in steps for branch in one.get("branches", ()) for step in all_steps(branch)]
    return [*steps, *inner, *(action for one in steps for action in one.get("actions", {}).values())]


class Steps:
    """The steps of one workflow, each with an id of its own."""

    def __init__(self, random: Random, others: list[str]) -> None:
        self.random = random
        self.others = others
        self.number = 0
        self.ids: list[str] = []  # of the steps so far
        self.passed: list[str] = []  # those of them that have ended before a step in the same branch comes
        self.asking: list[str] = []  # those of them that get an answer from elsewhere

    def main(self) -> list[Step]:
        """The main path: jumps lead forward only, so that no circle is without a wait."""
        return self._path(self.random.randrange(2, 6), depth=0)

    def _path(self, length: int, *, depth: int) -> list[Step]:
        steps = []
        for _ in range(length):
            steps.append(self._step(depth))
            self.passed.append(steps[-1]["id"])
        if depth == 0 and self.random.random() < 0.4:
            steps.append({"id": self._id(), "type": "end", "outcome": self.random.choice(OUTCOMES)})
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
        step = {"type": "task", "description": "look into it", **self._common()}
        if self.random.random() < 0.6:
            return {**step, "due": "1 day"}
        ways = {"there": None, "later": {"retry_in": "2 business days", "max": 1}, "gone": "escalate"}
        return {**step, "outcomes": ways, "assign": "mike", **self._perhaps(0.5, timeout="2 days")}

    def _wait(self) -> Step:
        if self.random.random() < 0.2:
            return {"type": "wait", "until": {"event": self.random.choice(EVENTS)}, "timeout": "30 hours"}
        step: Step = {"type": "wait", "duration": self.random.choice(DURATIONS)}
        if self.random.random() < 0.6:
            step["until"] = {"event": self.random.choice(EVENTS)}
        return step

    def _asked(self) -> Step:
        answers = [_above(f"steps.{step}.output.number", 0.5) for step in self.asking[-1:]]
        answers += [{"field": f"steps.{step}.outcome", "operator": "exists"} for step in self.ids[-2:-1]]
        return {"type": "condition", "condition": self.random.choice([*CONDITIONS, *answers])}

    def _http(self) -> Step:
        self.asking.append(self.ids[-1])
        body = {"family": "{{ family_id }}", "due": "{{ renewal_date }}"}
        return {"type": "http", "url": "https://hooks.example.org/coop", "body": body, **self._calling()}

    def _command(self) -> Step:
        self.asking.append(self.ids[-1])
        return {"type": "command", "command": "ledger", **self._calling()}

    def _parallel(self) -> Step:
        branches, before = [], list(self.passed)
        for _ in range(self.random.randrange(2, 4)):
            self.passed = list(before)
            branches.append(self._path(self.random.randrange(1, 3), depth=1))
        self.passed = before
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
            **self._approval(),
            **self._perhaps(0.1, retry={"max_retries": 0}),
            **self._perhaps(0.15, stale_after=self.random.choice(("2 days", "6 hours"))),
        }

    def _calling(self) -> Step:
        return {
            **self._common(),
            **self._perhaps(0.2, window="business_hours"),
            **self._perhaps(0.3, idempotent=True),
            **self._perhaps(0.1, approval=True),
        }

    def _approval(self) -> Step:
        return self._perhaps(0.12, approval=True, **self._perhaps(0.5, timeout="2 days"))

    def _common(self) -> Step:
        return {**self._when(), **self._perhaps(0.15, only_if=self.random.choice(CONDITIONS))}

    def _when(self) -> Step:
        """Its delay and what that counts from, or a date of the family's."""
        if self.random.random() < 0.08:
            return {"scheduled_time": self.random.choice(FIXED)}
        delay = self._perhaps(0.4, delay=self.random.choice(DURATIONS))
        origins = ("start", "trigger", "attributes.renewal_date", *self.passed)
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
            first, again = list(step["outcomes"])[:2]
            step["outcomes"][first] = later[0] if later else "escalate"
            if later and self.random.random() < 0.5:
                step["outcomes"][again]["then"] = later[-1]
