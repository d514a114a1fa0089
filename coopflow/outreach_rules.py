"""What the law asks of outreach by mail, and the configuration must say before any leaves (reliability, section 5)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coopflow.config import Config

NO_POSTAL_ADDRESS = (
    "there is no postal_address, which the law wants at the end of such mails (CAN-SPAM); add it to coopflow.yaml"
)
NO_WAY_OUT = (
    "families have no way to say that they want no more of it: answers go nowhere, and there is no link;"
    " give the first coordinator an email in coopflow.yaml, or the channel a sender of yours"
)


def problems_before_live(config: "Config") -> list[str]:
    """What is missing before outreach may really leave by mail; none, when it may."""
    email = config.channels.get("email", {})
    return missing_for_outreach(config.postal_address, email, config.coordinators)


def missing_for_outreach(
    postal_address: str, email: Mapping[str, Any], coordinators: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """The same for what is not a whole configuration yet."""
    return [
        *([] if postal_address.strip() else [NO_POSTAL_ADDRESS]),
        *([] if _way_out(email, coordinators) else [NO_WAY_OUT]),
    ]


def _way_out(email: Mapping[str, Any], coordinators: Mapping[str, Mapping[str, Any]]) -> bool:
    """True if a family can answer, or follow a link that the mail carries."""
    first = next(iter(coordinators.values()), None) or {}
    keys = ("from", "reply_to", "unsubscribe")
    return bool(first.get("email")) or any(email.get(key) for key in keys)
