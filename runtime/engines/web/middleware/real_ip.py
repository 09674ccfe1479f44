"""real_ip: takes the client's address, and the URL it asked for, from trusted proxies."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from runtime.clock import Clock
from runtime.engines.web import forwarded
from runtime.engines.web.forwarded import Hops, IPAddress
from runtime.engines.web.middleware import OptionError
from runtime.engines.web.routes import Middleware

_SUBNETS = "real_ip.trusted.subnets"


def build(options: Mapping[str, Any], clock: Clock) -> Middleware:
    try:
        trusted = tuple(ip_network(text, strict=False) for text in options[_SUBNETS])
    except ValueError as error:
        raise OptionError(_SUBNETS, f"option '{_SUBNETS}': {error}; write '10.0.0.0/8'") from None
    if not trusted:
        raise OptionError(
            _SUBNETS, f"option '{_SUBNETS}' is empty; name the networks of your proxies"
        )
    return lambda app: RealIp(app, trusted)


def notice(written: Mapping[str, Any], options: Mapping[str, Any]) -> str | None:
    if _SUBNETS in written:
        return None
    return (
        f"real_ip believes everybody in {', '.join(options[_SUBNETS])}; "
        f"name the networks of your proxies in '{_SUBNETS}'"
    )


class RealIp:
    """Changes a request to what its client sent, by the headers of trusted proxies alone.

    The client is the last address of `X-Forwarded-For` that is not a trusted proxy: those before it
    were sent by the client. It is preferred to `X-Real-IP` and `True-Client-IP`, which many proxies
    pass on as the client sent them. Scheme and host are those that the proxy next to the client has
    added (`X-Forwarded-Proto`, `-Host`, `-Port`). `Forwarded` replaces all of these.
    """

    def __init__(self, app: ASGIApp, trusted: tuple[IPv4Network | IPv6Network, ...]) -> None:
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = scope.get("client")
        if peer and self._is_trusted(forwarded.address(peer[0])):
            hops = forwarded.read(scope["headers"])
            client, hop = self._client(hops)
            scope = {**scope, **_url(scope, hops, hop)}
            if client is not None:
                scope["client"] = (str(client), 0)
        await self._app(scope, receive, send)

    def _client(self, hops: Hops) -> tuple[IPAddress | None, int]:
        """The client, and the distance of the proxy that has named it, 1 for the nearest one."""
        client, hop = None, 1
        for distance, text in enumerate(reversed(hops.clients), 1):
            address = forwarded.address(text)
            if address is None:
                break  # a proxy that hides its client: earlier addresses cannot be trusted
            client, hop = address, distance
            if not self._is_trusted(address):
                break
        return client or forwarded.address(hops.client), hop

    def _is_trusted(self, address: IPAddress | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


def _url(scope: Scope, hops: Hops, hop: int) -> dict[str, Any]:
    """The scheme and the headers with the host, where proxies name other ones."""
    scheme = forwarded.scheme(forwarded.at_hop(hops.schemes, hop)) or scope["scheme"]
    headers = scope["headers"]
    sent = next((value.decode("latin-1") for name, value in headers if name == b"host"), "")
    written = forwarded.at_hop(hops.hosts, hop) or sent
    host = forwarded.host(written, forwarded.at_hop(hops.ports, hop), scheme)
    if host is None or host == sent:
        return {"scheme": scheme}
    others = [(name, value) for name, value in headers if name != b"host"]
    return {"scheme": scheme, "headers": [(b"host", host.encode("ascii")), *others]}
