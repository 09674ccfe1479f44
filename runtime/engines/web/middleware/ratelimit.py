"""ratelimit: at most so many requests a window from one client."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from runtime.engines.web import problem
from runtime.engines.web.middleware.options import OptionError, Options
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import Middleware

_Key = Callable[[Scope], str | None]


def build(options: Options) -> Middleware:
    requests = options.number("ratelimit.requests", 100, least=1)
    window = options.seconds("ratelimit.window", 60.0)
    burst = options.number("ratelimit.burst", 20, least=1)
    key = _key(options.text("ratelimit.key", "ip"))
    sweep = options.seconds("ratelimit.cleanup_interval", 300.0)
    # A key is forgotten when its bucket is full again, which no later time could add to.
    options.seconds("ratelimit.entry_ttl", 600.0)
    keys = options.number("ratelimit.max_entries", 100_000, least=1)

    def wrap(app: ASGIApp) -> RateLimit:
        return RateLimit(app, Buckets(window / requests, burst, keys, sweep), requests, window, key)

    return wrap


class Buckets:
    """Token buckets by key, each kept as one number: the time at which it will be full again."""

    def __init__(self, interval: float, burst: int, most: int, sweep: float) -> None:
        self._interval = interval
        self._burst = burst
        self._most = most
        self._sweep = sweep
        self._next_sweep = 0.0
        self._full_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str, now: float) -> tuple[int, float]:
        """Take a token: how many are left (-1: there was none), and seconds until the next."""
        if now >= self._next_sweep:
            self._full_at = {key: at for key, at in self._full_at.items() if at > now}
            self._next_sweep = now + self._sweep
        full_at = max(now, self._full_at.get(key, now)) + self._interval
        spare = now + self._burst * self._interval - full_at
        if spare < -1e-9:
            return -1, -spare
        # Taken out and put in again, so that the dict is in the order of use.
        self._full_at.pop(key, None)
        if len(self._full_at) >= self._most:
            del self._full_at[next(iter(self._full_at))]
        self._full_at[key] = full_at
        return int(spare / self._interval + 1e-9), 0.0


class RateLimit:
    """Answers 429 with `Retry-After` beyond the limit, 400 without the key that is counted by."""

    def __init__(
        self, app: ASGIApp, buckets: Buckets, requests: int, window: float, key: _Key
    ) -> None:
        self._app = app
        self._buckets = buckets
        self._limits = {
            "X-RateLimit-Limit": str(requests),
            "X-RateLimit-Window": f"{window:g}",
        }
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = self._key(scope)
        if key is None:
            await _refuse(
                HTTPError(400, "the key that requests are counted by is missing"),
                scope,
                receive,
                send,
            )
            return
        left, wait = self._buckets.take(key, time.monotonic())
        if left >= 0:
            await self._app(scope, receive, send)
            return
        headers = self._limits | {
            "X-RateLimit-Remaining": "0",
            "Retry-After": str(math.ceil(wait)),
        }
        await _refuse(HTTPError(429, "too many requests", headers=headers), scope, receive, send)


async def _refuse(error: HTTPError, scope: Scope, receive: Receive, send: Send) -> None:
    response = Response(
        problem.document(error), error.status, error.headers, "application/problem+json"
    )
    await response(scope, receive, send)


def _key(text: str) -> _Key:
    """How a request is counted: `ip`, `header:NAME` or `query:NAME`."""
    sort, _, name = text.partition(":")
    if text == "ip":
        return _by_client
    if sort == "header" and name:
        wanted = name.strip().lower().encode("latin-1", "replace")
        return lambda scope: next(
            (value.decode("latin-1") for key, value in scope["headers"] if key == wanted), None
        )
    if sort == "query" and name:
        return lambda scope: next(
            iter(parse_qs(scope["query_string"].decode("latin-1")).get(name, [])), None
        )
    raise OptionError(
        "ratelimit.key",
        f"option 'ratelimit.key' is '{text}', not 'ip', 'header:NAME' or 'query:NAME'",
    )


def _by_client(scope: Scope) -> str:
    """The client's address; of an IPv6 one the /64, all of which one client may have."""
    host: str = (scope.get("client") or ("",))[0]
    if ":" not in host:
        return host
    address = ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped) if mapped else address.packed[:8].hex()
