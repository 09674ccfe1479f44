"""Request: a client's request as a handler reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import anyio
from starlette.datastructures import FormData, State
from starlette.requests import ClientDisconnect
from starlette.requests import Request as StarletteRequest
from starlette.types import Message, Receive, Scope, Send

from runtime import codec
from runtime.engines.web import form_limits
from runtime.engines.web.fast_path import FastPath
from runtime.engines.web.form_limits import FormLimits
from runtime.engines.web.problem import HTTPError

if TYPE_CHECKING:
    from starlette._utils import AwaitableOrContextManager

    from runtime.engines.web.form import MultipartForm

_MEMORY = 1024 * 1024
"""Bytes of a form that a plain `def` keeps in memory; a larger one is on disk."""


class Request(StarletteRequest[State]):
    """Starlette's request with a limit on the body, strict JSON and strict forms.

    `body()`, `json()`, `form()` and `stream()` raise `HTTPError` 413 beyond `max_body` bytes, and
    ClientDisconnect if the client has gone. `json()` ignores the Content-Type. The files of a form
    are closed after the response.
    """

    # Not in the constructor: few requests have them.
    _early: bytearray | None = None
    """The part of the body that `is_disconnected` has received."""
    _early_more = True
    multipart: MultipartForm | None = None

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        fast_path: FastPath | None,
        max_body: int,
        content_length: int,
    ) -> None:
        # Inlines Starlette's two constructors, whose calls every request would pay for.
        self.scope = scope
        self._receive = receive
        self._send = send
        self._stream_consumed = False
        self._is_disconnected = False
        self._form = None
        self._fast_path = fast_path
        self._max_body = max_body
        self._content_length = content_length

    async def body(self) -> bytes:
        return self._body if hasattr(self, "_body") else await self._read()

    async def json(self) -> Any:
        """Decode the body. Raises `HTTPError` 400 unless it is exactly one JSON document."""
        if not hasattr(self, "_json"):
            self._json = decode_json(self._body if hasattr(self, "_body") else await self._read())
        return self._json

    def form(
        self,
        *,
        max_files: float = form_limits.MAX_FILES,
        max_fields: float = form_limits.MAX_FIELDS,
        max_part_size: int = form_limits.MAX_PART_SIZE,
    ) -> AwaitableOrContextManager[FormData]:
        """Read the form. Raises `HTTPError` 400 if it is malformed, 415 for another Content-Type.

        More files, fields, or bytes of one field are 413.
        """
        return super().form(max_files=max_files, max_fields=max_fields, max_part_size=max_part_size)

    async def _get_form(
        self, *, max_files: float = 0, max_fields: float = 0, max_part_size: int = 0
    ) -> FormData:
        if self._form is None:
            from runtime.engines.web import form  # few applications have any

            limits = FormLimits(
                max_files=max_files, max_fields=max_fields, max_part_size=max_part_size
            )
            content_type = self.headers.get("content-type", "")
            kind = form.media_type(content_type)
            if kind == form.MULTIPART:
                self.multipart = form.MultipartForm(content_type, limits)
                self._form = await self._feed(self.multipart)
            else:
                self._form = form.parse_body(kind, await self.body(), limits)
        return self._form

    async def _feed(self, multipart: MultipartForm) -> FormData:
        try:
            async with aclosing(self.stream()) as chunks:
                async for chunk in chunks:
                    if multipart.on_disk:
                        await asyncio.to_thread(multipart.feed, chunk)
                    else:
                        multipart.feed(chunk)
        except BaseException:
            multipart.close()
            raise
        return multipart.finish()

    async def spool(self) -> BinaryIO:
        """Read the body into a file, which is on disk if the body is large."""
        file = cast("BinaryIO", SpooledTemporaryFile(max_size=_MEMORY))  # noqa: SIM115
        size = 0
        try:
            async with aclosing(self.stream()) as chunks:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > _MEMORY:
                        await asyncio.to_thread(file.write, chunk)
                    else:
                        file.write(chunk)
        except BaseException:
            file.close()
            raise
        return file

    def take_body(self, body: bytes) -> None:
        """Have a body that was read by `spool`."""
        self._body = body

    def close_files(self) -> None:
        """Close the files of the form, if there is one."""
        if self.multipart is not None:
            self.multipart.close()

    async def is_disconnected(self) -> bool:
        """True if the client has gone. The body can still be read afterwards."""
        while not self._is_disconnected and len(self._early or b"") <= self._max_body:
            message: Message | None = None
            with anyio.CancelScope() as scope:
                scope.cancel()
                message = await self._receive()
            if message is None:
                break
            if message["type"] == "http.disconnect":
                self._is_disconnected = True
            else:
                self._early = self._early or bytearray()
                self._early += message.get("body", b"")
                self._early_more = message.get("more_body", False)
        return self._is_disconnected

    def read_ahead(self) -> Message | None:
        """The part of the body that has been received, for whoever receives the rest.

        None if nothing has. Raises RuntimeError if it was read as a stream, which keeps nothing.
        """
        if hasattr(self, "_body"):
            return {"type": "http.request", "body": self._body, "more_body": False}
        if self._stream_consumed:
            raise RuntimeError("the body was read as a stream, or a form with files; read it once")
        if self._early is None:
            return None
        body, self._early = bytes(self._early), None
        return {"type": "http.request", "body": body, "more_body": self._early_more}

    async def _next(self) -> Message:
        """The next message, after what was received early."""
        if self._early is None:
            return await self._receive()
        body, self._early = bytes(self._early), None
        return {"type": "http.request", "body": body, "more_body": self._early_more}

    async def stream(self) -> AsyncGenerator[bytes, None]:
        if hasattr(self, "_body"):
            yield self._body
            yield b""
            return
        if self._stream_consumed:
            raise RuntimeError("the body was read before; read it once")
        # Before the first `receive`, which sends `100 Continue`.
        self._check_size(self._content_length)
        size = 0
        while not self._stream_consumed:
            message = await self._next()
            if message["type"] == "http.disconnect":
                self._is_disconnected = True
                raise ClientDisconnect
            self._stream_consumed = not message.get("more_body", False)
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            self._check_size(size)
            if chunk:
                yield chunk
        yield b""

    async def _read(self) -> bytes:
        if self._stream_consumed:
            raise RuntimeError("the body was read as a stream, or is too large; read it once")
        # Before the first `receive`, which sends `100 Continue`.
        self._check_size(self._content_length)
        self._stream_consumed = True
        if (
            self._fast_path is not None
            and self._early is None
            and (body := self._fast_path.read_body()) is not None
        ):
            self._check_size(len(body))
            self._body = body
            return body
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._next()
            if message["type"] == "http.disconnect":
                self._is_disconnected = True
                raise ClientDisconnect
            data: bytes = message.get("body", b"")
            size += len(data)
            self._check_size(size)
            if not message.get("more_body", False):
                self._body = b"".join([*chunks, data]) if chunks else data
                return self._body
            chunks.append(data)

    def _check_size(self, size: int) -> None:
        if size > self._max_body:
            raise HTTPError(413, f"the body is larger than {self._max_body} bytes")


def decode_json(body: bytes) -> Any:
    """Decode a body. Raises `HTTPError` 400, with the reason, unless it is one JSON document."""
    if not body:
        raise HTTPError(400, "the body is empty; send a JSON document")
    try:
        return codec.decode(body)
    except codec.InvalidJSON as error:
        raise HTTPError(400, f"the body is not valid JSON: {error}") from None
