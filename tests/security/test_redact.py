"""No secret shows, in whatever form a program prints it, and looking for it stays cheap."""

import base64
import json
import os
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from supervisor.commands.process.lines import LineSplitter
from supervisor.security.redact import LONGEST, SHORTEST, Redactor
from supervisor.security.secret import MASK

SECRET = "Tr0ub4dor&3/+?=<>"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def url64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def lower(text: str) -> str:
    """Return a percent-encoded text with lower-case digits."""
    first, *rest = text.split("%")
    return "%".join([first, *(part[:2].lower() + part[2:] for part in rest)])


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET)[1:-1]
        .replace("&", "\\u0026")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e"),
        quote(SECRET, safe=""),
        lower(quote(SECRET, safe="")),
        quote(SECRET),
        quote_plus(SECRET),
        quote(SECRET, safe="$&+,;="),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
    ],
)
def test_each_form_is_masked_whole(form: str) -> None:
    redact = Redactor([SECRET])
    assert redact(f"before {form} behind") == f"before {MASK} behind"
    assert redact(form + form) == MASK


@pytest.mark.parametrize("encode", [b64, url64])
@pytest.mark.parametrize("before", ["", "u:", "me:", "bot:", "user:"])
@pytest.mark.parametrize("behind", ["", "\n", "\n\n", "\n\n\n"])
def test_base64_is_masked_behind_any_user_name(encode: object, before: str, behind: str) -> None:
    """But for a character at each edge, which holds bits of both sides."""
    encoded = b64(before + SECRET + behind) if encode is b64 else url64(before + SECRET + behind)
    shown = Redactor([SECRET])(f"Basic {encoded}")
    assert MASK in shown
    left = len(shown.removeprefix("Basic ").replace(MASK, "").rstrip("="))
    assert left <= (len(before) * 8 + 5) // 6 + (len(behind) * 8 + 5) // 6 + 1


def test_base64_in_lines_is_masked() -> None:
    secret = "\n".join(os.urandom(24).hex() for _ in range(30))
    for width in (64, 76):
        whole = b64(secret)
        for at in range(0, len(whole) - width, width):
            assert Redactor([secret])(whole[at : at + width]) == MASK


@given(
    st.lists(st.text("ab\\$\"'%é/+ ", min_size=6, max_size=80), min_size=1, max_size=6), st.data()
)
def test_any_secrets_are_masked_wherever_they_are(secrets: list[str], data: st.DataObject) -> None:
    whole = "#".join(data.draw(st.lists(st.sampled_from(secrets), min_size=1, max_size=4)))
    shown = Redactor(secrets)(f"<{whole}>")
    assert set(shown.replace(MASK, "")) <= set("<#>")


def test_overlapping_secrets_are_masked_as_one() -> None:
    redact = Redactor(["abcdefgh", "efghijkl", "ijklmnop"])
    assert redact("-abcdefghijklmnop-") == f"-{MASK}-"
    assert redact("-abcdefghijkl-") == f"-{MASK}-"
    assert Redactor(["aaaaaaaa"])("-" + "a" * 13 + "-") == f"-{MASK}-"
    assert Redactor(["secret-and-more", "secret"])("secret-and-less") == f"{MASK}-and-less"


def test_a_part_of_a_long_secret_is_masked() -> None:
    secret = os.urandom(500).hex()
    shown = Redactor([secret])(secret[100:800])
    assert len(shown.replace(MASK, "")) < 2 * LONGEST


def printed(redact: Redactor, *chunks: bytes) -> str:
    splitter = LineSplitter(redact)
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return "\n".join(lines + splitter.flush())


@pytest.mark.parametrize(
    "secret",
    [
        "pass\x07word",
        "\x1b[31mpassword\x1b[0m",
        "pass\x00word\x85!",
        "first\rpassword",
        "pa\x9b1mssword",
    ],
)
def test_a_secret_with_control_characters_is_masked_in_cleaned_output(secret: str) -> None:
    shown = printed(Redactor([secret]), f"it is {secret} today\n".encode())
    assert "word" not in shown
    assert MASK in shown


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("before", ["", "web-1  | ", "#7 0.312 ", "PIN="])
def test_a_secret_of_short_lines_is_masked_line_by_line(end: str, before: str) -> None:
    secret = end.join(["alpha", "beta", "gamma", "x7z", "delta"]) + end
    lines = [f"{before}{line}{end}".encode() for line in secret.split()]
    shown = printed(Redactor([secret]), *lines)
    assert not any(line in shown for line in secret.split())
    assert Redactor([secret])("echo " + " ".join(secret.split())) == f"echo {MASK}"
    assert Redactor([secret])("the beta of an alphabet") == "the beta of an alphabet"
    # Alone on its line, anything of a secret is hidden, but for what tells nothing.
    document = Redactor(['{\n "a": 1,\n 7\n}'])
    assert (document("7\n}"), document("exit code 7")) == (f"{MASK}\n}}", "exit code 7")


def test_short_secrets_and_ordinary_words_stay() -> None:
    redact = Redactor(["short", "", " ", "\n\n", "a\nb"])
    assert redact("short a b\n\n \na") == "short a b\n\n \na"
    assert Redactor([])("anything") == "anything"


# What it costs


def work(redact: Redactor, text: str) -> float:
    """Return the seconds for a megabyte, at best."""
    best = 1e9
    for _ in range(5):
        begun = time.thread_time()
        redact(text)
        best = min(best, time.thread_time() - begun)
    return best / len(text) * 1e6


def test_the_cost_does_not_grow_with_the_number_of_secrets() -> None:
    """An alternation of all forms took 10 to 500 times as long for a thousand as for three."""
    text = "\n".join(b64(os.urandom(40).hex()) for _ in range(2_000))
    few = work(Redactor([os.urandom(20).hex() for _ in range(3)]), text)
    many = Redactor([os.urandom(20).hex() for _ in range(1000)])
    bundle = Redactor(["\n".join(b64(os.urandom(24).hex()) for _ in range(4000))])
    for redact in (many, bundle):
        assert work(redact, text) < max(0.3, 30 * few)


def test_what_resembles_a_secret_again_and_again_costs_little() -> None:
    for secret in ("a" * 40_000 + "b", "\n".join("a" * length for length in range(6, 500))):
        redact = Redactor([secret])
        took = [work(redact, "a" * length) for length in (32_000, 128_000)]
        assert took[1] < 3 * max(took[0], 0.5)


@given(st.text(max_size=40), st.text(max_size=60))
@example("\ud800secret", "\udfff")
@example("%", "%")
def test_any_text_can_be_a_secret(secret: str, text: str) -> None:
    redact = Redactor([secret])
    assert MASK not in redact(text) or redact(text) != text
    if len(secret) >= SHORTEST and secret in text:
        assert MASK in redact(text)
