"""What a docker command is given: its whole environment."""

import os

# Compose interpolates the environment that it is given, so it is given this and nothing else.
# https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/
COMMON = ("PATH", "HOME", "DOCKER_CONFIG", "BUILDX_CONFIG")
# Where the engine is that Supervisor's own environment names, and how it is to be spoken to. For
# another one none of them counts: a context wins over a host by the manual, not by Docker 28.2.
# https://docs.docker.com/reference/cli/docker/#environment-variables
OWN_ENGINE = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")
PASSED_ON = COMMON + OWN_ENGINE
FIXED = {
    # No includes that are fetched from elsewhere:
    # https://github.com/docker/compose/blob/v2.40.3/pkg/remote/git.go
    "COMPOSE_EXPERIMENTAL_GIT_REMOTE": "false",
    "COMPOSE_EXPERIMENTAL_OCI_REMOTE": "false",
    # What docker sets for its plugins; without it one takes itself for a program of its own:
    # https://github.com/docker/cli/blob/master/cli-plugins/metadata/metadata.go
    "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND": "docker",
    # The builder asks git about a build context. One that looks like a repository names commands
    # for git to run, which would be Supervisor's: nothing is asked, and git would take none.
    # https://docs.docker.com/build/building/variables/#buildx_git_info
    # https://git-scm.com/docs/git-config#Documentation/git-config.txt-safebareRepository
    "BUILDX_GIT_INFO": "false",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.bareRepository",
    "GIT_CONFIG_VALUE_0": "explicit",
    "BUILDKIT_PROGRESS": "plain",
    # BuildKit holds lines back for so many milliseconds, for 150 otherwise:
    # https://github.com/moby/buildkit/blob/master/util/progress/progressui/display.go
    "TTY_DISPLAY_RATE": "50",
}


def environment(host: str | None = None) -> dict[str, str]:
    """Return the whole environment of a docker command, for the own engine or another one."""
    names = COMMON if host else PASSED_ON
    own = {name: os.environ[name] for name in names if name in os.environ}
    return own | FIXED | ({"DOCKER_HOST": host} if host else {})
