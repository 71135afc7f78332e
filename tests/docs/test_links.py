"""Links between the documents lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, anchors, prose

LINK = re.compile(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_to_a_file_and_a_heading_that_exist(path: Path) -> None:
    for target, wanted in LINK.findall(prose(path.read_text(encoding="utf-8"))):
        file = path.parent / target if target else path
        assert file.exists(), f"{path.name} links to {target}"
        assert not wanted or wanted in anchors(file), f"{path.name} links to {target}#{wanted}"
