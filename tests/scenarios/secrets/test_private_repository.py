"""A repository that wants credentials, and where they must never turn up."""

import json
import sqlite3
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import StartService
from tests.support.authority import Authority
from tests.support.canaries import Canary, found_in_files
from tests.support.compose_files import built, compose, sleeper
from tests.support.engine import Engine, docker
from tests.support.git_http import GitServer
from tests.support.proc import Watch
from tests.support.repository import Repository, two_services
from tests.support.service import API_KEY, SECRET_KEY_BASE, SIGNATURE_SECRET, Service
from tests.support.triggers import control, deliver, webhook
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("stacks_are_deleted")

MARKER = "SUPERVISOR_COMMAND_OF"
USER = "deploy-bot"
TOKEN = "tok-CANARY/2+aaaa==bbbbbbb"
PASSWORD = "var-CANARY?3&cccccccccc"
CANARIES = (
    Canary("git token", TOKEN, also=(f"{USER}:{TOKEN}",)),
    Canary("signature secret", SIGNATURE_SECRET),
    Canary("variable", PASSWORD),
    Canary("API key", API_KEY),
    Canary("secret key", SECRET_KEY_BASE),
)


@pytest.fixture
def private(git_server: GitServer) -> GitServer:
    git_server.username, git_server.password = USER, TOKEN
    return git_server


def create(service: Service, private: GitServer, repository: Repository, **fields: Any) -> str:
    stack = service.create_stack(
        git_repository=private.url(repository.path),
        git_username=USER,
        git_token=TOKEN,
        **fields,
    )
    return str(stack["uuid"])


def answers(service: Service, uuid: str) -> bytes:
    """Return what every GET says about the stack, headers included, and how it ends."""
    paths = ["/up", "/stacks", f"/stacks/{uuid}", f"/stacks/{uuid}/stats"]
    paths += [f"/stacks/{uuid}/log?entries=100", f"/stacks/{uuid}/runs?count=100"]
    paths += [f"/stacks/{uuid}/runs/{run['uuid']}" for run in service.runs(uuid)]
    found = [service.get(path) for path in paths]
    assert all(answer.status_code == 200 for answer in found)
    return b"\n".join(str(dict(a.headers)).encode() + a.content for a in found)


def followed(service: Service, uuid: str) -> bytes:
    """Return the whole stored stream of a stack."""
    last = service.get(f"/stacks/{uuid}/log").json()[0]["run"]
    texts = []
    with service.follow(uuid, last_event_id="0") as follower:
        for event in follower:
            texts.append(json.dumps(event.data))
            if event.name == "message" and event.data["run"] == last:
                return "\n".join(texts).encode()
    raise AssertionError("the stream ended")


def test_a_private_repository_is_deployed_and_followed(
    shared_service: Service, engine: Engine, repository: Repository, private: GitServer
) -> None:
    uuid = create(shared_service, private, repository)
    shared_service.wait_for_run(uuid)
    project = shared_service.get(f"/stacks/{uuid}").json()["project"]
    assert engine.run_inside(project, "web", "cat", "/www/version") == "1"
    repository.commit(two_services("2"))
    shared_service.wait_for_run(uuid, webhook(shared_service, uuid))
    assert engine.run_inside(project, "web", "cat", "/www/version") == "2"


def test_a_token_works_without_a_username(
    shared_service: Service, repository: Repository, git_server: GitServer
) -> None:
    stack = shared_service.create_stack(
        git_repository=git_server.url(repository.path), git_token=git_server.password
    )
    shared_service.wait_for_run(stack["uuid"])


def test_polls_use_the_token_too(
    shared_service: Service, repository: Repository, private: GitServer
) -> None:
    uuid = create(shared_service, private, repository, polling_interval=1)
    shared_service.wait_for_run(uuid)
    commit = repository.commit(two_services("2"))
    wait_until(
        lambda: shared_service.get(f"/stacks/{uuid}").json()["commit"] == commit, "a poll sees it"
    )
    assert shared_service.get(f"/stacks/{uuid}/stats").json()["check_failures"] == 0


