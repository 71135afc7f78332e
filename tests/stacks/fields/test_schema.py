"""What a stack may be: rows V of the threats. Whatever is refused has changed nothing."""

import json
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from supervisor.commands.docker.environment import FIXED, PASSED_ON
from tests.support.api import Api, Rows, stack_fields

FIELDS = sorted(stack_fields())
TEXTS = sorted(set(FIELDS) - {"compose_includes", "compose_variables", "polling_interval"})
OUTSIDE = "must be a path inside the repository"
NO_URL = "is not a valid URL"
SHORT = "is ssh's short form: write ssh://git@git.example.org/group/shop.git"
SCHEME = "scheme must be one of file, ssh, http, or https"
NO_REFERENCE = "is not a valid reference"
CREDENTIALS = "must not hold credentials: use git_username and git_token"


@pytest.fixture(scope="module")
def stack(api: Api) -> dict[str, Any]:
    return api.create(name="The stack that is there")


def create(api: Api, **fields: Any) -> Any:
    return api.client.post("/stacks", json=stack_fields(name=f"stack {uuid4()}") | fields)


def messages_on_create(api: Api, **fields: Any) -> dict[str, list[str]]:
    answer = create(api, **fields)
    assert answer.status_code == 422, answer.text
    found: dict[str, list[str]] = answer.get_json()["error"]
    return found


# V1: types


WRONG_TYPES = (1, True, [], {}, 1.5, None, "", " ")
# What isn't wrong for every field: null unsets what may be left out.
FINE: list[tuple[str, Any]] = [
    *((field, None) for field in ("git_username", "git_token", "polling_interval")),
    *((field, None) for field in ("compose_includes", "compose_variables")),
    *(("compose_includes", []), ("compose_variables", {}), ("polling_interval", 1)),
]


def is_fine(field: str, value: Any) -> bool:
    return any((field, value) == pair and type(value) is type(pair[1]) for pair in FINE)


@pytest.mark.parametrize("value", WRONG_TYPES, ids=json.dumps)
@pytest.mark.parametrize("field", FIELDS)
def test_a_value_of_the_wrong_type_is_refused_by_the_name_of_its_field(
    api: Api, stack: dict[str, Any], field: str, value: Any
) -> None:
    before = api.rows()
    created = create(api, **{field: value})
    changed = api.client.patch(f"/stacks/{stack['uuid']}", json={field: value})
    if is_fine(field, value):
        assert (created.status_code, changed.status_code) == (201, 200)
        assert api.client.patch(f"/stacks/{stack['uuid']}", json=stack_fields(name=stack["name"]))
        return
    for answer in (created, changed):
        assert answer.status_code == 422
        assert list(answer.get_json()["error"]) == [field]
    assert api.rows() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("compose_includes", ["a.yml", 1]),
        ("compose_includes", ["a.yml", None]),
        ("compose_includes", ["a.yml", ["b.yml"]]),
        ("compose_includes", "a.yml"),
        ("compose_variables", {"A": 1}),
        ("compose_variables", {"A": None}),
        ("compose_variables", {"A": True}),
        ("compose_variables", {"A": ["x"]}),
        ("compose_variables", {"A": {"B": "x"}}),
        ("compose_variables", ["A=x"]),
        ("compose_variables", "A=x"),
    ],
    ids=str,
)
def test_a_wrong_type_inside_a_field_is_refused(
    api: Api, rows: Rows, field: str, value: Any
) -> None:
    assert list(messages_on_create(api, **{field: value})) == [field]


@pytest.mark.parametrize("field", sorted(set(FIELDS) - {field for field, _ in FINE}))
def test_what_must_be_given_is_missed(api: Api, rows: Rows, field: str) -> None:
    fields = stack_fields(name=f"stack {uuid4()}")
    del fields[field]
    answer = api.client.post("/stacks", json=fields)
    assert answer.status_code == 422
    assert answer.get_json() == {"error": {field: ["can't be blank"]}}


def test_everything_that_is_wrong_is_said_at_once(api: Api, rows: Rows) -> None:
    answer = api.client.post("/stacks", json={})
    required = ("name", "git_repository", "git_reference", "compose_file", "strategy")
    assert answer.get_json() == {"error": {field: ["can't be blank"] for field in required}}


