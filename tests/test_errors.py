"""Whatever strangers, repositories and tools send brings about the errors that are documented.

Each function is given what is kept in `tests/support/foreign.txt`, and for a moment what a fuzzer
makes of it.
"""

import ast
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from marshmallow import ValidationError
from werkzeug.exceptions import BadRequest

from supervisor.api.body import parse
from supervisor.commands.docker import errors as docker
from supervisor.commands.git import address
from supervisor.commands.git import errors as git
from supervisor.commands.process.lines import LineSplitter
from supervisor.deploy.model.containment import (
    check_model,
    check_sources,
    file_within,
    optional_file_within,
)
from supervisor.deploy.model.documents import Unreadable, read_documents
from supervisor.deploy.model.dotenv import Dotenv
from supervisor.deploy.model.ingredients import ingredients
from supervisor.deploy.model.sources import Sources, find_sources
from supervisor.deploy.submodules import in_full
from supervisor.errors import CommandFailed, DeployRefused, StackInvalid
from supervisor.forges import understand
from supervisor.forges.signature import Request, is_valid, may_be_signed
from supervisor.network import addresses
from supervisor.plain_text import clean
from supervisor.security.redact import Redactor
from supervisor.settings.networks import parse_networks
from supervisor.stacks.fields import rules, schema, ssh_rules
from supervisor.stacks.secret_names import is_secret, secret_values
from tests.support import ROOT

