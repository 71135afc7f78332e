"""Which of a stack's values are secret: by their field, their name, or their look."""

import re

from supervisor.stacks.vault import StackSecrets

SECRET_NAME = re.compile(
    r"pass(w|phrase|_?$)|pwd|secret|token|key|credential|private|salt|auth|dsn|cert",
    re.IGNORECASE,
)
URL_WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)


def is_secret(name: str, value: str) -> bool:
    """Tell whether a variable is shown as asterisks."""
    return bool(SECRET_NAME.search(name) or URL_WITH_PASSWORD.search(value))


def secret_values(secrets: StackSecrets) -> list[str]:
    """Return every value that must not show in output."""
    fixed = [
        secrets.git_token,
        secrets.git_ssh_key,
        secrets.signature_secret,
        secrets.former_signature_secret,
    ]
    variables = [v for name, v in secrets.compose_variables.items() if is_secret(name, v)]
    return [value for value in (*fixed, *variables) if value]
