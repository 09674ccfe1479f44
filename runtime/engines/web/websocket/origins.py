"""Origins: the pages whose scripts may open a WebSocket, which would carry their user's cookies."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError

_PORTS = {"http": 80, "https": 443}
ANY = "*"


class Origins:
    """Lets in the pages of some origins; without a list, those of the server itself.

    A client that is no browser names no origin, and is let in.
    """

    def __init__(self, allowed: Sequence[str] | None) -> None:
        self._allowed = None if allowed is None else frozenset(map(str.lower, allowed))

    def check(self, exchange: Exchange) -> None:
        """Raises HTTPError 403."""
        origin = exchange.headers.get(b"origin")
        if origin is None or self._allows(origin.decode("latin-1").lower(), exchange):
            return
        raise HTTPError(403, "pages of this origin may not open this WebSocket")

    def _allows(self, origin: str, exchange: Exchange) -> bool:
        if self._allowed is not None:
            return ANY in self._allowed or origin in self._allowed
        host = exchange.headers.get(b"host", b"").decode("latin-1").lower()
        scheme, _, name = origin.partition("://")
        if scheme not in _PORTS or not host:
            return False
        if exchange.scope["scheme"] == "https" and scheme != "https":
            return False
        # Behind a proxy that ends TLS the scheme of the request is not the one of the page.
        return _with_port(name, scheme) == _with_port(host, scheme)


def _with_port(host: str, scheme: str) -> tuple[str | None, int | None]:
    try:
        parts = urlsplit(f"//{host}")
        return parts.hostname, parts.port or _PORTS[scheme]
    except ValueError:
        return None, None
