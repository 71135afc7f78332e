"""README.md is short, leads on to every page, and says of settings what is true."""

from pathlib import Path

from tests.docs.pages import page, rows, section
from tests.docs.test_links import LINK
from tests.support import ROOT

README = page("README.md")
MOST_LINES = 150


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= MOST_LINES


def test_it_leads_on_to_every_page() -> None:
    pages = {str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")}
    linked = {str(Path(target)) for target, _anchor in LINK.findall(README) if target}
    assert pages | {"CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"} <= linked


def test_the_settings_named_are_those_of_the_configuration_page() -> None:
    every = {row[0]: row[1] for row in rows(page("docs/configuration.md"))}
    for name, default, _meaning in list(rows(section(README, "Settings")))[1:]:
        assert every[name] == default
