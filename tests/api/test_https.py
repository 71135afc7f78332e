"""Plain HTTP is refused where that is wanted."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.support.api import Api

SECURE = {"X-Forwarded-Proto": "https"}


def ask(api: Api, path: str, method: str = "GET", **options: Any) -> TestResponse:
    return api.client.open(path, method=method, **options)


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