# V2: fields that there are not


def test_unknown_and_read_only_fields_of_a_new_stack_are_named(api: Api, rows: Rows) -> None:
    unknown = {"uuid": "x", "processed": 9, "healthy": True, "git_tokn": "x", "": 1, "\ud800": 1}
    named = {field: ["is not a known field"] for field in unknown}
    assert messages_on_create(api, **unknown) == named


def test_a_misspelled_field_of_a_change_is_named(
    api: Api, stack: dict[str, Any], rows: Rows
) -> None:
    change = {"processed": 9, "git_tokn": "x", "healthy": None}
    answer = api.client.patch(f"/stacks/{stack['uuid']}", json=change)
    known = ["is not a known field"]
    assert answer.get_json() == {"error": {"processed": known, "git_tokn": known}}


def test_read_only_fields_that_are_sent_back_are_ignored(api: Api, stack: dict[str, Any]) -> None:
    path = f"/stacks/{stack['uuid']}"
    runs = api.rows()["runs"]
    shown = api.client.get(path).get_json()
    read_only = {key: value for key, value in shown.items() if key not in FIELDS}
    assert {"uuid", "project", "state", "created_at"} <= set(read_only)
    answer = api.client.patch(path, json=read_only | {"state": "paused", "project": "other"})
    assert answer.status_code == 200
    kept = set(shown) - {"updated_at"}
    assert {key: answer.get_json()[key] for key in kept} == {key: shown[key] for key in kept}
    assert api.rows()["runs"] == runs


# V6: characters


BAD_CHARACTERS = ["\0", "\n", "\r", "\t", "\a", "\x1b[31m", "\x7f", "\x85", "\x9b"]
BAD_CHARACTERS += ["\ud800", "\udfff", "\u202e", "\u2066", "\u200f", "\u061c"]


@pytest.mark.parametrize("bad", BAD_CHARACTERS, ids=ascii)
@pytest.mark.parametrize("field", [*TEXTS, "compose_includes"])
def test_control_characters_are_refused_in_every_text(
    api: Api, rows: Rows, field: str, bad: str
) -> None:
    value = stack_fields()[field]
    text = value[0] if isinstance(value, list) else value
    for broken in (text + bad, bad + text, text[:3] + bad + text[3:]):
        given = [broken] if isinstance(value, list) else broken
        assert list(messages_on_create(api, **{field: given})) == [field]


@pytest.mark.parametrize("value", ["a\0b", "\ud800", "\udc80x"], ids=ascii)
def test_variables_take_every_text_but_nul_and_halves_of_characters(
    api: Api, rows: Rows, value: str
) -> None:
    found = messages_on_create(api, compose_variables={"A": value})
    assert found == {"compose_variables": ["contains NUL or half a character"]}


# V7, V8: names


@pytest.mark.parametrize(
    "name",
    [
        "../../etc",
        "/etc",
        ".",
        "-rf",
        "--help",
        "con",
        "a/b",
        "a b;id",
        "$(id)",
        "`id`",
        "\\",
        "'",
        "%s%n",
        "Ａ",  # noqa: RUF001 (the wide letter)
        "店",
        "🛒",
        " blank around ",
        "x" * 255,
        "🛒" * 255,
        "null",
        "{{7*7}}",
        "<script>alert(1)</script>",
    ],
)
def test_a_name_is_free_text_and_the_project_made_from_it_is_plain(api: Api, name: str) -> None:
    created = create(api, name=name)
    assert created.status_code == 201
    shown = api.client.get(f"/stacks/{created.get_json()['uuid']}").get_json()
    assert shown["name"] == name
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", shown["project"])


def test_names_that_make_the_same_project_get_one_each(api: Api) -> None:
    names = ("Web Shop", "web-shop", "web.shop", "web shop!", "wéb shop")
    projects = [create(api, name=name).get_json()["project"] for name in names]
    assert len(set(projects)) == len(names)
    assert all(project.startswith("web-shop-") for project in projects)


