"""The configuration of one co-op: where `coopflow.yaml` is found, and what it says as plain values."""

import stat
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct

from coopflow.errors import Invalid, NotFound

if TYPE_CHECKING:
    from coopflow.core.pressure import Limits
    from coopflow.core.timing import Calendar

FILE_NAME = "coopflow.yaml"

_UNSAID = {"country": None, "subdivision": None, "spread": None, "allow": None, "rest": None}


class Config(Struct, frozen=True, kw_only=True):
    """What `coopflow.yaml` says, with every default filled in. Paths are absolute."""

    path: Path
    organisation: str
    postal_address: str
    database: str  # a path
    workflows: Path
    outbox: Path
    time_zone: str  # IANA key
    country: str | None
    subdivision: str | None
    closed_days: frozenset[date]
    windows: Mapping[str, Mapping[str, Any]]  # name → days, hours, resume_at
    preferred: Mapping[str, Mapping[str, Any]]  # channel → days, hours, patience
    spread: str | None  # a duration
    limits: Mapping[str, Any]
    coordinators: Mapping[
        str, Mapping[str, Any]
    ]  # name → name, email, phone; the first one gets what nobody is named for
    channels: Mapping[str, Mapping[str, Any]]  # email, sms → transport and its settings
    deliver: str  # outbox, redirect or live
    redirect_to: Mapping[str, str]  # channel → who gets everything while `deliver` is redirect
    allow: Mapping[str, Any] | None  # domains, numbers: the only ones that messages may go to; None: all
    rest: str | None  # a duration
    alerts: Mapping[str, str]  # ping_url or ping_url_env, metrics_file: an absolute path
    events: tuple[str, ...]  # the co-op's own kinds
    attributes: tuple[str, ...]  # the co-op's own columns of families
    commands: Mapping[str, Mapping[str, Any]]  # name → argv, timeout, environment: the programs workflows may run
    web_secrets: Mapping[str, Sequence[str]]  # host → environment variables that may go there in a header
    max_concurrent: int
    inbox: tuple[Mapping[str, Any], ...]  # where answers come in: type and its settings, paths absolute

    def to_data(self) -> dict[str, Any]:
        """The same as plain data that JSON can hold."""
        data = {name: getattr(self, name) for name in self.__struct_fields__}
        return data | {
            "path": str(self.path),
            "workflows": str(self.workflows),
            "outbox": str(self.outbox),
            "closed_days": [day.isoformat() for day in sorted(self.closed_days)],
            "events": list(self.events),
            "attributes": list(self.attributes),
            "inbox": list(self.inbox),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """What `to_data` gave, as the configuration again."""
        changed = {
            "path": Path(data["path"]),
            "workflows": Path(data["workflows"]),
            "outbox": Path(data["outbox"]),
            "closed_days": frozenset(map(date.fromisoformat, data["closed_days"])),
            "events": tuple(data["events"]),
            "attributes": tuple(data["attributes"]),
            "inbox": tuple(data["inbox"]),
        }
        return cls(**{**data, **changed})

    def beside(self, text: str) -> Path:
        """A path of the file, which is relative to it."""
        return _beside(self.path, text)


def find_config(explicit: Path | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """The file named by `--config`, else by `$COOPFLOW_CONFIG`, else `coopflow.yaml` here; or NotFound."""
    named = explicit or (Path(environ["COOPFLOW_CONFIG"]) if environ.get("COOPFLOW_CONFIG") else None)
    path = cwd / (named or FILE_NAME)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        missing = f"there is no configuration file {named}" if named else f"there is no {FILE_NAME} in {cwd}"
        raise NotFound(f"{missing}; run `coopflow init` to make one, or name yours with --config") from None
    except OSError as problem:
        raise Invalid(_unreadable(path, problem)) from None
    if stat.S_ISDIR(mode):
        raise NotFound(f"{path} is a directory; name the file in it, as in {path / FILE_NAME}")
    if not stat.S_ISREG(mode):
        raise NotFound(f"{path} is not a regular file; the configuration must be one")
    return path


def load_config(path: Path) -> Config:
    """Read and check the file; raise ProblemsFound with all that is wrong in it."""
    from coopflow.config_schema import checked  # pydantic and yaml: only when the file is new or changed

    path = path.absolute()
    data = checked(_content(path), path=_as_seen_from_here(path))
    return Config.from_data(_UNSAID | data | _resolved(data, path))


def calendar(config: Config) -> "Calendar":
    """The co-op's rules of time."""
    from coopflow.core.timing import Calendar, parse_window, zone  # an idle tick needs none

    usual = Calendar.default(zone(config.time_zone))
    own = {name: parse_window(name, spec) for name, spec in config.windows.items()}
    return Calendar({**usual.windows, **own}, dict.fromkeys(sorted(config.closed_days), ""), usual.tz)


def limits(config: Config) -> "Limits":
    """The caps on messages to families."""
    from coopflow.core.durations import Duration
    from coopflow.core.pressure import Cap, Limits

    def cap(spec: Mapping[str, Any] | None) -> Cap | None:
        return Cap(spec["max"], Duration.parse(spec["per"])) if spec else None

    said = config.limits
    channels = {name: cap(spec) for name, spec in said.get("per_channel", {}).items()}
    return Limits(
        per_family=cap(said.get("per_family")),
        per_channel={name: found for name, found in channels.items() if found},
        per_address=cap(said.get("per_address")),
    )


def default_config_text() -> str:
    """The commented file that `coopflow init` writes."""
    return (Path(__file__).parent / "bundled" / FILE_NAME).read_text(encoding="utf-8")


def _resolved(data: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The paths of the file, which are relative to it."""
    return {
        "path": path,
        "database": str(_beside(path, data["database"])),
        "workflows": _beside(path, data["workflows"]),
        "outbox": _beside(path, data["channels"]["email"]["path"]),
        "inbox": [_source(path, entry) for entry in data["inbox"]],
        "alerts": {
            key: str(_beside(path, value)) if key == "metrics_file" else value for key, value in data["alerts"].items()
        },
    }


_INBOX_PATHS = ("path", "password_file", "ca_file")


def _source(path: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Paths beside the file; the name is made from what is written there, so that it moves along with the folder."""
    place = entry["path"] if "path" in entry else "{host}/{user}/{folder}".format(**entry)
    named = {"name": f"{entry['type']}:{place}"}
    placed = {key: str(_beside(path, value)) if key in _INBOX_PATHS else value for key, value in entry.items()}
    return named | placed


def _beside(path: Path, text: str) -> Path:
    return path.parent / (Path(text).expanduser() if text.startswith("~/") else Path(text))


def _content(path: Path) -> bytes:
    from coopflow.yaml_text import MAX_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise Invalid(_unreadable(path, problem)) from None


def _unreadable(path: Path, problem: OSError) -> str:
    return f"{_as_seen_from_here(path)} cannot be read: {(problem.strerror or str(problem)).lower()}"


def _as_seen_from_here(path: Path) -> str:
    """The shortest name that leads to the file."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
