"""Do messages leave? What `doctor` sees of it: the settings of the transports, and how their last tries went."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from coopflow.config import Config
from coopflow.core.transports import Trouble
from coopflow.mailing import password_of
from coopflow.secrets import NoSecret

MENDED = "mend that; it is tried again 15 minutes after the last try, or at once when coopflow.yaml has changed"
BY_ITSELF = "nothing, if it passes: it is tried again every 15 minutes; else look whether the server is there"


def settings_faults(config: Config) -> Iterator[str]:
    """What the mail server's settings refer to and is not there."""
    settings = config.channels["email"]
    try:
        if (password := password_of(config)) is not None:
            password()
    except NoSecret as problem:
        yield f"email: {problem}"
    if settings.get("ca_file") and not config.beside(settings["ca_file"]).is_file():
        yield f"email: the file of certificates {config.beside(settings['ca_file'])} is missing"


def troubles(known: Mapping[str, Trouble], when: Callable[[datetime], str]) -> Iterator[tuple[str, str]]:
    """For each transport that is out of order: since when and why, and what to do about it."""
    for channel, trouble in known.items():
        if trouble.held:
            words = f"messages by {channel} wait since {when(trouble.since)}: {trouble.reason}"
            yield words, MENDED if trouble.until_mended else BY_ITSELF


def ways_out(config: Config) -> str:
    """How each channel carries what it carries."""
    outbox = config.deliver == "outbox"
    ways = {name: "outbox" if outbox else str(said["transport"]) for name, said in config.channels.items()}
    return ", ".join(f"{name} by {way}" for name, way in ways.items())