def test_a_rename_keeps_the_project(api: Api) -> None:
    created = create(api, name=f"Before {uuid4()}").get_json()
    renamed = api.client.patch(f"/stacks/{created['uuid']}", json={"name": f"After {uuid4()}"})
    assert renamed.get_json()["project"] == created["project"]


def test_a_name_of_256_characters_is_too_long(api: Api, rows: Rows) -> None:
    message = "is too long (maximum is 255 characters)"
    assert messages_on_create(api, name="x" * 256) == {"name": [message]}


@pytest.mark.parametrize(
    ("name", "alike"),
    [("web", "web"), ("web", "WEB"), ("café", "cafe\u0301"), ("Straße", "STRASSE"), ("A1", "Ａ１")],  # noqa: RUF001
)
def test_a_name_that_looks_like_one_that_is_taken_is_taken(
    make_api: Callable[..., Api], name: str, alike: str
) -> None:
    api = make_api()
    other = api.create(name="another")
    api.create(name=name)
    before = api.rows()
    taken = {"name": ["has already been taken"]}
    assert messages_on_create(api, name=alike) == taken
    renamed = api.client.patch(f"/stacks/{other['uuid']}", json={"name": alike})
    assert (renamed.status_code, renamed.get_json()) == (422, {"error": taken})
    assert api.rows() == before


def test_a_stack_may_change_the_case_of_its_own_name(api: Api) -> None:
    created = create(api, name=f"case {uuid4()}").get_json()
    path = f"/stacks/{created['uuid']}"
    answer = api.client.patch(path, json={"name": created["name"].upper()})
    assert answer.status_code == 200


# V9: references


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("--upload-pack=touch", NO_REFERENCE),
        ("--upload-pack=touch /tmp/p", NO_REFERENCE),
        ("-u", NO_REFERENCE),
        ("-f", NO_REFERENCE),
        ("-", NO_REFERENCE),
        ("--orphan=x", NO_REFERENCE),
        ("$(touch /tmp/p)", NO_REFERENCE),
        ("a b", NO_REFERENCE),
        ("a..b", NO_REFERENCE),
        ("a:b", NO_REFERENCE),
        ("^a", NO_REFERENCE),
        ("@{u}", NO_REFERENCE),
        ("@", NO_REFERENCE),
        ("a@{1}", NO_REFERENCE),
        ("HEAD~1", NO_REFERENCE),
        ("HEAD^", NO_REFERENCE),
        ("*", NO_REFERENCE),
        ("refs/heads/*", NO_REFERENCE),
        ("a?", NO_REFERENCE),
        ("[a]", NO_REFERENCE),
        ("a\\b", NO_REFERENCE),
        ("a.lock", NO_REFERENCE),
        ("a.lock/b", NO_REFERENCE),
        ("/a", NO_REFERENCE),
        ("/", NO_REFERENCE),
        ("a/", NO_REFERENCE),
        ("a//b", NO_REFERENCE),
        (".a", NO_REFERENCE),
        ("a/.b", NO_REFERENCE),
        ("a.", NO_REFERENCE),
        ("refs/heads/", NO_REFERENCE),
        ("refs/heads/a..b", NO_REFERENCE),
        ("refs/remotes/origin/main", "must be below refs/heads/ or refs/tags/"),
        ("refs/supervisor/x/applied", "must be below refs/heads/ or refs/tags/"),
        ("refs/pull/1/head", "must be below refs/heads/ or refs/tags/"),
        ("x" * 256, "is too long (maximum is 255 characters)"),
    ],
)
def test_a_reference_that_git_would_read_otherwise_is_refused(
    api: Api, rows: Rows, reference: str, message: str
) -> None:
    assert messages_on_create(api, git_reference=reference) == {"git_reference": [message]}


@pytest.mark.parametrize(
    "reference",
    [
        "refs/heads/main",
        "refs/tags/v1",
        "refs/heads/feature/login",
        "main",
        "v1.2.3",
        "feature/login",
        "0" * 40,
        "refs/heads/--upload-pack=x",
        "refs/heads/$(id)",
        "$(id)",
        "`id`",
        "a;id",
        "+a",
        "větev",
        "refs/heads/-",
    ],
)
def test_a_reference_that_git_allows_is_taken_as_it_is(api: Api, reference: str) -> None:
    created = create(api, git_reference=reference)
    assert created.status_code == 201
    assert created.get_json()["git_reference"] == reference


