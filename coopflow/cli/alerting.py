"""Tells others after a tick: the watcher that waits for a ping, and whoever collects figures."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from coopflow.cli.session import Session

if TYPE_CHECKING:
    from coopflow.store.store import Store


def tell_the_watcher(session: Session, *, failed: bool = False) -> None:
    """Ping, where the configuration names somebody to tell; what goes wrong with it is one line, once."""
    from coopflow.alerts.ping import forget, is_due, ping, state_path

    alerts, state = session.app.config.alerts, state_path(session.app.database)
    now = session.now.timestamp()
    if not {"ping_url", "ping_url_env"} & alerts.keys():
        forget(state)
    elif (failed or is_due(state, now=now)) and (trouble := ping(alerts, state, now=now, failed=failed)):
        session.say(f"coopflow: {trouble}")


def keep_figures(session: Session, store: "Store", *, beat: datetime | None, now: datetime) -> None:
    """Write the figures for Prometheus, where the configuration names a file."""
    if "metrics_file" not in session.app.config.alerts:
        return
    from coopflow.alerts.metrics_file import keep_metrics

    path = Path(session.app.config.alerts["metrics_file"])
    if trouble := keep_metrics(store, path, beat=beat, now=now):
        session.say(f"coopflow: {trouble}")
