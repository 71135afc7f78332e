"""The keys that the first start keeps are for nobody else to read."""

from pathlib import Path

import pytest

from supervisor.errors import ConfigInvalid
from tests.support.start import BAD_SETTINGS, attempt, configure


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o666])
def test_kept_keys_that_others_can_read_are_refused(tmp_path: Path, mode: int) -> None:
    configure(tmp_path)
    (tmp_path / "keys").chmod(mode)
    before = (tmp_path / "keys").read_bytes()
    with pytest.raises(ConfigInvalid, match="can be read by others"):
        configure(tmp_path)
    assert (tmp_path / "keys").read_bytes() == before


def test_the_start_ends_with_2_where_others_can_read_the_keys(tmp_path: Path) -> None:
    configure(tmp_path)
    (tmp_path / "keys").chmod(0o644)
    done = attempt(tmp_path)
    assert done.returncode == BAD_SETTINGS
    assert "chmod 600" in done.stderr
    assert not [key for key in (tmp_path / "keys").read_text().split("=") if key in done.stderr]
