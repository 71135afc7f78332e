"""The key opens every route but four, also those that are added later."""

import ast
import re
from collections.abc import Callable
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from tests.support import ROOT
from tests.support.api import Api

OPEN = {
    ("GET", "/up"),
    ("HEAD", "/up"),
    ("GET", "/openapi.json"),
    ("HEAD", "/openapi.json"),
    ("POST", "/stacks/<uuid>/webhook"),
    ("POST", "/webhook"),
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
REFUSED = b'{"error":"Unauthorized"}\n'


@given(st.text(st.characters(max_codepoint=255)))
def test_no_header_that_anybody_makes_up_opens_or_breaks(api: Api, text: str) -> None:
    for authorization in (text, f"Bearer {text}"):
        environ = {"HTTP_AUTHORIZATION": authorization}
        answer = api.app.test_client().get("/stacks", environ_overrides=environ)
        assert answer.status_code == 401
        assert answer.data == REFUSED


# A9: how the key is compared


def test_secrets_are_compared_in_constant_time_everywhere() -> None:
    """No `==` on anything that is named like a secret; digests are compared by hmac."""
    suspicious = re.compile(r"(^|_)(key|secret|token|password|signature|digest|expected)$")
    found = []
    for path in sorted((ROOT / "supervisor").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare) and any(
                isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops
            ):
                names = [
                    getattr(part, "attr", getattr(part, "id", ""))
                    for part in (node.left, *node.comparators)
                ]
                found += [f"{path.name}:{node.lineno}" for name in names if suspicious.search(name)]
    assert found == []


# A10: every route there is, and every one there will be


def test_every_route_but_four_wants_the_key(api: Api) -> None:
    client = api.app.test_client()
    found_open = set()
    for rule in map(str, api.app.url_map.iter_rules()):
        path = re.sub(r"<[^>]+>", str(uuid4()), rule)
        for method in METHODS:
            answer = client.open(path, method=method)
            if answer.status_code != 401:
                found_open.add((method, rule))
            else:
                assert method == "HEAD" or answer.data == REFUSED, (method, path)
    assert found_open == OPEN


def test_a_route_that_is_added_later_wants_the_key_too(make_api: Callable[..., Api]) -> None:
    api = make_api()
    api.app.add_url_rule("/later", view_func=lambda: "shown")
    assert api.app.test_client().get("/later").status_code == 401
    assert api.client.get("/later").text == "shown"
