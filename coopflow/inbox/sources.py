"""The sources that the configuration names."""

from collections.abc import Mapping, Sequence
from typing import Any

from coopflow.inbox.source import Source


def sources_of(settings: Sequence[Mapping[str, Any]]) -> list[Source]:
    """A source for each entry under `inbox:`; what only one kind needs is loaded for that kind."""
    return [_source(entry) for entry in settings]


def _source(settings: Mapping[str, Any]) -> Source:
    match settings["type"]:
        case "imap":
            from coopflow.inbox.imap import ImapSource

            return ImapSource(settings)
        case "maildir":
            from coopflow.inbox.maildir import MaildirSource

            return MaildirSource(settings)
        case _:
            from coopflow.inbox.drop_folder import FolderSource

            return FolderSource(settings)
