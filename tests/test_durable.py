"""Private files that are replaced as a whole: what is there at any moment, and who may read it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor import durable
from tests.support import ROOT

SOMEBODY = 12_345
KILLED = """
import os, signal, sys
from pathlib import Path
from supervisor import (durable)

with durable.replacing(Path(sys.argv[1])) as draft:
    draft.write_bytes(b"new")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_file_is_made_and_replaced_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes(b"former")
    path.chmod(0o644)
    durable.write(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_goes_wrong_leaves_the_former_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes(b"former")
    with pytest.raises(KeyError), durable.replacing(path) as draft:
        draft.write_bytes(b"half of")
        raise KeyError
    assert path.read_bytes() == b"former"
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_leaves_the_former_file(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes(b"former")
    done = subprocess.run([sys.executable, "-c", KILLED, path], cwd=ROOT, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"former"
    (draft,) = set(tmp_path.iterdir()) - {path}
    assert draft.name.startswith("keys.")
    assert draft.stat().st_mode & 0o777 == 0o600


def test_a_draft_with_a_name_takes_the_place_of_one_that_a_kill_left(tmp_path: Path) -> None:
    path, draft = tmp_path / "database", tmp_path / "restored"
    draft.write_bytes(b"half of what was restored when the process was killed")
    with durable.replacing(path, draft=draft) as given:
        assert given == draft
        assert draft.read_bytes() == b""
        draft.write_bytes(b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_no_link_is_followed(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "keys", tmp_path / "elsewhere"
    elsewhere.write_bytes(b"of another")
    path.symlink_to(elsewhere)
    durable.write(path, b"new")
    assert not path.is_symlink()
    assert (path.read_bytes(), elsewhere.read_bytes()) == (b"new", b"of another")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize(("for_owner", "owner"), [(True, SOMEBODY), (False, 0)])
def test_what_root_writes_for_a_service_belongs_to_the_owner_of_the_folder(
    tmp_path: Path, *, for_owner: bool, owner: int
) -> None:
    os.chown(tmp_path, SOMEBODY, SOMEBODY)
    with durable.replacing(tmp_path / "keys", for_owner_of_folder=for_owner) as draft:
        assert draft.stat().st_uid == owner
    found = (tmp_path / "keys").stat()
    assert (found.st_uid, found.st_gid) == (owner, owner)
