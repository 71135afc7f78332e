"""What a repository or its server may do that the other tests don't have."""

import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartService
from tests.support.compose_files import compose, sleeper
from tests.support.engine import Engine
from tests.support.recorder import Recorder
from tests.support.repository import Repository, two_services
from tests.support.service import Service
from tests.support.triggers import webhook

pytestmark = pytest.mark.long


def served(engine: Engine, stack: dict[str, Any]) -> str:
    return engine.run_inside(stack["project"], "web", "cat", "/www/version")


@pytest.mark.row("G7")
def test_submodules_are_left_alone(
    start_service: StartService, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    recorder = Recorder(tmp_path / "recorder")
    service = start_service(PATH=recorder.path)
    add_submodule(repository, "file:///etc")
    stack = service.create_stack(git_repository=repository.url)
    service.wait_for_run(stack["uuid"])
    assert served(engine, stack) == "1"
    assert recorder.calls("fetch")
    assert not recorder.calls("submodule")
    checkout = service.storage / "stacks" / stack["uuid"] / "checkout"
    assert not any(checkout.glob("inner/*"))


@pytest.mark.row("G7")
@pytest.mark.parametrize("url", ["-u./x", "--upload-pack=touch marker"])
def test_a_submodule_that_would_run_something_is_not_even_fetched(
    shared_service: Service, engine: Engine, repository: Repository, url: str
) -> None:
    stack = shared_service.create_stack(git_repository=repository.url)
    shared_service.wait_for_run(stack["uuid"])
    add_submodule(repository, url)
    run = webhook(shared_service, stack["uuid"])
    failed = shared_service.wait_for_run(stack["uuid"], run, status="failed")
    assert failed["message"].startswith("fetch: ")
    assert served(engine, stack) == "1"


def add_submodule(repository: Repository, url: str) -> None:
    """Commit a submodule as a hostile person would: without git's own checks."""
    modules = f'[submodule "inner"]\n\tpath = inner\n\turl = {url}\n'
    (repository.path / ".gitmodules").write_text(modules)
    (repository.path / "inner").mkdir()
    entry = f"160000,{repository.head},inner"
    repository.git("update-index", "--add", "--cacheinfo", entry)
    repository.git("add", ".gitmodules")
    repository.git("commit", "--quiet", "--message", "A submodule")


@pytest.mark.row("G10")
def test_filters_and_lfs_run_nothing_and_a_pointer_is_no_compose_file(
    shared_service: Service, engine: Engine, repository: Repository, tmp_path: Path
) -> None:
    repository.commit(
        {".gitattributes": "* filter=x diff=y\n", ".lfsconfig": "[lfs]\nurl = http://127.0.0.1:1\n"}
    )
    stack = shared_service.create_stack(git_repository=repository.url)
    shared_service.wait_for_run(stack["uuid"])
    assert served(engine, stack) == "1"
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n"
    repository.commit({"compose.yml": pointer})
    run = webhook(shared_service, stack["uuid"])
    failed = shared_service.wait_for_run(stack["uuid"], run, status="failed")
    assert "is kept in Git LFS" in failed["message"]
    assert served(engine, stack) == "1"


@pytest.mark.row("G12")
def test_a_bare_repository_inside_the_repository_is_just_files(
    shared_service: Service, engine: Engine, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    repository = Repository(tmp_path / "repository")
    repository.git("init", "--quiet", "--bare", "inner")
    shutil.rmtree(repository.path / "inner/hooks")
    with (repository.path / "inner/config").open("a") as config:
        config.write(f'[core]\n\tfsmonitor = "touch {marker}"\n\tsshCommand = "touch {marker}"\n')
    for empty in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
        (repository.path / "inner" / empty / "keep").touch()
    files = two_services("1")
    (repository.path / "inner/compose.yml").write_text(files["compose.yml"])
    blobs = sorted(p for p in (repository.path / "inner").rglob("*") if p.is_file())
    for path in blobs:
        # `git add` would take the folder for a submodule.
        name = str(path.relative_to(repository.path))
        blob = repository.git("hash-object", "-w", "--", name)
        repository.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")
    repository.git("commit", "--quiet", "--message", "A repository inside")
    stack = shared_service.create_stack(
        git_repository=repository.url, compose_file="inner/compose.yml"
    )
    shared_service.wait_for_run(stack["uuid"])
    assert served(engine, stack) == "1"
    assert not marker.exists()


class _Nothing(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the tests' output clean."""


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep the tests' output clean: who doesn't trust us hangs up."""


@pytest.fixture
def untrusted_server(tmp_path: Path) -> Iterator[str]:
    """A server whose certificate nobody has signed; give its address."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *names]
    subprocess.run(
        [*make, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=30
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = _Quiet(("127.0.0.1", 0), _Nothing)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}/repository.git"
    server.shutdown()
    server.server_close()


@pytest.mark.row("G17")
def test_a_certificate_that_nobody_trusts_is_refused(
    shared_service: Service, untrusted_server: str
) -> None:
    stack = shared_service.create_stack(git_repository=untrusted_server)
    failed = shared_service.wait_for_run(stack["uuid"], status="failed")
    assert "certificate is not trusted" in failed["message"]


@pytest.mark.row("G21")
def test_hostile_authors_and_subjects_break_nothing(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    stack = shared_service.create_stack(git_repository=repository.url)
    shared_service.wait_for_run(stack["uuid"])
    names = ("\x1b[2J\x1b]0;title\x07", "\u202egnp.exe", "a\rb", "'); DROP TABLE stacks;--")
    for number, name in enumerate(names):
        files = two_services(str(number + 2))
        (repository.path / "compose.yml").write_text(files["compose.yml"])
        author = f"{name} <hostile@example.org>"
        repository.git("commit", "--quiet", "--all", "--author", author, "--message", name * 2000)
    broken = repository.path.parent / "message"
    broken.write_bytes(b"\xff\xfe invalid \xc3\x28" + b"x" * 1_000_000)
    repository.git(
        "commit", "--quiet", "--allow-empty", "--allow-empty-message", "--file", str(broken)
    )
    answer = shared_service.post(f"/stacks/{stack['uuid']}/plan")
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["commits"]) == 5
    assert len(answer.content) < 20_000
    for byte in (b"\x1b", b"\r", b"\x07"):
        assert byte not in answer.content
    shared_service.wait_for_run(stack["uuid"], webhook(shared_service, stack["uuid"]))
    assert served(engine, stack) == "5"


@pytest.mark.row("G22")
def test_a_branch_that_goes_back_is_followed(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    first = repository.head
    repository.commit(two_services("2"))
    stack = shared_service.create_stack(git_repository=repository.url)
    shared_service.wait_for_run(stack["uuid"])
    assert served(engine, stack) == "2"
    repository.rewind(first)
    run = shared_service.wait_for_run(stack["uuid"], webhook(shared_service, stack["uuid"]))
    assert run["commit_after"] == first
    assert served(engine, stack) == "1"


@pytest.mark.row("G1")
def test_an_unrelated_history_is_followed_while_the_old_version_runs(
    shared_service: Service, engine: Engine, repository: Repository
) -> None:
    stack = shared_service.create_stack(git_repository=repository.url)
    shared_service.wait_for_run(stack["uuid"])
    db = engine.containers(stack["project"], running=True)["db"]
    repository.git("checkout", "--quiet", "--orphan", "other")
    repository.commit(two_services("2"))
    repository.git("branch", "--force", "main", "other")
    shared_service.wait_for_run(stack["uuid"], webhook(shared_service, stack["uuid"]))
    assert served(engine, stack) == "2"
    assert engine.containers(stack["project"], running=True)["db"] == db


@pytest.mark.row("G14")
@pytest.mark.parametrize("damage", ["an index", "a lock", "an object", "every pack", "no mirror"])
def test_damage_in_the_storage_is_repaired_while_the_old_version_runs(
    shared_service: Service, engine: Engine, tmp_path: Path, damage: str
) -> None:
    repository = Repository(tmp_path / "repository")
    repository.commit(compose({"web": sleeper(environment={"VERSION": "1"}), "db": sleeper()}))
    stack = shared_service.create_stack(git_repository=repository.url)
    shared_service.wait_for_run(stack["uuid"])
    before = engine.containers(stack["project"], running=True)
    folder = shared_service.storage / "stacks" / stack["uuid"]
    (mirror,) = [
        path
        for path in (shared_service.storage / "mirrors").iterdir()
        if any((path / "refs/supervisor").glob(stack["uuid"]))
    ]
    if damage == "an index":
        (folder / "checkout.index").write_bytes(b"\0" * 100)
    elif damage == "a lock":
        (folder / "checkout.index.lock").touch()
    elif damage == "no mirror":
        shutil.rmtree(mirror)
    else:
        for path in (mirror / "objects").rglob("*"):
            if path.is_file() and (damage == "an object" or path.suffix == ".pack"):
                path.chmod(0o600)
                path.write_bytes(b"\0" * 10)
    repository.commit(compose({"web": sleeper(environment={"VERSION": "2"}), "db": sleeper()}))
    run = webhook(shared_service, stack["uuid"])
    shared_service.wait_for_run(stack["uuid"], run)
    after = engine.containers(stack["project"], running=True)
    assert after["db"] == before["db"]
    assert after["web"] != before["web"]


@pytest.mark.row("G5")
def test_of_a_far_too_large_repository_only_what_is_followed_is_fetched(
    start_service: StartService, engine: Engine, repository: Repository
) -> None:
    service = start_service()
    repository.branch("large")
    repository.commit({"blob": os.urandom(30 * 10**6)})
    repository.switch("main")
    names = sorted(f"refs/heads/b{number}" for number in range(50_000))
    head = repository.head
    refs = "".join(f"{head} {name}\n" for name in names)
    (repository.path / ".git/packed-refs").write_text(f"# pack-refs with: sorted\n{refs}")
    stack = service.create_stack(git_repository=repository.url)
    service.wait_for_run(stack["uuid"])
    repository.commit(two_services("2"))
    service.wait_for_run(stack["uuid"], webhook(service, stack["uuid"]))
    assert served(engine, stack) == "2"
    (mirror,) = (service.storage / "mirrors").glob("*.git")
    sizes = [path.stat().st_size for path in mirror.rglob("*") if path.is_file()]
    assert sum(sizes) < 5 * 10**6
    assert len(sizes) < 200
