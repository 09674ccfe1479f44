"""BlockingRequest: a client's request as a plain `def` reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from starlette.datastructures import FormData, State
from starlette.requests import HTTPConnection

from runtime.engines.web import form_limits
from runtime.engines.web.form_limits import FormLimits
from runtime.engines.web.request import Request, decode_json

if TYPE_CHECKING:
    from runtime.engines.web.form import MultipartForm

_CHUNK = 64 * 1024


class BlockingRequest(HTTPConnection[State]):
    """The request of a plain `def` handler, whose body was read before the handler started.

    Like `Request`, but `body()`, `json()` and `form()` return at once and are not awaited, and so
    do the calls of uploaded files. There is no `stream()`.
    """

    def __init__(self, request: Request, body: bytes | BinaryIO | None) -> None:
        """`body` may be a file, which is closed by `close_files`; None if it was not read."""
        super().__init__(request.scope)
        self._body = body
        self._form: FormData | None = None
        self._multipart: MultipartForm | None = None

    def __getstate__(self) -> dict[str, Any]:
        """For a process of the function's own: a copy with its body, whose form is read there."""
        body = None if self._body is None else self.body()
        return {**self.__dict__, "_body": body, "_form": None, "_multipart": None}

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def has_body(self) -> bool:
        """False in a guard that is a plain `def`, which runs before the body is read."""
        return self._body is not None

    def take_body(self, body: bytes | BinaryIO) -> None:
        """Have the body, which has been read by now."""
        self._body = body

    def body(self) -> bytes:
        body = self._read_body
        if isinstance(body, bytes):
            return body
        body.seek(0)
        return body.read()

    @property
    def _read_body(self) -> bytes | BinaryIO:
        if self._body is None:
            raise RuntimeError(
                "a guard that is a plain def runs before the body is read; write it as async def"
            )
        return self._body

    def json(self) -> Any:
        """Decode the body. Raises `HTTPError` 400 unless it is exactly one JSON document."""
        if not hasattr(self, "_json"):
            self._json = decode_json(self.body())
        return self._json

    def form(
        self,
        *,
        max_files: float = form_limits.MAX_FILES,
        max_fields: float = form_limits.MAX_FIELDS,
        max_part_size: int = form_limits.MAX_PART_SIZE,
    ) -> FormData:
        """Read the form. Raises `HTTPError` as that of `Request` does."""
        if self._form is None:
            from runtime.engines.web import form  # few applications have any
            from runtime.engines.web.blocking_upload import BlockingUpload

            limits = FormLimits(
                max_files=max_files, max_fields=max_fields, max_part_size=max_part_size
            )
            content_type = self.headers.get("content-type", "")
            kind = form.media_type(content_type)
            if kind == form.MULTIPART:
                self._multipart = form.MultipartForm(content_type, limits, BlockingUpload)
                self._form = self._feed(self._multipart)
            else:
                self._form = form.parse_body(kind, self.body(), limits)
        return self._form

    def _feed(self, multipart: MultipartForm) -> FormData:
        body = self._read_body
        if isinstance(body, bytes):
            multipart.feed(body)
        else:
            body.seek(0)
            while chunk := body.read(_CHUNK):
                multipart.feed(chunk)
        return multipart.finish()

    def close_files(self) -> None:
        """Close the files of the form, if there is one."""
        if self._multipart is not None:
            self._multipart.close()
        if self._body is not None and not isinstance(self._body, bytes):
            self._body.close()
