"""Files of stacks that do something particular."""

import json
from textwrap import dedent

from tests.support.engine import BASE_IMAGE


def sleeper(**extra: object) -> dict[str, object]:
    """Return a service that runs until it is stopped, and stops at once."""
    return {
        "image": BASE_IMAGE,
        "command": ["sleep", "1000000"],
        "stop_grace_period": "0s",
        **extra,
    }


def compose(services: dict[str, object], **rest: object) -> dict[str, str]:
    """Return a stack's files; JSON is YAML."""
    return {"compose.yml": json.dumps({"services": services, **rest}, indent=1)}


def slow(seconds: float, version: str = "1") -> dict[str, str]:
    """Return a stack whose `docker compose up` takes a while: `web` waits for a job to end."""
    job = sleeper(command=["sleep", str(seconds)], environment={"VERSION": version})
    after = {"job": {"condition": "service_completed_successfully"}}
    web = sleeper(environment={"VERSION": version}, depends_on=after)
    return compose({"job": job, "web": web})


def built(script: str) -> dict[str, str]:
    """Return a stack whose image is built, and whose build runs a shell script."""
    lines = dedent(script).strip()
    dockerfile = f"FROM {BASE_IMAGE}\nCOPY script.sh /script.sh\nRUN sh /script.sh\n"
    web = {name: value for name, value in sleeper(build=".").items() if name != "image"}
    files = compose({"web": web})
    return files | {"Dockerfile": dockerfile, "script.sh": lines + "\n"}
