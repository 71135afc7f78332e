"""Every form of a signature, crossed with everything that it is not."""

import base64
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.forges.signature import is_valid
from tests.support import forges as sent
from tests.support.forges import BASIC_SECRET, TOKEN, TOKEN_SENT_AT, Sent, mac
from tests.support.service import SIGNATURE_SECRET

BODY = b'{"ref": "refs/heads/main"}'
PLAIN = "X-Signature"
SIGNED_TOKEN = sent.gitlab_signed(sent.gitlab_push())

# A form: the header, its right value, the secret.
FORMS = {
    "sha256=": (PLAIN, f"sha256={mac('sha256', BODY)}", SIGNATURE_SECRET),
    "sha512=": (PLAIN, f"sha512={mac('sha512', BODY)}", SIGNATURE_SECRET),
    "bare SHA-256": (PLAIN, mac("sha256", BODY), SIGNATURE_SECRET),
    "bare SHA-512": (PLAIN, mac("sha512", BODY), SIGNATURE_SECRET),
    "token": ("X-Gitlab-Token", SIGNATURE_SECRET, SIGNATURE_SECRET),
    "signing token": ("webhook-signature", SIGNED_TOKEN.headers["webhook-signature"], TOKEN),
    "basic": ("Authorization", sent.azure({}).headers["Authorization"], BASIC_SECRET),
}
DIFFERENT: dict[str, Callable[[str], str]] = {
    "wrong": lambda right: right[:-10] + "0123456789",
    "truncated": lambda right: right[:-1],
    "truncated at the beginning": lambda right: right[1:],
    "half": lambda right: right[: len(right) // 2],
    "prefix alone": lambda right: re.split("[=, ]", right)[0] + "=",
    "longer": lambda right: right + "0",
    "doubled": lambda right: right + right,
    "a list": lambda right: f"{right},{right}",
    "upper case": lambda right: right.swapcase(),
    "quoted": lambda right: f'"{right}"',
    "line end": lambda right: f"{right}\n",
    "NUL": lambda right: f"{right}\0",
    "not ASCII": lambda right: right[:-1] + "\xe9",
    "not Latin": lambda right: right[:-1] + "\u0660",
    "full-width": lambda right: "".join(chr(ord(each) + 0xFEE0) for each in right),
    "lone surrogate": lambda right: right + "\ud800",
    "over-long": lambda right: right * 500,
}
OTHERS = {
    "empty": "",
    "blank": " ",
    "long": "x" * 100_000,
    "SHA-1 with its prefix": f"sha1={mac('sha1', BODY)}",
    "SHA-1": mac("sha1", BODY),
    "MD5": f"md5={mac('md5', BODY)}",
    "SHA-384": f"sha384={mac('sha384', BODY)}",
    "the other length": f"sha256={mac('sha512', BODY)}",
    "another body's": f"sha256={mac('sha256', BODY + b' ')}",
    "another secret's": f"sha256={mac('sha256', BODY, 'another secret')}",
    "no secret's": f"sha256={mac('sha256', BODY, chr(0))}",
}
each_form = pytest.mark.parametrize("form", FORMS)


def accepts(
    header: str, value: str, secret: str, *, body: bytes = BODY, sha1: bool = False
) -> bool:
    call = SIGNED_TOKEN if header == "webhook-signature" else Sent({}, body)
    request = call.request()
    # Header values of another kind than the server gives are none of Headers' business.
    values = {**{name.lower(): each for name, each in call.headers.items()}, header: value}
    return is_valid(type(request)(values, request.body, request.at), header, [secret], sha1=sha1)


@each_form
def test_the_right_value_is_accepted(form: str) -> None:
    header, right, secret = FORMS[form]
    assert accepts(header, right, secret)
    assert not accepts(header, right, "")
    assert not accepts(header, right, secret[:-1])
    assert not accepts(header, right, secret + " ")


@each_form
@pytest.mark.parametrize("change", DIFFERENT)
def test_anything_else_is_refused(form: str, change: str) -> None:
    header, right, secret = FORMS[form]
    assert not accepts(header, DIFFERENT[change](right), secret)


@each_form
@pytest.mark.parametrize("value", OTHERS.values(), ids=OTHERS)
def test_another_value_is_refused(form: str, value: str) -> None:
    header, _, secret = FORMS[form]
    assert not accepts(header, value, secret)
    assert not accepts(header, value, "another:secret", sha1=True)


@each_form
@given(value=st.text(max_size=150))
def test_no_other_text_is_accepted(form: str, value: str) -> None:
    header, right, secret = FORMS[form]
    assert accepts(header, value, secret) == (value == right)


@given(st.binary(max_size=200), st.binary(max_size=200), st.text(min_size=1, max_size=40))
def test_a_signature_is_for_one_body(one: bytes, other: bytes, secret: str) -> None:
    right = f"sha256={mac('sha256', one, secret)}"
    assert accepts(PLAIN, right, secret, body=one)
    assert accepts(PLAIN, right, secret, body=other) == (one == other)


def test_a_form_belongs_to_its_header() -> None:
    for header, right, secret in FORMS.values():
        for other in {each for each, _, _ in FORMS.values()} - {header}:
            assert not accepts(other, right, secret)


def test_sha1_is_taken_only_where_the_setting_allows_it() -> None:
    value = f"sha1={mac('sha1', BODY)}"
    assert not accepts(PLAIN, value, SIGNATURE_SECRET)
    assert accepts(PLAIN, value, SIGNATURE_SECRET, sha1=True)
    assert not accepts(PLAIN, value.upper(), SIGNATURE_SECRET, sha1=True)
    assert not accepts(PLAIN, "sha1=", SIGNATURE_SECRET, sha1=True)
    assert not accepts(PLAIN, mac("sha1", BODY), SIGNATURE_SECRET, sha1=True)
    assert not accepts("X-Gitlab-Token", value, SIGNATURE_SECRET, sha1=True)


@pytest.mark.parametrize("header", ["X-Gitlab-Token", "Authorization"])
def test_a_secret_that_is_not_ascii_is_compared_as_it_is_sent(header: str) -> None:
    secret = "ädä:größer als sicher ✓"
    sent_as = secret if header == "X-Gitlab-Token" else _basic(secret)
    # As the server hands a header on: each byte a character.
    assert accepts(header, sent_as.encode().decode("latin-1"), secret)
    assert not accepts(header, "?".join(secret), secret)


def _basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


# A form: GitHub signs it as it is sent, Gitea and its kin sign the JSON inside


@pytest.mark.parametrize("make", [sent.github, sent.gitea, sent.forgejo, sent.gogs])
def test_a_form_is_signed_in_either_way(make: Callable[..., Sent]) -> None:
    call = make(sent.push(), form=True)
    header = "X-Gogs-Signature" if make is sent.gogs else "X-Hub-Signature-256"
    assert is_valid(call.request(), header, [SIGNATURE_SECRET])
    as_json = call.with_headers(Content_Type="application/json").request()
    assert is_valid(as_json, header, [SIGNATURE_SECRET]) == (make is sent.github)


@pytest.mark.parametrize(
    "body",
    [b"", b"payload=", b"payload", b"x=1", b"payload=%", b"&" * 1000, b"payload=\xff", b"=&=&="],
)
def test_a_form_without_a_payload_is_signed_as_a_whole_or_not_at_all(body: bytes) -> None:
    headers = {"Content-Type": sent.FORM}
    right = Sent(headers | {PLAIN: mac("sha256", body)}, body)
    assert is_valid(right.request(), PLAIN, [SIGNATURE_SECRET])
    empty = Sent(headers | {PLAIN: mac("sha256", b"")}, body)
    assert is_valid(empty.request(), PLAIN, [SIGNATURE_SECRET]) == (body == b"")


def test_of_two_payloads_the_one_that_is_read_is_the_one_that_was_signed() -> None:
    signed, other = b'{"ref":"a"}', b'{"ref":"b"}'
    headers = {"Content-Type": sent.FORM, PLAIN: mac("sha256", signed)}
    first = Sent(headers, b"payload=" + signed + b"&payload=" + other)
    second = Sent(headers, b"payload=" + other + b"&payload=" + signed)
    assert is_valid(first.request(), PLAIN, [SIGNATURE_SECRET])
    assert not is_valid(second.request(), PLAIN, [SIGNATURE_SECRET])


# GitLab's signing token


@pytest.mark.parametrize(
    ("seconds", "near"),
    [(0, True), (300, True), (-300, True), (301, False), (-301, False), (10**9, False)],
)
def test_a_signing_tokens_time_has_to_be_near(seconds: int, near: bool) -> None:
    request = SIGNED_TOKEN.request(TOKEN_SENT_AT + seconds)
    assert is_valid(request, "webhook-signature", [TOKEN]) == near


@pytest.mark.parametrize(
    "timestamp",
    ["", "-1", "1e9", "1800000000.5", " 1800000000", "\u0663", "9" * 5000, "x", "+1800000000"],
    ids=range(9),
)
def test_a_time_that_is_none_is_refused(timestamp: str) -> None:
    call = SIGNED_TOKEN.with_headers(webhook_timestamp=timestamp)
    assert not is_valid(call.request(), "webhook-signature", [TOKEN])


def test_id_time_and_body_are_signed_together() -> None:
    for changed in (
        SIGNED_TOKEN.with_headers(webhook_id="another"),
        SIGNED_TOKEN.with_headers(webhook_timestamp=str(TOKEN_SENT_AT + 1)),
        Sent(SIGNED_TOKEN.headers, SIGNED_TOKEN.body + b" "),
    ):
        assert not is_valid(changed.request(), "webhook-signature", [TOKEN])


def test_one_right_signature_of_several_is_enough() -> None:
    right = SIGNED_TOKEN.headers["webhook-signature"]
    for value, valid in {
        f"v1,AAAA {right}": True,
        f"{right} v1,AAAA": True,
        f"v1a,AAAA {right}": True,
        right.replace("v1,", "v2,"): False,
        right.removeprefix("v1,"): False,
        " ".join([*["v1,AAAA"] * 10, right]): False,
    }.items():
        call = SIGNED_TOKEN.with_headers(webhook_signature=value)
        assert is_valid(call.request(), "webhook-signature", [TOKEN]) == valid


def test_the_token_may_be_entered_without_its_first_letters() -> None:
    request = SIGNED_TOKEN.request()
    assert is_valid(request, "webhook-signature", [TOKEN.removeprefix("whsec_")])
    for secret in ("whsec_", "whsec_==", "whsec_!!", "whsec_AAAA", "an ordinary secret"):
        assert not is_valid(request, "webhook-signature", [secret])
