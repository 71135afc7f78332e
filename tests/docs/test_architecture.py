"""docs/architecture.md shows the package as it is."""

import configparser
import re

from supervisor import models
from supervisor.database import Row
from tests.docs.pages import blocks, codes, page, rows, section
from tests.support import ROOT

PAGE = page("docs/architecture.md")
PACKAGE = ROOT / "supervisor"


def test_the_table_names_every_module_and_no_other() -> None:
    documented = [codes(row[0])[0] for row in rows(section(PAGE, "Modules")) if codes(row[0])]
    modules = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py")}
    assert sorted(documented) == sorted(modules)


def test_the_layers_are_those_of_the_contract() -> None:
    contract = configparser.ConfigParser()
    contract.read(ROOT / "setup.cfg")
    layers = contract["importlinter:contract:layers"]["layers"].strip().splitlines()
    held = [set(layer.replace(" ", "").split("|")) for layer in layers]
    shown = next(block.text for block in blocks(PAGE) if block.text.startswith("cli\n"))
    documented = [set(layer.replace(" ", "").split("|")) for layer in shown.splitlines()]
    assert documented == held


def test_every_table_is_described() -> None:
    tables = {mapper.class_.__tablename__ for mapper in Row.registry.mappers}
    assert models.Stack.__tablename__ in tables
    assert tables <= set(codes(section(PAGE, "The tables")))


def test_every_module_that_the_prose_names_exists() -> None:
    named = re.findall(r"`((?:api|deploy|commands|webhooks)?/?[a-z_]+\.py)`", PAGE)
    for name in named:
        assert (PACKAGE / name).exists() or (ROOT / name).exists(), name
