"""Every expression is linear: on a text four times as long it does about four times the work.

The expressions are collected from the code. A new one needs a row in `ROWS`: how it is called, and
of what a text is made that keeps it busy.
"""

import ast
import importlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.commands.docker import errors as docker
from supervisor.commands.git import errors as git
from supervisor.commands.patterns import between
from tests.support import ROOT

PACKAGE = ROOT / "supervisor"
CALLS = {"compile", "search", "match", "fullmatch", "sub", "findall", "finditer", "split", "subn"}
SHORT, LONG = 8_000, 32_000
# Four times the work is linear, sixteen times is quadratic. Below the time nothing is judged: an
# expression that is quadratic takes more than that for the long text.
MOST_TIMES = 9.0
NEGLIGIBLE_SECONDS = 0.02


@dataclass(frozen=True)
class Row:
    """How an expression is called, and the parts that texts are made of besides `ANY`."""

    call: str
    units: tuple[str, ...] = ()


ANY = ("a", "0", " ", "\n", "\t", "/", ":", "@", "a.", "a:", "-", "A0", "\0", "\x1b", "é", "b ")
GIT = (
    "repository '",
    "transport '",
    "Git credentials for ",
    "certificate",
    "object file ",
    "packfile ",
    "Permission denied (",
    "Permission denied (a,",
)
DOCKER = (
    "dial unix ",
    "manifest for ",
    "docker-credential-",
    "docker-credential-a ",
    'Get "https://',
    'Get "https://a/v2',
    "/v2/",
    'from daemon: "',
)
DIGEST = Row("match", ("0a", "sha1=", "sha256=", "sha512="))
ROWS = {
    "api/access.py SANE": Row("match"),
    r"api/https.py :\d+\Z": Row("search", (":0", "0:")),
    r"api/openapi/document.py {(\w+)}": Row("findall", ("{", "{a", "}")),
    "commands/docker/errors.py pattern": Row("search", DOCKER),
    "commands/git/address.py SHORT_SSH": Row("fullmatch", ("a@a", "a@a:", "a.")),
    "commands/git/address.py SCP": Row("match", ("a:a", "a@a:", "a://")),
    r"commands/git/address.py \s": Row("search"),
    r"commands/git/address.py [a-z0-9_][a-z0-9._-]*|[0-9a-f:.]+": Row("fullmatch", ("0:", "a.")),
    r"commands/git/address.py /+": Row("findall", ("/a", "a/")),
    "commands/git/errors.py FINGERPRINT": Row("search", ("SHA256:", "SHA256")),
    "commands/git/errors.py DAMAGED": Row("search", GIT),
    "commands/git/errors.py pattern": Row("search", GIT),
    "commands/git/lfs.py OBJECT": Row("findall", ("0" * 63 + "\n", "0" * 65 + "\n")),
    r"commands/git/mirror.py index file (corrupt|smaller)|bad (index|signature)": Row(
        "search", ("index file ", "bad ")
    ),
    "commands/git/references.py COMMIT": Row("match"),
    "commands/git/submodules.py SETTING": Row("fullmatch", ("submodule.", ".path", ".url")),
    "plain_text.py _ESCAPES": Row(
        "findall", ("\x1b]", "\x1b[", "\x9b", "\x1b ", "\x1b[0", "\x1b[ ", "\x1bX\x1b", "\x9c")
    ),
    "plain_text.py _CONTROLS": Row("findall", ("\u202e",)),
    "deploy/host_storage.py OWN_ID": Row("search", ("/containers/", "/containers/" + "0" * 64)),
    "deploy/model/dotenv.py SETTING": Row(
        "match", ("export ", "export V ", "V ", "export\n", "\r", "\f")
    ),
    "deploy/model/dotenv.py QUOTED": Row("search"),
    r"forges/signature.py sha256=([0-9a-f]{64})\Z": DIGEST,
    r"forges/signature.py sha512=([0-9a-f]{128})\Z": DIGEST,
    r"forges/signature.py ([0-9a-f]{64})\Z": DIGEST,
    r"forges/signature.py ([0-9a-f]{128})\Z": DIGEST,
    r"forges/signature.py sha1=([0-9a-f]{40})\Z": DIGEST,
    r"forges/signature.py [0-9]{1,12}": Row("fullmatch"),
    r"settings/config.py [!-~]+\Z": Row("match"),
    "settings/config.py ADDRESS": Row("match", (":0", ":00000")),
    "network/addresses.py WITH_PORT": Row("fullmatch", ("[", "]", "[a]:", "[a]:0", "0:", "0.")),
    r"stacks/catalogue.py [^a-z0-9]+": Row("findall", ("A", "-a")),
    r"stacks/fields/kinds.py -?[0-9]{1,18}": Row("fullmatch"),
    "stacks/fields/rules.py COMMIT": Row("match"),
    "stacks/fields/rules.py BAD_IN_REFERENCE": Row("search", ("a/", ".loc", ".lockx", "@a")),
    "stacks/fields/rules.py VARIABLE": Row("match", ("A_",)),
    "stacks/fields/rules.py RESERVED_VARIABLE": Row("match", ("LD_", "PATH", "HTTP", "LD_\n")),
    "stacks/fields/rules.py HEADER": Row("match", ("a-",)),
    "stacks/fields/rules.py NUL_OR_HALF": Row("search"),
    "stacks/fields/rules.py BIDIRECTIONAL": Row("search"),
    r"stacks/fields/rules.py refs/(heads|tags)/.": Row("match", ("refs/", "refs/heads/")),
    "stacks/fields/ssh_rules.py PUBLIC": Row("match", ("ssh-", "ssh-a ", "ssh-a AAA", " AAA")),
    "stacks/fields/ssh_rules.py KNOWN_HOST": Row(
        "fullmatch", ("@revoked ", "a ", "a\t", "h ssh-rsa ", "h ssh-rsa AAAA= ", "A=", " \t")
    ),
    "stacks/secret_names.py SECRET_NAME": Row("search", ("pass", "secre", "credentia")),
    "stacks/secret_names.py URL_WITH_PASSWORD": Row(
        "search", ("a://", "a://b", "a://b:", "a://b:c", "://", "a+", "b:c", "a://:", ".")
    ),
}
# What is put together when it is called.
MADE = {
    "commands/docker/errors.py pattern": [row[0] for row in docker.TABLE],
    "commands/git/errors.py pattern": [row[0] for row in git.TABLE],
}


