"""Login: the token of RUNTIME_TOKEN, changed for a cookie."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Iterable
from typing import Any

from starlette.responses import HTMLResponse, RedirectResponse

from runtime.engines.management.rights import COOKIE, LOGIN, SESSION
from runtime.engines.management.table import Desk, get
from runtime.engines.web.exchange import Exchange
from runtime.engines.web.routes import Route

WRONG_DELAY = 0.5
"""Seconds before a wrong token is refused."""
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Log in</title>
<h1>Log in</h1>
<p>{text}</p>
<form method="post" action="/login">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button>
</form>
"""
_ASK = "The token is the value of RUNTIME_TOKEN where the program runs."


def routes(desk: Desk) -> Iterable[Route]:
    async def show(exchange: Exchange) -> Any:
        if desk.rights is None or not desk.rights.has_token:
            return _page("This program was started without RUNTIME_TOKEN: it can only be read.")
        return _page(_ASK)

    async def log_in(exchange: Exchange) -> Any:
        form = await exchange.request.form()
        cookie = desk.rights.log_in(str(form.get("token", ""))) if desk.rights else None
        if cookie is None:
            await asyncio.sleep(WRONG_DELAY)
            return _page("That is not the token.", 403)
        response = RedirectResponse("/", 303)
        response.set_cookie(COOKIE, cookie, SESSION, httponly=True, samesite="strict")
        return response

    yield get(LOGIN, show)
    yield Route(method="POST", path=LOGIN, handler=log_in, name="management")


def _page(text: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(text=html.escape(text)), status)
