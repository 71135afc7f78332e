"""Secrets that must turn up nowhere, in each form that a tool might write them in."""

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote


class Canary:
    """A secret value; knows what it looks like elsewhere."""

    def __init__(self, name: str, value: str, *, also: Iterable[str] = ()) -> None:
        """Remember the value; `also` are texts that contain it, encoded as a whole elsewhere."""
        self.name, self.value = name, value
        self._forms = {form for text in (value, *also) for form in _forms(text)}

    def found_in(self, content: bytes) -> bool:
        """Tell whether any form of it is in there."""
        return any(form in content for form in self._forms)


def _forms(text: str) -> set[bytes]:
    plain = text.encode()
    encoded = {base64.b64encode(b"x" * shift + plain) for shift in range(3)}
    # The first and last characters depend on what stands beside it.
    middles = {form[4:-4] for form in encoded}
    return {plain, quote(text, safe="").encode(), json.dumps(text)[1:-1].encode(), *middles}


def found_in_files(canaries: Iterable[Canary], folder: Path) -> list[tuple[str, str]]:
    """Return which canary is in which file below a folder."""
    wanted = list(canaries)
    return [
        (canary.name, str(path))
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
        for canary in wanted
        if canary.found_in(path.read_bytes())
    ]
