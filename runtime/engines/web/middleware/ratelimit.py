"""ratelimit: limits the request rate of each client."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from hashlib import blake2b
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from runtime.clock import Clock
from runtime.engines.web import problem
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import Middleware

_Key = Callable[[Scope], str | bytes | None]
"""The key of a request, of a few bytes; None if it has none."""


def build(options: Mapping[str, Any], clock: Clock) -> Middleware:
    requests, window = options["ratelimit.requests"], options["ratelimit.window"]
    key = _key(options["ratelimit.key"])
    # Not in the function below, which is called again when the server gets other routes.
    buckets = Buckets(
        interval=window / requests,
        burst=options["ratelimit.burst"],
        max_keys=options["ratelimit.max_entries"],
        sweep_interval=options["ratelimit.cleanup_interval"],
    )
    return lambda app: RateLimit(app, buckets, requests, window, key, clock.monotonic)


class Buckets:
    """Token buckets by key. A bucket is one number: the time at which it will be full again.

    A bucket of `burst` tokens gains one each `interval` seconds. A full bucket equals an absent
    one: they are removed every `sweep_interval` seconds. Beyond `max_keys` the least recently used
    one is removed.
    """

    def __init__(
        self, *, interval: float, burst: int, max_keys: int, sweep_interval: float
    ) -> None:
        self._interval = interval
        self._burst = burst
        self._max_keys = max_keys
        self._sweep_interval = sweep_interval
        self._next_sweep = 0.0
        self._full_at: dict[str | bytes, float] = {}

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str | bytes, now: float) -> tuple[int, float]:
        """Take a token. Returns the tokens left, or -1 and the seconds until the next one."""
        if now >= self._next_sweep:
            self._full_at = {key: at for key, at in self._full_at.items() if at > now}
            self._next_sweep = now + self._sweep_interval
        full_at = max(now, self._full_at.get(key, now)) + self._interval
        spare = now + self._burst * self._interval - full_at
        if spare < -1e-9:
            return -1, -spare
        # Removed and inserted again: the dict stays in the order of use.
        self._full_at.pop(key, None)
        if len(self._full_at) >= self._max_keys:
            del self._full_at[next(iter(self._full_at))]
        self._full_at[key] = full_at
        return int(spare / self._interval + 1e-9), 0.0


class RateLimit:
    """Answers 429 with `Retry-After` beyond the limit, and 400 to a request without the key.

    `now` returns the time of the buckets in seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        buckets: Buckets,
        requests: int,
        window: float,
        key: _Key,
        now: Callable[[], float],
    ) -> None:
        self._app = app
        self._buckets = buckets
        self._limits = {
            "X-RateLimit-Limit": str(requests),
            "X-RateLimit-Window": f"{window:g}",
        }
        self._key = key
        self._now = now

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
        left, wait = self._buckets.take(key, self._now())
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
    """The key function of `ip`, `header:NAME` or `query:NAME`."""
    source, _, name = text.partition(":")
    name = name.strip()
    if source == "header":
        header = name.lower().encode("latin-1", "replace")
        return lambda scope: next(
            (_digest(value) for key, value in scope["headers"] if key == header), None
        )
    if source == "query":
        return lambda scope: next(
            (
                _digest(value.encode("utf-8", "surrogateescape"))
                for key, value in parse_qsl(scope["query_string"].decode("latin-1"))
                if key == name
            ),
            None,
        )
    return _client


def _digest(value: bytes) -> bytes:
    """A short key for a value that may be as long as its client likes."""
    return blake2b(value, digest_size=16).digest()


def _client(scope: Scope) -> str:
    """The client's address. For IPv6 its /64, since one client may own all of it."""
    host: str = (scope.get("client") or ("",))[0]
    if ":" not in host:
        return host
    address = ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped) if mapped else address.packed[:8].hex()
