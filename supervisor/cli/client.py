"""The API, as the `supervisor stacks` commands use it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from supervisor.cli.exits import FAILED, KEY_REFUSED, NOBODY_ANSWERS, NOT_FOUND, Ended, printable
from supervisor.network.addresses import parse_host
from supervisor.settings.config import Config
from supervisor.settings.keys import API_KEY, keys_in, stored_keys

URL = "SUPERVISOR_URL"
KEY_FILE = "SUPERVISOR_API_KEY_FILE"
BIND = "SUPERVISOR_BIND"
STORAGE = "SUPERVISOR_STORAGE"
ANSWER_SECONDS = 30
SILENCE_SECONDS = 40  # a follower gets a heartbeat every 15
STATUS = {401: KEY_REFUSED, 404: NOT_FOUND}


class Client:
    """Ask, and end with clear words where there is no answer to use."""

    def __init__(self) -> None:
        given = _setting(URL).rstrip("/")
        self.url = given or _listens_at()
        host = _host(self.url)
        is_here = not given or _is_loopback(host)
        self._session = requests.Session()
        key = _key(is_here=is_here)
        # As a function: else `requests` prefers what a .netrc file has for the host.
        # https://github.com/psf/requests/issues/3929
        self._session.auth = lambda request: _signed(request, key)
        if is_here:  # what does not leave the machine needs no TLS
            self._session.headers["X-Forwarded-Proto"] = "https"

    def get(self, path: str) -> Any:
        """Return the answer's JSON."""
        return self._ask("GET", path).json()

    def post(self, path: str, body: dict[str, Any]) -> str | None:
        """Send it; return the path of the run that was queued."""
        return self._ask("POST", path, json=body).headers.get("Location")

    def find(self, stack: str) -> dict[str, Any]:
        """Return the stack with that name, that uuid, or a uuid that begins so."""
        listed = self.get("/stacks")
        for fits in (
            [s for s in listed if stack in (s["uuid"], s["name"])],
            [s for s in listed if s["name"].casefold() == stack.casefold()],
            [s for s in listed if len(stack) >= 4 and s["uuid"].startswith(stack)],
        ):
            if len(fits) == 1:
                found: dict[str, Any] = fits[0]
                return found
        raise Ended(
            f"no stack is called {printable(stack)}: see `supervisor stacks list`", NOT_FOUND
        )

    def follow(self, path: str, last_id: str | None) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield event, id and data until the stream breaks off.

        https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
        """
        headers = {"Last-Event-ID": last_id} if last_id else {}
        answer = self._ask(
            "GET", path, headers=headers, stream=True, timeout=(ANSWER_SECONDS, SILENCE_SECONDS)
        )
        event: dict[str, str] = {}
        try:
            # With a size, `requests` may keep the last event back until there is more.
            # https://github.com/psf/requests/issues/2433
            for line in answer.iter_lines(chunk_size=None, delimiter=b"\n"):
                name, _, value = line.decode("utf-8", "replace").partition(": ")
                if name:
                    event[name] = value
                elif "data" in event:
                    yield event.get("event", ""), event.get("id", ""), json.loads(event["data"])
                    event = {}
        except requests.RequestException:
            return  # the caller goes on where it was

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        options.setdefault("timeout", ANSWER_SECONDS)
        try:
            answer = self._session.request(
                method, self.url + path, allow_redirects=False, **options
            )
        except requests.exceptions.SSLError as error:
            raise Ended(
                f"{self.url} has no certificate to trust: {error}", NOBODY_ANSWERS
            ) from None
        except requests.RequestException as error:
            raise Ended(
                f"nobody answers at {self.url}: set {URL} ({_reason(error)})", NOBODY_ANSWERS
            ) from None
        if answer.is_redirect:
            place = printable(answer.headers["Location"])
            raise Ended(f"{self.url} sends to {place}: set {URL} to where Supervisor is")
        if not answer.ok:
            raise Ended(_said(answer), STATUS.get(answer.status_code, FAILED))
        return answer


def _signed(request: requests.PreparedRequest, key: str) -> requests.PreparedRequest:
    request.headers["Authorization"] = f"Bearer {key}"
    return request


def _setting(name: str) -> str:
    return os.environ.get(name, "").strip()


def _listens_at() -> str:
    """Return where a service with this environment listens; everywhere means here too."""
    host, _, port = (_setting(BIND) or Config.bind).rpartition(":")
    loopback = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 (compared, not bound)
    return f"http://{loopback.get(host, host)}:{port}"


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:  # half an IPv6 address
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Ended(f"{URL} must be an address such as https://supervisor.example.org", 2)
    return parts.hostname


def _key(*, is_here: bool) -> str:
    """Return the key from the environment, from a file, or for a service here, from its storage."""
    key = _setting(API_KEY)
    if not key and (file := _setting(KEY_FILE)):
        text = Path(file).read_text(encoding="utf-8", errors="replace").strip()
        key = keys_in(text).get(API_KEY, text)
    if not key and is_here:
        key = stored_keys(Path(_setting(STORAGE) or "./storage")).get(API_KEY, "")
    if not key:
        raise Ended(f"there is no API key: set {API_KEY} or {KEY_FILE}", KEY_REFUSED)
    if not key.isascii() or not key.isprintable():
        raise Ended("the API key must be printable ASCII", KEY_REFUSED)
    return key


def _is_loopback(host: str) -> bool:
    address = parse_host(host)
    return address.is_loopback if address else host == "localhost"


def _said(answer: requests.Response) -> str:
    if answer.status_code == 401:
        return f"the API key is wrong: set {API_KEY} or {KEY_FILE}"
    try:
        error = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        return f"{answer.url} answered {answer.status_code}: is that Supervisor?"
    if isinstance(error, dict):
        error = "; ".join(f"{name} {', '.join(texts)}" for name, texts in error.items())
    return printable(error)


def _reason(error: Exception) -> str:
    """Return the last cause, in the words of the system."""
    cause: BaseException = error
    while cause.__context__ is not None:
        cause = cause.__context__
    return printable(cause.strerror if isinstance(cause, OSError) and cause.strerror else cause)
