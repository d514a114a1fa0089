"""Steps and a moment that several of these tests use."""

from datetime import datetime

from tests.world import at

NOW = at("2026-03-20 09:00")
MAIL = {"id": "mail", "type": "email", "template_id": "hello"}
PARALLEL = {
    "id": "at_once",
    "type": "parallel",
    "join": "all",
    "branches": [
        [{"id": "rest", "type": "wait", "duration": "2 days"}],
        [
            {"id": "ring", "type": "call", "reason": "ask", "outcomes": {"reached": "thanks"}},
            {"id": "thanks", **{k: MAIL[k] for k in ("type", "template_id")}},
        ],
    ],
}


def written(when: datetime) -> str:
    """How these tests' reader writes a time."""
    return f"{when:%d %b %H:%M}Z"
