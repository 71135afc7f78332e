"""The API key and the secret key base that the first start makes when none is given."""

import secrets
from pathlib import Path

from supervisor import durable
from supervisor.errors import ConfigInvalid

API_KEY = "SUPERVISOR_API_KEY"
SECRET_KEY_BASE = "SUPERVISOR_SECRET_KEY_BASE"  # noqa: S105 (a setting's name)
NEXT = "keys.next"


def stored_keys(storage: Path) -> dict[str, str]:
    """Return the keys kept in storage, {} where the first start made none."""
    return _read(storage / "keys")


def next_keys(storage: Path) -> dict[str, str]:
    """Return the keys that were to be taken when a rotation was cut off, {} where none was."""
    return _read(storage / NEXT)


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    if path.stat().st_mode & 0o077:
        raise ConfigInvalid({str(path): ["can be read by others: chmod 600 it"]})
    return keys_in(path.read_text(encoding="utf-8"))


def keys_in(text: str) -> dict[str, str]:
    """Return the keys that lines such as NAME=value give."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def make_keys(storage: Path) -> dict[str, str]:
    """Make both keys, keep them in storage readable by this user only, return them."""
    keys = {API_KEY: secrets.token_urlsafe(32), SECRET_KEY_BASE: secrets.token_hex(64)}
    storage.mkdir(mode=0o700, parents=True, exist_ok=True)
    durable.write(storage / "keys", _lines(keys))
    return keys


def write_next(storage: Path, secret_key_base: str) -> None:
    """Write the keys with another secret key base down, beside those that count."""
    keys = stored_keys(storage) | {SECRET_KEY_BASE: secret_key_base}
    durable.write(storage / NEXT, _lines(keys))


def take_next(storage: Path) -> None:
    """Have the keys count that were written down last."""
    durable.rename(storage / NEXT, storage / "keys")


def _lines(keys: dict[str, str]) -> bytes:
    return "".join(f"{name}={value}\n" for name, value in keys.items()).encode()
