"""real_ip: takes the client's address from the headers of trusted proxies."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from runtime.clock import Clock
from runtime.engines.web.middleware import OptionError
from runtime.engines.web.routes import Middleware

_Networks = tuple[IPv4Network | IPv6Network, ...]


def build(options: Mapping[str, Any], clock: Clock) -> Middleware:
    name = "real_ip.trusted.subnets"
    try:
        trusted = tuple(ip_network(text, strict=False) for text in options[name])
    except ValueError as error:
        raise OptionError(name, f"option '{name}': {error}; write '10.0.0.0/8'") from None
    if not trusted:
        raise OptionError(name, f"option '{name}' is empty; name the networks of your proxies")
    return lambda app: RealIp(app, trusted)


class RealIp:
    """Sets `scope["client"]` from the headers of a trusted proxy, and ignores everybody else's.

    The client is the last address of `X-Forwarded-For` that is not a trusted proxy: the ones
    before it were sent by the client. `X-Forwarded-For` is preferred to `X-Real-IP` and
    `True-Client-IP`, which many proxies pass on as the client sent them.
    """

    def __init__(self, app: ASGIApp, trusted: _Networks) -> None:
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = scope.get("client")
        if peer and self._is_trusted(_address(peer[0])):
            client = self._forwarded_client(scope)
            if client is not None:
                scope["client"] = (str(client), 0)
        await self._app(scope, receive, send)

    def _forwarded_client(self, scope: Scope) -> IPv4Address | IPv6Address | None:
        forwarded: list[str] = []
        single: dict[bytes, str] = {}
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                forwarded += value.decode("latin-1").split(",")
            elif name in (b"x-real-ip", b"true-client-ip"):
                single[name] = value.decode("latin-1")
        client = None
        for text in reversed(forwarded):
            address = _address(text)
            if address is None:
                break  # a proxy that hides its client: earlier addresses cannot be trusted
            client = address
            if not self._is_trusted(address):
                break
        if client is not None:
            return client
        return _address(single.get(b"x-real-ip", "")) or _address(single.get(b"true-client-ip", ""))

    def _is_trusted(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Read `10.0.0.1`, `10.0.0.1:1234`, `::1` or `[::1]:1234`; None for anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A dual-stack socket shows an IPv4 client as ::ffff:10.0.0.1.
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
