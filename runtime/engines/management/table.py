"""Table: the one table of all that management serves.

A part is a module with a function `routes(desk)`; it is added to `PARTS`. Its handlers run on
management's own loop, so they read only what `desk.source` gives, and ask for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import msgspec
from starlette.types import Scope

from runtime.engines.management.operation import LoopBlocked, Refused
from runtime.engines.management.rights import FORM_TOKEN, Rights, decoded_headers
from runtime.engines.management.source import Source
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.problem import HTTPError
from runtime.engines.web.routes import Handler, Route, Routes

PARTS = (
    "health",
    "status",
    "login",
    "operating",
    "queues",
    "entries",
    "logs",
    "reload",
    "metrics.routes",
    "pages.routes",
    "traces.routes",
)
"""Modules of this package with `routes(desk)`, in any order."""
BLOCKED = "The event loop is blocked"


class Desk(msgspec.Struct, frozen=True, eq=False):
    """The surroundings of the routes of one door."""

    source: Source
    rights: Rights | None
    """None at the Unix socket, where file rights are enough to act."""

    def may_act(self, scope: Scope) -> bool:
        """True if this client may act, so that a page may show buttons."""
        return self.rights is None or self.rights.may_act(decoded_headers(scope))

    def form_token(self, scope: Scope) -> str:
        """The value of the hidden field `form_token` of each form on a page."""
        return self.rights.form_token(decoded_headers(scope)) if self.rights else ""


def get(path: str, handler: Handler) -> Route:
    """A route that reads. See `runtime.engines.web.response` for what a handler may return."""
    return Route(method="GET", path=path, handler=_answering(handler), name="management")


def get_private(desk: Desk, path: str, handler: Handler) -> Route:
    """A route that reads what only those may see who may act: the payload of a message."""

    async def read(exchange: Exchange) -> Any:
        if not desk.may_act(exchange.scope):
            raise HTTPError(403, "this needs a token: set RUNTIME_TOKEN, or use the command line")
        return await handler(exchange)

    return get(path, read)


def post(desk: Desk, path: str, handler: Handler) -> Route:
    """A route that acts. Who sends a form has proved that the form is ours, and JSON cannot come
    from another site.
    """

    async def act(exchange: Exchange) -> Any:
        rights, headers = desk.rights, decoded_headers(exchange.scope)
        if rights is not None and not headers.get("authorization"):
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind == "application/x-www-form-urlencoded":
                form = await exchange.request.form()
                if not rights.is_form_token(headers, str(form.get(FORM_TOKEN, ""))):
                    raise HTTPError(403, "the form is out of date; load the page again")
        return await handler(exchange)

    return Route(method="POST", path=path, handler=_answering(act), name="management")


def table(desk: Desk) -> Routes:
    """The routes of all parts."""
    return Routes(route for part in PARTS for route in routes_of(part, desk))


def routes_of(part: str, desk: Desk) -> Iterable[Route]:
    """The routes of one of PARTS."""
    routes: Callable[[Desk], Iterable[Route]]
    routes = import_module(f"runtime.engines.management.{part}").routes
    return routes(desk)


def _answering(handler: Handler) -> Handler:
    """The handler, with the answers to what an operation may raise."""

    async def answer(exchange: Exchange) -> Any:
        try:
            return await handler(exchange)
        except LoopBlocked as error:
            raise _blocked(error) from None
        except Refused as error:
            raise HTTPError(error.status, str(error)) from None

    return answer


def _blocked(error: LoopBlocked) -> HTTPError:
    return HTTPError(
        503,
        str(error),
        headers={"Retry-After": "1"},
        title=BLOCKED,
        entry=error.blocked.entry,
    )


def local(address: str) -> str:
    """An address of this site; not another site's, whatever a form says."""
    return address if address.startswith("/") and not address.startswith(("//", "/\\")) else "/"
