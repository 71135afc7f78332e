"""Deliveries: rows S of the threats. The signature opens, over the bytes as they came."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.support.api import Api, stack_fields
from tests.support.service import SIGNATURE_SECRET
from tests.support.triggers import signature

HEADER = "X-Hub-Signature-256"
PUSH = b'{"ref": "refs/heads/main"}'
INVALID = {"error": "Payload signature is invalid"}
SIGNED = {HEADER: signature(PUSH)}
DIGITS = signature(PUSH).removeprefix("sha256=")


def digest(name: str, body: bytes = PUSH, secret: str = SIGNATURE_SECRET) -> str:
    return hmac.new(secret.encode(), body, name).hexdigest()


class Stack:
    """A stack that follows webhooks, and a client without the key."""

    def __init__(self, api: Api, **fields: Any) -> None:
        self.api = api
        self.uuid = api.create(name=f"stack {uuid4()}", **fields)["uuid"]
        self.client: FlaskClient = api.app.test_client()

    def deliver(
        self, body: bytes = PUSH, headers: dict[str, str] | None = None, **options: Any
    ) -> TestResponse:
        options.setdefault("content_type", "application/json")
        return self.client.post(
            f"/stacks/{self.uuid}/webhook", data=body, headers=headers, **options
        )

    def change(self, **fields: Any) -> TestResponse:
        return self.api.client.patch(f"/stacks/{self.uuid}", json=fields)

    @property
    def requests(self) -> int:
        """How often a run was asked for; equal requests share a pending run."""
        runs = self.api.client.get(f"/stacks/{self.uuid}/runs").get_json()["runs"]
        return sum(run["requests"] for run in runs)


@pytest.fixture(scope="module")
def stack(api: Api) -> Stack:
    return Stack(api)


def assert_refused(stack: Stack, body: bytes, headers: dict[str, str], **options: Any) -> None:
    before = stack.api.rows()
    answer = stack.deliver(body, headers, **options)
    assert (answer.status_code, answer.get_json()) == (400, INVALID)
    assert stack.api.rows() == before


# S1 to S8: signatures


def test_the_vector_of_githubs_documentation_is_accepted(api: Api) -> None:
    stack = Stack(api, signature_secret="It's a Secret to Everybody")
    vector = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    answer = stack.deliver(b"Hello, World!", {HEADER: vector})
    assert answer.status_code == 202
    assert answer.get_json()["message"] == "Webhook received"
    assert answer.headers["Location"].startswith(f"/stacks/{stack.uuid}/runs/")
    assert_refused(stack, b"Hello, World?", {HEADER: vector})


@pytest.mark.parametrize(
    "value",
    [
        f"sha256={digest('sha256')}",
        f"sha512={digest('sha512')}",
        digest("sha256"),
        digest("sha512"),
    ],
    ids=["sha256=", "sha512=", "bare SHA-256", "bare SHA-512"],
)
def test_the_four_forms_of_a_right_signature_are_accepted(stack: Stack, value: str) -> None:
    before = stack.requests
    assert stack.deliver(PUSH, {HEADER: value}).status_code == 202
    assert stack.requests == before + 1


@pytest.mark.parametrize(
    "value",
    [
        "",
        "=",
        "sha256",
        "sha256=",
        "sha256=a=b",
        "sha256=" + "0" * 64,
        f"sha256={DIGITS[:63]}",
        f"sha256={DIGITS}0",
        f"sha256={DIGITS[:-1]}g",
        f"sha256={DIGITS.upper()}",
        f"SHA256={DIGITS}",
        f"sha512/256={DIGITS}",
        f"sha512={DIGITS}",
        f"sha256={digest('sha512')}",
        f"sha256={DIGITS},sha256={DIGITS}",
        f"sha256={'0' * 64},sha256={DIGITS}",
        f"sha256= {DIGITS}",
        f"sha256 ={DIGITS}",
        f"sha256={DIGITS};",
        f'"sha256={DIGITS}"',
        f"sha256:{DIGITS}",
        f"sha256=0x{DIGITS}",
        f"sha1={digest('sha1')}",
        digest("sha1"),
        f"md5={digest('md5')}",
        digest("md5"),
        f"sha384={digest('sha384')}",
        f"sha3_256={digest('sha3_256')}",
        f"sha256={hashlib.sha256(PUSH).hexdigest()}",
        f"sha256={digest('sha256', secret='')}",
        f"sha256={digest('sha256', b'')}",
        f"sha256={digest('sha256', PUSH + b'%')}",
        SIGNATURE_SECRET,
        "sha256=" + "\u0660" * 64,
        "sha256=\xe9" + DIGITS,
        "x" * 7000,
    ],
)
def test_another_signature_is_refused_in_the_same_words(stack: Stack, value: str) -> None:
    # As the server hands a header on: each byte a character.
    environ = {"HTTP_X_HUB_SIGNATURE_256": value.encode().decode("latin-1")}
    assert_refused(stack, PUSH, {}, environ_overrides=environ)


def test_no_signature_and_one_in_another_header_are_refused(stack: Stack) -> None:
    for name in ("X-Hub-Signature", "X-Gitea-Signature", "Authorization", "X-Signature"):
        assert_refused(stack, PUSH, {name: signature(PUSH)})
    assert_refused(stack, PUSH, {})


def test_a_weaker_signature_beside_a_wrong_one_changes_nothing(stack: Stack) -> None:
    weak = {"X-Hub-Signature": f"sha1={digest('sha1')}", HEADER: "sha256=" + "0" * 64}
    assert_refused(stack, PUSH, weak)


@pytest.mark.parametrize("name", ["X-Gitea-Signature", "x-custom", "X-GOGS-SIGNATURE"])
def test_the_stack_names_the_header_in_any_case(api: Api, name: str) -> None:
    stack = Stack(api, signature_header=name)
    assert stack.deliver(PUSH, {name.swapcase(): DIGITS}).status_code == 202
    assert_refused(stack, PUSH, SIGNED)


# S10: a secret there must be


@pytest.mark.parametrize("secret", ["", None, " ", "seven 7"])
def test_a_stack_without_a_real_secret_is_not_made(api: Api, secret: str | None) -> None:
    before = api.rows()
    fields = stack_fields(name=f"stack {uuid4()}", signature_secret=secret)
    answer = api.client.post("/stacks", json=fields)
    assert answer.status_code == 422
    assert list(answer.get_json()["error"]) == ["signature_secret"]
    assert api.rows() == before


def test_a_polling_stack_without_a_secret_opens_to_no_signature(api: Api) -> None:
    stack = Stack(api, strategy="polling", signature_header=None, signature_secret=None)
    before = api.rows()
    for secret in ("", "None", "null"):
        answer = stack.deliver(PUSH, {HEADER: signature(PUSH, secret)})
        assert answer.status_code == 409
    refused = stack.change(strategy="webhook", signature_header=HEADER)
    assert refused.status_code == 422
    assert refused.get_json() == {"error": {"signature_secret": ["can't be blank"]}}
    assert api.rows() == before


# S11, S18, S19, S24: bodies


@pytest.mark.parametrize(
    "body",
    [
        PUSH + b"\n",
        PUSH[:-1],
        b"{ }",
        PUSH.decode().encode("utf-16"),
        b"",
        bytes([PUSH[0] ^ 1]) + PUSH[1:],
    ],
    ids=["newline", "shorter", "spaced", "UTF-16", "empty", "a bit"],
)
def test_the_signature_is_for_the_bytes_as_they_came(stack: Stack, body: bytes) -> None:
    assert_refused(stack, body, SIGNED)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/json",
        "application/json; charset=utf-16",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "text/plain",
        "x",
        "application/json; charset=\xff",
    ],
)
def test_the_content_type_plays_no_part(stack: Stack, content_type: str | None) -> None:
    before = stack.requests
    options = {"content_type": content_type}
    assert stack.deliver(PUSH, SIGNED, **options).status_code == 202
    assert stack.requests == before + 1
    assert_refused(stack, PUSH + b" ", SIGNED, **options)


def test_a_compressed_body_is_not_unpacked(stack: Stack) -> None:
    headers = SIGNED | {"Content-Encoding": "gzip"}
    assert stack.deliver(PUSH, headers).status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"1",
        b'{"ref": null}',
        b'{"ref": []}',
        b'{"ref": {"ref": "refs/heads/main"}}',
        b'{"commits": []}',
        b'"\\ud800"',
        b"\xed\xa0\x80",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"9" * 5000,
        b"NaN",
        b"\x00",
        b"\xef\xbb\xbf{}",
        b'{"repository": {"clone_url": "file:///etc"}}',
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_signed_body_of_any_shape_asks_for_one_run_and_chooses_nothing(
    stack: Stack, body: bytes
) -> None:
    before = stack.api.rows()["stacks"]
    asked = stack.requests
    assert stack.deliver(body, {HEADER: signature(body)}).status_code == 202
    assert stack.api.rows()["stacks"] == before
    assert stack.requests == asked + 1


def test_a_signed_body_that_names_another_reference_asks_for_nothing(stack: Stack) -> None:
    asked = stack.requests
    body = b'{"repository": {"clone_url": "file:///etc"}, "ref": "--upload-pack=x"}'
    answer = stack.deliver(body, {HEADER: signature(body)})
    assert (answer.status_code, stack.requests) == (200, asked)
    assert "--upload-pack=x" in answer.json["message"]


@settings(max_examples=50)  # three requests each
@given(
    body=st.binary(max_size=300),
    value=st.text(st.characters(max_codepoint=255)),
    content_type=st.text(st.characters(max_codepoint=255)),
)
def test_nothing_unsigned_runs_or_breaks(
    stack: Stack, body: bytes, value: str, content_type: str
) -> None:
    asked = stack.requests
    environ = {"HTTP_X_HUB_SIGNATURE_256": value, "CONTENT_TYPE": content_type}
    answer = stack.deliver(body, environ_overrides=environ)
    assert (answer.status_code, answer.get_json()) == (400, INVALID)
    assert stack.requests == asked


@given(body=st.binary(max_size=300), content_type=st.text(st.characters(max_codepoint=255)))
def test_whatever_is_signed_is_accepted(stack: Stack, body: bytes, content_type: str) -> None:
    environ = {"CONTENT_TYPE": content_type}
    headers = {HEADER: signature(body)}
    assert stack.deliver(body, headers, environ_overrides=environ).status_code == 202


# S25 to S28: the stack


def test_the_secret_of_another_stack_is_refused(api: Api, stack: Stack) -> None:
    other = Stack(api, signature_secret="the secret of another stack")
    assert_refused(other, PUSH, SIGNED)


@pytest.mark.parametrize(
    "headers",
    [{}, SIGNED, {HEADER: f"sha256={'0' * 64}"}, {"X-Event-Key": "diagnostics:ping"}],
    ids=["unsigned", "signed", "badly signed", "the test of a Bitbucket Server"],
)
def test_nobody_learns_from_a_webhook_which_stacks_there_are(
    api: Api, headers: dict[str, str]
) -> None:
    stack = Stack(api, signature_secret="the secret of this stack")
    there = stack.deliver(PUSH, headers)
    before = api.rows()
    nowhere = stack.client.post(f"/stacks/{uuid4()}/webhook", data=PUSH, headers=headers)
    assert (nowhere.status_code, nowhere.data) == (there.status_code, there.data)
    assert api.rows() == before


def test_with_the_key_an_unknown_stack_is_not_found(api: Api) -> None:
    answer = api.client.post(f"/stacks/{uuid4()}/webhook", data=PUSH)
    assert (answer.status_code, answer.get_json()) == (404, {"error": "Stack not found"})


def test_who_guesses_stacks_has_to_wait(make_api: Callable[..., Api]) -> None:
    client = make_api(bad_signatures_per_minute=2).app.test_client()
    answers = [client.post(f"/stacks/{uuid4()}/webhook", data=PUSH) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 429]


def test_a_stack_that_is_being_deleted_takes_no_delivery(api: Api) -> None:
    stack = Stack(api)
    assert api.client.delete(f"/stacks/{stack.uuid}").status_code == 204
    before = api.rows()
    assert stack.deliver(PUSH, SIGNED).status_code == 404
    assert_refused(stack, PUSH, {})
    assert api.rows() == before


def test_a_polling_stack_answers_409_only_to_who_knows_its_secret(api: Api) -> None:
    stack = Stack(api, strategy="polling")
    before = api.rows()
    answer = stack.deliver(PUSH, SIGNED)
    assert (answer.status_code, answer.get_json()) == (
        409,
        {"error": "Stack strategy is not webhook"},
    )
    assert_refused(stack, PUSH, {HEADER: signature(PUSH, "not the secret")})
    assert api.rows() == before


def test_a_changed_secret_and_header_count_from_the_next_delivery_on(api: Api) -> None:
    stack = Stack(api)
    assert stack.change(signature_secret="the second secret").status_code == 200
    assert_refused(stack, PUSH, SIGNED)
    second = signature(PUSH, "the second secret")
    assert stack.deliver(PUSH, {HEADER: second}).status_code == 202
    assert stack.change(signature_header="X-Other").status_code == 200
    assert_refused(stack, PUSH, {HEADER: second})
    assert stack.deliver(PUSH, {"X-Other": second}).status_code == 202


def test_deliveries_while_a_run_is_pending_share_it(api: Api) -> None:
    stack = Stack(api)
    places = {stack.deliver(PUSH, SIGNED).headers["Location"] for _ in range(20)}
    (run,) = api.client.get(f"/stacks/{stack.uuid}/runs").get_json()["runs"]
    assert places == {f"/stacks/{stack.uuid}/runs/{run['uuid']}"}
    assert run["requests"] == 21


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_a_delivery_is_a_post(stack: Stack, method: str) -> None:
    path = f"/stacks/{stack.uuid}/webhook"
    asked = stack.requests
    without_key = stack.client.open(path, method=method, data=PUSH, headers=SIGNED)
    assert without_key.status_code == 401
    answer = stack.api.client.open(path, method=method, data=PUSH, headers=SIGNED)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    assert stack.requests == asked


def test_a_run_is_stored_before_it_is_answered(make_api: Callable[..., Api]) -> None:
    stack = Stack(make_api())
    place = stack.deliver(PUSH, SIGNED).headers["Location"]
    stored = [row for row in stack.api.rows()["runs"] if place.rpartition("/")[2] in row]
    assert len(stored) == 1
