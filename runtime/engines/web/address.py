"""Address: the address of a server, from its text to a listening socket."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Self

import msgspec

from runtime.engines.web.problem import OUT_OF_DESCRIPTORS
from runtime.service import StartError

BACKLOG = 2048

_FORM = re.compile(r"(?:\[(?P<ipv6>[^\]]+)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]{1,5})")


class Address(msgspec.Struct, frozen=True):
    """A host and a port. An empty host means all interfaces, port 0 any free port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `:8080`, `127.0.0.1:8080` or `[::1]:8080`. Raises ValueError."""
        match = _FORM.fullmatch(text)
        if match is None or int(match["port"]) > 65535:
            raise ValueError(f"'{text}' is not an address; write ':8080' or '127.0.0.1:8080'")
        return cls(match["ipv6"] or match["host"], int(match["port"]))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def ranges(self) -> tuple[str, ...]:
        """The address itself, then the wider ones that include it: its address family, its port."""
        everything = f":{self.port}"
        if not self.host:
            return (everything,)
        try:
            ip = ip_address("127.0.0.1" if self.host == "localhost" else self.host)
        except ValueError:
            return str(self).lower(), everything
        family = f"IPv{ip.version}:{self.port}"
        return (
            (family, everything) if ip.is_unspecified else (f"{ip}:{self.port}", family, everything)
        )

    def url(self, scheme: str) -> str:
        """URL of the address for a client on this machine."""
        everywhere = self.host in ("", "0.0.0.0", "::")
        return f"{scheme}://{Address('localhost', self.port) if everywhere else self}"


def listen(address: Address, shared: socket.socket | None = None) -> socket.socket:
    """Open a listening socket, a duplicate of `shared` if that is given.

    Raises StartError if the address is not available.
    """
    try:
        opened = bind(address) if shared is None else shared.dup()
    except OSError as error:
        raise StartError(_message(address, error)) from None
    try:
        # Before the loop does: of two servers bound to one port only one may listen.
        opened.listen(BACKLOG)
        opened.setblocking(False)
    except OSError as error:
        opened.close()
        raise StartError(_message(address, error)) from None
    return opened


def bind_shared(address: Address, count: int) -> list[socket.socket]:
    """Bind `count` sockets to one address, not yet listening. Raises StartError.

    Once they listen, the kernel distributes clients over them.
    """
    # Without SO_REUSEPORT first: two programs that both set it would share the port unnoticed.
    with bind(address) as alone:
        port = alone.getsockname()[1]
    same = Address(address.host, port)
    sockets: list[socket.socket] = []
    try:
        sockets.extend(bind(same, shared=True) for _ in range(count))
    except StartError:
        for opened in sockets:
            opened.close()
        raise
    return sockets


def bind(address: Address, shared: bool = False) -> socket.socket:
    """Bind a socket, not yet listening; with `shared`, others may bind too. Raises StartError."""
    try:
        family, sockaddr = _resolved(address)
    except (OSError, UnicodeError):
        raise StartError(
            f"address '{address}' is not known here; use an address of this machine, "
            "or ':PORT' for all of them"
        ) from None
    # With the protocol given: asyncio sets TCP_NODELAY only if it sees it.
    try:
        opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise StartError(_message(address, error)) from None
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(bool(address.host)))
        opened.bind(sockaddr)
    except OSError as error:
        opened.close()
        raise StartError(_message(address, error)) from None
    return opened


def tls_context(cert: Path, key: Path | None) -> ssl.SSLContext:
    """Make a TLS context from PEM files; without `key`, it is in `cert`. Raises StartError."""
    for path in (cert, key):
        if path is not None and not path.is_file():
            raise StartError(f"TLS file '{path}' is not there; check 'tls'")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # An empty password: a prompt would block an unattended start.
        context.load_cert_chain(cert, key, password="")
    except PermissionError as error:
        raise StartError(f"TLS file '{error.filename or cert}' may not be read") from None
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise StartError(
            f"TLS files '{cert}' and '{key or cert}' are no certificate and key in PEM form "
            f"that belong together ({reason})"
        ) from None
    return context


def _resolved(address: Address) -> tuple[socket.AddressFamily, tuple[str, int]]:
    if not address.host:
        if socket.has_ipv6 and _has_ipv6():
            return socket.AF_INET6, ("::", address.port)
        return socket.AF_INET, ("0.0.0.0", address.port)
    # As bytes: for text, Python imports the IDNA codec.
    host = address.host.encode() if address.host.isascii() else address.host
    found = socket.getaddrinfo(host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    # `localhost` resolves to both families; most clients try IPv4.
    found.sort(key=lambda item: item[0] != socket.AF_INET)
    return found[0][0], found[0][4]  # type: ignore[return-value]


def _has_ipv6() -> bool:
    """True if IPv6 sockets can be bound: containers may have it disabled."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as trial:
            trial.bind(("::", 0))
    except OSError:
        return False
    return True


def _message(address: Address, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"address '{address}' is in use; stop what listens there, or set another 'addr'"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"address '{address}' may not be opened; use a port above 1023, or grant the right"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"address '{address}' is not of this machine; use ':{address.port}' for all of its"
    if error.errno in OUT_OF_DESCRIPTORS:
        return f"address '{address}': too many open files; raise the limit (ulimit -n)"
    return f"address '{address}' cannot be opened: {error.strerror or error}"
