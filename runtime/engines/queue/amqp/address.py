"""Address: a broker's URL, taken apart. Imports no AMQP library, so that a manifest can be checked
without one.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

import msgspec

PORTS = {"amqp": 5672, "amqps": 5671}


class Address(msgspec.Struct, frozen=True):
    """A broker and a virtual host on it. Its text has no password."""

    host: str
    port: int
    vhost: str
    username: str
    password: str
    secure: bool
    """True for `amqps`."""

    def __str__(self) -> str:
        scheme = "amqps" if self.secure else "amqp"
        host = f"[{self.host}]" if ":" in self.host else self.host
        vhost = "" if self.vhost == "/" else f"/{self.vhost}"
        return f"{scheme}://{self.username}@{host}:{self.port}{vhost}"

    @property
    def is_local(self) -> bool:
        """True if what is sent there does not leave this machine."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse(url: str, vhost: str | None = None) -> Address:
    """The parts of an `amqp://` or `amqps://` URL; `vhost` goes before the one of its path.

    Raises ValueError, without the text of the URL, which may hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("it has no valid host and port") from None
    if parts.scheme not in PORTS:
        raise ValueError("it does not begin with amqp:// or amqps://")
    if not parts.hostname:
        raise ValueError("it names no host")
    if "/" in parts.path[1:] or parts.query or parts.fragment:
        raise ValueError("after the host it has more than a virtual host; write '/' there as %2F")
    return Address(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        vhost=unquote(parts.path[1:]) or "/" if vhost is None else vhost,
        username=unquote(parts.username or "guest"),
        password=unquote(parts.password or "guest"),
        secure=parts.scheme == "amqps",
    )
