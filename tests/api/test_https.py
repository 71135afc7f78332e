"""Plain HTTP is refused where that is wanted, and only trusted proxies say who a client is."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from supervisor.api.forwarded import Forwarded
from supervisor.errors import ConfigInvalid
from supervisor.settings.config import Config
from supervisor.settings.networks import PRIVATE_NETWORKS, is_among, parse_address, parse_networks
from tests.api.conftest import Api, application, close
from tests.api.raw import send
from tests.conftest import StartService
from tests.support.service import API_KEY

PROXIES = PRIVATE_NETWORKS
SECURE = {"X-Forwarded-Proto": "https"}
KEY = f"Authorization: Bearer {API_KEY}"


def ask(api: Api, path: str, method: str = "GET", **options: Any) -> TestResponse:
    return api.client.open(path, method=method, **options)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    api = application(tmp_path_factory.mktemp("secured") / "storage", force_ssl=True)
    yield api
    close(api)


@pytest.fixture(scope="module")
def distrustful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    storage = tmp_path_factory.mktemp("distrustful") / "storage"
    api = application(storage, force_ssl=True, trusted_proxies=parse_networks("none"))
    yield api
    close(api)


# Plain HTTP


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/stacks", "/stacks/x/log?follow=true&a=%20b", "/nothing", "/"])
def test_reading_in_clear_is_sent_to_https(secured: Api, method: str, path: str) -> None:
    answer = ask(secured, path, method, headers={"Host": "git.example.org"})
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"https://git.example.org{path}"
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/stacks", "/stacks/x", "/webhook", "/nothing"])
def test_everything_else_in_clear_is_refused(secured: Api, method: str, path: str) -> None:
    answer = ask(secured, path, method)
    assert answer.status_code == 403
    assert answer.get_json()["error"].startswith("HTTPS only: ")
    assert "SUPERVISOR_FORCE_SSL" in answer.get_json()["error"]


def test_nothing_of_a_refused_request_is_done(secured: Api) -> None:
    before = secured.rows()
    ask(secured, "/stacks", "POST", json={"name": "x"})
    assert secured.rows() == before


def test_only_the_probe_is_answered_in_clear(secured: Api) -> None:
    for path in ("/up", "/up/"):
        assert ask(secured, path).status_code == 200
    for path in ("//up", "/up/x", "/UP", "/x/up", "/up%2f..%2fstacks"):
        assert ask(secured, path).status_code == 301, path


def test_with_a_proxy_that_had_tls_all_is_as_usual(secured: Api) -> None:
    for path in ("/stacks", "/up", "/nothing"):
        answer = ask(secured, path, headers=SECURE)
        assert answer.status_code == (404 if path == "/nothing" else 200)
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert secured.app.test_client().get("/stacks", headers=SECURE).status_code == 401


def test_outside_of_a_container_plain_http_is_the_default(make_api: Callable[..., Api]) -> None:
    answer = ask(make_api(), "/stacks")
    assert answer.status_code == 200
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize(
    "word", ["http", "HTTPS,http", "https, http", "https;", "on", "1", "", "https\t x", "wss"]
)
def test_only_https_is_https(secured: Api, word: str) -> None:
    answer = ask(secured, "/stacks", headers={"X-Forwarded-Proto": word})
    assert answer.status_code == 301


@pytest.mark.parametrize("word", ["https", "HTTPS", " https ", "http, https"])
def test_the_nearest_proxy_names_the_scheme(secured: Api, word: str) -> None:
    answer = ask(secured, "/stacks", headers={"X-Forwarded-Proto": word})
    assert answer.status_code == 200


@pytest.mark.parametrize("name", ["X-Forwarded-Ssl", "X-Forwarded-Protocol", "Forwarded"])
def test_no_other_header_stands_for_https(secured: Api, name: str) -> None:
    for value in ("on", "https", "proto=https"):
        answer = ask(secured, "/stacks", headers={name: value})
        assert answer.status_code == 301


# Where it is sent to


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("example.org", "example.org"),
        ("example.org:3000", "example.org"),
        ("127.0.0.1:3000", "127.0.0.1"),
        ("[::1]:3000", "[::1]"),
    ],
)
def test_the_port_in_clear_is_left_out(secured: Api, host: str, target: str) -> None:
    answer = ask(secured, "/stacks", headers={"Host": host})
    assert answer.headers["Location"] == f"https://{target}/stacks"


@pytest.mark.parametrize(
    "host", ["", "a b", "user@evil.example", "evil.example/x", "evil.example#", "a\\b", "ü", "a:b"]
)
def test_a_host_that_is_none_leads_nowhere(secured: Api, host: str) -> None:
    answer = ask(secured, "/stacks", environ_overrides={"HTTP_HOST": host})
    assert answer.status_code == 400
    assert "Location" not in answer.headers


@given(path=st.binary(max_size=40), query=st.binary(max_size=40))
def test_no_path_ends_the_line_or_names_another_host(
    secured: Api, path: bytes, query: bytes
) -> None:
    given = {"PATH_INFO": f"/{path.decode('latin-1')}", "HTTP_HOST": "example.org"}
    answer = ask(secured, "/", environ_overrides=given | {"QUERY_STRING": query.decode("latin-1")})
    assert re.fullmatch(r"https://example\.org/[!-~]*", answer.headers["Location"])


def test_a_line_end_in_an_address_stays_in_it(start_service: StartService) -> None:
    service = start_service(SUPERVISOR_FORCE_SSL="true")
    answer = send(service, "GET", "//evil.example/%0d%0aSet-Cookie:%20a=b?x=%0d%0aY:z", KEY)
    assert answer.status == 301
    expected = b"Location: https://localhost//evil.example/%0D%0ASet-Cookie:%20a=b?x=%0d%0aY:z"
    assert expected in answer.head.split(b"\r\n")
    assert send(service, "POST", "/stacks", KEY).status == 403
    assert send(service, "GET", "/up").status == 200
    assert send(service, "HEAD", "/up").status == 200
    secure = send(service, "GET", "/stacks", KEY, "X-Forwarded-Proto: https")
    assert secure.status == 200
    assert b"Strict-Transport-Security: max-age=" in secure.head
    for name in ("X-Forwarded-Ssl: on", "X-Forwarded-Protocol: ssl", "SCRIPT_NAME: /x"):
        assert send(service, "GET", "/stacks", KEY, name).status == 301


# Who is believed


@pytest.mark.parametrize(
    ("peer", "believed"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:172.17.0.1", True),
        ("10.1.2.3", True),
        ("192.168.7.7", True),
        ("fd00::7", True),
        ("172.32.0.1", False),
        ("203.0.113.9", False),
        ("2001:db8::1", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_a_private_address_is_believed_unless_said_otherwise(
    secured: Api, distrustful: Api, peer: str, believed: bool
) -> None:
    for api, status in ((secured, 200 if believed else 301), (distrustful, 301)):
        answer = ask(api, "/stacks", headers=SECURE, environ_overrides={"REMOTE_ADDR": peer})
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("127.0.0.1", "[2001:db8::9]:4711", "2001:db8::9"),
        ("127.0.0.1", "2001:db8::9", "2001:db8::9"),
        ("127.0.0.1", "10.0.0.1, 10.0.0.2", "10.0.0.1"),
        ("127.0.0.1", "203.0.113.9, unknown", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("198.51.100.1", "203.0.113.9", "198.51.100.1"),
    ],
)
def test_the_client_is_the_last_one_that_no_trusted_proxy_is(
    peer: str, forwarded_for: str, client: str
) -> None:
    seen: list[str] = []
    app = Forwarded(lambda environ, _: seen.append(environ["REMOTE_ADDR"]) or [], PROXIES)
    app({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded_for}, None)
    assert seen == [client]


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_addresses(text: str) -> None:
    is_among(PROXIES, parse_address(text))


def test_bad_signatures_are_counted_for_the_client_not_the_proxy(
    start_service: StartService,
) -> None:
    service = start_service(SUPERVISOR_BAD_SIGNATURES_PER_MINUTE="2")
    stack = service.create_stack(git_repository="https://127.0.0.1:1/x.git")["uuid"]

    def statuses(client: str) -> list[int]:
        headers = {"X-Forwarded-For": client, "X-Hub-Signature-256": "sha256=00"}
        path = f"/stacks/{stack}/webhook"
        return [service.post(path, data=b"{}", headers=headers).status_code for _ in range(3)]

    assert statuses("203.0.113.1") == [400, 400, 429]
    assert statuses("203.0.113.2") == [400, 400, 429]


# The settings


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "proxy", "10.0.0.0/8,", "*"])
def test_networks_that_are_none_are_refused_at_the_start(tmp_path: Path, text: str) -> None:
    given = {"SUPERVISOR_STORAGE": str(tmp_path), "SUPERVISOR_TRUSTED_PROXIES": text}
    with pytest.raises(ConfigInvalid, match="SUPERVISOR_TRUSTED_PROXIES must be none, or networks"):
        Config.from_environment(given)


def test_the_default_networks_are_loopback_and_private_ranges() -> None:
    for network in PROXIES:
        assert network.is_private or network.is_loopback
