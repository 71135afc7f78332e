"""Writes the rooms and modules into docs/architecture.md, in the words of their own docstrings."""

import ast
import configparser
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "supervisor"
PAGE = ROOT / "docs" / "architecture.md"
OUTSIDE = "The process, and what all use"


def rooms() -> str:
    """Return a line for each room, and for each module outside of one: from the top layer down."""
    lines = [
        f"| {number} | {_line(place)}"
        for number, layer in enumerate(layers(), start=1)
        for name in layer
        for place in _places(name)
    ]
    return "| layer | room | what it is |\n|---|---|---|\n" + "".join(lines)


def modules() -> str:
    """Return a table of the modules of each room."""
    every = [path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]
    by_room = groupby(sorted(every, key=lambda path: (path.parent, path.name)), _room)
    return "\n".join("".join(_table(room, list(group))) for room, group in by_room)


PARTS = {"rooms": rooms, "modules": modules}


def layers() -> list[list[str]]:
    """Return the rows of the contract of layers, from top to bottom."""
    contract = configparser.ConfigParser()
    contract.read(ROOT / "setup.cfg")
    rows = contract["importlinter:contract:layers"]["layers"].strip().splitlines()
    return [re.split(r"\s*[|:]\s*", row.strip()) for row in rows]


def _places(name: str) -> Iterator[Path]:
    """Give what a name of the contract stands for: a module, or a room and the rooms in it."""
    folder = PACKAGE / name
    if not folder.is_dir():
        yield folder.with_suffix(".py")
        return
    yield folder
    yield from sorted(path.parent for path in folder.rglob("*/__init__.py"))


def _room(path: Path) -> Path:
    return path.parent


def _table(room: Path, members: list[Path]) -> Iterator[str]:
    name = f"`{room.relative_to(PACKAGE)}/`" if room != PACKAGE else OUTSIDE
    yield f"**{name}**\n\n| module | what it is |\n|---|---|\n"
    for path in members:
        yield f"| {_line(path)}"


def _line(path: Path) -> str:
    mark = "/" if path.is_dir() else ""
    return f"`{path.relative_to(PACKAGE)}{mark}` | {first_line(path)} |\n"


def first_line(path: Path) -> str:
    """Return the first line of the docstring of a module or a room, "" where it has none."""
    file = path / "__init__.py" if path.is_dir() else path
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.splitlines()[0] if text else ""


def page_as_it_should_be() -> str:
    """Return the page with its parts made anew."""
    text = PAGE.read_text(encoding="utf-8")
    for name, part in PARTS.items():
        begin, end = f"<!-- {name}: by `make format` -->\n", f"<!-- end of the {name} -->\n"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{part()}\n{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page_as_it_should_be(), encoding="utf-8")
