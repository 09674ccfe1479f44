"""Address: the parameters of libpq, filled in, and the label without a password."""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote

from psycopg import ProgrammingError, pq
from psycopg.conninfo import conninfo_to_dict

from runtime.engines.sql.postgres import service_file
from runtime.engines.sql.postgres.settings import CLIENT_KEEPALIVES

VERIFIED = "verify-full"
_SYSTEM_CA_SINCE = 160000
"""The libpq that has `sslrootcert=system`."""
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


_MEANT = {
    "missing": "it does not begin with postgresql://, and has no key=value",
    "invalid connection option": "it has an option that libpq does not know",
    "invalid URI query parameter": "it has a parameter after '?' that libpq does not know",
}
"""Words for libpq's texts, which say little without their quotes."""


class InvalidAddress(ValueError):
    """A connection string that libpq cannot read. The text never shows a part of it."""


def read(dsn: str) -> dict[str, str]:
    """The parameters of a connection string. Raises InvalidAddress."""
    if "\0" in dsn:
        raise InvalidAddress("it has a NUL in it")
    try:
        return {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    except ProgrammingError as error:  # libpq's text quotes the string, password included
        text = str(error).partition('"')[0].strip(" :")
        raise InvalidAddress(_MEANT.get(text, text) or "it cannot be read") from None


def complete(parameters: Mapping[str, str], application_name: str) -> dict[str, str]:
    """The parameters with everything that we set where the user did not."""
    chosen = with_environment(parameters)
    filled = {
        "application_name": application_name,
        "client_encoding": "utf8",
        "connect_timeout": "5",
        **CLIENT_KEEPALIVES,
        **parameters,
    }
    if "sslmode" not in chosen and not is_loopback(parameters):
        filled["sslmode"] = VERIFIED
    if filled.get("sslmode", chosen.get("sslmode")) in ("verify-ca", VERIFIED):
        filled |= {} if "sslrootcert" in chosen else _root_certificates()
    return filled


def with_environment(parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters, with those that libpq takes from its service file and from variables."""
    found = {
        option.keyword.decode(): os.environ[option.envvar.decode()]
        for option in pq.Conninfo.get_defaults()
        if option.envvar and os.environ.get(option.envvar.decode())
    }
    service = parameters.get("service", found.get("service"))
    return {**found, **({} if service is None else service_file.read(service)), **parameters}


def is_loopback(parameters: Mapping[str, str]) -> bool:
    """True if every host is this machine: a socket, `localhost`, 127.0.0.0/8 or ::1.

    A service that is not found counts as another machine.
    """
    chosen = with_environment(parameters)
    hosts = [host for host in (chosen.get("hostaddr") or chosen.get("host", "")).split(",") if host]
    if not hosts:
        return "service" not in chosen
    return all(map(_is_this_machine, hosts))


def label(parameters: Mapping[str, str]) -> str:
    """The address as logs show it: `postgresql://user@host:port/database`."""
    chosen = with_environment(parameters)
    if "service" in chosen and "host" not in chosen:
        return f"postgresql service {chosen['service']}"
    hosts = (chosen.get("host") or chosen.get("hostaddr", "")).split(",")
    ports = chosen.get("port", "").split(",")
    ports += ports[-1:] * (len(hosts) - len(ports))
    where = ",".join(_shown(host, port) for host, port in zip(hosts, ports, strict=False))
    user = f"{quote(chosen['user'], safe='')}@" if "user" in chosen else ""
    return f"postgresql://{user}{where}/{quote(chosen.get('dbname', ''), safe='')}"


def _shown(host: str, port: str) -> str:
    if host.startswith(("/", "@")):
        return ""  # a socket
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port and port != "5432" else shown


def _is_this_machine(host: str) -> bool:
    if host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _root_certificates() -> dict[str, str]:
    """The certificates of the system, if the user has none for PostgreSQL alone."""
    if (Path.home() / ".postgresql" / "root.crt").exists():
        return {}
    bundle = next((path for path in _BUNDLES if Path(path).exists()), None)
    if bundle is None:
        return {"sslrootcert": "system"} if pq.version() >= _SYSTEM_CA_SINCE else {}
    return {"sslrootcert": bundle}
