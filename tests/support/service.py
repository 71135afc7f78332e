"""The real server process, on a port and a storage folder of its own."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.support import ROOT
from tests.support.engine import Engine
from tests.support.ports import free_port
from tests.support.sse import Follower
from tests.support.waiting import noted, wait_until

API_KEY = "test-key-0123456789abcdef"
SECRET_KEY_BASE = "test-secret-key-base-0123456789abcdef0123456789abcdef"
SIGNATURE_SECRET = "test-signature-secret"
UNFINISHED = ("pending", "running")
PASSED_ON = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG")


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process still does anything; a zombie only waits to be fetched by init."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Service:
    """One server. Its processes are known by their ids, and only those are ended."""

    def __init__(self, folder: Path, engine: Engine | None = None, **settings: str) -> None:
        """Choose a port; `settings` come on top of the environment."""
        self.storage = folder / "storage"
        self.log = folder / "service.log"
        self.url = f"http://127.0.0.1:{free_port()}"
        self.environment = {
            **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
            "SUPERVISOR_API_KEY": API_KEY,
            "SUPERVISOR_SECRET_KEY_BASE": SECRET_KEY_BASE,
            "SUPERVISOR_BIND": self.url.removeprefix("http://"),
            "SUPERVISOR_STORAGE": str(self.storage),
            "SUPERVISOR_BAD_SIGNATURES_PER_MINUTE": "1000000",  # tests send many, from one address
            **settings,
        }
        self._engine = engine
        self._projects: set[str] = set()
        self._process: subprocess.Popen[bytes] | None = None

    # The process

    def start(self, *, healthy: bool = True) -> "Service":
        """Start the server; wait until /up answers, with 200 unless `healthy` is false."""
        self.launch()
        try:
            wait_until(lambda: self._is_up(healthy), "the service is up")
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}\n{self.log_text[-4000:]}") from None
        return self

    def launch(self) -> None:
        """Start the server and wait for nothing."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "app:app"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _is_up(self, healthy: bool) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise AssertionError("the service ended at its start")
        try:
            status = requests.get(f"{self.url}/up", timeout=5).status_code
        except (requests.ConnectionError, requests.Timeout):
            return False
        return status == 200 or not healthy

    @property
    def pid(self) -> int:
        """Return the id of the server's first process."""
        assert self._process, "the service was not started"
        return self._process.pid

    @property
    def processes(self) -> list[psutil.Process]:
        """Return the server's process and all that descend from it, commands included."""
        if self._process is None or self._process.poll() is not None:
            return []
        parent = psutil.Process(self._process.pid)
        return [parent, *parent.children(recursive=True)]

    def terminate(self, seconds: float = 60) -> int:
        """Ask the server to stop; return its exit status."""
        assert self._process, "the service was not started"
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(seconds)

    def wait_for_end(self, seconds: float = 60) -> int:
        """Wait until the server has ended by itself; return its exit status."""
        assert self._process, "the service was not started"
        return self._process.wait(seconds)

    def kill(self) -> None:
        """End the server and its commands at once, as a power cut would."""
        ended = self.processes
        for process in ended:
            with suppress(psutil.NoSuchProcess):
                process.suspend()  # so that no parent sees a child die and starts another
        for process in ended:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if self._process:
            self._process.wait(60)
        wait_until(lambda: not any(map(is_alive, ended)), "the service's processes are gone")

    def restart(self) -> "Service":
        """Stop the server if it runs, and start it again on the same storage."""
        if self.processes:
            self.terminate()
        return self.start()

    def close(self) -> None:
        """End the server; remove what its stacks left on the engine."""
        try:
            if self.processes:
                self.terminate()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end on SIGTERM:\n{self.log_text[-4000:]}") from None
        finally:
            self._remove_projects()

    def _remove_projects(self) -> None:
        if self._engine:
            for project in self._projects | self._engine.projects_below(self.storage):
                self._engine.remove(project)

    @property
    def log_text(self) -> str:
        """Return what the server has written to its output."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # Requests

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request with the API key; `headers` given replace or add to it."""
        headers = {"Authorization": f"Bearer {API_KEY}", **options.pop("headers", {})}
        options.setdefault("timeout", 60)
        options.setdefault("allow_redirects", False)
        with noted(f"{method} {path}"):
            return requests.request(method, self.url + path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        """Send a GET request."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        """Send a POST request."""
        return self.request("POST", path, **options)

    def patch(self, path: str, **options: Any) -> requests.Response:
        """Send a PATCH request."""
        return self.request("PATCH", path, **options)

    def put(self, path: str, **options: Any) -> requests.Response:
        """Send a PUT request."""
        return self.request("PUT", path, **options)

    def delete(self, path: str, **options: Any) -> requests.Response:
        """Send a DELETE request."""
        return self.request("DELETE", path, **options)

    def follow(self, uuid: str, last_event_id: str | None = None, **options: Any) -> Follower:
        """Follow a stack's log."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        path = f"/stacks/{uuid}/log?follow=true"
        response = self.get(path, headers=headers, stream=True, **options)
        assert response.status_code == 200, response.text
        return Follower(response)

    # Stacks and runs

    def create_stack(self, **fields: Any) -> dict[str, Any]:
        """Create a stack; where nothing else is given it follows webhooks for main."""
        stack: dict[str, Any] = {
            "name": f"stack-{os.urandom(4).hex()}",
            "git_reference": "refs/heads/main",
            "compose_file": "compose.yml",
            "strategy": "webhook",
            "health_timeout": 0,  # most tests are about something else than the health gate
        } | fields
        if stack["strategy"] == "webhook":
            stack.setdefault("signature_header", "X-Hub-Signature-256")
            stack.setdefault("signature_secret", SIGNATURE_SECRET)
        answer = self.post("/stacks", json=stack)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        if self._engine:
            self._projects.add(self._engine.claim(created["project"]))
        return created

    def runs(self, uuid: str) -> list[dict[str, Any]]:
        """Return a stack's runs, as the service lists them."""
        body = self.get(f"/stacks/{uuid}/runs").json()
        found: list[dict[str, Any]] = body if isinstance(body, list) else body["runs"]
        return found

    def wait_for_run(
        self,
        uuid: str,
        run_uuid: str | None = None,
        *,
        status: str = "succeeded",
        seconds: float = 90,
    ) -> dict[str, Any]:
        """Wait until a run has ended, the stack's newest if none is named; check how, return it."""

        def ended() -> dict[str, Any] | None:
            runs = self.runs(uuid)
            named = [run for run in runs if run_uuid in (None, run["uuid"])]
            newest = max(named, key=lambda run: str(run["created_at"]), default=None)
            return newest if newest and newest["status"] not in UNFINISHED else None

        run = wait_until(ended, f"a run of {uuid} ends", seconds)
        assert run["status"] == status, run
        return run
