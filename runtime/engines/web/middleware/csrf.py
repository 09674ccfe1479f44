"""csrf: refuses what pages of other origins make browsers send (cross-site request forgery)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from runtime.clock import Clock
from runtime.engines.web import problem
from runtime.engines.web.middleware import OptionError
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import Middleware

_TRUSTED, _EXEMPT = "csrf.trusted.origins", "csrf.exempt"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN = frozenset({b"same-origin", b"none"})
"""Values of `Sec-Fetch-Site` for requests of the own pages, and for those that a user has typed."""


def build(options: Mapping[str, Any], clock: Clock) -> Middleware:
    for origin in options[_TRUSTED]:
        parts = urlsplit(origin)
        if not parts.scheme or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
            raise OptionError(
                _TRUSTED,
                f"option '{_TRUSTED}' has '{origin}', which is no origin; write "
                "'https://app.example.com'",
            )
    for path in options[_EXEMPT]:
        if not path.startswith("/"):
            raise OptionError(
                _EXEMPT, f"option '{_EXEMPT}' has '{path}', which is no path; write '/{path}'"
            )
    trusted = frozenset(origin.encode() for origin in options[_TRUSTED])
    exempt = tuple(path.rstrip("/").encode() for path in options[_EXEMPT])
    return lambda app: CrossOriginProtection(app, trusted, exempt)


class CrossOriginProtection:
    """Lets a request pass that is safe by its method, or that no page of another origin has made.

    Browsers tell that by `Sec-Fetch-Site`, older ones by `Origin`, which is compared with `Host`. A
    client that sends neither is no browser. So does Go's `http.CrossOriginProtection`.
    """

    def __init__(self, app: ASGIApp, trusted: frozenset[bytes], exempt: tuple[bytes, ...]) -> None:
        self._app = app
        self._trusted = trusted
        self._exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in _SAFE or self._is_own(scope) or self._is_exempt(scope["raw_path"]):
            await self._app(scope, receive, send)
            return
        error = HTTPError(403, "this request was made by a page of another origin")
        response = Response(problem.document(error), 403, media_type="application/problem+json")
        await response(scope, receive, send)

    def _is_own(self, scope: Scope) -> bool:
        headers = scope["headers"]
        origins = {value for name, value in headers if name == b"origin"}
        sites = {value for name, value in headers if name == b"sec-fetch-site"}
        if len(origins) > 1:
            return False
        if origins and origins <= self._trusted:
            return True
        if sites:
            return sites <= _OWN
        return all(_host(origin) == _sent_host(headers) for origin in origins)

    def _is_exempt(self, raw_path: bytes) -> bool:
        # as it was sent: decoded, `/hook%2Fx` would look like something below `/hook`
        return any(raw_path == each or raw_path.startswith(each + b"/") for each in self._exempt)


def _host(origin: bytes) -> bytes:
    return origin.partition(b"://")[2].lower()


def _sent_host(headers: list[tuple[bytes, bytes]]) -> bytes | None:
    return next((value.lower() for name, value in headers if name == b"host"), None)
