"""Writes the rooms and modules into docs/architecture.md, in the words of their own docstrings."""

import ast
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "supervisor"
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- rooms: by `make format` -->\n", "<!-- end of the rooms -->\n"


def rooms() -> str:
    """Return a line for each room, and below it a table of its modules."""
    modules = [path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]
    by_room = groupby(sorted(modules, key=lambda path: (path.parent, path.name)), _room)
    return "\n".join("".join(_lines(room, list(group))) for room, group in by_room)


def _room(path: Path) -> Path:
    return path.parent


def _lines(room: Path, modules: list[Path]) -> Iterator[str]:
    name = f"`{room.relative_to(PACKAGE)}/`" if room != PACKAGE else "The process, and what all use"
    yield f"**{name}**: {_first_line(room / '__init__.py')}\n\n| module | what it is |\n|---|---|\n"
    for path in modules:
        yield f"| `{path.relative_to(PACKAGE)}` | {_first_line(path)} |\n"


def _first_line(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.splitlines()[0] if text else ""


def page_with_rooms() -> str:
    """Return the page as it should be."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return f"{before}{BEGIN}\n{rooms()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page_with_rooms(), encoding="utf-8")
