"""Taking secrets out of text that is stored or shown."""

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote

MASK = "********"
SHORTEST = 6  # shorter values would blank out ordinary words


class Redactor:
    """Replace secret values by a mask, in each form that tools print them in."""

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values for form in _forms(value) if len(form) >= SHORTEST}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, text: str) -> str:
        """Return the text without the secrets."""
        return self._pattern.sub(MASK, text) if self._pattern else text


def _forms(value: str) -> Iterable[str]:
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield quote(value, safe="")
    yield base64.b64encode(value.encode()).decode().rstrip("=")
    # Output is looked at line by line.
    yield from (line.strip() for line in value.splitlines())
