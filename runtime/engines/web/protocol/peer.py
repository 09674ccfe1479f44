"""Peer: the addresses of both ends of a connection, as an ASGI scope has them."""

from __future__ import annotations

import asyncio


def local_address(transport: asyncio.Transport) -> tuple[str, int | None] | None:
    """Host and port of our end, or the path of a Unix socket and None."""
    opened = transport.get_extra_info("socket")
    name = transport.get_extra_info("sockname") if opened is None else opened.getsockname()
    return (name, None) if isinstance(name, str) else _host_and_port(name)


def remote_address(transport: asyncio.Transport) -> tuple[str, int] | None:
    """Host and port of the client; None for one of a Unix socket, or that has gone already."""
    opened = transport.get_extra_info("socket")
    if opened is None:
        return _host_and_port(transport.get_extra_info("peername"))
    try:
        return _host_and_port(opened.getpeername())
    except OSError:
        return None


def _host_and_port(name: object) -> tuple[str, int] | None:
    return (str(name[0]), int(name[1])) if isinstance(name, tuple | list) else None
