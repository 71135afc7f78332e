"""Every error message that Supervisor gives, read from its code.

A message is a text at one of these places: an argument of an error class, what an error class
prints, `error` of a marshmallow rule or of an answer, the table of what a tool says, a warning or
an error in the log, the end of a run. What varies is shown as `…`.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from tests.support import ROOT

PACKAGE = ROOT / "supervisor"
# Errors of libraries that are raised with our words.
FOREIGN = {"ValidationError", "BadRequest", "UnsupportedMediaType", "TooManyRequests", "Ended"}
# What else takes a message: the end of a run, what holds up a container.
TAKERS = {"Outcome", "Verdict", "Decision"}
SHELLS = {"shell.log", "self.shell.log", "engine.shell.log"}
LOUD = {"log.warning", "log.error", "log.exception", "log.critical"} | SHELLS
KEYWORDS = {"error", "error_messages", "bad", "wait"}
# Functions, constants and calls whose texts are messages too, by file.
ELSEWHERE = {
    "api/body.py": {"ValueError"},
    "api/control.py": {"CANCELLED"},
    "api/errors.py": {"WORDS"},
    "api/https.py": {"HTTPS_ONLY"},
    "cli/client.py": {"_said"},
    "commands/git/errors.py": {"_host_key"},
    "deploy/drift.py": {"_difference"},
    "deploy/itself.py": {"NOT_TO_ITSELF"},
    "gunicorn.conf.py": {"print"},
    "commands/git/address.py": {"ValueError"},
    "runner/pool.py": {"STOPPING"},
    "runner/recovery.py": {"KILLED"},
    "runs/policy.py": {
        "OUT_OF_PLACE",
        "_refusal",
        "_refusal_of_heal",
        "_refusal_of_rollback",
    },
}
# Where an error is made with a text that is collected somewhere else, or is another error's.
PASSED_ON = {
    "stacks/fields/rules.py: ValidationError(str(error))",
    "stacks/fields/schema.py: StackInvalid(messages)",
    "stacks/fields/schema.py: StackInvalid(_flat(messages))",
    "cli/__main__.py: Ended(str(error), STATUS.get(type(error), 1))",
    "cli/__main__.py: Ended(error.reason)",
    "cli/client.py: Ended(_said(answer), STATUS.get(answer.status_code, FAILED))",
    "cli/stacks.py: Ended(text)",
    "commands/git/errors.py: RepositoryDenied(_host_key(error.output))",
    "commands/process/launcher.py: CannotStart(answer['refused'])",
    "commands/process/starter.py: Refused(str(error).strip().splitlines()[-1][:LONGEST_REASON])",
    "settings/config.py: ConfigInvalid(error.normalized_messages())",
    "deploy/gate.py: DeployUnhealthy('; '.join((verdict.text for verdict in culprits)) + when)",
    "failpoints.py: Stumbled(point)",
    "runner/attempt.py: DeployRefused(self._decision.reason)",
    "runner/attempt.py: Skipped(decision.reason)",
    "runner/attempt.py: Skipped(self._decision.reason)",
}
# Words for people; not the name of a field or a command.
PHRASE = re.compile(r"\w+ \w+|…|[A-Z][a-z]{5,}\Z")
# What the first start tells, which is no error.
GOOD_NEWS = re.compile(r"supervisor: (keys were made|the API key is)")

Texts = Mapping[str, ast.expr]


@dataclass(frozen=True)
class Module:
    """One file of the code."""

    place: str
    tree: ast.Module

    @property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @property
    def names(self) -> dict[str, ast.expr]:
        """Return what is assigned to names in here, in functions too."""
        return {
            name: value
            for node in self.nodes
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            for name, value in unpacked(target, node.value)
        }


def unpacked(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, its in zip(target.elts, value.elts, strict=True):
            yield from unpacked(one, its)


@cache
def modules() -> tuple[Module, ...]:
    """Return the files that messages come from; the API's description only repeats them."""
    paths = [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent.name != "openapi"]
    places = {str(path.relative_to(PACKAGE)): path for path in paths}
    places["gunicorn.conf.py"] = ROOT / "gunicorn.conf.py"
    return tuple(Module(name, ast.parse(path.read_text())) for name, path in places.items())


