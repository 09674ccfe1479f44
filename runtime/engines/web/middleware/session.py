"""session: a mapping of each visitor, kept in a signed cookie, as `request.session`."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import itsdangerous
from starlette.datastructures import MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime import codec
from runtime.clock import Clock
from runtime.engines.web.middleware import OptionError
from runtime.engines.web.routes import Middleware

LARGEST = 4096
"""Bytes of a cookie with its name, which every browser keeps."""
LEAST_SECRET = 32
_SECRET = "session.secret"


class SessionTooLarge(ValueError):
    """A session does not fit into a cookie."""


def build(options: Mapping[str, Any], clock: Clock) -> Middleware:
    given = options[_SECRET]
    secrets = [given] if isinstance(given, str) else given
    if any(len(secret.encode()) < LEAST_SECRET for secret in secrets):
        raise OptionError(
            _SECRET,
            f"option '{_SECRET}' has less than {LEAST_SECRET} bytes; make it by "
            "`openssl rand -hex 32`",
        )
    _check_cookie(options)
    cookie = Cookie(
        name=options["session.cookie"],
        path=options["session.path"],
        domain=options["session.domain"],
        same_site=options["session.same_site"],
        https_only=options["session.https_only"],
        max_age=options["session.max_age"],
    )
    seal = Seal(secrets, cookie.name, options["session.max_age"], clock)
    return lambda app: Session(app, cookie, seal)


def _check_cookie(options: Mapping[str, Any]) -> None:
    name, https_only = options["session.cookie"], options["session.https_only"]
    if options["session.same_site"] == "none" and not https_only:
        raise OptionError(
            "session.same_site",
            "option 'session.same_site' is none, which browsers take over HTTPS only; set "
            "'session.https_only' to true",
        )
    is_host = name.startswith("__Host-")
    if (is_host or name.startswith("__Secure-")) and not https_only:
        raise OptionError(
            "session.cookie",
            f"option 'session.cookie' is '{name}', which browsers take over HTTPS only; set "
            "'session.https_only' to true",
        )
    if is_host and (options["session.path"] != "/" or options["session.domain"]):
        raise OptionError(
            "session.cookie",
            f"option 'session.cookie' is '{name}', which has the path '/' and no domain",
        )


class Cookie:
    """The name and the attributes of the cookie."""

    def __init__(
        self,
        *,
        name: str,
        path: str,
        domain: str | None,
        same_site: str,
        https_only: bool,
        max_age: float,
    ) -> None:
        self.name = name
        self._https_only = https_only
        self._max_age = round(max_age)
        self._attributes = f"; Path={path}; HttpOnly; SameSite={same_site.capitalize()}"
        if domain:
            self._attributes += f"; Domain={domain}"

    def header(self, value: str, scheme: str) -> str:
        """The `Set-Cookie` with a value; it removes the cookie if that is empty."""
        is_secure = self._https_only or scheme == "https"
        age = self._max_age if value else 0
        secure = "; Secure" if is_secure else ""
        return f"{self.name}={value}; Max-Age={age}{self._attributes}{secure}"


class _Signer(itsdangerous.TimestampSigner):
    clock: Clock

    def get_timestamp(self) -> int:
        return int(self.clock.time())


class Seal:
    """Signs values with the first of some secrets, and accepts those of all.

    The name of the cookie is part of the signature: a value for one is none for another.
    """

    def __init__(self, secrets: list[str], name: str, max_age: float, clock: Clock) -> None:
        self._max_age = round(max_age)
        self._signer = _Signer(
            [*reversed(secrets)],  # itsdangerous signs with the last
            salt=f"runtime.session.{name}",
            key_derivation="hmac",
            digest_method=hashlib.sha256,
        )
        self._signer.clock = clock

    def close(self, value: bytes) -> str:
        return self._signer.sign(urlsafe_b64encode(value)).decode("ascii")

    def open(self, sealed: str) -> bytes | None:
        """The value; None if it was not signed here, was changed or is too old."""
        try:
            return urlsafe_b64decode(self._signer.unsign(sealed, max_age=self._max_age))
        except (itsdangerous.BadData, ValueError):
            return None


class Session:
    """Puts the session into the scope, and sends the cookie if the session has changed."""

    def __init__(self, app: ASGIApp, cookie: Cookie, seal: Seal) -> None:
        self._app = app
        self._cookie = cookie
        self._seal = seal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = self._sent(scope)
        opened = self._seal.open(sent) if sent else None
        before = opened or b"{}"
        session = scope["session"] = _Content(codec.decode(before))

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=[*message.get("headers", ())])
                if session.accessed:
                    headers.add_vary_header("Cookie")
                after = codec.encode(dict(session), "session")
                if after != before:
                    headers.append("set-cookie", self._changed(after, scope))
                elif sent and opened is None and session.accessed:
                    headers.append("set-cookie", self._cookie.header("", scope["scheme"]))
                message = {**message, "headers": headers.raw}
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    def _sent(self, scope: Scope) -> str | None:
        for name, value in scope["headers"]:
            if name == b"cookie":
                found = cookie_parser(value.decode("latin-1")).get(self._cookie.name)
                if found is not None:
                    return found
        return None

    def _changed(self, content: bytes, scope: Scope) -> str:
        value = "" if content == b"{}" else self._seal.close(content)
        size = len(self._cookie.name) + len(value)
        if size > LARGEST:
            raise SessionTooLarge(
                f"the session is a cookie of {size} bytes, more than the {LARGEST} that browsers "
                "keep; keep an id in it, and the rest in a database"
            )
        return self._cookie.header(value, scope["scheme"])


class _Content(dict[str, Any]):
    accessed = False

    def mark_accessed(self) -> None:
        """Called by `request.session` of Starlette."""
        self.accessed = True
