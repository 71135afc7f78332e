"""Only the newest copies from before an upgrade are kept."""

import sqlite3
from contextlib import closing
from pathlib import Path

from supervisor.store import snapshots
from tests.support import ROOT

FIRST_RELEASE = (ROOT / "tests/support/first_release.sql").read_text(encoding="utf-8")


def test_only_the_newest_copies_are_kept(tmp_path: Path) -> None:
    database = tmp_path / "supervisor.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(FIRST_RELEASE)
    (tmp_path / "supervisor.db.before-0001.half").touch()
    for number in range(2, 7):
        snapshots.copy_before(database, f"{number:04}")
    kept = sorted(path.name for path in tmp_path.iterdir())
    names = ("", ".before-0004", ".before-0005", ".before-0006")
    assert kept == [f"supervisor.db{name}" for name in names]
