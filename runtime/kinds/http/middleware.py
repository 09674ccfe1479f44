"""http.middleware: any ASGI middleware, for the `middleware` of routers."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.types import ASGIApp

from runtime.engines.web.middleware_call import called
from runtime.kind import BuildContext, Expected, Kind, StartError
from runtime.kinds.function import Described

Config: Any = msgspec.defstruct(
    "Config",
    [("class", Described), ("options", dict[str, Any])],  # a name that no attribute can have
    frozen=True,
    kw_only=True,
)


class OwnMiddleware:
    """Makes the middleware around each application that it is to stand around."""

    def __init__(self, config: Any, context: BuildContext) -> None:
        self.id = context.id
        self._class = getattr(config, "class").function
        self._options = config.options
        self._context = context

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Raises StartError if the class does not make one."""
        try:
            made = self._class(app, **self._options)
        except Exception as error:  # the user's code may fail in any way
            reason = f"{type(error).__name__}: {error}"
            raise self._error(f"cannot be made: {reason}; check 'options'") from error
        if not callable(made):
            raise self._error(f"is of type {type(made).__name__}, which is no ASGI application")
        return called(made, self.id, self._context.scope)

    def _error(self, text: str) -> StartError:
        return StartError(f"{self._context.position('class')}: the middleware '{self.id}' {text}")


kind = Kind(
    "http.middleware",
    Config,
    OwnMiddleware,
    expected=Expected(("http.router",), "no router has this middleware"),
)