# V10, V11, V12: repositories and their credentials


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ext::sh -c touch% /tmp/p", NO_URL),
        ("ext::sh", SCHEME),
        ("--upload-pack=x", NO_URL),
        ("-oProxyCommand=x:y", NO_URL),
        ("ssh://-oProxyCommand=touch%20p/x", NO_URL),
        ("ssh://-oProxyCommand=x@host/x", NO_URL),
        ("/etc", NO_URL),
        ("../x", NO_URL),
        ("x", NO_URL),
        ("git://h/r", SCHEME),
        ("ftp://h/r", SCHEME),
        ("git+ssh://h/r", SCHEME),
        ("javascript:1", SCHEME),
        ("data:text/plain,x", SCHEME),
        ("HTTPS://h/r", SCHEME),
        ("file:x", SCHEME),
        ("file:/x", SCHEME),
        ("https:h/r", SCHEME),
        ("https://", NO_URL),
        ("https:///r", NO_URL),
        ("https://h", NO_URL),
        ("https://h/", NO_URL),
        ("https://h:99999/r", NO_URL),
        ("https://h:0/r", NO_URL),
        ("https://h:port/r", NO_URL),
        ("https://[::1/r", NO_URL),
        ("https://h/%0aX", NO_URL),
        ("https://h/%0DX", NO_URL),
        ("https://h/%00", NO_URL),
        ("https://h/a b", NO_URL),
        ("https://h\\@evil/r", CREDENTIALS),
        ("https://h/r?x=1", NO_URL),
        ("https://h/r#main", NO_URL),
        ("https://ex\u00e4mple.org/r", NO_URL),
        ("https://$(id)/r", NO_URL),
        ("file://other/r", NO_URL),
        ("file://", NO_URL),
        ("user@host:r", "is ssh's short form: write ssh://user@host/r"),
        ("git@git.example.org:group/shop.git", SHORT),
        ("git@git.example.org:/group/shop.git", SHORT),
        ("-oProxyCommand=x@host:r", NO_URL),
        ("ssh://%2DoProxyCommand=x@host/x", NO_URL),
        ("host:r", SCHEME),
        ("http://169.254.169.254/latest", "must not be a link-local address"),
        ("http://2852039166/latest", "must not be a link-local address"),
        ("http://0xa9fea9fe/latest", "must not be a link-local address"),
        ("http://169.16689662/latest", "must not be a link-local address"),
        ("http://[fe80::1]/r", "must not be a link-local address"),
        ("http://[::ffff:169.254.169.254]/r", "must not be a link-local address"),
        ("https://h/" + "x" * 2048, "is too long (maximum is 2048 characters)"),
    ],
)
def test_an_address_that_is_no_repository_is_refused(
    api: Api, rows: Rows, url: str, message: str
) -> None:
    assert messages_on_create(api, git_repository=url) == {"git_repository": [message]}


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.org/shop.git",
        "https://git.example.org:8443/group/sub/shop",
        "http://127.0.0.1:3000/shop.git",
        "http://[::1]:3000/shop.git",
        "https://git.example.org/~ada/shop.git",
        "https://git.example.org/a%20b.git",
        "ssh://git@git.example.org/shop.git",
        "ssh://git@git.example.org:2222/shop.git",
        "ssh://git.example.org/shop.git",
        "file:///srv/git/shop.git",
        "file:///etc",
        "http://localhost/shop.git",
        "http://my_host/shop.git",
    ],
)
def test_http_https_ssh_and_file_are_taken_as_they_are(api: Api, url: str) -> None:
    created = create(api, git_repository=url)
    assert created.status_code == 201
    assert created.get_json()["git_repository"] == url


