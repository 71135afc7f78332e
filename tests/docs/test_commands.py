"""The commands that the documents show are there, and take what they are given."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click
import jsonschema_rs
import pytest

from supervisor.api.openapi.document import describe
from supervisor.cli.__main__ import supervisor
from supervisor.settings.config import OLDER_NAMES, SETTING_NAMES
from supervisor.stacks.fields.schema import StackSchema
from tests.docs.pages import PAGES, blocks, codes, rows, section
from tests.support import ROOT

DESCRIPTION = describe()
SHELLS = ("sh", "console", "shell", "bash")
PROMPT = re.compile(r"^[#$] (?=\S)", re.MULTILINE)
HERE = re.compile(r"<<-?'?(\w+)'?([^\n]*)\n(.*?)\n\s*\1$", re.MULTILINE | re.DOTALL)
VARIABLE = re.compile(r"\$\{?\w+\}?|…|<[a-z_]+>")
SETTING = re.compile(r"\bSUPERVISOR_[A-Z0-9_]*[A-Z0-9]\b")
CODE = (
    "supervisor/**/*.py",
    "gunicorn.conf.py",
    "Dockerfile",
    "scripts/*",
    "bench/*.py",
    "examples/*/*.yml",
)


def scripts_of(path: Path) -> Iterator[str]:
    """Give each block of commands that a document shows."""
    text = path.read_text(encoding="utf-8")
    for block in blocks(text):
        if block.language in SHELLS:
            plain = PROMPT.sub("", block.text).replace("\\\n", " ")
            # What a command reads from below it becomes its last argument.
            yield HERE.sub(lambda here: f" {shlex.quote(here[3])} {here[2]}", plain)


def calls(program: str) -> list[tuple[str, list[str]]]:
    """Return where a program is called, with the words that it is given."""
    found = []
    for path in PAGES:
        for text in scripts_of(path):
            found += [(path.name, words) for words in commands(text) if words[0] == program]
        for code in codes(re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)):
            if code.startswith(f"{program} "):
                found.append((path.name, code.split()))
    return found


def commands(text: str) -> Iterator[list[str]]:
    """Give each simple command of a script, without what stands before the program."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, "#"
    words: list[str] = []
    for token in [*lexer, "\n"]:
        if set(token) <= set("();<>|&\n"):
            if words[:2] == ["docker", "exec"]:
                words = words[words.index("supervisor") + 1 :]
            if words:
                yield words
            words = []
        elif words or not re.match(r"\w+=|(do|then|exec|sudo)$", token):
            words.append(token.removeprefix("ANSWER=$(").removeprefix("$("))


CURLS = [call for call in calls("curl") if any("stack" in w or "/up" in w for w in call[1])]


def test_there_is_something_to_check() -> None:
    assert len(CURLS) > 25
    assert len(calls("make")) > 10
    assert len(calls("supervisor")) > 3


@pytest.mark.parametrize(("page", "words"), CURLS, ids=lambda part: "-".join(part)[:60])
def test_requests_are_described_and_their_bodies_are_valid(page: str, words: list[str]) -> None:
    method, address, body = understood(words)
    url = urlsplit(VARIABLE.sub("x", re.sub(r"^\$\w+", "", address)))
    path, operation = operation_of(method, url.path)
    assert operation, f"{page}: {method} {url.path} is no request of the API"
    known = {p["name"]: p["schema"] for p in operation.get("parameters", [])}
    for name in parse_qs(url.query):
        assert name in known, f"{page}: {path} has no parameter {name}"
    if body is not None and "key" in str(operation.get("security", DESCRIPTION["security"])):
        assert "requestBody" in operation, f"{page}: {method} {path} takes no body"
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        check(page, schema, body)


def understood(words: list[str]) -> tuple[str, str, str | None]:
    """Return method, address and body of a call of curl."""
    address = next(w for w in words[1:] if "/" in w and re.match(r"\$|https?:", w))
    sent = words[words.index("--json") + 1] if "--json" in words else None
    body = sent
    if (
        sent == "@-"
    ):  # what comes through a pipe is seen where it is run: test_private_repositories.py
        body = next((w for w in words if w.lstrip().startswith("{")), None)
    named = words[words.index("-X") + 1] if "-X" in words else None
    return named or ("POST" if sent else "GET"), address, body


def operation_of(method: str, path: str) -> tuple[str, dict[str, Any] | None]:
    for template, operations in DESCRIPTION["paths"].items():
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path):
            return template, operations.get(method.lower())
    return path, None


def check(page: str, schema: dict[str, Any], body: str) -> None:
    """Check a body, with a value in the place of each variable."""
    given = json.loads(re.sub(r"\$\w+", "file:///the/value", body))
    try:
        jsonschema_rs.validate(schema | {"components": DESCRIPTION["components"]}, given)
    except jsonschema_rs.ValidationError as error:
        # The first stack shows on purpose what is refused.
        assert given == {"name": "", "strategy": "magic"}, f"{page}: {error}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_stacks_in_json_have_fields_that_exist(path: Path) -> None:
    for block in blocks(path.read_text(encoding="utf-8")):
        if block.language == "json" and '"git_repository"' in block.text:
            assert set(json.loads(block.text)) <= set(StackSchema().fields)


def test_every_make_target_exists() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for page, words in calls("make"):
        named = [word for word in words[1:] if re.fullmatch("[a-z]+", word)]
        assert set(named[:1]) <= set(targets), f"{page}: {' '.join(words)}"


def test_every_target_that_make_lists_is_in_the_table_for_contributors() -> None:
    makefile = (ROOT / "Makefile").read_text()
    listed = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE)) - {"help"}
    table = section((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), "Set-up")
    assert listed <= {code.split()[1] for row in rows(table) for code in codes(row[0])}


def test_every_command_of_supervisor_exists() -> None:
    for page, words in calls("supervisor"):
        shown = f"{page}: {' '.join(words)}"
        command: click.Command = supervisor
        rest = words[1:]
        while isinstance(command, click.Group) and rest and re.match("[a-z]", rest[0]):
            assert rest[0] in command.commands, shown
            command, rest = command.commands[rest[0]], rest[1:]
        options = {option for each in command.params for option in each.opts} | {"--help", "-h"}
        given = {word.partition("=")[0] for word in rest if re.match("--?[a-z]", word)}
        assert given <= options, shown


def test_every_setting_that_is_named_exists() -> None:
    files = [path for pattern in CODE for path in ROOT.glob(pattern) if path.is_file()]
    known = {name for path in files for name in SETTING.findall(path.read_text())}
    known |= {*SETTING_NAMES, *OLDER_NAMES}
    for path in PAGES:
        named = set(SETTING.findall(path.read_text(encoding="utf-8")))
        assert named <= known, f"{path.name}: {named - known}"
