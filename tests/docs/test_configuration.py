"""docs/configuration.md names the settings that the code reads, with their defaults."""

import re
from pathlib import Path

import pytest
from marshmallow import missing, validate

from supervisor.errors import ConfigInvalid
from supervisor.settings.config import OLDER_NAMES, SETTING_NAMES, Config, Settings
from supervisor.settings.networks import PRIVATE, PRIVATE_NETWORKS
from tests.docs.pages import codes, page, rows

PAGE = page("docs/configuration.md")
TABLE = {codes(row[0])[0]: row[1:] for row in rows(PAGE) if row[0].startswith("`SUPERVISOR_")}
FIELDS = {field.data_key: field for field in Settings().fields.values() if field.data_key}
KEYS = {"SUPERVISOR_API_KEY": "k" * 16, "SUPERVISOR_SECRET_KEY_BASE": "s" * 32}


def test_the_tables_name_every_setting_and_no_other() -> None:
    assert set(TABLE) == set(SETTING_NAMES)


def test_the_page_names_no_setting_that_does_not_exist() -> None:
    assert set(re.findall(r"SUPERVISOR_[A-Z_0-9]+", PAGE)) == {*SETTING_NAMES, *OLDER_NAMES}


@pytest.mark.parametrize("name", SETTING_NAMES)
def test_each_default_is_the_one_of_the_code(name: str) -> None:
    default = FIELDS[name].load_default
    default = {None: "none", PRIVATE_NETWORKS: PRIVATE}.get(default, default)
    default = str(default).lower() if isinstance(default, bool) else default
    cell = TABLE[name][0]
    assert cell == ("made at the first start" if default is missing else f"`{default}`")


@pytest.mark.parametrize("name", [name for name in SETTING_NAMES if len(TABLE[name]) == 3])
def test_each_range_is_the_one_of_the_code(name: str) -> None:
    limits = TABLE[name][1]
    for rule in FIELDS[name].validators:
        if isinstance(rule, validate.Range):
            whole = f"from {rule.min}" if rule.max == 1_000_000 else f"{rule.min} to {rule.max}"
            assert limits == whole
        if isinstance(rule, validate.Length):
            assert f"at least {rule.min} characters" in limits
        if isinstance(rule, validate.OneOf):
            assert codes(limits) == rule.choices


def test_time_limits_are_from_one_to_a_million_seconds() -> None:
    for name in (name for name in SETTING_NAMES if len(TABLE[name]) == 2):
        (rule,) = FIELDS[name].validators
        assert isinstance(rule, validate.Range)
        assert (rule.min, rule.max) == (1, 1_000_000)


def test_an_older_name_gives_way_to_the_newer_one(tmp_path: Path) -> None:
    given = KEYS | {"SUPERVISOR_STORAGE": str(tmp_path), "SUPERVISOR_RAILS_LOG_LEVEL": "debug"}
    assert Config.from_environment(given).log_level == "debug"
    both = given | {"SUPERVISOR_LOG_LEVEL": "error"}
    assert Config.from_environment(both).log_level == "error"


def test_keys_are_made_once_and_read_again(tmp_path: Path) -> None:
    environment = {"SUPERVISOR_STORAGE": str(tmp_path / "storage"), "SUPERVISOR_API_KEY": " "}
    first = Config.from_environment(environment)
    again = Config.from_environment(environment)
    assert (tmp_path / "storage/keys").stat().st_mode & 0o777 == 0o600
    assert again.api_key.reveal() == first.api_key.reveal()
    given = Config.from_environment(environment | {"SUPERVISOR_API_KEY": "k" * 16})
    assert given.api_key.reveal() == "k" * 16
    assert given.secret_key_base.reveal() == first.secret_key_base.reveal()


def test_one_key_alone_is_refused_at_the_first_start(tmp_path: Path) -> None:
    environment = {"SUPERVISOR_STORAGE": str(tmp_path), "SUPERVISOR_API_KEY": "k" * 16}
    with pytest.raises(ConfigInvalid, match="SUPERVISOR_SECRET_KEY_BASE is missing"):
        Config.from_environment(environment)
    assert not list(tmp_path.iterdir())


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    Config.from_environment({"SUPERVISOR_STORAGE": str(tmp_path)})
    (tmp_path / "keys").chmod(0o644)
    with pytest.raises(ConfigInvalid, match="can be read by others"):
        Config.from_environment({"SUPERVISOR_STORAGE": str(tmp_path)})


def test_every_wrong_setting_is_named_at_once(tmp_path: Path) -> None:
    wrong = {"SUPERVISOR_BIND": "x", "SUPERVISOR_CONCURRENCY": "0", "SUPERVISOR_LOG_LEVEL": "loud"}
    with pytest.raises(ConfigInvalid) as raised:
        Config.from_environment(KEYS | wrong | {"SUPERVISOR_STORAGE": str(tmp_path)})
    assert set(raised.value.messages) == set(wrong)