def test_secrets_turn_up_nowhere_while_all_goes_well_and_when_nothing_does(
    start_service: StartService, repository: Repository, private: GitServer
) -> None:
    """Hunt for each canary in argument lists, storage, the log, answers and the stream."""
    service = start_service(
        SUPERVISOR_LOG_LEVEL="debug",
        GIT_TRACE="1",
        GIT_TRACE_CURL="1",
        GIT_CURL_VERBOSE="1",
        GIT_TRACE_PACKET="1",
        SUPERVISOR_LS_REMOTE_SECONDS="3",
    )
    # A build that prints every variable it is given, as a debugging user's would.
    script = built("echo $DB_PASSWORD; printf %s $DB_PASSWORD; env; echo $DB_PASSWORD | base64")
    model = json.loads(script["compose.yml"])
    model["services"]["web"]["build"] = {
        "context": ".",
        "args": {"DB_PASSWORD": "${DB_PASSWORD}"},
    }
    dockerfile = script["Dockerfile"].replace("\n", "\nARG DB_PASSWORD\n", 1)
    files = {"compose.yml": json.dumps(model), "Dockerfile": dockerfile}
    repository.commit(script | files)
    with Watch() as watch:
        uuid = create(service, private, repository, compose_variables={"DB_PASSWORD": PASSWORD})
        service.wait_for_run(uuid)
        repository.commit({"more": "to fetch"})
        private.faults.stall = True
        stalled = webhook(service, uuid)
        wait_until(lambda: watch.saw(b"git-remote-http"), "git asks the server")
        service.wait_for_run(uuid, stalled, status="failed")
        private.faults.stall = False
        private.faults.status = 403
        service.wait_for_run(uuid, webhook(service, uuid), status="failed")
        private.faults.status = None
        repository.commit({"compose.yml": "services: {web: {ports: ['${DB_PASSWORD}']}}"})
        service.wait_for_run(uuid, webhook(service, uuid), status="failed")
        repository.commit(files)
        service.wait_for_run(uuid, webhook(service, uuid))
        service.wait_for_run(uuid, control(service, uuid, "restart"))
    answer = service.patch(f"/stacks/{uuid}", json={"git_token": 5, "signature_secret": [TOKEN]})
    assert answer.status_code == 422
    places = {
        "argument lists": b"\n".join(watch.seen),
        "the log": service.log_text.encode(),
        "answers": answers(service, uuid) + answer.content,
        "the stream": followed(service, uuid),
    }
    wal = service.storage / "supervisor.db-wal"
    assert wal.stat().st_size > 0
    for canary in CANARIES:
        assert not [place for place, found in places.items() if canary.found_in(found)], canary.name
    assert found_in_files(CANARIES, service.storage) == []
    assert b"********" in places["the stream"]
    assert service.log_text.count("http.c:") == 0

    service.terminate()
    with sqlite3.connect(service.storage / "supervisor.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    assert found_in_files(CANARIES, service.storage) == []


def test_commands_get_a_fixed_environment_and_git_alone_the_token(
    start_service: StartService, repository: Repository, private: GitServer
) -> None:
    service = start_service(
        GIT_TRACE="1", LD_DEBUG="none", AWS_SECRET_ACCESS_KEY="own", COMPOSE_FILE="/nowhere.yml"
    )
    seen: dict[str, set[str]] = {}
    done = threading.Event()

    def look() -> None:
        prefix = f"{service.storage}:"
        while not done.wait(0.005):
            for process in psutil.process_iter():
                with suppress(psutil.Error, OSError):
                    environment = process.environ()
                    if environment.get(MARKER, "").startswith(prefix):
                        assert API_KEY not in environment.values()
                        seen.setdefault(process.name(), set()).update(environment)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        private.faults.stall = True
        uuid = create(service, private, repository)
        wait_until(lambda: "git-remote-http" in seen, "git asks the server")
        private.faults.stall = False
        service.delete(f"/stacks/{uuid}")
        uuid = create(service, private, repository)
        service.wait_for_run(uuid)
    finally:
        done.set()
        looking.join()
    names = set().union(*seen.values())
    foreign = {"SUPERVISOR_API_KEY", "SUPERVISOR_SECRET_KEY_BASE", "GIT_TRACE", "COMPOSE_FILE"}
    assert not names & (foreign | {"AWS_SECRET_ACCESS_KEY", "LD_DEBUG"})
    assert "SUPERVISOR_GIT_TOKEN" in seen["git-remote-http"]
    for name in ("docker", "docker-compose"):
        assert "SUPERVISOR_GIT_TOKEN" not in seen.get(name, ())


def test_a_compose_file_cannot_read_the_environment_of_the_service(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    names = ("SUPERVISOR_API_KEY", "SUPERVISOR_SECRET_KEY_BASE", "SUPERVISOR_STORAGE")
    repository = Repository(tmp_path / "curious")
    wanted = {f"GOT_{number}": f"${{{name}:-none}}" for number, name in enumerate(names)}
    passed = dict.fromkeys(names)  # without a value Compose takes it from its own environment
    repository.commit(compose({"web": sleeper(environment=wanted | passed)}))
    stack = shared_service.create_stack(git_repository=repository.url)
    shared_service.wait_for_run(stack["uuid"])
    web = engine.containers(stack["project"])["web"]
    environment = json.loads(docker("inspect", "--format", "{{json .Config.Env}}", web))
    assert {f"GOT_{number}=none" for number in range(3)} <= set(environment)
    assert API_KEY not in str(environment)
    assert SECRET_KEY_BASE not in str(environment)


class Elsewhere:
    """Another host, which notes what is sent to it; and one that redirects there."""

    def __init__(self) -> None:
        self.headers: list[str] = []
        self.target = self._serve(self._note)
        self.source = self._serve(self._redirect)

    def _serve(self, answer: Any) -> ThreadingHTTPServer:
        def respond(handler: BaseHTTPRequestHandler) -> None:
            answer(handler)

        methods = {"do_GET": respond, "do_POST": respond, "log_message": lambda *_: None}
        server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (BaseHTTPRequestHandler,), methods)
        )
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server

    def _note(self, handler: BaseHTTPRequestHandler) -> None:
        self.headers.append(str(handler.headers))
        handler.send_error(404)

    def _redirect(self, handler: BaseHTTPRequestHandler) -> None:
        if not handler.headers.get("Authorization"):
            handler.send_response(401)
            handler.send_header("WWW-Authenticate", 'Basic realm="git"')
        else:
            handler.send_response(302)
            address = f"http://127.0.0.1:{self.target.server_port}{handler.path}"
            handler.send_header("Location", address)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def close(self) -> None:
        for server in (self.target, self.source):
            server.shutdown()
            server.server_close()


