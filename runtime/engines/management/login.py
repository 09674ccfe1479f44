"""Login: the token of RUNTIME_TOKEN, changed for a cookie."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse, RedirectResponse

from runtime.engines.management.rights import COOKIE, LOGIN, SESSION
from runtime.engines.management.table import Desk, get, local
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Route

WRONG_DELAY = 0.5
"""Seconds before a wrong token is refused."""


def routes(desk: Desk) -> Iterable[Route]:
    async def show(exchange: Exchange) -> Any:
        if desk.rights is None or not desk.rights.has_token:
            return _page(has_token=False)
        return _page(back=_came_from(exchange))

    async def log_in(exchange: Exchange) -> Any:
        form = await exchange.request.form()
        cookie = desk.rights.log_in(str(form.get("token", ""))) if desk.rights else None
        back = local(str(form.get("back", "/")))
        if cookie is None:
            await asyncio.sleep(WRONG_DELAY)
            return _page(failed=True, back=back)
        response = RedirectResponse(back, 303)
        response.set_cookie(COOKIE, cookie, SESSION, httponly=True, samesite="strict")
        return response

    yield get(LOGIN, show)
    yield Route(method="POST", path=LOGIN, handler=log_in, name="management")


def _came_from(exchange: Exchange) -> str:
    """The page of this site that led here; the overview if there was none."""
    headers = exchange.request.headers
    parts = urlsplit(headers.get("referer", ""))
    if parts.netloc != headers.get("host") or parts.path == LOGIN:
        return "/"
    return local(parts._replace(scheme="", netloc="", fragment="").geturl())


def _page(*, failed: bool = False, has_token: bool = True, back: str = "/") -> HTMLResponse:
    from runtime.engines.management.pages.login import render  # most never log in

    page = render(failed=failed, has_token=has_token, back=back)
    return HTMLResponse(page, 403 if failed else 200)
