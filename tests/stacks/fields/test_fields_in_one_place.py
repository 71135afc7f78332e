"""A stack's field is declared once: what else is touched to add one is its column, and its use."""

import dataclasses
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from marshmallow import missing

from supervisor.deploy.spec import StackSpec
from supervisor.stacks.fields.schema import COLUMNS, FIELDS, SECRET_FIELDS
from supervisor.store.models import Stack
from supervisor.store.words import Strategy
from tests.support import ROOT

SCHEMA = """\
    quiet = Switch(
        "Whether its runs are told to nobody.",
        redeploys=True,
        load_default=False,
    )
    registry_password = Text(
        "A password for the registry.",
        example="long and random",
        secret=True,
        allow_none=True,
    )
"""
COLUMN = "    quiet: Mapped[bool] = mapped_column(default=False)\n"
USE = """\
    quiet: bool = False
    registry_password: str | None = field(default=None, repr=False)
"""
MIGRATION = '''\
"""A stack may be quiet."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("quiet", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("stacks", column)


def downgrade() -> None:
    op.drop_column("stacks", "quiet")
'''


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what the application and the tests' support need."""
    root = tmp_path / "copy"
    for folder in ("supervisor", "migrations", "tests"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def contents(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def insert(path: Path, before: str, text: str) -> None:
    """Insert a text before the one place where a file has another one."""
    old = path.read_text()
    assert old.count(before) == 1, (path, before)
    path.write_text(old.replace(before, text + before))


def add_two_fields(root: Path) -> None:
    """Add a switch, which has a column, and a secret, which has none."""
    package, versions = root / "supervisor", root / "migrations" / "versions"
    insert(package / "stacks/fields/schema.py", "\n    @post_load\n", SCHEMA)
    insert(package / "store/models.py", "    self_heal: Mapped[bool]", COLUMN)
    spec = package / "deploy/spec.py"
    spec.write_text(spec.read_text() + USE)
    before = max(path.name[:4] for path in versions.glob("[0-9]*.py"))
    revision = f"{int(before) + 1:04}"
    migration = MIGRATION.format(revision=revision, before=before)
    (versions / f"{revision}_quiet.py").write_text(migration)


def test_two_fields_that_four_files_know_are_taken_shown_described_and_used(
    copy: Path, tmp_path: Path
) -> None:
    before = contents(copy)
    add_two_fields(copy)
    after = contents(copy)
    edited = {name for name in after if after[name] != before.get(name)}
    assert len(edited) <= 4, edited
    command = [sys.executable, "-m", "tests.stacks.fields.two_new_fields", tmp_path / "storage"]
    done = subprocess.run(
        command, cwd=copy, check=False, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_field_has_words_and_a_column_or_a_place_among_the_secrets() -> None:
    for name, field in FIELDS.items():
        assert field.metadata["description"].endswith("."), name
        assert (name in COLUMNS) + (name in SECRET_FIELDS) + field.load_only == 1, name
    assert set(COLUMNS) <= {column.key for column in Stack.__mapper__.column_attrs}


def test_a_default_is_the_same_wherever_it_is_given() -> None:
    needed = {"name": "a", "name_key": "a", "project": "a", "git_repository": "a"}
    needed |= {"git_reference": "a", "compose_file": "a"}
    stack = Stack(**needed, strategy=Strategy.POLLING, sealed=b"")
    spec = {each.name: each.default for each in dataclasses.fields(StackSpec)}
    defaults = {n: f.load_default for n, f in FIELDS.items() if f.load_default is not missing}
    assert len(defaults) > 3
    for name, default in defaults.items():
        assert getattr(stack, name) == default
        assert spec.get(name, default) == default