@pytest.mark.parametrize(
    "url",
    [
        "https://u:tok-CANARY@h/r",
        "https://tok-CANARY@h/r",
        "https://:tok-CANARY@h/r",
        "http://u:tok-CANARY@h/r",
        "ssh://u:tok-CANARY@h/r",
        "file://u:tok-CANARY@localhost/r",
    ],
)
def test_credentials_in_an_address_are_refused_and_not_repeated(
    api: Api, rows: Rows, url: str
) -> None:
    answer = create(api, git_repository=url)
    assert answer.status_code == 422
    assert answer.get_json() == {"error": {"git_repository": [CREDENTIALS]}}
    assert "CANARY" not in answer.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("git_token", "x\nhost=evil"),
        ("git_token", "x\r\n"),
        ("git_token", "x" * 4097),
        ("git_username", "u\n"),
        ("git_username", "a:b"),
        ("git_username", "x" * 256),
    ],
)
def test_credentials_that_say_more_are_refused(
    api: Api, rows: Rows, field: str, value: str
) -> None:
    assert list(messages_on_create(api, **{field: value})) == [field]


# V13, V14, V15: paths


OUTSIDE_PATHS = [
    "../x.yml",
    "..",
    "/etc/passwd",
    "//etc/passwd",
    "a/../../x",
    "a/../x.yml",
    ".",
    "./",
    "./-f",
    "-",
    "-f",
    "--project-directory=/",
    ".git/config",
    ".GIT/config",
    "./.git/config",
    ".git",
    "~/.ssh/id_rsa",
    "~root/x",
    "C:\\x.yml",
    "oci://127.0.0.1:1/x",
    "https://h/x.git",
    "https://h/x.git#main",
    "git@h:x",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("path", OUTSIDE_PATHS)
def test_a_path_that_leaves_the_repository_is_refused(api: Api, rows: Rows, path: str) -> None:
    assert messages_on_create(api, compose_file=path) == {"compose_file": [OUTSIDE]}
    found = messages_on_create(api, compose_includes=["ok.yml", path])
    assert found == {"compose_includes": [OUTSIDE]}


def test_a_path_that_is_too_long_is_refused(api: Api, rows: Rows) -> None:
    for field, value in (("compose_file", "x" * 5000), ("compose_includes", ["x" * 5000])):
        assert list(messages_on_create(api, **{field: value})) == [field]


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("compose.yml", "compose.yml"),
        ("./compose.yml", "compose.yml"),
        ("a//b/./c.yml", "a/b/c.yml"),
        ("a b.yml", "a b.yml"),
        ('""; id; "', '""; id; "'),
        ("$(id).yml", "$(id).yml"),
        ("a/-f", "a/-f"),
        (".github/compose.yml", ".github/compose.yml"),
        ("...", "..."),
        ("složka/soubor.yml", "složka/soubor.yml"),
    ],
)
def test_a_path_is_kept_in_its_plain_form(api: Api, path: str, plain: str) -> None:
    created = create(api, compose_file=path, compose_includes=[f"below/{path}"])
    assert created.status_code == 201
    assert created.get_json()["compose_file"] == plain
    assert created.get_json()["compose_includes"] == [f"below/{plain}"]


@pytest.mark.parametrize(
    "includes",
    [["a.yml", "a.yml"], ["a.yml", "./a.yml"], ["compose.yml"], [".//compose.yml"]],
    ids=str,
)
def test_a_file_is_named_once(api: Api, rows: Rows, includes: list[str]) -> None:
    found = messages_on_create(api, compose_includes=includes)
    assert found == {"compose_includes": ["names a file twice"]}


# V16: variables


@pytest.mark.parametrize(
    "name",
    [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "PATH",
        "HOME",
        "SHELL",
        "BASH_ENV",
        "TMPDIR",
        "DOCKER_HOST",
        "DOCKER_CONFIG",
        "DOCKER_CONTEXT",
        "COMPOSE_FILE",
        "COMPOSE_PROJECT_NAME",
        "COMPOSE_ENV_FILES",
        "BUILDKIT_HOST",
        "GIT_SSH_COMMAND",
        "SSH_AUTH_SOCK",
        "HTTPS_PROXY",
        "https_proxy",
        "SSL_CERT_FILE",
        "SUPERVISOR_API_KEY",
        "docker_host",
        # Compose is given these itself, and they would win over the variables.
        *sorted({*FIXED, *PASSED_ON, "PWD"}),
    ],
)
def test_a_variable_that_steers_the_command_line_is_refused(
    api: Api, rows: Rows, name: str
) -> None:
    found = messages_on_create(api, compose_variables={"FINE": "x", name: "x"})
    assert found == {"compose_variables": [f"{name!r} is reserved"]}


