"""The list of those that messages may go to: a co-op that tries things out writes to nobody else by mistake."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

EVERY_DOMAIN = "*"


class Allowed(Struct, frozen=True):
    """Domains of mail addresses and beginnings of phone numbers; what is not named is not allowed."""

    domains: frozenset[str]
    numbers: tuple[str, ...]

    def refusal(self, channel: str, address: str) -> str | None:
        """Why nothing may go to an address; None: it may. The address is not repeated: the audit trail has it apart."""
        match channel:
            case "sms":
                allowed = address.startswith(self.numbers) if self.numbers else False
                return None if allowed else "the number is none of those under allow: numbers: in coopflow.yaml"
            case "email":
                domain = address.rpartition("@")[2].lower()
                allowed = EVERY_DOMAIN in self.domains or domain in self.domains
                return None if allowed else f"{domain} is none of the domains under allow: domains: in coopflow.yaml"
            case _:
                return None  # it goes to no person


def allowed_by(listed: Mapping[str, Sequence[str]]) -> Allowed:
    """The list as the configuration gives it."""
    return Allowed(frozenset(domain.lower() for domain in listed["domains"]), tuple(listed["numbers"]))
