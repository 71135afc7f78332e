"""The settings: read once from the environment, checked together, then frozen."""

import dataclasses
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from supervisor.errors import ConfigInvalid
from supervisor.security.secret import Secret
from supervisor.settings.keys import API_KEY, SECRET_KEY_BASE, make_keys, stored_keys
from supervisor.settings.networks import PRIVATE_NETWORKS, Networks, parse_networks

NOT_GIVEN = {"required": "is missing: set both keys, or neither to have them made"}
LIKE_A_KEY = (
    validate.Length(min=16, error="must have at least 16 characters"),
    validate.Regexp(r"[!-~]+\Z", error="must be printable ASCII without spaces"),
)
LONG = validate.Length(min=32, error="must have at least 32 characters")
ADDRESS = validate.Regexp(r"\S+:\d{1,5}\Z", error="must be ADDRESS:PORT")
LEVEL = validate.OneOf(
    ["debug", "info", "warning", "error"], error="must be one of debug, info, warning, error"
)
FORM = validate.OneOf(["text", "json"], error="must be one of text, json")
STORAGE = "./storage"
OLDER_NAMES = {"SUPERVISOR_RAILS_LOG_LEVEL": "SUPERVISOR_LOG_LEVEL"}

Check = Mapping[str, Any]
"""The metadata of a field that is a setting: what makes the marshmallow field that reads it."""


def _text(*rules: Callable[[str], Any], **options: Any) -> Check:
    return {"check": partial(fields.String, validate=rules, **options)}


def _whole(most: int = 1_000_000) -> Check:
    message = f"must be a whole number from 1 to {most}"
    rule = validate.Range(1, most, error=message)
    return {"check": partial(fields.Integer, validate=rule, error_messages={"invalid": message})}


def _switch() -> Check:
    return {"check": partial(fields.Boolean, error_messages={"invalid": "must be true or false"})}


def _readable(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValidationError(f"cannot be read: {error.strerror}: {path}") from None


def _certificates(path: str) -> None:
    _readable(path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        raise ValidationError(f"must be a file with certificates in PEM form: {path}") from None


def _networks(text: str) -> None:
    try:
        parse_networks(text)
    except ValueError as error:
        raise ValidationError(
            f"must be none, or networks with commas between them such as 10.0.0.0/8: {error}"
        ) from None


@dataclass(frozen=True)
class TimeLimits:
    """How long each stage of a run may take, in seconds; SUPERVISOR_FETCH_SECONDS is `fetch`."""

    ls_remote: int = field(default=30, metadata=_whole())
    fetch: int = field(default=600, metadata=_whole())
    checkout: int = field(default=300, metadata=_whole())
    render: int = field(default=60, metadata=_whole())
    pull: int = field(default=1800, metadata=_whole())
    build: int = field(default=3600, metadata=_whole())
    up: int = field(default=600, metadata=_whole())
    down: int = field(default=300, metadata=_whole())
    control: int = field(default=300, metadata=_whole())


@dataclass(frozen=True, kw_only=True)
class Config:
    """The settings of one process; SUPERVISOR_BIND is `bind`. Errors come in the order of these."""

    api_key: Secret = field(
        kw_only=False,
        metadata=_text(*LIKE_A_KEY, required=True, error_messages=NOT_GIVEN, post_load=Secret),
    )
    former_api_key: Secret | None = field(
        default=None, metadata=_text(*LIKE_A_KEY, post_load=Secret)
    )
    secret_key_base: Secret = field(
        kw_only=False,
        metadata=_text(LONG, required=True, error_messages=NOT_GIVEN, post_load=Secret),
    )
    bind: str = field(default="127.0.0.1:3000", metadata=_text(ADDRESS))
    storage: Path = field(kw_only=False, metadata=_text(load_default=STORAGE))
    log_level: str = field(default="info", metadata=_text(LEVEL))
    log_format: str = field(default="text", metadata=_text(FORM))
    concurrency: int = field(default=4, metadata=_whole(64))
    runs_kept: int = field(default=100, metadata=_whole())
    stacks_limit: int = field(default=2000, metadata=_whole())
    followers_limit: int = field(default=600, metadata=_whole(10_000))
    grace_seconds: int = field(default=20, metadata=_whole())
    bad_signatures_per_minute: int = field(default=30, metadata=_whole())
    allow_sha1: bool = field(default=False, metadata=_switch())
    force_ssl: bool = field(default=False, metadata=_switch())
    trusted_proxies: Networks = field(
        default=PRIVATE_NETWORKS, metadata=_text(_networks, post_load=parse_networks)
    )
    git_known_hosts_file: str | None = field(default=None, metadata=_text(_readable))
    git_ca_file: str | None = field(default=None, metadata=_text(_certificates))
    limits: TimeLimits = TimeLimits()
    made_keys: bool = False

    @property
    def marker(self) -> str:
        """Return what marks the processes that were started for this storage."""
        return f"{self.storage}:"

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str], *, may_make_keys: bool = True
    ) -> "Config":
        """Read the environment; raise ConfigInvalid that names every wrong setting at once."""
        given = {name: value.strip() for name, value in environment.items() if value.strip()}
        for older, name in OLDER_NAMES.items():
            if older in given:
                given.setdefault(name, given[older])
        storage = Path(given.get("SUPERVISOR_STORAGE", STORAGE)).absolute()
        made = _complete_keys(given, storage, may_make_keys=may_make_keys)
        try:
            values = Settings().load(given, unknown=EXCLUDE)
        except ValidationError as error:
            raise ConfigInvalid(error.normalized_messages()) from None  # type: ignore[no-untyped-call]
        limits = {name.removesuffix("_seconds"): values.pop(name) for name in LIMITS}
        values |= {"storage": storage, "limits": TimeLimits(**limits), "made_keys": made}
        return cls(**values)


def _checks(kind: type[Config | TimeLimits], ending: str = "") -> dict[str, fields.Field[Any]]:
    """Return what reads the settings of a class, by their names with this ending."""
    settings = [each for each in dataclasses.fields(kind) if "check" in each.metadata]
    return {
        f"{each.name}{ending}": each.metadata["check"](
            data_key=f"SUPERVISOR_{each.name}{ending}".upper(), **_default(each)
        )
        for each in settings
    }


def _default(setting: dataclasses.Field[Any]) -> dict[str, Any]:
    return {} if setting.default is dataclasses.MISSING else {"load_default": setting.default}


LIMITS = _checks(TimeLimits, "_seconds")
Settings = Schema.from_dict(_checks(Config) | LIMITS, name="Settings")
SETTING_NAMES = tuple(check.data_key for check in Settings().fields.values() if check.data_key)


def _complete_keys(given: dict[str, str], storage: Path, *, may_make_keys: bool) -> bool:
    """Add the kept keys where none was given; make them at the very first start."""
    if API_KEY in given and SECRET_KEY_BASE in given:
        return False
    kept = stored_keys(storage)
    none_given = API_KEY not in given and SECRET_KEY_BASE not in given
    made = may_make_keys and none_given and not kept
    for name, value in (make_keys(storage) if made else kept).items():
        given.setdefault(name, value)
    return made
