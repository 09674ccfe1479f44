"""compress: compresses responses with gzip, by Starlette's GZipMiddleware."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.middleware.gzip import GZipMiddleware

from runtime.clock import Clock
from runtime.engines.web.routes import Middleware

_LEVELS = {"fastest": 1, "default": 6, "best": 9}


def build(options: Mapping[str, Any], clock: Clock) -> Middleware:
    return partial(
        GZipMiddleware,
        minimum_size=options["compress.min.length"],
        compresslevel=_LEVELS[options["compress.level"]],
    )
