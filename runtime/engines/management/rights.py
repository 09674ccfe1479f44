"""Rights: who may ask, who may read, and who may act.

A loopback address is no wall: a page in a browser on this machine reaches it, by rebinding a name
too. So `Host` is checked in every request, and where a request comes from in those that act.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from starlette.types import Scope

from runtime.engines.web.problem import HTTPError

PUBLIC = frozenset({"/livez", "/healthz", "/readyz", "/metrics"})
"""Paths that everybody may read who reaches the address."""
LOGIN = "/login"
COOKIE = "runtime_session"
SESSION = 12 * 3600
"""Seconds that a login lasts."""
FORM_TOKEN = "form_token"
"""The field of a form that proves that the form is ours."""
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_SAME_ORIGIN = frozenset({"", "same-origin", "none"})


class Rights:
    """Decides on each request to one address. Without a token nobody may act by it."""

    def __init__(self, token: str | None, hosts: Collection[str], *, is_loopback: bool) -> None:
        """`hosts` are further names by which the address may be called."""
        self._token = token
        self._hosts = frozenset(host.lower() for host in hosts)
        self._is_loopback = is_loopback
        self._key = secrets.token_bytes(32)

    def check(self, scope: Scope, headers: Mapping[str, str]) -> None:
        """Raise HTTPError for a request that is not allowed: 421, 401 or 403."""
        host = headers.get("host", "")
        self._check_host(scope, host)
        path, reads = scope["path"], scope["method"] in _READING
        if path in PUBLIC and reads:
            return
        if not self._is_loopback and self._token is None:
            raise HTTPError(
                403,
                "beyond this machine only /livez, /readyz and /metrics are served without a "
                "token; set RUNTIME_TOKEN",
            )
        if not reads:
            _check_origin(host, headers)
        if path == LOGIN:
            return
        if reads and self._is_loopback:
            return
        self._check_identity(headers, acts=not reads)

    def may_act(self, headers: Mapping[str, str]) -> bool:
        """True for a request that has the token, or the cookie of a login."""
        return self._has_bearer(headers) or self._has_session(headers)

    def log_in(self, token: str) -> str | None:
        """The value of the cookie for whoever knows the token; None for a wrong one."""
        if self._token is None or not _equal(token, self._token):
            return None
        until = f"{int(time.time()) + SESSION}.{secrets.token_hex(8)}"
        return f"{until}.{self._sign('session', until)}"

    def form_token(self, headers: Mapping[str, str]) -> str:
        """The value that a form must send with this cookie; empty without a login."""
        return self._sign("form", _cookie(headers)) if self._has_session(headers) else ""

    def is_form_token(self, headers: Mapping[str, str], given: str) -> bool:
        expected = self.form_token(headers)
        return bool(expected) and _equal(given, expected)

    @property
    def has_token(self) -> bool:
        return self._token is not None

    def _check_host(self, scope: Scope, host: str) -> None:
        name = _host_name(host)
        if name == "localhost" or name in self._hosts:
            return
        try:
            address = ip_address(name)
        except ValueError:
            pass
        else:
            own = scope["server"][0] if scope.get("server") else ""
            if address.is_loopback or str(address) == own.removeprefix("::ffff:"):
                return
        raise HTTPError(421, f"'{host}' is no name of this address; allow it by --management-host")

    def _check_identity(self, headers: Mapping[str, str], *, acts: bool) -> None:
        if self._token is None:
            raise HTTPError(403, "actions need a token: set RUNTIME_TOKEN, or use the command line")
        if self._has_bearer(headers):
            return
        if not self._has_session(headers):
            challenge = {"WWW-Authenticate": 'Bearer realm="runtime"'}
            raise HTTPError(401, "a token is needed: RUNTIME_TOKEN", headers=challenge)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if acts and kind not in ("application/json", "application/x-www-form-urlencoded"):
            raise HTTPError(415, "send application/json, or a form of the dashboard")

    def _has_bearer(self, headers: Mapping[str, str]) -> bool:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        return (
            self._token is not None
            and scheme.lower() == "bearer"
            and _equal(token.strip(), self._token)
        )

    def _has_session(self, headers: Mapping[str, str]) -> bool:
        until, _, signature = _cookie(headers).rpartition(".")
        if self._token is None or not _equal(signature, self._sign("session", until)):
            return False
        return int(until.partition(".")[0]) > time.time()

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self._key, f"{purpose} {text}".encode(), hashlib.sha256).hexdigest()


def _check_origin(host: str, headers: Mapping[str, str]) -> None:
    """Refuse what another site's page sends. Without `Origin` it needs a bearer."""
    origin = headers.get("origin")
    if headers.get("sec-fetch-site", "") not in _SAME_ORIGIN:
        raise HTTPError(403, "another site may not do this")
    if origin is None:
        if not headers.get("authorization"):
            raise HTTPError(403, "a request without Origin needs 'Authorization: Bearer'")
    elif urlsplit(origin).netloc.lower() != host.lower():
        raise HTTPError(403, "another site may not do this")


def _host_name(host: str) -> str:
    """The host without its port, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if host.count(":") == 1 else host.lower()


def _cookie(headers: Mapping[str, str]) -> str:
    for pair in headers.get("cookie", "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def decoded_headers(scope: Scope) -> dict[str, Any]:
    """The headers of a request as text; of one that is repeated, the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
