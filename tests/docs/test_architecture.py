"""docs/architecture.md shows the package as it is, and the pages for engineers name what exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from scripts.architecture import PACKAGE, first_line, layers, page_as_it_should_be
from supervisor.store import models
from supervisor.store.database import Row
from tests.docs.pages import codes, page, rows, section
from tests.support import ROOT

PAGE = page("docs/architecture.md")
FOR_ENGINEERS = ("docs/architecture.md", "docs/decisions.md", "CONTRIBUTING.md")
MODULE = r"`((?:[a-z_]+/)*[a-z_.]+\.py)`"
NAMED = re.compile(rf"{MODULE}(?: |\n)\((`\w+`(?:, `\w+`)*)")
FOLDER = re.compile(r"`((?:[a-z_]+/)+)`")
MADE_LATER = {"storage/"}  # by the first start


def found(name: str) -> Path | None:
    """Return the file or folder in the package, or beside it."""
    return next((top / name for top in (PACKAGE, ROOT) if (top / name).exists()), None)


@cache
def names_in(path: Path) -> set[str]:
    """Return what a module gives a name to: functions, classes, methods, constants."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    assigned = {node.id for node in nodes if isinstance(node, ast.Name) and _is_set(node)}
    return assigned | {
        node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }


def _is_set(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def test_rooms_and_modules_are_described_in_the_words_of_their_docstrings() -> None:
    assert page_as_it_should_be() == PAGE, "`make format` writes the page anew"


def test_each_room_and_module_says_in_a_sentence_what_it_is() -> None:
    files = [path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]
    folders = {path.parent for path in files}
    silent = [path for path in (*files, *folders) if not first_line(path).endswith(".")]
    assert not silent


def test_every_room_has_a_layer() -> None:
    held = {name for layer in layers() for name in layer}
    there = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or _is_room(path)}
    assert held == there - {"__init__"}


def _is_room(path: Path) -> bool:
    return (path / "__init__.py").exists()


def test_every_table_is_described() -> None:
    tables = {mapper.class_.__tablename__ for mapper in Row.registry.mappers}
    assert models.Stack.__tablename__ in tables
    assert tables <= set(codes(section(PAGE, "The tables")))


@pytest.mark.parametrize("name", FOR_ENGINEERS)
def test_modules_and_rooms_that_are_named_exist(name: str) -> None:
    text = page(name)
    named = {*re.findall(MODULE, text), *FOLDER.findall(text)}
    assert named
    missing = {one for one in named - MADE_LATER if found(one) is None}
    assert not missing


@pytest.mark.parametrize("name", FOR_ENGINEERS)
def test_what_is_named_of_a_module_is_in_it(name: str) -> None:
    for module, words in NAMED.findall(page(name)):
        path = found(module)
        assert path, module
        assert set(codes(words)) <= names_in(path), f"{module}: {words}"


def test_where_to_look_leads_to_every_room() -> None:
    """Tell a newcomer of each room what is found there, but of the few that all others use."""
    told = " ".join(row[-1] for row in rows(section(PAGE, "Where do I look?")))
    rooms = {path.name for path in PACKAGE.iterdir() if _is_room(path)}
    assert {room for room in rooms if f"`{room}/" not in told} == set()
