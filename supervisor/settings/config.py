"""The settings: read once from the environment, checked together, then frozen."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from supervisor.errors import ConfigInvalid
from supervisor.security.secret import Secret
from supervisor.settings.keys import API_KEY, SECRET_KEY_BASE, make_keys, stored_keys
from supervisor.settings.networks import PRIVATE, PRIVATE_NETWORKS, Networks, parse_networks

MISSING: dict[str, Any] = {"required": "is missing: set both keys, or neither to have them made"}
LIKE_A_KEY = (
    validate.Length(min=16, error="must have at least 16 characters"),
    validate.Regexp(r"[!-~]+\Z", error="must be printable ASCII without spaces"),
)
OLDER_NAMES = {"SUPERVISOR_RAILS_LOG_LEVEL": "SUPERVISOR_LOG_LEVEL"}


def _count(name: str, default: int, most: int = 1_000_000) -> fields.Integer:
    message = f"must be a whole number from 1 to {most}"
    return fields.Integer(
        data_key=f"SUPERVISOR_{name}",
        load_default=default,
        validate=validate.Range(1, most, error=message),
        error_messages={"invalid": message},
    )


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


def _file(name: str, check: Callable[[str], Any]) -> fields.String:
    return fields.String(data_key=f"SUPERVISOR_{name}", load_default=None, validate=check)


def _switch(name: str, *, default: bool) -> fields.Boolean:
    return fields.Boolean(
        data_key=f"SUPERVISOR_{name}",
        load_default=default,
        error_messages={"invalid": "must be true or false"},
    )


def _check_networks(text: str) -> None:
    try:
        parse_networks(text)
    except ValueError as error:
        raise ValidationError(
            f"must be none, or networks with commas between them such as 10.0.0.0/8: {error}"
        ) from None


class Settings(Schema):
    """Every setting: its name, its default, its limits."""

    class Meta:
        """Leave the rest of the environment alone."""

        unknown = EXCLUDE

    api_key = fields.String(
        data_key=API_KEY, required=True, error_messages=MISSING, validate=LIKE_A_KEY
    )
    former_api_key = fields.String(
        data_key="SUPERVISOR_FORMER_API_KEY", load_default=None, validate=LIKE_A_KEY
    )
    secret_key_base = fields.String(
        data_key=SECRET_KEY_BASE,
        required=True,
        error_messages=MISSING,
        validate=validate.Length(min=32, error="must have at least 32 characters"),
    )
    bind = fields.String(
        data_key="SUPERVISOR_BIND",
        load_default="127.0.0.1:3000",
        validate=validate.Regexp(r"\S+:\d{1,5}\Z", error="must be ADDRESS:PORT"),
    )
    storage = fields.String(data_key="SUPERVISOR_STORAGE", load_default="./storage")
    log_level = fields.String(
        data_key="SUPERVISOR_LOG_LEVEL",
        load_default="info",
        validate=validate.OneOf(
            ["debug", "info", "warning", "error"],
            error="must be one of debug, info, warning, error",
        ),
    )
    log_format = fields.String(
        data_key="SUPERVISOR_LOG_FORMAT",
        load_default="text",
        validate=validate.OneOf(["text", "json"], error="must be one of text, json"),
    )
    concurrency = _count("CONCURRENCY", 4, 64)
    runs_kept = _count("RUNS_KEPT", 100)
    stacks_limit = _count("STACKS_LIMIT", 2000)
    followers_limit = _count("FOLLOWERS_LIMIT", 600, 10_000)
    grace_seconds = _count("GRACE_SECONDS", 20)
    bad_signatures_per_minute = _count("BAD_SIGNATURES_PER_MINUTE", 30)
    allow_sha1 = _switch("ALLOW_SHA1", default=False)
    force_ssl = _switch("FORCE_SSL", default=False)
    trusted_proxies = fields.String(
        data_key="SUPERVISOR_TRUSTED_PROXIES", load_default=PRIVATE, validate=_check_networks
    )
    git_known_hosts_file = _file("GIT_KNOWN_HOSTS_FILE", _readable)
    git_ca_file = _file("GIT_CA_FILE", _certificates)
    ls_remote_seconds = _count("LS_REMOTE_SECONDS", 30)
    fetch_seconds = _count("FETCH_SECONDS", 600)
    checkout_seconds = _count("CHECKOUT_SECONDS", 300)
    render_seconds = _count("RENDER_SECONDS", 60)
    pull_seconds = _count("PULL_SECONDS", 1800)
    build_seconds = _count("BUILD_SECONDS", 3600)
    up_seconds = _count("UP_SECONDS", 600)
    down_seconds = _count("DOWN_SECONDS", 300)
    control_seconds = _count("CONTROL_SECONDS", 300)


SETTING_NAMES = tuple(field.data_key for field in Settings().fields.values() if field.data_key)


@dataclass(frozen=True)
class TimeLimits:
    """How long each stage of a run may take, in seconds."""

    ls_remote: int = 30
    fetch: int = 600
    checkout: int = 300
    render: int = 60
    pull: int = 1800
    build: int = 3600
    up: int = 600
    down: int = 300
    control: int = 300


@dataclass(frozen=True)
class Config:
    """The settings of one process."""

    api_key: Secret
    secret_key_base: Secret
    storage: Path
    former_api_key: Secret | None = None
    bind: str = "127.0.0.1:3000"
    log_level: str = "info"
    log_format: str = "text"
    concurrency: int = 4
    runs_kept: int = 100
    stacks_limit: int = 2000
    followers_limit: int = 600
    grace_seconds: int = 20
    bad_signatures_per_minute: int = 30
    allow_sha1: bool = False
    git_known_hosts_file: str | None = None
    git_ca_file: str | None = None
    force_ssl: bool = False
    trusted_proxies: Networks = PRIVATE_NETWORKS
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
        storage = Path(given.get("SUPERVISOR_STORAGE", "./storage")).absolute()
        made = _complete_keys(given, storage, may_make_keys=may_make_keys)
        try:
            values = Settings().load(given)
        except ValidationError as error:
            raise ConfigInvalid(error.normalized_messages()) from None  # type: ignore[no-untyped-call]
        return cls(**_arguments(values, storage), made_keys=made)


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


def _arguments(values: dict[str, Any], storage: Path) -> dict[str, Any]:
    limits = {name: values.pop(f"{name}_seconds") for name in TimeLimits.__dataclass_fields__}
    for name in ("api_key", "former_api_key", "secret_key_base"):
        values[name] = Secret(values[name]) if values[name] else None
    values["trusted_proxies"] = parse_networks(values["trusted_proxies"])
    return values | {"storage": storage, "limits": TimeLimits(**limits)}
