"""What stands between a server and its handlers, chosen by name on a router."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.suggestion import near
from runtime.web.middleware import compress, cors, ratelimit, real_ip
from runtime.web.middleware.options import OptionError, Options
from runtime.web.routes import Middleware

_BUILDERS = {
    "cors": cors.build,
    "compress": compress.build,
    "real_ip": real_ip.build,
    "ratelimit": ratelimit.build,
}


def build(names: Sequence[str], options: Mapping[str, Any]) -> tuple[Middleware, ...]:
    """Make the middleware `names`, the first being the outermost, each with its own options.

    Raises OptionError for a bad value and for an option that none of them has.
    """
    given = Options(options)
    made = []
    for name in names:
        if name not in _BUILDERS:
            hint = near(name, _BUILDERS) or f"known are {', '.join(_BUILDERS)}"
            raise OptionError(None, f"unknown middleware '{name}'; {hint}")
        made.append(_BUILDERS[name](given))
    given.refuse_unused()
    return tuple(made)
