"""Which of a stack's values are secret: by their field, their name, or their look."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

SECRET_NAME = re.compile(
    r"pass(w|phrase|_?$)|pwd|secret|token|key|credential|private|salt|auth|dsn|cert",
    re.IGNORECASE,
)
# One character of the scheme is enough: a look for all of it begins anew at each of a long text's.
URL_WITH_PASSWORD = re.compile(r"[a-z0-9+.-]://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)


def is_secret(name: str, value: str) -> bool:
    """Tell whether a variable is shown as asterisks."""
    return bool(SECRET_NAME.search(name) or URL_WITH_PASSWORD.search(value))


def secret_values(secrets: Mapping[str, Any]) -> list[str]:
    """Return every value that must not show in output, see `vault.StackSecrets`."""
    return [value for value in _values(secrets) if value]


def _values(secrets: Mapping[str, Any]) -> Iterator[str | None]:
    for kept in secrets.values():
        if isinstance(kept, Mapping):
            yield from (value for name, value in kept.items() if is_secret(name, value))
        else:
            yield kept
