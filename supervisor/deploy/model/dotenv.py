"""What a project's `.env` sets, as far as a digest needs it."""

import re
from collections import defaultdict
from functools import cached_property
from pathlib import Path

SETTING = re.compile(r"\s*(?:export\s+)?([^\s=:]+)\s*[=:]")
QUOTED = re.compile(r"[\"'`$\\]")  # such a value may go on in other lines


class Dotenv:
    """A file that is looked through once, when it is first asked."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def lines_of(self, variable: str) -> str:
        """Return what sets a variable; all of the file where that isn't plain to see."""
        found = self._lines.get(variable, "")
        return self._text if QUOTED.search(found) else found

    @cached_property
    def _text(self) -> str:
        return self._path.read_text(errors="replace") if self._path.is_file() else ""

    @cached_property
    def _lines(self) -> dict[str, str]:
        found: dict[str, list[str]] = defaultdict(list)
        before: list[str] = []  # digests have the empty lines before a setting in them
        for line in self._text.split("\n"):
            if not line.strip():
                before.append(line)
                continue
            if match := SETTING.match(line):
                found[match[1]] += [*before, line]
            before = []
        return {name: "\n".join(lines) for name, lines in found.items()}
