"""compress: answers in gzip to whoever accepts it, over Starlette's GZipMiddleware."""

from __future__ import annotations

from functools import partial

from starlette.middleware.gzip import GZipMiddleware

from runtime.engines.web.middleware.options import OptionError, Options
from runtime.engines.web.routes import Middleware

_LEVELS = {"fastest": 1, "default": 6, "best": 9}


def build(options: Options) -> Middleware:
    level = options.text("compress.level", "default")
    if level not in _LEVELS:
        raise OptionError(
            "compress.level", f"option 'compress.level' is '{level}', not one of {list(_LEVELS)}"
        )
    smallest = options.number("compress.min.length", 1024)
    return partial(GZipMiddleware, minimum_size=smallest, compresslevel=_LEVELS[level])
