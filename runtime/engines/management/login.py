"""Login: the token of RUNTIME_TOKEN, changed for a cookie."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from starlette.responses import HTMLResponse, RedirectResponse

from runtime.engines.management.pages.login import render
from runtime.engines.management.rights import COOKIE, LOGIN, SESSION
from runtime.engines.management.table import Desk, get
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Route

WRONG_DELAY = 0.5
"""Seconds before a wrong token is refused."""


def routes(desk: Desk) -> Iterable[Route]:
    async def show(exchange: Exchange) -> Any:
        if desk.rights is None or not desk.rights.has_token:
            return HTMLResponse(render(has_token=False))
        return HTMLResponse(render())

    async def log_in(exchange: Exchange) -> Any:
        form = await exchange.request.form()
        cookie = desk.rights.log_in(str(form.get("token", ""))) if desk.rights else None
        if cookie is None:
            await asyncio.sleep(WRONG_DELAY)
            return HTMLResponse(render(failed=True), 403)
        response = RedirectResponse("/", 303)
        response.set_cookie(COOKIE, cookie, SESSION, httponly=True, samesite="strict")
        return response

    yield get(LOGIN, show)
    yield Route(method="POST", path=LOGIN, handler=log_in, name="management")
