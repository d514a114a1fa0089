"""Which family is meant by an id, a name, or the beginning of a name."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from coopflow.errors import NotFound, Usage

if TYPE_CHECKING:
    from coopflow.cli.session import Session
    from coopflow.core.model import Family
    from coopflow.store.store import Store

MOST_LISTED = 20  # of several families that a word may mean


def resolve_family(session: "Session", store: "Store", text: str) -> str:  # noqa: ARG001 - every lookup has its session
    """The id of the family with this id, else this name, else a name that begins so; NotFound for none or several."""
    if not text.strip():
        raise Usage("name a family: its id, or its name or the beginning of it")
    found = store.looking.family_ids(text) or store.looking.family_ids(text.strip())
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound(f"there is no family '{text}'{_meant(store, text)}; list them with: coopflow family list")
    raise NotFound(_several(text, found, store))


def named(family: "Family | Mapping[str, Any]") -> str:
    """A family as messages name it: `42 (Martinez)`."""
    if isinstance(family, Mapping):
        return f"{family['family_id']} ({family['family_name']})"
    return f"{family.family_id} ({family.family_name})"


def every_family(store: "Store") -> "dict[str, Family]":
    """All families: every name begins with nothing."""
    return store.families(store.looking.family_ids(""))


def _several(text: str, found: Sequence[str], store: "Store") -> str:
    families = store.families(found[:MOST_LISTED], scores=False)
    lines = [f"  {named(families[family_id])}" for family_id in found[:MOST_LISTED]]
    more = len(found) - len(lines)
    lines += [f"  and {more} more"] if more else []
    return "\n".join([f"'{text}' may be any of {len(found)} families; name one by its id:", *lines])


def _meant(store: "Store", text: str) -> str:
    from coopflow.core.wording import did_you_mean

    return did_you_mean(text, {family.family_name for family in every_family(store).values()})
