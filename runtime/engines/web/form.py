"""Form: the fields and files of a form that a client has sent."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import parse_qsl

from starlette.datastructures import FormData, Headers, UploadFile

from runtime.engines.web.form_limits import FormLimits
from runtime.engines.web.problem import HTTPError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"

_MEMORY = 1024 * 1024
"""Bytes of files that a form keeps in memory; what comes then is written to disk."""
_SMALL_FILE = 16 * 1024
"""Bytes of a file that is kept in memory in any case: it is not worth a descriptor."""


def media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def parse_body(kind: str, body: bytes, limits: FormLimits) -> FormData:
    """Read `a=1&b=2`; a form without fields if there is neither a type nor a body.

    Raises `HTTPError` 415 for another type, 400 unless it is UTF-8, and 413 beyond the limits.
    """
    if kind != URLENCODED and (kind or body):
        raise HTTPError(415, f"send a form, of the type {MULTIPART} or {URLENCODED}")
    limits.check(fields=body.count(b"&") + 1)
    try:
        fields: list[tuple[str, str | UploadFile]] = []
        fields += parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise HTTPError(400, "the form is not UTF-8") from None
    total = 0
    for _, value in fields:
        size = len(str(value).encode())
        total += size
        limits.check(size=size, total=total)
    return FormData(fields)


class MultipartForm:
    """A form of the type `multipart/form-data`, read piece by piece as it arrives.

    Files beyond 1 MiB altogether are on disk, and deleted by `close`. What is malformed raises
    `HTTPError` 400, and what is beyond the limits 413; the files are closed then.
    """

    def __init__(
        self, content_type: str, limits: FormLimits, upload: type[UploadFile] = UploadFile
    ) -> None:
        # Imported for the first form only: it takes 3 ms.
        from python_multipart.exceptions import FormParserError
        from python_multipart.multipart import MultipartParser, parse_options_header

        self._parse_options = parse_options_header
        self._malformed: type[Exception] = FormParserError
        self._limits = limits
        self._upload = upload
        self._items: list[tuple[str, str | UploadFile]] = []
        self._files: list[UploadFile] = []
        self._fields = self._text = self._memory = 0
        self._ended = False
        self._name = self._value = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._field: tuple[str, bytearray] | None = None
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise HTTPError(400, "the form has no boundary in its Content-Type")
        try:
            self._parser = MultipartParser(boundary, cast("MultipartCallbacks", self._callbacks()))
        except FormParserError as error:
            raise HTTPError(400, f"the form is malformed: {error}") from None

    @property
    def on_disk(self) -> bool:
        """True once pieces may be written to disk, which takes a moment."""
        return self._memory > _MEMORY

    def feed(self, data: bytes) -> None:
        """Read a piece."""
        try:
            self._parser.write(data)
        except self._malformed as error:
            self.close()
            raise HTTPError(400, f"the form is malformed: {error}") from None
        except BaseException:
            self.close()
            raise

    def finish(self) -> FormData:
        """Return the fields and files, once all pieces are read."""
        if not self._ended:
            self.close()
            raise HTTPError(400, "the form is malformed: it has no end")
        for upload in self._files:
            upload.file.seek(0)
        return FormData(self._items)

    def close(self) -> None:
        """Close the files, which deletes them."""
        for upload in self._files:
            upload.file.close()

    def _callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._headers.clear,
            "on_header_field": self._extend_name,
            "on_header_value": self._extend_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_part,
            "on_part_data": self._extend_part,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def _extend_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _extend_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers.append((self._name.lower(), self._value))
        self._name = self._value = b""

    def _begin_part(self) -> None:
        disposition = dict(self._headers).get(b"content-disposition", b"")
        kind, options = self._parse_options(disposition.decode("latin-1"))
        if kind != b"form-data" or b"name" not in options:
            raise self._malformed("a part has no name in its Content-Disposition")
        name = self._decode(options[b"name"])
        if b"filename" not in options:
            self._fields += 1
            self._limits.check(fields=self._fields)
            self._field = (name, bytearray())
            return
        self._limits.check(files=len(self._files) + 1)
        # Not by its own limit: the files of one form share theirs.
        file = cast("BinaryIO", SpooledTemporaryFile(max_size=0))  # noqa: SIM115
        filename = self._decode(options[b"filename"])
        upload = self._upload(
            file, size=0, filename=filename, headers=Headers(raw=[*self._headers])
        )
        self._files.append(upload)
        self._items.append((name, upload))

    def _extend_part(self, data: bytes, start: int, end: int) -> None:
        size = end - start
        if self._field is not None:
            value = self._field[1]
            self._text += size
            self._limits.check(size=len(value) + size, total=self._text)
            value += data[start:end]
            return
        upload = self._files[-1]
        assert upload.size is not None
        spooled = cast("SpooledTemporaryFile[bytes]", upload.file)
        self._memory += size
        if self._memory > _MEMORY and upload.size + size > _SMALL_FILE:
            spooled.rollover()
        spooled.write(data[start:end])
        upload.size += size

    def _end_part(self) -> None:
        if self._field is not None:
            name, value = self._field
            self._items.append((name, self._decode(bytes(value))))
            self._field = None

    def _end(self) -> None:
        self._ended = True

    def _decode(self, text: bytes) -> str:
        try:
            return text.decode()
        except UnicodeDecodeError:
            raise self._malformed("it is not UTF-8") from None
