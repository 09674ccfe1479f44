"""Forwarded: the headers of proxies about the request that they pass on (RFC 7239 and older)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

import msgspec

IPAddress = IPv4Address | IPv6Address

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PAIR = re.compile(rf"""\s*({_TOKEN})=("(?:[^"\\]|\\.)*"|[^\s,;"]+)\s*([;,]|$)""")
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]+)(?P<port>:[0-9]{1,5})?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_ZONE = re.compile(r"[A-Za-z0-9_.\-]{1,15}")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LISTS = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port")
_SINGLE = (b"x-real-ip", b"true-client-ip")


class Hops(msgspec.Struct, frozen=True, kw_only=True):
    """The values that each proxy has added, the nearest one last."""

    clients: list[str]
    schemes: list[str]
    hosts: list[str]
    ports: list[str]
    client: str = ""
    """The client of a proxy that tells it by a header of one value."""


def read(headers: Iterable[tuple[bytes, bytes]]) -> Hops:
    """Read the headers of proxies. `Forwarded` counts only if there is none of the others.

    A proxy that writes one form passes the other one on as the client sent it, and most proxies
    write `X-Forwarded-For`.
    """
    found: dict[bytes, list[str]] = {}
    for name, value in headers:
        if name in _LISTS or name in _SINGLE or name == b"forwarded":
            found.setdefault(name, []).append(value.decode("latin-1"))
    forwarded = found.pop(b"forwarded", None)
    if forwarded is not None and not found:
        return _read_forwarded(", ".join(forwarded))
    clients, schemes, hosts, ports = (_elements(found.get(name, ())) for name in _LISTS)
    single = next((found[name][-1] for name in _SINGLE if name in found), "")
    return Hops(clients=clients, schemes=schemes, hosts=hosts, ports=ports, client=single)


def _elements(values: Iterable[str]) -> list[str]:
    return [element.strip() for value in values for element in value.split(",")]


def _read_forwarded(text: str) -> Hops:
    """Read `for=…;proto=…;host=…, for=…`. What is before a mistake does not count."""
    elements: list[dict[str, str]] = [{}]
    position = 0
    while position < len(text):
        match = _PAIR.match(text, position)
        if match is None:
            comma = text.find(",", position)
            position = len(text) if comma < 0 else comma + 1
            elements = [{}]
            continue
        name, value, end = match.groups()
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        elements[-1][name.lower()] = value
        if end == ",":
            elements.append({})
        position = match.end()
    return Hops(
        clients=[element.get("for", "") for element in elements],
        schemes=[element.get("proto", "") for element in elements],
        hosts=[element.get("host", "") for element in elements],
        ports=[],
    )


def at_hop(values: list[str], hop: int) -> str:
    """The value that the proxy `hop` steps away has added, 1 being the nearest one.

    Of fewer values than that, the first: a proxy may pass a header on without adding to it.
    """
    return values[-min(hop, len(values))] if values else ""


def address(text: str) -> IPAddress | None:
    """Read `10.0.0.1`, `10.0.0.1:1234`, `::1` or `[::1]:1234`; None for anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    _, percent, zone = text.partition("%")
    if percent and not _ZONE.fullmatch(zone):
        return None  # `ip_address` takes anything as a zone, also a line of a log
    try:
        found = ip_address(text)
    except ValueError:
        return None
    # A dual-stack socket shows an IPv4 client as ::ffff:10.0.0.1.
    return (isinstance(found, IPv6Address) and found.ipv4_mapped) or found


def scheme(text: str) -> str | None:
    """Read `http` or `https`; None for anything else."""
    text = text.lower()
    return text if text in _DEFAULT_PORTS else None


def host(text: str, port: str, scheme: str) -> str | None:
    """Read a host; None if it is not one.

    `port` is added if the host has none and if it is not the one that the scheme implies.
    """
    match = _HOST.fullmatch(text)
    if match is None:
        return None
    if match["port"] or not _PORT.fullmatch(port) or int(port) == _DEFAULT_PORTS[scheme]:
        return text
    return f"{text}:{port}"
