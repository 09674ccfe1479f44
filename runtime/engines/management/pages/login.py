"""Login: the page that asks for the token."""

from __future__ import annotations

from runtime.engines.management.pages.frame import bare
from runtime.engines.management.pages.markup import e
from runtime.engines.management.pages.symbols import LOGO


def render(*, failed: bool = False, has_token: bool = True, back: str = "/") -> str:
    """The page, which leads `back`; `failed` after a wrong token, without `has_token` nobody can
    log in.
    """
    if not has_token:
        form = (
            '<p class="sub">This application was started without a token, so it can be looked at '
            "and not acted upon. Start it with the variable <code>RUNTIME_TOKEN</code> set, or use "
            "the command line.</p>"
            '<p class="gap"><a class="link" href="/">Back to the overview</a></p>'
        )
    else:
        wrong = '<p class="chip bad" role="alert">That is not the token.</p>' if failed else ""
        form = (
            f'<form method="post" action="/login">{wrong}'
            f'<input type="hidden" name="back" value="{e(back)}">'
            '<p class="gap"><label for="token">Token</label></p>'
            '<input class="field" id="token" name="token" type="password" required'
            ' autocomplete="current-password" autofocus>'
            '<p class="sub">The value of the variable RUNTIME_TOKEN of the application. '
            "It is asked again after 12 hours.</p>"
            '<p class="gap"><button class="btn main">Sign in</button></p></form>'
        )
    body = (
        f'<section class="panel login"><div class="body"><p class="brand">{LOGO}</p>'
        f"<h1>{e('Sign in to act')}</h1>{form}</div></section>"
    )
    return bare("Sign in", body)