@cache
def error_classes() -> dict[str, bool]:
    """Return the classes that are errors, and whether each of them makes its own text."""
    found = dict.fromkeys(FOREIGN | {"SupervisorError"}, False)
    for node in (node for module in modules() for node in module.nodes):
        if isinstance(node, ast.ClassDef):
            bases = {getattr(base, "id", "") for base in node.bases}
            if bases & {"Exception", "SupervisorError"}:
                found[node.name] = any(getattr(part, "name", "") == "__str__" for part in node.body)
    return found


@cache
def constants() -> dict[str, ast.expr]:
    return {
        name: value
        for module in modules()
        for name, value in module.names.items()
        if name.isupper()
    }


def messages() -> dict[str, str]:
    """Return every message, and the file that it comes from."""
    found: dict[str, str] = {}
    for module in modules():
        known = constants() | module.names
        for text in (text for part in places(module) for text in texts(part, known)):
            plain = re.sub(r"\s+", " ", text).replace("`", "'").strip()
            if PHRASE.search(plain) and re.search("[a-z]{2}", plain):
                found.setdefault(plain, module.place)
    return {text: place for text, place in found.items() if not GOOD_NEWS.match(text)}


def hidden() -> list[str]:
    """Return where an error is made whose text cannot be seen there."""
    return [
        f"{module.place}: {ast.unparse(node)}"
        for module in modules()
        for node in module.nodes
        if isinstance(node, ast.Call)
        and error_classes().get(getattr(node.func, "id", "")) is False
        and not any(text for arg in node.args for text in texts(arg, constants()))
    ]


def places(module: Module) -> Iterator[ast.expr]:
    """Give the expressions that messages are made of."""
    elsewhere = ELSEWHERE.get(module.place, set())
    yield from (module.names[name] for name in elsewhere & module.names.keys())
    if isinstance(table := module.names.get("TABLE"), ast.Tuple):
        # What a tool says, the error, our words.
        yield from (row.elts[2] for row in table.elts if isinstance(row, ast.Tuple))
    for node in module.nodes:
        yield from of_node(node, elsewhere)


def of_node(node: ast.AST, elsewhere: set[str]) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call):
        yield from of_call(node, error_classes().keys() | TAKERS | LOUD | elsewhere)
    elif isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        yield from (value for key, value in pairs if getattr(key, "value", "") == "error")
    elif isinstance(node, ast.FunctionDef | ast.ClassDef):
        if node.name in elsewhere or error_classes().get(node.name):
            yield from returned(node)
    elif isinstance(node, ast.Assign):
        target = ast.unparse(node.targets[0])
        if target == "error_messages" or target.startswith("messages["):
            yield node.value


def of_call(call: ast.Call, takers: set[str]) -> Iterator[ast.expr]:
    if ast.unparse(call.func) in takers or getattr(call.func, "attr", "") in takers:
        yield from call.args
    for keyword in call.keywords:
        if keyword.arg in KEYWORDS:
            yield keyword.value


def returned(node: ast.ClassDef | ast.FunctionDef) -> Iterator[ast.expr]:
    for part in ast.walk(node):
        if isinstance(part, ast.Return) and part.value:
            yield part.value


def texts(node: ast.expr, known: Texts) -> Iterator[str]:
    """Give the texts that an expression may be, with … for what varies."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield re.sub(r"%[+.0-9]*[sdf]", "…", node.value)
    elif isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
        yield "".join(map(str, parts))
    elif isinstance(node, ast.Name) and node.id in known:
        # Once: a name may be part of what is assigned to it.
        yield from texts(known[node.id], {n: v for n, v in known.items() if n != node.id})
    else:
        for part in inner(node):
            yield from texts(part, known)


def inner(node: ast.expr) -> list[ast.expr]:
    """Return the expressions that the parts of a text are."""
    if isinstance(node, ast.Dict):
        return node.values
    if isinstance(node, ast.List | ast.Tuple):
        return node.elts
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    return [node.body, node.orelse] if isinstance(node, ast.IfExp) else []