SECONDS = 0.05  # for each function
LONGEST = 4_000
LINES = (ROOT / "tests" / "support" / "foreign.txt").read_text().splitlines()
KEPT = [
    eval(compile(ast.parse(line, mode="eval"), "kept", "eval")) for line in LINES if line[:1] != "#"
]
PARTS = [
    "\0",
    "\ud800",
    "\n",
    "\r",
    " ",
    ":",
    "/",
    "@",
    "..",
    "%",
    "[",
    "]",
    "{",
    "}",
    "&",
    "*",
    "é",
]
PARTS += ['"', "'", "\\", "\x1b", "=", "-", "0", "a", "<<", "service:", "://", ".git", "\u202e"]
HEADERS = [
    {"X-GitHub-Event": "push"},
    {"X-Gitea-Event": "push"},
    {"X-Gogs-Event": "push"},
    {"X-Gitlab-Event": "Push Hook"},
    {"X-Event-Key": "repo:push"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {},
]


def sent(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def signed(text: str) -> None:
    header = text.encode(errors="replace").decode("latin-1")
    for name in ("x-hub-signature", "x-gitlab-token", "authorization", "webhook-signature"):
        values = {name: header, "webhook-id": header, "webhook-timestamp": header[:12]}
        may_be_signed(values)
        is_valid(Request(values, sent(text), 0.0), name, ["secret", clean(header)], sha1=True)


def model_of(text: str) -> dict[str, object]:
    build = {"context": f"/c/{text}", "additional_contexts": {"x": text, "y": f"service:{text}"}}
    volumes = [{"type": "bind", "source": f"/c/{text}"}]
    service = {"build": build, "volumes": volumes, "image": text, "networks": {text: None}}
    return {"services": {"web": service, text: service}, "networks": {text: None}}


def looked_into(text: str, folder: Path) -> None:
    (folder / "compose.yml").write_bytes(sent(text))
    check_sources(find_sources(folder, ["compose.yml"]), folder, folder.parent)


def in_dotenv(text: str, folder: Path) -> None:
    (folder / "x.env").write_bytes(sent(text))
    Dotenv(folder, "x.env").lines_of(text)


@dataclass(frozen=True)
class Foreign:
    """A function that gets what others wrote, and what it may raise."""

    call: Callable[[str, Path], object]
    raises: tuple[type[Exception], ...] = ()


FUNCTIONS = {
    "address.check": Foreign(lambda text, _: address.check(text), (ValueError,)),
    "address.repository_key": Foreign(lambda text, _: address.repository_key(text)),
    "address.written_out": Foreign(lambda text, _: address.written_out(text)),
    "submodules.in_full": Foreign(lambda text, _: in_full("https://h/a/b", text)),
    "rules.repository": Foreign(lambda text, _: rules.repository(text), (ValidationError,)),
    "rules.reference": Foreign(lambda text, _: rules.reference(text), (ValidationError,)),
    "rules.path": Foreign(lambda text, _: rules.repository_path(text), (ValidationError,)),
    "rules.variable_name": Foreign(lambda text, _: rules.variable_name(text), (ValidationError,)),
    "rules.header": Foreign(lambda text, _: rules.header(text), (ValidationError,)),
    "ssh_rules.private_key": Foreign(
        lambda text, _: ssh_rules.private_key(text), (ValidationError,)
    ),
    "ssh_rules.known_hosts": Foreign(
        lambda text, _: ssh_rules.known_hosts(text), (ValidationError,)
    ),
    "schema.load": Foreign(
        lambda text, _: schema.load(
            dict.fromkeys(schema.FIELDS, text) | {text: text, "compose_variables": {text: text}},
            partial=True,
        ),
        (StackInvalid,),
    ),
    "secret_names": Foreign(
        lambda text, _: (is_secret(text, text), secret_values({"a": text, "b": {text: text}}))
    ),
    "clean": Foreign(lambda text, _: clean(text)),
    "redact": Foreign(lambda text, _: Redactor([text, text[:9]])(text + text)),
    "lines": Foreign(lambda text, _: LineSplitter(Redactor([text])).feed(sent(text) + b"\n")),
    "read_documents": Foreign(lambda text, _: read_documents(sent(text)), (Unreadable,)),
    "find_sources": Foreign(looked_into, (DeployRefused,)),
    "dotenv": Foreign(in_dotenv, (DeployRefused,)),
    "file_within": Foreign(lambda text, folder: file_within(folder, text), (DeployRefused,)),
    "optional_file": Foreign(
        lambda text, folder: optional_file_within(folder, text), (DeployRefused,)
    ),
    "check_model": Foreign(
        lambda text, folder: check_model(model_of(text), folder, folder.parent), (DeployRefused,)
    ),
    "ingredients": Foreign(
        lambda text, _: ingredients(model_of(text), "web", Sources(".env"), Path("/c"))
    ),
    "understand": Foreign(lambda text, _: [understand(each, sent(text)) for each in HEADERS]),
    "signature": Foreign(lambda text, _: signed(text)),
    "body.parse": Foreign(lambda text, _: parse(sent(text)), (BadRequest,)),
    "networks": Foreign(lambda text, _: parse_networks(text), (ValueError,)),
    "addresses.parse": Foreign(lambda text, _: addresses.parse(text)),
    "addresses.parse_host": Foreign(lambda text, _: addresses.parse_host(text)),
    "addresses.client_name": Foreign(lambda text, _: addresses.client_name(text)),
    "git.explain": Foreign(lambda text, _: git.explain(CommandFailed("git", 1, text))),
    "git.is_damage": Foreign(lambda text, _: git.is_damage(CommandFailed("git", 1, text))),
    "docker.explain": Foreign(lambda text, _: docker.explain(CommandFailed("docker", 1, text))),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("foreign") / "checkout"
    folder.mkdir()
    (folder / "loop").symlink_to("loop")
    (folder / "b.yml").write_text("inside")
    return folder


def changed(text: str, chance: random.Random) -> str:
    """Return a text with a few parts put in, taken out, doubled, or taken from another."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(text))
        to = min(len(text), at + chance.randint(0, 8))
        between = chance.choice(
            [
                chance.choice(PARTS),
                text[at:to] * 2,
                "",
                chance.choice(KEPT)[:40],
                chr(chance.randrange(0x3000)),
            ]
        )
        text = text[:at] + between + text[to:]
    return text[:LONGEST]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_foreign_input_brings_about_documented_errors_only(name: str, folder: Path) -> None:
    foreign = FUNCTIONS[name]

    def give(text: str) -> None:
        try:
            foreign.call(text, folder)
        except foreign.raises:
            pass
        except Exception as error:
            raise AssertionError(f"add to tests/support/foreign.txt: {text!r}") from error

    for text in KEPT:
        give(text)
    chance = random.Random(name)
    until = time.thread_time() + SECONDS
    while time.thread_time() < until:
        give(changed(chance.choice(KEPT), chance))
