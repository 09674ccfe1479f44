"""cors: allows cross-origin requests, by Starlette's CORSMiddleware."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from runtime.clock import Clock
from runtime.engines.web import problem
from runtime.engines.web.middleware import OptionError
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import Middleware


def build(options: Mapping[str, Any], clock: Clock) -> Middleware:
    origins, credentials = options["cors.allow.origins"], options["cors.allow.credentials"]
    if credentials and "*" in origins:
        raise OptionError(
            "cors.allow.credentials",
            "option 'cors.allow.credentials' is true for every origin, which would let any page "
            "act for its visitors; name the origins in 'cors.allow.origins'",
        )
    patterns = [pattern for pattern in map(_pattern, origins) if pattern is not None]
    return partial(
        Cors,
        allow_origins=origins,
        allow_origin_regex="|".join(patterns) or None,
        allow_methods=options["cors.allow.methods"],
        allow_headers=options["cors.allow.headers"],
        expose_headers=options["cors.expose.headers"],
        allow_credentials=credentials,
        max_age=options["cors.max.age"],
        allow_private_network=options["cors.allow.private.network"],
    )


class Cors(CORSMiddleware):
    """Starlette's, whose refusals are problem documents like all others."""

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        response.body = problem.document(
            HTTPError(response.status_code, bytes(response.body).decode())
        )
        response.headers["content-length"] = str(len(response.body))
        response.headers["content-type"] = "application/problem+json"
        return response


def _pattern(origin: str) -> str | None:
    """Regular expression of `*.example.com` (any scheme) or `localhost` (any port), else None."""
    if origin == "localhost":
        return r"https?://localhost(:[0-9]+)?"
    scheme, separator, host = origin.rpartition("://")
    if not host.startswith("*."):
        return None
    prefix = re.escape(scheme + separator) if separator else "https?://"
    return rf"{prefix}([A-Za-z0-9\-]+\.)+{re.escape(host[2:])}"