@cache
def expressions() -> dict[str, list[re.Pattern[str]]]:
    """Return the expressions of the code by where they are."""
    found: dict[str, list[re.Pattern[str]]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        place = str(path.relative_to(PACKAGE))
        named = {
            id(node.value): ast.unparse(node.targets[0])
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).isupper()
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and is_of_expressions(node):
                key = f"{place} {named.get(id(node)) or written(node.args[0])}"
                found[key] = MADE.get(key) or [compiled(place, node)]
    return found


def written(argument: ast.expr) -> str:
    """Return an expression as it is written."""
    return str(argument.value) if isinstance(argument, ast.Constant) else ast.unparse(argument)


def is_of_expressions(call: ast.Call) -> bool:
    function = ast.unparse(call.func)
    module, _dot, name = function.rpartition(".")
    return (module == "re" and name in CALLS and not is_compiled(call)) or name == "Regexp"


def is_compiled(call: ast.Call) -> bool:
    """Tell whether an expression is only called here, and was compiled elsewhere."""
    return isinstance(call.args[0], ast.Name) and call.args[0].id.isupper()


def compiled(place: str, call: ast.Call) -> re.Pattern[str]:
    """Return an expression that is written in full where it is called."""
    module = importlib.import_module("supervisor." + place.removesuffix(".py").replace("/", "."))
    if not ast.unparse(call.func).endswith("compile"):
        flags = next((arg for arg in call.args[2:] if "re." in ast.unparse(arg)), None)
        call = ast.Call(ast.parse("re.compile").body[0].value, [call.args[0]], [])
        call.args += [flags] if flags else []
    code = compile(ast.fix_missing_locations(ast.Expression(call)), place, "eval")
    expression: re.Pattern[str] = eval(code, {"re": re, **vars(module)})
    return expression


def seconds(call: Callable[[str], Any], text: str) -> float:
    """Return how long a call takes, at best; what is plain to see is not measured again."""
    best = 1e9
    for _try in range(3):
        begun = time.thread_time()
        call(text)
        best = min(best, time.thread_time() - begun)
        if not NEGLIGIBLE_SECONDS < best < NEGLIGIBLE_SECONDS * 20:
            break
    return best


def texts(units: tuple[str, ...], length: int) -> list[str]:
    """Return texts of about this length: each unit again and again, alone and behind another."""
    starts = ("", *units)
    return [start + unit * (length // len(unit)) for start in starts for unit in (*units, *ANY)]


def test_each_expression_of_the_code_has_its_row() -> None:
    assert sorted(expressions().keys() ^ ROWS.keys()) == []


@pytest.mark.parametrize("key", ROWS)
def test_an_expression_is_linear(key: str) -> None:
    row = ROWS[key]
    for expression in expressions()[key]:
        call = getattr(re.compile(expression), row.call)
        for short, long in zip(texts(row.units, SHORT), texts(row.units, LONG), strict=True):
            took = seconds(call, long)
            if took > NEGLIGIBLE_SECONDS:
                ratio = took / seconds(call, short)
                assert ratio < MOST_TIMES, (expression, long[:40], took, ratio)


@given(st.lists(st.sampled_from(["ab", "a", "b", "cd", "c", "\n", "x"])).map("".join))
def test_what_lies_between_is_found_as_by_a_plain_expression(text: str) -> None:
    plain = re.search("ab.*cd", text)
    assert bool(re.search(between("ab", "cd"), text)) == bool(plain)
