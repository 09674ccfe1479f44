"""Settings: how a broker is reached. Imports no AMQP library."""

from __future__ import annotations

import ssl

import msgspec

from runtime.engines.queue.amqp.address import Address


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """Files as absolute paths; without `ca`, the system's authorities are trusted."""

    ca: str | None
    cert: str | None
    key: str | None
    server_name: str | None
    """The name in the broker's certificate, if it is not the host of the URL."""
    verify: bool


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One broker, and how its connections are kept."""

    address: Address
    name: str
    """The connections' name on the broker."""
    heartbeat: float
    """Seconds; after twice as long without a sign of life a connection is given up."""
    tls: Tls


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Raises OSError, of which SSLError is one, for files that cannot be read or do not fit."""
    context = ssl.create_default_context(cafile=tls.ca)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert is not None:
        context.load_cert_chain(tls.cert, tls.key)
    return context
