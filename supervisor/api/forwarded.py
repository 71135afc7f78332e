"""The client that a request comes from, and its scheme, where proxies stand in between."""

from collections.abc import Iterable
from typing import Any

from supervisor.network.addresses import Address, parse
from supervisor.settings.networks import Networks, is_among


class Forwarded:
    """Put the client's address and scheme in the place of the proxy's, if the proxy is trusted."""

    def __init__(self, app: Any, trusted: Networks) -> None:
        self._app = app
        self._trusted = trusted

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Correct what the proxy hides, then pass the request on."""
        peer = parse(environ.get("REMOTE_ADDR", ""))
        if peer and is_among(self._trusted, peer):
            hops = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
            environ["REMOTE_ADDR"] = str(self._client(peer, hops))
            # The last word is the nearest proxy's own; those before may be the client's.
            scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer

    def _client(self, peer: Address, hops: list[str]) -> Address:
        """Go back hop by hop, for as long as a trusted proxy names the address before it.

        https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/X-Forwarded-For
        """
        client = peer
        for hop in reversed(hops):
            address = parse(hop)
            if address is None or not is_among(self._trusted, client):
                break
            client = address
        return client
