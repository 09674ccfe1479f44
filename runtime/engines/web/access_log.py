"""AccessLog: one line for each request that was answered, on a stream of its own.

Queries are left out: they may hold tokens and what users typed.
"""

from __future__ import annotations

from collections.abc import Callable
from time import gmtime, strftime, time

from runtime import codec
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Route

_ESCAPES = {ord('"'): "\\x22", ord("\\"): "\\x5c"}
_ESCAPES |= {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}

Format = Callable[[Exchange, Route, int, float], str]


class AccessLog:
    """Writes lines by `write`, which must not raise."""

    def __init__(self, write: Callable[[str], object], *, json: bool) -> None:
        self._write = write
        self._format: Format = _json if json else _common

    def answered(self, exchange: Exchange, route: Route, status: int, seconds: float) -> None:
        """Write the line of a request, which took so many seconds."""
        self._write(self._format(exchange, route, status, seconds))


def _common(exchange: Exchange, route: Route, status: int, seconds: float) -> str:
    """The Common Log Format; the size of a response is not known, and its place is a dash."""
    scope = exchange.scope
    client = scope["client"][0] if scope.get("client") else "-"
    at = strftime("%d/%b/%Y:%H:%M:%S +0000", gmtime())
    request = f"{scope['method']} {_path(exchange)} HTTP/{scope['http_version']}"
    return f'{client} - - [{at}] "{request}" {status} -\n'


def _json(exchange: Exchange, route: Route, status: int, seconds: float) -> str:
    scope = exchange.scope
    line = {
        "time": round(time(), 3),
        "client": scope["client"][0] if scope.get("client") else None,
        "method": scope["method"],
        "path": _path(exchange),
        "route": route.path or None,
        "status": status,
        "seconds": round(seconds, 6),
        "request_id": exchange.request_id,
    }
    return codec.encode_response(line).decode() + "\n"


def _path(exchange: Exchange) -> str:
    return str(exchange.scope["raw_path"].decode("latin-1").translate(_ESCAPES))
