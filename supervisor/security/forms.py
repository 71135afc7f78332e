"""The forms in which programs print a secret."""

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

from supervisor.plain_text import clean

# What a library leaves as it is in a URL: Python and curl, a path, JavaScript's
# encodeURIComponent, Go's user information and path.
LEFT_ALONE = ("", "/", "!'()*", "$&+,;=", "$&+:=@")
# Longer ones are no passwords, and each of these forms is as long again.
MOST_IN_EACH_URL = 256
MOST_IN_ADDRESSES = 16 * 1024
# base64(1), and what certificates and mails are wrapped at.
WRAPPED_AT = (76, 64)


def forms(value: str) -> Iterator[str]:
    """Give the texts that show a value; those of several lines are given line by line too."""
    # Output is cleaned before it is looked at.
    for text in dict.fromkeys((value, clean(value))):
        yield text
        yield text.replace("$", "$$")  # as a compose file has it
        yield " ".join(text.split())  # as a shell has it that was not told to keep the lines
        for line in (*text.splitlines(), *text.split("\n")):
            yield line.strip()
        yield from _in_json(text)
    if len(value) <= MOST_IN_ADDRESSES:
        yield from _in_urls(value)
        digits = _bytes(value).hex()
        yield from (digits, digits.upper())
    yield from _in_base64(_bytes(value))


def short_lines(value: str, shortest: int) -> Iterator[str]:
    """Give the lines of a value that are too short to be looked for anywhere.

    What has neither letter nor digit, such as a brace, tells nothing.
    """
    lines = [line.strip() for line in clean(value).split("\n")]
    if len("".join(lines)) < shortest:
        return
    for line in lines:
        if len(line) < shortest and any(map(str.isalnum, line)):
            yield line


def _in_json(text: str) -> Iterator[str]:
    for ascii_only in (True, False):
        written = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield written
        # Go's way, and so that of Docker and Compose: https://pkg.go.dev/encoding/json#Marshal
        for sign in "<>&":
            written = written.replace(sign, f"\\u{ord(sign):04x}")
        yield written


def _in_urls(value: str) -> Iterator[str]:
    kinds = LEFT_ALONE if len(value) <= MOST_IN_EACH_URL else LEFT_ALONE[:1]
    sent = _bytes(value)
    for text in (quote_plus(sent), *(quote(sent, safe=left) for left in kinds)):
        yield text
        first, *rest = text.split("%")
        yield "%".join([first, *(part[:2].lower() + part[2:] for part in rest)])


def _in_base64(value: bytes) -> Iterator[str]:
    """Give what does not depend on the bytes before and behind, for each place in a group of three.

    So it is also found where it was encoded with a user's name before it.
    """
    for before in range(3):
        whole = base64.b64encode(bytes(before) + value).decode().rstrip("=")
        own = whole[-(-before * 8 // 6) :]
        sure = own[: (before + len(value)) * 8 // 6 - (len(whole) - len(own))]
        for text in dict.fromkeys((own, sure)):
            yield text
            yield text.replace("+", "-").replace("/", "_")
    whole = base64.b64encode(value).decode()
    for width in WRAPPED_AT:
        if len(whole) > width:
            yield from (whole[at : at + width] for at in range(0, len(whole), width))


def _bytes(value: str) -> bytes:
    return value.encode(errors="surrogatepass")
