"""What asks for runs: signed webhooks and control commands. Each gives the run's uuid."""

import hashlib
import hmac
from pathlib import PurePosixPath

import requests

from tests.support.service import SIGNATURE_SECRET, Service

PUSH = b"{}"  # names no reference, so that it concerns every stack


def signature(body: bytes, secret: str = SIGNATURE_SECRET) -> str:
    """Return the signature of a delivery as GitHub writes it."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def deliver(service: Service, stack: str, body: bytes = PUSH) -> requests.Response:
    """Send a signed webhook as a forge does: without the API key."""
    headers = {"X-Hub-Signature-256": signature(body), "Content-Type": "application/json"}
    url = f"{service.url}/stacks/{stack}/webhook"
    return requests.post(url, data=body, headers=headers, timeout=60)


def webhook(service: Service, stack: str) -> str:
    """Send a signed webhook that has to be accepted."""
    answer = deliver(service, stack)
    assert answer.status_code == 202, answer.text
    return run_of(answer)


def control(service: Service, stack: str, command: str) -> str:
    """Send a control command that has to be accepted."""
    answer = service.post(f"/stacks/{stack}/control", json={"command": command})
    assert answer.status_code == 204, answer.text
    return run_of(answer)


def run_of(answer: requests.Response) -> str:
    """Return the uuid of the run that an answer's Location names."""
    return PurePosixPath(answer.headers["Location"]).name
