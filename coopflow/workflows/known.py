"""What a workflow may refer to outside its own file, and which names its conditions and texts can see."""

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct, field

from coopflow.core.facts import BUILT_IN_EVENTS, FAMILY_FIELDS, INTERNAL_FIELDS, PREDICTION_FIELDS
from coopflow.problems import did_you_mean

# What a message template may name beside imported columns and the step's template_vars; `composing` fills these in.
CONTEXT_NAMES = frozenset(
    {
        "family_id",
        "family_name",
        "email",
        "phone",
        "organisation",
        "coordinator_name",
        "coordinator_email",
        "coordinator_phone",
    }
)
TRIGGERS = ("prediction", "event", "schedule", "condition", "manual")
ALWAYS_ASSIGNED = frozenset({"coordinator"})  # whoever is the coordinator
DECLARE = "declare it under `events:` or `attributes:` in coopflow.yaml"


class Known(Struct, frozen=True, kw_only=True):
    """What coopflow.yaml declares. Empty windows or coordinators: nothing is declared yet, and every name will do."""

    events: Collection[str] = frozenset()
    attributes: Collection[str] = frozenset()
    windows: Collection[str] = frozenset()
    windows_without_texts: Collection[str] = frozenset()  # those that share no minute with the text hours
    coordinators: Collection[str] = frozenset()
    no_outreach: str | None = None  # what coopflow.yaml lacks before outreach may leave by mail; None: nothing
    commands: Collection[str] = frozenset()  # programs that may run; one that is not here may not
    web_secrets: Mapping[str, Collection[str]] = field(default_factory=dict)  # host → variables that may go there

    def all_events(self) -> set[str]:
        """Every kind of event that is known."""
        return {*BUILT_IN_EVENTS, *self.events}

    def names_for_texts(self) -> frozenset[str]:
        """What any text to a family may name."""
        return (CONTEXT_NAMES | frozenset(self.attributes)) - INTERNAL_FIELDS


class Scope(Struct, frozen=True, kw_only=True):
    """Where a condition stands, and so what it can see."""

    known: Known
    trigger: str  # the trigger's type
    own_events: Collection[str] = frozenset()  # kinds that the workflow itself names as its trigger
    steps: Collection[str] = frozenset()  # ids; none where a run has not begun

    def fault(self, name: str) -> str | None:
        """Why nothing can provide a field of this name; None if something can."""
        head, dot, rest = name.partition(".")
        if not dot:
            return self._plain_fault(name)
        match head:
            case "attributes" | "trigger":
                return None
            case "family":
                return self._family_fault(rest)
            case "prediction":
                return self._only_with("prediction", name)
            case "event":
                return self._only_with("event", name)
            case "steps":
                return self._output_fault(rest)
        return None if head in self.known.attributes else self._unknown(name)

    def _plain_fault(self, name: str) -> str | None:
        if name in FAMILY_FIELDS or name in self.known.attributes or name in self._events():
            return None
        if name in PREDICTION_FIELDS:
            return self._only_with("prediction", name)
        return self._unknown(name)

    def event_fault(self, kind: str) -> str | None:
        """Why an event of this kind would never come; None if it may."""
        if kind in self._events():
            return None
        hint = did_you_mean(kind, self._events())
        return f"there is no event '{kind}'.{hint} If it is right, declare it under `events:` in coopflow.yaml"

    def _events(self) -> set[str]:
        return self.known.all_events() | set(self.own_events)

    def _only_with(self, trigger: str, name: str) -> str | None:
        if self.trigger == trigger or self.trigger not in TRIGGERS:
            return None  # what the trigger is nobody can tell: the schema says so
        return (
            f"'{name}' comes with {_with_article(trigger)}, and this workflow's trigger is of the type {self.trigger}"
        )

    def _family_fault(self, rest: str) -> str | None:
        """A family has columns of coopflow's own and any number of imported ones; only a near miss is surely wrong."""
        meant = near_miss(rest, FAMILY_FIELDS | frozenset(self.known.attributes))
        return f"a family has no '{rest}'.{meant}" if meant else None

    def _output_fault(self, rest: str) -> str | None:
        step, dot, _ = rest.partition(".")
        if not self.steps:
            return f"'steps.{rest}' is not there yet: no step has run when the workflow starts"
        if step not in self.steps:
            return f"there is no step '{step}'.{did_you_mean(step, self.steps)}".removesuffix(".")
        return None if dot else f"which output of '{step}'? Write steps.{step}.NAME"

    def _unknown(self, name: str) -> str:
        with_prediction = PREDICTION_FIELDS if self.trigger == "prediction" else frozenset()
        hint = did_you_mean(name, sorted({*FAMILY_FIELDS, *self.known.attributes, *self._events(), *with_prediction}))
        return f"nothing provides '{name}'.{hint} If it is right, {DECLARE}"


def near_miss(word: str, known: Collection[str]) -> str:
    """` Did you mean 'X'?` for a word that is not known, but so near to one that is that it is most likely a slip."""
    from difflib import get_close_matches

    return did_you_mean(word, known) if word not in known and get_close_matches(word, known, n=1, cutoff=0.85) else ""


def _with_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def scope_of(data: Mapping[str, Any], known: Known, steps: Collection[str]) -> Scope:
    """What conditions inside a workflow can see; `steps` is empty for its trigger."""
    trigger = data.get("trigger")
    own = trigger if isinstance(trigger, Mapping) else {}
    event = own.get("event")
    return Scope(
        known=known,
        trigger=str(own.get("type")),
        own_events=frozenset({event}) if isinstance(event, str) else frozenset(),
        steps=steps,
    )
