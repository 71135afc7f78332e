"""docs/architecture.md shows the package as it is."""

import configparser
import re

from scripts.architecture import page_with_rooms
from supervisor.store import models
from supervisor.store.database import Row
from tests.docs.pages import blocks, codes, page, section
from tests.support import ROOT

PAGE = page("docs/architecture.md")
PACKAGE = ROOT / "supervisor"


def test_the_rooms_are_described_in_the_words_of_their_docstrings() -> None:
    assert page_with_rooms() == PAGE, "`make format` writes the page anew"


def test_the_layers_are_those_of_the_contract() -> None:
    contract = configparser.ConfigParser()
    contract.read(ROOT / "setup.cfg")
    layers = contract["importlinter:contract:layers"]["layers"].strip().splitlines()
    held = [set(re.split(r"[|:]", layer.replace(" ", ""))) for layer in layers]
    shown = next(block.text for block in blocks(PAGE) if block.text.startswith("cli\n"))
    documented = [set(re.split(r"[|:]", layer.replace(" ", ""))) for layer in shown.splitlines()]
    assert documented == held


def test_every_table_is_described() -> None:
    tables = {mapper.class_.__tablename__ for mapper in Row.registry.mappers}
    assert models.Stack.__tablename__ in tables
    assert tables <= set(codes(section(PAGE, "The tables")))


def test_every_module_that_the_prose_names_exists() -> None:
    named = re.findall(r"`((?:[a-z]+/)*[a-z_]+\.py)`", PAGE)
    for name in named:
        assert (PACKAGE / name).exists() or (ROOT / name).exists(), name
