"""What a project's `.env` sets, as far as a digest needs it."""

import hashlib
import re
from collections import defaultdict
from functools import cached_property
from pathlib import Path

from supervisor.commands.paths import looked_at

MOST_BYTES = 1024 * 1024  # of a larger file only a digest is taken
SETTING = re.compile(r"\s*(?:export\s+)?([^\s=:]+)\s*[=:]")
QUOTED = re.compile(r"[\"'`$\\]")  # such a value may go on in other lines


class Dotenv:
    """A file that is looked through once, when it is first asked."""

    def __init__(self, root: Path, name: str) -> None:
        self._path, self._name = root / name, name

    def lines_of(self, variable: str) -> str:
        """Return what sets a variable; all of the file where that isn't plain to see.

        Raise DeployRefused where the file cannot be looked at.
        """
        found = self._lines.get(variable, "")
        return self._text if self._is_large or QUOTED.search(found) else found

    @cached_property
    def _is_large(self) -> bool:
        with looked_at(self._name):
            return self._path.is_file() and self._path.stat().st_size > MOST_BYTES

    @cached_property
    def _text(self) -> str:
        with looked_at(self._name):
            if not self._path.is_file():
                return ""
            if not self._is_large:
                return self._path.read_text(errors="replace")
            with self._path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()

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
