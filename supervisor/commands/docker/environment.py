"""What a docker command is given: its whole environment."""

import os

# Compose interpolates the environment that it is given, so it is given this and nothing else.
COMMON = ("PATH", "HOME", "DOCKER_CONFIG", "BUILDX_CONFIG")
# Where the engine is that Supervisor's own environment names, and how it is to be spoken to.
OWN_ENGINE = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")
PASSED_ON = COMMON + OWN_ENGINE
FIXED = {
    "COMPOSE_EXPERIMENTAL_GIT_REMOTE": "false",  # no includes that are fetched from elsewhere
    "COMPOSE_EXPERIMENTAL_OCI_REMOTE": "false",
    "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND": "docker",  # or a plugin takes itself for a program
    "BUILDKIT_PROGRESS": "plain",
    "TTY_DISPLAY_RATE": "50",  # BuildKit holds lines back for so many milliseconds, else for 150
}


def environment(host: str | None = None) -> dict[str, str]:
    """Return the whole environment of a docker command, for the own engine or another one."""
    names = COMMON if host else PASSED_ON
    own = {name: os.environ[name] for name in names if name in os.environ}
    return own | FIXED | ({"DOCKER_HOST": host} if host else {})