@pytest.mark.parametrize(
    "name",
    ["", " ", "A=B", "1A", "A B", "A\nB", "A\n", "é", "A-B", "A.B", "$A", "${A}", "A\0", "x" * 256],
)
def test_a_name_that_no_shell_could_set_is_refused(api: Api, rows: Rows, name: str) -> None:
    found = messages_on_create(api, compose_variables={name: "x"})
    assert found == {"compose_variables": [f"{name[:60]!r} is not a valid variable name"]}


@pytest.mark.parametrize("name", ["A", "_", "a1", "PATHS", "MY_PATH", "DOCKERHUB", "x" * 255])
def test_other_names_are_taken(api: Api, name: str) -> None:
    created = create(api, compose_variables={name: "x"})
    assert created.status_code == 201
    assert created.get_json()["compose_variables"] == {name: "x"}


# V18: intervals


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "must be greater than 0"),
        (-1, "must be greater than 0"),
        ("0", "must be greater than 0"),
        ("-5", "must be greater than 0"),
        (31_536_001, "must be less than or equal to 31536000"),
        (9_223_372_036_854_775_808, "must be less than or equal to 31536000"),
        (10**100, "must be less than or equal to 31536000"),
        (1.5, "is not a number"),
        (300.0, "is not a number"),
        (1e9, "is not a number"),
        (True, "is not a number"),
        ("1.5", "is not a number"),
        ("1e3", "is not a number"),
        ("--5", "is not a number"),
        ("+5", "is not a number"),
        ("-", "is not a number"),
        (" 5", "is not a number"),
        ("5\n", "is not a number"),
        ("0x10", "is not a number"),
        ("1_000", "is not a number"),
        ("9" * 5000, "is not a number"),
        ("\u0663\u0660\u0660", "is not a number"),
        ("²", "is not a number"),
        ("NaN", "is not a number"),
        ("five", "is not a number"),
    ],
)
@pytest.mark.parametrize("strategy", ["polling", "webhook"])
def test_an_interval_is_whole_seconds_above_0(
    api: Api, rows: Rows, strategy: str, value: Any, message: str
) -> None:
    found = messages_on_create(api, strategy=strategy, polling_interval=value)
    assert found == {"polling_interval": [message]}


def test_an_interval_beyond_every_float_is_no_number(api: Api, rows: Rows) -> None:
    body = json.dumps(stack_fields(name="x", polling_interval=0.5)).replace("0.5", "1e400")
    answer = api.client.post("/stacks", data=body, content_type="application/json")
    assert answer.get_json() == {"error": {"polling_interval": ["is not a number"]}}


@pytest.mark.parametrize(("value", "seconds"), [(1, 1), ("300", 300), ("007", 7), (86400, 86400)])
def test_an_interval_may_come_as_text(api: Api, value: Any, seconds: int) -> None:
    created = create(api, strategy="polling", polling_interval=value)
    assert created.status_code == 201
    assert created.get_json()["polling_interval"] == seconds


@pytest.mark.parametrize("strategy", ["", "Polling", "webhook ", "push", "polling\n", 0])
def test_a_strategy_is_one_of_the_two(api: Api, rows: Rows, strategy: Any) -> None:
    assert list(messages_on_create(api, strategy=strategy)) == ["strategy"]


@pytest.mark.parametrize(
    "name",
    ["X-A\r\nX-B: 1", "Host", "cookie", "X_Hub_Sig", "é", "1X", "X A", "X:", "-X", "x" * 300],
)
def test_a_header_that_would_not_arrive_is_refused(api: Api, rows: Rows, name: str) -> None:
    assert list(messages_on_create(api, signature_header=name)) == ["signature_header"]
