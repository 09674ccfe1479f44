"""Login: the token of RUNTIME_TOKEN, changed for a cookie."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from starlette.responses import HTMLResponse, RedirectResponse

from runtime.engines.management.rights import COOKIE, LOGIN, SESSION
from runtime.engines.management.table import Desk, get
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Route

WRONG_DELAY = 0.5
"""Seconds before a wrong token is refused."""


def routes(desk: Desk) -> Iterable[Route]:
    async def show(exchange: Exchange) -> Any:
        if desk.rights is None or not desk.rights.has_token:
            return _page(has_token=False)
        return _page()

    async def log_in(exchange: Exchange) -> Any:
        form = await exchange.request.form()
        cookie = desk.rights.log_in(str(form.get("token", ""))) if desk.rights else None
        if cookie is None:
            await asyncio.sleep(WRONG_DELAY)
            return _page(failed=True)
        response = RedirectResponse("/", 303)
        response.set_cookie(COOKIE, cookie, SESSION, httponly=True, samesite="strict")
        return response

    yield get(LOGIN, show)
    yield Route(method="POST", path=LOGIN, handler=log_in, name="management")


def _page(*, failed: bool = False, has_token: bool = True) -> HTMLResponse:
    from runtime.engines.management.pages.login import render  # most never log in

    return HTMLResponse(render(failed=failed, has_token=has_token), 403 if failed else 200)
