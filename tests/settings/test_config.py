"""The settings, the keys and the storage: what a start accepts, and what it refuses."""

from pathlib import Path

import pytest

from supervisor.errors import ConfigInvalid
from supervisor.settings.config import Config, TimeLimits
from tests.support.authority import Authority
from tests.support.service import API_KEY, SECRET_KEY_BASE
from tests.support.start import BAD_SETTINGS, KEYS, STORAGE_IN_USE, attempt, configure

# What a setting may be


def test_two_keys_are_enough_and_the_rest_has_defaults(tmp_path: Path) -> None:
    config = Config.from_environment(KEYS)
    assert config.storage == Path("storage").absolute()
    assert (config.bind, config.log_level) == ("127.0.0.1:3000", "info")
    assert (config.concurrency, config.runs_kept) == (4, 100)
    assert config.limits == TimeLimits()
    assert not config.made_keys


def test_the_older_name_of_the_log_level_is_taken_where_the_new_one_is_not_given(
    tmp_path: Path,
) -> None:
    older = {"SUPERVISOR_RAILS_LOG_LEVEL": "debug"}
    assert configure(tmp_path, **KEYS, **older).log_level == "debug"
    both = older | {"SUPERVISOR_LOG_LEVEL": "error"}
    assert configure(tmp_path, **KEYS, **both).log_level == "error"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SUPERVISOR_API_KEY", "short"),
        ("SUPERVISOR_API_KEY", "changeme"),
        ("SUPERVISOR_API_KEY", "with a blank in it 0123456789"),
        ("SUPERVISOR_API_KEY", "0123456789abcdefé"),
        ("SUPERVISOR_SECRET_KEY_BASE", "x" * 31),
        ("SUPERVISOR_BIND", "3000"),
        ("SUPERVISOR_BIND", "localhost:port"),
        ("SUPERVISOR_LOG_LEVEL", "loud"),
        ("SUPERVISOR_CONCURRENCY", "0"),
        ("SUPERVISOR_CONCURRENCY", "-1"),
        ("SUPERVISOR_CONCURRENCY", "four"),
        ("SUPERVISOR_CONCURRENCY", "1.5"),
        ("SUPERVISOR_CONCURRENCY", "65"),
        ("SUPERVISOR_RUNS_KEPT", "0"),
        ("SUPERVISOR_FETCH_SECONDS", "0"),
        ("SUPERVISOR_FETCH_SECONDS", "1e400"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not_told(
    tmp_path: Path, name: str, value: str
) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        configure(tmp_path, **(KEYS | {name: value}))
    assert list(refused.value.messages) == [name]
    assert "SECRET" not in name or value not in str(refused.value)


@pytest.mark.parametrize("empty", ["", " ", "\t"])
def test_an_empty_setting_counts_as_not_given(tmp_path: Path, empty: str) -> None:
    assert configure(tmp_path, **KEYS, SUPERVISOR_CONCURRENCY=empty).concurrency == 4
    with pytest.raises(ConfigInvalid) as refused:
        configure(tmp_path, **(KEYS | {"SUPERVISOR_API_KEY": empty}))
    assert list(refused.value.messages) == ["SUPERVISOR_API_KEY"]


def test_files_for_git_are_looked_at_before_anything_starts(tmp_path: Path) -> None:
    missing, wrong = tmp_path / "missing", tmp_path / "wrong"
    wrong.write_text("no certificate")
    hosts, authority = "SUPERVISOR_GIT_KNOWN_HOSTS_FILE", "SUPERVISOR_GIT_CA_FILE"
    with pytest.raises(ConfigInvalid) as refused:
        configure(tmp_path, **KEYS, **{hosts: str(missing), authority: str(wrong)})
    assert refused.value.messages == {
        hosts: [f"cannot be read: No such file or directory: {missing}"],
        authority: [f"must be a file with certificates in PEM form: {wrong}"],
    }
    good = str(Authority(tmp_path / "authority").certificate)
    config = configure(tmp_path, **KEYS, **{hosts: good, authority: good})
    assert config.git_known_hosts_file == config.git_ca_file == good


@pytest.mark.parametrize("given", sorted(KEYS))
def test_one_key_alone_is_refused(tmp_path: Path, given: str) -> None:
    with pytest.raises(ConfigInvalid, match="set both keys, or neither"):
        configure(tmp_path, **{given: KEYS[given]})
    assert list(tmp_path.iterdir()) == []


def test_no_key_is_shown_when_the_settings_are_printed(tmp_path: Path) -> None:
    shown = repr(configure(tmp_path, **KEYS))
    assert API_KEY not in shown
    assert SECRET_KEY_BASE not in shown


# A4: the start with wrong settings


def test_all_problems_are_reported_together_and_the_start_ends_with_2(tmp_path: Path) -> None:
    done = attempt(
        tmp_path / "storage",
        SUPERVISOR_API_KEY="changeme",
        SUPERVISOR_SECRET_KEY_BASE="too short to be the base",
        SUPERVISOR_BIND="nowhere",
        SUPERVISOR_CONCURRENCY="many",
    )
    assert done.returncode == BAD_SETTINGS
    lines = done.stderr.splitlines()
    names = [line.split()[1] for line in lines if line.startswith("supervisor: ")]
    assert sorted(names) == [
        "SUPERVISOR_API_KEY",
        "SUPERVISOR_BIND",
        "SUPERVISOR_CONCURRENCY",
        "SUPERVISOR_SECRET_KEY_BASE",
    ]
    assert "Traceback" not in done.stderr
    for value in ("changeme", "too short to be the base"):
        assert value not in done.stdout + done.stderr
    assert not (tmp_path / "storage").exists()


@pytest.mark.parametrize("keys", [{}, KEYS], ids=["keys made", "keys given"])
def test_a_storage_that_cannot_be_made_ends_the_start_with_3(
    tmp_path: Path, keys: dict[str, str]
) -> None:
    (tmp_path / "file").touch()
    done = attempt(tmp_path / "file/storage", **keys)
    assert done.returncode == STORAGE_IN_USE
    assert "supervisor: the storage cannot be used: " in done.stderr
    assert "Traceback" not in done.stderr