@pytest.mark.row("G16")
def test_a_redirect_takes_the_token_nowhere(shared_service: Service) -> None:
    elsewhere = Elsewhere()
    try:
        stack = shared_service.create_stack(
            git_repository=f"http://127.0.0.1:{elsewhere.source.server_port}/r.git",
            git_username=USER,
            git_token=TOKEN,
        )
        failed = shared_service.wait_for_run(stack["uuid"], status="failed")
    finally:
        elsewhere.close()
    assert "redirect" in failed["message"]
    assert "git_repository" in failed["message"]
    assert elsewhere.headers == []


def test_a_secret_is_masked_and_the_mask_means_unchanged(
    shared_service: Service, repository: Repository, private: GitServer
) -> None:
    uuid = create(
        shared_service,
        private,
        repository,
        compose_variables={"DB_PASSWORD": PASSWORD, "PLAIN": "seen"},
    )
    shared_service.wait_for_run(uuid)
    shown = shared_service.get(f"/stacks/{uuid}").json()
    assert shown["git_token"] == shown["signature_secret"] == "********"
    assert shown["compose_variables"] == {"DB_PASSWORD": "********", "PLAIN": "seen"}
    answer = shared_service.put(f"/stacks/{uuid}", json=shown)
    assert answer.status_code == 200
    assert "Location" not in answer.headers
    assert deliver(shared_service, uuid).status_code == 202
    run = control(shared_service, uuid, "redeploy")
    shared_service.wait_for_run(uuid, run)


@pytest.mark.row("P21")
def test_storage_is_for_its_user_only(shared_service: Service) -> None:
    assert shared_service.storage.stat().st_mode & 0o077 == 0


def test_the_variables_of_a_stack_are_in_no_file_while_they_are_used(
    start_service: StartService, tmp_path: Path
) -> None:
    service = start_service()
    repository = Repository(tmp_path / "slow")
    script = built("sleep 3")
    repository.commit(script)
    stack = service.create_stack(
        git_repository=repository.url, compose_variables={"DB_PASSWORD": PASSWORD}
    )
    wait_until(lambda: service.runs(stack["uuid"])[0]["step"] == "build", "the build goes on")
    assert found_in_files(CANARIES, service.storage) == []
    service.wait_for_run(stack["uuid"])


def test_a_private_authority_is_trusted_by_every_stack(
    start_service: StartService, repository: Repository, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "authority")
    service = start_service(SUPERVISOR_GIT_CA_FILE=str(authority.certificate))
    with GitServer(tmp_path, certificate=authority.certify()) as server:
        stack = service.create_stack(
            git_repository=server.url(repository.path), git_token=server.password
        )
        service.wait_for_run(stack["uuid"])
