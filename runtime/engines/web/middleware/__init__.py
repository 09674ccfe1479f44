"""What stands between a server and its handlers, chosen by name on a router."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from runtime.engines.web.middleware.options import OptionError, Options
from runtime.engines.web.routes import Middleware
from runtime.findings.suggestion import did_you_mean

_NAMES = ("cors", "compress", "real_ip", "ratelimit")
"""Each is a module here, imported when a router names it."""


def build(names: Sequence[str], options: Mapping[str, Any]) -> tuple[Middleware, ...]:
    """Make the middleware `names`, the first being the outermost, each with its own options.

    Raises OptionError for a bad value and for an option that none of them has.
    """
    given = Options(options)
    made = []
    for name in names:
        if name not in _NAMES:
            hint = did_you_mean(name, _NAMES) or f"known are {', '.join(_NAMES)}"
            raise OptionError(None, f"unknown middleware '{name}'; {hint}")
        made.append(import_module(f"{__name__}.{name}").build(given))
    given.refuse_unused()
    return tuple(made)
