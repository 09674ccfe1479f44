"""cors: lets pages of other origins use the routes of a router, over Starlette's CORSMiddleware."""

from __future__ import annotations

import re
from functools import partial

from starlette.middleware.cors import CORSMiddleware

from runtime.engines.web.middleware.options import OptionError, Options
from runtime.engines.web.routes import Middleware

_METHODS = "GET, POST, PUT, DELETE, OPTIONS, PATCH"
_HEADERS = "Origin, Content-Type, Accept, Authorization, X-Requested-With"


def build(options: Options) -> Middleware:
    origins = options.names("cors.allow.origins", "*", "allow_origins")
    credentials = options.flag("cors.allow.credentials", False, "allow_credentials")
    if credentials and "*" in origins:
        raise OptionError(
            "cors.allow.credentials",
            "option 'cors.allow.credentials' is true for every origin, which would let any page "
            "act for its visitors; name the origins in 'cors.allow.origins'",
        )
    patterns = [pattern for pattern in map(_pattern, origins) if pattern is not None]
    return partial(
        CORSMiddleware,
        allow_origins=origins,
        allow_origin_regex="|".join(patterns) or None,
        allow_methods=options.names("cors.allow.methods", _METHODS, "allow_methods"),
        allow_headers=options.names("cors.allow.headers", _HEADERS, "allow_headers"),
        expose_headers=options.names("cors.expose.headers", "", "expose_headers"),
        allow_credentials=credentials,
        max_age=options.number("cors.max.age", 86400, older="max_age"),
        allow_private_network=options.flag(
            "cors.allow.private.network", False, "allow_private_network"
        ),
    )


def _pattern(origin: str) -> str | None:
    """A regular expression for `*.example.com`, any scheme, and for `localhost`, any port."""
    if origin == "localhost":
        return r"https?://localhost(:[0-9]+)?"
    scheme, separator, host = origin.rpartition("://")
    if not host.startswith("*."):
        return None
    prefix = re.escape(scheme + separator) if separator else "https?://"
    return rf"{prefix}([A-Za-z0-9\-]+\.)+{re.escape(host[2:])}"
