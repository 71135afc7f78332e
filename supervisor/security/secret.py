"""A text that hides itself when it is printed."""

import hmac
from hashlib import sha256

MASK = "********"


class Secret:
    """Hold a text that prints as asterisks; `reveal` is the only way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def matches(self, candidate: bytes) -> bool:
        """Compare in constant time; digests, so that not even the length shows.

        https://docs.python.org/3/library/hmac.html#hmac.compare_digest
        """
        own = sha256(self._text.encode()).digest()
        return hmac.compare_digest(own, sha256(candidate).digest())

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    __str__ = __repr__
